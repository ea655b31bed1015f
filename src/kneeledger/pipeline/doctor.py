"""How a file was read: everything that was found, repaired and decided, in a page a person can read."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kneeledger import exports, plurals, schema, sources
from kneeledger.config import Config
from kneeledger.errors import EmptyActivityError, ReadError
from kneeledger.model import Recording, Source
from kneeledger.pipeline import settings
from kneeledger.pipeline.entries import entry, read
from kneeledger.readers import second_opinion

__all__ = ["as_text", "examine", "installation"]

PACKAGES = (
    "polars",
    "numpy",
    "matplotlib",
    "pandas",
    "lxml",
    "fitparse",
    "gpxpy",
    "click",
    "jinja2",
    "tzfpy",
)


def installation() -> dict[str, Any]:
    """Versions and folders of this installation."""
    found: dict[str, Any] = {
        "kneeledger": _version("kneeledger"),
        "python": platform.python_version(),
        "system": platform.system(),
        "ledger": str(settings.default_ledger()),
        "settings": str(settings.user_file()),
    }
    return found | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def examine(
    file: Path, *, second_opinion: bool = False, tz: str | None = None, config: Config | None = None
) -> dict[str, Any]:
    """The quality record of a file (or of everything in an archive). Never raises for a bad file."""
    config = config or settings.find({"tz": tz} if tz else {}, exports=[file])
    page: dict[str, Any] = {"file": str(file), "outcome": "skipped", "reason": "", "contents": []}
    for item in exports.sources([file]):
        if isinstance(item, Source):
            page["contents"].append(_source(item, config, second_opinion=second_opinion))
        elif isinstance(item, sources.Skipped):
            page["contents"].append(
                {
                    "path": item.path,
                    "outcome": "failed" if item.code in sources.FAILURES else "skipped",
                    "code": item.code,
                    "reason": item.reason,
                }
            )
        else:
            page["contents"].append(
                {"path": item.path, "outcome": "totals", "reason": f"{item.sport}: totals only, no recording"}
            )
    outcomes = [one["outcome"] for one in page["contents"]]
    for word in ("read", "failed", "totals", "skipped"):
        if word in outcomes:
            page["outcome"] = word
            break
    return page


def _source(source: Source, config: Config, *, second_opinion: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"path": source.path, "bytes": len(source.data), "sha256": source.sha256}
    try:
        recordings = read(source, tz=config["tz"] or None)
    except ReadError as error:
        reason = f"{error.why.rstrip('.')}. {error.hint}".strip()
        outcome = "skipped" if isinstance(error, EmptyActivityError) else "failed"
        told |= {"outcome": outcome, "code": error.slug, "reason": reason}
        recordings = []
    else:
        told |= {"outcome": "read", "activities": [_recording(one, config) for one in recordings]}
    if second_opinion:
        told["second_opinion"] = _second(source)
    return told


def _recording(recording: Recording, config: Config) -> dict[str, Any]:
    track, made = entry(recording, config)
    about, records = track.about, recording.records
    present = {
        name: round(1 - records[name].null_count() / records.height, 4)
        for name in schema.RECORDS
        if records.height and records[name].null_count() < records.height
    }
    return {
        "sport": about.sport,
        "sub_sport": about.sub_sport,
        "start": about.start.isoformat(),
        "records": records.height,
        "format": about.format,
        "decoder": about.decoder,
        "device": about.device,
        "time_zone": {"utc_offset_s": about.utc_offset_s, "how": about.utc_offset_how},
        "clocks": {
            "elapsed_s": about.elapsed_s,
            "timer_s": about.timer_s,
            "moving_s": made.metrics["moving_s"].value,
        },
        "distance_m": {"records": made.metrics["distance_m"].value, "device": about.device_distance_m},
        "altitude": {
            "source": about.altitude_source.value,
            "descent_m": made.metrics["descent_m"].value,
            "device_descent_m": about.device_descent_m,
        },
        "cadence": asdict(about.cadence),
        "pauses": recording.pauses.height,
        "fields": present,
        "extra_fields": list(recording.extra.columns),
        "issues": [asdict(issue) for issue in made.issues],
    }


def _second(source: Source) -> dict[str, Any]:
    try:
        return second_opinion.compare(source)
    except ReadError as error:
        return {"decoder": None, "reason": f"The second decoder cannot read it: {error.why}"}


def as_text(page: Mapping[str, Any]) -> str:
    """A quality record as plain text."""
    lines = [f"{page['file']}: {page['outcome']}"]
    for one in page["contents"]:
        if len(page["contents"]) > 1:
            lines.append(f"\n{one['path']}: {one['outcome']}")
        if one.get("reason"):
            lines.append(f"  {one['reason']}")
        for activity in one.get("activities", []):
            lines += _activity_lines(activity)
        if one.get("second_opinion"):
            lines += _second_lines(one["second_opinion"])
    return "\n".join(lines)


def _activity_lines(a: Mapping[str, Any]) -> list[str]:
    clocks, altitude, distance = a["clocks"], a["altitude"], a["distance_m"]
    fields = a["fields"].items()
    whole = [name for name, share in fields if share >= 0.9995 and name != "segment"]
    partly = [f"{name} ({100 * share:.0f} %)" for name, share in fields if share < 0.9995]
    rows = [
        ("Activity", " / ".join(filter(None, (a["sport"], a["sub_sport"])))),
        ("Start", _start(a["start"], a["time_zone"])),
        ("Read by", f"{a['decoder']}, from {a['format'].upper()}: {plurals.count(a['records'], 'record')}"),
        ("Device", a["device"] or "not named"),
        (
            "Clocks",
            (
                f"{_clock(clocks['elapsed_s'])} in all, {_clock(clocks['timer_s'])} with the timer running,"
                f" {_clock(clocks['moving_s'])} moving, {plurals.count(a['pauses'], 'pause')}"
            ),
        ),
        ("Distance", _beside(distance["records"], distance["device"])),
        ("Altitude", ALTITUDE.get(altitude["source"], altitude["source"])),
        ("Descent", _beside(altitude["descent_m"], altitude["device_descent_m"])),
        ("Cadence", _cadence(a["cadence"])),
        ("Complete", ", ".join(whole) or "nothing"),
    ]
    if partly:
        rows.append(("In part", ", ".join(partly)))
    if a["extra_fields"]:
        rows.append(("Also", ", ".join(a["extra_fields"])))
    lines = ["", *(f"  {label:<10} {text}" for label, text in rows)]
    lines.append("  Repairs and doubts:" if a["issues"] else "  Nothing was repaired.")
    lines += [f"    - {issue['text']} [{issue['code']}{_times(issue['count'])}]" for issue in a["issues"]]
    return lines


ALTITUDE = {
    "barometric": "from a barometer",
    "gps": "from satellites: too rough for grade",
    "corrected": "corrected by the service that wrote the file",
    "terrain": "from a terrain model",
    "virtual": "made up by a virtual ride: never counted as descent",
    "unusable": "there, but not usable",
    "unknown": "of unknown origin",
    "none": "not in the file",
}
"""Where the altitude comes from, in words."""
HOW = {
    "file": "as the file says",
    "config": "as given in the settings",
    "position": "from where it was",
    "longitude": "estimated from the longitude",
}
"""How the offset from UTC is known, in words."""


def _start(start: str, zone: Mapping[str, Any]) -> str:
    """Local start with its offset and how that is known; UTC where it is not."""
    moment, offset = datetime.fromisoformat(start), zone["utc_offset_s"]
    if offset is None:
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC; the local time is not known, give it with --tz"
    local = moment + timedelta(seconds=offset)
    return f"{local:%Y-%m-%d %H:%M:%S} local time, {_offset(offset)} ({HOW.get(zone['how'], zone['how'])})"


def _cadence(choice: Mapping[str, Any]) -> str:
    """Which field, its factor, and why."""
    if not choice["field"]:
        return f"none: {choice['reason']}"
    name = choice["field"].partition(":")[2]
    reason = choice["reason"].removeprefix(f"{name}: ")
    unit = "steps/min" if choice["unit"] == "spm" else "turns/min"
    return f"{name} × {choice['multiplier']} = {unit}; {reason}"


def _beside(ours: float | None, device: float | None) -> str:
    """Our figure and the device's."""
    by_device = f"; the device says {_number(device, 'm')}" if device is not None else ""
    return f"{_number(ours, 'm')}{by_device}"


def _clock(seconds: float | None) -> str:
    """``1:02:03``."""
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _times(count: int) -> str:
    return f", {count:,} ×" if count != 1 else ""


def _second_lines(second: Mapping[str, Any]) -> list[str]:
    if second.get("reason"):
        return [f"  Second opinion: {second['reason']}"]
    lines = [f"  Second opinion by {second['decoder']}: {second['rows']} records, ours {second['our_rows']}"]
    lines += [
        f"    {row['field']:<26} {row['equal']} of {row['compared']} equal"
        + (f", largest difference {row['largest']:.6g}" if row["largest"] else "")
        for row in second["fields"]
    ]
    return lines


def _offset(seconds: int) -> str:
    """``UTC-02:00``."""
    hours, rest = divmod(abs(seconds) // 60, 60)
    return f"UTC{'-' if seconds < 0 else '+'}{hours:02d}:{rest:02d}"


def _number(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:,.0f} {unit}"


def agreement(fields: Sequence[Mapping[str, Any]]) -> float | None:
    """Share of compared cells that are equal; None where nothing was compared."""
    compared = sum(row["compared"] for row in fields)
    return sum(row["equal"] for row in fields) / compared if compared else None
