"""Ledger -> History: what findings, headroom, cadence and pages look at, of one athlete as of a day."""

import json
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
from kneeledger.ledger.store import Ledger
from kneeledger.matched_cadence import Matched
from kneeledger.model import AltitudeSource, DownhillModel, FloatArray
from kneeledger.pipeline import diary
from kneeledger.severity import Profile
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
    """The ledger's rows up to the as-of day, newest last, with every metric as a column."""
    sums: Mapping[str, Mapping[str, float]]
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
    day, how = as_of_day(ledger, athlete, as_of)
    rows = ledger.activities(athlete).filter(pl.col("day") <= day)
    if only is not None:
        rows = rows.filter(pl.col("id").is_in(list(only)))
    metrics = ledger.metrics(athlete)
    activities = rows.join(metrics, on="id", how="left", maintain_order="left")
    sums = {name: one for name, one in ledger.sums(athlete).items() if name in set(rows["id"])}
    steady = stretches(ledger, athlete, activities)
    facts = _explaining_facts(activities)
    matched = matched_cadence.analyse(steady, facts, until=day)
    turning = stretches(ledger, athlete, activities, "pedalling_stretches")
    pedalling = matched_cadence.analyse(turning, facts, until=day, params=matched_cadence.RIDES)
    model = DownhillModel(config["downhill_model"])
    pain = diary.pain(ledger, athlete)
    own = usual(matched)
    shaped = _with_parts(_shaped(activities, matched, _noted(ledger, athlete, day)), sums, own, model)
    if what_if:
        shaped = _with_levers(shaped, sums, athlete, model, day)
    history = History(
        activities=shaped,
        coverage=_coverage(ledger, athlete, activities, day),
        draws=_draws(sums, athlete, draws, model),
        pain=pain.filter(pl.col("date") <= day) if pain.height else pain,
        cadence_changes=_changes(matched),
        downhill_model=model,
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
    stacked = ledger.tables(athlete, table)
    for name in ("duration_s", "speed_mps", "cadence_spm", "power_w", "cadence_rpm", "grade"):
        kept = pl.col(name) if name in stacked.columns else pl.lit(None)
        stacked = stacked.with_columns(kept.cast(pl.Float64).alias(name))
    if "level" not in stacked.columns:
        stacked = stacked.with_columns((pl.col("grade").abs() <= LEVEL).alias("level"))
    if "id" not in stacked.columns or stacked.is_empty():
        stacked = stacked.clear().with_columns(pl.lit(None, dtype=pl.String).alias("id"))
    return (
        stacked.with_columns(pl.col("level").cast(pl.Boolean))
        .join(activities.select("id", "day", "start"), on="id", how="inner")
        .sort("start", "id", maintain_order=True)
    )


def _explaining_facts(activities: pl.DataFrame) -> pl.DataFrame:
    about = [json.loads(text) for text in activities["about"]]
    context = [json.loads(text) for text in activities["context"]]
    return pl.DataFrame(
        {
            "id": activities["id"],
            "device": pl.Series([one.get("device") for one in about], dtype=pl.String),
            "indoor": pl.Series([bool(one.get("indoor")) for one in about], dtype=pl.Boolean),
            "gear": pl.Series([one.get("gear") or None for one in context], dtype=pl.String),
        }
    )


def _shaped(activities: pl.DataFrame, matched: Matched, noted: pl.DataFrame) -> pl.DataFrame:
    """The ledger's rows in the shape of ``workload.ACTIVITIES``."""
    about = [json.loads(text) for text in activities["about"]]
    context = [json.loads(text) for text in activities["context"]]
    issues = [{issue["code"] for issue in json.loads(text)} for text in activities["issues"]]
    sources = [one["altitude_source"] for one in about]
    unsure = {AltitudeSource.GPS.value, AltitudeSource.UNKNOWN.value}
    extra = {
        "sub_sport": pl.Series([one["sub_sport"] for one in about], dtype=pl.String),
        "name": pl.Series([one.get("title") or None for one in context], dtype=pl.String),
        "altitude_source": pl.Series(sources, dtype=pl.String),
        "grade_known": pl.Series(
            [s not in unsure and "grade_unknown" not in i for s, i in zip(sources, issues, strict=True)],
            dtype=pl.Boolean,
        ),
        "mass_assumed": pl.Series(["mass_assumed" in i for i in issues], dtype=pl.Boolean),
        "power_estimated": pl.Series(["power_estimated" in i for i in issues], dtype=pl.Boolean),
    }
    have = set(activities.columns)
    shaped = activities.with_columns(
        **extra,
        **{column: pl.col(metric) for column, metric in FROM_METRICS.items() if metric in have},
    ).join(
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


def _with_parts(
    frame: pl.DataFrame, sums: Mapping[str, Mapping[str, float]], own: Usual, model: DownhillModel
) -> pl.DataFrame:
    """The decomposition of each activity against the athlete's own usual."""
    names = ("duration", "pace", "cadence", "downhill", "uphill")
    columns: dict[str, list[float | None]] = {name: [] for name in names}
    for name in frame["id"]:
        parts = {
            p.name: p.linear_bw_s for p in decomposition.from_sums(sums.get(name, {}), own, downhill=model)
        }
        for part in names:
            columns[part].append(parts.get(part))
    return frame.with_columns(
        pl.Series(f"load_{part}_bw_s", values, dtype=pl.Float64) for part, values in columns.items()
    )


LEVERS = {
    "step_rate_105": "cadence5",
    "step_rate_110": "cadence10",
    "without_steep": "no_steep",
    "without_prolonged": "no_prolonged",
}


def _with_levers(
    frame: pl.DataFrame,
    sums: Mapping[str, Mapping[str, float]],
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
    for number, note in enumerate(ledger.entries("notes", athlete)):
        day = date.fromisoformat(note["date"])
        if day > until:
            continue
        strength = note["kind"] == "strength"
        sport = {"run": "running", "ride": "cycling", "strength": "training"}.get(note["kind"], "other")
        seconds = 60.0 * note["minutes"]
        rows.append(
            {
                "id": f"note-{number}",
                "day": day,
                "start": f"{day.isoformat()}T12:00:00Z",
                "end": f"{day.isoformat()}T12:00:00Z",
                "way": note["kind"] if note["kind"] in ("run", "ride") else "other",
                "sport": sport,
                "sub_sport": "strength_training" if strength else None,
                "duration_s": seconds,
                "run_time_s": seconds if note["kind"] == "run" else None,
                "ride_time_s": seconds if note["kind"] == "ride" else None,
                "knee_load_bw_s": seconds * running.EASY_LOAD_RATE_BW if note["kind"] == "run" else None,
                "knee_load_run_bw_s": seconds * running.EASY_LOAD_RATE_BW if note["kind"] == "run" else None,
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
    unreadable = {
        date.fromisoformat(day)
        for (day,) in ledger.query(
            "select day from files where athlete = ? and outcome = 'failed' and day is not null", (athlete,)
        )
    }
    # Indoors there is no descent to miss: the known nothing must not become unknown.
    blind = activities.filter(
        pl.col("way").is_in(["run", "walk"])
        & ~pl.col("about").str.contains('"altitude_source": "(barometric|corrected|terrain)"')
        & ~pl.col("about").str.contains('"indoor": true', literal=True)
    )
    days = activities["day"]
    return Coverage(
        first_day=days.min() if days.len() else None,  # type: ignore[arg-type]
        last_day=days.max() if days.len() else None,  # type: ignore[arg-type]
        unreadable_days=frozenset(day for day in unreadable if day <= until),
        no_altitude_days=frozenset(blind["day"].to_list()),
    )


def _draws(
    sums: Mapping[str, Mapping[str, float]], athlete: str, count: int, model: DownhillModel
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Draws of linear and peak-weighted load by activity, parameters shared."""
    if not sums:
        return {}
    drawn = uncertainty.Draws.of(athlete, count)
    linear, peak = uncertainty.load_draws(list(sums.values()), drawn, downhill=model)
    return {name: (linear[i], peak[i]) for i, name in enumerate(sums) if np.isfinite(linear[i]).all()}


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
