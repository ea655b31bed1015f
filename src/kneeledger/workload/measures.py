"""Every measure of workload on plain daily arrays: one value a calendar day, rest as 0, unknown as NaN.

The value at day t uses days up to t and nothing else. A window that holds an unknown day is unknown. EWMA uses
lambda = 2/(N+1), the fitness-fatigue balance 1-exp(-1/tau): they are not the same decay. All published vectors of
the tests are on these functions, so that they can be checked without a frame or a ledger.
Instead of: a reference package (the R package ACWR averages over rows, not days, and its uncoupled ratio is 1.4 on a
constant load), or zero-seeded averages.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from kneeledger.model import FloatArray

__all__ = [
    "SEED_DAYS",
    "WINDOW_DAYS",
    "FitnessFatigue",
    "acwr_ewma",
    "acwr_rolling",
    "as_array",
    "earlier",
    "ewma",
    "fitness_fatigue",
    "longest_before",
    "monotony",
    "monotony_daily",
    "percentile_of_weeks",
    "ratio_interval",
    "ratio_of",
    "rolling_sum",
    "session_spike",
    "strain",
    "week_difference",
    "week_to_week",
]

WINDOW_DAYS: Final = 30
"""A session is compared with the longest of this many days before [days]."""
SEED_DAYS: Final = 7
"""The product seeds an average with the mean of this many first days [days]."""


def as_array(load: npt.ArrayLike) -> FloatArray:
    """The load as a flat array of floats; NaN where unknown."""
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
    values = as_array(load)
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


def rolling_sum(load: FloatArray, days: int) -> FloatArray:
    """Sum of the last `days` days; NaN before there are so many and where one of them is unknown.

    Summed window by window, not by differences of a running total: those would leave a residue of past
    loads in a week of rest, and a ratio of residues.
    """
    out = np.full(load.size, np.nan)
    if load.size >= days:
        out[days - 1 :] = np.lib.stride_tricks.sliding_window_view(load, days).sum(axis=1)
    return out


def earlier(values: FloatArray, days: int) -> FloatArray:
    """The series as it was `days` days before."""
    out = np.full(values.size, np.nan)
    if values.size > days:
        out[days:] = values[:-days] if days else values
    return out


def ratio_of(above: FloatArray, below: FloatArray) -> FloatArray:
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
    values = as_array(load)
    short = rolling_sum(values, acute) / acute
    if coupled:
        return ratio_of(short, rolling_sum(values, chronic) / chronic)
    span = chronic - acute
    return ratio_of(short, earlier(rolling_sum(values, span) / span, acute))


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
    values = as_array(load)
    slow = ewma(values, chronic, seed=seed)
    return ratio_of(ewma(values, acute, seed=seed), slow if coupled else earlier(slow, acute))


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
    values = as_array(load)
    if values.size <= ddof or not np.isfinite(values).all() or np.ptp(values) == 0:
        return math.nan
    return float(values.mean() / values.std(ddof=ddof))


def strain(load: npt.ArrayLike, *, ddof: int = 1) -> float:
    """Foster's strain of one week: its sum times its monotony ([Foster2001]_)."""
    return float(as_array(load).sum() * monotony(load, ddof=ddof))


def monotony_daily(load: npt.ArrayLike, days: int = 7) -> FloatArray:
    """Monotony of the `days` days up to each day, sample deviation; shape (n,), NaN where undefined."""
    values = as_array(load)
    out = np.full(values.size, np.nan)
    if values.size >= days:
        windows = np.lib.stride_tricks.sliding_window_view(values, days)
        spread = windows.std(axis=1, ddof=1)
        spread[np.ptp(windows, axis=1) == 0] = 0.0
        out[days - 1 :] = ratio_of(windows.mean(axis=1), spread)
    return out


def week_to_week(load: npt.ArrayLike) -> FloatArray:
    """Sum of the last 7 days over the sum of the 7 before; shape (n,), NaN where undefined."""
    week = rolling_sum(as_array(load), 7)
    return ratio_of(week, earlier(week, 7))


def week_difference(load: npt.ArrayLike) -> FloatArray:
    """Last 7 days minus the mean week of days t-34 to t-7, in the unit of the load; shape (n,)."""
    values = as_array(load)
    return rolling_sum(values, 7) - earlier(rolling_sum(values, 28), 7) / 4.0


def percentile_of_weeks(load: npt.ArrayLike, weeks: int = 26, *, least: int = 8) -> FloatArray:
    """Where the last 7 days stand among the athlete's own last `weeks` weeks before them [0-100].

    The weeks are the blocks of 7 days that end at t-7, t-14 and so on; ties count half.

    Returns
    -------
    array of shape (n,)
        NaN where fewer than `least` of these weeks are known, or the last 7 days are not.
    """
    week = rolling_sum(as_array(load), 7)
    own = np.stack([earlier(week, 7 * back) for back in range(1, weeks + 1)])
    known = np.isfinite(own)
    slack = 1e-9 * np.maximum(np.abs(week), 1.0)
    with np.errstate(invalid="ignore"):
        below = (own < week - slack).sum(axis=0)
        ties = (np.abs(own - week) <= slack).sum(axis=0)
    count = known.sum(axis=0)
    share = ratio_of(100.0 * (below + ties / 2.0), count.astype(np.float64))
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
    values = as_array(load)
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
    sizes = as_array(values)
    ordinals = np.array([day.toordinal() for day in dates], dtype=np.int64)
    if ordinals.size != sizes.size:
        raise ValueError("there must be as many values as days")
    if (np.diff(ordinals) < 0).any():
        raise ValueError("sessions must be in order of their days")
    known = np.where(np.isnan(sizes), -np.inf, sizes)
    now = np.arange(sizes.size)
    first = np.searchsorted(ordinals, ordinals - days, side="left")
    lengths = now - first
    index = np.full(sizes.size, -1, dtype=np.int64)
    best, span = (
        now,
        1,
    )  # where the largest of so many sessions is, the earliest of equal ones, by the first of them
    while span <= lengths.max(initial=0):
        # one span from its start and one to its end are all of a window that is shorter than two
        mine = np.flatnonzero((span <= lengths) & (lengths < 2 * span))
        index[mine] = _larger(known, best[first[mine]], best[mine - span])
        best = _larger(known, best[:-span], best[span:])
        span *= 2
    index[known[index] == -np.inf] = -1
    return np.where(index < 0, np.nan, sizes[index]) if sizes.size else sizes, index


def _larger(
    values: FloatArray, one: npt.NDArray[np.int64], two: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Of each pair of places the one with the larger value, the first of equal ones."""
    return np.where(values[one] >= values[two], one, two)


def session_spike(dates: Sequence[date], values: npt.ArrayLike, days: int = WINDOW_DAYS) -> FloatArray:
    """Each session over the largest of the `days` days before, itself excluded ([Frandsen2025]_).

    Returns
    -------
    array of shape (n,)
        NaN where there is nothing to compare with (an empty window, or a largest of 0).
    """
    return ratio_of(as_array(values), longest_before(dates, values, days)[0])


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
