"""Draft -> recordings: mended legs with their cadence decided, their offset known, and the facts of each.

Mending knows nothing of gait or of time zones; those two decisions need a leg whose times and speeds are
already right, and they are the last that may look at the file's own column names. Behind this module
nothing speaks of FIT, GPX or TCX: a recording has the columns of the schema, and what a developer or vendor
added stands beside it under its own name. A developer field takes the place of a missing native one only by
name and unit, and it is said. Cells that cannot be true become null and are counted.
Instead of: readers that finish their own recordings, each a little differently.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl

from kneeledger import local_time, mending, plurals, schema
from kneeledger.errors import CorruptFileError, EmptyActivityError
from kneeledger.mending import Leg
from kneeledger.mending.rows import NO_TIME, SECOND, as_floats, floats, time_us, with_series
from kneeledger.model import (
    About,
    AltitudeSource,
    CadenceChoice,
    Draft,
    FloatArray,
    Issue,
    Recording,
    Source,
    Views,
)
from kneeledger.readers import step_multiplier

__all__ = ["recordings"]

TOO_SHORT: Final = 10
"""Fewer records than this are told to be too few to analyse; project rule."""
FIRST: Final = datetime(1980, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""Times before the first or after the last are not believed; project rule."""
INDOOR: Final = frozenset(
    {"treadmill", "virtual_activity", "spin", "elliptical", "stair_climbing", "lap_swimming"}
)
INDOOR_SPORTS: Final = frozenset({"fitness_equipment", "training"})
VIRTUAL_MAKERS: Final = ("zwift", "rouvy", "trainerroad", "fulgaz", "bkool", "mywhoosh", "kinomap")
_DEVELOPER = re.compile(r"^dev:(?P<name>.*?) \[(?P<unit>.*)\]$")
_STANDS_FOR: Final = {
    ("ground time", "milliseconds"): ("stance_time_s", 1e-3),
    ("ground time", "ms"): ("stance_time_s", 1e-3),
    ("ground contact time", "ms"): ("stance_time_s", 1e-3),
    ("contact time", "ms"): ("stance_time_s", 1e-3),
    ("contact time", "milliseconds"): ("stance_time_s", 1e-3),
    ("stance time", "ms"): ("stance_time_s", 1e-3),
    ("vertical oscillation", "centimeters"): ("vertical_oscillation_mm", 10.0),
    ("vertical oscillation", "cm"): ("vertical_oscillation_mm", 10.0),
    ("vertical oscillation", "mm"): ("vertical_oscillation_mm", 1.0),
    ("vertical oscillation", "millimeters"): ("vertical_oscillation_mm", 1.0),
    ("power", "watts"): ("power_w", 1.0),
    ("power", "watt"): ("power_w", 1.0),
    ("power", "w"): ("power_w", 1.0),
}
"""Developer field by name and unit in lower case: the column it can fill, and what brings it to our unit."""


def recordings(draft: Draft, source: Source, *, tz: str | None, part: int = 0) -> list[Recording]:
    """The recordings of a draft, numbered from `part`.

    Raises
    ------
    EmptyActivityError
        Neither its records nor its totals say when it was.
    CorruptFileError
        They do, and no date of them is from the age of sport watches.
    ConfigError
        `tz` is not the name of a time zone.
    """
    draft, years = _believed(draft)
    legs = [leg for leg in mending.mend(draft) if leg.start is not None]
    if not legs and years:
        of = f"year {years[0]}" if years[0] == years[1] else f"years {years[0]} to {years[1]}"
        raise CorruptFileError(source.path, f"its times are of the {of}")
    if not legs:
        raise EmptyActivityError(source.path, "it holds neither a record with a time nor totals")
    # looked for once: a leg of a thousand without a position would go through all others
    place = next((found for leg in legs if (found := _position(leg.records)) is not None), None)
    return [_recording(leg, draft, source, tz, part + k, place) for k, leg in enumerate(legs)]


def _believed(draft: Draft) -> tuple[Draft, tuple[int, int] | None]:
    """The draft without times outside `FIRST` to `LAST`, and the years of what was taken out.

    A report has a row a day and calendars end in the year 9999: one wrong date would cost all others.
    """
    low, high = (int(moment.timestamp()) * SECOND for moment in (FIRST, LAST))
    changed: dict[str, pl.DataFrame] = {}
    outside: list[int] = []
    for part, name in (("records", "time"), ("sessions", "start"), ("laps", "start"), ("events", "time")):
        frame: pl.DataFrame = getattr(draft, part)
        if name not in frame.columns:
            continue
        us = frame.get_column(name).cast(schema.TIME).cast(pl.Int64)
        least, most = us.min(), us.max()
        if not isinstance(least, int) or not isinstance(most, int) or (low <= least and most <= high):
            continue
        wrong = (us < low) | (us > high)
        outside += us.filter(wrong).to_list()
        changed[part] = with_series(frame, [us.set(wrong, None).cast(schema.TIME).alias(name)])
    if not outside:
        return draft, None
    text = f"{plurals.count(len(outside), 'time is', 'times are')} not between {FIRST.year} and {LAST.year}; left out."
    issues = (*draft.issues, Issue("bad_time", len(outside), text))
    draft = replace(
        draft,
        issues=issues,
        records=changed.get("records", draft.records),
        sessions=changed.get("sessions", draft.sessions),
        laps=changed.get("laps", draft.laps),
        events=changed.get("events", draft.events),
    )
    return draft, (_year(min(outside)), _year(max(outside)))


def _year(us: int) -> int:
    """The year of a time that may be outside of any calendar, by the mean length of years."""
    return 1970 + int(us // (365.2425 * 86_400 * SECOND))


def _recording(
    leg: Leg, draft: Draft, source: Source, tz: str | None, part: int, place: tuple[float, float] | None
) -> Recording:
    """The recording of a leg; one that has no position takes `place`, that of another leg."""
    records = leg.records
    issues = list(leg.issues)
    sport = leg.sport
    if leg.by_hand:
        choice = CadenceChoice(None, None, "no records")
    else:
        step_s = _step_s(records)
        speed = _speed_mps(records, step_s)
        if sport == "unknown":
            sport = step_multiplier.likely_sport(records, speed)
            if sport != "unknown":
                text = f"The file names no sport; by its cadence and speed it is taken for {sport}."
                issues.append(Issue("sport_inferred", 1, text))
        choice = step_multiplier.choose(records, speed, step_s, sport=sport, total_cycles=leg.total_cycles)
        records = _with_cadence(records, choice)
        records = _with_developer(records, issues)
        if records.height < TOO_SHORT:
            text = f"Only {plurals.count(records.height, 'record')}: too short to analyse."
            issues.append(Issue("too_short", records.height, text))
    arrays: dict[str, FloatArray] = {}
    frame, refused = schema.conform(records, schema.RECORDS, arrays)
    issues += [
        Issue("out_of_bounds", count, f"{plurals.count(count, 'value')} of {name} cannot be true; left out.")
        for name, count in refused.items()
    ]
    indoor, virtual = _setting(leg, draft, has_altitude=_given(frame, "altitude_m"))
    facts = {key: value for key, value in draft.facts.items() if key not in ("mass_kg", "pod_mass_kg")}
    mass, pod_mass = draft.facts.get("mass_kg"), draft.facts.get("pod_mass_kg")
    assert leg.start is not None
    offset_s, how = local_time.offset(leg.start, _position(frame) or place, draft.facts, tz)
    about = About(
        start=leg.start,
        end=leg.end or leg.start,
        sport=sport,
        sub_sport=leg.sub_sport,
        format=draft.format,
        decoder=draft.decoder,
        device=draft.device,
        device_serial=draft.device_serial,
        sha256=source.sha256,
        path=source.path,
        part=part,
        utc_offset_s=offset_s,
        utc_offset_how=how,
        altitude_source=AltitudeSource.UNKNOWN,
        cadence=choice,
        indoor=indoor,
        virtual=virtual,
        elapsed_s=leg.elapsed_s,
        timer_s=leg.timer_s,
        device_distance_m=leg.distance_m,
        device_ascent_m=leg.ascent_m,
        device_descent_m=leg.descent_m,
        file_mass_kg=float(mass) if isinstance(mass, int | float) else None,
        pod_mass_kg=float(pod_mass) if isinstance(pod_mass, int | float) else None,
        by_hand=leg.by_hand,
        facts=facts,
    )
    extra = _extra(leg.records)
    return Recording(about, frame, leg.laps, leg.pauses, extra, tuple(issues), Views(frame, arrays))


def _given(frame: pl.DataFrame, name: str) -> bool:
    """Whether a column has any value."""
    return name in frame.columns and frame.get_column(name).null_count() < frame.height


def _step_s(records: pl.DataFrame) -> FloatArray:
    """Time since the record before, 0 across a pause and where a time is missing [s]; shape (n,)."""
    us = time_us(records)
    segment = records.get_column("segment").to_numpy()
    known = us != NO_TIME
    inside = known[1:] & known[:-1] & (segment[1:] == segment[:-1])
    step_s = np.zeros(len(us))
    np.divide(us[1:] - us[:-1], 1e6, out=step_s[1:], where=inside)
    return step_s


def _speed_mps(records: pl.DataFrame, step_s: FloatArray) -> FloatArray | None:
    """Speed as recorded, else from the distance; None where there is neither [m/s]; shape (n,)."""
    speed = floats(records, "speed_mps")
    if speed is not None:
        return speed
    distance = floats(records, "distance_m")
    if distance is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(step_s > 0, np.diff(distance, prepend=distance[:1]) / step_s, np.nan)


def _with_cadence(records: pl.DataFrame, choice: CadenceChoice) -> pl.DataFrame:
    if choice.field is None or choice.multiplier is None:
        return records
    values = as_floats(records.get_column(choice.field)) * choice.multiplier
    return with_series(records, [values.alias(f"cadence_{choice.unit}")])


def _with_developer(records: pl.DataFrame, issues: list[Issue]) -> pl.DataFrame:
    """Native columns that are missing, from developer fields known by name and unit."""
    for column in records.columns:
        match = _DEVELOPER.match(column)
        if match is None:
            continue
        stands_for = _STANDS_FOR.get((match["name"].strip().casefold(), match["unit"].strip().casefold()))
        series = records.get_column(column)
        if stands_for is None or not series.dtype.is_numeric() or _given(records, stands_for[0]):
            continue
        name, factor = stands_for
        values = (series.cast(pl.Float64) * factor).set(series == 0, None)
        if values.null_count() == len(values):
            continue
        records = with_series(records, [values.alias(name)])
        text = f"{name} is taken from the developer field {match['name']} [{match['unit']}]."
        issues.append(Issue("developer_field_used", len(values) - values.null_count(), text))
    return records


def _extra(records: pl.DataFrame) -> pl.DataFrame:
    columns = [
        records.get_column(name).alias(name.removeprefix("dev:"))
        for name in records.columns
        if name.startswith("dev:")
    ]
    return schema.framed(columns) if columns else pl.DataFrame()


def _setting(leg: Leg, draft: Draft, *, has_altitude: bool) -> tuple[bool, bool]:
    """Whether it was indoors, and whether its altitude is made up (formats.md P8)."""
    sub_sport = leg.sub_sport or ""
    maker = " ".join(str(draft.facts.get(key) or "") for key in ("manufacturer", "creator"))
    maker = f"{maker} {draft.device or ''}".casefold()
    ridden = sub_sport == "virtual_activity" or any(name in maker for name in VIRTUAL_MAKERS)
    indoor = ridden or sub_sport in INDOOR or sub_sport.startswith("indoor_") or leg.sport in INDOOR_SPORTS
    return indoor, ridden or (indoor and has_altitude)


def _position(frame: pl.DataFrame) -> tuple[float, float] | None:
    """The first known position [deg]."""
    if "latitude_deg" not in frame.columns or "longitude_deg" not in frame.columns:
        return None
    latitude, longitude = frame.get_column("latitude_deg"), frame.get_column("longitude_deg")
    if latitude.null_count() == len(latitude):
        return None
    k = int(np.argmax(~np.isnan(latitude.to_numpy()))) if latitude.null_count() else 0
    lat, lon = latitude[k], longitude[k]
    return None if lat is None or lon is None else (float(lat), float(lon))
