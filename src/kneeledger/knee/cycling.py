"""Patellofemoral load of cycling, from the work of each leg per pedal turn.

Two studies agree that the peak force rises with the work per turn, and disagree on step rate: one saw no
effect of pedalling rate [Ericson1987]_, the other a fall of 29 % from 70 to 90 rpm [Bini2013]_. The model
follows the second, at 17 N per joule of one leg's work per turn, between the 15.1 of the one and the 19
of the other. Records of watches are noisy where it hurts most: a surge at 3 rpm, an artefact of pairing,
would rule the peak-weighted view of a whole ride. So power and step rate are averaged over 5 s, pairs
beyond 6 body weights never enter the average, and step rate counts as at least 40 rpm.
Saddle height is left out: within usual settings no effect was seen. The level is uncertain by a factor
of about 2, which is why running and cycling are stacked in the report and never fused.
Instead of: one exchange rate between cycling and running, which varies fifty-fold with the exponent.
"""

from collections.abc import Callable
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from kneeledger.knee.arrays import Answer, Number, Numbers, Quantity, lift
from kneeledger.knee.body import GRAVITY_MPS2
from kneeledger.model import FloatArray

__all__ = [
    "ASSUMED_CADENCE_RPM",
    "FALLBACK_RATE_BW",
    "FORCE_PER_WORK_N_PER_J",
    "MEAN_OVER_PEAK",
    "PEAK_BOUND_BW",
    "POWER_BOUND_W",
    "RideLoads",
    "averaged",
    "estimated_power_w",
    "load_rate_bw",
    "loads",
    "peak_force_bw",
    "power_basis",
]

FORCE_PER_WORK_N_PER_J = 17.0
"""Peak force over one leg's work per turn [N/J]; between 15.1 [Ericson1987]_ and 19 [Bini2013]_."""
MEAN_OVER_PEAK = 0.22
"""Mean force per leg over peak; range 0.15-0.29, project rule [Assumed]_."""
ASSUMED_CADENCE_RPM = 80.0
"""Pedal turns a minute where none were recorded [rpm]; project rule [Assumed]_."""
CADENCE_FLOOR_RPM = 40.0
"""Least step rate in the work per turn [rpm]; project rule [Assumed]_."""
COASTING_W = 10.0
"""At or below this power nobody pedals [W]; project rule [Assumed]_."""
POWER_BOUND_W = 2000.0
"""Power beyond this is not believed [W]; project rule [Assumed]_."""
PEAK_BOUND_BW = 6.0
"""A peak beyond this is not believed [BW]; project rule [Assumed]_."""
FALLBACK_RATE_BW = 0.30
"""Mean force per leg while moving where neither power nor speed is known [BW]; [Assumed]_."""
WINDOW_S = 5.0
"""Power and step rate are averaged over this [s]; project rule [Assumed]_."""
ROLLING_RESISTANCE = 0.005
DRAG_AREA_M2 = 0.38
DRIVE_EFFICIENCY = 0.97
BICYCLE_MASS_KG = 9.0
AIR_DENSITY_KG_M3 = 1.2
"""Rider and bicycle where no power meter is: project rule [Assumed]_."""

BoolArray = npt.NDArray[np.bool_]


class RideLoads(NamedTuple):
    """What preparation needs of each riding record, arrays of shape (n,)."""

    peak_force_bw: FloatArray
    load_rate_bw: FloatArray
    cadence_rpm: FloatArray
    """Step rate to count turns with: averaged, assumed 80 where unknown, 0 while coasting."""
    power_estimated: BoolArray
    """Where the power was estimated from speed and grade, or nothing but moving is known."""
    refused: int
    """Records whose own power or peak was beyond the bounds; they count with their neighbours' mean."""


def _peak(power: FloatArray, cadence: FloatArray, mass: FloatArray) -> FloatArray:
    turns = np.where(np.isnan(cadence), ASSUMED_CADENCE_RPM, cadence)
    work = 30.0 * power / np.maximum(turns, CADENCE_FLOOR_RPM)
    force = FORCE_PER_WORK_N_PER_J * work / (mass * GRAVITY_MPS2)
    force = np.where((turns <= 0) | (power <= COASTING_W), 0.0, force)
    refused = (power > POWER_BOUND_W) | (force > PEAK_BOUND_BW)
    return np.where(np.isnan(power) | np.isnan(mass) | refused, np.nan, force)


@overload
def peak_force_bw(power_w: Number, cadence_rpm: Number, mass_kg: Number) -> Number: ...
@overload
def peak_force_bw(power_w: Numbers, cadence_rpm: Quantity, mass_kg: Quantity) -> FloatArray: ...
def peak_force_bw(power_w: Quantity, cadence_rpm: Quantity, mass_kg: Quantity) -> Answer:
    """Peak patellofemoral contact force of a pedal turn [BW].

    ``17 W / (m g)`` with W = 30 P / rpm, one leg's work per turn [J], legs taken as equal. 6 men at
    120 W and 60 rpm had 905 N [Ericson1987]_; 12 cyclists 19 N/J [Bini2013]_.

    Parameters
    ----------
    power_w : float, array or Series
        Crank power of both legs [W]. At or below 10 W: coasting, 0. Beyond 2,000 W: unknown.
    cadence_rpm : float, array or Series
        Pedal turns a minute [rpm]; null counts as 80, 0 as coasting, anything below 40 as 40.
    mass_kg : float, array or Series
        Body mass [kg].

    Returns
    -------
    float, None or array
        Peak force [BW]; None or NaN where power or mass is unknown or the peak exceeds 6 BW.
    """
    (power, cadence, mass), lower = lift(power_w, cadence_rpm, mass_kg)
    return lower(_peak(power, cadence, mass))


@overload
def load_rate_bw(power_w: Number, cadence_rpm: Number, mass_kg: Number) -> Number: ...
@overload
def load_rate_bw(power_w: Numbers, cadence_rpm: Quantity, mass_kg: Quantity) -> FloatArray: ...
def load_rate_bw(power_w: Quantity, cadence_rpm: Quantity, mass_kg: Quantity) -> Answer:
    """Mean patellofemoral force per leg over time [BW]: 0.22 of the peak. Parameters as `peak_force_bw`."""
    (power, cadence, mass), lower = lift(power_w, cadence_rpm, mass_kg)
    return lower(MEAN_OVER_PEAK * _peak(power, cadence, mass))


@overload
def estimated_power_w(
    speed_mps: Number, grade: Number, mass_kg: Number, *, drag_area_m2: float = ..., bicycle_kg: float = ...
) -> Number: ...
@overload
def estimated_power_w(
    speed_mps: Numbers,
    grade: Quantity,
    mass_kg: Quantity,
    *,
    drag_area_m2: float = ...,
    bicycle_kg: float = ...,
) -> FloatArray: ...
def estimated_power_w(
    speed_mps: Quantity,
    grade: Quantity,
    mass_kg: Quantity,
    *,
    drag_area_m2: float = DRAG_AREA_M2,
    bicycle_kg: float = BICYCLE_MASS_KG,
) -> Answer:
    """Crank power estimated from speed and grade [W]: rolling + gravity + drag, at least 0.

    Still air, no acceleration, hard tyres: right for a climb, rough elsewhere; the evidence word of
    everything that rests on it is "estimated" [Assumed]_.

    Parameters
    ----------
    speed_mps : float, array or Series
        Speed [m/s].
    grade : float, array or Series
        Rise over run; null counts as level.
    mass_kg : float, array or Series
        Rider's mass [kg].
    drag_area_m2 : float
        Drag coefficient x frontal area [m^2].
    bicycle_kg : float
        Mass of the bicycle [kg].
    """
    (speed, slope, mass), lower = lift(speed_mps, grade, mass_kg)
    return lower(_road_power(speed, slope, mass, drag_area_m2, bicycle_kg))


def _road_power(
    speed: FloatArray, grade: FloatArray, mass: FloatArray, drag_area_m2: float, bicycle_kg: float
) -> FloatArray:
    slope = np.where(np.isnan(grade), 0.0, grade)
    weight = (mass + bicycle_kg) * GRAVITY_MPS2
    force = weight * (ROLLING_RESISTANCE + slope) / np.sqrt(1.0 + slope * slope)
    drag = 0.5 * AIR_DENSITY_KG_M3 * drag_area_m2 * speed * speed
    return np.asarray(np.maximum(0.0, (force + drag) * speed / DRIVE_EFFICIENCY), dtype=np.float64)


def averaged(values: FloatArray, elapsed_s: FloatArray, *, window_s: float = WINDOW_S) -> FloatArray:
    """Mean of the known values within half a window to each side in time, shape (n,).

    Parameters
    ----------
    values : array, shape (n,)
        What to average; NaN is left out, and a window without any gives NaN.
    elapsed_s : array, shape (n,)
        Time of each value [s], non-decreasing; where NaN the value stays as it is.
    window_s : float
        Whole width of the window [s].
    """
    return _averaging(elapsed_s, window_s)(values)


def _averaging(elapsed_s: FloatArray, window_s: float = WINDOW_S) -> Callable[[FloatArray], FloatArray]:
    """`averaged` for several series at the same times, whose windows are looked up once."""
    timed = ~np.isnan(elapsed_s)
    if not timed.all():
        inner = _averaging(elapsed_s[timed], window_s)

        def where_timed(values: FloatArray) -> FloatArray:
            result = values.copy()
            result[timed] = inner(values[timed])
            return result

        return where_timed
    first = np.searchsorted(elapsed_s, elapsed_s - window_s / 2, side="left")
    last = np.searchsorted(elapsed_s, elapsed_s + window_s / 2, side="right")

    def mean(values: FloatArray) -> FloatArray:
        known = ~np.isnan(values)
        whole = bool(known.all())
        total, count = np.zeros(len(values) + 1), np.arange(len(values) + 1)
        np.cumsum(values if whole else np.where(known, values, 0.0), out=total[1:])
        if not whole:
            np.cumsum(known, out=count[1:])
        held = count[last] - count[first]
        return np.where(held > 0, (total[last] - total[first]) / np.maximum(held, 1), np.nan)

    return mean


def loads(
    power: FloatArray,
    cadence: FloatArray,
    speed: FloatArray,
    grade: FloatArray,
    elapsed_s: FloatArray,
    mass_kg: float,
) -> RideLoads:
    """Loads of each riding record, from the best that is known: power, else speed and grade, else moving.

    Parameters
    ----------
    power, cadence : array, shape (n,)
        Crank power [W] and pedal turns a minute [rpm] as recorded, NaN where missing.
    speed, grade : array, shape (n,)
        Ground speed [m/s] and grade, used where there is no power.
    elapsed_s : array, shape (n,)
        Time since the start [s].
    mass_kg : float
        Body mass [kg].
    """
    mass = np.float64(mass_kg)
    turns = np.where(np.isnan(cadence), ASSUMED_CADENCE_RPM, np.maximum(cadence, CADENCE_FLOOR_RPM))
    own = FORCE_PER_WORK_N_PER_J * 30.0 * power / turns / (mass * GRAVITY_MPS2)
    refused = (power > POWER_BOUND_W) | ((own > PEAK_BOUND_BW) & (power > COASTING_W))
    mean = _averaging(elapsed_s)
    measured, rate = mean(np.where(refused, np.nan, power)), mean(np.where(refused, np.nan, cadence))
    estimated = np.isnan(measured)
    used = measured
    if estimated.any():
        road = _road_power(speed, grade, np.asarray(mass), DRAG_AREA_M2, BICYCLE_MASS_KG)
        used = np.where(estimated, mean(road), measured)
    peak = _peak(used, rate, np.asarray(mass))
    unknown = np.isnan(used)
    fallback = np.where(rate == 0.0, 0.0, FALLBACK_RATE_BW / MEAN_OVER_PEAK)
    peak = np.where(unknown, fallback, peak)
    pedalled = np.where(np.isnan(rate), ASSUMED_CADENCE_RPM, rate)
    pedalled = np.where(peak == 0, 0.0, pedalled)
    return RideLoads(peak, MEAN_OVER_PEAK * peak, pedalled, estimated, int(refused.sum()))


def power_basis(power: FloatArray, speed: FloatArray, elapsed_s: FloatArray) -> npt.NDArray[np.int64]:
    """What each record's load rests on: 0 a power meter, 1 speed and grade, 2 only that it moved.

    Parameters as in `loads`.
    """
    if not np.isnan(power).any():
        return np.zeros(len(power), dtype=np.int64)
    metered = ~np.isnan(averaged(power, elapsed_s))
    return np.where(metered, 0, np.where(np.isnan(speed), 2, 1)).astype(np.int64)
