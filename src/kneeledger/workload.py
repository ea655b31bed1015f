"""Days and weeks against what the athlete is used to: daily series, ratios by their full names, outings.

Everything here is a pure function of the past: the value at day t uses days up to t and nothing else, so
that history can be replayed and "what would have been said that day" is the same code on shorter input.
A day without a file is rest (0) only while the source is believed complete; a gap of more than 14 days, a day
whose file could not be read and the days before the first file are unknown (null, NaN inside numpy), and an
unknown day makes every window that holds it unknown. Averages are over calendar days, never over
activities. EWMA uses lambda = 2/(N+1), the fitness-fatigue balance 1-exp(-1/tau): they are not the same
decay. Ratios are descriptors with their variant in the name; in the largest study of runners the ratio
related negatively to injury ([Frandsen2025]_), so nothing here is coloured by them.
`daily` is the pure function behind the ledger's daily table: the ledger only calls it.
Instead of: a reference package (the R package ACWR averages over rows, not days, and its uncoupled ratio is
1.4 on a constant load), or zero-seeded averages.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.model import DownhillModel, FloatArray, Way
from kneeledger.schema import TIME, Column, Schema, conform, empty
from kneeledger.severity import DESCENT, DISTANCE, KNEE_LOAD, MEASURES, Measure

__all__ = [
    "ACTIVITIES",
    "ALL",
    "DAILY",
    "GAP_DAYS",
    "PAIN",
    "CadenceChange",
    "Comparison",
    "Coverage",
    "FitnessFatigue",
    "History",
    "Series",
    "acwr_ewma",
    "acwr_rolling",
    "compare",
    "daily",
    "ewma",
    "fitness_fatigue",
    "is_strength",
    "known_days",
    "longest_before",
    "monotony",
    "monotony_daily",
    "outings",
    "percentile_of_weeks",
    "ratio_interval",
    "session_spike",
    "strain",
    "week_difference",
    "week_to_week",
    "workload",
]

GAP_DAYS: Final = 14
"""More days than these without any file are unknown, not rest [days]."""
WINDOW_DAYS: Final = 30
"""A session is compared with the longest of this many days before [days]."""
OUTING_GAP_S: Final = 30 * 60.0
"""Parts of one way of moving closer than this are one outing [s]."""
SEED_DAYS: Final = 7
"""The product seeds an average with the mean of this many first days [days]."""

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


# --- plain daily arrays -----------------------------------------------------------------------------------


def _array(load: npt.ArrayLike) -> FloatArray:
    return np.atleast_1d(np.asarray(load, dtype=np.float64))


def _stretches(load: FloatArray) -> list[tuple[int, int]]:
    """Half-open runs of known days."""
    known = np.concatenate(([False], np.isfinite(load), [False]))
    edges = np.flatnonzero(known[1:] != known[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def ewma(load: npt.ArrayLike, days: int, *, seed: float | None = None) -> FloatArray:
    """Exponentially weighted mean of a daily load, lambda = 2/(days+1) ([Williams2017]_).

    Parameters
    ----------
    load : array of shape (n,)
        One value a calendar day, rest days as 0, unknown days as NaN.
    days : int
        N of the average [days].
    seed : float, optional
        Value before the first day. None starts at the first day's own load, as the published example does;
        the product passes the mean of the first 7 days, because a first-day seed swings for weeks.

    Returns
    -------
    array of shape (n,)
        NaN on an unknown day and until `days` known days have followed it. There the average starts anew: from
        the first known day, or with a seed from the mean of the first 7 (fewer where `days` is less).
    """
    values = _array(load)
    lam = 2.0 / (days + 1.0)
    out = np.full(values.size, np.nan)
    for begin, end in _stretches(values):
        stretch = values[begin:end].tolist()
        warm = 0
        if begin == 0:
            level = stretch[0] if seed is None else seed
        else:
            warm = days - 1
            level = stretch[0] if seed is None else float(np.mean(stretch[: min(SEED_DAYS, days)]))
        means: list[float] = []
        for value in stretch:
            level += lam * (value - level)
            means.append(level)
        out[begin + warm : end] = means[warm:]
    return out


def _rolling_sum(load: FloatArray, days: int) -> FloatArray:
    """Sum of the last `days` days; NaN before there are so many and where one of them is unknown.

    Summed window by window, not by differences of a running total: those would leave a residue of past
    loads in a week of rest, and a ratio of residues.
    """
    out = np.full(load.size, np.nan)
    if load.size >= days:
        out[days - 1 :] = np.lib.stride_tricks.sliding_window_view(load, days).sum(axis=1)
    return out


def _earlier(values: FloatArray, days: int) -> FloatArray:
    """The series as it was `days` days before."""
    out = np.full(values.size, np.nan)
    if values.size > days:
        out[days:] = values[:-days] if days else values
    return out


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Elementwise ratio; NaN where the lower part is not above 0 or is next to nothing."""
    out = np.full(above.size, np.nan)
    with np.errstate(over="ignore"):
        np.divide(above, below, out=out, where=below > 0)
    out[np.isinf(out)] = np.nan
    return out


def acwr_rolling(
    load: npt.ArrayLike, acute: int = 7, chronic: int = 28, *, coupled: bool = True
) -> FloatArray:
    """Rolling acute:chronic ratio. A descriptor: in the largest study it related negatively to injury.

    Coupled: mean of the last `acute` days over the mean of the last `chronic` days. Uncoupled: over the mean
    of days t-(chronic-1) to t-acute, that is 7:21 for 7 and 28. For 7 and 28 the two are tied,
    coupled = 4 u/(u+3), so that the coupled one stays below 4.

    Returns
    -------
    array of shape (n,)
        NaN before `chronic` days, where a day of the window is unknown, and over a chronic load of 0.
    """
    values = _array(load)
    short = _rolling_sum(values, acute) / acute
    if coupled:
        return _ratio(short, _rolling_sum(values, chronic) / chronic)
    span = chronic - acute
    return _ratio(short, _earlier(_rolling_sum(values, span) / span, acute))


def acwr_ewma(
    load: npt.ArrayLike,
    acute: int = 7,
    chronic: int = 28,
    *,
    coupled: bool = True,
    seed: float | None = None,
) -> FloatArray:
    """EWMA acute:chronic ratio ([Williams2017]_); uncoupled takes the chronic average of t-acute.

    Returns
    -------
    array of shape (n,)
        From the first day on, as the published example; statements about it should wait for day 28.
    """
    values = _array(load)
    slow = ewma(values, chronic, seed=seed)
    return _ratio(ewma(values, acute, seed=seed), slow if coupled else _earlier(slow, acute))


def monotony(load: npt.ArrayLike, *, ddof: int = 1) -> float:
    """Foster's monotony of one week: mean over standard deviation of its daily loads ([Foster2001]_).

    Parameters
    ----------
    load : array of shape (n,)
        The days of the week (the product passes 7 daily sums).
    ddof : int
        1 = sample deviation (the product); 0 = population deviation. The printed example of the paper needs
        nine workouts and 0.

    Returns
    -------
    float
        NaN where a day is unknown or all days are alike: undefined, not infinite.
    """
    values = _array(load)
    if values.size <= ddof or not np.isfinite(values).all() or np.ptp(values) == 0:
        return math.nan
    return float(values.mean() / values.std(ddof=ddof))


def strain(load: npt.ArrayLike, *, ddof: int = 1) -> float:
    """Foster's strain of one week: its sum times its monotony ([Foster2001]_)."""
    return float(_array(load).sum() * monotony(load, ddof=ddof))


def monotony_daily(load: npt.ArrayLike, days: int = 7) -> FloatArray:
    """Monotony of the `days` days up to each day, sample deviation; shape (n,), NaN where undefined."""
    values = _array(load)
    out = np.full(values.size, np.nan)
    if values.size >= days:
        windows = np.lib.stride_tricks.sliding_window_view(values, days)
        spread = windows.std(axis=1, ddof=1)
        spread[np.ptp(windows, axis=1) == 0] = 0.0
        out[days - 1 :] = _ratio(windows.mean(axis=1), spread)
    return out


def week_to_week(load: npt.ArrayLike) -> FloatArray:
    """Sum of the last 7 days over the sum of the 7 before; shape (n,), NaN where undefined."""
    week = _rolling_sum(_array(load), 7)
    return _ratio(week, _earlier(week, 7))


def week_difference(load: npt.ArrayLike) -> FloatArray:
    """Last 7 days minus the mean week of days t-34 to t-7, in the unit of the load; shape (n,)."""
    values = _array(load)
    return _rolling_sum(values, 7) - _earlier(_rolling_sum(values, 28), 7) / 4.0


def percentile_of_weeks(load: npt.ArrayLike, weeks: int = 26, *, least: int = 8) -> FloatArray:
    """Where the last 7 days stand among the athlete's own last `weeks` weeks before them [0-100].

    The weeks are the blocks of 7 days that end at t-7, t-14 and so on; ties count half.

    Returns
    -------
    array of shape (n,)
        NaN where fewer than `least` of these weeks are known, or the last 7 days are not.
    """
    week = _rolling_sum(_array(load), 7)
    own = np.stack([_earlier(week, 7 * back) for back in range(1, weeks + 1)])
    known = np.isfinite(own)
    slack = 1e-9 * np.maximum(np.abs(week), 1.0)
    with np.errstate(invalid="ignore"):
        below = (own < week - slack).sum(axis=0)
        ties = (np.abs(own - week) <= slack).sum(axis=0)
    count = known.sum(axis=0)
    share = _ratio(100.0 * (below + ties / 2.0), count.astype(np.float64))
    share[(count < least) | ~np.isfinite(week)] = np.nan
    return share


class FitnessFatigue(NamedTuple):
    """Long-term load, short-term load, and their difference carried to the next day."""

    fitness: FloatArray
    fatigue: FloatArray
    balance: FloatArray


def fitness_fatigue(load: npt.ArrayLike, slow: int = 42, fast: int = 7) -> FitnessFatigue:
    """Banister's balance in the form of the performance-management chart ([GoldenCheetah]_).

    Each average moves by 1-exp(-1/tau) of its distance to the day's load and starts at 0. The balance is
    fitness minus fatigue of the day, and is read as the form of the day after.

    Returns
    -------
    FitnessFatigue
        Arrays of shape (n,). After an unknown day both restart from the mean of the first 7 known days and
        are NaN until `slow` known days have passed.
    """
    values = _array(load)
    both: list[FloatArray] = []
    for tau in (slow, fast):
        gain = -math.expm1(-1.0 / tau)
        out = np.full(values.size, np.nan)
        for begin, end in _stretches(values):
            stretch = values[begin:end].tolist()
            level = float(np.mean(stretch[:SEED_DAYS])) if begin else 0.0
            warm = slow - 1 if begin else 0
            means: list[float] = []
            for value in stretch:
                level += gain * (value - level)
                means.append(level)
            out[begin + warm : end] = means[warm:]
        both.append(out)
    return FitnessFatigue(both[0], both[1], both[0] - both[1])


def longest_before(
    dates: Sequence[date], values: npt.ArrayLike, days: int = WINDOW_DAYS
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """For each session the largest of the sessions before it on the `days` days before or earlier that day.

    Parameters
    ----------
    dates : sequence of date, length n
        Local days, in order of start.
    values : array of shape (n,)
        NaN where unknown: such a session is never the largest.

    Returns
    -------
    largest : array of shape (n,)
        NaN where the window is empty.
    index : array of shape (n,)
        Which session it was, -1 where the window is empty. Never the session itself.
    """
    sizes = _array(values).tolist()
    ordinals = [day.toordinal() for day in dates]
    largest = np.full(len(sizes), np.nan)
    index = np.full(len(sizes), -1, dtype=np.int64)
    window: deque[int] = deque()
    for now, (ordinal, size) in enumerate(zip(ordinals, sizes, strict=True)):
        if now and ordinal < ordinals[now - 1]:
            raise ValueError("sessions must be in order of their days")
        while window and ordinals[window[0]] < ordinal - days:
            window.popleft()
        if window:
            index[now] = window[0]
            largest[now] = sizes[window[0]]
        if math.isnan(size):
            continue
        while window and sizes[window[-1]] < size:
            window.pop()
        window.append(now)
    return largest, index


def session_spike(dates: Sequence[date], values: npt.ArrayLike, days: int = WINDOW_DAYS) -> FloatArray:
    """Each session over the largest of the `days` days before, itself excluded ([Frandsen2025]_).

    Returns
    -------
    array of shape (n,)
        NaN where there is nothing to compare with (an empty window, or a largest of 0).
    """
    return _ratio(_array(values), longest_before(dates, values, days)[0])


# --- what is known ----------------------------------------------------------------------------------------


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


def known_days(file_days: Iterable[date], coverage: Coverage, *, as_of: date) -> npt.NDArray[np.bool_]:
    """Which days from the first file to the as-of day are known, as they were known on the as-of day.

    A day without a file is known (rest) while the source is believed complete and no more than 14 days pass
    without any file; the stretch since the newest file is judged alike, so that a day may be taken for rest
    at first and for unknown once the gap has grown. That is what a reader of that day could know.

    Returns
    -------
    array of bool, shape (days from the first file to `as_of`, both included,)
        Empty where there is no file yet.
    """
    with_file = {day.toordinal() for day in file_days if day <= as_of}
    unreadable = {day.toordinal() for day in coverage.unreadable_days if day <= as_of}
    marks = np.array(sorted(with_file | unreadable), dtype=np.int64)
    begin = coverage.first_day.toordinal() if coverage.first_day else None
    if marks.size:
        begin = int(marks[0]) if begin is None else min(begin, int(marks[0]))
    if begin is None or begin > as_of.toordinal():
        return np.zeros(0, dtype=np.bool_)
    known = np.full(as_of.toordinal() - begin + 1, coverage.complete)
    fences = np.concatenate(([begin - 1] if not marks.size or marks[0] > begin else [], marks))
    fences = np.append(fences, as_of.toordinal() + 1).astype(np.int64)
    for left, right in zip(fences[:-1].tolist(), fences[1:].tolist(), strict=True):
        if right - left - 1 > GAP_DAYS:
            known[left + 1 - begin : right - begin] = False
    known[[day - begin for day in with_file]] = True
    known[[day - begin for day in unreadable]] = False
    return known


# --- outings ----------------------------------------------------------------------------------------------

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


def _believed(activities: pl.DataFrame) -> pl.DataFrame:
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
    of a multisport file stay apart by their way. `other` is never joined: two gym sessions are two.

    Returns
    -------
    frame
        Columns of `ACTIVITIES`, summed (null where a part is null), and ``ids`` (the parts), ``last_day``
        (local day of the last part's start). `id` is the first part's.
    """
    frame = _believed(activities)
    number: list[int] = []
    running: dict[str, tuple[int, float]] = {}
    count = 0
    for way, start, end in zip(
        frame["way"], frame["start"].dt.epoch("ms"), frame["end"].dt.epoch("ms"), strict=True
    ):
        begin = start / 1000.0
        finish = begin if end is None else end / 1000.0
        before = running.get(way)
        if way in JOINED and before is not None and begin - before[1] < OUTING_GAP_S:
            number.append(before[0])
            running[way] = (before[0], max(before[1], finish))
            continue
        number.append(count)
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


# --- daily ------------------------------------------------------------------------------------------------


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


def _by_day(activities: pl.DataFrame) -> pl.DataFrame:
    """One row a day that has activities; no statement about the days between."""
    foot = pl.col("way").is_in([way.value for way in FOOT])
    counts = [(pl.col("way") == way.value).sum().alias(f"sessions_{way.value}") for way in MOVING]
    return (
        _believed(activities)
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
        .join(_by_day(past), on="day", how="left")
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
        week = _rolling_sum(load, 7)
        usual = _earlier(_rolling_sum(load, 28), 7) / 4.0
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
        month = _rolling_sum(load, 28) / 4.0
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


# --- one athlete's past -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CadenceChange:
    """A change of cadence at matched pace and grade, as `matched_cadence` found it."""

    day: date
    """Day on which it could be told (the alarm), not the day on which it began."""
    since: date
    """First run of the new level."""
    before_spm: float
    after_spm: float
    runs: int
    """Runs at the new level when it was told."""
    low: float | None = None
    high: float | None = None
    """90 % interval of after/before."""
    explained_by: str = ""
    """What else would explain it, in words (slower, steeper); empty where nothing does."""


class Series(NamedTuple):
    """Daily arrays of one athlete as known on a day; index 0 is the first file's day."""

    first: date
    known: npt.NDArray[np.bool_]
    values: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class History:
    """Everything findings may look at, of one athlete. Immutable; what is derived from it is kept."""

    activities: pl.DataFrame
    coverage: Coverage = field(default_factory=Coverage)
    draws: Mapping[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)
    """By activity id: draws of the linear and of the peak-weighted load, parameters shared by all."""
    pain: pl.DataFrame = field(default_factory=lambda: empty(PAIN))
    cadence_changes: tuple[CadenceChange, ...] = ()
    downhill_model: DownhillModel = DownhillModel.ARTICLE

    def until(self, as_of: date) -> "History":
        """What was known on that day: nothing later is left in it."""
        return replace(
            self,
            activities=self.activities.filter(pl.col("day") <= as_of),
            coverage=self.coverage.until(as_of),
            pain=self.pain.filter(pl.col("date") <= as_of),
            cadence_changes=tuple(change for change in self.cadence_changes if change.day <= as_of),
        )

    @cached_property
    def kept(self) -> dict[object, object]:
        """Where later stages keep what they derived from this history and nothing else."""
        return {}

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The activities in their shape and order, descent null where it is not believed."""
        return _believed(self.activities)

    @cached_property
    def outings(self) -> pl.DataFrame:
        """The outings (see `outings`)."""
        return outings(self.activities)

    @cached_property
    def rows(self) -> list[dict[str, object]]:
        """The outings as plain rows."""
        return self.outings.to_dicts()

    @cached_property
    def newest(self) -> date | None:
        """Day of the newest activity or file."""
        days = [day for day in (self.frame["day"].max(), self.coverage.last_day) if isinstance(day, date)]
        return max(days, default=None)

    @cached_property
    def _file_days(self) -> list[date]:
        return self.frame["day"].unique().sort().to_list()

    @cached_property
    def _sums(self) -> tuple[date, dict[str, FloatArray]] | None:
        """Daily sums over the whole past, rest as 0; what is unknown is decided by day of asking."""
        by_day = _by_day(self.activities)
        begins = [day for day in (self.coverage.first_day, *self._file_days[:1]) if day]
        begins += sorted(self.coverage.unreadable_days)[:1]
        if not begins:
            return None
        first = min(begins)
        last = max([*self._file_days[-1:], first])
        spot = (by_day["day"] - first).dt.total_days().to_numpy() if by_day.height else np.zeros(0, np.int64)
        lost = [(day - first).days for day in self.coverage.no_altitude_days if first <= day <= last]
        arrays: dict[str, FloatArray] = {}
        for name in SUMS:
            array = np.zeros((last - first).days + 1)
            array[spot] = by_day[name].cast(NUMBER).fill_null(np.nan).to_numpy()
            if name in ALTITUDE_MEASURES:
                array[lost] = np.nan
            arrays[name] = array
        return first, arrays

    def series(self, as_of: date, names: Sequence[str]) -> Series | None:
        """Daily arrays up to the as-of day, as known then; None before the first file.

        The same numbers as `daily`, without building a frame, so that a year can be replayed.
        """
        if self._sums is None:
            return None
        first, arrays = self._sums
        known = self.known(as_of)
        if not known.size:
            return None
        values: dict[str, FloatArray] = {}
        for name in names:
            array = np.zeros(known.size)
            source = arrays[name][: known.size]
            array[: source.size] = source
            array[~known] = np.nan
            values[name] = array
        return Series(first, known, values)

    def known(self, as_of: date) -> npt.NDArray[np.bool_]:
        """Which days from the first file to the as-of day are known (see `known_days`)."""
        cache = self._known_cache
        if as_of not in cache:
            known = known_days(self._file_days, self.coverage, as_of=as_of)
            known.setflags(write=False)
            cache[as_of] = known
        return cache[as_of]

    @cached_property
    def _known_cache(self) -> dict[date, npt.NDArray[np.bool_]]:
        return {}

    @cached_property
    def compared(self) -> "dict[tuple[int, str], Comparison]":
        """Every outing against its own past (see `compare`), by row of `outings` and measure."""
        return {(item.outing, item.measure): item for item in compare(self)}


SUMS: Final = (
    "sessions",
    "sessions_run",
    "sessions_walk",
    "sessions_ride",
    "sessions_strength",
    "sessions_without_load",
    *MOTION_MEASURES,
    *ALTITUDE_MEASURES,
    *LOAD_MEASURES,
)


# --- sessions against their past --------------------------------------------------------------------------

BACK_DAYS: Final = 90
BACK_SHARE: Final = 0.5
"""After an empty window a session is held against half the largest of the 90 days before (project rule)."""
COMPARED: Final[Mapping[Way, tuple[Measure, ...]]] = {
    Way.RUN: MEASURES,
    Way.WALK: (DESCENT, KNEE_LOAD),
    Way.RIDE: (KNEE_LOAD,),
}
"""What each way of moving is compared by. The bands of distance are those of runs: a walk of 3 km after one of
1.4 km is nothing to tell. Descent and distance on a bicycle ask little of the knee."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One outing and one measure against the outings of the same way in the 30 days before."""

    outing: int
    """Row of `History.outings`."""
    measure: str
    value: float
    reference: float | None
    """What it is held against, in the measure's stored unit; None where there is nothing."""
    against: int | None
    """Row of the outing that set the reference."""
    ratio: float | None
    """Null where the reference is below the measure's floor: no division by nearly nothing."""
    low: float | None
    high: float | None
    """90 % interval of the ratio from shared draws."""
    window_empty: bool
    """The reference is half the 90-day largest, because the 30 days before hold none."""
    known_days: int
    """Known days among the 30 before."""
    history_days: int
    """Known days among all days before."""
    unknown_sessions: int
    """Sessions of this way in the window without this measure."""


def _draws_of(history: History, row: Mapping[str, object]) -> FloatArray | None:
    parts = [history.draws.get(str(part)) for part in row["ids"]]  # type: ignore[attr-defined]
    if not parts or any(part is None for part in parts):
        return None
    total: FloatArray = np.sum([part[0] for part in parts if part is not None], axis=0)
    return total


def ratio_interval(above: FloatArray, below: FloatArray, share: float = 1.0) -> tuple[float, float] | None:
    """5 and 95 % of the elementwise ratio of two sets of shared draws; None where they do not fit.

    Level and method errors are common to both and cancel draw by draw, which is why ratios are known better
    than the loads themselves.
    """
    if above.shape != below.shape or not above.size:
        return None
    ratios = above[below > 0] / (share * below[below > 0])
    ratios = ratios[np.isfinite(ratios)]
    if not ratios.size:
        return None
    low, high = np.quantile(ratios, [0.05, 0.95])
    return float(low), float(high)


def compare(history: History) -> list[Comparison]:
    """Every outing of every way against its own past; nothing later than the outing is used."""
    frame = history.outings
    first = history._sums[0] if history._sums is not None else None
    newest = history.newest
    if first is None or newest is None or not frame.height:
        return []
    counted = np.cumsum(history.known(newest), dtype=np.int64)
    known: npt.NDArray[np.int64] = np.concatenate((np.zeros(1, np.int64), counted))
    found: list[Comparison] = []
    rows = history.rows
    way_column = frame["way"].to_list()
    for way, measures in COMPARED.items():
        of_way = [index for index, value in enumerate(way_column) if value == way.value]
        days = [rows[index]["day"] for index in of_way]
        for measure in measures:
            values = [rows[index][measure.name] for index in of_way]
            found += _compare_one(history, measure, of_way, days, values, known, first)  # type: ignore[arg-type]
    return sorted(found, key=lambda item: (item.outing, item.measure))


def _compare_one(
    history: History,
    measure: Measure,
    of_way: list[int],
    days: list[date],
    values: list[float | None],
    known: npt.NDArray[np.int64],
    first: date,
) -> list[Comparison]:
    array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    near, near_index = longest_before(days, array, WINDOW_DAYS)
    far, far_index = longest_before(days, array, BACK_DAYS)
    ordinals = np.array([day.toordinal() for day in days], dtype=np.int64)
    lacking = np.concatenate(([0], np.cumsum(np.isnan(array))))
    since = np.searchsorted(ordinals, ordinals - WINDOW_DAYS, side="left")
    spot = ordinals - first.toordinal()
    found = []
    for k, index in enumerate(of_way):
        if math.isnan(array[k]):
            continue
        window_empty = near_index[k] < 0
        other = int(far_index[k] if window_empty else near_index[k])
        share = BACK_SHARE if window_empty else 1.0
        reference = None if other < 0 else share * float(far[k] if window_empty else near[k])
        ratio = low = high = None
        if reference is not None and reference >= measure.floor:
            ratio = float(array[k]) / reference
            if measure.modelled:
                low, high = _interval(history, index, of_way[other], share)
        found.append(
            Comparison(
                outing=index,
                measure=measure.name,
                value=float(array[k]),
                reference=reference,
                against=None if other < 0 else of_way[other],
                ratio=ratio,
                low=low,
                high=high,
                window_empty=bool(window_empty),
                known_days=int(known[spot[k]] - known[max(spot[k] - WINDOW_DAYS, 0)]),
                history_days=int(known[spot[k]]),
                unknown_sessions=int(lacking[k] - lacking[since[k]]),
            )
        )
    return found


def _interval(history: History, this: int, other: int, share: float) -> tuple[float | None, float | None]:
    above = _draws_of(history, history.rows[this])
    below = _draws_of(history, history.rows[other])
    interval = None if above is None or below is None else ratio_interval(above, below, share)
    return (None, None) if interval is None else interval
