"""Polar Flow's account export: one JSON a training session, in two generations.

The newer files have streams with an interval (``samples.samples[]``) and a route with its own start; the older ones
have a list of dated values for each quantity. Both come with local times without a zone and the offset beside them.
The files are not strict JSON (a missing sample is the bare word ``NaN``), ``laps`` may be an object, and several exercises
in one session are one multisport activity: each becomes a draft. The stream of speed is in km/h; cadence of a
run counts one leg, which is for the step rule to decide and not for this room. Streams of unequal length and
interval are joined on the second, the route's points are joined to the nearest.
Instead of: asking for the TCX of each session from the web, one by one.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import schema
from kneeledger.errors import CorruptFileError, EmptyActivityError, LimitError
from kneeledger.exports.layout import folder_of, parsable, possible_start, recording_like, sport, storable
from kneeledger.model import Draft, FloatArray, Issue, Source
from kneeledger.sources import Entry, Found, Listing, Verdict

__all__ = ["claims", "drafts", "guides"]

SESSION = re.compile(r"training-session-.*\.json$", re.IGNORECASE)
OTHERS = re.compile(
    r"^(activity|247ohr|sleep|nightly|training-target|planned-route|fitness-test|calendar-items|account-|sport-profiles"
    r"|products-devices|programs|generic-period|ppi|user-|favou?rite|jump-test|orthostatic|rr-recording|247)[-_a-z]",
    re.IGNORECASE,
)
COLUMN_OF = {
    "HEART_RATE": "heart_rate_bpm",
    "SPEED": "speed_mps",
    "ALTITUDE": "altitude_m",
    "DISTANCE": "distance_m",
    "CADENCE": "cadence:cadence",
    "TEMPERATURE": "temperature_c",
    "POWER": "power_w",
    "heartRate": "heart_rate_bpm",
    "speed": "speed_mps",
    "altitude": "altitude_m",
    "distance": "distance_m",
    "cadence": "cadence:cadence",
    "temperature": "temperature_c",
}
FACTOR = {"speed_mps": 1 / 3.6}
SPORT_NUMBERS = {
    "1": "running",
    "2": "cycling",
    "3": "walking",
    "11": "hiking",
    "17": "running",
    "27": "running",
}
"""Ids of Polar's sport list that are certain enough to name a way of moving; all others are unknown."""
DAY_S = 86_400
LONGEST_S = 31 * DAY_S
"""Values further from the start than this are of no training session. [s]"""
MAX_EXERCISES = 200
"""Of one session: each becomes an activity; a triathlon has five with its transitions."""
MAX_STREAMS = 200
"""Of one exercise; there are some fifteen kinds."""
MAX_RECORDS = 1_000_000
"""Of one session, as many as of a FIT file."""


MARKS = ("training-session",)


def guides(listing: Listing) -> Iterator[tuple[str, "Polar"]]:
    """A guide for each folder with training sessions."""
    roots = {folder_of(name) for name in listing.entries if SESSION.match(name.rpartition("/")[2])}
    for root in sorted(roots):
        yield root, Polar(root)


@dataclass(frozen=True, slots=True)
class Polar:
    """One export."""

    root: str

    def verdict(self, name: str) -> Verdict | None:
        """Training sessions by us; daily, sleep and account data unopened."""
        last = name.rpartition("/")[2]
        if SESSION.match(last):
            return Verdict(own=True)
        if OTHERS.match(last) or not recording_like(name):
            return Verdict(kind="Polar daily and account data", reason="no activity, left unopened")
        return None

    def own(self, entry: Entry) -> Iterator[Found]:
        """A session as it is; `drafts` reads it."""
        yield entry.source(parsable(entry.read()), self.context(entry.name))

    def context(self, name: str) -> Mapping[str, str]:
        """The layout."""
        return {"layout": "polar"}


def claims(head: bytes) -> bool:
    """Whether the first bytes are those of a JSON object: all that can be said without reading it."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def drafts(source: Source) -> list[Draft]:
    """One draft for each exercise of a training session.

    Raises
    ------
    CorruptFileError
        It is no JSON that can be read.
    EmptyActivityError
        It is no training session.
    LimitError
        It has more exercises, streams or seconds than any has.
    """
    try:
        session = json.loads(source.data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(source.path, "is no JSON that can be read") from error
    exercises = session.get("exercises") if isinstance(session, dict) else None
    found = [one for one in exercises if isinstance(one, dict)] if isinstance(exercises, list) else []
    if not found:
        raise EmptyActivityError(source.path, "holds no exercise of a training session")
    if len(found) > MAX_EXERCISES:
        raise LimitError(source.path, f"it has more than {MAX_EXERCISES} exercises")
    if any(len(_listed(one.get("samples"))) > MAX_STREAMS for one in found):
        raise LimitError(source.path, f"it has more than {MAX_STREAMS} streams of samples in an exercise")
    made: list[Draft] = []
    for one in found:
        made.append(_draft(one, session))
        if sum(draft.records.height for draft in made) > MAX_RECORDS:
            raise LimitError(source.path, f"it has more than {MAX_RECORDS:,} records, eleven days of seconds")
    return made


def _draft(exercise: Mapping[str, Any], session: Mapping[str, Any]) -> Draft:
    offset = _offset_s(exercise, session)
    start = _moment(exercise.get("startTime"), offset) or _moment(session.get("startTime"), offset)
    word = _sport(exercise)
    samples = exercise.get("samples")
    streams = list(_streams(samples if isinstance(samples, dict) else {}, start, offset))
    route = _route(exercise, start, offset)
    records = _records(streams, route, start)
    duration = _duration_s(exercise.get("duration", session.get("duration")))
    facts: dict[str, object] = {"creator": "Polar Flow"}
    if offset is not None:
        facts["time_zone_offset_s"] = offset
    if isinstance(session.get("name"), str) and session["name"]:
        facts["name"] = storable(session["name"])
    device = session.get("deviceId")
    row = {
        "start": start,
        "elapsed_s": duration,
        "timer_s": duration,
        "distance_m": _finite(exercise.get("distance", session.get("distance"))),
        "ascent_m": _finite(exercise.get("ascent")),
        "descent_m": _finite(exercise.get("descent")),
        "sport": word,
    }
    sessions, _ = schema.conform(
        pl.DataFrame([row], schema_overrides={"start": schema.TIME}), schema.SESSIONS
    )
    return Draft(
        format="polar",
        decoder="kneeledger",
        records=records,
        sessions=sessions,
        laps=schema.empty(schema.LAPS),
        events=schema.empty(schema.EVENTS),
        sport=word,
        sub_sport=None,
        device="Polar",
        device_serial=storable(device) if isinstance(device, str) else None,
        facts=facts,
        issues=() if start else (Issue("no_start", 1, "The training session does not say when it began."),),
    )


def _sport(exercise: Mapping[str, Any]) -> str:
    told = exercise.get("sport")
    if isinstance(told, dict):
        return SPORT_NUMBERS.get(str(told.get("id")), "unknown")
    return sport(str(told or ""))


def _offset_s(*told: Mapping[str, Any]) -> int | None:
    for one in told:
        for key in ("timezoneOffsetMinutes", "timezoneOffset"):
            minutes = _finite(one.get(key))
            if minutes is not None and abs(minutes) <= 15 * 60:
                return round(minutes * 60)
    return None


def _moment(text: object, offset_s: int | None) -> datetime | None:
    """A local time as UTC; without an offset it is taken as it stands."""
    if not isinstance(text, str):
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        if told.tzinfo is not None:
            return possible_start(told.astimezone(UTC))
        return possible_start(told.replace(tzinfo=UTC) - timedelta(seconds=offset_s or 0))
    except OverflowError:
        return None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value) if abs(value) < 1e15 else math.nan
    return number if math.isfinite(number) else None


def _duration_s(value: object) -> float | None:
    """``PT1H2M3.5S``, or milliseconds in newer files. [s]"""
    if isinstance(value, str):
        found = re.fullmatch(
            r"P(?:(\d{1,4})D)?T?(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?", value
        )
        if not found:
            return None
        days, hours, minutes, rest = (float(part or 0) for part in found.groups())
        told = days * DAY_S + hours * 3600 + minutes * 60 + rest
    else:
        number = _finite(value)
        told = math.nan if number is None else number / 1000
    return told if 0 <= told <= LONGEST_S else None


@dataclass(frozen=True, slots=True)
class _Stream:
    """Values of one column at seconds after the start; both of shape (n,)."""

    column: str
    at_s: FloatArray
    values: FloatArray


def _streams(samples: Mapping[str, Any], start: datetime | None, offset: int | None) -> Iterator[_Stream]:
    for one in _listed(samples):
        column = COLUMN_OF.get(str(one.get("type"))) if isinstance(one, dict) else None
        if column and isinstance(one.get("values"), list):
            step = (_finite(one.get("intervalMillis")) or 1000.0) / 1000
            values = _numbers(one["values"])
            yield _scaled(column, np.arange(values.size, dtype=np.float64) * step, values)
    for name, points in samples.items():
        if name in COLUMN_OF and isinstance(points, list):
            dated = [p for p in points if isinstance(p, dict)]
            at = _seconds([p.get("dateTime") for p in dated], start, offset)
            yield _scaled(COLUMN_OF[name], at, _numbers([p.get("value") for p in dated]))


def _listed(samples: object) -> list[Any]:
    """The streams of the newer generation."""
    listed = samples.get("samples") if isinstance(samples, dict) else None
    return listed if isinstance(listed, list) else []


def _scaled(column: str, at_s: FloatArray, values: FloatArray) -> _Stream:
    return _Stream(column, at_s, values * FACTOR.get(column, 1.0))


def _numbers(values: Sequence[object]) -> FloatArray:
    return np.array([math.nan if (v := _finite(one)) is None else v for one in values], dtype=np.float64)


def _seconds(texts: Sequence[object], start: datetime | None, offset: int | None) -> FloatArray:
    found = np.full(len(texts), math.nan)
    for place, text in enumerate(texts):
        moment = _moment(text, offset)
        if moment is not None and start is not None:
            found[place] = (moment - start).total_seconds()
    return found


def _route(exercise: Mapping[str, Any], start: datetime | None, offset: int | None) -> list[_Stream]:
    routes = exercise.get("routes")
    route = routes.get("route") if isinstance(routes, dict) else None
    points = route.get("wayPoints") if isinstance(route, dict) else None
    if isinstance(route, dict) and isinstance(points, list):
        told = [p for p in points if isinstance(p, dict)]
        own = _moment(route.get("startTime"), offset) or start
        shift = (own - start).total_seconds() if own and start else 0.0
        at = _numbers([p.get("elapsedMillis") for p in told]) / 1000 + shift
    else:
        samples = exercise.get("samples")
        points = samples.get("recordedRoute") if isinstance(samples, dict) else None
        told = [p for p in points if isinstance(p, dict)] if isinstance(points, list) else []
        at = _seconds([p.get("dateTime") for p in told], start, offset)
    names = {"latitude_deg": "latitude", "longitude_deg": "longitude", "altitude_m": "altitude"}
    return [_Stream(column, at, _numbers([p.get(name) for p in told])) for column, name in names.items()]


def _records(streams: list[_Stream], route: list[_Stream], start: datetime | None) -> pl.DataFrame:
    """One row a second in which any stream has a value, in order of time."""
    present = {stream.column for stream in streams if np.isfinite(stream.values).any()}
    used = streams + [one for one in route if one.column not in present]
    seconds = [np.floor(s.at_s[_usable(s)] + 0.5) for s in used]
    rows = np.unique(np.concatenate(seconds)) if seconds else np.zeros(0)
    columns: dict[str, pl.Series] = {}
    for stream in used:
        good = _usable(stream)
        cells = np.full(rows.size, math.nan)
        cells[np.searchsorted(rows, np.floor(stream.at_s[good] + 0.5))] = stream.values[good]
        columns[stream.column] = pl.Series(stream.column, cells, dtype=pl.Float64).fill_nan(None)
    micros = pl.Series("time", (rows * 1e6).astype(np.int64))
    time = pl.Series("time", [None] * rows.size, dtype=schema.TIME)
    if start is not None:
        began = round(start.timestamp() * 1e6)
        time = (micros + began).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    frame, _ = schema.conform(
        pl.DataFrame({"time": time, "segment": pl.Series([0] * rows.size, dtype=pl.Int32)} | columns),
        schema.RECORDS,
    )
    extra = [series for name, series in columns.items() if name not in schema.RECORDS]
    return frame.drop("cadence_spm", "cadence_rpm").with_columns(extra)


def _usable(stream: _Stream) -> npt.NDArray[np.bool_]:
    """Which values are there, at a time that a training session can have; shape (n,)."""
    with np.errstate(invalid="ignore"):
        return (np.abs(stream.at_s) <= LONGEST_S) & np.isfinite(stream.values)
