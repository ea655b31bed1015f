"""Entries to ledger rows and back: the one place that knows how a record becomes JSON."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from kneeledger import schema
from kneeledger.ledger.store import columns_json, microseconds
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


def local_day(start: datetime, utc_offset_s: int | None) -> date:
    """Calendar day at the athlete's clock; of UTC where the offset is unknown."""
    return (start + timedelta(seconds=utc_offset_s or 0)).date()


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
    tables = {name: columns_json(columns) for name, columns in stored.items() if any(columns.values())}
    if entry.sums:
        tables["sums"] = columns_json(entry.sums)
    return {
        "id": activity_id(athlete, about.sha256, about.part),
        "athlete": athlete,
        "path": about.path,
        "sha256": about.sha256,
        "part": about.part,
        "start_us": microseconds(about.start),
        "end_us": microseconds(about.end),
        "utc_offset_s": about.utc_offset_s,
        "day": local_day(about.start, about.utc_offset_s).isoformat(),
        "sport": about.sport,
        "way": way_of(about).value,
        "device_serial": about.device_serial,
        "by_hand": int(about.by_hand),
        "duplicate_of": None,
        "freshness": freshness,
        "segment": segment,
        "about": about_json(about),
        "context": _facts_json(dict(context)),
        "laps": columns_json(entry.tables.lists("laps")) if "laps" in entry.tables else "{}",
        "pauses": columns_json(pauses.to_dict(as_series=False)),
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
_facts_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=str).encode
_plain_json = json.JSONEncoder(ensure_ascii=False).encode


def issues_json(issues: Iterable[Issue]) -> str:
    """What was found and repaired, as JSON."""
    return _plain_json([asdict(issue) for issue in issues])


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


def recording(
    about: About, records: pl.DataFrame, laps: str, pauses: str, issues: tuple[Issue, ...]
) -> Recording:
    """A recording as it was before preparation, from what the ledger kept."""
    records, _ = schema.conform(records, schema.RECORDS)
    return Recording(
        about=about,
        records=records,
        laps=_small(laps, schema.LAPS),
        pauses=_small(pauses, schema.PAUSES),
        extra=pl.DataFrame(),
        issues=issues,
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
