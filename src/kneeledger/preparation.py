"""Recording -> Track: every derived column, once.

Everything here is computed on plain arrays and put into one frame at the end. A record stands for the time
since the one before it, so that sums over any cut of the track add up, and a pause (a new `segment`) takes
no time, distance or load. Speed is the recorded one where there is one, else from distance over a few
seconds. Walking and running are told apart here and nowhere else (decisions.md 14), because the choice
changes the load 3.5-fold. No load is counted while standing still. Only the file and the dated settings are
used: what the athlete's history knows (their own cadence line) is applied later, on stored sums
(decisions.md 13).
Instead of: each analyzer deriving what it needs.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import elevation, schema
from kneeledger.knee import cycling, running, walking
from kneeledger.knee.body import ASSUMED_MASS_KG, pack_factor
from kneeledger.knee.peak_weighted import reference_steps
from kneeledger.model import (
    About,
    DownhillModel,
    FloatArray,
    Issue,
    Recording,
    Track,
    Way,
)
from kneeledger.quantiles import median, rolling_median

__all__ = ["VERSION", "Settings", "prepare"]

VERSION = 1
"""Raised when a derived column can change.

1  2026-11-22  first
"""

MOVING_MPS = 0.5
"""At or above it a record is moving (decisions 2)."""
GAP_S = 30.0
"""A step longer than this, and than three usual ones, ends a segment (decisions 10); mending has said so already."""
ALWAYS_RUN_MPS = 2.3
RUN_FROM_SPM = 140.0
WALK_BELOW_SPM = 135.0
RUN_WITHOUT_CADENCE_MPS = 2.1
SURELY_RUN_SPM = RUN_FROM_SPM + 5
SURELY_RUN_MPS = 2.45
"""A median speed from here on is a run whatever the cadence, and far enough from a walk to be sure."""
SPELL_S = 60.0
"""Half-rate and drop-out spells shorter than this take their neighbours' class (decisions 14)."""

RUN_SPORTS = frozenset({"running"})
WALK_SPORTS = frozenset({"walking", "hiking", "snowshoeing", "mountaineering"})
STAIRS = frozenset({"floor_climbing", "stair_climbing", "stair_climber"})
"""Stairs are known by the sport only: from afar a steep path looks the same, and asks a third of it."""
RIDE_SPORTS = frozenset({"cycling", "e_biking"})

WAYS = (Way.RUN, Way.WALK, Way.RIDE, Way.OTHER)
RUN, WALK, RIDE, OTHER = range(4)
"""Ways of moving by their place in `WAYS`: comparing words record by record takes thirty times as long."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What preparation may know beyond the file. Plain data: it travels to worker processes."""

    downhill_model: DownhillModel = DownhillModel.ARTICLE
    mass_kg: float | None = None
    """Body mass of that day from the configuration; None: the file's, else 70 kg and an issue."""
    pack_kg: float = 0.0
    """Carried load; raises the force in body weights by its share of body mass."""
    use_file_weight: bool = False
    """Whether a body mass that a foot pod wrote may be taken, where nothing better is known."""
    incline: float | None = None
    """Grade set on a treadmill for an indoor run, as a fraction."""


def prepare(recording: Recording, settings: Settings = Settings()) -> Track:
    """The track of a recording: ``schema.TRACK``, one row a record, in file order.

    The recording is not changed. Columns that cannot be known are null; the reasons are issues.
    """
    records, about = recording.records, recording.about
    issues = list(recording.issues)
    columns = _arrays(recording)
    segment = _segment(records)
    clock = _clock(records, segment)
    ds_m = _steps_m(columns["distance_m"], columns["speed_mps"], clock.dt_s, clock.inside)
    speed = _ground_speed_mps(columns["speed_mps"], ds_m, clock.dt_s, clock.elapsed_s, segment)
    moving = speed >= MOVING_MPS
    cadence = _usable_cadence_spm(columns["cadence_spm"], clock.elapsed_s)
    stairs = about.sport in STAIRS or about.sub_sport in STAIRS
    if stairs:
        # On a machine nobody moves along: steps tell moving from standing.
        moving = moving | (cadence > 0)
    way, sure = _way("walking" if stairs else about.sport, speed, cadence, clock, moving)
    distance = np.cumsum(ds_m)

    altitude = columns["altitude_m"]
    source, _ = elevation.altitude_source(altitude, clock.elapsed_s, distance, segment, about=about)
    clean = elevation.clean_altitude(
        altitude,
        clock.elapsed_s,
        distance,
        segment,
        source=source,
        sport=about.sport,
        cadence=columns["cadence_spm"],
    )
    # A lift, a car or a ferry is no walk: nothing is counted there.
    way[clean.carried] = OTHER
    slope = elevation.grade(
        clean,
        distance,
        segment,
        speed,
        clock.elapsed_s,
        source=source,
        indoor=about.indoor,
        incline=_incline(columns["incline"], settings, indoor=about.indoor),
    )
    ways = {of: way == number for number, of in enumerate(WAYS)}
    issues += clean.issues
    issues += elevation.drift(
        clean, clock.elapsed_s, columns["latitude_deg"], columns["longitude_deg"], source=source
    )
    issues += slope.issues if ways[Way.RUN].any() or ways[Way.WALK].any() else ()
    about = replace(about, altitude_source=source)

    mass_kg, assumed = _mass_kg(settings, about)
    loads = _loads(ways, speed, cadence, slope.grade_load, moving, columns, clock, settings, mass_kg, about)
    issues += loads.issues
    if assumed and loads.ridden:
        text = (
            f"Body mass is not known: {ASSUMED_MASS_KG:.0f} kg is assumed for cycling. Say it with --weight."
        )
        issues.append(Issue("mass_assumed", 1, text))
    derived = {
        "elapsed_s": clock.elapsed_s,
        "dt_s": clock.dt_s,
        "ds_m": ds_m,
        "ground_speed_mps": speed,
        "moving": moving,
        "way_sure": sure,
        "altitude_smooth_m": slope.altitude_smooth_m,
        "grade": slope.grade,
        "grade_load": slope.grade_load,
        "peak_force_bw": loads.peak_bw,
        "load_rate_bw": loads.rate_bw,
        "load_rate_level_bw": loads.level_bw,
        "knee_load_bw_s": loads.rate_bw * clock.dt_s,
        "peak_weighted_steps": loads.steps,
    }
    track = Track(
        about=about,
        made=lambda: _frame(records, derived, way),
        laps=recording.laps,
        pauses=recording.pauses,
        issues=tuple(issues),
        mass_kg=mass_kg,
        mass_assumed=assumed,
        downhill=settings.downhill_model,
    )
    track.hold(
        records,
        columns | {name: values.astype(np.float64, copy=False) for name, values in derived.items()},
        ways,
    )
    track.held.update(clean_altitude=clean, grid=slope.grid)
    return track


@dataclass(frozen=True, slots=True)
class _Clock:
    elapsed_s: FloatArray
    dt_s: FloatArray
    inside: npt.NDArray[np.bool_]
    """False for a record that opens a segment: nothing is known of what came just before it."""
    step_s: float
    """Usual time between records."""


def _arrays(recording: Recording) -> dict[str, FloatArray]:
    at_hand = recording.arrays()
    if at_hand is not None:
        return dict(at_hand)
    names = (
        *("altitude_m", "distance_m", "speed_mps", "cadence_spm", "cadence_rpm", "power_w", "incline"),
        *("latitude_deg", "longitude_deg"),
    )
    # numpy's view of a float column has NaN for null; `fill_null` would plan a query for each
    return {name: _floats(recording.records.get_column(name)) for name in names}


def _floats(column: pl.Series) -> FloatArray:
    if column.null_count() == len(column):
        return np.full(len(column), np.nan)
    values: FloatArray = (column if schema.is_float(column.dtype) else column.cast(pl.Float64)).to_numpy()
    return values


def _segment(records: pl.DataFrame) -> npt.NDArray[np.int64]:
    column = records.get_column("segment")
    return (column.fill_null(0) if column.null_count() else column).to_numpy().astype(np.int64)


def _frame(
    records: pl.DataFrame, derived: dict[str, npt.NDArray[np.generic]], way: npt.NDArray[np.int8]
) -> pl.DataFrame:
    """The records with the derived columns behind them, in the order of ``schema.TRACK``."""
    made = {
        name: pl.Series(name, values, nan_to_null=values.dtype == np.float64)
        for name, values in derived.items()
    }
    made["way"] = _words(way)
    kept = [column for column in records.get_columns() if column.name not in made]
    return schema.framed(kept + [made[name] for name in schema.TRACK if name in made])


def _words(way: npt.NDArray[np.int8]) -> pl.Series:
    """The words of the ways: taken from four, which is far quicker than a word a record."""
    words = pl.Series("way", [one.value for one in WAYS])
    if len(way) and (way == way[0]).all():
        return words.new_from_index(int(way[0]), len(way))
    return words.gather(way)


def _clock(records: pl.DataFrame, segment: npt.NDArray[np.int64]) -> _Clock:
    time = records.get_column("time")
    time = time if time.dtype == schema.TIME else time.cast(schema.TIME)
    stamp = time.cast(pl.Float64).to_numpy() / 1e6
    missing = np.isnan(stamp)
    known = np.flatnonzero(~missing)[:1] if missing.any() else slice(0, 1)
    elapsed = stamp - stamp[known] if len(stamp[known]) else np.full(len(stamp), np.nan)
    step = _steps(elapsed)
    inside = np.zeros(len(segment), dtype=np.bool_)
    np.equal(segment[1:], segment[:-1], out=inside[1:])
    inside &= step >= 0
    usual_s = _median(step[inside & (step > 0)], otherwise=1.0)
    inside &= step <= max(GAP_S, 3 * usual_s)
    return _Clock(elapsed, np.where(inside, step, 0.0), inside, usual_s)


def _steps(values: FloatArray) -> FloatArray:
    """From one to the next, NaN for the first."""
    step = np.full(len(values), np.nan)
    np.subtract(values[1:], values[:-1], out=step[1:])
    return step


def _median(values: FloatArray, *, otherwise: float) -> float:
    """The middle one; most often they are all the same, a second each."""
    if not len(values):
        return otherwise
    first = values[0]
    return float(first) if (values == first).all() else median(values)


def _steps_m(
    distance: FloatArray, speed: FloatArray, dt: FloatArray, inside: npt.NDArray[np.bool_]
) -> FloatArray:
    """Distance of each record [m]: differences of the recorded distance, else speed x time."""
    step = _steps(distance)
    missing = np.isnan(step) & inside
    if missing.any():
        step[missing] = np.nan_to_num(speed[missing]) * dt[missing]
    return np.where(inside, np.maximum(step, 0.0), 0.0)


def _ground_speed_mps(
    speed: FloatArray, ds: FloatArray, dt: FloatArray, elapsed: FloatArray, segment: npt.NDArray[np.int64]
) -> FloatArray:
    """Recorded speed; where missing, distance over about 5 s within its segment [m/s]."""
    missing = np.isnan(speed)
    if not missing.any() or len(speed) < 2:
        return speed
    distance, clock = np.cumsum(ds), np.cumsum(dt)
    half = max(1, round(2.5 / max(_median(dt[dt > 0], otherwise=1.0), 0.2)))
    rows = np.arange(len(speed))
    first = np.searchsorted(segment, segment, side="left")
    last = np.searchsorted(segment, segment, side="right") - 1
    low, high = np.maximum(rows - half, first), np.minimum(rows + half, last)
    span = clock[high] - clock[low]
    with np.errstate(divide="ignore", invalid="ignore"):
        local = np.where(span > 0, (distance[high] - distance[low]) / span, np.nan)
    return np.where(missing, local, speed)


def _usable_cadence_spm(cadence: FloatArray, elapsed: FloatArray) -> FloatArray:
    """Cadence on foot with zeros, half-rate and drop-out spells taken out, and short gaps bridged.

    A wrist that loses every second step halves its rate for a while; a spell under 60 s near half the
    activity's median is such a spell and no walk.
    """
    if np.isnan(cadence).all():
        return cadence
    plausible = (cadence >= 50) & (cadence <= 260)
    good = np.where(plausible, cadence, np.nan)
    usual = median(good[plausible]) if plausible.any() else np.nan
    half = np.abs(good - usual / 2) <= 0.08 * usual / 2
    if half.any():
        starts, ends = _spells(half)
        short = elapsed[np.minimum(ends, len(elapsed) - 1)] - elapsed[starts] < SPELL_S
        for start, end in zip(starts[short], ends[short], strict=True):
            good[start:end] = np.nan
    known = np.flatnonzero(~np.isnan(good))
    if len(known) < 2 or len(known) == len(good):
        return good
    rows = np.flatnonzero(np.isnan(good))
    after = np.clip(np.searchsorted(known, rows), 1, len(known) - 1)
    gap = elapsed[known[after]] - elapsed[known[after - 1]]
    between = (rows > known[0]) & (rows < known[-1]) & (gap < SPELL_S)
    filled = good.copy()
    filled[rows[between]] = np.interp(rows[between], known, good[known])
    return filled


def _spells(flag: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First row and row after the last of each run of True."""
    edges = np.diff(flag.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _way(
    sport: str,
    speed: FloatArray,
    cadence: FloatArray,
    clock: _Clock,
    moving: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """Way of moving of each record as its place in `WAYS`, and whether it is sure (decisions 14)."""
    n = len(speed)
    if sport not in RUN_SPORTS | WALK_SPORTS:
        only = RIDE if sport in RIDE_SPORTS else OTHER
        return np.full(n, only, dtype=np.int8), np.ones(n, dtype=bool)
    # Where half a window's records are this fast, or step like this, its medians need no look.
    window = max(1, round(15.0 / clock.step_s))
    state, sure = np.ones(n), np.ones(n, dtype=bool)
    settled = _mostly(speed >= SURELY_RUN_MPS, window) & moving
    settled |= _mostly(cadence >= SURELY_RUN_SPM, window)
    rows = np.flatnonzero(~settled)
    if len(rows):
        state[rows], sure[rows] = _judged(
            rolling_median(cadence, window, rows), rolling_median(speed, window, rows), moving[rows]
        )
        first = 0.0 if sport in WALK_SPORTS else 1.0
        unsaid = np.isnan(state)
        if unsaid.any():
            held = np.where(unsaid, 0, np.arange(n))
            np.maximum.accumulate(held, out=held)
            state = np.where(np.isnan(state[held]), first, state[held])
    return np.where(state == 1, RUN, WALK).astype(np.int8), sure | ~moving


def _mostly(flag: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.bool_]:
    """Where more than half of the window of `width` records around it is True, as `rolling_median` cuts it."""
    total = np.zeros(len(flag) + width, dtype=np.intp)
    back = width // 2
    np.cumsum(flag, out=total[back + 1 : back + 1 + len(flag)])
    total[back + 1 + len(flag) :] = total[back + len(flag)]
    return (total[width:] - total[:-width])[: len(flag)] > width // 2 + 1


def _judged(
    smooth: FloatArray, pace: FloatArray, moving: npt.NDArray[np.bool_]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Run (1), walk (0) or as before (NaN) by the medians of cadence and speed, and whether it is sure."""
    known = ~np.isnan(smooth)
    state = np.full(len(smooth), np.nan)
    state[known & (smooth >= RUN_FROM_SPM)] = 1
    state[known & (smooth < WALK_BELOW_SPM)] = 0
    state[~known] = np.where(pace[~known] >= RUN_WITHOUT_CADENCE_MPS, 1.0, 0.0)
    state[pace >= ALWAYS_RUN_MPS] = 1
    state[~moving & ~known] = np.nan
    sure = np.where(
        known,
        (pace >= ALWAYS_RUN_MPS) | (smooth < WALK_BELOW_SPM - 5) | (smooth >= SURELY_RUN_SPM),
        np.abs(pace - RUN_WITHOUT_CADENCE_MPS) > 0.3,
    )
    return state, sure


def _incline(written: FloatArray, settings: Settings, *, indoor: bool) -> FloatArray | None:
    """Grade of a treadmill: as the machine wrote it, else as the settings say; None outdoors."""
    if not indoor:
        return None
    if settings.incline is None:
        return written
    return np.where(np.isnan(written), settings.incline, written)


def _mass_kg(settings: Settings, about: About) -> tuple[float, bool]:
    lent = about.pod_mass_kg if settings.use_file_weight else None
    for known in (settings.mass_kg, about.file_mass_kg, lent):
        if known is not None:
            return known, False
    return ASSUMED_MASS_KG, True


@dataclass(frozen=True, slots=True)
class _Loads:
    """Peak force, mean force, mean force at level, reference steps; null where there is no model."""

    peak_bw: FloatArray
    rate_bw: FloatArray
    level_bw: FloatArray
    steps: FloatArray
    issues: tuple[Issue, ...]
    ridden: bool


def _loads(
    ways: dict[Way, npt.NDArray[np.bool_]],
    speed: FloatArray,
    cadence: FloatArray,
    grade: FloatArray,
    moving: npt.NDArray[np.bool_],
    columns: dict[str, FloatArray],
    clock: _Clock,
    settings: Settings,
    mass_kg: float,
    about: About,
) -> _Loads:
    """The knee model of each record by its way of moving; 0 while standing still."""
    peak, rate, level, steps = (np.full(len(speed), np.nan) for _ in range(4))
    pack = pack_factor(settings.pack_kg, mass_kg)
    run, walk, ride = ways[Way.RUN], ways[Way.WALK], ways[Way.RIDE]
    standing = (run | walk) & ~moving
    if standing.any():
        for values in (peak, rate, level, steps):
            values[standing] = 0.0
    run, walk = run & moving, walk & moving
    if run.any():
        v, spm = speed[run], cadence[run]
        of = running.loads(v, spm, grade[run], downhill=settings.downhill_model)
        force = of.peak_force_bw * pack
        peak[run], rate[run], level[run] = force, of.load_rate_bw * pack, of.load_rate_level_bw * pack
        steps[run] = reference_steps(force, running.steps_spm(v, spm), clock.dt_s[run])
    if walk.any():
        stairs = about.sport in STAIRS or about.sub_sport in STAIRS
        v = speed[walk]
        on = walking.stair_loads(-grade[walk]) if stairs else walking.loads(v, grade[walk])
        force = on.peak_force_bw * pack
        peak[walk], rate[walk], level[walk] = force, on.load_rate_bw * pack, on.load_rate_level_bw * pack
        steps[walk] = reference_steps(force, walking.steps_spm(v, cadence[walk]), clock.dt_s[walk])
    issues: tuple[Issue, ...] = ()
    ridden = bool(ride.any()) and about.sport != "e_biking"
    if ridden:
        issues = _ride(ride, speed, grade, moving, columns, clock, mass_kg, (peak, rate, level, steps))
    elif ride.any():
        issues = (
            Issue("no_model", 1, "E-bike: how much of the power is the motor's is unknown; no knee load."),
        )
    elif not (run.any() or walk.any()) and about.sport not in RUN_SPORTS | WALK_SPORTS | STAIRS:
        text = f"{about.sport.replace('_', ' ')}: there is no knee model for it, so no load is made up."
        issues = (Issue("no_model", 1, text),)
    return _Loads(peak, rate, level, steps, issues, ridden)


def _ride(
    ride: npt.NDArray[np.bool_],
    speed: FloatArray,
    grade: FloatArray,
    moving: npt.NDArray[np.bool_],
    columns: dict[str, FloatArray],
    clock: _Clock,
    mass_kg: float,
    into: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
) -> tuple[Issue, ...]:
    """Cycling loads of the riding records, written into the four arrays; what was assumed, as issues."""
    peak, rate, level, steps = into
    of = cycling.loads(
        columns["power_w"][ride],
        columns["cadence_rpm"][ride],
        speed[ride],
        grade[ride],
        clock.elapsed_s[ride],
        mass_kg,
    )
    # Indoors without power or speed nothing tells moving from standing: the clock runs, so it is riding.
    blind = np.isnan(speed[ride]) & np.isnan(columns["power_w"][ride])
    pedalling = moving[ride] | (columns["power_w"][ride] > 0) | blind
    peak[ride] = np.where(pedalling, of.peak_force_bw, 0.0)
    rate[ride] = np.where(pedalling, of.load_rate_bw, 0.0)
    level[ride] = rate[ride]
    steps[ride] = reference_steps(peak[ride], of.cadence_rpm, clock.dt_s[ride], per_minute=60.0)
    issues = []
    estimated = int((of.power_estimated & pedalling).sum())
    if estimated > 0.1 * len(pedalling):
        text = "No power meter: pedalling power is estimated from speed and grade, so the load is rough."
        issues.append(Issue("power_estimated", estimated, text))
    if of.refused:
        text = "Power over 2,000 W, or a force no rider reaches: left out."
        issues.append(Issue("power_refused", of.refused, text))
    return tuple(issues)
