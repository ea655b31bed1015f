"""Ramps that no leg climbs: a barometer that is calibrated again, or a lift, over seconds to a minute.

From record to record such a ramp may be as slow as a stair. Over 20 s, or a half or a quarter of it, it is
not: nobody goes steeper than one in one at any pace worth the name, nor steeper than one in two (a stair is
0.6) while rising or falling by 1.2 m/s. Of 339 recordings on foot or bicycle with an altitude not from GPS 30
have one of more than two seconds: watches that settle or are calibrated, bicycles taken down in a lift, lifts
of a hike, and two whose distance stands still while they ride. Of 42 with GPS altitude one.
Instead of: a limit of the vertical speed alone, which a fast descent on a bicycle passes and a lift does not;
or of the slope alone, which misses the ladder and the stuck distance of a stairwell.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kneeledger.model import FloatArray

__all__ = ["Ramp", "ramps"]

WINDOW_S: Final = 20.0
"""A ramp shows over this time, or over the last half or quarter of its records [s]."""
STEEPEST: Final = 1.0
"""Rise over distance that nobody goes."""
STEEPEST_FAST: Final = 0.5
"""... and that nobody goes at `FASTEST_MPS` of rise or fall."""
FASTEST_MPS: Final = 1.2
LEVEL_M: Final = 1.0
"""A ramp begins where the altitude was last this near its lowest, and ends where it first is this near its
highest (falling: the other way round): what noise does [m]."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """One ramp: its last altitude before and its first one after, as places of the arrays given."""

    before: int
    after: int


def ramps(
    altitude_m: FloatArray, elapsed_s: FloatArray, distance_m: FloatArray, *, least_m: float
) -> list[Ramp]:
    """Ramps in order of time, up and down apart.

    Parameters
    ----------
    altitude_m, elapsed_s, distance_m
        Finite, in order of time, one value a record [m, s, m].
    least_m
        What a rise must have beyond that of legs: far above the noise of the altitude [m].
    """
    if not altitude_m.size or altitude_m.max() - altitude_m.min() <= least_m:
        return []
    way = np.zeros(altitude_m.size, dtype=np.int8)
    records = np.arange(altitude_m.size)
    window = records - np.searchsorted(elapsed_s, elapsed_s - WINDOW_S)
    for share in (4, 2, 1):
        start = records - window // share
        rise = altitude_m - altitude_m[start]
        large = np.flatnonzero(np.abs(rise) > least_m)
        begin = start[large]
        travelled, span = distance_m[large] - distance_m[begin], elapsed_s[large] - elapsed_s[begin]
        fast = np.maximum(STEEPEST_FAST * travelled, FASTEST_MPS * span)
        odd = np.abs(rise[large]) > least_m + np.minimum(STEEPEST * travelled, fast)
        for at in large[odd].tolist():
            way[start[at] : at + 1] = 1 if rise[at] > 0.0 else -1
    if not way.any():
        return []
    edges = np.flatnonzero(np.diff(way, prepend=0, append=0))
    return [
        _trimmed(altitude_m, first, stop - 1)
        for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        if way[first]
    ]


def _trimmed(altitude_m: FloatArray, first: int, last: int) -> Ramp:
    """The ramp without the level ground that its windows took in before and behind it."""
    height = altitude_m[first : last + 1]
    rise = float(height[-1] - height[0])
    if abs(rise) <= 2.0 * LEVEL_M:
        return Ramp(first, last)
    done = (height - height[0]) * np.sign(rise)
    middle = int(np.argmax(done >= 0.5 * abs(rise)))
    low, high = done[: middle + 1], done[middle:]
    before = int(np.flatnonzero(low <= low.min() + LEVEL_M)[-1])
    after = middle + int(np.argmax(high >= high.max() - LEVEL_M))
    return Ramp(first + before, first + after)
