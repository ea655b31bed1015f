"""Grade by distance, with the error it has, and the grade that knee load may use.

One window cannot serve a flat run and a ramp: over simulated ground (tests/test_elevation.py) a line of
93 m leaves 0.29 % of noise on the flat and 2.0 % on ramps of 10 %, one of 33 m 0.91 % and 1.5 %. So each place
takes the longest of six windows (30 to 200 m) whose slope agrees with all shorter ones, the rule of
intersecting confidence intervals [Goldenshluger1997]_: 0.24 % and 1.5 %, and on rolling ground 0.42 %, better
than a line of 21 s in all three. It also says how wrong each slope may be. Knee load needs that: its gain is
asymmetric about level, so noise alone adds load; the load's grade takes sharper windows and gives back what
lies within their error. Flat runs then gain 0.6 % linear and 1.8 % peak-weighted, rolling ground and ramps
lose at most 0.7 % and 2.3 %; with altitude in steps of 1 m 0.8 % and 2.9 %, and 0.8 % and 2.9 %.
Instead of: one Savitzky-Golay window for every source; Whittaker, total variation or Kalman smoothing, which
are no better than the one window they are given.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kneeledger.elevation.cleaning import LARGEST_GRADE, BoolArray, CleanAltitude, IntArray
from kneeledger.elevation.grid import Between, Grid, Sums, grid_of
from kneeledger.elevation.origin import COARSE, NOT_TOLD
from kneeledger.model import AltitudeSource, FloatArray, Issue
from kneeledger.quantiles import median

__all__ = ["Grade", "grade"]

HALF_WIDTHS_M: Final = (15.0, 25.0, 35.0, 50.0, 70.0, 100.0)
"""Half windows of the straight line [m]."""
GPS_HALF_WIDTHS_M: Final = (90.0,)
"""For altitude with the slow errors of GPS [m]."""
CONFIDENCE: Final = 1.25
"""Half width of a slope's interval in its own standard deviations, where windows are compared."""
CHOICE_M: Final = 45.0
"""The choice of a window is averaged over this distance [m]."""
LOAD_CONFIDENCE: Final = 0.5
LOAD_CHOICE_M: Final = 15.0
"""The same two for the grade behind knee load: sharper at the ends of a ramp, since what noise that lets
in is taken out again by its error."""
LEAST_NOISE_M: Final = 0.06
"""White noise is not believed to be less [m]."""
STAIR: Final = 0.09
"""Error that the stairs of a coarse altitude leave in a height, as a share of one step."""
GARROTE: Final = 1.65
"""How many standard errors of a slope count as none, for knee load."""
GPS_ERROR: Final = 0.03
"""Least standard error of a grade from GPS altitude."""
STANDING_MPS: Final = 0.05
"""Below it nobody moves: no grade [m/s]."""


@dataclass(frozen=True, slots=True)
class Grade:
    """Grade and what it rests on, one value a record."""

    altitude_smooth_m: FloatArray
    grade: FloatArray
    grade_load: FloatArray
    """The grade to use for knee load: corrected for its own error, 0 (level) where unknown."""
    error_sd: FloatArray
    """Standard error of `grade`."""
    issues: tuple[Issue, ...]
    grid: Grid | None = None
    """The altitude every few metres, from which it was taken: `descent_with_parts` needs the same."""


def grade(
    clean: CleanAltitude,
    distance_m: FloatArray,
    segment: IntArray,
    ground_speed_mps: FloatArray,
    elapsed_s: FloatArray,
    *,
    source: AltitudeSource,
    indoor: bool = False,
    incline: FloatArray | None = None,
) -> Grade:
    """Grade of the ground at each record, by a local line over distance.

    Parameters
    ----------
    clean
        From `clean_altitude`.
    indoor
        On a treadmill no altitude gives a grade; only `incline` does.
    incline
        Grade as the machine wrote it, NaN where it did not.
    """
    count = clean.altitude_m.size
    nothing = np.full(count, np.nan)
    if incline is not None and np.isfinite(incline).any():
        told = np.clip(incline, -LARGEST_GRADE, LARGEST_GRADE)
        return Grade(nothing, told, np.nan_to_num(told), np.where(np.isfinite(told), 0.005, np.nan), ())
    unknown = Issue("grade_unknown", count, "Grade is not known: knee load is computed as on level ground.")
    coarse = source in COARSE
    widths = GPS_HALF_WIDTHS_M if coarse else HALF_WIDTHS_M
    grid = None if indoor or source in NOT_TOLD else grid_of(clean, distance_m, widths[-1])
    if grid is None:
        return Grade(nothing, nothing.copy(), np.zeros(count), nothing.copy(), (unknown,))
    half_widths = tuple(dict.fromkeys(grid.half(width) for width in widths))
    lines = _lines(grid, half_widths, _resolution_m(clean.altitude_m))
    seen = _chosen(lines, CONFIDENCE, grid.odd(CHOICE_M))
    value, error = _picked(lines.slope, seen), _picked(lines.error, seen)
    believed = np.isfinite(value) & (grid.mask > 0.0)
    fine = np.flatnonzero(believed)
    if fine.size == 0:
        return Grade(nothing, nothing.copy(), np.zeros(count), nothing.copy(), (unknown,))
    unseen = ~believed[grid.place] | clean.carried
    between = Between(grid.position - 0.5, fine)

    def by_record(places: FloatArray, hidden: BoolArray) -> FloatArray:
        values = between(places[fine])
        values[hidden] = np.nan
        return values

    standing = unseen | (ground_speed_mps < STANDING_MPS)
    smooth = by_record(_picked(lines.height_m, seen), unseen)
    slope = np.clip(by_record(value, standing), -LARGEST_GRADE, LARGEST_GRADE)
    if coarse:
        error = np.maximum(error, GPS_ERROR)
        return Grade(smooth, slope, np.zeros(count), by_record(error, standing), (unknown,), grid)
    sharp = _chosen(lines, LOAD_CONFIDENCE, grid.odd(LOAD_CHOICE_M))
    load = _without_error(_picked(lines.slope, sharp), _picked(lines.error, sharp))
    load = np.clip(np.nan_to_num(by_record(load, standing)), -LARGEST_GRADE, LARGEST_GRADE)
    return Grade(smooth, slope, load, by_record(error, standing), (), grid)


def _without_error(slope: FloatArray, error: FloatArray) -> FloatArray:
    """A slope less what its own error adds to an asymmetric gain: a non-negative garrote [Breiman1995]_.

    What is within its error becomes level. Breiman's square is raised to the eighth power, since noise adds
    load near level and hardly elsewhere: of a slope of four times its error the square took a tenth.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = np.clip(1.0 - (GARROTE * error / slope) ** 8, 0.0, 1.0)
    corrected: FloatArray = np.where(slope == 0.0, 0.0, slope * kept)
    return corrected


@dataclass(frozen=True, slots=True)
class _Lines:
    """Straight lines of every window through every place of a grid; shape (windows, places)."""

    slope: FloatArray
    height_m: FloatArray
    error: FloatArray
    """Standard error of the slope."""


def _lines(grid: Grid, half_widths: tuple[int, ...], resolution_m: float) -> _Lines:
    """Lines of all windows, their slopes as grades.

    Two errors add up: white noise, which a longer window averages away, and the stairs of an altitude
    written in steps, of which a longer window only bends less.
    """
    noise_m = _noise_sd(grid)
    sums = Sums(grid.altitude, grid.mask, half_widths[-1])
    slope, height, error = np.empty((3, len(half_widths), grid.mask.size))

    def standard_error(spread: FloatArray | float, count: FloatArray | float) -> FloatArray:
        stairs = STAIR * resolution_m / count
        return np.sqrt(noise_m**2 / spread + 12.0 * stairs**2)

    for at, half in enumerate(half_widths):
        line = sums.line(half)
        slope[at], height[at] = line.slope, line.height
        error[at] = standard_error(line.spread, line.places)
        error[at, line.cut] = standard_error(line.cut_spread, line.cut_places)
    return _Lines(slope / grid.step_m, height, error / grid.step_m)


def _chosen(lines: _Lines, confidence: float, width: int) -> tuple[IntArray, IntArray, FloatArray]:
    """For each place the two windows it takes, as places of the flattened lines, and the share of the second.

    The window is the longest whose slope lies within `confidence` standard errors of all shorter ones'.
    That choice is itself noisy, so it is averaged over `width` places.
    """
    windows, places = lines.slope.shape
    reach = confidence * lines.error
    lower, upper = lines.slope - reach, lines.slope + reach
    low, high = lower[0], upper[0]
    agrees = low <= high
    choice = np.zeros(places)
    for at in range(1, windows):
        np.maximum(low, lower[at], out=low)
        np.minimum(high, upper[at], out=high)
        agrees &= low <= high
        choice += agrees
    around = width // 2
    padded = np.concatenate([np.full(around, choice[0]), choice, np.full(around, choice[-1])])
    choice = np.convolve(padded, np.full(width, 1.0 / width), "valid")
    first = np.minimum((choice + 1e-9).astype(np.int64), windows - 1)
    second = np.minimum(first + 1, windows - 1)
    index = np.arange(places)
    return first * places + index, second * places + index, np.minimum(np.maximum(choice - first, 0.0), 1.0)


def _picked(values: FloatArray, choice: tuple[IntArray, IntArray, FloatArray]) -> FloatArray:
    """The chosen windows' values at each place."""
    first, second, share = choice
    flat = values.ravel()
    picked: FloatArray = flat.take(first) * (1.0 - share) + flat.take(second) * share
    return picked


def _noise_sd(grid: Grid) -> float:
    """White noise of the grid's altitudes from their second differences [m]."""
    height, mask = grid.altitude, grid.mask
    bend = height[1:-1] - 0.5 * (height[:-2] + height[2:])
    bend = bend[(mask[1:-1] * mask[:-2] * mask[2:]) > 0]
    if bend.size < 5:
        return 0.1
    bound = max(4.0 * median(np.abs(bend)), 0.3)
    bend = np.minimum(np.maximum(bend, -bound), bound)
    return max(float(np.sqrt(np.mean(bend * bend) / 1.5)), LEAST_NOISE_M)


def _resolution_m(altitude_m: FloatArray) -> float:
    """The smallest step of the altitude, at most 2 m; 0 where it has none to speak of [m]."""
    step = np.abs(altitude_m[1:] - altitude_m[:-1])
    step = step[step > 0.01]
    return min(float(step.min()), 2.0) if step.size else 0.0
