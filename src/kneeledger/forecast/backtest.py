"""How good forecasts have been: each past run forecast from its own course, with what came before it.

A forecast that cannot show its record is an opinion. Every past run with at least eight earlier ones is
thinned to what a planner would have known (a point every 20 m, no clock), forecast with the habit of that
day, and held against what was recorded: moving time, descent, and knee load by the point model, since no
watch can check the model itself. The interval judged is therefore that of what the athlete would do. Where
it held fewer than 80 % of the runs it is stretched until it would have held 90 %, and the page says so.
Instead of: an error on the data the curve was fitted to.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from kneeledger.errors import ConfigError
from kneeledger.forecast.expectation import CadenceLine, Plan, expected, planned
from kneeledger.forecast.ground import Ground, from_profile
from kneeledger.forecast.pace import chosen_pace
from kneeledger.forecast.speed import Hundreds, hundreds, learn
from kneeledger.model import AltitudeSource, DownhillModel, FloatArray, Track

__all__ = ["WINDOW", "Backtest", "Past", "Trial", "backtest", "past", "wilson"]

LEAST_EARLIER: Final = 8
WINDOW: Final = 60
"""A habit is learnt from so many of the newest runs."""
THIN_M: Final = 20.0
"""A planner's points lie about this far apart [m]."""
WANTED: Final = 0.90
TOO_FEW: Final = 0.80
LEAST_TRIALS: Final = 8
"""Fewer trials say too little to stretch an interval by."""
LEAST_M: Final = 1000.0
COUNTED: Final = 200
Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Past:
    """A past activity on foot: what is learnt from it, its own course, and what was recorded."""

    hundreds: Hundreds
    course: Ground | None
    """None where its altitude is not good enough."""
    moving_s: float
    distance_m: float
    load_bw_s: float | None
    """Linear knee load by the point model [BW*s]."""
    descent_m: float | None

    @property
    def id(self) -> str:
        """Ledger id."""
        return self.hundreds.id

    @property
    def day(self) -> date:
        """Local day."""
        return self.hundreds.day


GOOD: Final = (AltitudeSource.BAROMETRIC, AltitudeSource.CORRECTED, AltitudeSource.TERRAIN)


def past(track: Track, *, id: str, day: date, descent_m: float | None) -> Past:  # noqa: A002 - the ledger's word
    """A prepared activity on foot as the forecast needs it.

    Parameters
    ----------
    track : Track
        The activity.
    id, day
        Ledger id and local day.
    descent_m
        Its descent as the ledger has it [m].
    """
    dt, ds = track.array("dt_s"), track.array("ds_m")
    moving = (track.array("moving") > 0) & (dt > 0)
    load = track.array("knee_load_bw_s")
    stretches = hundreds(track, id=id, day=day)
    good = track.about.altitude_source in GOOD and not track.about.indoor
    return Past(
        stretches,
        own_course(track) if good else None,
        float(dt[moving].sum()),
        float(np.nansum(ds[moving])),
        float(np.nansum(load)) if np.isfinite(load).any() else None,
        descent_m,
    )


def own_course(track: Track) -> Ground | None:
    """The course of a recording as a planner would have known it: a point every 20 m, no clock."""
    along, altitude = np.cumsum(np.nan_to_num(track.array("ds_m"))), track.array("altitude_m")
    good = np.isfinite(altitude)
    if np.count_nonzero(good) < 10 or along[-1] < LEAST_M:
        return None
    place = (along[good] / THIN_M).astype(np.int64)
    count = np.bincount(place)
    filled = count > 0
    distance = np.bincount(place, weights=along[good])[filled] / count[filled]
    height = np.bincount(place, weights=altitude[good])[filled] / count[filled]
    made = from_profile(distance, height, source=AltitudeSource.CORRECTED)
    factor = float(along[-1]) / made.distance_m  # the ends of the first and last point's averages
    return replace(made, length_m=made.length_m * factor)


@dataclass(frozen=True, slots=True)
class Trial:
    """One past run: forecast and recorded."""

    id: str
    day: date
    earlier: int
    seconds: float
    seconds_low: float
    seconds_high: float
    seconds_recorded: float
    load_bw_s: float
    load_low: float
    load_high: float
    load_recorded: float | None
    descent_m: float | None
    descent_recorded: float | None
    load_middle: float
    """Median of the draws [BW*s]."""

    @property
    def time_error(self) -> float:
        """ln(forecast / recorded)."""
        return math.log(self.seconds / self.seconds_recorded)

    @property
    def load_error(self) -> float | None:
        """ln(forecast / recorded)."""
        return math.log(self.load_bw_s / self.load_recorded) if self.load_recorded else None

    @property
    def needed(self) -> float | None:
        """By which factor the interval of the load would have to be stretched to hold this run."""
        if not self.load_recorded:
            return None
        off = math.log(self.load_recorded / self.load_middle)
        end = self.load_high if off > 0 else self.load_low
        half = abs(math.log(end / self.load_middle))
        return abs(off) / half if half > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Backtest:
    """The record of past forecasts."""

    trials: tuple[Trial, ...]

    @property
    def n(self) -> int:
        """Runs with a recorded knee load."""
        return sum(one.needed is not None for one in self.trials)

    @property
    def inside(self) -> int:
        """Of which the 90 % interval of the load held the recorded one."""
        return sum(one.needed is not None and one.needed <= 1.0 for one in self.trials)

    @property
    def time_inside(self) -> int:
        """Runs whose moving time lay inside its 90 % interval."""
        return sum(one.seconds_low <= one.seconds_recorded <= one.seconds_high for one in self.trials)

    @property
    def stretch(self) -> float:
        """Factor on the interval of what the athlete will do; 1 where it held at least 80 %."""
        if self.n < LEAST_TRIALS or self.inside >= TOO_FEW * self.n:
            return 1.0
        needed = sorted(one.needed for one in self.trials if one.needed is not None)
        return max(1.0, needed[min(math.ceil(WANTED * len(needed)), len(needed)) - 1])

    def median_error(self, which: str) -> float | None:
        """Median absolute error of ``time`` or ``load`` as a fraction, of ``descent`` in metres."""
        if which == "time":
            errors = [abs(math.expm1(one.time_error)) for one in self.trials]
        elif which == "load":
            errors = [abs(math.expm1(one.load_error)) for one in self.trials if one.load_error is not None]
        else:
            errors = [
                abs(one.descent_m - one.descent_recorded)
                for one in self.trials
                if one.descent_m is not None and one.descent_recorded is not None
            ]
        return float(np.median(errors)) if errors else None


def wilson(inside: int, n: int) -> tuple[float, float] | None:
    """95 % interval of a share by Wilson; None without trials."""
    if n == 0:
        return None
    p, z2 = inside / n, Z_95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def backtest(
    runs: Sequence[Past],
    cadence: Callable[[date], CadenceLine | None],
    *,
    downhill: DownhillModel,
    walks: Sequence[Hundreds] = (),
    newest: int | None = None,
    count: int = COUNTED,
) -> Backtest:
    """Forecast past runs from those before them.

    Parameters
    ----------
    runs
        Past runs, oldest first.
    cadence
        The athlete's cadence line learnt from runs before a day.
    downhill
        The downhill model in force, as behind the recorded loads.
    walks
        Walks and hikes, for walking speed.
    newest
        Forecast only so many of the newest runs.
    count
        Draws a run.
    """
    trials: list[Trial] = []
    candidates = [at for at, one in enumerate(runs) if one.course is not None and one.distance_m >= LEAST_M]
    for at in candidates if newest is None else candidates[-newest:]:
        one = runs[at]
        earlier = [other.hundreds for other in runs[:at] if other.day < one.day]
        if len(earlier) < LEAST_EARLIER:
            continue
        assert one.course is not None
        habit = learn(earlier[-WINDOW:], [walk for walk in walks if walk.day < one.day])
        try:
            pace = chosen_pace(habit, one.course.distance_m, one.day)
        except ConfigError:
            continue
        plan = Plan(pace, habit, cadence(one.day), downhill)
        point = expected(one.course, plan)
        draws = planned(one.course, plan, seed=at, count=count)
        trials.append(
            _trial(one, len(earlier), point.seconds.sum(), point.load_bw_s.sum(), draws.seconds, draws.linear)
        )
    return Backtest(tuple(trials))


def _trial(
    one: Past, earlier: int, seconds: float, load: float, drawn_s: FloatArray, drawn_load: FloatArray
) -> Trial:
    low_s, high_s = np.quantile(drawn_s, (0.05, 0.95))
    low, middle, high = np.quantile(drawn_load, (0.05, 0.5, 0.95))
    assert one.course is not None
    return Trial(
        id=one.id,
        day=one.day,
        earlier=earlier,
        seconds=float(seconds),
        seconds_low=float(low_s),
        seconds_high=float(high_s),
        seconds_recorded=one.moving_s,
        load_bw_s=float(load),
        load_low=float(low),
        load_high=float(high),
        load_recorded=one.load_bw_s,
        descent_m=one.course.descent_m,
        descent_recorded=one.descent_m,
        load_middle=float(middle),
    )
