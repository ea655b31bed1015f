"""From FIT messages to drafts: which parts are activities, and their columns in the names of `schema`.

One chained file gives one draft, a multisport file one draft with several session rows: taking legs apart
needs the pauses and is mending's work. A file without records keeps the totals of its session message,
because a swim or a strength hour typed in by hand still counts for the day. What is no activity is refused
with the kind it is, so that an export's thousands of monitoring files become one line. Units change here and
nowhere else; nothing is repaired. Both decoders hand over frames with profile names, and everything below
them is shared, so that a difference between two drafts is a difference between two decoders. Only records come
as a frame; of other kinds a file has a handful, and a frame of a handful costs more than its values.
Instead of: a second mapping for fitparse, which would hide whose fault a difference is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import plurals, schema
from kneeledger.errors import EmptyActivityError, LimitError
from kneeledger.mending.rows import as_floats
from kneeledger.model import Draft, FloatArray, Issue, Source
from kneeledger.readers import fit, fit_clock, fit_second
from kneeledger.readers.fit_columns import UTC_TIME, PartTables
from kneeledger.readers.fit_profile import message_number

__all__ = ["Tables", "drafts"]

ACTIVITY, COURSE = "activity", "course"
UNIX, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
SEMICIRCLE_DEG = 180.0 / 2**31
MIN_RECORDS = 10
MAX_RECORDS = 1_000_000
"""Of one file. A definition without fields makes a record of every byte, and each costs 350 in memory."""
MAX_ROWS = 100_000
"""Of one file, of each kind of message that is read row by row; the richest real file has 857 events."""
MAX_SESSIONS = 2_000
"""Of one file: each can become an activity; as many as a GPX or TCX may have."""
BY_ROW = (
    "session", "lap", "event", "device_info", "set", "file_id", "sport", "activity", "user_profile", "course",
    "field_description", "timestamp_correlation",
)  # fmt: skip
RECORD = message_number("record")
"""A file that does not say what it is counts as an activity above this many timed records."""

_MEASURED = {
    "heart_rate_bpm": ("heart_rate", 1.0),
    "power_w": ("power", 1.0),
    "temperature_c": ("temperature", 1.0),
    "distance_m": ("distance", 1.0),
    "latitude_deg": ("position_lat", SEMICIRCLE_DEG),
    "longitude_deg": ("position_long", SEMICIRCLE_DEG),
    "stance_time_s": ("stance_time", 1e-3),
    "vertical_oscillation_mm": ("vertical_oscillation", 1.0),
    "step_length_mm": ("step_length", 1.0),
    "vertical_ratio_pct": ("vertical_ratio", 1.0),
    "stance_time_balance_pct": ("stance_time_balance", 1.0),
}
"""Column, the FIT field it comes from, and what brings it to our unit."""
_EITHER = {"altitude_m": ("enhanced_altitude", "altitude"), "speed_mps": ("enhanced_speed", "speed")}
"""Column, and the fields to take it from: the first that is given."""
_CADENCE = ("cadence", "fractional_cadence", "cadence256")
WANTED = frozenset(
    {"timestamp", "grade", *_CADENCE}
    | {field for field, _ in _MEASURED.values()}
    | {field for fields in _EITHER.values() for field in fields}
)
"""Native record fields that a draft needs."""


Raw = Mapping[str, FloatArray | pl.Series]
"""Columns by name: plain numbers as floats with NaN where not given, or whatever they are as a series."""


class Tables(Protocol):
    """What both decoders give for one FIT file of a chain."""

    def frame(self, kind: str, columns: Callable[[str], bool] | None = None) -> pl.DataFrame:
        """Messages of a kind with profile names, no columns where there are none."""

    def numbers(self, kind: str, columns: Callable[[str], bool]) -> Raw:
        """Some columns of a kind by name, as they come cheapest."""

    def rows_of(self, kind: str, columns: frozenset[str] | None = None) -> list[dict[str, Any]]:
        """The same as mappings, with these columns or all."""


class _Own:
    """Our own decoder's tables of one FIT file of a chain."""

    def __init__(self, tables: PartTables) -> None:
        self._tables = tables

    def frame(self, kind: str, columns: Callable[[str], bool] | None = None) -> pl.DataFrame:
        table = self._tables.table(message_number(kind))
        return table.frame(None if columns is None else [name for name in table.names if columns(name)])

    def numbers(self, kind: str, columns: Callable[[str], bool]) -> Raw:
        table = self._tables.table(message_number(kind))
        return table.numbers([name for name in table.names if columns(name)])

    def rows_of(self, kind: str, columns: frozenset[str] | None = None) -> list[dict[str, Any]]:
        number = message_number(kind)
        if not self._tables.has(number):
            return []
        table = self._tables.table(number)
        return table.frame().to_dicts() if columns is None else table.rows(columns)


def _bound(path: str, kind: str, count: int) -> None:
    """Refuse a file with so many messages of a kind.

    Raises
    ------
    LimitError
        They are more than any watch writes.
    """
    if kind == "record" and count > MAX_RECORDS:
        raise LimitError(path, f"it has more than {MAX_RECORDS:,} records, eleven days of seconds")
    most = MAX_SESSIONS if kind == "session" else MAX_ROWS
    if kind in BY_ROW and count > most:
        raise LimitError(path, f"it has more than {most:,} messages of the kind {kind}")


def drafts(source: Source, *, decoder: str) -> list[Draft]:
    """One draft for each FIT file of the chain that is an activity, or a course.

    Raises
    ------
    EmptyActivityError
        None of them is.
    ReadError
        The bytes could not be read at all.
    """
    if decoder == "kneeledger":
        opened = fit.decode(source.data, path=source.path)
        for kind in ("record", *BY_ROW):
            _bound(source.path, kind, opened.numbers.get(message_number(kind), 0))
        parts: list[Tables] = [_Own(tables) for tables in opened.tables]
        issues = opened.issues
        beyond = sum(tables.table(RECORD).left_out for tables in opened.tables)
        if beyond:
            kinds = plurals.count(
                beyond, "developer field of the records is", "developer fields of the records are"
            )
            text = f"{kinds} more than can be kept; left out."
            issues = (*issues, Issue("too_many_fields", beyond, text))
    elif decoder == "fitparse":
        parts, issues = fit_second.decode(source.data, path=source.path, bound=partial(_bound, source.path))
    else:
        raise ValueError(f"no such decoder: {decoder}")
    found: list[Draft] = []
    reasons: list[str] = []
    for part in parts:
        made = _draft(part, issues, decoder)
        if isinstance(made, Draft):
            found.append(made)
        else:
            reasons.append(made)
    if not found:
        raise EmptyActivityError(source.path, reasons[0] if reasons else "nothing is recorded in it")
    return found


def _draft(tables: Tables, issues: tuple[Issue, ...], decoder: str) -> Draft | str:
    """The draft of one FIT file, or the reason why it is no activity."""
    identity = _first(tables.rows_of("file_id", IDENTITY))
    kind = identity.get("type")
    if kind not in (None, ACTIVITY, COURSE):
        return f"no activity: {_kind_words(kind)}"
    raw = tables.numbers("record", _of_records)
    sessions = _renamed(tables.rows_of("session", SESSION.fields), SESSION)
    if kind is None and _timed(raw) <= MIN_RECORDS:
        return "it does not say what it is, and holds too few records to be an activity"
    if not _height(raw) and (sessions.is_empty() or kind == COURSE):
        return "no records and no totals are in it"
    of_sport = _first(tables.rows_of("sport", SPORT))
    sensors = tables.rows_of("device_info", SENSORS)
    sport, sub_sport = _sport(of_sport, sessions)
    records, more = _records(raw, sub_sport)
    facts = _facts(tables, identity, of_sport, sensors, one_session=sessions.height < 2)
    if kind == COURSE:
        facts["planned"] = True
    made = Draft(
        format="fit",
        decoder=decoder,
        records=records,
        sessions=sessions,
        laps=_renamed(tables.rows_of("lap", LAP.fields), LAP),
        events=_renamed(tables.rows_of("event", EVENT.fields), EVENT),
        sport=sport,
        sub_sport=sub_sport,
        device=_device(identity, sensors),
        device_serial=_text(identity.get("serial_number")),
        facts=facts,
        issues=(*issues, *more),
    )
    return fit_clock.dated(made, tables)


def _of_records(name: str) -> bool:
    """Whether a draft needs this field of a record."""
    return name in WANTED or name.startswith("dev:")


def _kind_words(kind: object) -> str:
    """A word for `file_id.type`, for a sentence."""
    words = str(kind).replace("_", " ")
    return f"a file of kind {words}" if words.isdigit() else f"a {words} file"


def _timed(raw: Raw) -> int:
    """How many records carry a time stamp and something that was measured on the way."""
    measured = [
        raw[name]
        for name in ("position_lat", "distance", "enhanced_speed", "speed", "cadence")
        if name in raw
    ]
    if "timestamp" not in raw or not measured:
        return 0
    some = np.logical_or.reduce([_known(column) for column in measured])
    return int(np.count_nonzero(_known(raw["timestamp"]) & some))


def _known(column: FloatArray | pl.Series) -> npt.NDArray[np.bool_]:
    return column.is_not_null().to_numpy() if isinstance(column, pl.Series) else ~np.isnan(column)


def _records(raw: Raw, sub_sport: str | None) -> tuple[pl.DataFrame, list[Issue]]:
    """Records in our names and units, and what had to be taken apart."""
    found: dict[str, FloatArray | pl.Series] = {}
    lists: list[str] = []

    def number(name: str) -> FloatArray | None:
        column = raw.get(name)
        return _floats(column, lists) if isinstance(column, pl.Series) else column

    found["time"] = _moment(raw)
    for column, (field, factor) in _MEASURED.items():
        values = number(field)
        if values is not None:
            found[column] = values * factor if factor != 1.0 else values
    for column, fields in _EITHER.items():
        given = [values for field in fields if (values := number(field)) is not None]
        if given:
            best, *others = given
            for other in others:
                best = np.where(np.isnan(best), other, best)
            found[column] = best
    cadence, fraction = number("cadence"), number("fractional_cadence")
    if cadence is not None:
        found["cadence:cadence"] = cadence if fraction is None else cadence + np.nan_to_num(fraction)
    fine = number("cadence256")
    if fine is not None:
        found["cadence:cadence256"] = fine
    grade = number("grade")
    if grade is not None and sub_sport == "treadmill":
        found["incline"] = grade / 100.0
    found |= {name: _developer(raw[name], lists) for name in raw if name.startswith("dev:")}
    known = {name: found.pop(name) for name in schema.RECORDS if name in found}
    frame = schema.framed([_series(name, values) for name, values in (known | found).items()])
    text = f"Fields with several values a record ({', '.join(lists)}): the first was taken."
    return frame, [Issue("list_field", len(lists), text)] if lists else []


def _series(name: str, values: FloatArray | pl.Series) -> pl.Series:
    if isinstance(values, pl.Series):
        return values if values.name == name else values.alias(name)
    return pl.Series(name, values, nan_to_null=True)


def _floats(series: pl.Series, lists: list[str]) -> FloatArray:
    """A column as floats, NaN where it gives none, the first of a list; those that were lists are noted."""
    if isinstance(series.dtype, pl.List):
        lists.append(series.name)
        series = series.list.first()
    if not series.dtype.is_numeric():
        return np.full(len(series), np.nan)
    return as_floats(series).to_numpy()


def _developer(column: FloatArray | pl.Series, lists: list[str]) -> FloatArray | pl.Series:
    """A developer column as floats, or as the text that it is."""
    if isinstance(column, pl.Series) and column.dtype != pl.String:
        return _floats(column, lists)
    return column


def _moment(raw: Raw) -> pl.Series:
    """The time column, null where the file has none."""
    time = raw.get("timestamp")
    if isinstance(time, pl.Series) and time.dtype == UTC_TIME:
        return time
    return pl.Series("time", [None] * _height(raw), dtype=UTC_TIME)


def _height(raw: Raw) -> int:
    return max(map(len, raw.values()), default=0)


Rows = list[dict[str, Any]]
Names = Mapping[str, tuple[str, ...]]
"""Column, and the fields it is taken from: the first that is given."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a draft keeps of a kind of message."""

    columns: schema.Schema
    cells: tuple[tuple[str, Callable[[object], Any], tuple[str, ...]], ...]
    """Column, what makes a cell of it, and the fields it is taken from."""
    fields: frozenset[str]
    """Every field that is looked at."""
    kinds: dict[str, pl.DataType | type[pl.DataType]]


def _renamed(rows: Rows, wanted: _Wanted) -> pl.DataFrame:
    """A frame of the wanted columns, each from the first of its fields that is given."""
    if not rows:
        return schema.empty(wanted.columns)
    made: Rows = [
        {
            column: cell(row.get(fields[0]))
            if len(fields) == 1
            else _first_given(cell(row.get(field)) for field in fields)
            for column, cell, fields in wanted.cells
        }
        for row in rows
    ]
    # as mappings in one go: a series for each column of a row or two costs five times as much
    return pl.DataFrame(made, schema=wanted.kinds)


def _first_given(cells: Iterable[Any]) -> Any:
    return next((cell for cell in cells if cell is not None), None)


def _as_number(value: object) -> float | None:
    """A number, the first of a list; None where it is none, or stands for infinity."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, int | float) or not abs(value) <= schema.LARGEST:
        return None
    return float(value)


def _as_text(value: object) -> str | None:
    """A word, or whatever it is as text; None for a list."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return None
    return str(value) if isinstance(value, int) else str(pl.Series([value]).cast(pl.String)[0])


def _as_moment(value: object) -> int | None:
    """A time [µs], where it is one of UTC; polars takes whole numbers for a tenth of what datetimes cost."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return (value - UNIX) // MICROSECOND


def _wanted(columns: schema.Schema, names: Names) -> _Wanted:
    """The columns of a schema, from the fields named."""
    makers: dict[str, Callable[[object], Any]] = {
        str(pl.Float64): _as_number,
        str(pl.String): _as_text,
        str(UTC_TIME): _as_moment,
    }
    cells = tuple((column, makers[str(kind.dtype)], names[column]) for column, kind in columns.items())
    looked_at = frozenset(field for fields in names.values() for field in fields)
    return _Wanted(columns, cells, looked_at, schema.kinds(columns))


TOTAL_NAMES: Names = {
    "start": ("start_time",),
    "elapsed_s": ("total_elapsed_time",),
    "timer_s": ("total_timer_time",),
    "distance_m": ("total_distance",),
    "ascent_m": ("total_ascent",),
    "descent_m": ("total_descent",),
}
SESSION = _wanted(
    schema.SESSIONS,
    {
        **TOTAL_NAMES,
        "sport": ("sport",),
        "sub_sport": ("sub_sport",),
        "total_cycles": ("total_cycles", "total_strides", "total_strokes"),
    },
)
LAP = _wanted(schema.LAPS, {**TOTAL_NAMES, "trigger": ("lap_trigger",)})
EVENT = _wanted(schema.EVENTS, {"time": ("timestamp",), "event": ("event",), "event_type": ("event_type",)})
IDENTITY = frozenset(
    {"type", "manufacturer", "product", "garmin_product", "product_name", "serial_number", "time_created"}
)
SENSORS = frozenset({"device_index", "product_name", "source_type", "device_type", "local_device_type"})
SPORT = frozenset({"sport", "sub_sport", "name"})
ACTIVITY_FIELDS = frozenset({"timestamp", "local_timestamp"})


def _first(rows: Rows) -> dict[str, Any]:
    """The first message of a kind, as far as it is given."""
    return {name: value for name, value in rows[0].items() if value is not None} if rows else {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _sport(message: dict[str, Any], sessions: pl.DataFrame) -> tuple[str, str | None]:
    """The sport of all legs, ``multisport`` where they differ; from the sport message if there is no session."""
    told = zip(*(sessions.get_column(name).to_list() for name in ("sport", "sub_sport")), strict=True)
    legs = [leg for leg in told if leg[0] not in (None, "transition")]
    if legs:
        sport, sub_sport = legs[0]
        if any(other != sport for other, _ in legs):
            return "multisport", None
        return _word(sport) or "unknown", sub_sport
    return _word(message.get("sport")) or "unknown", _text(message.get("sub_sport"))


def _word(value: object) -> str | None:
    """A sport word; a number that the profile does not know is no word."""
    return None if value is None or str(value).isdigit() else str(value).lower()


def _device(identity: dict[str, Any], sensors: Rows) -> str | None:
    """Maker and model as far as the file names them."""
    maker = identity.get("manufacturer")
    model = identity.get("product_name") or identity.get("garmin_product") or identity.get("product")
    for row in sensors:
        if _as_number(row.get("device_index")) == 0 and row.get("product_name") is not None:
            model = identity.get("product_name") or row["product_name"]
            break
    words = [str(word) for word in (maker, model) if word is not None]
    return " ".join(words) or None


def _facts(
    tables: Tables, identity: dict[str, Any], of_sport: dict[str, Any], sensors: Rows, *, one_session: bool
) -> dict[str, object]:
    """Loose facts for later stages: see ``model.Draft.facts``."""
    facts: dict[str, object] = {}
    activity = _first(tables.rows_of("activity", ACTIVITY_FIELDS))
    local = activity.get("local_timestamp")
    if isinstance(local, datetime):
        facts["local_timestamp"] = local
    if isinstance(activity.get("timestamp"), datetime):
        facts["activity_timestamp"] = activity["timestamp"]
    if isinstance(identity.get("time_created"), datetime):
        facts["time_created"] = identity["time_created"]
    for fact in ("manufacturer", "garmin_product"):
        if fact in identity:
            facts[fact] = str(identity[fact])
    mass = _first(tables.rows_of("user_profile", frozenset({"weight"}))).get("weight")
    if isinstance(mass, float) and mass > 0:
        facts["mass_kg"] = mass
    if tables.rows_of("field_description", frozenset({"field_name"})):
        worn = _first(tables.frame("session", POD_MASS.__eq__).to_dicts()).get(POD_MASS)
        if isinstance(worn, int | float) and worn > 0:
            facts["pod_mass_kg"] = float(worn)
    if _has_barometer(sensors):
        facts["barometer"] = True
    name = of_sport.get("name")
    course = _first(tables.rows_of("course", frozenset({"name"}))).get("name")
    if course or name:
        facts["name"] = str(course or name)
    sets = tables.rows_of("set")
    if sets and one_session:  # of several nobody can say whose they are, and each would carry all
        facts["sets"] = [{key: value for key, value in row.items() if value is not None} for row in sets]
    return facts


def _has_barometer(sensors: Rows) -> bool:
    """Whether a barometer stands among the device's own sensors."""
    if any("local_device_type" in row for row in sensors):
        return any(row.get("local_device_type") == "barometer" for row in sensors)
    kinds = (row.get("device_type") for row in sensors if row.get("source_type") == "local")
    return any(str(kind) in (BAROMETER, f"{BAROMETER}.0", "barometer") for kind in kinds)


POD_MASS = "dev:Weight [kg]"
"""Body mass that a foot pod (Stryd) writes into the session; taken only where the settings ask for it."""
BAROMETER = "4"
"""`device_type` of a barometer among local sensors."""
