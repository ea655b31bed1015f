"""Entries to ledger rows and back: the one place that knows how a record becomes JSON."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date, datetime
from math import isfinite
from typing import Any

import polars as pl

from kneeledger import schema
from kneeledger.ledger.store import Written, microseconds
from kneeledger.local_time import local_day
from kneeledger.model import About, AltitudeSource, CadenceChoice, Entry, Issue, Recording, Way

__all__ = ["about_from_json", "about_json", "activity_id", "activity_row", "issues_from_json", "recording"]

WAY_OF_SPORT = {
    "running": Way.RUN,
    "walking": Way.WALK,
    "hiking": Way.WALK,
    "snowshoeing": Way.WALK,
    "mountaineering": Way.WALK,
    "cycling": Way.RIDE,
    "e_biking": Way.RIDE,
}
STORED_TABLES = ("bands", "descents", "stretches", "pedalling_stretches")
"""What is asked of many activities at once; the rest is made again from the stored track when a page asks."""


def activity_id(athlete: str, sha256: str, part: int) -> str:
    """Ledger id of an activity: the same content of the same athlete has the same id for ever."""
    return hashlib.sha256(f"{athlete}\0{sha256}\0{part}".encode()).hexdigest()[:12]


def day_of(about: About) -> date:
    """Local day of an activity."""
    return local_day(about.start, about.utc_offset_s)


def way_of(about: About) -> Way:
    """Way of moving of the activity as a whole: by its sport."""
    return WAY_OF_SPORT.get(about.sport, Way.OTHER)


def activity_row(
    athlete: str,
    entry: Entry,
    *,
    freshness: str,
    segment: str,
    context: Mapping[str, str],
    pauses: pl.DataFrame,
) -> dict[str, Any]:
    """One row of the activities table, with its metrics and tables."""
    about = entry.about
    stored = {name: entry.tables.lists(name) for name in STORED_TABLES if name in entry.tables}
    tables = {name: _columns_json(columns) for name, columns in stored.items() if any(columns.values())}
    if entry.sums:
        tables["sums"] = _columns_json(entry.sums)
    return {
        "id": activity_id(athlete, about.sha256, about.part),
        "athlete": athlete,
        "path": about.path,
        "sha256": about.sha256,
        "part": about.part,
        "start_us": microseconds(about.start),
        "end_us": microseconds(about.end),
        "utc_offset_s": about.utc_offset_s,
        "day": day_of(about).isoformat(),
        "sport": about.sport,
        "way": way_of(about).value,
        "device_serial": about.device_serial,
        "by_hand": int(about.by_hand),
        "duplicate_of": None,
        "freshness": freshness,
        "segment": segment,
        "about": about_json(about),
        "context": _facts_json(dict(context)),
        "laps": _columns_json(entry.tables.lists("laps")) if "laps" in entry.tables else "{}",
        "pauses": _columns_json(pauses.to_dict(as_series=False)),
        "issues": issues_json(entry.issues),
        "metrics": [(name, v.value, v.low, v.high) for name, v in entry.metrics.items()],
        "tables": tables,
    }


def about_json(about: About) -> str:
    """The facts of an activity as JSON."""
    data = {name: getattr(about, name) for name in _ABOUT}
    data["start"], data["end"] = about.start.isoformat(), about.end.isoformat()
    data["cadence"] = asdict(about.cadence)
    data["facts"] = {name: _plain(value) for name, value in about.facts.items()}
    return _facts_json(data)


_ABOUT = tuple(f.name for f in fields(About))
_encode_facts = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=str, allow_nan=False).encode
_encode_columns = json.JSONEncoder(default=str, separators=(",", ":"), allow_nan=False).encode


def _facts_json(data: Mapping[str, Any]) -> str:
    try:
        return _encode_facts(data)
    except ValueError:
        return _encode_facts(_without_nan(data))


def _columns_json(columns: Mapping[str, Any]) -> str:
    """A small table as JSON columns, or sums by name; null where unknown."""
    try:
        return _encode_columns(columns)
    except ValueError:
        return _encode_columns(_without_nan(columns))


def _without_nan(value: Any) -> Any:
    """The same with None for numbers that are none: JSON has no word for them, and a reader refuses the whole text."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return value


def issues_json(issues: Iterable[Issue]) -> str:
    """What was found and repaired, as JSON."""
    return json.dumps([asdict(issue) for issue in issues], ensure_ascii=False)


def _plain(value: object) -> object:
    return value.to_dicts() if isinstance(value, pl.DataFrame) else value


def about_from_json(text: str) -> About:
    """The facts again."""
    data = json.loads(text)
    data["start"] = datetime.fromisoformat(data["start"])
    data["end"] = datetime.fromisoformat(data["end"])
    data["cadence"] = CadenceChoice(**data["cadence"])
    data["altitude_source"] = AltitudeSource(data["altitude_source"])
    return About(**data)


def issues_from_json(text: str) -> tuple[Issue, ...]:
    """Issues again."""
    return tuple(Issue(**one) for one in json.loads(text))


def context_from_json(text: str) -> dict[str, str]:
    """What the export said beside the file."""
    return dict(json.loads(text))


def recording(kept: Written, records: pl.DataFrame | None) -> Recording:
    """A recording as it was before preparation, from what the ledger kept; no `records` where it is totals only."""
    measured, _ = schema.conform(pl.DataFrame() if records is None else records, schema.RECORDS)
    return Recording(
        about=about_from_json(kept.about),
        records=measured,
        laps=_small(kept.laps, schema.LAPS),
        pauses=_small(kept.pauses, schema.PAUSES),
        extra=pl.DataFrame(),
        issues=issues_from_json(kept.read_issues),
    )


def _small(text: str, declared: schema.Schema) -> pl.DataFrame:
    columns = json.loads(text)
    if not columns:
        return schema.empty(declared)
    frame = pl.DataFrame(columns, infer_schema_length=None)
    times = [
        name for name, column in declared.items() if column.dtype == schema.TIME and name in frame.columns
    ]
    frame = frame.with_columns(
        pl.col(name).cast(pl.String).str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
        for name in times
    )
    return schema.conform(frame, declared)[0]
