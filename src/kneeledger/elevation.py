"""Altitude to grade and descent: the method follows the altitude's source, and no step is smeared.

Grade is a local straight-line fit over distance, not time: a line over seconds is a different thing for
a walker and a rider. One window cannot serve a flat run and a ramp at once (a 93 m line leaves 0.28 %
of noise on the flat and cuts every corner of a ramp), so each place takes the longest of five windows
whose slope still agrees with all shorter ones (the rule of intersecting confidence intervals,
[Goldenshluger1997]_). That also gives each grade the error it has, which the knee load needs: its gain
is asymmetric about level, and noise would become load. Level breaks (first fixes, resets, lifts taken
with the watch paused) start a new part: no window and no metre of descent reaches across one. Descent
is a zig-zag with hysteresis over the same parts.
Instead of: one Savitzky-Golay window for every source, Whittaker or Kalman smoothing (no better than
the window they are given), and summing differences, which makes 500 m an hour out of 0.25 m of noise.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from kneeledger.model import About, AltitudeSource, FloatArray, Issue, Value, Way

__all__ = [
    "CleanAltitude",
    "Climb",
    "Descent",
    "Grade",
    "altitude_source",
    "clean_altitude",
    "descent",
    "descents",
    "grade",
]

IntArray = npt.NDArray[np.integer]
BoolArray = npt.NDArray[np.bool_]

STEP_M: Final = 5.0
"""Spacing of the distance grid [m]."""
HALF_WIDTHS: Final = (4, 6, 9, 13, 18)
"""Half windows of the straight line, in grid steps: 45 to 185 m."""
GPS_HALF_WIDTHS: Final = (18,)
"""For altitude with the slow errors of GPS: 185 m."""
CONFIDENCE: Final = 2.0
"""Half width of a slope's interval in its own standard deviations, where windows are compared."""
LARGEST_GRADE: Final = 0.35
SLOWEST_MPS: Final = 0.7
"""Below it distance says little about the ground; the grade of the place is carried on [m/s]."""
STANDING_MPS: Final = 0.05
"""Below it nobody moves: no grade [m/s]."""
HYSTERESIS_M: Final = {"fine": (2.0, 3.0, 5.0), "coarse": (5.0, 10.0, 20.0)}
"""Zig-zag thresholds: the low one, the one used, the high one [m]."""
FASTEST_RISE_MPS: Final = {Way.RIDE: 6.0}
"""Vertical speed nobody reaches [m/s]; on foot 3."""
LONGEST_HOLE_M: Final = 150.0
"""Grid steps without a record are filled by a straight line up to this length [m]."""
NOT_TOLD: Final = (AltitudeSource.NONE, AltitudeSource.UNUSABLE, AltitudeSource.VIRTUAL)
COARSE: Final = (AltitudeSource.GPS, AltitudeSource.UNKNOWN)

_RIDES = ("cycling", "e_biking", "ride", "biking", "mountain_biking")
_BAROMETRIC = (
    "fenix", "epix", "tactix", "quatix", "instinct", "enduro", "marq", "descent", "edge500", "edge510",
    "edge520", "edge530", "edge540", "edge705", "edge800", "edge810", "edge820", "edge830", "edge840",
    "edge1000", "edge1030", "edge1040", "edge1050", "fr255", "fr265", "fr645", "fr745", "fr910", "fr920",
    "fr935", "fr945", "fr955", "fr965", "fr970", "fr570", "vivoactivehr", "vivoactive3", "vivoactive4",
    "vivosmarthr", "venu2", "venu3", "venux1", "oregon7", "forerunner255", "forerunner265",
    "forerunner645", "forerunner745", "forerunner910", "forerunner920", "forerunner935", "forerunner945",
    "forerunner955", "forerunner965", "ambit", "suunto9baro", "suunto9peak", "suuntovertical",
    "suuntorace", "spartan", "apexpro", "coros", "elemnt", "withbarometer", "barometer", "karoo",
    "rideros", "polarvantagev", "gritx",
)  # fmt: skip
_GPS_ONLY = (
    "fr10", "fr15", "fr25", "fr35", "fr45", "fr55", "fr70", "fr110", "fr165", "fr210", "fr220", "fr225",
    "fr230", "fr235", "fr245", "fr301", "fr305", "fr310", "fr405", "fr410", "fr610", "fr620", "fr630",
    "fr735", "venusq", "edge200", "edge205", "edge20", "edge25", "edge305", "edgeexplore",
    "forerunner10", "forerunner15", "forerunner25", "forerunner35", "forerunner45", "forerunner55",
    "forerunner110", "forerunner210", "forerunner220", "forerunner225", "forerunner230", "forerunner235",
    "forerunner245", "forerunner305", "forerunner310", "forerunner405", "forerunner610", "forerunner620",
    "forerunner630", "forerunner735", "tomtom", "runkeeper", "strava", "opentracks", "iphone", "applewatch",
    "polarm400", "polarm430", "endomondo", "nikerunclub",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Climb:
    """Descent and ascent by hysteresis; the interval is what other thresholds would give [m]."""

    descent_m: Value
    ascent_m: Value
    hysteresis_m: float | None


@dataclass(frozen=True, slots=True)
class Descent:
    """One descent: records `start` to `stop` (exclusive)."""

    number: int
    start: int
    stop: int
    drop_m: float
    length_m: float


def altitude_source(
    altitude_m: FloatArray, elapsed_s: FloatArray, distance_m: FloatArray, segment: IntArray, *, about: About
) -> tuple[AltitudeSource, str]:
    """Where the altitude comes from, and why it is thought so, in one sentence."""
    known = altitude_m[np.isfinite(altitude_m)]
    if about.virtual:
        return AltitudeSource.VIRTUAL, "the activity is virtual: its hills are not climbed on foot or wheel"
    if known.size < 2:
        return AltitudeSource.NONE, "the file holds no altitude"
    if float(np.ptp(known)) < 0.5 and (about.device_descent_m or 0.0) >= 20.0:
        return (
            AltitudeSource.UNUSABLE,
            f"altitude never changes, while the device counts {about.device_descent_m:.0f} m of descent",
        )
    facts = about.facts
    if facts.get("altitude_corrected"):
        return AltitudeSource.CORRECTED, "the file says that its altitude was replaced"
    barometer = facts.get("barometer")
    if barometer is True:
        return AltitudeSource.BAROMETRIC, "the file names a barometer"
    if barometer is False:
        return AltitudeSource.GPS, "the file says that there is no barometer"
    name = f"{about.device or ''} {facts.get('creator') or ''}"
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    if any(word in plain for word in _BAROMETRIC):
        return AltitudeSource.BAROMETRIC, f"{name.strip()} has a barometer"
    if any(word in plain for word in _GPS_ONLY):
        return AltitudeSource.GPS, f"{name.strip()} has no barometer"
    return AltitudeSource.UNKNOWN, "neither device nor file tell where the altitude comes from"


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
    """Altitude with placeholders and spikes cut out and level breaks marked."""
    altitude = np.array(altitude_m, dtype=np.float64)
    count = altitude.size
    part = np.zeros(count, dtype=np.int64)
    carried = np.zeros(count, dtype=np.bool_)
    if source in (AltitudeSource.NONE, AltitudeSource.UNUSABLE):
        altitude[:] = np.nan
        return CleanAltitude(altitude, part, carried, ())
    issues: list[Issue] = []
    fastest = 6.0 if sport.lower() in _RIDES else 3.0
    cut = np.zeros(count, dtype=np.bool_)
    known = np.flatnonzero(np.isfinite(altitude))
    if known.size < 2:
        return CleanAltitude(altitude, part, carried, ())
    breaks: list[int] = []
    rise = np.diff(altitude[known])
    span = np.maximum(np.diff(elapsed_s[known]), 1.0)
    travelled = np.nan_to_num(np.diff(distance_m[known]))
    across = np.diff(segment[known]) != 0
    odd = np.where(
        across,
        np.abs(rise) > 3.0 + LARGEST_GRADE * np.maximum(travelled, 0.0),
        np.abs(rise) > 1.0 + fastest * span,
    )
    jumps = np.flatnonzero(odd)
    at = 0
    while at < jumps.size:
        jump = int(jumps[at])
        if at + 1 < jumps.size:
            back = int(jumps[at + 1])
            before, after = altitude[known[jump]], altitude[known[back + 1]]
            inside = altitude[known[jump + 1 : back + 1]]
            short = elapsed_s[known[back + 1]] - elapsed_s[known[jump]] <= 12.0
            placeholder = bool(np.all((inside == 0.0) | (inside <= -499.0)))
            if (short or placeholder) and abs(after - before) <= max(5.0, 0.2 * abs(rise[jump])):
                cut[known[jump + 1 : back + 1]] = True
                at += 2
                continue
        breaks.append(int(known[jump + 1]))
        at += 1
    if cut.any():
        altitude[cut] = np.nan
        issues.append(
            Issue("altitude_spike", int(cut.sum()), "Altitudes far off their neighbours were left out.")
        )
    if breaks:
        part[breaks] = 1
        part = np.cumsum(part)
        issues.append(
            Issue(
                "altitude_step",
                len(breaks),
                "Altitude stepped faster than anybody moves: no gain or loss is counted across the step.",
            )
        )
    return CleanAltitude(altitude, part, carried, tuple(issues))


@dataclass(frozen=True, slots=True)
class _Grid:
    place: IntArray
    """Grid index of each record, -1 where it has none."""
    position: FloatArray
    """The same as a real number."""
    altitude: FloatArray
    mask: FloatArray
    """1 where the grid knows an altitude."""
    step_m: float


def _grid(clean: CleanAltitude, distance_m: FloatArray, pad: int) -> _Grid | None:
    """Mean altitude of every few metres; parts stand `pad` steps apart."""
    usable = np.isfinite(clean.altitude_m) & np.isfinite(distance_m)
    if np.count_nonzero(usable) < 3:
        return None
    along = np.maximum.accumulate(np.where(np.isfinite(distance_m), distance_m, -np.inf))
    along[~np.isfinite(along)] = distance_m[usable][0]
    length = float(along[-1] - along[0])
    if length < STEP_M:
        return None
    step_m = STEP_M if length < 5e5 else length / 1e5
    position = (along - along[0]) / step_m + pad * (clean.part - clean.part[0])
    place = position.astype(np.int64)
    size = int(place[-1]) + 1
    weight = np.bincount(place[usable], minlength=size)
    total = np.bincount(place[usable], weights=clean.altitude_m[usable], minlength=size)
    filled = np.flatnonzero(weight)
    mean = np.zeros(size)
    mean[filled] = total[filled] / weight[filled]
    mask = np.zeros(size)
    mask[filled] = 1.0
    if filled.size < size:
        gap = np.diff(filled)
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
    return _Grid(place, position, mean, mask, step_m)


class _Sums:
    """Running sums of a grid, so that a line over any window costs a few differences."""

    def __init__(self, altitude: FloatArray, mask: FloatArray) -> None:
        index = np.arange(altitude.size, dtype=np.float64)
        level = float(altitude[mask > 0].mean())
        height = (altitude - level) * mask
        self.level = level
        self.index = index
        stack = np.stack([mask, mask * index, mask * index * index, height, height * index])
        self.sums = np.concatenate([np.zeros((5, 1)), np.cumsum(stack, axis=1)], axis=1)

    def line(self, half: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Slope per step, height at the place, and sum of squares about the mean, for one window."""
        size = self.index.size
        low = np.maximum(np.arange(size) - half, 0)
        high = np.minimum(np.arange(size) + half + 1, size)
        n, sx, sxx, sy, sxy = self.sums[:, high] - self.sums[:, low]
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = sxx - sx * sx / n
            slope = (sxy - sx * sy / n) / spread
            height = sy / n + slope * (self.index - sx / n) + self.level
        thin = (n < 3) | (spread < 1.5)
        slope[thin] = np.nan
        spread[thin] = np.nan
        return slope, height, spread


def _noise_sd(grid: _Grid) -> float:
    """White noise of the grid's altitudes from their second differences [m]."""
    height, mask = grid.altitude, grid.mask
    if height.size < 3:
        return 0.1
    bend = height[1:-1] - 0.5 * (height[:-2] + height[2:])
    bend = bend[(mask[1:-1] * mask[:-2] * mask[2:]) > 0]
    if bend.size < 5:
        return 0.1
    bound = max(4.0 * float(np.median(np.abs(bend))), 0.3)
    bend = np.clip(bend, -bound, bound)
    return max(float(np.sqrt(np.mean(bend * bend) / 1.5)), 0.06)


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
    half_widths = GPS_HALF_WIDTHS if coarse else HALF_WIDTHS
    grid = None if indoor or source in NOT_TOLD else _grid(clean, distance_m, half_widths[-1] + 2)
    if grid is None:
        return Grade(nothing, nothing.copy(), np.zeros(count), nothing.copy(), (unknown,))
    slope, height, error = _adaptive_line(grid, half_widths)
    if coarse:
        error = np.maximum(error, 0.03)
    at = grid.position - 0.5
    knots = np.arange(slope.size)
    fine = np.isfinite(slope)
    if not fine.any():
        return Grade(nothing, nothing.copy(), np.zeros(count), nothing.copy(), (unknown,))
    here = fine[np.minimum(grid.place, slope.size - 1)]
    smooth = np.where(here, np.interp(at, knots[fine], height[fine]), np.nan)
    value = np.where(here, np.interp(at, knots[fine], slope[fine]), np.nan)
    spread = np.where(here, np.interp(at, knots[fine], error[fine]), np.nan)
    value = np.clip(value, -LARGEST_GRADE, LARGEST_GRADE)
    value[ground_speed_mps < STANDING_MPS] = np.nan
    value[clean.carried] = np.nan
    if coarse:
        return Grade(smooth, value, np.zeros(count), spread, (unknown,))
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = 1.0 - (1.5 * spread / value) ** 2
    load = np.nan_to_num(value * np.clip(np.nan_to_num(kept), 0.0, 1.0))
    return Grade(smooth, value, load, spread, ())


def _adaptive_line(grid: _Grid, half_widths: tuple[int, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slope, height and slope error of the longest window that agrees with all shorter ones."""
    sums = _Sums(grid.altitude, grid.mask)
    noise = _noise_sd(grid)
    slope, height, spread = sums.line(half_widths[0])
    error = noise / np.sqrt(spread)
    low, high = slope - CONFIDENCE * error, slope + CONFIDENCE * error
    going = np.isfinite(slope)
    for half in half_widths[1:]:
        wider, its_height, its_spread = sums.line(half)
        its_error = noise / np.sqrt(its_spread)
        low = np.fmax(low, wider - CONFIDENCE * its_error)
        high = np.fmin(high, wider + CONFIDENCE * its_error)
        going &= low <= high
        slope = np.where(going, wider, slope)
        height = np.where(going, its_height, height)
        error = np.where(going, its_error, error)
    slope = np.where(grid.mask > 0, slope, np.nan)
    return slope / grid.step_m, height, error / grid.step_m


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


def _zigzag(height: FloatArray, threshold_m: float) -> list[int]:
    """Indices of the pivots of swings of at least `threshold_m`, ends included."""
    turns = _turns(height)
    values = height[turns].tolist()
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


def _profile(
    clean: CleanAltitude, distance_m: FloatArray, elapsed_s: FloatArray
) -> tuple[_Grid, FloatArray, IntArray] | None:
    """Grid, its re-based lightly smoothed heights where known, and the grid index of each height."""
    along = distance_m if np.isfinite(distance_m).any() else 3.0 * elapsed_s
    grid = _grid(clean, along, 4)
    if grid is None:
        return None
    kernel = np.ones(5)
    weight = np.convolve(grid.mask, kernel, "same")
    smooth = np.convolve(grid.altitude * grid.mask, kernel, "same")[grid.mask > 0]
    index = np.flatnonzero(grid.mask)
    smooth = smooth / weight[index]
    belongs = np.zeros(grid.mask.size, dtype=np.int64)
    belongs[grid.place] = clean.part
    belongs = np.maximum.accumulate(belongs)[index]
    step = np.diff(smooth)
    jump = np.where(np.diff(belongs) != 0, step, 0.0)
    return grid, smooth - np.concatenate([[0.0], np.cumsum(jump)]), index


def descent(
    clean: CleanAltitude, distance_m: FloatArray, elapsed_s: FloatArray, *, source: AltitudeSource
) -> Climb:
    """Descent and ascent by zig-zag hysteresis [m]; null where altitude says nothing."""
    if source in NOT_TOLD:
        return Climb(Value(None), Value(None), None)
    profile = _profile(clean, distance_m, elapsed_s)
    if profile is None:
        return Climb(Value(None), Value(None), None)
    height = profile[1]
    thresholds = HYSTERESIS_M["coarse" if source in COARSE else "fine"]
    falls, rises = [], []
    for threshold in thresholds:
        swings = np.diff(height[_zigzag(height, threshold)])
        falls.append(float(-swings[swings < 0].sum()))
        rises.append(float(swings[swings > 0].sum()))
    return Climb(
        Value(falls[1], min(falls), max(falls)), Value(rises[1], min(rises), max(rises)), thresholds[1]
    )


def descents(
    clean: CleanAltitude,
    distance_m: FloatArray,
    elapsed_s: FloatArray,
    *,
    source: AltitudeSource,
    least_drop_m: float = 10.0,
    least_grade: float = 0.02,
) -> tuple[Descent, ...]:
    """Single descents, numbered from 1 in order of time."""
    if source in NOT_TOLD or source in COARSE:
        return ()
    profile = _profile(clean, distance_m, elapsed_s)
    if profile is None:
        return ()
    grid, height, index = profile
    pivots = _zigzag(height, HYSTERESIS_M["fine"][1])
    found: list[Descent] = []
    for top, bottom in pairwise(pivots):
        drop = float(height[top] - height[bottom])
        length = float(index[bottom] - index[top]) * grid.step_m
        if drop < least_drop_m or drop < least_grade * length:
            continue
        start = int(np.searchsorted(grid.place, index[top]))
        stop = int(np.searchsorted(grid.place, index[bottom], side="right"))
        found.append(Descent(len(found) + 1, start, stop, drop, length))
    return tuple(found)
