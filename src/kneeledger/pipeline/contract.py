"""The machine-readable contract: what ``--format json`` prints, kept stable and documented in the README.

Keys are SI with the unit in the name; unknown is null; a null block has its reason beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from kneeledger.model import AltitudeSource, DownhillModel, Entry, Finding, Track, Value, Way

__all__ = ["activity", "finding", "findings"]


def activity(track: Track, entry: Entry, *, name: str | None = None) -> dict[str, Any]:
    """One activity as a JSON object."""
    about, metrics = track.about, entry.metrics
    value = {key: one.value for key, one in metrics.items()}
    return {
        "id": name,
        "sport": about.sport,
        "sub_sport": about.sub_sport,
        "start": about.start.isoformat().replace("+00:00", "Z"),
        "utc_offset_s": about.utc_offset_s,
        "utc_offset_how": about.utc_offset_how,
        "duration_s": value.get("timer_s"),
        "elapsed_s": value.get("elapsed_s"),
        "timer_s": value.get("timer_s"),
        "moving_s": value.get("moving_s"),
        "distance_m": value.get("distance_m"),
        "ascent_m": value.get("ascent_m"),
        "descent_m": value.get("descent_m"),
        "descent_low_m": metrics["descent_m"].low,
        "descent_high_m": metrics["descent_m"].high,
        "altitude_source": about.altitude_source.value,
        "device": about.device,
        "format": about.format,
        "decoder": about.decoder,
        "indoor": about.indoor,
        "virtual": about.virtual,
        "by_hand": about.by_hand,
        "cadence": _cadence(track, value),
        "downhill": _downhill(track, entry),
        "knee_load": _knee_load(track, entry),
        "decomposition": _decomposition(value),
        "issues": [asdict(issue) for issue in entry.issues],
        "path": about.path,
    }


def _cadence(track: Track, value: Mapping[str, float | None]) -> dict[str, Any]:
    choice = track.about.cadence
    walking = track.about.sport in ("walking", "hiking")
    names = (
        ("cadence_ride_median_rpm",)
        if choice.unit == "rpm"
        else ("cadence_walk_median_spm", "cadence_run_median_spm")
        if walking
        else ("cadence_run_median_spm", "cadence_walk_median_spm")
    )
    median = next((value[name] for name in names if value.get(name) is not None), None)
    return {
        "median": median,
        "unit": choice.unit,
        "multiplier": choice.multiplier,
        "field": choice.field,
        "reason": choice.reason,
        "steps": value.get("steps"),
        "drift_pct": value.get("cadence_drift_pct"),
    }


def _downhill(track: Track, entry: Entry) -> dict[str, Any]:
    source = track.about.altitude_source
    bands = entry.tables.get("bands")
    reason = None
    if bands is None or bands.is_empty():
        bands = None
        reason = REASONS.get(source, "There is no track to tell grade from.")
    excess = {model.value: _value(entry, f"excess_knee_load_{model}_bw_s") for model in DownhillModel}
    return {
        "bands": None if bands is None else bands.to_dicts(),
        "reason": reason,
        "excess_knee_load_bw_s": excess,
        "descents": entry.tables.get("descents", pl.DataFrame()).to_dicts(),
    }


REASONS = {
    AltitudeSource.GPS: "Altitude is from GPS only: too noisy for grade bands.",
    AltitudeSource.UNKNOWN: "Where the altitude comes from is not known.",
    AltitudeSource.VIRTUAL: "The altitude is virtual.",
    AltitudeSource.UNUSABLE: "The altitude is not usable.",
    AltitudeSource.NONE: "There is no altitude in the file.",
}


def _knee_load(track: Track, entry: Entry) -> dict[str, Any]:
    names = {
        "linear_bw_s": "knee_load_linear_bw_s",
        "easy_minutes": "knee_load_easy_minutes",
        "peak_weighted_steps": "knee_load_peak_weighted_steps",
    }
    out: dict[str, Any] = {key: _interval(entry.metrics.get(name)) for key, name in names.items()}
    out["interval"] = 0.90
    out["downhill_model"] = track.downhill.value
    out["by_downhill_model"] = {m.value: _value(entry, f"knee_load_{m}_bw_s") for m in DownhillModel}
    out["by_way"] = {way.value: _value(entry, f"knee_load_{way}_bw_s") for way in Way if way is not Way.OTHER}
    out["extrapolated_share"] = _value(entry, "extrapolated_share")
    out["evidence"] = "modelled"
    return out


def _decomposition(value: Mapping[str, float | None]) -> dict[str, float | None]:
    parts = ("duration", "pace", "cadence", "downhill", "uphill", "walking", "cycling")
    return {part: value.get(f"load_{part}_bw_s") for part in parts}


def _interval(value: Value | None) -> dict[str, float | None]:
    return {
        "value": value.value if value else None,
        "low": value.low if value else None,
        "high": value.high if value else None,
    }


def _value(entry: Entry, name: str) -> float | None:
    one = entry.metrics.get(name)
    return one.value if one else None


def finding(one: Finding) -> dict[str, Any]:
    """One finding as a JSON object."""
    return {
        "code": one.code,
        "severity": one.severity.value,
        "date": one.date.isoformat(),
        "activity": one.activity,
        "measure": one.measure,
        "value": one.value,
        "reference": one.reference,
        "ratio": one.ratio,
        "low": one.low,
        "high": one.high,
        "text": one.text,
        "why": one.why,
        "evidence": one.evidence.value,
        "sources": list(one.sources),
        "holds_under": [model.value for model in one.holds_under],
        "cause": one.cause,
    }


def findings(found: Sequence[Finding], as_of: Any) -> dict[str, Any]:
    """The contract of ``spikes --format json``."""
    return {"as_of": as_of.isoformat(), "findings": [finding(one) for one in found]}
