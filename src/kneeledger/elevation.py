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
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from kneeledger.model import About, AltitudeSource, FloatArray, Issue, Value

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
"""Least spacing of the distance grid [m]; it is that of the records where they lie further apart."""
LONGEST_STEP_M: Final = 40.0
MOST_STEPS: Final = 1e5
"""A longer grid would cost the running sums their exactness; 500 km at 5 m."""
HALF_WIDTHS_M: Final = (15.0, 25.0, 35.0, 50.0, 70.0, 100.0)
"""Half windows of the straight line [m]."""
GPS_HALF_WIDTHS_M: Final = (90.0,)
"""For altitude with the slow errors of GPS [m]."""
CONFIDENCE: Final = 1.25
"""Half width of a slope's interval in its own standard deviations, where windows are compared."""
CHOICE_M: Final = 45.0
"""The choice of a window is averaged over this distance [m]."""
LOAD_CONFIDENCE: Final = 0.75
LOAD_CHOICE_M: Final = 15.0
"""The same two for the grade behind knee load: sharper at the ends of a ramp, since what noise that lets
in is taken out again by its error."""
LEAST_NOISE_M: Final = 0.06
"""White noise is not believed to be less [m]."""
STAIR: Final = 0.12
"""Error that the stairs of a coarse altitude leave in a height, as a share of one step."""
GARROTE: Final = 1.25
"""How many standard errors of a slope count as none, for knee load."""
GPS_ERROR: Final = 0.03
"""Least standard error of a grade from GPS altitude."""
LARGEST_GRADE: Final = 0.35
SLOWEST_MPS: Final = 0.7
"""Below it distance says little about the ground; the grade of the place is carried on [m/s]."""
STANDING_MPS: Final = 0.05
"""Below it nobody moves: no grade [m/s]."""


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
LONGEST_HALT_S: Final = 120.0
"""A stop between two carried spells up to this long belongs to them [s]."""
WITHOUT_STEPS_MPS: Final = 2.5
"""A minute at this speed without a step was not on foot [m/s]."""
LONGEST_HOLE_M: Final = 150.0
"""Grid steps without a record are filled by a straight line up to this length [m]."""
ROUGH_M: Final = 20.0
"""Roughness is the bend of the altitude over this distance to either side [m]."""
ROUGH_GPS_M: Final = 1.4
SMOOTH_M: Final = 0.5
"""Root mean square bend above which altitude is taken for GPS, and below which it is not: 0.10 to 0.8 m
for 33 barometric devices on roads and paths (up to 1.5 m on stairs), 4 m for the noise of a GPS [m]."""
CALM_M: Final = 0.15
"""Root mean square change from record to record while standing, for a barometer: 0.05 to 0.13 m [m]."""
DENSE_S: Final = 3.0
"""Records further apart are too few to judge noise by [s]."""
NOT_TOLD: Final = (AltitudeSource.NONE, AltitudeSource.UNUSABLE, AltitudeSource.VIRTUAL)
COARSE: Final = (AltitudeSource.GPS, AltitudeSource.UNKNOWN)

RIDES: Final = frozenset({"cycling", "e_biking"})
FEET: Final = frozenset({"running", "walking", "hiking", "snowshoeing", "mountaineering"})
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
    return _source_by_noise(altitude_m, elapsed_s, distance_m, segment, about.format)


def _source_by_noise(
    altitude_m: FloatArray, elapsed_s: FloatArray, distance_m: FloatArray, segment: IntArray, format_: str
) -> tuple[AltitudeSource, str]:
    """What the altitude's own roughness tells, where neither device nor file do."""
    unsaid = "neither device nor file tell where the altitude comes from"
    clean = clean_altitude(
        altitude_m, elapsed_s, distance_m, segment, source=AltitudeSource.UNKNOWN, sport="cycling"
    )
    grid = _grid(clean, distance_m, ROUGH_M)
    if grid is None:
        return AltitudeSource.UNKNOWN, unsaid
    lag = grid.half(ROUGH_M)
    height, mask = grid.altitude, grid.mask
    bend = height[lag:-lag] - 0.5 * (height[: -2 * lag] + height[2 * lag :])
    bend = bend[(mask[lag:-lag] * mask[: -2 * lag] * mask[2 * lag :]) > 0]
    if bend.size < 100:
        return AltitudeSource.UNKNOWN, f"{unsaid}, and it is too short to judge by its noise"
    rough_m = float(np.sqrt(np.mean(np.minimum(bend * bend, 100.0))))
    dense = float(np.median(np.diff(elapsed_s))) <= DENSE_S
    still = np.diff(distance_m) < 0.2 * np.diff(elapsed_s)
    rise = np.diff(altitude_m)[still]
    rise = rise[np.isfinite(rise)]
    calm = rise.size >= 120 and float(np.sqrt(np.mean(rise * rise))) <= CALM_M
    if rough_m > ROUGH_GPS_M and not calm:
        return AltitudeSource.GPS, f"{unsaid}; it wavers by {rough_m:.1f} m over 20 m, as GPS altitude does"
    if not dense or not (rough_m <= SMOOTH_M or calm):
        return AltitudeSource.UNKNOWN, f"{unsaid}, and its noise does not either"
    why = f"{unsaid}; it wavers by only {rough_m:.2f} m over 20 m"
    if format_ == "fit":
        return AltitudeSource.BAROMETRIC, f"{why}, as a barometer does"
    return AltitudeSource.CORRECTED, f"{why}, as a barometer or a terrain model does"


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
        Steps a minute on foot, if the file has them: a spell of travel without a step was no walk.
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
    if breaks:
        starts[breaks] = 1
        text = "Altitude stepped (first fix, reset, or a pause elsewhere): no gain or loss is counted across."
        issues.append(Issue("altitude_step", len(breaks), text))
    carried = _carried(_rebased(altitude, breaks), elapsed_s, distance_m, sport, cadence)
    if carried.any():
        altitude[carried] = np.nan
        starts[1:][np.diff(carried.astype(np.int8)) != 0] = 1
        text = "Moved or lifted faster than this sport does (lift, car, train): no descent is counted there."
        issues.append(Issue("carried", int(carried.sum()), text))
    if breaks or carried.any():
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
    rise = np.diff(altitude[known])
    span = np.maximum(np.diff(elapsed_s[known]), 1.0)
    across = np.diff(segment[known]) != 0
    odd = np.abs(rise) > 1.0 + fastest * span
    if across.any():
        travelled = np.maximum(np.nan_to_num(np.diff(distance_m[known])), 0.0)
        odd = np.where(across, np.abs(rise) > 3.0 + LARGEST_GRADE * travelled, odd)
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


def _rebased(altitude: FloatArray, breaks: list[int]) -> FloatArray:
    """The altitude with its level breaks taken out: each part begins where the one before it ended."""
    if not breaks:
        return altitude
    known = np.flatnonzero(np.isfinite(altitude))
    ends = known[np.searchsorted(known, breaks) - 1]
    jump = np.zeros(altitude.size)
    jump[breaks] = altitude[breaks] - altitude[ends]
    rebased: FloatArray = altitude - np.cumsum(jump)
    return rebased


def _carried(
    altitude: FloatArray,
    elapsed_s: FloatArray,
    distance_m: FloatArray,
    sport: str,
    cadence: FloatArray | None,
) -> BoolArray:
    """Records on which something else than legs did the work.

    Faster than anybody runs for most of half a minute (one jump of the distance is no train); higher than
    anybody climbs for two minutes; or, where the file has steps, a minute of travel at running speed
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
    if cadence is not None and not ride and np.count_nonzero(cadence > 0.0) > 0.3 * count:
        lag = max(int(60.0 / step), 1)
        if count > lag:
            stepping = np.concatenate([[0], np.cumsum(np.nan_to_num(cadence) > 0.0)])
            with np.errstate(invalid="ignore", divide="ignore"):
                speed = (distance_m[lag:] - distance_m[:-lag]) / (elapsed_s[lag:] - elapsed_s[:-lag])
            still = stepping[lag + 1 :] - stepping[: -lag - 1] == 0
            mark(np.where(still, speed, 0.0), WITHOUT_STEPS_MPS, lag)
    spells = np.flatnonzero(carried)
    for before, after in pairwise(spells.tolist()):
        if after - before > 1 and elapsed_s[after] - elapsed_s[before] <= LONGEST_HALT_S:
            carried[before:after] = True
    return carried


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

    def half(self, half_width_m: float) -> int:
        """A half window in grid steps, at least two."""
        return max(round(half_width_m / self.step_m), 2)

    def odd(self, width_m: float) -> int:
        """A window in grid steps: an odd number."""
        return 2 * round((width_m / self.step_m - 1.0) / 2.0) + 1 if width_m > self.step_m else 1


def _grid(clean: CleanAltitude, distance_m: FloatArray, pad_m: float) -> _Grid | None:
    """Mean altitude of every few metres; parts stand more than `pad_m` [m] apart."""
    usable = np.isfinite(clean.altitude_m) & np.isfinite(distance_m)
    if np.count_nonzero(usable) < 3:
        return None
    along = np.maximum.accumulate(np.where(np.isfinite(distance_m), distance_m, -np.inf))
    along[~np.isfinite(along)] = distance_m[usable][0]
    length = float(along[-1] - along[0])
    if length < STEP_M:
        return None
    stride = np.diff(along[usable])
    stride = stride[stride > 0.2]
    spacing = float(np.median(stride)) if stride.size else STEP_M
    step_m = max(STEP_M, min(spacing, LONGEST_STEP_M), length / MOST_STEPS)
    pad = int(pad_m / step_m) + 2
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

    def line(self, half: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """For one window: slope per step, height at the place, sum of squares about the mean, count.

        NaN where fewer than three places of the window know an altitude.
        """
        size, first = self.index.size, self.before
        high = self.sums[:, first + half + 1 : first + half + 1 + size]
        n, sx, sxx, sy, sxy = high - self.sums[:, first - half : first - half + size]
        n[n < 3] = np.nan
        middle = sx / n
        spread = sxx - sx * middle
        slope = (sxy - sy * middle) / spread
        height = sy / n + slope * (self.index - middle) + self.level
        return slope, height, spread, n


def _noise_sd(grid: _Grid) -> float:
    """White noise of the grid's altitudes from their second differences [m]."""
    height, mask = grid.altitude, grid.mask
    bend = height[1:-1] - 0.5 * (height[:-2] + height[2:])
    bend = bend[(mask[1:-1] * mask[:-2] * mask[2:]) > 0]
    if bend.size < 5:
        return 0.1
    bound = max(4.0 * float(np.median(np.abs(bend))), 0.3)
    bend = np.clip(bend, -bound, bound)
    return max(float(np.sqrt(np.mean(bend * bend) / 1.5)), LEAST_NOISE_M)


def _resolution_m(altitude_m: FloatArray) -> float:
    """The smallest step of the altitude, at most 2 m; 0 where it has none to speak of [m]."""
    step = np.abs(np.diff(altitude_m))
    step = step[step > 0.01]
    return min(float(step.min()), 2.0) if step.size else 0.0


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
    grid = None if indoor or source in NOT_TOLD else _grid(clean, distance_m, widths[-1])
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
    at = grid.position - 0.5

    def by_record(places: FloatArray, hidden: BoolArray) -> FloatArray:
        values = np.interp(at, fine, places[fine])
        values[hidden] = np.nan
        return values

    standing = unseen | (ground_speed_mps < STANDING_MPS)
    smooth = by_record(_picked(lines.height_m, seen), unseen)
    slope = np.clip(by_record(value, standing), -LARGEST_GRADE, LARGEST_GRADE)
    if coarse:
        error = np.maximum(error, GPS_ERROR)
        return Grade(smooth, slope, np.zeros(count), by_record(error, standing), (unknown,))
    sharp = _chosen(lines, LOAD_CONFIDENCE, grid.odd(LOAD_CHOICE_M))
    load = _without_error(_picked(lines.slope, sharp), _picked(lines.error, sharp))
    load = np.clip(np.nan_to_num(by_record(load, standing)), -LARGEST_GRADE, LARGEST_GRADE)
    return Grade(smooth, slope, load, by_record(error, standing), ())


def _without_error(slope: FloatArray, error: FloatArray) -> FloatArray:
    """A slope less what its own error adds to an asymmetric gain: the non-negative garrote [Breiman1995]_.

    What is within its error becomes level; what is ten times its error keeps 98 %.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = np.clip(1.0 - (GARROTE * error / slope) ** 2, 0.0, 1.0)
    corrected: FloatArray = np.where(slope == 0.0, 0.0, slope * kept)
    return corrected


@dataclass(frozen=True, slots=True)
class _Lines:
    """Straight lines of every window through every place of a grid; shape (windows, places)."""

    slope: FloatArray
    height_m: FloatArray
    error: FloatArray
    """Standard error of the slope."""


def _lines(grid: _Grid, half_widths: tuple[int, ...], resolution_m: float) -> _Lines:
    """Lines of all windows, their slopes as grades.

    Two errors add up: white noise, which a longer window averages away, and the stairs of an altitude
    written in steps, of which a longer window only bends less.
    """
    noise_m = _noise_sd(grid)
    sums = _Sums(grid.altitude, grid.mask, half_widths[-1])
    slope, height, error = np.empty((3, len(half_widths), grid.mask.size))
    for at, half in enumerate(half_widths):
        slope[at], height[at], spread, width = sums.line(half)
        error[at] = np.sqrt(noise_m**2 / spread + 12.0 * (STAIR * resolution_m / width) ** 2)
    return _Lines(slope / grid.step_m, height, error / grid.step_m)


def _chosen(lines: _Lines, confidence: float, width: int) -> tuple[IntArray, IntArray, FloatArray]:
    """For each place the two windows it takes, and the share of the second.

    The window is the longest whose slope lies within `confidence` standard errors of all shorter ones'.
    That choice is itself noisy, so it is averaged over `width` places.
    """
    windows = len(lines.slope)
    reach = confidence * lines.error
    low = np.maximum.accumulate(lines.slope - reach, axis=0)
    high = np.minimum.accumulate(lines.slope + reach, axis=0)
    agrees = np.logical_and.accumulate(low <= high, axis=0)
    choice = np.maximum(agrees.sum(axis=0) - 1.0, 0.0)
    around = width // 2
    padded = np.concatenate([np.full(around, choice[0]), choice, np.full(around, choice[-1])])
    choice = np.convolve(padded, np.full(width, 1.0 / width), "valid")
    first = np.clip((choice + 1e-9).astype(np.int64), 0, windows - 1)
    return first, np.minimum(first + 1, windows - 1), np.clip(choice - first, 0.0, 1.0)


def _picked(values: FloatArray, choice: tuple[IntArray, IntArray, FloatArray]) -> FloatArray:
    """The chosen windows' values at each place."""
    first, second, share = choice
    index = np.arange(values.shape[1])
    picked: FloatArray = values[first, index] * (1.0 - share) + values[second, index] * share
    return picked


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


@dataclass(frozen=True, slots=True)
class _Profile:
    """Re-based heights along the grid, where it knows any."""

    grid: _Grid
    index: IntArray
    """Grid index of each height."""
    turning: FloatArray
    """Averaged over 55 m: where it turns [m]."""
    height: FloatArray
    """Averaged over 25 m: how high it is [m]."""


def _profile(clean: CleanAltitude, distance_m: FloatArray, elapsed_s: FloatArray) -> _Profile | None:
    """Heights without the level breaks. Where there is no distance, 3 m/s stand in for it."""
    along = distance_m if np.isfinite(distance_m).any() else 3.0 * elapsed_s
    grid = _grid(clean, along, TURN_M)
    if grid is None:
        return None
    index = np.flatnonzero(grid.mask)
    belongs = np.zeros(grid.mask.size, dtype=np.int64)
    belongs[grid.place] = clean.part
    breaks = np.diff(np.maximum.accumulate(belongs)[index]) != 0

    def averaged(width_m: float) -> FloatArray:
        kernel = np.ones(grid.odd(width_m))
        total = np.convolve(grid.altitude * grid.mask, kernel, "same")[index]
        mean = total / np.convolve(grid.mask, kernel, "same")[index]
        jump = np.where(breaks, np.diff(mean), 0.0)
        rebased: FloatArray = mean - np.concatenate([[0.0], np.cumsum(jump)])
        return rebased

    return _Profile(grid, index, averaged(TURN_M), averaged(PIVOT_M))


def _pivots(profile: _Profile, rule: Hysteresis) -> list[int]:
    """Where the altitude turns, counting only swings that the rule lets count.

    Swings too small and too shallow are taken out from the smallest up: its two ends go, and the swings
    beside it become one.
    """
    pivots = _zigzag(profile.turning, rule.small_m)
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
    if profile is None:
        nothing = np.full(clean.altitude_m.size, np.nan)
        return Climb(Value(None), Value(None), None, nothing)
    coarse = source in COARSE
    rule = GPS_HYSTERESIS if coarse else BAROMETRIC_HYSTERESIS
    pivots = _pivots(profile, rule)
    down, up = _swings(profile, pivots)
    ends = [_swings(profile, _zigzag(profile.turning, at)) for at in ((5.0, 20.0) if coarse else (1.5, 5.0))]
    falls, rises = [down, *(fall for fall, _ in ends)], [up, *(rise for _, rise in ends)]
    return Climb(
        Value(down, min(falls), max(falls)),
        Value(up, min(rises), max(rises)),
        rule.full_m,
        _fall_by_record(profile, pivots),
    )


def _fall_by_record(profile: _Profile, pivots: list[int]) -> FloatArray:
    """Descent between turning points, shared out over the records that lie between them [m]."""
    falling = np.zeros(profile.height.size)
    for top, bottom in pairwise(pivots):
        if profile.height[bottom] < profile.height[top]:
            falling[top + 1 : bottom + 1] = profile.height[top:bottom] - profile.height[top + 1 : bottom + 1]
    fallen = np.interp(profile.grid.position, profile.index, np.cumsum(falling))
    return np.diff(fallen, prepend=fallen[:1])


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
    if profile is None:
        return ()
    along: FloatArray = profile.index.astype(np.float64) * profile.grid.step_m
    place = profile.grid.place
    found: list[Descent] = []
    for top, bottom in pairwise(_pivots(profile, BAROMETRIC_HYSTERESIS)):
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
