"""Ledger -> History: what findings, headroom, cadence and pages look at, of one athlete as of a day."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from kneeledger import matched_cadence, schema, workload
from kneeledger.config import Config
from kneeledger.errors import StoreError
from kneeledger.knee import counterfactual, decomposition, running, uncertainty
from kneeledger.knee.decomposition import Usual
from kneeledger.knee.sums import Sums
from kneeledger.ledger.store import Ledger
from kneeledger.matched_cadence import Matched
from kneeledger.model import AltitudeSource, DownhillModel
from kneeledger.pipeline import diary
from kneeledger.severity import DESCENT, DISTANCE, EASY_LOAD_BW, KNEE_LOAD, Profile
from kneeledger.workload import CadenceChange, Coverage, History

__all__ = ["Known", "as_of_day", "gather", "personal_line", "stretches", "usual", "with_levers"]

FROM_METRICS: Mapping[str, str] = {
    "distance_m": "distance_m",
    "duration_s": "timer_s",
    "moving_s": "moving_s",
    "run_distance_m": "run_distance_m",
    "run_time_s": "run_time_s",
    "walk_time_s": "walk_time_s",
    "ride_time_s": "ride_time_s",
    "descent_m": "descent_m",
    "descent_run_m": "descent_run_m",
    "steep_descent_run_m": "steep_descent_run_m",
    "steps_downhill": "steps_downhill_run",
    "knee_load_bw_s": "knee_load_linear_bw_s",
    "knee_load_run_bw_s": "knee_load_run_bw_s",
    "knee_load_walk_bw_s": "knee_load_walk_bw_s",
    "knee_load_ride_bw_s": "knee_load_ride_bw_s",
    "peak_weighted_steps": "knee_load_peak_weighted_steps",
    "peak_weighted_steps_run": "peak_weighted_run_steps",
    "peak_weighted_steps_walk": "peak_weighted_walk_steps",
    "peak_weighted_steps_ride": "peak_weighted_ride_steps",
    "knee_load_none_bw_s": "knee_load_none_bw_s",
    "knee_load_mechanics_bw_s": "knee_load_mechanics_bw_s",
}
"""Column of ``workload.ACTIVITIES`` -> metric in the ledger."""


STRETCHES: Mapping[str, type[pl.DataType]] = {
    **dict.fromkeys(
        ("duration_s", "speed_mps", "cadence_spm", "power_w", "cadence_rpm", "grade"), pl.Float64
    ),
    "level": pl.Boolean,
}
"""What is asked of a steady stretch, of a run or a ride."""
LEVEL = 0.02
"""Grades within it are level (decisions 25)."""


@dataclass(frozen=True)
class Known:
    """One athlete as of a day: the history, cadence, and the frames a page needs beside it."""

    athlete: str
    as_of: date
    how: str
    """``date`` where it was asked for, ``newest`` where it is the newest activity's local day."""
    history: History
    matched: Matched
    pedalling: Matched
    """The same for cycling: rpm at matched power."""
    stretches: pl.DataFrame
    """Steady running minutes of the whole history."""
    activities: pl.DataFrame
    """The ledger's outlines up to the as-of day, newest last, with `FACTS` and what they leave in doubt."""
    sums: Sums
    pain: pl.DataFrame
    profile: Profile


def as_of_day(ledger: Ledger, athlete: str, asked: date | None) -> tuple[date, str]:
    """The day to look from, and how it was chosen; never the clock.

    Raises
    ------
    StoreError
        There is no activity and no day was asked for.
    """
    if asked is not None:
        return asked, "date"
    newest = ledger.query(
        "select max(day) from activities where athlete = ? and duplicate_of is null", (athlete,)
    )[0][0]
    if newest is None:
        raise StoreError(
            f"The ledger in {ledger.folder} has no activity of athlete {athlete!r}.",
            hint="`kneeledger scan EXPORT` reads an export.",
        )
    with ledger.parsing():
        return date.fromisoformat(newest), "newest"


def gather(
    ledger: Ledger,
    athlete: str,
    config: Config,
    *,
    as_of: date | None = None,
    draws: int = 1000,
    only: set[str] | None = None,
    what_if: bool = False,
) -> Known:
    """Everything known of an athlete on a day; of the activities in `only` where that is given.

    `what_if` adds what the article's levers would have taken off each run of the last ten weeks.

    Raises
    ------
    StoreError
        There is no activity and no day was asked for.
    """
    with ledger.snapshot():  # a scan at the same time changes nothing of one answer
        day, how = as_of_day(ledger, athlete, as_of)
        rows = ledger.outlines(athlete, about=FACTS, context=TOLD).filter(pl.col("day") <= day)
        if only is not None:
            rows = rows.filter(pl.col("id").is_in(list(only)))
        activities = _with_facts(rows)
        sums = Sums(ledger.sums(athlete).join(rows.select("id"), on="id", how="semi", maintain_order="left"))
        steady = stretches(ledger, athlete, activities)
        facts = activities.select("id", "device", "indoor", "gear")
        matched = matched_cadence.analyse(steady, facts, until=day)
        turning = stretches(ledger, athlete, activities, "pedalling_stretches")
        pedalling = matched_cadence.analyse(turning, facts, until=day, params=matched_cadence.RIDES)
        model = DownhillModel(config["downhill_model"])
        pain = diary.pain(ledger, athlete)
        own = usual(matched)
        metrics = ledger.metrics(athlete, tuple(FROM_METRICS.values()))
        shaped = _shaped(activities, metrics, matched, _noted(ledger, athlete, day))
        shaped = _with_parts(shaped, sums, own, model)
        if what_if:
            shaped = _with_levers(shaped, sums, athlete, model, day)
        history = History(
            activities=shaped,
            coverage=_coverage(ledger, athlete, activities, day),
            draws=uncertainty.DrawnLoads(sums, uncertainty.Draws.of(athlete, draws), downhill=model),
            pain=pain.filter(pl.col("date") <= day) if pain.height else pain,
            cadence_changes=_changes(matched),
            downhill_model=model,
            floors={
                DISTANCE.name: config["floor_distance_m"],
                DESCENT.name: config["floor_descent_m"],
                KNEE_LOAD.name: 60.0 * EASY_LOAD_BW * config["floor_easy_minutes"],
            },
            cadence_note=(day, matched.explained["text"]) if matched.explained else None,
        )
        return Known(
            athlete,
            day,
            how,
            history,
            matched,
            pedalling,
            steady,
            activities,
            sums,
            pain,
            diary.profile(ledger, athlete),
        )


def stretches(
    ledger: Ledger, athlete: str, activities: pl.DataFrame, table: str = "stretches"
) -> pl.DataFrame:
    """The steady stretches of every run (or ride), with the activity's day and start, oldest first."""
    stacked = ledger.tables(athlete, table, STRETCHES, of=activities.select("id", "day", "start"))
    return stacked.with_columns(pl.col("level").fill_null(pl.col("grade").abs() <= LEVEL))


FACTS: Mapping[str, type[pl.DataType]] = {
    **dict.fromkeys(("sub_sport", "altitude_source", "device"), pl.String),
    "indoor": pl.Boolean,
}
"""What is looked at of `model.About`."""
TOLD = dict.fromkeys(("title", "gear"), pl.String)
"""What is looked at of what the export says."""


def _with_facts(rows: pl.DataFrame) -> pl.DataFrame:
    """The ledger's outlines with the export's title as ``name``, and what their issues leave in doubt."""
    told = rows.rename({"title": "name"}).with_columns(pl.col("name", "gear").replace("", None))
    unsure = pl.col("altitude_source").is_in([AltitudeSource.GPS.value, AltitudeSource.UNKNOWN.value])
    return told.with_columns(
        (~unsure & ~pl.col("codes").list.contains("grade_unknown")).alias("grade_known"),
        pl.col("codes").list.contains("mass_assumed").alias("mass_assumed"),
        pl.col("codes").list.contains("power_estimated").alias("power_estimated"),
    ).drop("codes")


def _shaped(
    activities: pl.DataFrame, metrics: pl.DataFrame, matched: Matched, noted: pl.DataFrame
) -> pl.DataFrame:
    """The ledger's rows in the shape of ``workload.ACTIVITIES``."""
    numbers = metrics.select("id", **{column: pl.col(metric) for column, metric in FROM_METRICS.items()})
    shaped = activities.join(numbers, on="id", how="left", maintain_order="left").join(
        matched.series.select(pl.col("activity").alias("id"), "matched_cadence_spm"),
        on="id",
        how="left",
        maintain_order="left",
    )
    return pl.concat([schema.conform(shaped, workload.ACTIVITIES)[0], noted]).sort("start", "id")


def usual(matched: Matched) -> Usual:
    """The athlete's usual pace and step rate; the population's until their own are known."""
    model, speed = matched.model, matched.usual_speed_mps
    if speed is None or not model.runs:
        return Usual()
    return Usual(speed, model.cadence_spm(speed) / float(running.reference_cadence_spm(speed) or 1.0))


def personal_line(matched: Matched) -> tuple[float, float, float, float] | None:
    """Intercept and slope of ln(steps/min) on ln(v/3), and the range of speeds they were learnt from."""
    model = matched.model
    if not model.runs or not model.speed_range_mps:
        return None
    return (model.intercept, model.speed_slope, *model.speed_range_mps)


def with_levers(known: Known, config: Config) -> History:
    """The history with what the article's levers would have taken off the runs of the last ten weeks."""
    model = DownhillModel(config["downhill_model"])
    frame = _with_levers(known.history.activities, known.sums, known.athlete, model, known.as_of)
    return replace(known.history, activities=frame)


def _with_parts(frame: pl.DataFrame, sums: Sums, own: Usual, model: DownhillModel) -> pl.DataFrame:
    """The decomposition of each activity against the athlete's own usual."""
    parts = decomposition.running_linear(sums, own, downhill=model)
    columns = {f"load_{name}_bw_s": pl.Series(values, nan_to_null=True) for name, values in parts.items()}
    of = pl.DataFrame({"id": pl.Series(list(sums), dtype=pl.String)} | columns)
    return frame.drop(columns).join(of, on="id", how="left", maintain_order="left").select(frame.columns)


LEVERS = {
    "step_rate_105": "cadence5",
    "step_rate_110": "cadence10",
    "without_steep": "no_steep",
    "without_prolonged": "no_prolonged",
}


def _with_levers(
    frame: pl.DataFrame,
    sums: Sums,
    athlete: str,
    model: DownhillModel,
    until: date,
) -> pl.DataFrame:
    """Load of each run of the last ten weeks with one thing changed; as it was where a lever does not apply."""
    drawn = uncertainty.Draws.of(athlete, 100)
    columns: dict[str, list[float | None]] = {
        f"whatif_{word}_{unit}": [] for word in LEVERS.values() for unit in ("bw_s", "steps")
    }
    for row in frame.select("id", "day", "way", "knee_load_bw_s", "peak_weighted_steps").iter_rows(
        named=True
    ):
        recent = row["way"] == "run" and (until - row["day"]).days < 70 and row["id"] in sums
        levers = (
            {one.name: one for one in counterfactual.levers(sums[row["id"]], drawn, downhill=model)}
            if recent
            else {}
        )
        for name, word in LEVERS.items():
            lever = levers.get(name)
            columns[f"whatif_{word}_bw_s"].append(lever.linear.value if lever else row["knee_load_bw_s"])
            columns[f"whatif_{word}_steps"].append(lever.peak.value if lever else row["peak_weighted_steps"])
    return frame.with_columns(pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items())


def _noted(ledger: Ledger, athlete: str, until: date) -> pl.DataFrame:
    """Sessions noted by hand (``log add``), in the same shape."""
    rows = []
    for number, note in enumerate(diary.notes(ledger, athlete)):
        day = note.day
        if day > until:
            continue
        strength = note.kind == "strength"
        sport = {"run": "running", "ride": "cycling", "strength": "training"}.get(note.kind, "other")
        seconds = 60.0 * note.minutes
        rows.append(
            {
                "id": f"note-{number}",
                "day": day,
                "start": f"{day.isoformat()}T12:00:00Z",
                "end": f"{day.isoformat()}T12:00:00Z",
                "way": note.kind if note.kind in ("run", "ride") else "other",
                "sport": sport,
                "sub_sport": "strength_training" if strength else None,
                "duration_s": seconds,
                "run_time_s": seconds if note.kind == "run" else None,
                "ride_time_s": seconds if note.kind == "ride" else None,
                "knee_load_bw_s": seconds * running.EASY_LOAD_RATE_BW if note.kind == "run" else None,
                "knee_load_run_bw_s": seconds * running.EASY_LOAD_RATE_BW if note.kind == "run" else None,
                "by_hand": True,
            }
        )
    if not rows:
        return schema.empty(workload.ACTIVITIES)
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("start", "end").str.to_datetime(time_unit="us", time_zone="UTC")
    )
    return schema.conform(frame, workload.ACTIVITIES)[0]


def _coverage(ledger: Ledger, athlete: str, activities: pl.DataFrame, until: date) -> Coverage:
    days_of_failed = ledger.query(
        "select day from files indexed by files_failed where athlete = ? and outcome = 'failed' and day is not null",
        (athlete,),
    )
    with ledger.parsing():
        unreadable = {date.fromisoformat(day) for (day,) in days_of_failed}
    # Indoors there is no descent to miss: the known nothing must not become unknown.
    blind = activities.filter(
        pl.col("way").is_in(["run", "walk"])
        & ~pl.col("altitude_source").is_in(["barometric", "corrected", "terrain"]).fill_null(value=False)
        & ~pl.col("indoor").fill_null(value=False)
    )
    days = activities["day"]
    return Coverage(
        first_day=days.min() if days.len() else None,  # type: ignore[arg-type]
        last_day=days.max() if days.len() else None,  # type: ignore[arg-type]
        unreadable_days=frozenset(day for day in unreadable if day <= until),
        no_altitude_days=frozenset(blind["day"].to_list()),
    )


def _changes(matched: Matched) -> tuple[CadenceChange, ...]:
    changes = []
    for change in matched.changes:
        series = matched.series
        at = series["activity"].to_list().index(change.activity)
        told = min(at + change.found_after_runs, series.height) - 1
        after = float(np.median(series["matched_cadence_spm"][at : told + 1].to_numpy()))
        changes.append(
            CadenceChange(
                day=series["day"][told],
                since=change.date,
                before_spm=after / (1 + change.size_pct / 100),
                after_spm=after,
                runs=change.found_after_runs,
                low=1 + change.low_pct / 100,
                high=1 + change.high_pct / 100,
                explained_by=", ".join(change.explanations),
            )
        )
    return tuple(changes)
