"""Descent and ascent by hysteresis, and single descents.

Summing differences makes 500 m of descent an hour out of 0.25 m of noise, so a swing counts from a threshold
on. A threshold of 3 m alone follows the devices but loses 7 % of rolling ground whose hills are 2 m high; one of
1.5 m alone turns the drift of a barometer into descent. Drift is shallow and hills are not, so a swing of
1.5 m counts where it is steeper than 1.25 %: on simulated ground 1.3 m on the flat, -3.8 % on rolling, -2.5 % on
ramps, and a median of 3.6 % to the device's own descent over 130 recordings. Where the altitude turns is
looked for on an average over 55 m, how high it turns on one over 25 m, since the longer one clips tops.
Instead of: one threshold, or a threshold on heavily smoothed altitude.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Final

import numpy as np

from kneeledger.elevation.cleaning import CleanAltitude, IntArray
from kneeledger.elevation.grid import Grid, grid_of
from kneeledger.elevation.origin import COARSE, NOT_TOLD
from kneeledger.model import AltitudeSource, FloatArray, Value

__all__ = ["Climb", "Descent", "descent", "descent_with_parts", "descents"]


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """When a swing of the altitude counts."""

    full_m: float
    """A swing of this size always counts [m]."""
    small_m: float
    """A smaller one, down to this size, counts where it is steep [m]."""
    steep: float
    """... that is, at least this steep on average."""


BAROMETRIC_HYSTERESIS: Final = Hysteresis(3.0, 1.5, 0.0125)
GPS_HYSTERESIS: Final = Hysteresis(10.0, 10.0, 1.0)
TURN_M: Final = 55.0
"""Altitude is averaged over this distance to find where it turns [m]."""
PIVOT_M: Final = 25.0
"""It is averaged over this distance to say how high it turns [m]."""


@dataclass(frozen=True, slots=True)
class Climb:
    """Descent and ascent by hysteresis; the interval is what other thresholds would give [m]."""

    descent_m: Value
    ascent_m: Value
    hysteresis_m: float | None
    fall_m: FloatArray
    """The descent by record, so that it can be shared out; sums to `descent_m` [m]."""


@dataclass(frozen=True, slots=True)
class Descent:
    """One descent: records `start` to `stop` (exclusive)."""

    number: int
    start: int
    stop: int
    drop_m: float
    length_m: float


def _turns(height: FloatArray) -> IntArray:
    """Where a series may turn: its ends and every change of direction."""
    if height.size < 3:
        return np.arange(height.size)
    direction = np.sign(np.diff(height))
    moving = np.flatnonzero(direction)
    if moving.size == 0:
        return np.array([0, height.size - 1])
    flips = moving[1:][direction[moving[1:]] != direction[moving[:-1]]]
    return np.concatenate([[0], flips, [height.size - 1]])


def _zigzag(turns: IntArray, values: list[float], threshold_m: float) -> list[int]:
    """Indices of the pivots of swings of at least `threshold_m`, ends included; `values` are the turns' heights."""
    if not values:
        return []
    lowest = highest = 0
    way = 0
    pivots: list[int] = []
    for at, value in enumerate(values):
        if value > values[highest]:
            highest = at
        if value < values[lowest]:
            lowest = at
        if way >= 0 and values[highest] - value >= threshold_m:
            pivots.append(highest)
            way, lowest = -1, at
            highest = at
        elif way <= 0 and value - values[lowest] >= threshold_m:
            pivots.append(lowest)
            way, highest = 1, at
            lowest = at
    if way:
        pivots.append(highest if way > 0 else lowest)
    return [int(turns[at]) for at in pivots]


@dataclass(frozen=True, slots=True)
class _Profile:
    """Re-based heights along the grid, where it knows any."""

    grid: Grid
    index: IntArray
    """Grid index of each height."""
    turning: FloatArray
    """Averaged over 55 m: where it turns [m]."""
    height: FloatArray
    """Averaged over 25 m: how high it is [m]."""
    turns: IntArray
    """Where `turning` may turn."""
    turns_m: list[float]
    """How high it does [m]."""

    def zigzag(self, threshold_m: float) -> list[int]:
        """Places of the pivots of swings of at least `threshold_m`."""
        return _zigzag(self.turns, self.turns_m, threshold_m)


def _profile(
    clean: CleanAltitude, distance_m: FloatArray, elapsed_s: FloatArray, grid: Grid | None = None
) -> _Profile | None:
    """Heights without the level breaks. Where there is no distance, 3 m/s stand in for it.

    A `grid` that stands is taken where the altitude is of one part, so that none is set apart from another.
    """
    parts = bool(clean.part.size) and bool((clean.part != clean.part[0]).any())
    if parts or grid is None:
        along = distance_m if np.isfinite(distance_m).any() else 3.0 * elapsed_s
        grid = grid_of(clean, along, TURN_M)
    if grid is None:
        return None
    index = np.flatnonzero(grid.mask)
    belongs = np.zeros(grid.mask.size, dtype=np.int64)
    belongs[grid.place] = clean.part
    breaks = np.diff(np.maximum.accumulate(belongs)[index]) != 0 if parts else None
    known = grid.altitude * grid.mask

    def averaged(width_m: float) -> FloatArray:
        kernel = np.ones(grid.odd(width_m))
        total = np.convolve(known, kernel, "same")[index]
        mean: FloatArray = total / np.convolve(grid.mask, kernel, "same")[index]
        if breaks is None:
            return mean
        jump = np.where(breaks, np.diff(mean), 0.0)
        rebased: FloatArray = mean - np.concatenate([[0.0], np.cumsum(jump)])
        return rebased

    turning = averaged(TURN_M)
    turns = _turns(turning)
    return _Profile(grid, index, turning, averaged(PIVOT_M), turns, turning[turns].tolist())


def _pivots(profile: _Profile | None, rule: Hysteresis) -> list[int]:
    """Where the altitude turns, counting only swings that the rule lets count.

    Swings too small and too shallow are taken out from the smallest up: its two ends go, and the swings
    beside it become one.
    """
    if profile is None:
        return []
    pivots = profile.zigzag(rule.small_m)
    if rule.small_m >= rule.full_m:
        return pivots
    height, along = profile.turning[pivots], profile.index[pivots] * profile.grid.step_m
    before = list(range(-1, len(pivots) - 1))
    after = list(range(1, len(pivots) + 1))
    alive = [True] * len(pivots)

    def size(left: int) -> tuple[float, float]:
        right = after[left]
        return abs(float(height[right] - height[left])), float(along[right] - along[left])

    last = len(pivots) - 1
    waiting = [(size(left)[0], left, left + 1) for left in range(1, last - 1)]
    heapify(waiting)
    while waiting:
        swing, left, right = heappop(waiting)
        if swing >= rule.full_m:
            break
        if not alive[left] or after[left] != right or left == 0 or right == last:
            continue
        if swing >= rule.steep * size(left)[1]:
            continue
        outer_left, outer_right = before[left], after[right]
        alive[left] = alive[right] = False
        after[outer_left], before[outer_right] = outer_right, outer_left
        heappush(waiting, (size(outer_left)[0], outer_left, outer_right))
    return [pivot for pivot, stays in zip(pivots, alive, strict=True) if stays]


def _swings(profile: _Profile, pivots: list[int]) -> tuple[float, float]:
    """Metres down and up between pivots."""
    rise = np.diff(profile.height[pivots])
    return float(-rise[rise < 0].sum()), float(rise[rise > 0].sum())


def descent(
    clean: CleanAltitude, distance_m: FloatArray, elapsed_s: FloatArray, *, source: AltitudeSource
) -> Climb:
    """Descent and ascent by zig-zag hysteresis [m]; null where altitude says nothing.

    A swing of 3 m counts (10 m for the slow errors of GPS), and one of 1.5 m where it is steeper than
    1.25 % on average: 3 m alone loses 7 % of true rolling ground, 1.5 m alone turns a barometer's drift
    into descent. The interval is what a rule of 5 m (20 m), and one of 1.5 m (5 m) would have given.
    """
    profile = None if source in NOT_TOLD else _profile(clean, distance_m, elapsed_s)
    return _climb(profile, _pivots(profile, _rule(source)), clean.altitude_m.size, source)


def _rule(source: AltitudeSource) -> Hysteresis:
    return GPS_HYSTERESIS if source in COARSE else BAROMETRIC_HYSTERESIS


def _climb(profile: _Profile | None, pivots: list[int], count: int, source: AltitudeSource) -> Climb:
    """The descent of a profile between its pivots, shared out over `count` records."""
    if profile is None:
        return Climb(Value(None), Value(None), None, np.full(count, np.nan))
    down, up = _swings(profile, pivots)
    others = (5.0, 20.0) if source in COARSE else (1.5, 5.0)
    ends = [_swings(profile, profile.zigzag(at)) for at in others]
    # The negative of a sum over nothing is -0.0.
    down, up = down + 0.0, up + 0.0
    falls, rises = [down, *(fall for fall, _ in ends)], [up, *(rise for _, rise in ends)]
    return Climb(
        Value(down, min(falls), max(falls)),
        Value(up, min(rises), max(rises)),
        _rule(source).full_m,
        _fall_by_record(profile, pivots),
    )


def _fall_by_record(profile: _Profile, pivots: list[int]) -> FloatArray:
    """Descent between turning points, shared out over the records that lie between them [m]."""
    falling = np.zeros(profile.height.size)
    for top, bottom in pairwise(pivots):
        if profile.height[bottom] < profile.height[top]:
            falling[top + 1 : bottom + 1] = profile.height[top:bottom] - profile.height[top + 1 : bottom + 1]
    fallen = np.interp(profile.grid.position, profile.index, np.cumsum(falling))
    return np.concatenate([[0.0], fallen[1:] - fallen[:-1]])


def descents(
    clean: CleanAltitude,
    distance_m: FloatArray,
    elapsed_s: FloatArray,
    *,
    source: AltitudeSource,
    least_drop_m: float = 10.0,
    least_grade: float = 0.02,
) -> tuple[Descent, ...]:
    """Single descents, numbered from 1 in order of time.

    A descent runs from a turning point down to the next, so that no climb of 3 m (or of 1.5 m, if steep)
    interrupts it, less its plateaus and flat valleys. It is told from `least_drop_m` [m] and `least_grade`
    on: less is a dip in the road, or a false flat.
    None where the altitude's source does not carry a grade.
    """
    if source in NOT_TOLD or source in COARSE:
        return ()
    profile = _profile(clean, distance_m, elapsed_s)
    return _single(profile, _pivots(profile, _rule(source)), least_drop_m, least_grade)


def descent_with_parts(
    clean: CleanAltitude,
    distance_m: FloatArray,
    elapsed_s: FloatArray,
    *,
    source: AltitudeSource,
    least_drop_m: float,
    least_grade: float,
    grid: Grid | None = None,
) -> tuple[Climb, tuple[Descent, ...]]:
    """`descent` and `descents` of the same altitude, its profile and its turning points made once.

    `grid` is that of `grade`, if it is at hand.
    """
    profile = None if source in NOT_TOLD else _profile(clean, distance_m, elapsed_s, grid)
    pivots = _pivots(profile, _rule(source))
    climb = _climb(profile, pivots, clean.altitude_m.size, source)
    return climb, () if source in COARSE else _single(profile, pivots, least_drop_m, least_grade)


def _single(
    profile: _Profile | None, pivots: list[int], least_drop_m: float, least_grade: float
) -> tuple[Descent, ...]:
    """The single descents of a profile, each between two of its pivots."""
    if profile is None:
        return ()
    along: FloatArray = profile.index.astype(np.float64) * profile.grid.step_m
    place = profile.grid.place
    found: list[Descent] = []
    for top, bottom in pairwise(pivots):
        for first, last in _steep_parts(profile.height, along, top, bottom, least_drop_m, least_grade):
            start = int(np.searchsorted(place, profile.index[first]))
            stop = int(np.searchsorted(place, profile.index[last], side="right"))
            drop = float(profile.height[first] - profile.height[last])
            found.append(Descent(len(found) + 1, start, stop, drop, float(along[last] - along[first])))
    return tuple(found)


def _steep_parts(
    height: FloatArray, along: FloatArray, top: int, bottom: int, least_drop_m: float, least_grade: float
) -> list[tuple[int, int]]:
    """The stretches of one downward swing that are descents, in order.

    A stretch is where the ground falls most below a line of the least grade, so that a plateau before it
    and a flat valley behind it are no part of it; what is left on either side is looked at again.
    """
    if height[top] - height[bottom] < least_drop_m:
        return []
    below = height[top : bottom + 1] + least_grade * along[top : bottom + 1]
    depth = np.maximum.accumulate(below) - below
    last = int(depth.argmax())
    first = last - int(below[last::-1].argmax())
    first, last = top + first, top + last
    if height[first] - height[last] < least_drop_m:
        return []
    return [
        *_steep_parts(height, along, top, first, least_drop_m, least_grade),
        (first, last),
        *_steep_parts(height, along, last, bottom, least_drop_m, least_grade),
    ]
