"""A course file and the ledger -> a forecast: what is read, what is learnt from, and the JSON of it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kneeledger import forecast, matched_cadence, plain_files, preparation
from kneeledger.config import Config
from kneeledger.errors import (
    ConfigError,
    EmptyActivityError,
    ReadError,
    ReportError,
)
from kneeledger.forecast import CadenceLine, Effort, Forecast, Past, Plan, Tilt
from kneeledger.ledger import rows
from kneeledger.ledger.store import Ledger
from kneeledger.matched_cadence import Matched
from kneeledger.model import DownhillModel, FloatArray, Source, Value, Way
from kneeledger.pipeline import comparing, history, settings, terrain
from kneeledger.pipeline.history import Known
from kneeledger.readers import course as courses
from kneeledger.readers import fit
from kneeledger.readers.course import Course, Waypoint
from kneeledger.reporting import writing

__all__ = [
    "Told",
    "Wish",
    "backwards",
    "cadence_line",
    "look",
    "pasts",
    "read_course",
    "to_json",
    "with_waypoints",
    "write_course",
    "write_page",
]

RUNS = 60
"""Newest runs that a habit is learnt from."""
WALKS = 20
TRIALS = 24
"""Newest runs that are forecast again for the record."""
LEAST_RUN_SD = 0.008
"""Step rate at the same speed is not believed to vary less from run to run, ln."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How the athlete wants to run it; nothing said means as usual."""

    mps: float | None = None
    """Pace on the flat."""
    finish_s: float | None = None
    effort: Effort = Effort.USUAL
    cadence: float = 1.0
    """Factor on the step rate."""
    on: date | None = None
    """The planned day; else the day after the as-of day."""
    back: bool = False
    """The other way round."""


@dataclass(frozen=True, slots=True)
class Told:
    """A forecast with the course it is of."""

    course: Course
    made: Forecast
    as_of: date | None
    """None without a ledger."""
    as_of_how: str


def read_course(path: Path) -> Course:
    """The line in a GPX, TCX or FIT file.

    Raises
    ------
    ReadError
        It cannot be read, or holds no line of positions.
    """
    try:
        data = plain_files.read(path, courses.MAX_BYTES)
    except OSError as error:
        raise ReadError(str(path), error.strerror or str(error)) from error
    source = Source(str(path), data, "", path)
    if fit.claims(data[:64]):
        for draft in fit.drafts(source):
            if "latitude_deg" in draft.records.columns and draft.records["latitude_deg"].count() > 1:
                found = courses.course_of_draft(draft)
                break
        else:
            raise EmptyActivityError(
                str(path), "no line of positions is in it", hint="Export the course as GPX."
            )
    else:
        found = courses.read_course(source)
    if found.latitude_deg.size < 2:
        raise EmptyActivityError(str(path), "its line has a single point")
    return found


def backwards(course: Course) -> Course:
    """The course the other way round."""
    return replace(
        course,
        latitude_deg=course.latitude_deg[::-1].copy(),
        longitude_deg=course.longitude_deg[::-1].copy(),
        altitude_m=course.altitude_m[::-1].copy(),
    )


def look(
    path: Path,
    folder: Path,
    athlete: str,
    config: Config,
    wish: Wish,
    as_of: date | None,
    *,
    tell: Callable[[str], None] | None = None,
) -> Told:
    """The forecast of a course file for an athlete of a ledger.

    Without a ledger it still answers, with the population's habits, where a pace or a time is given.

    Raises
    ------
    ReadError
        The course cannot be read.
    ConfigError
        There is no run to take a pace from and none was given.
    """
    course = read_course(path)
    if wish.back:
        course = backwards(course)
    tiles = terrain.tiles(config["terrain_dir"])
    ground = forecast.from_line(
        course.latitude_deg,
        course.longitude_deg,
        course.altitude_m,
        terrain=tiles.altitude_m if tiles else None,
    )
    if ground.distance_m < 50.0:
        raise EmptyActivityError(str(path), "its line is shorter than 50 m")
    model = DownhillModel(config["downhill_model"])
    if not _has_history(folder, athlete):
        if wish.mps is None and wish.finish_s is None:
            raise ConfigError(
                "There is no ledger to take your usual pace from."
                if not (folder / "ledger.sqlite").exists()
                else f"The ledger in {folder} has no activity of athlete {athlete!r} to take a usual pace from.",
                hint="Say a pace (--pace 5:30/km or --time 2:10:00), or scan your export first.",
            )
        on = wish.on or as_of or date(1970, 1, 1)
        plan = Plan(
            forecast.given_pace(wish.mps, wish.finish_s), forecast.learn([]), None, model, Tilt(wish.cadence)
        )
        return Told(course, forecast.forecast(ground, plan, athlete=athlete, on=on), None, "no ledger")
    ledger, known = comparing.known(folder, athlete, config, as_of, tell=tell)
    with ledger:
        on = wish.on or known.as_of + timedelta(days=1)
        made = _with_ledger(ledger, known, ground, wish, on, config)
    return Told(course, made, known.as_of, known.how)


def _has_history(folder: Path, athlete: str) -> bool:
    """Whether a ledger knows the athlete; what cannot be read of it is told, never passed over for others' habits."""
    if not (folder / "ledger.sqlite").exists():
        return False
    with Ledger(folder, create=False) as ledger:
        return bool(ledger.query("select 1 from activities where athlete = ? limit 1", (athlete,)))


def _with_ledger(
    ledger: Ledger, known: Known, ground: forecast.Ground, wish: Wish, on: date, config: Config
) -> Forecast:
    model = known.history.downhill_model
    runs = [one for one in pasts(ledger, known, config, Way.RUN, RUNS) if one.day < on]
    walks = [one.hundreds for one in pasts(ledger, known, config, Way.WALK, WALKS) if one.day < on]
    habit = forecast.learn([one.hundreds for one in runs], walks)
    if wish.mps is None and wish.finish_s is None:
        pace = forecast.chosen_pace(habit, ground.distance_m, on, wish.effort)
    else:
        pace = forecast.given_pace(wish.mps, wish.finish_s)
    line = cadence_line(known.matched)
    steady = history.stretches(ledger, known.athlete, known.activities)

    def before(day: date) -> CadenceLine | None:
        return cadence_line(matched_cadence.analyse(steady, until=day - timedelta(days=1)))

    record = forecast.backtest(runs, before, downhill=model, walks=walks, newest=TRIALS)
    return forecast.forecast(
        ground,
        Plan(pace, habit, line, model, Tilt(wish.cadence)),
        athlete=known.athlete,
        on=on,
        history=known.history,
        profile=known.profile,
        record=record,
    )


def pasts(ledger: Ledger, known: Known, config: Config, way: Way, newest: int) -> list[Past]:
    """The newest activities of a way of moving, prepared from their stored tracks, oldest first.

    Treadmills and virtual runs are left out: nobody's habit on slopes is learnt there.
    """
    mine = (
        known.activities.filter((pl.col("way") == way.value) & pl.col("recorded"))
        .tail(newest)
        .join(ledger.metrics(known.athlete, ("descent_m",)), on="id", how="left", maintain_order="left")
    )
    found = []
    for row in mine.iter_rows(named=True):
        kept = ledger.written(row["id"])
        with ledger.parsing():
            about = rows.about_from_json(kept.about)
        records = None if about.indoor or about.virtual else ledger.records(row["id"])
        if records is None:
            continue
        with ledger.parsing():
            recording = rows.recording(kept, records)
        track = preparation.prepare(recording, settings.preparation(config, row["day"]))
        found.append(forecast.past(track, id=row["id"], day=row["day"], descent_m=row["descent_m"]))
    return found


def cadence_line(matched: Matched) -> CadenceLine | None:
    """The athlete's step rate as plain numbers; None while nothing is known."""
    model = matched.model
    if not model.runs:
        return None
    series: FloatArray = np.log(matched.series["matched_cadence_spm"].to_numpy()[-40:])
    off = np.abs(series - np.median(series)) if series.size else np.zeros(1)
    return CadenceLine(
        model.intercept,
        model.speed_slope,
        model.grade_slope,
        max(float(np.median(off)) / 0.6745, LEAST_RUN_SD),
        model.speed_slope_se if np.isfinite(model.speed_slope_se) else 0.05,
        model.runs,
    )


def with_waypoints(told: Told) -> tuple[Waypoint, ...]:
    """The course's own waypoints, and one at the head of each numbered descent."""
    course = told.course
    along = forecast.along_m(course.latitude_deg, course.longitude_deg)
    turned = np.degrees(np.unwrap(np.radians(course.longitude_deg)))
    made = []
    for one in told.made.downhills.iter_rows(named=True):
        times = "" if one["times_level"] is None else f", knee load {one['times_level']:.1f} x level"
        altitude = float(np.interp(one["start_m"], along, course.altitude_m))
        made.append(
            Waypoint(
                name=f"D{one['number']} {one['length_m'] / 1000:.1f} km {100 * one['grade']:.0f} %{times}",
                latitude_deg=round(float(np.interp(one["start_m"], along, course.latitude_deg)), 7),
                longitude_deg=round(
                    float((np.interp(one["start_m"], along, turned) + 180.0) % 360.0 - 180.0), 7
                ),
                altitude_m=round(altitude, 1) if np.isfinite(altitude) else None,
                kind="descent",
            )
        )
    return (*course.waypoints, *made)


def write_course(told: Told, path: Path) -> Path:
    """The course as GPX with a waypoint at the head of each descent, ready for a watch.

    Raises
    ------
    ReportError
        The file cannot be written.
    """
    course = told.course
    text = courses.write_gpx(
        course.latitude_deg,
        course.longitude_deg,
        altitude_m=course.altitude_m,
        waypoints=with_waypoints(told),
        name=course.name,
    )
    try:
        return writing.text(path, text)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}.") from error


def write_page(told: Told, out: Path, *, units: str = "metric") -> Path:
    """The page of the course in a folder; its path.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    from kneeledger.reporting import forecast_page

    try:
        return forecast_page.write(
            told.made, told.course.name, out, units=units, comparable=told.as_of is not None
        )
    except OSError as error:
        raise ReportError(f"{out} cannot be written: {error.strerror or error}.") from error


def _value(one: Value) -> dict[str, float | None]:
    return {"value": one.value, "low": one.low, "high": one.high}


def to_json(told: Told) -> dict[str, Any]:
    """The contract of ``forecast --format json``."""
    made = told.made
    ground, plan, record = made.ground, made.plan, made.record
    share = forecast.wilson(record.inside, record.n)
    known = ground.known
    return {
        "name": told.course.name,
        "as_of": told.as_of.isoformat() if told.as_of else None,
        "as_of_how": told.as_of_how,
        "planned_for": made.on.isoformat() if told.as_of else None,
        "course": {
            "distance_m": ground.distance_m,
            "descent_m": ground.descent_m,
            "ascent_m": ground.ascent_m,
            "altitude_source": ground.source.value,
            "grade_unsure_m": ground.unsure_m,
        },
        "pace": {
            "flat_mps": plan.pace.mps,
            "how": plan.pace.how,
            "runs": plan.pace.runs,
            "sd_ln": plan.pace.sd,
            "cadence_factor": plan.tilt.cadence,
        },
        "time_s": _value(made.seconds),
        "knee_load_bw_s": _value(made.load_bw_s),
        "knee_load_as_planned_bw_s": _value(made.load_as_planned),
        "peak_weighted_steps": _value(made.steps),
        "walked_m": float(ground.length_m[made.made.walked].sum()),
        "downhill_model": plan.downhill.value,
        "knee_load_by_model_bw_s": made.by_model,
        "excess_by_model_bw_s": made.excess_by_model if known else None,
        "bands": made.bands.to_dicts(),
        "descents": made.downhills.to_dicts(),
        "compared": [asdict(one) for one in made.compared],
        "largest_part": [asdict(one) | {"length_m": one.length_m} for one in made.parts],
        "changes": [asdict(one) for one in made.changes],
        "backtest": {
            "runs": record.n,
            "inside_90": record.inside,
            "time_inside_90": record.time_inside,
            "wilson_low": share[0] if share else None,
            "wilson_high": share[1] if share else None,
            "median_error_time": record.median_error("time"),
            "median_error_load": record.median_error("load"),
            "median_error_descent_m": record.median_error("descent"),
            "stretch": made.stretch,
        },
        "notes": list(made.notes),
    }
