"""Medians and quantiles of the window around each record.

A window here is fifteen or twenty records, and numpy sorts rows that short with the processor's own
vector instructions: all windows of an hour are sorted in a quarter of the time in which a general rolling
median, which keeps an ordered structure and moves it on, gets through. One sort serves every quantile.
Windows are sorted some thousands at a time, so a recording of a day takes no more memory than one of an
hour. A window reaches half of its width back and the rest forward, is shorter at both ends, and leaves out
what is missing.
Instead of: polars' rolling median and quantile, which the tests hold it against.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from kneeledger.model import FloatArray

__all__ = ["rolling_median", "rolling_quantiles"]

CELLS = 262_144
"""Numbers sorted at a time: two megabytes."""


def rolling_median(values: FloatArray, width: int) -> FloatArray:
    """Median of the known values in the window of `width` records around each; NaN where there is none."""
    result = np.full(len(values), np.nan)
    for rows, ordered, known in _windows(values, width):
        every = np.arange(len(known))
        low = ordered[every, np.maximum(known - 1, 0) // 2]
        high = ordered[every, np.minimum(known // 2, width - 1)]
        result[rows] = (low + high) / 2
    return result


def rolling_quantiles(values: FloatArray, width: int, wanted: tuple[float, ...]) -> list[FloatArray]:
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
