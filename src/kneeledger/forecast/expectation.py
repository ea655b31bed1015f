"""What a course would ask: time, knee load and steps, cell by cell and draw by draw.

The point value runs over the cells themselves. The interval does not need them: speed, step rate and force
depend on a cell's grade only, so cells of like grade (half a per cent, on both grades) are added up and a
course of 300 km becomes some hundreds of rows. Each draw then has its own pace, curve, step rate and the
same parameters of the knee model as the athlete's history (`knee.uncertainty`), so that a ratio to a past
run is formed under equal parameters. Two kinds of doubt are kept apart: what you will do (pace, curve, step
rate: what a back-test can check) and what that does to a knee (the model: no watch can check it).
Instead of: one interval for both, which would make every back-test pass.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from kneeledger.forecast.ground import Ground
from kneeledger.forecast.pace import FlatPace
from kneeledger.forecast.speed import WALK_EDGES, WALK_SPEED_BOUNDS, Habit, hats, population_offset
from kneeledger.knee import running, walking
from kneeledger.knee.peak_weighted import EXPONENT, REFERENCE_PEAK_BW
from kneeledger.knee.uncertainty import Draws, gains
from kneeledger.model import DownhillModel, FloatArray

__all__ = [
    "BANDS",
    "CadenceLine",
    "Drawn",
    "Expected",
    "Plan",
    "Planned",
    "Tilt",
    "drawn",
    "expected",
    "planned",
    "solved",
]

DOWN: Final = -0.02
"""Downhill begins here."""
WALK_SPEED_SD: Final = 0.10
PEOPLE_CADENCE_SD: Final = 0.065
"""Between people at the same speed, of ln step rate; [RBDS]_."""
LEAST_CADENCE_RUNS: Final = 8
BIN: Final = 0.005
LN_SPEED_BOUNDS: Final = (math.log(0.3), math.log(9.0))
"""A flat pace is looked for between these [ln m/s]."""
MOST_STEPS: Final = 40
"""Of the search for the pace that meets a finish time."""
BANDS: Final = (-0.20, -0.15, -0.10, -0.05, -0.02, 0.02, 0.05, 0.10)
"""Edges of the grade bands, as in the ledger of descent."""


@dataclass(frozen=True, slots=True)
class CadenceLine:
    """The athlete's step rate: ln c = intercept + speed_slope ln(v/3) + grade_slope i."""

    intercept: float
    speed_slope: float
    grade_slope: float
    run_sd: float
    """From run to run, of ln step rate at the same speed."""
    slope_se: float
    runs: int

    @property
    def personal(self) -> bool:
        """Whether it is used; with fewer than 8 runs the population's line is."""
        return self.runs >= LEAST_CADENCE_RUNS


@dataclass(frozen=True, slots=True)
class Tilt:
    """What is done differently from the usual."""

    cadence: float = 1.0
    """Factor on the step rate of running."""
    down_speed: float = 1.0
    """Factor on the speed below -2 %."""
    walk_below: float | None = None
    """Every slope steeper than this (a negative grade) is walked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a course would be run."""

    pace: FlatPace
    habit: Habit
    cadence: CadenceLine | None
    downhill: DownhillModel
    tilt: Tilt = Tilt()

    def tilted(self, tilt: Tilt) -> "Plan":
        """The same with something done differently."""
        return replace(self, tilt=tilt)


@dataclass(frozen=True, slots=True)
class Expected:
    """The point model of each cell, arrays of shape (n,)."""

    speed_mps: FloatArray
    seconds: FloatArray
    walked: npt.NDArray[np.bool_]
    cadence_spm: FloatArray
    peak_force_bw: FloatArray
    load_rate_bw: FloatArray
    load_rate_level_bw: FloatArray
    steps: FloatArray
    """Reference steps per leg."""

    @property
    def load_bw_s(self) -> FloatArray:
        """Linear knee load of each cell [BW*s]."""
        return self.load_rate_bw * self.seconds

    def excess_bw_s(self, grade: FloatArray) -> float:
        """Load above level ground of all running below -2 %: rests on the downhill model [BW*s]."""
        down = (grade < DOWN) & ~self.walked
        return float(((self.load_rate_bw - self.load_rate_level_bw) * self.seconds)[down].sum())


def _speeds(
    ln_flat: FloatArray | float,
    offset: FloatArray,
    grade: FloatArray,
    plan: Plan,
    walk_factor: FloatArray | float,
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Speed and whether it is walked; shapes broadcast to (draws, cells) or (cells,)."""
    speed = np.exp(ln_flat + offset)
    habit = plan.habit
    walked = habit.walks(grade, speed)
    by_habit = np.nan_to_num(habit.walked_share[np.searchsorted(WALK_EDGES, grade, side="right")]) > 0.5
    tilt = plan.tilt
    if tilt.down_speed != 1.0:
        speed = np.where(grade < DOWN, speed * tilt.down_speed, speed)
    if tilt.walk_below is not None:
        walked = walked | (grade < tilt.walk_below)
    chosen = by_habit if tilt.walk_below is None else by_habit | (grade < tilt.walk_below)
    # who walks only because running would be so slow loses no speed by it
    walking_mps = np.where(
        chosen, np.minimum(habit.walking_mps(grade) * walk_factor, speed), np.clip(speed, *WALK_SPEED_BOUNDS)
    )
    return np.where(walked, walking_mps, speed), walked


def _cadence(
    speed: FloatArray,
    grade: FloatArray,
    plan: Plan,
    shift: FloatArray | float = 0.0,
    tilt: FloatArray | float = 0.0,
) -> FloatArray:
    """Step rate of running [spm]."""
    line = plan.cadence
    if line is None or not line.personal:
        usual = running.REFERENCE_CADENCE_SPM + running.REFERENCE_CADENCE_SLOPE * np.clip(
            speed, *running.SPEED_BOUNDS_MPS
        )
        return np.asarray(usual * np.exp(shift) * plan.tilt.cadence, dtype=np.float64)
    log_speed = np.log(speed / 3.0)
    log_c = line.intercept + (line.speed_slope + tilt) * log_speed + line.grade_slope * grade + shift
    return np.asarray(np.exp(log_c) * plan.tilt.cadence, dtype=np.float64)


def expected(ground: Ground, plan: Plan) -> Expected:
    """The point model of every cell of a course.

    A plan with a finish time has to be solved first (`solved`).
    """
    grade = ground.grade
    offset = plan.habit.curve.offset(grade)
    speed, walked = _speeds(plan.pace.ln_mps, offset, grade, plan, 1.0)
    seconds = ground.length_m / speed
    cadence = np.where(walked, walking.steps_spm(speed, np.zeros(speed.size)), _cadence(speed, grade, plan))
    ran = running.loads(speed, cadence, ground.grade_load, downhill=plan.downhill)
    on_foot = walking.loads(speed, ground.grade_load)
    peak = np.where(walked, on_foot.peak_force_bw, ran.peak_force_bw)
    return Expected(
        speed_mps=speed,
        seconds=seconds,
        walked=walked,
        cadence_spm=cadence,
        peak_force_bw=peak,
        load_rate_bw=np.where(walked, on_foot.load_rate_bw, ran.load_rate_bw),
        load_rate_level_bw=np.where(walked, on_foot.load_rate_level_bw, ran.load_rate_level_bw),
        steps=seconds * cadence / 120.0 * (peak / REFERENCE_PEAK_BW) ** EXPONENT,
    )


def solved(ground: Ground, plan: Plan) -> Plan:
    """The plan with the flat pace that meets its finish time, where it has one.

    Time falls with pace, but by steps where a slope begins to be run; the pace is bisected.
    """
    finish = plan.pace.finish_s
    if finish is None:
        return plan
    low, high = LN_SPEED_BOUNDS
    for _ in range(60):
        middle = 0.5 * (low + high)
        trial = replace(plan, pace=replace(plan.pace, ln_mps=middle))
        if float(expected(ground, trial).seconds.sum()) > finish:
            low = middle
        else:
            high = middle
    pace = replace(plan.pace, ln_mps=0.5 * (low + high))
    return replace(plan, pace=pace)


@dataclass(frozen=True, slots=True)
class _Bins:
    """Cells of like grade added up."""

    length_m: FloatArray
    grade: FloatArray
    grade_load: FloatArray
    blind: bool

    @classmethod
    def of(cls, ground: Ground) -> "_Bins":
        key = np.floor(ground.grade / BIN).astype(np.int64) * 4096 + np.floor(ground.grade_load / BIN).astype(
            np.int64
        )
        _, place = np.unique(key, return_inverse=True)
        length = np.bincount(place, weights=ground.length_m).astype(np.float64)
        return cls(
            length,
            np.bincount(place, weights=ground.length_m * ground.grade) / length,
            np.bincount(place, weights=ground.length_m * ground.grade_load) / length,
            not ground.known or ground.coarse,
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """What the athlete would do under each draw; the knee model is not in it."""

    seconds: FloatArray
    """Moving time, shape (n_draws,)."""
    linear: FloatArray
    steps: FloatArray
    """Loads by the point model of the knee under each draw's running, shape (n_draws,)."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Draws of one course."""

    planned: Planned
    linear: FloatArray
    steps: FloatArray
    """Loads with the knee model's parameters drawn too, shape (n_draws,)."""

    def stretched(self, factor: float) -> "Drawn":
        """The same with the doubt about the running made wider by a factor, about its median."""
        if factor == 1.0:
            return self
        own = self.planned
        moved = {
            name: np.log(values) - np.log(np.median(values))
            for name, values in (("seconds", own.seconds), ("linear", own.linear), ("steps", own.steps))
        }
        more = {name: np.exp((factor - 1.0) * values) for name, values in moved.items()}
        return Drawn(
            Planned(own.seconds * more["seconds"], own.linear * more["linear"], own.steps * more["steps"]),
            self.linear * more["linear"],
            self.steps * more["steps"],
        )


@dataclass(frozen=True, slots=True)
class _Ways:
    """One set of draws of what the athlete would do, in bins of grade; shapes (draws, bins)."""

    speed: FloatArray
    walked: npt.NDArray[np.bool_]
    seconds: FloatArray
    cadence: FloatArray


def _ways(bins: _Bins, plan: Plan, rng: np.random.Generator, count: int) -> _Ways:
    pace, curve = plan.pace, plan.habit.curve
    corrections = curve.drawn(rng, count)
    ln_flat = pace.drawn(rng, count)
    if pace.slopes is not None:
        ln_flat = ln_flat - (corrections - curve.correction) @ pace.slopes
    line = plan.cadence
    noise = rng.standard_normal((2, count))
    personal = line is not None and line.personal
    shift = (line.run_sd if line is not None and personal else PEOPLE_CADENCE_SD) * noise[0]
    tilt = (line.slope_se if line is not None and personal else 0.0) * noise[1]
    walk_factor = np.exp(WALK_SPEED_SD * rng.standard_normal(count))[:, None]
    offset = population_offset(bins.grade)[None, :] + corrections @ hats(bins.grade).T
    speed, walked = _speeds(ln_flat[:, None], offset, bins.grade, plan, walk_factor)
    if pace.finish_s is not None:
        for _ in range(MOST_STEPS):
            off = np.log((bins.length_m / speed).sum(axis=1) / pace.finish_s)
            if float(np.abs(off).max()) < 1e-4:
                break
            ln_flat = np.clip(ln_flat + off, *LN_SPEED_BOUNDS)
            speed, walked = _speeds(ln_flat[:, None], offset, bins.grade, plan, walk_factor)
    cadence = _cadence(speed, bins.grade, plan, shift[:, None], tilt[:, None])
    return _Ways(speed, walked, bins.length_m / speed, cadence)


def planned(ground: Ground, plan: Plan, *, seed: int = 0, count: int = 200) -> Planned:
    """Draws of what the athlete would do on a course, for the back-test."""
    bins = _Bins.of(ground)
    ways = _ways(bins, plan, np.random.Generator(np.random.PCG64(seed)), count)
    linear, steps = _point(bins, plan, ways)
    return Planned(ways.seconds.sum(axis=1), linear, steps)


def _point(bins: _Bins, plan: Plan, ways: _Ways) -> tuple[FloatArray, FloatArray]:
    grade = np.broadcast_to(bins.grade_load, ways.speed.shape)
    ran = running.loads(ways.speed, ways.cadence, grade, downhill=plan.downhill)
    on_foot = walking.loads(ways.speed, grade)
    own_steps = np.where(ways.walked, walking.steps_spm(ways.speed, np.zeros_like(ways.speed)), ways.cadence)
    rate = np.where(ways.walked, on_foot.load_rate_bw, ran.load_rate_bw)
    peak = np.where(ways.walked, on_foot.peak_force_bw, ran.peak_force_bw) / REFERENCE_PEAK_BW
    steps = ways.seconds * own_steps / 120.0 * peak**EXPONENT
    return (rate * ways.seconds).sum(axis=1), steps.sum(axis=1)


def drawn(ground: Ground, plan: Plan, draws: Draws, *, seed: int = 0) -> Drawn:
    """Draws of a course: what the athlete would do, and what it would ask under the athlete's knee draws.

    Parameters
    ----------
    ground : Ground
        The course.
    plan : Plan
        How it would be run.
    draws : Draws
        The athlete's draws of the knee model, the same as behind the history.
    seed : int
        Of the draws of pace, curve and step rate.
    """
    bins = _Bins.of(ground)
    ways = _ways(bins, plan, np.random.Generator(np.random.PCG64(seed)), draws.count)
    point = _point(bins, plan, ways)
    linear_gain, peak_gain = gains(draws.run, plan.downhill)
    speed, grade = ways.speed, bins.grade_load[None, :]
    run, walk = ~ways.walked, ways.walked
    level = running.loads(speed, ways.cadence, np.zeros_like(speed), downhill=DownhillModel.NONE)
    log_r = np.log(running.cadence_ratio(speed, ways.cadence))
    log_v = np.log(np.clip(speed, *running.SPEED_BOUNDS_MPS) / 3.0)
    own = draws.run
    uphill = np.maximum(running.UPHILL_FLOOR, 1.0 - running.UPHILL_SLOPE * np.maximum(grade, 0.0))
    decline = np.clip(-grade, 0.0, running.GRADE_BOUND)
    impulse = np.exp(own.impulse_cadence[:, None] * log_r + own.speed[:, None] * log_v)
    force = np.exp(own.peak_cadence[:, None] * log_r + own.speed[:, None] * log_v)
    blind = own.blind_decline[:, None] if bins.blind else np.zeros((draws.count, 1))
    rate = level.load_rate_bw * impulse * (uphill + linear_gain[:, None] * (decline + blind))
    peak = level.peak_force_bw * force * (uphill + peak_gain[:, None] * (decline + blind)) / REFERENCE_PEAK_BW
    counted = ways.seconds * ways.cadence / 120.0 * peak**EXPONENT
    missing = plan.cadence is None or not plan.cadence.personal
    linear = (rate * ways.seconds * run).sum(axis=1) * own.level_impulse
    steps = (counted * run).sum(axis=1) * own.level_peak**EXPONENT
    if missing:
        linear, steps = linear * own.no_cadence_impulse, steps * own.no_cadence_peak**EXPONENT
    excess = walking.slope_excess(grade)
    flat_peak = walking.level_peak_bw(speed)
    slope = 1.0 + draws.walk.slope[:, None] * excess
    walked_steps = ways.seconds * walking.steps_spm(speed, np.zeros_like(speed)) / 120.0
    linear += (walking.MEAN_OVER_PEAK * flat_peak * slope * ways.seconds * walk).sum(
        axis=1
    ) * draws.walk.level_impulse
    steps += (walked_steps * (flat_peak * slope / REFERENCE_PEAK_BW) ** EXPONENT * walk).sum(
        axis=1
    ) * draws.walk.level_peak**EXPONENT
    return Drawn(Planned(ways.seconds.sum(axis=1), *point), linear, steps)
