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

__all__ = ["grouped_quantiles", "rolling_median", "rolling_quantiles", "weighted_quantiles"]

CELLS = 262_144
"""Numbers sorted at a time: two megabytes."""


def weighted_quantiles(
    values: FloatArray, weights: FloatArray, wanted: Sequence[float]
) -> list[float | None]:
    """Quantiles of values weighted by time; null where nothing is known.

    Half of a value's weight counts as below it, so the median of equal weights is the usual one.
    """
    known = ~np.isnan(values) & (weights > 0)
    if not known.any():
        return [None] * len(wanted)
    told, weight = (values, weights) if known.all() else (values[known], weights[known])
    order = _ascending(told)
    w = weight[order]
    place = (np.cumsum(w) - 0.5 * w) / w.sum()
    return [float(value) for value in np.interp(wanted, place, told[order])]


def _ascending(values: FloatArray) -> npt.NDArray[np.intp]:
    """Stable order; counted instead of compared where all are small multiples of 1/64, as cadence is."""
    fine = values * 64.0
    if fine.min() >= 0.0 and fine.max() < 65_536.0:
        steps = fine.astype(np.uint16)
        if (steps == fine).all():
            return np.argsort(steps, kind="stable")
    return np.argsort(values, kind="stable")


def rolling_median(values: FloatArray, width: int) -> FloatArray:
    """Median of the known values in the window of `width` records around each; NaN where there is none."""
    result = np.full(len(values), np.nan)
    for rows, ordered, known in _windows(values, width):
        every = np.arange(len(known))
        low = ordered[every, np.maximum(known - 1, 0) // 2]
        high = ordered[every, np.minimum(known // 2, width - 1)]
        result[rows] = (low + high) / 2
    return result


def rolling_quantiles(values: FloatArray, width: int, wanted: Sequence[float]) -> list[FloatArray]:
    """The known value nearest to each quantile of the window; NaN where fewer than two are known."""
    result = [np.full(len(values), np.nan) for _ in wanted]
    for rows, ordered, known in _windows(values, width):
        every = np.arange(len(known))
        for into, quantile in zip(result, wanted, strict=True):
            rank = np.floor((known - 1) * quantile + 0.5).astype(np.intp)
            into[rows] = np.where(known >= 2, ordered[every, np.clip(rank, 0, width - 1)], np.nan)
    return result


def _windows(values: FloatArray, width: int) -> Iterator[tuple[slice, FloatArray, npt.NDArray[np.intp]]]:
    """Some rows at a time: which, their windows sorted (NaN last), and how many values each knows."""
    back = width // 2
    padded = np.pad(values, (back, width - 1 - back), constant_values=np.nan)
    missing = np.concatenate(([0], np.cumsum(np.isnan(padded))))
    known = width - (missing[width:] - missing[:-width])
    step = max(1, CELLS // width)
    for first in range(0, len(values), step):
        rows = slice(first, min(first + step, len(values)))
        yield rows, np.sort(sliding_window_view(padded, width)[rows], axis=1), known[rows]


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
    ordered = values[np.lexsort((values, place))]
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
