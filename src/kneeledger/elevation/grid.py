"""Altitude along distance: a grid of even steps, and straight lines over any window of it.

Everything about slope and descent works on the ground, not on the clock: a line over seconds is a
different thing for a walker and a rider, and a halt of ten minutes is one place. Records are averaged into
steps of 5 m, or of their own spacing where they are further apart, so that no step is made up of its
neighbours. Lines come from running sums, so that a window costs the same however long it is.
Instead of: resampling in time, or one convolution a window.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from kneeledger.elevation.cleaning import CleanAltitude, IntArray
from kneeledger.model import FloatArray
from kneeledger.quantiles import median

__all__ = ["Between", "Grid", "Sums", "grid_of"]

STEP_M: Final = 5.0
"""Least spacing of the distance grid [m]; it is that of the records where they lie further apart."""
LONGEST_STEP_M: Final = 40.0
MOST_STEPS: Final = 1e5
"""A longer grid would cost the running sums their exactness; 500 km at 5 m."""
LONGEST_HOLE_M: Final = 150.0
"""Grid steps without a record are filled by a straight line up to this length [m]."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Mean altitude of every few metres."""

    place: IntArray
    """Grid index of each record."""
    position: FloatArray
    """The same as a real number."""
    altitude: FloatArray
    mask: FloatArray
    """1 where the grid knows an altitude."""
    step_m: float

    def half(self, half_width_m: float) -> int:
        """A half window in grid steps, at least two."""
        return max(round(half_width_m / self.step_m), 2)

    def odd(self, width_m: float) -> int:
        """A window in grid steps: an odd number."""
        return 2 * round((width_m / self.step_m - 1.0) / 2.0) + 1 if width_m > self.step_m else 1


def grid_of(clean: CleanAltitude, distance_m: FloatArray, pad_m: float) -> Grid | None:
    """Mean altitude of every few metres; parts stand more than `pad_m` [m] apart."""
    told = np.isfinite(distance_m)
    usable = told & np.isfinite(clean.altitude_m)
    if np.count_nonzero(usable) < 3:
        return None
    along = np.maximum.accumulate(distance_m if told.all() else np.where(told, distance_m, -np.inf))
    if not told[0]:
        along[~np.isfinite(along)] = distance_m[told][0]
    length = float(along[-1] - along[0])
    if length < STEP_M:
        return None
    everywhere = bool(usable.all())
    walked = along if everywhere else along[usable]
    stride = walked[1:] - walked[:-1]
    stride = stride[stride > 0.2]
    spacing = median(stride) if stride.size else STEP_M
    step_m = max(STEP_M, min(spacing, LONGEST_STEP_M), length / MOST_STEPS)
    pad = int(pad_m / step_m) + 2
    position = (along - along[0]) / step_m + pad * (clean.part - clean.part[0])
    place = position.astype(np.int64)
    size = int(place[-1]) + 1
    of, height = (place, clean.altitude_m) if everywhere else (place[usable], clean.altitude_m[usable])
    weight = np.bincount(of, minlength=size)
    total = np.bincount(of, weights=height, minlength=size)
    filled = np.flatnonzero(weight)
    mean = np.zeros(size)
    mean[filled] = total[filled] / weight[filled]
    mask = np.zeros(size)
    mask[filled] = 1.0
    if filled.size < size:
        gap = filled[1:] - filled[:-1]
        belongs = np.zeros(size, dtype=np.int64)
        belongs[place] = clean.part
        same = belongs[filled[1:]] == belongs[filled[:-1]]
        short = (gap > 1) & same & (gap * step_m <= LONGEST_HOLE_M)
        inside = np.zeros(size + 1)
        np.add.at(inside, filled[:-1][short] + 1, 1.0)
        np.add.at(inside, filled[1:][short], -1.0)
        between = np.cumsum(inside[:-1]) > 0
        holes = np.flatnonzero(between)
        mean[holes] = np.interp(holes, filled, mean[filled])
        mask[holes] = 1.0
    return Grid(place, position, mean, mask, step_m)


class Between:
    """Values between places by straight lines, as `numpy.interp`; many series at the same positions.

    Where each position lies is looked up once, which is most of the work.
    """

    def __init__(self, at: FloatArray, places: IntArray) -> None:
        # a count of the places up to each whole number: a third of the time of a search for each position
        upto = np.cumsum(np.bincount(places)) - 1
        self.left = np.maximum(upto.take(np.floor(at).astype(np.int64), mode="clip"), 0)
        self.apart = places[1:] - places[:-1]
        self.ahead = np.maximum(at - places[self.left], 0.0)

    def __call__(self, values: FloatArray) -> FloatArray:
        """At every position; `values` has one a place, and beyond the ends the nearest of them holds."""
        slope = np.zeros(values.size)  # nothing lies ahead of the last place
        np.divide(values[1:] - values[:-1], self.apart, out=slope[:-1])
        answer: FloatArray = slope.take(self.left) * self.ahead + values.take(self.left)
        return answer


class Sums:
    """Running sums of a grid, so that a line over any window costs a few differences."""

    def __init__(self, altitude: FloatArray, mask: FloatArray, widest: int) -> None:
        size = altitude.size
        self.index = np.arange(size, dtype=np.float64)
        self.level = float(altitude @ mask / mask.sum())
        self.before = widest
        sums = np.zeros((5, size + 2 * widest + 1))
        own = sums[:, widest + 1 : widest + 1 + size]
        own[0] = mask
        np.multiply(mask, self.index, out=own[1])
        np.multiply(own[1], self.index, out=own[2])
        np.multiply(altitude - self.level, mask, out=own[3])
        np.multiply(own[3], self.index, out=own[4])
        np.cumsum(own, axis=1, out=own)
        sums[:, widest + 1 + size :] = own[:, -1:]
        self.sums = sums

    def line(self, half: int) -> "Line":
        """The lines of one window, NaN where fewer than three places of it know an altitude.

        Most windows are whole: their middle is the place itself, and what is left are two sums and two divisions.
        """
        size, first = self.index.size, self.before
        high = self.sums[:, first + half + 1 : first + half + 1 + size]
        low = self.sums[:, first - half : first - half + size]
        whole = float(2 * half + 1)
        cut = np.flatnonzero(high[0] - low[0] < whole)
        sy = high[3] - low[3]
        spread = half * (half + 1) * whole / 3.0
        slope = (high[4] - low[4] - sy * self.index) / spread
        height = sy / whole + self.level
        n, sx, sxx, sy, sxy = high[:, cut] - low[:, cut]
        n[n < 3] = np.nan
        middle = sx / n
        cut_spread = sxx - sx * middle
        slope[cut] = (sxy - sy * middle) / cut_spread
        height[cut] = sy / n + slope[cut] * (self.index[cut] - middle) + self.level
        return Line(slope, height, spread, whole, cut, cut_spread, n)


class Line(NamedTuple):
    """Straight lines through one window around every place of a grid."""

    slope: FloatArray
    """Per step of the grid; shape (places,)."""
    height: FloatArray
    """At the place [m]."""
    spread: float
    """Sum of squares about the mean of a whole window's places [steps^2]."""
    places: float
    """Places of a whole window."""
    cut: IntArray
    """Places whose window is not whole: at an end, or beside a hole."""
    cut_spread: FloatArray
    cut_places: FloatArray
