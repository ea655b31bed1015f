"""Drift of a barometer, seen where a place is passed again at another altitude: laps, ways out and back.

The weather moves a barometer by some metres an hour. Where positions are known, each place of 15 m that is
passed again at least five minutes later tells how far. Single places say little (a bridge, a hairpin, an
error of position on a steep slope), so twenty in a row have to agree. It is told from 10 m on, as large as
the smallest descent that is told by itself, and nothing is cut out: 10 m over an hour of running are a grade of
0.1 %, below what a barometer resolves, and no stretch of it is less right than another. Without positions
nothing is said. In a test corpus 98 of 324 recordings on foot or bicycle pass enough places again, half of
them within 3 m; 15 are told.
Instead of: the difference of altitude between start and end, which says nothing of a way that does not close.
"""

from typing import Final

import numpy as np

from kneeledger.elevation.cleaning import BoolArray, CleanAltitude, IntArray
from kneeledger.elevation.origin import COARSE, NOT_TOLD
from kneeledger.model import AltitudeSource, FloatArray, Issue

__all__ = ["drift"]

PLACE_M: Final = 15.0
"""Size of a place [m]: the error of a position."""
METRES_A_DEGREE: Final = 111_195.0
AGAIN_S: Final = 300.0
"""A place is passed again from this time on; less is a turn, or a pause [s]."""
AGREEING: Final = 20
"""So many places in a row make one comparison."""
SPREAD: Final = 0.2
"""Their median deviation may be this share of what they differ by."""
LEAST_M: Final = 10.0
"""Drift is told from here on [m]."""


def drift(
    clean: CleanAltitude,
    elapsed_s: FloatArray,
    latitude_deg: FloatArray,
    longitude_deg: FloatArray,
    *,
    source: AltitudeSource,
) -> tuple[Issue, ...]:
    """The issue `altitude_drift` where places passed again lie at least 10 m higher or lower.

    Its count is that of the places passed again. Altitudes of different parts are not compared, nor is the
    altitude of a GPS, which wavers by as much.
    """
    if source in COARSE or source in NOT_TOLD:
        return ()
    height = clean.altitude_m
    usable = np.flatnonzero(np.isfinite(height + elapsed_s + latitude_deg + longitude_deg))
    if usable.size < AGREEING:
        return ()
    east = longitude_deg[usable] * np.cos(np.radians(latitude_deg[usable[0]]))
    row = np.floor(latitude_deg[usable] * (METRES_A_DEGREE / PLACE_M)).astype(np.int64)
    column = np.floor(east * (METRES_A_DEGREE / PLACE_M)).astype(np.int64)
    row -= row.min()
    column -= column.min()
    place = (clean.part[usable] * (row.max() + 1) + row) * (column.max() + 1) + column
    enters = np.flatnonzero(_begins(place))
    level = np.add.reduceat(height[usable], enters) / np.diff(enters, append=place.size)
    when = elapsed_s[usable[enters]]

    order = np.argsort(place[enters], kind="stable")
    new = _begins(place[enters[order]])
    first = order[np.maximum.accumulate(np.where(new, np.arange(order.size), 0))]
    again = when[order] - when[first] >= AGAIN_S
    rise = (level[order] - level[first])[again][np.argsort(when[order][again], kind="stable")]
    largest_m = _largest_m(rise)
    if largest_m < LEAST_M:
        return ()
    text = (
        f"Altitude drifted: places passed again lie up to {largest_m:.0f} m higher or lower. So slow a drift "
        "hardly changes the grade, and nothing was cut out; descent may be off by as much."
    )
    return (Issue("altitude_drift", int(rise.size), text),)


def _begins(place: IntArray) -> BoolArray:
    """Where a run of one place begins."""
    begins = np.ones(place.size, dtype=np.bool_)
    np.not_equal(place[1:], place[:-1], out=begins[1:])
    return begins


def _largest_m(rise: FloatArray) -> float:
    """The largest change of altitude that twenty places in a row agree upon [m]; 0 where none do."""
    groups = rise.size // AGREEING
    together = rise[: groups * AGREEING].reshape(groups, AGREEING)
    middle = _middle(together)
    spread = _middle(np.abs(together - middle[:, None]))
    sizes = np.abs(middle)
    return float(sizes[spread <= SPREAD * sizes].max(initial=0.0))


def _middle(rows: FloatArray) -> FloatArray:
    """Median of each row of `AGREEING` values: sorted, rows so short take half of what numpy's takes."""
    ordered = np.sort(rows, axis=1)
    middle: FloatArray = (ordered[:, AGREEING // 2 - 1] + ordered[:, AGREEING // 2]) / 2
    return middle
