"""Altitude that can be believed: placeholders and spikes cut out, level breaks and lifts marked.

A vertical rate that no athlete reaches is a step of the instrument, not of the ground: the first fix, a
reset, another source, a lift taken with the watch paused. Altitudes on its two sides are right on their own
and not comparable, so the second side is a new part, and nothing is counted from one to the next. What
comes back within seconds was a spike; a lone 0 or -500 stands for "no altitude". A ramp of seconds that no leg
climbs (`ramps`) is cut out, and a new part begins behind it. Cars and lifts move or climb as no leg does for
half a minute or two; they are cut out.
Instead of: a median over everything (it smears steps and shortens stairs), or a clip of each difference.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from kneeledger.elevation.ramps import Ramp, ramps
from kneeledger.model import AltitudeSource, FloatArray, Issue

__all__ = ["LARGEST_GRADE", "BoolArray", "CleanAltitude", "IntArray", "clean_altitude"]

IntArray = npt.NDArray[np.integer]
BoolArray = npt.NDArray[np.bool_]

LARGEST_GRADE: Final = 0.35
"""Steeper than anybody runs for long; also the largest grade told."""
FASTEST_RISE_MPS: Final = {"foot": 3.0, "ride": 6.0}
"""Vertical speed from record to record that nobody reaches [m/s]."""
LONGEST_SPIKE_S: Final = 12.0
"""An excursion that comes back within this time is a spike, not a level [s]."""
PLACEHOLDERS_M: Final = (0.0, -500.0, -499.0)
"""Altitudes that stand for none where they are far off their neighbours [m]."""
FASTEST_MPS: Final = {"foot": 8.0, "ride": 30.0}
"""Speed that nobody holds for half a minute [m/s]."""
FASTEST_CLIMB_MPS: Final = 0.75
"""Ascent that nobody holds for two minutes, 2,700 m an hour; the best climb 2,100 [m/s]."""
FASTEST_FALL_MPS: Final = 1.5
"""Descent that nobody holds on foot for two minutes, 5,400 m an hour; the fastest of a test corpus 0.6 [m/s]."""
LONGEST_HALT_S: Final = 120.0
"""A stop between two carried spells up to this long belongs to them [s]."""
LEAST_RAMP_M: Final = 6.0
"""A ramp is this much beyond what legs do: the noise of a barometer is a tenth of it [m]."""
LEAST_GPS_RAMP_M: Final = 25.0
"""The same for GPS altitude, which wavers by some metres [m]."""
LONGEST_RAMP_S: Final = 60.0
"""No barometer is calibrated for longer: only a longer ramp is looked at for a lift with its rider [s]."""
WITHOUT_STEPS_MPS: Final = 2.5
"""A minute at this speed without a step was not on foot [m/s]."""
RIDES: Final = frozenset({"cycling", "e_biking"})
FEET: Final = frozenset({"running", "walking", "hiking", "snowshoeing", "mountaineering"})


@dataclass(frozen=True, slots=True)
class CleanAltitude:
    """Altitude that can be believed, one value a record."""

    altitude_m: FloatArray
    """As recorded; NaN where cut out [m]."""
    part: IntArray
    """Altitudes of the same part can be compared; no gain or loss is counted from one to the next."""
    carried: BoolArray
    """Records on which a lift, car or train did the work: never counted."""
    issues: tuple[Issue, ...]


def clean_altitude(
    altitude_m: FloatArray,
    elapsed_s: FloatArray,
    distance_m: FloatArray,
    segment: IntArray,
    *,
    source: AltitudeSource,
    sport: str,
    cadence: FloatArray | None = None,
) -> CleanAltitude:
    """Altitude with placeholders and spikes cut out, level breaks marked, and lifts and cars named.

    Parameters
    ----------
    altitude_m, elapsed_s, distance_m, segment
        One value a record, NaN where missing [m, s, m].
    cadence
        Steps a minute on foot as the file has them: a spell of travel at a cadence of 0 was no walk, while
        a missing one (NaN) says nothing.
    """
    altitude = np.array(altitude_m, dtype=np.float64)
    count = altitude.size
    part = np.zeros(count, dtype=np.int64)
    carried = np.zeros(count, dtype=np.bool_)
    if source in (AltitudeSource.NONE, AltitudeSource.UNUSABLE):
        altitude[:] = np.nan
    known = np.flatnonzero(np.isfinite(altitude))
    if known.size < 2:
        return CleanAltitude(altitude, part, carried, ())
    issues: list[Issue] = []
    cut, breaks = _odd_jumps(altitude, elapsed_s, distance_m, segment, known, sport)
    if cut.any():
        altitude[cut] = np.nan
        text = "Altitudes far off their neighbours (spikes, placeholders) were left out."
        issues.append(Issue("altitude_spike", int(cut.sum()), text))
    starts = np.zeros(count, dtype=np.int64)
    starts[breaks] = 1
    found = _ramps(altitude, elapsed_s, distance_m, source, sport)
    _cut_out(found, altitude, starts, elapsed_s, upto_s=LONGEST_RAMP_S)
    level = _rebased(altitude, np.flatnonzero(starts))
    carried = _carried(level, elapsed_s, distance_m, sport, cadence)
    _cut_out(found, altitude, starts, elapsed_s)
    if starts.any():
        largest_m = float(np.abs(_jumps(altitude, np.flatnonzero(starts))).max())
        text = (
            f"Altitude stepped, by up to {largest_m:.0f} m (first fix, reset, calibration, lift, or a pause "
            "elsewhere): no gain or loss is counted across."
        )
        issues.append(Issue("altitude_step", int(starts.sum()), text))
    if carried.any():
        altitude[carried] = np.nan
        starts[1:][np.diff(carried.astype(np.int8)) != 0] = 1
        text = "Moved or lifted faster than this sport does (lift, car, train): no descent is counted there."
        issues.append(Issue("carried", int(carried.sum()), text))
    if starts.any():
        part = np.cumsum(starts)
    return CleanAltitude(altitude, part, carried, tuple(issues))


def _odd_jumps(
    altitude: FloatArray,
    elapsed_s: FloatArray,
    distance_m: FloatArray,
    segment: IntArray,
    known: IntArray,
    sport: str,
) -> tuple[BoolArray, list[int]]:
    """Records to cut out, and records at which a new level begins."""
    cut = np.zeros(altitude.size, dtype=np.bool_)
    fastest = FASTEST_RISE_MPS["ride" if sport in RIDES else "foot"]
    height, when, stretch = altitude[known], elapsed_s[known], segment[known]
    rise = height[1:] - height[:-1]
    span = np.maximum(when[1:] - when[:-1], 1.0)
    across = stretch[1:] != stretch[:-1]
    odd = np.abs(rise) > 1.0 + fastest * span
    if across.any():
        over = np.flatnonzero(across)
        travelled = np.maximum(np.nan_to_num(distance_m[known[over + 1]] - distance_m[known[over]]), 0.0)
        odd[over] = np.abs(rise[over]) > 3.0 + LARGEST_GRADE * travelled
    jumps = np.flatnonzero(odd).tolist()
    breaks: list[int] = []
    at = 0
    while at < len(jumps):
        jump = jumps[at]
        if at + 1 < len(jumps):
            back = jumps[at + 1]
            inside = known[jump + 1 : back + 1]
            offset = abs(float(altitude[known[back + 1]] - altitude[known[jump]]))
            short = float(elapsed_s[known[back + 1]] - elapsed_s[known[jump]]) <= LONGEST_SPIKE_S
            placeholder = bool(np.isin(altitude[inside], PLACEHOLDERS_M).all())
            if (short or placeholder) and offset <= max(5.0, 0.2 * abs(float(rise[jump]))):
                cut[inside] = True
                at += 2
                continue
        head, tail = known[: jump + 1], known[jump + 1 :]
        if at == 0 and np.isin(altitude[head], PLACEHOLDERS_M).all():
            cut[head] = True
        elif at + 1 == len(jumps) and np.isin(altitude[tail], PLACEHOLDERS_M).all():
            cut[tail] = True
        else:
            breaks.append(int(known[jump + 1]))
        at += 1
    return cut, breaks


def _jumps(altitude: FloatArray, breaks: IntArray) -> FloatArray:
    """How far the altitude jumps at each level break [m]."""
    known = np.flatnonzero(np.isfinite(altitude))
    jumps: FloatArray = altitude[breaks] - altitude[known[np.searchsorted(known, breaks) - 1]]
    return jumps


def _rebased(altitude: FloatArray, breaks: IntArray) -> FloatArray:
    """The altitude with its level breaks taken out: each part begins where the one before it ended."""
    if breaks.size == 0:
        return altitude
    jump = np.zeros(altitude.size)
    jump[breaks] = _jumps(altitude, breaks)
    rebased: FloatArray = altitude - np.cumsum(jump)
    return rebased


def _ramps(
    altitude: FloatArray, elapsed_s: FloatArray, distance_m: FloatArray, source: AltitudeSource, sport: str
) -> list[Ramp]:
    """Ramps that no leg climbs, by record."""
    if sport not in RIDES | FEET:
        return []
    usable = np.flatnonzero(np.isfinite(altitude) & np.isfinite(distance_m) & np.isfinite(elapsed_s))
    wavers = source in (AltitudeSource.GPS, AltitudeSource.UNKNOWN)
    least_m = LEAST_GPS_RAMP_M if wavers else LEAST_RAMP_M
    found = ramps(altitude[usable], elapsed_s[usable], distance_m[usable], least_m=least_m)
    return [Ramp(int(usable[one.before]), int(usable[one.after])) for one in found]


def _cut_out(
    found: list[Ramp],
    altitude: FloatArray,
    starts: IntArray,
    elapsed_s: FloatArray,
    *,
    upto_s: float = np.inf,
) -> None:
    """Forget the altitude inside ramps up to a length [s], and let a new part begin behind each."""
    for one in found:
        if elapsed_s[one.after] - elapsed_s[one.before] <= upto_s:
            altitude[one.before + 1 : one.after] = np.nan
            starts[one.before + 1 : one.after] = 0
            starts[one.after] = 1


def _carried(
    altitude: FloatArray,
    elapsed_s: FloatArray,
    distance_m: FloatArray,
    sport: str,
    cadence: FloatArray | None,
) -> BoolArray:
    """Records on which something else than legs did the work.

    Faster than anybody runs for most of half a minute (one jump of the distance is no train); higher than
    anybody climbs, or on foot falls, for two minutes; or, where the file has steps, a minute of travel at running speed
    without one. Halts of up to two minutes between such spells (a red light) belong to them.
    """
    count = altitude.size
    carried = np.zeros(count, dtype=np.bool_)
    ride = sport in RIDES
    step = float(elapsed_s[-1] - elapsed_s[0]) / max(count - 1, 1)
    if not (step > 0.0) or not (ride or sport in FEET):
        return carried

    def mark(rate: FloatArray, limit: float, lag: int) -> None:
        for first in np.flatnonzero(rate > limit).tolist():
            carried[first : first + lag + 1] = True

    lag = max(int(30.0 / step), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        fast = np.diff(distance_m) / np.diff(elapsed_s) > FASTEST_MPS["ride" if ride else "foot"]
    if count > lag and np.count_nonzero(fast) > 0.7 * lag:
        sums = np.concatenate([[0], np.cumsum(fast)])
        mark((sums[lag:] - sums[:-lag]) / lag, 0.7, lag)
    lag = max(int(120.0 / step), 1)
    if count > lag:
        with np.errstate(invalid="ignore", divide="ignore"):
            climb = (altitude[lag:] - altitude[:-lag]) / (elapsed_s[lag:] - elapsed_s[:-lag])
        climb[elapsed_s[lag:] - elapsed_s[:-lag] > 240.0] = np.nan
        mark(climb, FASTEST_CLIMB_MPS, lag)
        if not ride:
            mark(-climb, FASTEST_FALL_MPS, lag)
    if cadence is not None and not ride and np.count_nonzero(cadence > 0.0) > 0.3 * count:
        lag = max(int(60.0 / step), 1)
        if count > lag:
            stepping = np.concatenate([[0], np.cumsum(cadence != 0.0)])
            with np.errstate(invalid="ignore", divide="ignore"):
                speed = (distance_m[lag:] - distance_m[:-lag]) / (elapsed_s[lag:] - elapsed_s[:-lag])
            still = stepping[lag + 1 :] - stepping[: -lag - 1] == 0
            mark(np.where(still, speed, 0.0), WITHOUT_STEPS_MPS, lag)
    spells = np.flatnonzero(carried)
    for before, after in pairwise(spells.tolist()):
        if after - before > 1 and elapsed_s[after] - elapsed_s[before] <= LONGEST_HALT_S:
            carried[before:after] = True
    return carried
