"""Days and outings: what is known of each local day, and which files are one outing.

A day without a file is rest (0) only while the source is believed complete; a gap of more than 14 days, a day whose
file could not be read and the days before the first file are unknown (null). `daily` is the pure function behind the
ledger's daily table: the ledger only calls it. A sport without a knee model adds nothing to the load and is
counted; a descent whose altitude is not believed is null, indoors it is 0.
Instead of: filling every missing day with 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.model import Way
from kneeledger.schema import TIME, Column, Schema, conform, empty
from kneeledger.severity import DESCENT, DISTANCE, KNEE_LOAD
from kneeledger.workload.measures import (
    SEED_DAYS,
    acwr_ewma,
    acwr_rolling,
    earlier,
    fitness_fatigue,
    monotony_daily,
    percentile_of_weeks,
    rolling_sum,
    week_to_week,
)

__all__ = [
    "ACTIVITIES",
    "ALL",
    "ALTITUDE_MEASURES",
    "DAILY",
    "GAP_DAYS",
    "LOAD_MEASURES",
    "MOTION_MEASURES",
    "NUMBER",
    "PAIN",
    "Coverage",
    "believed",
    "by_day_of",
    "daily",
    "is_strength",
    "known_days",
    "outings",
    "workload",
]

GAP_DAYS: Final = 14
"""More days than these without any file are unknown, not rest [days]."""
OUTING_GAP_S: Final = 30 * 60.0
"""Parts of one way of moving closer than this are one outing [s]."""

NUMBER = pl.Float64

ACTIVITIES: Schema = {
    "id": Column(pl.String, "ledger id"),
    "day": Column(pl.Date, "local day of the start"),
    "start": Column(TIME, "first moment, UTC"),
    "end": Column(TIME, "last moment, UTC"),
    "way": Column(pl.String, "run, walk, ride or other, of the activity as a whole"),
    "sport": Column(pl.String, "sport word"),
    "sub_sport": Column(pl.String, "sub-sport word, or null"),
    "name": Column(pl.String, "title, or null"),
    "distance_m": Column(NUMBER, "distance of the whole activity"),
    "duration_s": Column(NUMBER, "timer"),
    "moving_s": Column(NUMBER, "time at 0.5 m/s and more"),
    "run_distance_m": Column(NUMBER, "distance while running"),
    "run_time_s": Column(NUMBER, "time running"),
    "ride_time_s": Column(NUMBER, "time riding"),
    "walk_time_s": Column(NUMBER, "time walking"),
    "descent_m": Column(NUMBER, "descent, null where altitude is missing or not believed"),
    "descent_run_m": Column(NUMBER, "descent while running"),
    "steep_descent_run_m": Column(NUMBER, "descent while running below -10 %"),
    "steps_downhill": Column(NUMBER, "steps of both feet below -2 %"),
    "knee_load_bw_s": Column(NUMBER, "linear knee load per leg, all ways, point model in force"),
    "knee_load_run_bw_s": Column(NUMBER, "of which running"),
    "knee_load_walk_bw_s": Column(NUMBER, "of which walking"),
    "knee_load_ride_bw_s": Column(NUMBER, "of which riding"),
    "peak_weighted_steps": Column(NUMBER, "reference steps per leg, all ways"),
    "peak_weighted_steps_run": Column(NUMBER, "of which running"),
    "peak_weighted_steps_walk": Column(NUMBER, "of which walking"),
    "peak_weighted_steps_ride": Column(NUMBER, "of which riding"),
    "knee_load_none_bw_s": Column(NUMBER, "linear load with no downhill gain"),
    "knee_load_mechanics_bw_s": Column(NUMBER, "linear load with the mechanics gain"),
    "altitude_source": Column(pl.String, "where the altitude comes from"),
    "grade_known": Column(pl.Boolean, "false where bands are null; kept out of downhill findings"),
    "mass_assumed": Column(pl.Boolean, "body mass was not known"),
    "power_estimated": Column(pl.Boolean, "cycling power was estimated, not measured"),
    "matched_cadence_spm": Column(NUMBER, "cadence at 3 m/s on the level, this activity"),
    "by_hand": Column(pl.Boolean, "totals only"),
    "load_duration_bw_s": Column(NUMBER, "decomposition (decisions 21): time at the usual pace and cadence"),
    "load_pace_bw_s": Column(NUMBER, "decomposition: pace"),
    "load_cadence_bw_s": Column(NUMBER, "decomposition: cadence"),
    "load_downhill_bw_s": Column(NUMBER, "decomposition: downhill"),
    "load_uphill_bw_s": Column(NUMBER, "decomposition: uphill, at most 0"),
    "whatif_cadence5_bw_s": Column(NUMBER, "linear load at +5 % step rate, same speed"),
    "whatif_cadence10_bw_s": Column(NUMBER, "linear load at +10 % step rate, same speed"),
    "whatif_no_steep_bw_s": Column(NUMBER, "linear load with the steep descents at level"),
    "whatif_no_prolonged_bw_s": Column(NUMBER, "linear load with the prolonged descents at level"),
    "whatif_cadence5_steps": Column(NUMBER, "peak-weighted twin"),
    "whatif_cadence10_steps": Column(NUMBER, "peak-weighted twin"),
    "whatif_no_steep_steps": Column(NUMBER, "peak-weighted twin"),
    "whatif_no_prolonged_steps": Column(NUMBER, "peak-weighted twin"),
}
"""One row an activity, one athlete, duplicates removed, in order of start; null where unknown."""

PAIN: Schema = {
    "date": Column(pl.Date, "day of the activity it speaks of"),
    "during": Column(pl.String, "none, tolerable or beyond"),
    "after": Column(pl.String, "none, tolerable or beyond"),
    "next_morning": Column(pl.String, "baseline, better or worse"),
    "limp": Column(pl.Boolean, "made the athlete limp"),
    "swelling": Column(pl.Boolean, "visible swelling"),
    "sitting": Column(pl.Boolean, "pain after sitting"),
    "stairs": Column(pl.Boolean, "pain on stairs"),
    "side": Column(pl.String, "left or right"),
    "rating": Column(NUMBER, "0-10, for the trend only", 0, 10),
    "note": Column(pl.String, "the athlete's own words"),
}
"""The pain log, one row an entry; what it means is in `symptoms`."""

DAILY: Schema = {
    "day": Column(pl.Date, "local day, none missing"),
    "known": Column(pl.Boolean, "false where nothing can be said of the day"),
    "altitude_known": Column(pl.Boolean, "false where an activity on foot has no believed altitude"),
    "sessions": Column(pl.Int64, "activities"),
    "sessions_run": Column(pl.Int64, "activities that are runs"),
    "sessions_walk": Column(pl.Int64, "activities that are walks or hikes"),
    "sessions_ride": Column(pl.Int64, "activities that are rides"),
    "sessions_strength": Column(pl.Int64, "strength sessions: no knee load is invented for them"),
    "sessions_without_load": Column(pl.Int64, "activities of a sport without a knee model"),
    "run_distance_m": Column(NUMBER, "running distance"),
    "longest_run_m": Column(NUMBER, "longest run of the day, parts joined"),
    "run_time_s": Column(NUMBER, "running time"),
    "walk_time_s": Column(NUMBER, "walking time"),
    "ride_time_s": Column(NUMBER, "cycling time"),
    "descent_m": Column(NUMBER, "descent on foot"),
    "descent_run_m": Column(NUMBER, "descent while running"),
    "steep_descent_run_m": Column(NUMBER, "descent while running below -10 %"),
    "steps_downhill": Column(NUMBER, "steps downhill"),
    "knee_load_bw_s": Column(NUMBER, "linear knee load, all ways"),
    "knee_load_run_bw_s": Column(NUMBER, "of which running"),
    "knee_load_walk_bw_s": Column(NUMBER, "of which walking"),
    "knee_load_ride_bw_s": Column(NUMBER, "of which riding"),
    "peak_weighted_steps": Column(NUMBER, "peak-weighted knee load, all ways"),
    "peak_weighted_steps_run": Column(NUMBER, "of which running"),
    "peak_weighted_steps_walk": Column(NUMBER, "of which walking"),
    "peak_weighted_steps_ride": Column(NUMBER, "of which riding"),
}
"""One row a local day from the first file to the as-of day."""

ALTITUDE_MEASURES: Final = ("descent_m", "descent_run_m", "steep_descent_run_m", "steps_downhill")
LOAD_MEASURES: Final = tuple(name for name in DAILY if name.startswith(("knee_load", "peak_weighted")))
MOTION_MEASURES: Final = ("run_distance_m", "run_time_s", "walk_time_s", "ride_time_s")
ALL: Final = (*MOTION_MEASURES, *ALTITUDE_MEASURES, *LOAD_MEASURES, "longest_run_m", "sessions")
"""Measures `workload` can be asked for."""
STRENGTH: Final = ("strength_training", "strength")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What days are known, beyond what the activities themselves show."""

    first_day: date | None = None
    """Day of the first file (None: of the first activity)."""
    last_day: date | None = None
    """Day of the newest file (None: of the newest activity)."""
    unreadable_days: frozenset[date] = frozenset()
    """Days of files that could not be read, where the day is known: something was done, unknown what."""
    no_altitude_days: frozenset[date] = frozenset()
    """Days whose descent cannot be told although the file was read."""
    complete: bool = True
    """False where the source is not believed complete: then a day without a file is unknown."""

    def until(self, as_of: date) -> "Coverage":
        """What was known on that day."""
        return replace(
            self,
            last_day=None if self.last_day is None else min(self.last_day, as_of),
            unreadable_days=frozenset(day for day in self.unreadable_days if day <= as_of),
            no_altitude_days=frozenset(day for day in self.no_altitude_days if day <= as_of),
        )


class KnownDays:
    """Which days are known, as a reader of any one day could tell it.

    A day without a file is known (rest) while the source is believed complete and no more than 14 days pass
    without any file; the stretch since the newest file is judged alike, so that a day may be taken for rest
    at first and for unknown once the gap has grown. That is what a reader of that day could know.

    What lies before the newest file of a day is the same for every later day: it is worked out once.
    """

    def __init__(self, file_days: Iterable[date], coverage: Coverage) -> None:
        with_file = {day.toordinal() for day in file_days}
        unreadable = {day.toordinal() for day in coverage.unreadable_days}
        self._first = coverage.first_day.toordinal() if coverage.first_day else None
        self._complete = coverage.complete
        self._marks = np.array(sorted(with_file | unreadable), dtype=np.int64)
        if not self._marks.size:
            return
        begin = int(self._marks[0])
        known = np.full(int(self._marks[-1]) - begin + 1, coverage.complete)
        wide = np.flatnonzero(np.diff(self._marks) - 1 > GAP_DAYS)
        for left, right in zip(self._marks[wide].tolist(), self._marks[wide + 1].tolist(), strict=True):
            known[left + 1 - begin : right - begin] = False
        known[[day - begin for day in with_file]] = True
        known[[day - begin for day in unreadable]] = False
        self._between = known

    def until(self, as_of: date) -> npt.NDArray[np.bool_]:
        """From the first file's day to the as-of day, both included; empty where there is no file yet.

        Returns
        -------
        array of bool, shape (days,)
        """
        last = as_of.toordinal()
        marks = self._marks[: np.searchsorted(self._marks, last, side="right")]
        begins = [int(marks[0])] if marks.size else []
        begins += [] if self._first is None else [self._first]
        if not begins or min(begins) > last:
            return np.zeros(0, dtype=np.bool_)
        begin = min(begins)
        if not marks.size:
            return np.full(last - begin + 1, self._still(last - begin + 1))
        first, newest = int(marks[0]), int(marks[-1])
        return np.concatenate(
            (
                np.full(first - begin, self._still(first - begin)),
                self._between[: newest - first + 1],
                np.full(last - newest, self._still(last - newest)),
            )
        )

    def _still(self, days: int) -> bool:
        """Whether so many days without a file are taken for rest."""
        return self._complete and days <= GAP_DAYS


def known_days(file_days: Iterable[date], coverage: Coverage, *, as_of: date) -> npt.NDArray[np.bool_]:
    """Which days from the first file to the as-of day are known, as they were known on it; see `KnownDays`.

    Returns
    -------
    array of bool, shape (days from the first file to `as_of`, both included,)
        Empty where there is no file yet.
    """
    return KnownDays(file_days, coverage).until(as_of)


INDOOR: Final = ("treadmill", "indoor_running", "indoor_walking", "indoor_cycling", "virtual_activity")
JOINED: Final = (Way.RUN.value, Way.WALK.value, Way.RIDE.value)
SUMMED: Final = tuple(
    name for name, column in ACTIVITIES.items() if column.dtype == NUMBER and name != "matched_cadence_spm"
)


def is_strength() -> pl.Expr:
    """Which activities are strength sessions, by sport or sub-sport."""
    return (pl.col("sub_sport").is_in(STRENGTH) | pl.col("sport").is_in(STRENGTH)).fill_null(value=False)


def _descent_known() -> pl.Expr:
    """Activities whose descent may be spoken of: believed grade, or indoors (no descent at all)."""
    return pl.col("sub_sport").is_in(INDOOR).fill_null(value=False) | (
        pl.col("grade_known").fill_null(value=False) & pl.col("descent_m").is_not_null()
    )


def believed(activities: pl.DataFrame) -> pl.DataFrame:
    """The frame in its shape and order, with descent null where it is not believed and 0 indoors."""
    frame, _ = conform(activities, ACTIVITIES)
    indoor = pl.col("sub_sport").is_in(INDOOR).fill_null(value=False)
    return frame.sort("start", "id").with_columns(
        [
            pl.when(indoor).then(0.0).when(_descent_known()).then(pl.col(name)).otherwise(None).alias(name)
            for name in ALTITUDE_MEASURES
        ]
    )


def outings(activities: pl.DataFrame) -> pl.DataFrame:
    """Activities with the parts of one outing joined: same way of moving, less than 30 min apart.

    A watch restarted on the way makes two files of one run, and a session spike compares runs, not files. Legs
    of a multisport file stay apart by their way. `other` is never joined: two gym sessions are two; nor is what
    has no length in time, since only its day is known.

    Returns
    -------
    frame
        Columns of `ACTIVITIES`, summed (null where a part is null), and ``ids`` (the parts), ``last_day``
        (local day of the last part's start). `id` is the first part's.
    """
    frame = believed(activities)
    number: list[int] = []
    running: dict[str, tuple[int, float]] = {}
    count = 0
    for way, start, end in zip(
        frame["way"], frame["start"].dt.epoch("ms"), frame["end"].dt.epoch("ms"), strict=True
    ):
        begin = start / 1000.0
        finish = begin if end is None else end / 1000.0
        before = running.get(way)
        # What was noted by hand has a day and no hour: it is part of no other outing.
        placed = finish > begin
        if way in JOINED and placed and before is not None and begin - before[1] < OUTING_GAP_S:
            number.append(before[0])
            running[way] = (before[0], max(before[1], finish))
            continue
        number.append(count)
        if placed:
            running[way] = (count, finish)
        count += 1
    if count == frame.height:
        return frame.with_columns(pl.concat_list("id").alias("ids"), pl.col("day").alias("last_day"))
    first = [name for name in ACTIVITIES if name not in SUMMED]
    return (
        frame.with_columns(pl.Series("outing", number, dtype=pl.Int64))
        .group_by("outing", maintain_order=True)
        .agg(
            [pl.col(name).first() for name in first if name not in FLAGS and name != "end"]
            + [pl.col("end").max()]
            + [pl.col("grade_known").all(ignore_nulls=False)]
            + [pl.col(name).any() for name in FLAGS if name != "grade_known"]
            + [
                pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).otherwise(None).alias(name)
                for name in SUMMED
            ]
            + [pl.col("id").alias("ids"), pl.col("day").last().alias("last_day")]
        )
        .sort("start", "id")
        .select([*ACTIVITIES, "ids", "last_day"])
    )


FLAGS: Final = ("grade_known", "mass_assumed", "power_estimated", "by_hand")


def _of_way(name: str, ways: tuple[Way, ...]) -> pl.Expr:
    """Daily sum: null where an activity of these ways has no value, other ways add what they have."""
    lacking = (pl.col("way").is_in([way.value for way in ways]) & pl.col(name).is_null()).any()
    return pl.when(lacking).then(None).otherwise(pl.col(name).sum()).alias(name)


FOOT: Final = (Way.RUN, Way.WALK)
MOVING: Final = (Way.RUN, Way.WALK, Way.RIDE)
OWN_WAY: Final[Mapping[str, tuple[Way, ...]]] = {
    "run_distance_m": (Way.RUN,),
    "run_time_s": (Way.RUN,),
    "walk_time_s": (Way.WALK,),
    "ride_time_s": (Way.RIDE,),
    "descent_run_m": (Way.RUN,),
    "steep_descent_run_m": (Way.RUN,),
    "steps_downhill": FOOT,
    "knee_load_bw_s": MOVING,
    "knee_load_run_bw_s": (Way.RUN,),
    "knee_load_walk_bw_s": (Way.WALK,),
    "knee_load_ride_bw_s": (Way.RIDE,),
    "peak_weighted_steps": MOVING,
    "peak_weighted_steps_run": (Way.RUN,),
    "peak_weighted_steps_walk": (Way.WALK,),
    "peak_weighted_steps_ride": (Way.RIDE,),
}


def by_day_of(activities: pl.DataFrame) -> pl.DataFrame:
    """One row a day that has activities; no statement about the days between."""
    foot = pl.col("way").is_in([way.value for way in FOOT])
    counts = [(pl.col("way") == way.value).sum().alias(f"sessions_{way.value}") for way in MOVING]
    return (
        believed(activities)
        .group_by("day")
        .agg(
            pl.len().alias("sessions"),
            *counts,
            is_strength().sum().alias("sessions_strength"),
            (~pl.col("way").is_in([way.value for way in MOVING]) & pl.col("knee_load_bw_s").is_null())
            .sum()
            .alias("sessions_without_load"),
            (~(foot & pl.col("descent_m").is_null())).all().alias("altitude_known"),
            pl.when((foot & pl.col("descent_m").is_null()).any())
            .then(None)
            .otherwise(pl.col("descent_m").filter(foot).sum())
            .alias("descent_m"),
            *[_of_way(name, ways) for name, ways in OWN_WAY.items()],
        )
        .sort("day")
    )


def daily(activities: pl.DataFrame, *, as_of: date, coverage: Coverage | None = None) -> pl.DataFrame:
    """The daily series up to the as-of day, knowing only what was known then.

    Parameters
    ----------
    activities : frame of `ACTIVITIES`
    as_of : date
        Last day of the series; later activities are not looked at.
    coverage : Coverage, optional

    Returns
    -------
    frame of `DAILY`
        One row a local day; measures are null, not 0, where they are unknown. A sport without a knee model
        adds nothing to the load and is counted in ``sessions_without_load``.
    """
    coverage = coverage or Coverage()
    past = activities.filter(pl.col("day") <= as_of)
    known = known_days(past["day"], coverage, as_of=as_of)
    if not known.size:
        return empty(DAILY)
    first = as_of - timedelta(days=known.size - 1)
    blank = coverage.until(as_of).no_altitude_days
    longest = (
        outings(past)
        .filter(pl.col("way") == Way.RUN.value)
        .group_by("day")
        .agg(pl.col("distance_m").max().alias("longest_run_m"))
    )
    frame = (
        pl.DataFrame(
            {
                "day": pl.date_range(first, as_of, "1d", eager=True),
                "known": pl.Series(known, dtype=pl.Boolean),
            }
        )
        .join(by_day_of(past), on="day", how="left")
        .join(longest, on="day", how="left")
    )
    nothing = pl.col("sessions").is_null()
    counts = [name for name, column in DAILY.items() if column.dtype == pl.Int64]
    sums = [name for name, column in DAILY.items() if column.dtype == NUMBER]
    rested = pl.col("known") & nothing
    no_run = pl.col("known") & (pl.col("sessions_run").fill_null(0) == 0)
    altitude = pl.col("altitude_known").fill_null(pl.col("known")) & ~pl.col("day").is_in(sorted(blank))
    return (
        frame.with_columns(altitude.alias("altitude_known"))
        .with_columns(
            [pl.when(rested).then(0).otherwise(pl.col(name)).alias(name) for name in counts]
            + [
                pl.when(no_run if name == "longest_run_m" else rested)
                .then(0.0)
                .otherwise(pl.col(name))
                .alias(name)
                for name in sums
            ]
        )
        .with_columns(
            [pl.when("known").then(pl.col(name)).otherwise(None).alias(name) for name in (*counts, *sums)]
        )
        .with_columns(
            [
                pl.when("altitude_known").then(pl.col(name)).otherwise(None).alias(name)
                for name in ALTITUDE_MEASURES
            ]
        )
        .select([pl.col(name).cast(column.dtype) for name, column in DAILY.items()])
    )


LEAST_WEEK: Final[Mapping[str, float]] = {
    "run_distance_m": DISTANCE.floor,
    "longest_run_m": DISTANCE.floor,
    "run_time_s": 600.0,
    "walk_time_s": 600.0,
    "ride_time_s": 600.0,
    "descent_m": DESCENT.floor,
    "descent_run_m": DESCENT.floor,
    "steep_descent_run_m": DESCENT.floor,
    "steps_downhill": 500.0,
    "knee_load_bw_s": KNEE_LOAD.floor,
    "knee_load_run_bw_s": KNEE_LOAD.floor,
    "knee_load_walk_bw_s": KNEE_LOAD.floor,
    "knee_load_ride_bw_s": KNEE_LOAD.floor,
}
"""Usual week below which a ratio is not made: the difference is told instead (project rule)."""

START_UP_DAYS: Final = 28
"""No ratio before this many known days in a row."""


def workload(
    days: pl.DataFrame,
    measures: Sequence[str] = ("run_distance_m", "run_time_s", "descent_m", "knee_load_bw_s"),
) -> pl.DataFrame:
    """Every measure of workload by its full name, one row a day and measure.

    Parameters
    ----------
    days : frame of `DAILY`
    measures : names of its columns

    Returns
    -------
    frame
        ``day, measure, value, known, week, usual_week, week_difference, percentile_26_weeks,
        acwr_rolling_coupled_7_28, acwr_rolling_uncoupled_7_21, acwr_ewma_coupled_7_28,
        acwr_ewma_uncoupled_7_28, week_to_week, fitness_42, fatigue_7, balance, monotony, strain``. Ratios are
        null in the first 27 days, over an unknown day, and where the usual week is nearly nothing; EWMA is
        seeded with the mean of the first 7 days.
    """
    parts = []
    for measure in measures:
        load = days[measure].cast(NUMBER).fill_null(np.nan).to_numpy()
        start = load[:SEED_DAYS]
        seed = float(start.mean()) if start.size and np.isfinite(start).all() else None
        week = rolling_sum(load, 7)
        usual = earlier(rolling_sum(load, 28), 7) / 4.0
        balance = fitness_fatigue(load)
        monotone = monotony_daily(load)
        least = LEAST_WEEK.get(measure, 0.0)
        ratios = {
            "acwr_rolling_coupled_7_28": acwr_rolling(load),
            "acwr_rolling_uncoupled_7_21": acwr_rolling(load, coupled=False),
            "acwr_ewma_coupled_7_28": acwr_ewma(load, seed=seed),
            "acwr_ewma_uncoupled_7_28": acwr_ewma(load, coupled=False, seed=seed),
            "week_to_week": week_to_week(load),
        }
        month = rolling_sum(load, 28) / 4.0
        with np.errstate(invalid="ignore"):
            small = ~(month >= least)
        for ratio in ratios.values():
            ratio[small] = np.nan
            ratio[: START_UP_DAYS - 1] = np.nan
        columns = {
            "week": week,
            "usual_week": usual,
            "week_difference": week - usual,
            "percentile_26_weeks": percentile_of_weeks(load),
            **ratios,
            "fitness_42": balance.fitness,
            "fatigue_7": balance.fatigue,
            "balance": balance.balance,
            "monotony": monotone,
            "strain": week * monotone,
        }
        parts.append(
            days.select(
                "day", pl.lit(measure).alias("measure"), pl.col(measure).cast(NUMBER).alias("value"), "known"
            ).with_columns([pl.Series(name, values).fill_nan(None) for name, values in columns.items()])
        )
    return pl.concat(parts)
