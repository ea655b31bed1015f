"""Patellofemoral load of walking, hiking and stairs.

Level walking asks about a sixth of what running asks, and a steep path down asks as much as a run: the
downhill slope comes from one study of 12 people on a 19 % decline [Kuster1993]_, the level anchor from a
meta-analysis [Hart2022]_. The uphill slope is read from stair values and assumed, like the exponent 1 of
speed and the pulse shape. The downhill models of running do not apply here. Stairs have published
values of their own per step; a watch shows them only where the sport itself says stairs, because grade
is fitted over tens of metres.
Instead of: treating a hike as slow running, which would give 3.5 times the load.
"""

from typing import NamedTuple, overload

import numpy as np

from kneeledger.knee.arrays import Answer, Number, Numbers, Quantity, lift
from kneeledger.model import FloatArray

__all__ = [
    "DOWNHILL_SLOPE",
    "MEAN_OVER_PEAK",
    "SPEED_BOUNDS_MPS",
    "STAIR_DOWN_PEAK_BW",
    "STAIR_UP_PEAK_BW",
    "Loads",
    "extrapolated",
    "impulse_per_step_bw_s",
    "level_peak_bw",
    "load_rate_bw",
    "loads",
    "peak_force_bw",
    "reference_cadence_spm",
    "slope_excess",
    "stair_loads",
    "steps_spm",
]

BASE_PEAK_BW = 0.9
"""Peak force of level walking at 1.3 m/s [BW]; [Hart2022]_."""
REFERENCE_SPEED_MPS = 1.3
DOWNHILL_SLOPE = 14.1
"""What a decline of 1 adds, as a multiple of the level peak; ratio 3.6-3.9 at -19.3 %, [Kuster1993]_."""
UPHILL_SLOPE = 4.3
"""What an incline of 1 adds; from stairs, project rule [Assumed]_."""
SPEED_BOUNDS_MPS = (0.6, 2.2)
GRADE_BOUNDS = (-0.30, 0.60)
MEAN_OVER_PEAK = 0.16
"""Mean force per leg over peak: pulse shape 0.25 x stance share 0.62; project rule [Assumed]_."""
REFERENCE_CADENCE_SPM = 76.0
REFERENCE_CADENCE_SLOPE = 28.0
"""Step rate where none was recorded: 76 + 28 v [spm]; project rule [Assumed]_. Enters step counts only."""
STAIR_UP_PEAK_BW = 3.2
STAIR_DOWN_PEAK_BW = 2.8
"""Peak force of a stair step [BW]; [Hart2022]_. [Costigan2002]_ has stairs at 8 times level walking."""


class Loads(NamedTuple):
    """What preparation needs of each walking record, arrays of shape (n,)."""

    peak_force_bw: FloatArray
    load_rate_bw: FloatArray
    load_rate_level_bw: FloatArray


def level_peak_bw(speed: FloatArray) -> FloatArray:
    """Peak force at level grade [BW], shape (n,)."""
    return np.asarray(
        BASE_PEAK_BW / REFERENCE_SPEED_MPS * np.clip(speed, *SPEED_BOUNDS_MPS), dtype=np.float64
    )


def slope_excess(grade: FloatArray) -> FloatArray:
    """What a grade adds, as a multiple of the level load; 0 where unknown, shape (n,)."""
    held = np.clip(np.where(np.isnan(grade), 0.0, grade), *GRADE_BOUNDS)
    return np.where(held < 0.0, -DOWNHILL_SLOPE * held, UPHILL_SLOPE * held)


def _gain(grade: FloatArray) -> FloatArray:
    return np.asarray(1.0 + slope_excess(grade), dtype=np.float64)


def loads(speed: FloatArray, grade: FloatArray) -> Loads:
    """Peak force, mean force and level mean force of each walking record [BW].

    Parameters
    ----------
    speed, grade : array, shape (n,)
        Speed [m/s], held within 0.6 and 2.2; grade (NaN: level), held within -0.30 and +0.60.
    """
    level = level_peak_bw(speed)
    peak = level * _gain(grade)
    return Loads(peak, MEAN_OVER_PEAK * peak, MEAN_OVER_PEAK * level)


def stair_loads(down: FloatArray) -> Loads:
    """Loads of records on stairs, where the sport says so: 3.2 BW up, 2.8 BW down a step [Hart2022]_.

    Parameters
    ----------
    down : array, shape (n,)
        Above 0 where the way leads down; 0 or NaN counts as up, which asks more.
    """
    peak = np.where(down > 0, STAIR_DOWN_PEAK_BW, STAIR_UP_PEAK_BW)
    level = np.full(peak.shape, MEAN_OVER_PEAK * BASE_PEAK_BW)
    return Loads(peak, MEAN_OVER_PEAK * peak, level)


def _reference_cadence(speed: FloatArray) -> FloatArray:
    held = np.clip(speed, *SPEED_BOUNDS_MPS)
    return np.asarray(REFERENCE_CADENCE_SPM + REFERENCE_CADENCE_SLOPE * held, dtype=np.float64)


def steps_spm(speed: FloatArray, cadence: FloatArray) -> FloatArray:
    """Step rate to count with: as measured, else assumed from speed [spm], shape (n,)."""
    return np.where(cadence > 0, cadence, _reference_cadence(speed))


@overload
def reference_cadence_spm(speed_mps: Number) -> Number: ...
@overload
def reference_cadence_spm(speed_mps: Numbers) -> FloatArray: ...
def reference_cadence_spm(speed_mps: Quantity) -> Answer:
    """Step rate of walking where none was recorded, both feet: ``76 + 28 v`` [spm]; [Assumed]_."""
    (speed,), lower = lift(speed_mps)
    return lower(_reference_cadence(speed))


@overload
def peak_force_bw(speed_mps: Number, cadence_spm: Number = None, grade: Number = None) -> Number: ...
@overload
def peak_force_bw(speed_mps: Numbers, cadence_spm: Quantity = None, grade: Quantity = None) -> FloatArray: ...
def peak_force_bw(speed_mps: Quantity, cadence_spm: Quantity = None, grade: Quantity = None) -> Answer:
    """Peak patellofemoral contact force of a walking step [BW].

    ``0.9 (v/1.3) (1 + 14.1|i|)`` downhill, ``0.9 (v/1.3) (1 + 4.3 i)`` uphill. Anchors: level 0.9 BW
    [Hart2022]_; ratio 3.6-3.9 at a 19.3 % decline, 6 men and 6 women [Kuster1993]_; the uphill slope
    and the speed exponent are assumed.

    Parameters
    ----------
    speed_mps : float, array or Series
        Speed [m/s], held within 0.6 and 2.2.
    cadence_spm : float, array or Series, optional
        Steps of both feet a minute [spm]; does not change the peak, taken so that all models are alike.
    grade : float, array or Series, optional
        Rise over run, held within -0.30 and +0.60; null counts as level.

    Returns
    -------
    float, None or array
        Peak force [BW]; None or NaN where the speed is unknown.
    """
    (speed, _, slope), lower = lift(speed_mps, cadence_spm, grade)
    return lower(level_peak_bw(speed) * _gain(slope))


@overload
def load_rate_bw(speed_mps: Number, cadence_spm: Number = None, grade: Number = None) -> Number: ...
@overload
def load_rate_bw(speed_mps: Numbers, cadence_spm: Quantity = None, grade: Quantity = None) -> FloatArray: ...
def load_rate_bw(speed_mps: Quantity, cadence_spm: Quantity = None, grade: Quantity = None) -> Answer:
    """Mean patellofemoral force per leg over time [BW]: 0.16 of the peak [Assumed]_.

    Parameters as in `peak_force_bw`.
    """
    (speed, _, slope), lower = lift(speed_mps, cadence_spm, grade)
    return lower(MEAN_OVER_PEAK * level_peak_bw(speed) * _gain(slope))


@overload
def impulse_per_step_bw_s(speed_mps: Number, cadence_spm: Number = None, grade: Number = None) -> Number: ...
@overload
def impulse_per_step_bw_s(
    speed_mps: Numbers, cadence_spm: Quantity = None, grade: Quantity = None
) -> FloatArray: ...
def impulse_per_step_bw_s(
    speed_mps: Quantity, cadence_spm: Quantity = None, grade: Quantity = None
) -> Answer:
    """Patellofemoral impulse of one walking step of one leg [BW*s]: mean force over steps a second.

    Parameters as in `peak_force_bw`; without cadence the step rate is assumed from speed.
    """
    (speed, cadence, slope), lower = lift(speed_mps, cadence_spm, grade)
    rate = MEAN_OVER_PEAK * level_peak_bw(speed) * _gain(slope)
    return lower(rate * 120.0 / steps_spm(speed, cadence))


def extrapolated(speed: FloatArray, grade: FloatArray) -> FloatArray:
    """1 where a walking record lies outside what the model rests on, else 0, shape (n,).

    Outside means slower than 0.6 or faster than 2.2 m/s, steeper than 20 % down, or steeper than 10 % up.
    """
    outside = (speed < SPEED_BOUNDS_MPS[0]) | (speed > SPEED_BOUNDS_MPS[1]) | (grade < -0.20) | (grade > 0.10)
    return np.asarray(outside, dtype=np.float64)
