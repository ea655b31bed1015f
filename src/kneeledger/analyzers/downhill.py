"""Descent, grade bands and single descents: the load runners do not count.

Bands say where time, distance, steps and knee load went, from the steepest descent through level to
uphill and then to what is not known, so that each column sums to the whole. They are told only where the
altitude carries a grade: with GPS altitude a fifth of a flat run would stand below -5 %. The excess knee
load is the difference to the same running on the level; all of it rests on the downhill gain, which is
contested, so the three models stand side by side. Descent in metres is counted by hysteresis with the
range other thresholds would give, and held against the device's own figure.
Instead of: one number of "elevation loss".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from kneeledger import elevation, schema
from kneeledger.analyzers.card import Analyzer, Metric, Result
from kneeledger.knee import running
from kneeledger.model import (
    AltitudeSource,
    DownhillModel,
    Evidence,
    FloatArray,
    Issue,
    Track,
    Value,
    Way,
)
from kneeledger.tables import Columns, Tables

__all__ = ["BAND_EDGES", "DOWNHILL", "NOT_COUNTED", "Params", "compute"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

BAND_EDGES: Final = (None, -0.20, -0.15, -0.10, -0.05, -0.02, 0.02, 0.05, 0.10, None)
"""Edges of the grade bands, steepest descent first; a band holds its lower edge."""
STEEP: Final = -0.10
"""Below it a descent is steep."""
LEVEL: Final = 0.02
GRAVITY_MPS2: Final = 9.81
SUSTAINED_M: Final = 50.0
"""The steepest grade of a descent is held over this distance [m]."""
LEVEL_S: Final = 60.0
"""Least time on the level for a cadence to compare with [s]."""
LIKE_SPEED: Final = 0.10
"""Level ground at like speed is within this share of the descent's speed."""
KNOWN_STEPS: Final = 0.9
"""Steps are told where cadence is known for this share of the moving time."""
LEVEL_FACTORS: Final = (0.69, 1.45)
"""5-95 % of the level load between people, as factors of the point model (science: cadence known)."""
EXCESS_FACTORS: Final = (0.37, 1.85)
"""The same with the gain drawn from normal(8, 3) cut at 0: 5-95 % of the product."""
NO_GRADE: Final = (AltitudeSource.GPS, AltitudeSource.UNKNOWN)
NOT_COUNTED: Final = frozenset(
    {
        "alpine_skiing", "boating", "diving", "driving", "flying", "hang_gliding", "kayaking", "kitesurfing",
        "motorcycling", "paddling", "rowing", "sailing", "sky_diving", "snowboarding", "snorkeling",
        "snowmobiling", "stand_up_paddleboarding", "surfing", "swimming", "wakeboarding", "water_skiing",
        "windsurfing",
    }
)  # fmt: skip
"""Sports whose descent no leg braked."""
WAYS: Final = (Way.RUN, Way.WALK, Way.RIDE, Way.OTHER)


@dataclass(frozen=True, slots=True)
class Params:
    """What may be set for the ledger of descent."""

    least_drop_m: float = 10.0
    """A single descent is told from this drop on [m]."""
    least_grade: float = 0.02
    """... and from this mean grade on, as a positive fraction."""
    device_differs: float = 0.15
    """Share by which our descent and the device's may differ before it is told."""


def compute(track: Track, params: Params) -> Result:
    """Bands, descents and downhill metrics of one track."""
    ways = [way for way in WAYS if track.way_is(way).any()]
    source = track.about.altitude_source
    counted = track.about.sport not in NOT_COUNTED and not track.about.virtual
    issues: list[Issue] = []
    metrics = dict.fromkeys((card.name for card in METRICS), Value(None))
    bands: list[dict[str, object]] = []
    single: list[dict[str, object]] = []
    ground = _Ground(track)
    if counted and not track.about.indoor:
        climb, found = elevation.descent_with_parts(
            ground.clean,
            ground.along_m,
            ground.elapsed_s,
            source=source,
            least_drop_m=params.least_drop_m,
            least_grade=params.least_grade,
            grid=ground.grid,
        )
        metrics["descent_m"], metrics["ascent_m"] = climb.descent_m, climb.ascent_m
        metrics["descent_run_m"] = _shared(climb, track.way_is(Way.RUN))
        issues += _against_device(climb.descent_m, track.about.device_descent_m, params.device_differs)
        single = _descents(track, ground, found, ways)
        metrics |= _longest(single, known=climb.descent_m.value is not None and source not in NO_GRADE)
    if source in NO_GRADE and not track.about.indoor:
        issues.append(
            Issue("bands_unknown", 1, "Altitude is not from a barometer: time by grade would be noise.")
        )
    else:
        grade = ground.grade if counted else np.full_like(ground.grade, np.nan)
        bands = _bands(track, ground, grade, ways)
        if counted and np.isfinite(ground.grade).any():
            metrics |= _running(track, ground)
    tables = {
        "bands": _columns(bands, schema.BANDS),
        "descents": _columns(single, schema.DESCENTS),
    }
    return Result(metrics, Tables(tables), {}, tuple(issues))


class _Ground:
    """The columns that several of the functions below need."""

    def __init__(self, track: Track) -> None:
        self.dt_s = track.filled("dt_s")
        self.ds_m = track.filled("ds_m")
        self.grade = track.array("grade")
        self.grade_load = track.array("grade_load")
        self.elapsed_s = track.array("elapsed_s")
        self.along_m = track.along_m
        self.moving = track.moving
        self.cadence_spm = track.array("cadence_spm")
        self.steps = _steps(self.cadence_spm, self.dt_s, self.moving)
        self.clean = _clean(track)
        grid = track.held.get("grid")
        self.grid = grid if isinstance(grid, elevation.Grid) else None


def _clean(track: Track) -> elevation.CleanAltitude:
    """The altitude as preparation cleaned it; cleaned here for a track that was put together otherwise."""
    held = track.held.get("clean_altitude")
    if isinstance(held, elevation.CleanAltitude):
        return held
    return elevation.clean_altitude(
        track.array("altitude_m"),
        track.array("elapsed_s"),
        track.along_m,
        track.filled("segment").astype(np.int64),
        source=track.about.altitude_source,
        sport=track.about.sport,
        cadence=track.array("cadence_spm"),
    )


def _shared(climb: elevation.Climb, rows: BoolArray) -> Value:
    """The part of a descent that falls on some records, its interval in proportion."""
    whole = climb.descent_m
    if whole.value is None or whole.low is None or whole.high is None:
        return Value(None)
    share = float(climb.fall_m[rows].sum()) / whole.value if whole.value > 0.0 else 0.0
    share = min(max(share, 0.0), 1.0) if not rows.all() else 1.0
    return Value(whole.value * share, whole.low * share, whole.high * share)


def _against_device(ours: Value, device_m: float | None, most: float) -> list[Issue]:
    """Told when our descent and the device's own differ by more than `most`, and by more than 20 m."""
    if ours.value is None or device_m is None:
        return []
    gap = ours.value - device_m
    if abs(gap) <= most * device_m or abs(gap) <= 20.0:
        return []
    text = f"The device counts {device_m:.0f} m of descent, kneeledger {ours.value:.0f} m"
    return [Issue("descent_differs", 1, f"{text} ({ours.low:.0f} to {ours.high:.0f} by other thresholds).")]


def _band_of(grade: FloatArray) -> IntArray:
    """Number of the grade band of each record; the last number is "unknown"."""
    inner = np.array([edge for edge in BAND_EDGES if edge is not None])
    band = np.searchsorted(inner, grade, side="right")
    return np.where(np.isfinite(grade), band, len(BAND_EDGES) - 1).astype(np.int64)


def _bands(track: Track, ground: _Ground, grade: FloatArray, ways: list[Way]) -> list[dict[str, object]]:
    """``schema.BANDS``: nine bands and the unknown, for each way of moving in the track."""
    load, steps = track.array("knee_load_bw_s"), ground.steps
    unknown = np.isnan(grade)
    stepped = np.isfinite(steps)
    values = {
        "time_s": ground.dt_s,
        "distance_m": ground.ds_m,
        "descent_m": np.where(unknown, 0.0, np.maximum(-grade, 0.0)) * ground.ds_m,
        "steps": np.where(stepped, steps, 0.0),
        "knee_load_bw_s": track.filled("knee_load_bw_s"),
        "known": np.where(stepped, ground.dt_s, 0.0),
    }
    count = len(BAND_EDGES)
    cell = _band_of(grade)
    for number, way in enumerate(ways):
        if number:
            cell[track.way_is(way)] += number * count
    cells = count * len(ways)
    sums = {name: np.bincount(cell, weights=each, minlength=cells).tolist() for name, each in values.items()}
    table: list[dict[str, object]] = []
    for number, way in enumerate(ways):
        rows = track.way_is(way)
        told = {name: each[number * count :] for name, each in sums.items()}
        has_steps = way in (Way.RUN, Way.WALK) and bool(stepped[rows].any())
        has_load = bool(np.isfinite(load[rows]).any())
        for at in range(count):
            outside = at == count - 1
            enough = has_steps and told["known"][at] >= KNOWN_STEPS * told["time_s"][at]
            table.append(
                {
                    "way": way.value,
                    "from": None if outside else BAND_EDGES[at],
                    "to": None if outside else BAND_EDGES[at + 1],
                    "time_s": told["time_s"][at],
                    "distance_m": told["distance_m"][at],
                    "descent_m": None if outside else told["descent_m"][at],
                    "steps": told["steps"][at] if enough else None,
                    "knee_load_bw_s": told["knee_load_bw_s"][at] if has_load else None,
                }
            )
    return table


def _columns(rows: list[dict[str, object]], promised: schema.Schema) -> Columns:
    """The columns of a schema from rows of plain values."""
    cells = {name: [row[name] for row in rows] for name in promised}
    return Columns(cells, schema.kinds(promised))


def _steps(cadence_spm: FloatArray, dt_s: FloatArray, moving: BoolArray) -> FloatArray:
    """Steps of both feet of each record; 0 while standing, NaN where cadence is missing."""
    steps: FloatArray = np.where(moving | ~np.isnan(cadence_spm), cadence_spm, 0.0) * dt_s / 60.0
    return steps


def _running(track: Track, ground: _Ground) -> dict[str, Value]:
    """Downhill exposure of the running records: time, distance, steps, excess load, braking energy."""
    run = track.way_is(Way.RUN)
    if not run.any():
        return {}
    down = run & (ground.grade < -LEVEL)
    steps = ground.steps
    known = not down.any() or np.isfinite(steps[down]).mean() >= KNOWN_STEPS
    fall = -np.where(down, ground.grade, 0.0) * ground.ds_m
    steep = run & (ground.grade < STEEP)
    values = {
        "downhill_run_time_s": float(ground.dt_s[down].sum()),
        "downhill_run_distance_m": float(ground.ds_m[down].sum()),
        "steps_downhill_run": float(np.nansum(steps[down])) if known else None,
        "steep_descent_run_m": float(fall[steep].sum()),
        "braking_energy_j_per_kg": GRAVITY_MPS2 * float(fall.sum()),
    }
    metrics = {name: Value(value) for name, value in values.items()}
    level_rate = track.array("load_rate_level_bw")
    rows = run & (ground.grade_load < -LEVEL) & np.isfinite(level_rate)
    level, slope = level_rate[rows] * ground.dt_s[rows], ground.grade_load[rows]
    for model, name in EXCESS.items():
        gain = running.impulse_gain(slope, model)
        excess = float((level * (gain - 1.0)).sum())
        low, high = EXCESS_FACTORS if model is DownhillModel.ARTICLE else LEVEL_FACTORS
        metrics[name] = Value(excess, excess * low, excess * high)
    metrics["excess_knee_load_bw_s"] = metrics[EXCESS[track.downhill]]
    return metrics


def _descents(
    track: Track, ground: _Ground, found: tuple[elevation.Descent, ...], ways: list[Way]
) -> list[dict[str, object]]:
    """``schema.DESCENTS``: one row a descent."""
    rows: list[dict[str, object]] = []
    if not found:
        return rows
    level_rate, load = track.array("load_rate_level_bw"), track.array("knee_load_bw_s")
    speed, smooth, steps = track.array("ground_speed_mps"), track.array("altitude_smooth_m"), ground.steps
    level = ground.moving & (np.abs(ground.grade) <= LEVEL) & (ground.cadence_spm > 0.0)
    flat = {way: np.flatnonzero(level & track.way_is(way)) for way in WAYS if way in ways}
    for item in found:
        cut = slice(item.start, item.stop)
        seconds, metres = ground.dt_s[cut], ground.ds_m[cut]
        spent = {way: float(seconds[track.way_is(way)[cut]].sum()) for way in ways}
        way = max(WAYS, key=lambda way: spent.get(way, 0.0))
        on_foot = way in (Way.RUN, Way.WALK)
        known = on_foot and np.isfinite(steps[cut]).mean() >= KNOWN_STEPS
        excess = load[cut] - level_rate[cut] * seconds
        travel = float(seconds[ground.moving[cut]].sum())
        pace = float(metres.sum()) / travel if travel > 0.0 else 0.0
        rows.append(
            {
                "number": item.number,
                "way": way.value,
                "start_elapsed_s": float(ground.elapsed_s[item.start]),
                "start_distance_m": float(ground.along_m[item.start]),
                "length_m": item.length_m,
                "drop_m": item.drop_m,
                "duration_s": float(seconds.sum()),
                "grade_mean": -item.drop_m / item.length_m if item.length_m > 0.0 else None,
                "grade_steepest": _steepest(ground.along_m[cut], smooth[cut]),
                "steps": float(np.nansum(steps[cut])) if known else None,
                "cadence_spm": _mean_cadence(ground, np.arange(item.start, item.stop)) if on_foot else None,
                "cadence_level_spm": _level_cadence(ground, flat.get(way), speed, pace) if on_foot else None,
                "knee_load_bw_s": float(np.nansum(load[cut])) if np.isfinite(load[cut]).any() else None,
                "excess_knee_load_bw_s": float(np.nansum(excess)) if np.isfinite(excess).any() else None,
            }
        )
    return rows


def _steepest(along_m: FloatArray, altitude_m: FloatArray) -> float | None:
    """Steepest grade held over 50 m, or over the whole where it is shorter; at most 0."""
    known = np.isfinite(altitude_m)
    if np.count_nonzero(known) < 2:
        return None
    along, altitude = along_m[known], altitude_m[known]
    span = min(SUSTAINED_M, float(along[-1] - along[0]))
    if span <= 0.0:
        return None
    starts = along[along <= along[-1] - span + 1e-6]
    fall = np.interp(starts + span, along, altitude) - np.interp(starts, along, altitude)
    return max(min(float(fall.min()) / span, 0.0), -elevation.LARGEST_GRADE)


def _mean_cadence(ground: _Ground, rows: npt.NDArray[np.intp]) -> float | None:
    """Time-weighted cadence over the rows that move and know theirs [steps/min]."""
    rows = rows[ground.moving[rows] & (ground.cadence_spm[rows] > 0.0)]
    seconds = ground.dt_s[rows]
    if not seconds.sum() > 0.0:
        return None
    return float((ground.cadence_spm[rows] * seconds).sum() / seconds.sum())


def _level_cadence(
    ground: _Ground, flat: npt.NDArray[np.intp] | None, speed: FloatArray, pace: float
) -> float | None:
    """Cadence on the level, at like speed where there is a minute of it, else at any [steps/min]."""
    if flat is None:
        return None
    like = flat[np.abs(speed[flat] - pace) <= LIKE_SPEED * pace]
    for rows in (like, flat):
        if float(ground.dt_s[rows].sum()) >= LEVEL_S:
            return _mean_cadence(ground, rows)
    return None


def _longest(single: list[dict[str, object]], *, known: bool) -> dict[str, Value]:
    """Largest drop of one descent, of all ways and of running [m]; null where descents are not known."""
    if not known:
        return {}
    drops = [(row["way"], float(str(row["drop_m"]))) for row in single]
    return {
        "longest_descent_m": Value(max((drop for _, drop in drops), default=0.0)),
        "longest_descent_run_m": Value(max((drop for way, drop in drops if way == Way.RUN), default=0.0)),
    }


EXCESS: Final = {
    DownhillModel.ARTICLE: "excess_knee_load_article_bw_s",
    DownhillModel.MECHANICS: "excess_knee_load_mechanics_bw_s",
    DownhillModel.NONE: "excess_knee_load_none_bw_s",
}

_ALTITUDE_SOURCES = ("Menaspa2014", "Menaspa2016")
_EXCESS_MEANING = (
    "Knee load of running below -2 %, above what the same running would ask on the level. All of it rests "
    "on how much a decline adds, which is contested"
)

METRICS: Final = (
    Metric(
        "descent_m", "m", "Descent", "sum", 0, Evidence.ESTIMATED, _ALTITUDE_SOURCES,
        "Metres down, counted by hysteresis; the range is what other thresholds would give. Lifts, cars, "
        "virtual rides and sports without legs are not counted.",
        "sum of downward swings of at least 3 m (1.5 m where steeper than 1.25 %; 10 m with GPS altitude)",
        interval=True,
    ),
    Metric(
        "ascent_m", "m", "Ascent", "sum", 0, Evidence.ESTIMATED, _ALTITUDE_SOURCES,
        "Metres up, counted in the same way as descent.",
        "sum of upward swings of at least 3 m (1.5 m where steeper than 1.25 %; 10 m with GPS altitude)",
        interval=True,
    ),
    Metric(
        "descent_run_m", "m", "Descent while running", "sum", 0, Evidence.ESTIMATED, _ALTITUDE_SOURCES,
        "The part of the descent that falls on running, not on walking or riding.",
        "descent_m, shared out over the records of each downward swing",
        interval=True,
    ),
    Metric(
        "steep_descent_run_m", "m", "Steep descent while running", "sum", 0, Evidence.ESTIMATED,
        _ALTITUDE_SOURCES,
        "Metres down while running on ground steeper than -10 %.",
        "sum of -grade x distance over running records below -10 %",
    ),
    Metric(
        "downhill_run_time_s", "s", "Time running downhill", "sum", 0, Evidence.ESTIMATED, ("Assumed",),
        "Time running on ground steeper than -2 %.",
        "sum of dt over running records below -2 %",
    ),
    Metric(
        "downhill_run_distance_m", "m", "Distance running downhill", "sum", 0, Evidence.ESTIMATED, ("Assumed",),
        "Distance run on ground steeper than -2 %.",
        "sum of distance over running records below -2 %",
    ),
    Metric(
        "steps_downhill_run", "steps", "Steps running downhill", "sum", 0, Evidence.ESTIMATED, ("Assumed",),
        "Steps of both feet while running on ground steeper than -2 %; null where cadence is missing.",
        "sum of cadence x dt / 60 over running records below -2 %",
    ),
    Metric(
        "longest_descent_m", "m", "Longest single descent", "max", 0, Evidence.ESTIMATED, ("Assumed",),
        "Largest drop without a climb between, of any way of moving; 0 where no descent reaches 10 m.",
        "max of drop over single descents",
    ),
    Metric(
        "longest_descent_run_m", "m", "Longest single descent running", "max", 0, Evidence.ESTIMATED, ("Assumed",),
        "Largest drop without a climb between, mostly run; 0 where no descent reaches 10 m.",
        "max of drop over single descents that are mostly run",
    ),
    Metric(
        "excess_knee_load_bw_s", "BW·s", "Excess downhill knee load", "sum", 0, Evidence.CONTESTED,
        ("Article", "RBDS", "Telhan2010"),
        f"{_EXCESS_MEANING}; here by the downhill model in force.",
        "sum of (L(grade) - L(0)) x dt over running records below -2 %",
        interval=True,
    ),
    Metric(
        "excess_knee_load_article_bw_s", "BW·s", "Excess downhill knee load, article", "sum", 0,
        Evidence.CONTESTED, ("Article",),
        f"{_EXCESS_MEANING}: by the article, +40 % at a decline of 5 %.",
        "sum of L(0) x (8.0 x |grade|) x dt over running records below -2 %",
        interval=True,
    ),
    Metric(
        "excess_knee_load_mechanics_bw_s", "BW·s", "Excess downhill knee load, mechanics", "sum", 0,
        Evidence.CONTESTED, ("RBDS",),
        f"{_EXCESS_MEANING}: by turning level running data into the slope.",
        "sum of L(0) x (5.4 x |grade|) x dt over running records below -2 %",
        interval=True,
    ),
    Metric(
        "excess_knee_load_none_bw_s", "BW·s", "Excess downhill knee load, none", "sum", 0,
        Evidence.CONTESTED, ("Telhan2010",),
        f"{_EXCESS_MEANING}: by the study that found no change at -7 %, it is 0.",
        "0",
        interval=True,
    ),
    Metric(
        "braking_energy_j_per_kg", "J/kg", "Braking energy", "sum", 0, Evidence.ESTIMATED, ("Assumed",),
        "Potential energy that running downhill gave away per kilogram: a plain stand-in for eccentric work "
        "of the muscles, not for joint load.",
        "9.81 x sum of -grade x distance over running records below -2 %",
    ),
)  # fmt: skip

DOWNHILL: Final = Analyzer(
    name="downhill",
    version=1,
    params=Params(),
    compute=compute,
    metrics=METRICS,
    tables=("bands", "descents"),
)
