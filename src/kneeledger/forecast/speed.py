"""Speed by grade: the athlete's own where runs are many, the population's where they are few.

What a runner does on a slope is a habit: some sail down, some brake, most walk from some grade on. It is
learnt from 100 m stretches of their own runs as ln v = a + s(i): a is the run's pace on the flat, s the
offset by grade. The offset is a correction to the population's curve with a knot every few per cent, fitted by
Huber within runs, so that fast and slow days do not lend it a slope, and each knot is drawn back to the
population by how few runs hold it. The population's curve is Minetti's cost uphill and the heart-rate curve
downhill, where Minetti would ask for +67 % at -10 % [Minetti2002]_, [Strava2017]_. Both say what people run,
never what the knee bears. Resampling runs, not stretches, gives the interval: sums of squares are kept by
run, so that a thousand resampled fits are a thousand small linear systems.
Instead of: a polynomial in grade, or a pace factor of effort.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from kneeledger.model import FloatArray, Track, Way

__all__ = ["KNOTS", "Curve", "Habit", "Hundreds", "hundreds", "learn", "population_offset", "tobler_mps"]

KNOTS: Final = np.array([-0.20, -0.15, -0.10, -0.05, -0.02, 0.0, 0.02, 0.05, 0.10, 0.15, 0.20])
FREE: Final = np.flatnonzero(KNOTS != 0.0)
LEVEL: Final = 5
HELD: Final = 0.30
"""The population's curve is held beyond this grade."""
NEAR_M: Final = 500.0
"""A run counts for a knot from this distance near it on [m]."""
PRIOR_RUNS: Final = 5.0
"""Runs that weigh as much as the population at a knot; project rule [Assumed]_."""
HUBER_K: Final = 1.345
FALLBACK_SD: Final = 0.10
"""Between people, of ln v on a slope of 5 % and more, where the curve is the population's; [Assumed]_."""
STRETCH_M: Final = 100.0
WALK_EDGES: Final = np.array([-0.20, -0.15, -0.10, -0.05, -0.02, 0.02, 0.05, 0.10, 0.15, 0.20])
LEAST_WALK_M: Final = 300.0
"""A grade bin tells a habit of walking from this distance on [m]."""
WALK_SPEED_BOUNDS: Final = (0.3, 2.2)
WALK_BELOW_MPS: Final = 1.6
"""Slower than this is walked, where the athlete's own runs do not tell [m/s]."""
CRAWL_MPS: Final = 1.0
"""Slower than this nobody runs [m/s]."""


def population_offset(grade: FloatArray) -> FloatArray:
    """Offset of ln(speed) from the flat at equal effort, of the population, shape (n,).

    ``ln min(3.6/Cr(i), 1/q(100 i))``: the cost of [Minetti2002]_ uphill, the heart-rate curve of
    [Strava2017]_ downhill; i held within 30 %.
    """
    i = np.clip(grade, -HELD, HELD)
    cost = 155.4 * i**5 - 30.4 * i**4 - 43.3 * i**3 + 46.3 * i**2 + 19.5 * i + 3.6
    g = 100.0 * i
    quartic = (
        -5.294439830640173e-7 * g**4
        - 3.989571857841264e-6 * g**3
        + 2.0535661142752205e-3 * g**2
        + 3.265674125152065e-2 * g
        + 1.0
    )
    return np.asarray(np.log(np.minimum(3.6 / cost, 1.0 / quartic)), dtype=np.float64)


def tobler_mps(grade: FloatArray) -> FloatArray:
    """Walking speed of the population by grade, ``6 exp(-3.5 |i + 0.05|)`` km/h [m/s], shape (n,)."""
    return np.asarray(6.0 / 3.6 * np.exp(-3.5 * np.abs(grade + 0.05)), dtype=np.float64)


def hats(grade: FloatArray) -> FloatArray:
    """How much each free knot counts at a grade, shape (n, 10); the level counts for none."""
    i = np.clip(grade, KNOTS[0], KNOTS[-1])
    after = np.clip(np.searchsorted(KNOTS, i, side="right"), 1, KNOTS.size - 1)
    share = (i - KNOTS[after - 1]) / (KNOTS[after] - KNOTS[after - 1])
    table = np.zeros((i.size, KNOTS.size))
    rows = np.arange(i.size)
    table[rows, after - 1] = 1.0 - share
    table[rows, after] += share
    return table[:, FREE]


@dataclass(frozen=True)
class Hundreds:
    """The 100 m stretches of one activity on foot, arrays of shape (n,)."""

    id: str
    day: date
    run_m: FloatArray
    run_s: FloatArray
    walk_m: FloatArray
    walk_s: FloatArray
    grade: FloatArray
    """Mean grade; NaN where it is not known well enough."""

    @property
    def grade_known(self) -> bool:
        """Whether the curve may learn from it."""
        return bool(np.isfinite(self.grade).any())

    @cached_property
    def near(self) -> FloatArray:
        """How much each free knot counts for each stretch; unknown grades count as level, (n, 10)."""
        return hats(np.nan_to_num(self.grade))

    @cached_property
    def usual(self) -> FloatArray:
        """The population's offset of each stretch, (n,)."""
        return population_offset(np.nan_to_num(self.grade))

    @cached_property
    def steady(self) -> npt.NDArray[np.intp]:
        """Stretches that the curve learns from: mostly run, at a known grade."""
        good = (self.run_m >= 0.5 * STRETCH_M) & (self.run_s > 0) & np.isfinite(self.grade)
        return np.flatnonzero(good)

    @cached_property
    def heard(self) -> tuple[FloatArray, FloatArray]:
        """Rows of the fit: knots and, last, ln(speed) less the population's offset; and the metres."""
        rows = self.steady
        logs = np.log(self.run_m[rows] / self.run_s[rows]) - self.usual[rows]
        return np.column_stack([self.near[rows], logs]), self.run_m[rows]


def hundreds(track: Track, *, id: str, day: date) -> Hundreds:  # noqa: A002 - the ledger's word
    """The stretches of a prepared activity; standing still is left out.

    Parameters
    ----------
    track : Track
        A prepared activity on foot.
    id, day
        Ledger id and local day.
    """
    ds, dt = track.array("ds_m"), track.array("dt_s")
    moving = (track.array("moving") > 0) & (dt > 0) & np.isfinite(ds)
    run, walk = track.way_is(Way.RUN) & moving, track.way_is(Way.WALK) & moving
    on_foot = run | walk
    step = np.where(on_foot, ds, 0.0)
    place = (np.cumsum(step) / STRETCH_M).astype(np.int64)
    size = int(place[-1]) + 1 if place.size else 0

    def summed(values: FloatArray, rows: npt.NDArray[np.bool_]) -> FloatArray:
        return np.bincount(place[rows], weights=values[rows], minlength=size).astype(np.float64)

    grade = track.array("grade")
    if not np.any(np.abs(track.array("grade_load")) > 0.0):
        grade = np.full(grade.size, np.nan)  # GPS altitude, a treadmill, or dead flat: nothing to learn
    seen = on_foot & np.isfinite(grade)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = summed(grade * step, seen) / summed(step, seen)
    return Hundreds(id, day, summed(ds, run), summed(dt, run), summed(ds, walk), summed(dt, walk), mean)


@dataclass(frozen=True, slots=True)
class Curve:
    """Offset of ln(speed) by grade: the population's, plus a correction at the knots."""

    correction: FloatArray
    """At the free knots, drawn back to 0 where runs are few; shape (10,)."""
    runs_near: FloatArray
    """Runs with at least 500 m near each free knot; shape (10,)."""
    per_run: FloatArray
    """Normal matrices of each run, shape (runs, 10, 10), for resampling."""
    per_run_right: FloatArray
    """Right-hand sides, shape (runs, 10)."""

    def offset(self, grade: FloatArray) -> FloatArray:
        """ln(speed) against the flat, shape (n,)."""
        return np.asarray(population_offset(grade) + hats(grade) @ self.correction, dtype=np.float64)

    @property
    def weight(self) -> FloatArray:
        """Share of the athlete's own data at each free knot."""
        return np.asarray(self.runs_near / (self.runs_near + PRIOR_RUNS), dtype=np.float64)

    def drawn(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Corrections of refits to resampled runs, with the population's own spread; shape (count, 10)."""
        scale = np.minimum(np.abs(KNOTS[FREE]) / 0.05, 1.0) * FALLBACK_SD
        sides = rng.standard_normal((count, 2))
        other = np.where(KNOTS[FREE] < 0, sides[:, :1], sides[:, 1:]) * scale
        runs = len(self.per_run)
        if runs < 2:
            return np.asarray(self.correction + (1.0 - self.weight) * other, dtype=np.float64)
        times = rng.multinomial(runs, np.full(runs, 1.0 / runs), size=count).astype(np.float64)
        matrix = (times @ self.per_run.reshape(runs, -1)).reshape(count, FREE.size, FREE.size)
        matrix[:, np.arange(FREE.size), np.arange(FREE.size)] += RIDGE
        right = times @ self.per_run_right
        refit = np.linalg.solve(matrix, right[..., None])[..., 0]
        return np.asarray(self.weight * refit + (1.0 - self.weight) * other, dtype=np.float64)


RIDGE: Final = 0.5
"""Half a stretch of the population at each knot: only keeps a knot without data at 0."""

POPULATION: Final = Curve(
    np.zeros(FREE.size), np.zeros(FREE.size), np.zeros((0, FREE.size, FREE.size)), np.zeros((0, FREE.size))
)


@dataclass(frozen=True, slots=True)
class Habit:
    """What an athlete does by grade, learnt from activities on foot."""

    curve: Curve
    flat: FloatArray
    """ln of each run's pace on the flat [ln m/s]; NaN where it holds no running. Order of `ids`."""
    slopes: FloatArray
    """Share of each run's time near each free knot: how its flat pace moves with the curve; (runs, 10)."""
    ids: tuple[str, ...]
    days: tuple[date, ...]
    distance_m: FloatArray
    walked_share: FloatArray
    """Of the distance of runs in each grade bin that was walked; NaN where too little is known; (11,)."""
    walk_mps: FloatArray
    """Median walking speed of each grade bin; NaN where too little is known; (11,)."""

    def walks(self, grade: FloatArray, speed: FloatArray) -> npt.NDArray[np.bool_]:
        """Where they walk: more than half of the distance at that grade so far; unknown, where it is slow.

        Parameters
        ----------
        grade, speed
            Grade, and the speed running would have there [m/s]; shapes broadcast.
        """
        share = self.walked_share[np.searchsorted(WALK_EDGES, grade, side="right")]
        slow = np.isnan(share) & (speed < WALK_BELOW_MPS)
        return np.asarray((np.nan_to_num(share) > 0.5) | slow | (speed < CRAWL_MPS), dtype=np.bool_)

    def walking_mps(self, grade: FloatArray) -> FloatArray:
        """Walking speed at a grade: their own, else the population's [m/s]."""
        own = self.walk_mps[np.searchsorted(WALK_EDGES, grade, side="right")]
        return np.clip(np.where(np.isfinite(own), own, tobler_mps(grade)), *WALK_SPEED_BOUNDS)


def learn(activities: Sequence[Hundreds], walks: Sequence[Hundreds] = ()) -> Habit:
    """The athlete's habit from runs, and from walks for how fast they walk.

    Parameters
    ----------
    activities
        Stretches of runs, oldest first.
    walks
        Stretches of walks and hikes: only their walking speed is used.
    """
    curve = _fit(activities)
    flat = np.full(len(activities), np.nan)
    slopes = np.zeros((len(activities), FREE.size))
    for at, one in enumerate(activities):
        run = one.run_s > 0
        if one.run_m.sum() < 300.0:
            continue
        near = one.near[run]
        wanted = one.run_m[run] * np.exp(-(one.usual[run] + near @ curve.correction))
        flat[at] = np.log(wanted.sum() / one.run_s[run].sum())
        slopes[at] = (wanted @ near) / wanted.sum()
    share, speed = _walking(activities, walks)
    return Habit(
        curve,
        flat,
        slopes,
        tuple(one.id for one in activities),
        tuple(one.day for one in activities),
        np.array([float(one.run_m.sum() + one.walk_m.sum()) for one in activities]),
        share,
        speed,
    )


def _fit(activities: Sequence[Hundreds]) -> Curve:
    """Huber fit within runs: each run's mean is taken out, so only slopes within runs count."""
    used = [one for one in activities if one.grade_known]
    near, parts = np.zeros(FREE.size), []
    for one in used:
        rows, metres = one.heard
        if len(rows) >= 3:
            near += (rows[:, :-1] > 0.5).T @ metres >= NEAR_M
            parts.append(rows)
    if not parts:
        return POPULATION
    sizes = [len(one) for one in parts]
    starts = np.cumsum([0, *sizes[:-1]])
    number = np.repeat(np.arange(len(parts)), sizes)
    both = np.concatenate(parts)
    y = both[:, -1]
    weight: FloatArray = np.ones(y.size)
    solved: FloatArray = np.zeros(FREE.size)
    centred: FloatArray = both
    for _ in range(20):
        total = np.add.reduceat(weight, starts)
        means = np.add.reduceat(both * weight[:, None], starts, axis=0) / total[:, None]
        centred = both - means[number]
        x, target = centred[:, :-1], centred[:, -1]
        left = x.T @ (x * weight[:, None]) + RIDGE * np.eye(FREE.size)
        new = np.asarray(np.linalg.solve(left, x.T @ (weight * target)), dtype=np.float64)
        moved = float(np.abs(new - solved).max())
        solved = new
        rest = np.abs(target - x @ solved)
        spread = max(float(np.median(rest)) / 0.6745, 1e-4)
        weight = np.minimum(1.0, HUBER_K * spread / np.maximum(rest, 1e-12))
        if moved < 5e-4:
            break
    edges = [*starts.tolist(), y.size]
    per_run, right = np.zeros((len(parts), FREE.size, FREE.size)), np.zeros((len(parts), FREE.size))
    for run, (first, last) in enumerate(pairwise(edges)):
        mine, heavy = centred[first:last], weight[first:last]
        product = mine[:, :-1].T @ (mine * heavy[:, None])
        per_run[run], right[run] = product[:, :-1], product[:, -1]
    return Curve(solved * near / (near + PRIOR_RUNS), near, per_run, right)


def _walking(runs: Sequence[Hundreds], walks: Sequence[Hundreds]) -> tuple[FloatArray, FloatArray]:
    """Share walked in runs, and median walking speed, by grade bin."""
    bins = WALK_EDGES.size + 1
    walked, whole = np.zeros(bins), np.zeros(bins)
    for one in runs:
        seen = np.isfinite(one.grade)
        place = np.searchsorted(WALK_EDGES, one.grade[seen], side="right")
        walked += np.bincount(place, weights=one.walk_m[seen], minlength=bins)
        whole += np.bincount(place, weights=(one.walk_m + one.run_m)[seen], minlength=bins)
    share = np.where(whole >= LEAST_WALK_M, walked / np.maximum(whole, 1.0), np.nan)
    places: list[FloatArray] = []
    speeds: list[FloatArray] = []
    for one in (*runs, *walks):
        seen = np.isfinite(one.grade) & (one.walk_m >= 0.5 * STRETCH_M) & (one.walk_s > 0)
        places.append(np.searchsorted(WALK_EDGES, one.grade[seen], side="right").astype(np.float64))
        speeds.append(one.walk_m[seen] / one.walk_s[seen])
    median = np.full(bins, np.nan)
    if places:
        place, speed = np.concatenate(places), np.concatenate(speeds)
        for at in range(bins):
            mine = speed[place == at]
            if mine.size * STRETCH_M >= LEAST_WALK_M:
                median[at] = float(np.median(mine))
    return share, median
