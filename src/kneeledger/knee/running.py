"""Patellofemoral load of running: peak force, impulse per step, mean force per leg.

The level model was fitted on 26 treadmill runners at 2.5, 3.5 and 4.5 m/s, with the step rate's effect
taken from experiments instead of from differences between people [RBDS]_. Two findings shape it. Mean
force hardly changes with speed, so linear load follows running time. And ground force, running power or
vertical oscillation do not follow knee load between runners, so none of them is used. What a decline
adds is contested: three named models stand side by side, the default being the article's "+40 % at
5 %", and every number that rests on them carries that word. Uphill gives at most 20 % off, because
experiments with runners, who lean, contradict the larger discount of plain mechanics [Shih2023]_.
Instead of: scaling ground force, or grade-adjusted pace, which falls just where knee load rises.
"""

from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from kneeledger.knee.arrays import Answer, Number, Numbers, Quantity, lift
from kneeledger.knee.peak_weighted import REFERENCE_PEAK_BW
from kneeledger.model import DownhillModel, FloatArray

__all__ = [
    "CADENCE_RATIO_BOUNDS",
    "EASY_LOAD_RATE_BW",
    "GRADE_BOUND",
    "IMPULSE_CADENCE_EXPONENT",
    "IMPULSE_GAIN",
    "IMPULSE_SPEED_EXPONENT",
    "PEAK_CADENCE_EXPONENT",
    "PEAK_GAIN",
    "PEAK_SPEED_EXPONENT",
    "REFERENCE_CADENCE_SLOPE",
    "REFERENCE_CADENCE_SPM",
    "SPEED_BOUNDS_MPS",
    "Loads",
    "Usual",
    "cadence_ratio",
    "extrapolated",
    "impulse_gain",
    "impulse_per_step_bw_s",
    "load_rate_bw",
    "loads",
    "peak_force_bw",
    "peak_gain",
    "reference_cadence_spm",
    "reference_stance_time_s",
    "stance_gain",
    "steps_spm",
    "usual",
]

REFERENCE_SPEED_MPS = 3.0
"""Speed at which the bases hold [m/s]."""
BASE_PEAK_BW = REFERENCE_PEAK_BW
"""Peak force of a level step at 3 m/s and the population step rate [BW]; [RBDS]_."""
BASE_IMPULSE_BW_S = 0.519
"""Impulse of that step [BW*s]; [RBDS]_."""
PEAK_SPEED_EXPONENT = 0.51
"""d ln(peak) / d ln(speed) at a fixed step-rate ratio; [RBDS]_."""
IMPULSE_SPEED_EXPONENT = 0.02
"""d ln(impulse per step) / d ln(speed) at a fixed step-rate ratio; [RBDS]_."""
PEAK_CADENCE_EXPONENT = -1.8
"""d ln(peak) / d ln(step rate) at fixed speed; amid [Lenhart2014]_, [Willson2014]_, [Willson2015]_."""
IMPULSE_CADENCE_EXPONENT = -2.0
"""d ln(impulse per step) / d ln(step rate) at fixed speed; amid the same experiments."""
EASY_LOAD_RATE_BW = 0.727
"""Mean force per leg of easy level running, 3 m/s at the population step rate [BW]: 60 s of it are an
"easy minute"."""
REFERENCE_CADENCE_SPM = 150.02
"""Population step rate extrapolated to 0 m/s, both feet [spm]; [vanOeveren2019]_."""
REFERENCE_CADENCE_SLOPE = 6.012
"""Its rise with speed [spm per m/s]; [vanOeveren2019]_."""
SPEED_BOUNDS_MPS = (1.6, 6.0)
"""Speeds are held within these [m/s]; project rule [Assumed]_."""
CADENCE_RATIO_BOUNDS = (0.80, 1.25)
"""Step rate over population step rate is held within these; project rule [Assumed]_."""
GRADE_BOUND = 0.25
"""Steeper declines count as this steep; project rule [Assumed]_."""
IMPULSE_GAIN = {DownhillModel.ARTICLE: 8.0, DownhillModel.MECHANICS: 5.4, DownhillModel.NONE: 0.0}
"""What a decline of 1 adds to impulse, as a multiple: [Article]_, [RBDS]_ rotated, [Telhan2010]_."""
PEAK_GAIN = {DownhillModel.ARTICLE: 5.9, DownhillModel.MECHANICS: 4.0, DownhillModel.NONE: 0.0}
"""What a decline of 1 adds to the peak, as a multiple; same sources."""
UPHILL_SLOPE = 1.0
"""What an incline of 1 takes off, as a multiple; project rule against [Telhan2010]_, [Shih2023]_."""
UPHILL_FLOOR = 0.8
"""The least an incline leaves of the level load; project rule [Assumed]_."""
BASE_STANCE_S = 0.2561
"""Ground contact at 3 m/s and the population step rate [s]; [RBDS]_."""
STANCE_SPEED_EXPONENT = -0.499
STANCE_CADENCE_EXPONENT = -0.652
STANCE_RATIO_BOUNDS = (0.85, 1.15)
PEAK_STANCE_EXPONENT = 0.57
IMPULSE_STANCE_EXPONENT = 1.28
"""Cross-sectional elasticities of peak and impulse to ground contact; [RBDS]_."""


class Loads(NamedTuple):
    """What preparation needs of each running record, arrays of shape (n,)."""

    peak_force_bw: FloatArray
    load_rate_bw: FloatArray
    load_rate_level_bw: FloatArray


class Usual(NamedTuple):
    """Level running at the population's step rate, arrays of shape (n,)."""

    log_speed: FloatArray
    """ln(v / 3), speed held within its bounds."""
    cadence_spm: FloatArray
    peak_force_bw: FloatArray
    load_rate_bw: FloatArray


def _reference_cadence(speed: FloatArray) -> FloatArray:
    return np.asarray(
        REFERENCE_CADENCE_SPM + REFERENCE_CADENCE_SLOPE * np.clip(speed, *SPEED_BOUNDS_MPS), dtype=np.float64
    )


@overload
def reference_cadence_spm(speed_mps: Number) -> Number: ...
@overload
def reference_cadence_spm(speed_mps: Numbers) -> FloatArray: ...
def reference_cadence_spm(speed_mps: Quantity) -> Answer:
    """Population step rate at a speed, both feet [spm].

    ``150.02 + 6.012 v``: twice the stride rate of 256 watch users between 1.64 and 4.68 m/s
    [vanOeveren2019]_. It is no target: step rate as such was not associated with injury there.

    Parameters
    ----------
    speed_mps : float, array or Series
        Running speed [m/s], held within 1.6 and 6.0.
    """
    (speed,), lower = lift(speed_mps)
    return lower(_reference_cadence(speed))


def steps_spm(speed: FloatArray, cadence: FloatArray) -> FloatArray:
    """Step rate to count with: as measured, else the population's at this speed [spm], shape (n,)."""
    return np.where(cadence > 0, cadence, _reference_cadence(speed))


def cadence_ratio(speed: FloatArray, cadence: FloatArray) -> FloatArray:
    """Step rate over the population's at this speed, held within 0.80 and 1.25; 1 where unknown."""
    return _ratio(_reference_cadence(speed), cadence, cadence > 0)


def _ratio(reference: FloatArray, cadence: FloatArray, measured: npt.NDArray[np.bool_]) -> FloatArray:
    ratio = np.clip(cadence / reference, *CADENCE_RATIO_BOUNDS)
    return ratio if measured.all() else np.where(measured, ratio, 1.0)


def impulse_gain(grade: FloatArray, downhill: DownhillModel) -> FloatArray:
    """Factor of a grade on impulse and mean force; 1 where the grade is unknown, shape (n,)."""
    return _gain(grade, IMPULSE_GAIN[DownhillModel(downhill)])


def peak_gain(grade: FloatArray, downhill: DownhillModel) -> FloatArray:
    """Factor of a grade on the peak force; 1 where the grade is unknown, shape (n,)."""
    return _gain(grade, PEAK_GAIN[DownhillModel(downhill)])


def _gain(grade: FloatArray, slope: float) -> FloatArray:
    left, down = _uphill_and_decline(grade)
    return left + slope * down


def _uphill_and_decline(grade: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What an incline leaves of the level load, and the decline as a positive fraction within its bound."""
    unknown = np.isnan(grade)
    known = np.where(unknown, 0.0, grade) if unknown.any() else grade
    down = np.minimum(np.maximum(-known, 0.0), GRADE_BOUND)
    left = np.maximum(UPHILL_FLOOR, 1.0 - UPHILL_SLOPE * np.maximum(known, 0.0))
    return left, down


def loads(speed: FloatArray, cadence: FloatArray, grade: FloatArray, *, downhill: DownhillModel) -> Loads:
    """Peak force, mean force and level mean force of each record [BW], in one pass over arrays.

    The same numbers as `peak_force_bw` and `load_rate_bw` without stance time, with one logarithm and
    one exponential an input instead of four powers. Give it running records only: speed is held at
    least at 1.6 m/s, so a standing record would be counted as a slow run.

    Parameters
    ----------
    speed, cadence, grade : array, shape (n,)
        Speed [m/s], steps of both feet [spm] (NaN or 0: population step rate), grade (NaN: level).
    downhill : DownhillModel
        Which downhill model.
    """
    downhill = DownhillModel(downhill)
    log_speed = _log_speed(speed)
    reference, measured = _reference_cadence(speed), cadence > 0
    ratio = _ratio(reference, cadence, measured)
    peak = BASE_PEAK_BW * np.exp(PEAK_SPEED_EXPONENT * log_speed + PEAK_CADENCE_EXPONENT * np.log(ratio))
    impulse = BASE_IMPULSE_BW_S * np.exp(IMPULSE_SPEED_EXPONENT * log_speed) / (ratio * ratio)
    level = impulse * np.where(measured, cadence, reference) / 120.0
    left, down = _uphill_and_decline(grade)
    return Loads(
        peak * (left + PEAK_GAIN[downhill] * down), level * (left + IMPULSE_GAIN[downhill] * down), level
    )


def usual(speed: FloatArray) -> Usual:
    """Level running at the population's step rate, as `loads` gives it without cadence and grade."""
    log_speed, cadence = _log_speed(speed), _reference_cadence(speed)
    return Usual(
        log_speed,
        cadence,
        BASE_PEAK_BW * np.exp(PEAK_SPEED_EXPONENT * log_speed),
        BASE_IMPULSE_BW_S * np.exp(IMPULSE_SPEED_EXPONENT * log_speed) * cadence / 120.0,
    )


def _log_speed(speed: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.clip(speed, *SPEED_BOUNDS_MPS) / REFERENCE_SPEED_MPS), dtype=np.float64)


def _shape(
    speed: FloatArray, cadence: FloatArray, speed_exponent: float, cadence_exponent: float
) -> FloatArray:
    relative = np.clip(speed, *SPEED_BOUNDS_MPS) / REFERENCE_SPEED_MPS
    return np.asarray(
        np.power(relative, speed_exponent) * np.power(cadence_ratio(speed, cadence), cadence_exponent),
        dtype=np.float64,
    )


def _stance_factor(speed: FloatArray, cadence: FloatArray, stance: FloatArray, exponent: float) -> FloatArray:
    expected = BASE_STANCE_S * _shape(speed, cadence, STANCE_SPEED_EXPONENT, STANCE_CADENCE_EXPONENT)
    ratio = np.clip(stance / expected, *STANCE_RATIO_BOUNDS)
    return np.where(np.isnan(ratio), 1.0, np.power(ratio, exponent))


def stance_gain(speed: FloatArray, cadence: FloatArray, stance: FloatArray) -> FloatArray:
    """Factor of the ground contact on impulse and mean force; 1 where it is unknown, shape (n,)."""
    return _stance_factor(speed, cadence, stance, IMPULSE_STANCE_EXPONENT)


@overload
def reference_stance_time_s(speed_mps: Number, cadence_spm: Number) -> Number: ...
@overload
def reference_stance_time_s(speed_mps: Numbers, cadence_spm: Quantity) -> FloatArray: ...
def reference_stance_time_s(speed_mps: Quantity, cadence_spm: Quantity) -> Answer:
    """Ground contact to expect at a speed and step rate: ``0.2561 (v/3)^-0.499 r^-0.652`` [s]; [RBDS]_."""
    (speed, cadence), lower = lift(speed_mps, cadence_spm)
    return lower(BASE_STANCE_S * _shape(speed, cadence, STANCE_SPEED_EXPONENT, STANCE_CADENCE_EXPONENT))


@overload
def peak_force_bw(
    speed_mps: Number,
    cadence_spm: Number = None,
    grade: Number = None,
    stance_time_s: Number = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> Number: ...
@overload
def peak_force_bw(
    speed_mps: Numbers,
    cadence_spm: Quantity = None,
    grade: Quantity = None,
    stance_time_s: Quantity = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> FloatArray: ...
def peak_force_bw(
    speed_mps: Quantity,
    cadence_spm: Quantity = None,
    grade: Quantity = None,
    stance_time_s: Quantity = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> Answer:
    """Peak patellofemoral contact force of a running step [BW].

    ``5.55 (v/3)^0.51 r^-1.8 gF(i)``, r = step rate over `reference_cadence_spm`; gF = 1 + 5.9|i|
    downhill (`article`; 4.0 `mechanics`, 0 `none`), max(0.8, 1 - i) uphill. With stance time also
    ``q^0.57``, q = stance over `reference_stance_time_s`, held within 0.85 and 1.15.

    Fitted on 26 runners (25 men), level treadmill, 2.5-4.5 m/s [RBDS]_; residual log-SD between people
    0.105. Beyond 2.0-5.0 m/s, grades of 10 % and step rates 20 % off it extrapolates.

    Parameters
    ----------
    speed_mps : float, array or Series
        Speed [m/s], held within 1.6 and 6.0.
    cadence_spm : float, array or Series, optional
        Steps of both feet a minute [spm]; null or 0 takes the population step rate.
    grade : float, array or Series, optional
        Rise over run, downhill negative; null counts as level. Declines count up to 25 %.
    stance_time_s : float, array or Series, optional
        Ground contact of one foot [s]; null leaves it out.
    downhill : DownhillModel
        What a decline adds; contested.

    Returns
    -------
    float, None or array
        Peak force [BW]; None or NaN where the speed is unknown.
    """
    (speed, cadence, slope, stance), lower = lift(speed_mps, cadence_spm, grade, stance_time_s)
    force = BASE_PEAK_BW * _shape(speed, cadence, PEAK_SPEED_EXPONENT, PEAK_CADENCE_EXPONENT)
    force = force * peak_gain(slope, downhill) * _stance_factor(speed, cadence, stance, PEAK_STANCE_EXPONENT)
    return lower(force)


@overload
def impulse_per_step_bw_s(
    speed_mps: Number,
    cadence_spm: Number = None,
    grade: Number = None,
    stance_time_s: Number = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> Number: ...
@overload
def impulse_per_step_bw_s(
    speed_mps: Numbers,
    cadence_spm: Quantity = None,
    grade: Quantity = None,
    stance_time_s: Quantity = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> FloatArray: ...
def impulse_per_step_bw_s(
    speed_mps: Quantity,
    cadence_spm: Quantity = None,
    grade: Quantity = None,
    stance_time_s: Quantity = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> Answer:
    """Patellofemoral impulse of one step of one leg [BW*s].

    ``0.519 (v/3)^0.02 r^-2.0 gI(i)``; gI = 1 + 8.0|i| downhill (`article`; 5.4 `mechanics`, 0 `none`),
    max(0.8, 1 - i) uphill; with stance time ``q^1.28``. Sample, range and parameters as in
    `peak_force_bw` [RBDS]_; residual log-SD between people 0.168.
    """
    (speed, cadence, slope, stance), lower = lift(speed_mps, cadence_spm, grade, stance_time_s)
    return lower(_impulse(speed, cadence, slope, stance, downhill))


def _impulse(
    speed: FloatArray, cadence: FloatArray, grade: FloatArray, stance: FloatArray, downhill: DownhillModel
) -> FloatArray:
    impulse = BASE_IMPULSE_BW_S * _shape(speed, cadence, IMPULSE_SPEED_EXPONENT, IMPULSE_CADENCE_EXPONENT)
    gain = impulse_gain(grade, downhill)
    return np.asarray(
        impulse * gain * _stance_factor(speed, cadence, stance, IMPULSE_STANCE_EXPONENT), dtype=np.float64
    )


@overload
def load_rate_bw(
    speed_mps: Number,
    cadence_spm: Number = None,
    grade: Number = None,
    stance_time_s: Number = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> Number: ...
@overload
def load_rate_bw(
    speed_mps: Numbers,
    cadence_spm: Quantity = None,
    grade: Quantity = None,
    stance_time_s: Quantity = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> FloatArray: ...
def load_rate_bw(
    speed_mps: Quantity,
    cadence_spm: Quantity = None,
    grade: Quantity = None,
    stance_time_s: Quantity = None,
    *,
    downhill: DownhillModel = DownhillModel.ARTICLE,
) -> Answer:
    """Mean patellofemoral force per leg over time [BW]: impulse per step x steps of one leg a second.

    About 0.75 BW at any level speed, so linear load follows running time, not distance. Its integral
    over time is the linear knee load [BW*s]. Parameters as in `peak_force_bw` [RBDS]_.
    """
    (speed, cadence, slope, stance), lower = lift(speed_mps, cadence_spm, grade, stance_time_s)
    return lower(_impulse(speed, cadence, slope, stance, downhill) * steps_spm(speed, cadence) / 120.0)


def extrapolated(speed: FloatArray, cadence: FloatArray, grade: FloatArray) -> FloatArray:
    """1 where a record lies outside what the model rests on, else 0, shape (n,).

    Outside means below 2.0 or above 5.0 m/s, steeper than 10 % either way, or a step rate more than
    20 % from the population's.
    """
    ratio = np.where(cadence > 0, cadence, np.nan) / _reference_cadence(speed)
    outside = (speed < 2.0) | (speed > 5.0) | (np.abs(grade) > 0.10) | (np.abs(ratio - 1.0) > 0.20)
    return np.asarray(outside, dtype=np.float64)
