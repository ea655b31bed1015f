"""Which pace on the flat a course is forecast at: the user's, a finish time's, or the usual one.

Nobody's pace is invented. Without a word from the user it is the median flat pace of recent runs of like
length, where flat pace is the pace a run would have had with its hills taken out by the athlete's own curve.
How far single runs lie from their median is the largest error of a forecast, so the spread of the chosen
runs enters the interval, by Student's t, since a handful of runs says little about their own spread.
Instead of: an average speed that mixes hills and flats, or a "predicted race time".
"""

import math
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from kneeledger import plurals
from kneeledger.errors import ConfigError
from kneeledger.forecast.speed import Habit
from kneeledger.model import FloatArray

__all__ = ["Effort", "FlatPace", "chosen_pace", "given_pace"]

RECENT_DAYS: Final = 42
LIKE: Final = 0.30
"""Runs within this share of the course's length are like it."""
BACK_DAYS: Final = 90
LEAST_RUNS: Final = 3
NEWEST_RUNS: Final = 5
"""Where 90 days hold no run, so many of the newest are taken."""
PRIOR_SD: Final = 0.07
PRIOR_WEIGHT: Final = 3.0
"""Spread of flat pace from run to run before the athlete's own is known, and the runs it weighs; [Assumed]_."""
RACE_DAYS: Final = 180
RACE_EXPONENT: Final = 0.06
"""Speed falls with distance to this power over races; [Assumed]_."""


class Effort(StrEnum):
    """How hard, where no pace is given."""

    USUAL = "usual"
    EASY = "easy"
    RACE = "race"


@dataclass(frozen=True, slots=True)
class FlatPace:
    """A pace on the flat and how sure it is."""

    ln_mps: float
    sd: float
    """Of single runs about it; 0 where the user set it."""
    freedom: float
    """Degrees of freedom of that spread."""
    runs: int
    how: str
    """One sentence."""
    slopes: FloatArray | None = None
    """Mean time near each knot of the chosen runs: how the pace moves with a redrawn curve; (10,)."""
    finish_s: float | None = None
    """The finish time to meet, where one was given [s]."""

    def drawn(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Flat paces [ln m/s], shape (count,)."""
        if self.sd == 0.0:
            return np.full(count, self.ln_mps)
        return self.ln_mps + self.sd * rng.standard_t(self.freedom, count)

    @property
    def mps(self) -> float:
        """Speed on the flat [m/s]."""
        return math.exp(self.ln_mps)


def given_pace(mps: float | None = None, finish_s: float | None = None) -> FlatPace:
    """The user's own pace on the flat, or a finish time that is solved for.

    Raises
    ------
    ConfigError
        No human runs so.
    """
    if finish_s is not None:
        if not finish_s > 0:
            raise ConfigError("A finish time lies above 0.")
        return FlatPace(math.log(3.0), 0.0, 1.0, 0, "Your finish time.", finish_s=finish_s)
    if mps is None or not 0.5 <= mps <= 8.0:
        raise ConfigError(
            "A running pace lies between 2:05 and 33:20 per km.", hint="Such as --pace 5:30/km."
        )
    return FlatPace(math.log(mps), 0.0, 1.0, 0, "Your pace on the flat.")


def chosen_pace(habit: Habit, distance_m: float, on: date, effort: Effort = Effort.USUAL) -> FlatPace:
    """The flat pace of runs before a day that are like the course.

    Parameters
    ----------
    habit : Habit
        What was learnt of the athlete.
    distance_m : float
        Length of the course [m].
    on : date
        The day it is planned for; only runs of earlier days count.
    effort : Effort
        Usual: the median. Easy: the lower quartile. Race: the fastest of 180 days that is at least a third as
        long, slowed for the distance.

    Raises
    ------
    ConfigError
        There is no run to go by: a pace is asked for.
    """
    age = np.array([(on - day).days for day in habit.days], dtype=np.float64)
    usable = np.isfinite(habit.flat) & (age > 0)
    if not usable.any():
        raise ConfigError(
            "There is no run to take a pace from.", hint="Say it: --pace 5:30/km or --time 2:10:00."
        )
    if effort is Effort.RACE:
        return _race(habit, distance_m, usable, age)
    like = usable & (age <= RECENT_DAYS) & (np.abs(habit.distance_m / distance_m - 1.0) <= LIKE)
    how = f"of the last {RECENT_DAYS} days within 30 % of its length"
    if np.count_nonzero(like) < LEAST_RUNS:
        like, how = usable & (age <= BACK_DAYS), f"of the last {BACK_DAYS} days"
    if np.count_nonzero(like) < LEAST_RUNS:
        newest = np.flatnonzero(usable)[np.argsort(age[usable], kind="stable")][:NEWEST_RUNS]
        like = np.zeros(usable.size, dtype=np.bool_)
        like[newest] = True
        how = "that are newest (the last 90 days hold too few)"
    rows = np.flatnonzero(like)
    values = habit.flat[rows]
    middle = float(np.median(values))
    freedom = rows.size - 1 + PRIOR_WEIGHT
    spread = (float(((values - values.mean()) ** 2).sum()) + PRIOR_WEIGHT * PRIOR_SD**2) / freedom
    sd = math.sqrt(spread * (1.0 + 1.0 / rows.size))
    runs = plurals.count(rows.size, "run")
    pace = FlatPace(
        middle,
        sd,
        freedom,
        int(rows.size),
        f"Median flat pace of the {runs} {how}.",
        habit.slopes[rows].mean(axis=0),
    )
    if effort is Effort.EASY:
        low = float(np.quantile(values, 0.25))
        return replace(pace, ln_mps=low, how=f"Easy: the slower quarter of the {runs} {how}, flat pace.")
    return pace


def _race(habit: Habit, distance_m: float, usable: npt.NDArray[np.bool_], age: FloatArray) -> FlatPace:
    near = usable & (age <= RACE_DAYS) & (habit.distance_m >= distance_m / 3.0)
    if not near.any():
        near = usable & (age <= RACE_DAYS) if (usable & (age <= RACE_DAYS)).any() else usable
    rows = np.flatnonzero(near)
    worth = habit.flat[rows] - RACE_EXPONENT * np.log(np.maximum(distance_m / habit.distance_m[rows], 1.0))
    best = int(rows[worth.argmax()])
    return FlatPace(
        float(worth.max()),
        PRIOR_SD,
        PRIOR_WEIGHT,
        1,
        f"Race: your fastest run of the last {RACE_DAYS} days that is long enough "
        f"({habit.days[best].isoformat()}), slowed for the distance.",
        habit.slopes[best],
    )
