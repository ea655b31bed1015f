"""Medians and quantiles: weighted by time, of the window around each record, and group by group.

All three are one sort of plain numbers. A rolling window here is fifteen or twenty records, and numpy sorts
rows that short with the processor's own vector instructions: all windows of an hour are sorted in a quarter
of the time in which a general rolling median, which keeps an ordered structure and moves it on, gets
through; one sort serves every quantile. Windows are sorted some thousands at a time, so a recording of a
day takes no more memory than one of an hour. A window reaches half of its width back and the rest forward,
is shorter at both ends, and leaves out what is missing. Groups are sorted all at once, group first.
Instead of: polars' rolling functions and group-bys, whose planning takes longer than the work on an
activity's few thousand records; the tests hold these against them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from kneeledger.model import FloatArray

__all__ = [
    "grouped_quantiles",
    "median",
    "rolling_mean",
    "rolling_median",
    "rolling_quantiles",
    "weighted_quantiles",
]

STEPS = 2**20
"""Numbers in steps are told apart up to here."""
CELLS = 262_144
"""Numbers sorted at a time: two megabytes."""


def median(values: FloatArray) -> float:
    """The middle of known values, of two middle ones the mean; as numpy's, less what that looks at besides."""
    half = len(values) // 2
    parted = np.partition(values, half)
    return float(parted[half] if len(values) % 2 else (parted[:half].max() + parted[half]) / 2)


def weighted_quantiles(
    values: FloatArray, weights: FloatArray, wanted: Sequence[float]
) -> list[float | None]:
    """Quantiles of values weighted by time; null where nothing is known.

    Half of a value's weight counts as below it, so the median of equal weights is the usual one.
    """
    known = ~np.isnan(values) & (weights > 0)
    count = np.count_nonzero(known)
    if not count:
        return [None] * len(wanted)
    told, weight = (values, weights) if count == len(known) else (values[known], weights[known])
    if (weight == weight[0]).all():
        return _of_equal_weights(np.sort(told), wanted)
    order = _ascending(told)
    w = weight[order]
    place = (np.cumsum(w) - 0.5 * w) / w.sum()
    return [float(value) for value in np.interp(wanted, place, told[order])]


def _of_equal_weights(ordered: FloatArray, wanted: Sequence[float]) -> list[float | None]:
    """The same where all weigh alike, as in a recording of a record a second: no place need be summed up."""
    last = len(ordered) - 1
    found: list[float | None] = []
    for quantile in wanted:
        at = min(max(quantile * len(ordered) - 0.5, 0.0), float(last))
        low = int(at)
        below, above = float(ordered[low]), float(ordered[min(low + 1, last)])
        found.append(below + (above - below) * (at - low))
    return found


def _ascending(values: FloatArray) -> npt.NDArray[np.intp]:
    """Stable order; counted instead of compared where all are small multiples of 1/64, as cadence is."""
    fine = values * 64.0
    if fine.min() >= 0.0 and fine.max() < 65_536.0:
        steps = fine.astype(np.uint16)
        if (steps == fine).all():
            return np.argsort(steps, kind="stable")
    return np.argsort(values, kind="stable")


def rolling_mean(values: FloatArray, width: int) -> FloatArray:
    """Mean of the known values in the window of `width` records around each; NaN where there is none.

    Thousandths, as watches write speed, are added up as whole numbers: a mean that is 2 m/s on paper is 2.0.
    """
    known = ~np.isnan(values)
    whole = bool(known.all())
    told = values if whole else np.where(known, values, 0.0)
    scaled = np.rint(told * 1000.0)
    exact = bool((scaled / 1000.0 == told).all())
    rows = np.arange(len(values))
    first, last = np.maximum(rows - width // 2, 0), np.minimum(rows + (width + 1) // 2, len(values))
    total = np.zeros(len(values) + 1)
    np.cumsum(scaled if exact else told, out=total[1:])
    count = np.arange(len(values) + 1)
    if not whole:
        np.cumsum(known, out=count[1:])
    with np.errstate(invalid="ignore"):
        mean: FloatArray = (total[last] - total[first]) / (count[last] - count[first])
    return mean / 1000.0 if exact else mean


def rolling_median(values: FloatArray, width: int, only: npt.NDArray[np.intp] | None = None) -> FloatArray:
    """Median of the known values in the window of `width` records around each; NaN where there is none.

    Where `only` some rows are asked for, theirs.
    """
    result = np.empty(len(values) if only is None else len(only))
    for rows, ordered, known in _windows(values, width, only):
        low = ordered[:, (width - 1) // 2]
        high = ordered[:, width // 2]
        into = result[rows]
        np.add(low, high, out=into)
        into /= 2
        part = np.flatnonzero(known < width)
        if len(part):
            some = known[part]
            below = ordered[part, np.maximum(some - 1, 0) // 2]
            into[part] = (below + ordered[part, np.minimum(some // 2, width - 1)]) / 2
    return result


def rolling_quantiles(values: FloatArray, width: int, wanted: Sequence[float]) -> list[FloatArray]:
    """The known value nearest to each quantile of the window; NaN where fewer than two are known."""
    result = [np.empty(len(values)) for _ in wanted]
    seconds = [int((width - 1) * quantile + 0.5) for quantile in wanted] == [1, width - 2]
    only = None
    if seconds and 4 <= width <= len(values):
        only = _around_gaps(values, width)
        full = slice(width // 2, width // 2 + len(values) - width + 1)
        result[0][full], result[1][full] = _two_least(values, width)[1], -_two_least(-values, width)[1]
    for rows, ordered, known in _windows(values, width, only):
        every = np.arange(len(known))
        for into, quantile in zip(result, wanted, strict=True):
            rank = np.floor((known - 1) * quantile + 0.5).astype(np.intp)
            told = ordered[every, np.minimum(np.maximum(rank, 0), width - 1)]
            into[rows if only is None else only[rows]] = np.where(known >= 2, told, np.nan)
    return result


def _around_gaps(values: FloatArray, width: int) -> npt.NDArray[np.intp]:
    """Records whose window is cut short by an end or misses a value."""
    back = width // 2
    gap = np.ones(len(values) + width - 1, dtype=np.bool_)
    gap[back : back + len(values)] = np.isnan(values)
    total = np.zeros(len(gap) + 1, dtype=np.intp)
    np.cumsum(gap, out=total[1:])
    return np.flatnonzero(total[width:] > total[:-width])


def _two_least(values: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
    """Smallest and second smallest of each whole window, shape (n - width + 1,), from two shorter windows each."""
    if width == 1:
        return values, np.full(len(values), np.inf)
    if width == 2:
        return np.minimum(values[:-1], values[1:]), np.maximum(values[:-1], values[1:])
    half = 1 << ((width - 1).bit_length() - 1)
    first = _two_least(values, half)
    other = first if 2 * half == width else _two_least(values, width - half)
    count = len(values) - width + 1
    a, c = (each[:count] for each in first)
    b, d = (each[half : half + count] for each in other)
    return np.minimum(a, b), np.minimum(np.maximum(a, b), np.minimum(c, d))


def _windows(
    values: FloatArray, width: int, only: npt.NDArray[np.intp] | None = None
) -> Iterator[tuple[slice, FloatArray, npt.NDArray[np.intp]]]:
    """Some rows at a time: which, their windows sorted (NaN last), and how many values each knows.

    Nearly all windows are full, and in those a rank is a column.
    """
    if not len(values):
        return
    back = width // 2
    padded = np.full(len(values) + width - 1, np.nan)
    padded[back : back + len(values)] = values
    missing = np.zeros(len(padded) + 1, dtype=np.intp)
    np.cumsum(np.isnan(padded), out=missing[1:])
    known = width - (missing[width:] - missing[:-width])
    every = sliding_window_view(padded, width)
    step, count = max(1, CELLS // width), len(values) if only is None else len(only)
    for first in range(0, count, step):
        rows = slice(first, min(first + step, count))
        asked = rows if only is None else only[rows]
        yield rows, np.sort(every[asked], axis=1), known[asked]


def grouped_quantiles(
    values: FloatArray, place: npt.NDArray[np.intp], count: int, wanted: Sequence[float]
) -> list[FloatArray]:
    """Quantiles of the known values of each of `count` groups, between neighbours in proportion.

    Parameters
    ----------
    values : array, shape (n,)
        NaN where missing.
    place : array, shape (n,)
        Number of each value's group, from 0.

    Returns
    -------
    list of array, shape (count,)
        One a quantile; NaN for a group that knows no value.
    """
    known = ~np.isnan(values)
    if not known.all():
        values, place = values[known], place[known]
    ordered = _ordered(values, place, count)
    held = np.bincount(place, minlength=count)
    has = held > 0
    first = (np.cumsum(held) - held)[has]
    result = []
    for quantile in wanted:
        at = (held[has] - 1) * quantile
        low = np.floor(at).astype(np.intp)
        below, above = ordered[first + low], ordered[first + np.minimum(low + 1, held[has] - 1)]
        into = np.full(count, np.nan)
        into[has] = below + (above - below) * (at - low)
        result.append(into)
    return result


def _ordered(values: FloatArray, place: npt.NDArray[np.intp], count: int) -> FloatArray:
    """The values by group and size; as whole numbers with their group where a file wrote them in steps.

    Speed comes in thousandths, cadence in 64ths: one plain sort, and the same values back to the last bit.
    """
    for scale in (1000.0, 64.0):
        whole = np.rint(values * scale)
        if len(values) and whole.min() >= 0.0 and whole.max() < STEPS and (whole / scale == values).all():
            key = np.sort(place * STEPS + whole.astype(np.int64))
            return (key & (STEPS - 1)) / scale
    if count > 65_536:
        return values[np.lexsort((values, place))]
    order = np.argsort(values)
    return values[order[np.argsort(place[order].astype(np.uint16), kind="stable")]]
