"""Sufficient sums: what is kept of an activity so that its load can be recomputed without its records.

The model's uncertain parameters enter each record as exp(a ln r + b ln(v/3)) times a polynomial in the
decline. A sum over records of such terms is known, for any a, b and gain, from a few moments of ln r and
ln(v/3) weighted by load and by powers of the decline. So an activity keeps some fifty numbers instead of
thousands of records, two thousand activities are drawn a thousand times in seconds, and weeks are sums of
sums. All are plain additive totals (a test cuts a track and adds;
only a prolonged descent that the cut divides is no longer prolonged). Step rate ratio and carried weight are
read back from the loads that preparation wrote, so whatever repair of the cadence went before is the one
that counts here.
Applying an athlete's own cadence line (decisions 13) needs no records either: `with_cadence_line` tilts
the moments of the records without cadence, ln r becoming offset + slope x ln(v/3).
Instead of: the draws per second, or a stored track for every question.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import exp, log

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.knee import cycling, running, walking
from kneeledger.knee.peak_weighted import EXPONENT, REFERENCE_PEAK_BW, to_exponent
from kneeledger.model import DownhillModel, FloatArray, Track, Way

__all__ = [
    "LINEAR_ORDERS",
    "MOMENTS",
    "PEAK_ORDERS",
    "RIDE_KINDS",
    "RUN_GROUPS",
    "Sums",
    "added",
    "by_way",
    "extrapolated_load_bw_s",
    "point",
    "sums",
    "with_cadence_line",
]

RUN_GROUPS = ("cadence", "no_cadence")
"""Running records with a step rate of their own, and those on the population line."""
LINEAR_ORDERS = (0, 1)
PEAK_ORDERS = (0, 1, 2, 3, 4)
"""Powers of the decline that occur in the linear and the peak-weighted load."""
MOMENTS = ("w", "r", "v", "rr", "rv", "vv")
"""Weight, and its products with ln r, ln(v/3) and their squares."""
_ORDERS = [("linear", order) for order in LINEAR_ORDERS] + [("peak", order) for order in PEAK_ORDERS]
_RUN_KEYS = {
    group: {
        (view, order): tuple(f"run/{group}/{view}/{order}/{name}" for name in MOMENTS)
        for view, order in _ORDERS
    }
    for group in RUN_GROUPS
}
"""Keys of the sums of each group and order, in the order of the moments."""
RIDE_KINDS = ("power", "estimated", "fallback")
"""Cycling by what its load rests on: a power meter, speed and grade, or only that it moved."""
BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)
STEEP = -0.10
PROLONGED_GRADE = -0.02
PROLONGED_S = 180.0
BRIDGED_S = 20.0
"""A prolonged descent: running below -2 % for 3 min, breaks under 20 s bridged; project rule."""

BoolArray = npt.NDArray[np.bool_]


def sums(track: Track) -> dict[str, float]:
    """Sufficient sums of one activity; only those that are not 0, so a missing key means 0.

    An activity without any modelled record gives an empty mapping: its load is unknown, not 0.
    Keys: ``run/<group>/<linear|peak>/<order>/<moment>``, ``walk/<linear|peak>/<order>``,
    ``ride/<kind>/<linear|peak>``, and the plain totals named in the code.

    Parameters
    ----------
    track : Track
        A prepared activity.
    """
    load, steps = track.array("knee_load_bw_s"), track.array("peak_weighted_steps")
    known = np.isfinite(load) & np.isfinite(steps) & track.timed
    if not known.any():
        return {}
    found = {"seconds": float(track.array("dt_s")[known].sum())}
    active = known & (load > 0)
    on_foot = {way: active & track.way_is(way) for way in (Way.RUN, Way.WALK)}
    if on_foot[Way.RUN].any():
        found |= _run(track, on_foot[Way.RUN])
    if on_foot[Way.WALK].any():
        found |= _walk(track, on_foot[Way.WALK])
    ridden = active & track.way_is(Way.RIDE)
    if ridden.any():
        found |= _ride(track, ridden)
    return {key: value for key, value in found.items() if value != 0.0}


def _run(track: Track, rows: BoolArray) -> dict[str, float]:
    speed, grade = track.array("ground_speed_mps")[rows], track.array("grade_load")[rows]
    seconds, load = track.array("dt_s")[rows], track.array("knee_load_bw_s")[rows]
    steps, level_rate = track.array("peak_weighted_steps")[rows], track.array("load_rate_level_bw")[rows]
    peak_gain = running.peak_gain(grade, track.downhill)
    level_grade = np.where(np.isnan(grade), 0.0, grade)
    decline = np.minimum(np.maximum(-level_grade, 0.0), running.GRADE_BOUND)
    usual = running.usual(speed)
    ratio, ln_r, pack = _recovered(usual, track.array("peak_force_bw")[rows] / peak_gain, level_rate)
    # the load without what the decline adds: level, with the little that an incline takes off
    linear = load / (1.0 + running.IMPULSE_GAIN[track.downhill] * decline)
    peak = steps / to_exponent(1.0 + running.PEAK_GAIN[track.downhill] * decline)
    weights = np.empty((len(_ORDERS), len(speed)))
    _by_power(linear, decline, weights[: len(LINEAR_ORDERS)])
    _by_power(peak, decline, weights[len(LINEAR_ORDERS) :])
    measured = np.abs(ln_r) > 1e-9
    basis = _moments(ln_r, usual.log_speed)
    found: dict[str, float] = {}
    for group, chosen in zip(RUN_GROUPS, (measured, ~measured), strict=True):
        if not chosen.any():
            continue
        whole = bool(chosen.all())
        totals = (basis if whole else basis[:, chosen]) @ (weights if whole else weights[:, chosen]).T
        kept = [k for k, name in enumerate(MOMENTS) if group == "cadence" or "r" not in name]
        for keys, column in zip(_RUN_KEYS[group].values(), totals.T.tolist(), strict=True):
            for k in kept:
                found[keys[k]] = column[k]
    level = level_rate * seconds
    found["run/seconds"] = float(seconds.sum())
    found["run/pack_seconds"] = float((pack * seconds).sum())
    found["run/pack4_seconds"] = float((to_exponent(pack) * seconds).sum())
    found["run/pace/linear"] = float((pack * usual.load_rate_bw * seconds).sum())
    relative = pack * usual.peak_force_bw / REFERENCE_PEAK_BW
    found["run/pace/peak"] = float((usual.cadence_spm * seconds / 120.0 * to_exponent(relative)).sum())
    found["run/level/linear"] = float(level.sum())
    found["run/level/peak"] = float((steps / to_exponent(peak_gain)).sum())
    for name, chosen in (("steep", level_grade < STEEP), ("prolonged", _prolonged(track, rows))):
        if chosen.any():
            at = len(LINEAR_ORDERS)
            parts = (weights @ chosen.astype(np.float64)).tolist()
            found[f"run/{name}/linear/1"] = parts[1]
            found |= {f"run/{name}/peak/{order}": parts[at + order] for order in PEAK_ORDERS[1:]}
    unsure = ~_sure(track)[rows]
    if unsure.any():
        v = speed[unsure]
        cadence_spm = np.where(measured, ratio * usual.cadence_spm, np.nan)[unsure]
        other = walking.loads(v, grade[unsure])
        found |= _doubt(
            "run", other, walking.steps_spm(v, cadence_spm), seconds[unsure], load[unsure], steps[unsure]
        )
    if not track.about.indoor and not track.about.virtual:
        blind = _blind(track, rows)
        found["run/blind/linear"] = float(linear[blind].sum())
        found["run/blind/peak"] = float(peak[blind].sum())
    outside = running.extrapolated(speed, ratio * usual.cadence_spm, grade)
    found["outside/linear"] = float((load * np.maximum(outside, pack > 1.0 + 1e-9)).sum())
    return found


def _blind(track: Track, rows: BoolArray) -> BoolArray:
    """Which records may have gone down unseen: their load is the level one, whatever the ground was.

    A grade that is only guessed (GPS) is there for the eye and not in the load.
    """
    if any(issue.code == "grade_unknown" for issue in track.issues):
        return np.ones(int(rows.sum()), dtype=np.bool_)
    return np.isnan(track.array("grade")[rows])


def _sure(track: Track) -> BoolArray:
    return np.asarray(track.array("way_sure") != 0.0)


def _recovered(
    usual: running.Usual, level_peak: FloatArray, level_rate: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Step rate ratio (1 exactly where none was known), its logarithm, and factor of a carried weight.

    Peak over mean force goes as r^-0.8 whatever is carried, which gives r, and the peak then the rest.
    """
    quotient = (level_peak * usual.load_rate_bw) / (level_rate * usual.peak_force_bw)
    ln_r = np.log(quotient) / (running.PEAK_CADENCE_EXPONENT - running.IMPULSE_CADENCE_EXPONENT - 1.0)
    low, high = running.CADENCE_RATIO_BOUNDS
    ln_r = np.minimum(np.maximum(ln_r, log(low)), log(high))
    ln_r[np.abs(ln_r) < 1e-9] = 0.0
    ratio = np.clip(np.exp(ln_r), low, high)
    pack = level_peak / usual.peak_force_bw * np.exp(-running.PEAK_CADENCE_EXPONENT * ln_r)
    return ratio, ln_r, pack


def _by_power(weight: FloatArray, decline: FloatArray, into: FloatArray) -> None:
    """Weight times each power of the decline from 0 on, written into an array of shape (orders, n)."""
    into[0] = weight
    for order in range(1, len(into)):
        np.multiply(into[order - 1], decline, out=into[order])


def _moments(ln_r: FloatArray, ln_v: FloatArray) -> FloatArray:
    """Rows of 1, ln r, ln(v/3) and their products, shape (6, n)."""
    rows = np.empty((len(MOMENTS), len(ln_v)))
    rows[0], rows[1], rows[2] = 1.0, ln_r, ln_v
    np.multiply(ln_r, ln_r, out=rows[3])
    np.multiply(ln_r, ln_v, out=rows[4])
    np.multiply(ln_v, ln_v, out=rows[5])
    return rows


def _doubt(
    way: str,
    other: running.Loads | walking.Loads,
    cadence: FloatArray,
    seconds: FloatArray,
    load: FloatArray,
    steps: FloatArray,
) -> dict[str, float]:
    """What the load of the doubtful records would change by if they were of the other way of moving."""
    counted = cadence * seconds / 120.0 * to_exponent(other.peak_force_bw / REFERENCE_PEAK_BW)
    return {
        f"{way}/unsure/linear": float((other.load_rate_bw * seconds - load).sum()),
        f"{way}/unsure/peak": float((counted - steps).sum()),
    }


def _prolonged(track: Track, rows: BoolArray) -> BoolArray:
    """Which of the rows lie in a prolonged descent."""
    seconds = track.filled("dt_s")
    down = rows & (track.array("grade_load") < PROLONGED_GRADE)
    long = np.zeros_like(down)
    if not down.any():
        return long[rows]
    clock = np.cumsum(seconds)
    starts, ends = _spells(~down)
    inside = (starts > 0) & (ends < len(down))
    starts, ends = starts[inside], ends[inside]
    short = clock[ends - 1] - clock[starts - 1] < BRIDGED_S
    for start, end in zip(starts[short].tolist(), ends[short].tolist(), strict=True):
        down[start:end] = rows[start:end]
    starts, ends = _spells(down)
    # a sum of two thousand seconds is exact to far less than a second
    maybe = clock[ends - 1] - clock[starts] + seconds[starts] > PROLONGED_S - 1.0
    for start, end in zip(starts[maybe].tolist(), ends[maybe].tolist(), strict=True):
        if seconds[start:end].sum() >= PROLONGED_S:
            long[start:end] = True
    return long[rows]


def _spells(flag: BoolArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    edges = np.flatnonzero(flag[1:] != flag[:-1]) + 1
    edges = np.concatenate([[0] if flag[:1].any() else [], edges, [len(flag)] if flag[-1:].any() else []])
    edges = edges.astype(np.intp)
    return edges[::2], edges[1::2]


def _walk(track: Track, rows: BoolArray) -> dict[str, float]:
    speed, grade = track.array("ground_speed_mps")[rows], track.array("grade_load")[rows]
    seconds, load = track.array("dt_s")[rows], track.array("knee_load_bw_s")[rows]
    steps = track.array("peak_weighted_steps")[rows]
    slope = walking.slope_excess(grade)
    level, level_steps = load / (1.0 + slope), steps / to_exponent(1.0 + slope)
    found = {"walk/seconds": float(seconds.sum())}
    for order in LINEAR_ORDERS:
        found[f"walk/linear/{order}"] = float((level * slope**order).sum())
    for order in PEAK_ORDERS:
        found[f"walk/peak/{order}"] = float((level_steps * slope**order).sum())
    unsure = ~_sure(track)[rows]
    if unsure.any():
        v, cadence = speed[unsure], track.array("cadence_spm")[rows][unsure]
        cadence = np.where(cadence >= 100.0, cadence, np.nan)
        other = running.loads(v, cadence, grade[unsure], downhill=track.downhill)
        found |= _doubt(
            "walk", other, running.steps_spm(v, cadence), seconds[unsure], load[unsure], steps[unsure]
        )
    found["outside/walk"] = float((load * walking.extrapolated(speed, grade)).sum())
    return found


def _ride(track: Track, rows: BoolArray) -> dict[str, float]:
    load, steps = track.array("knee_load_bw_s")[rows], track.array("peak_weighted_steps")[rows]
    basis = cycling.power_basis(
        track.array("power_w")[rows], track.array("ground_speed_mps")[rows], track.array("elapsed_s")[rows]
    )
    found = {"ride/seconds": float(track.array("dt_s")[rows].sum())}
    for kind, number in zip(RIDE_KINDS, range(3), strict=True):
        mass = "assumed/" if track.mass_assumed and kind != "fallback" else ""
        found[f"ride/{mass}{kind}/linear"] = float(load[basis == number].sum())
        found[f"ride/{mass}{kind}/peak"] = float(steps[basis == number].sum())
    return found


class Sums(Mapping[str, Mapping[str, float]]):
    """Sums of many activities by id, in order: one activity's as a mapping without what it lacks."""

    def __init__(self, frame: pl.DataFrame) -> None:
        """`frame`: ``id`` and a column a sum, null where an activity has none; a row an activity."""
        self.frame = frame
        self.places = {name: place for place, name in enumerate(frame["id"])}

    def __getitem__(self, name: str) -> dict[str, float]:
        row = self.frame.row(self.places[name], named=True)
        return {key: value for key, value in row.items() if value is not None and key != "id"}

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def columns(self) -> dict[str, FloatArray]:
        """Each sum as an array over the activities, 0 where one has none."""
        filled = self.frame.drop("id").fill_null(0.0)
        return {name: filled.get_column(name).to_numpy() for name in filled.columns}

    @cached_property
    def modelled(self) -> BoolArray:
        """Which activities have a model at all."""
        seconds = self.columns.get("seconds")
        return np.zeros(len(self), dtype=np.bool_) if seconds is None else seconds != 0.0


def added(several: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sums of a day, week or any set of activities: term by term."""
    total: dict[str, float] = {}
    for one in several:
        for key, value in one.items():
            total[key] = total.get(key, 0.0) + value
    return total


def by_way(found: Mapping[str, float], downhill: DownhillModel) -> dict[Way, tuple[float, float]]:
    """Point model of each way of moving: linear load [BW*s] and reference steps; only ways that occur."""
    gain, peak_gain = running.IMPULSE_GAIN[downhill], running.PEAK_GAIN[downhill]
    result: dict[Way, tuple[float, float]] = {}
    if "run/seconds" in found:
        linear = peak = 0.0
        for group in RUN_GROUPS:
            for (view, order), keys in _RUN_KEYS[group].items():
                weight = found.get(keys[0], 0.0)
                if view == "linear":
                    linear += gain**order * weight
                else:
                    peak += BINOMIAL[order] * peak_gain**order * weight
        result[Way.RUN] = (linear, peak)
    if "walk/seconds" in found:
        linear = sum(found.get(f"walk/linear/{order}", 0.0) for order in LINEAR_ORDERS)
        peak = sum(BINOMIAL[order] * found.get(f"walk/peak/{order}", 0.0) for order in PEAK_ORDERS)
        result[Way.WALK] = (linear, peak)
    if "ride/seconds" in found:
        stems = [f"ride/{mass}{kind}" for mass in ("", "assumed/") for kind in RIDE_KINDS]
        result[Way.RIDE] = (
            sum(found.get(f"{stem}/linear", 0.0) for stem in stems),
            sum(found.get(f"{stem}/peak", 0.0) for stem in stems),
        )
    return result


def point(found: Mapping[str, float], downhill: DownhillModel) -> tuple[float, float] | None:
    """Point model of the whole: linear load [BW*s] and reference steps; None without a model."""
    if "seconds" not in found:
        return None
    parts = by_way(found, DownhillModel(downhill)).values()
    return sum(linear for linear, _ in parts), sum(peak for _, peak in parts)


def extrapolated_load_bw_s(found: Mapping[str, float]) -> float:
    """Linear load of records outside what the model rests on [BW*s]."""
    return found.get("outside/linear", 0.0) + found.get("outside/walk", 0.0)


def with_cadence_line(found: Mapping[str, float], intercept: float, slope: float) -> dict[str, float]:
    """The same sums with the athlete's own cadence line for running records without cadence.

    ``ln c = intercept + slope x ln(v/3)``; give a line learnt from earlier runs only (decisions 13).
    Records that had a cadence do not change. Weights are tilted by exp(k ln r), k = -1 for the linear
    and -6.2 for the peak-weighted load (exponent of the step plus one for the number of steps), to the
    second order of ln(v/3) around each sum's own mean, which holds to 0.1 % over a run's speeds.

    Parameters
    ----------
    found : mapping
        Sums of `sums`.
    intercept : float
        ln(steps/min) at 3 m/s.
    slope : float
        Its rise with ln(v/3).
    """
    result = dict(found)
    before = {key: _whole(found, *key) for key in _ORDERS}
    for view, orders, power in (
        ("linear", LINEAR_ORDERS, running.IMPULSE_CADENCE_EXPONENT + 1.0),
        ("peak", PEAK_ORDERS, EXPONENT * running.PEAK_CADENCE_EXPONENT + 1.0),
    ):
        for order in orders:
            stem = f"run/no_cadence/{view}/{order}/"
            weight = result.pop(stem + "w", 0.0)
            first, second = result.pop(stem + "v", 0.0), result.pop(stem + "vv", 0.0)
            if weight <= 0.0:
                continue
            mean = first / weight
            spread = max(second / weight - mean * mean, 0.0)
            offset, tilt = _relative_line(intercept, slope, mean)
            into = f"run/cadence/{view}/{order}/"
            for name, value in _tilted(weight, mean, spread, offset, tilt, power).items():
                result[into + name] = result.get(into + name, 0.0) + value
    for view, order in _ORDERS:
        grown = _whole(result, view, order) / before[view, order] if before[view, order] > 0.0 else 1.0
        parts = ("level", "blind") if order == 0 else (f"steep/{view}/{order}", f"prolonged/{view}/{order}")
        for part in parts:
            key = f"run/{part}/{view}" if order == 0 else f"run/{part}"
            if key in result:
                result[key] *= grown
    return result


def _whole(found: Mapping[str, float], view: str, order: int) -> float:
    return sum(found.get(f"run/{group}/{view}/{order}/w", 0.0) for group in RUN_GROUPS)


def _relative_line(intercept: float, slope: float, mean: float) -> tuple[float, float]:
    """Ln r as offset + tilt x ln(v/3), the population line taken by its tangent at the mean."""
    speed = 3.0 * exp(mean)
    population = running.REFERENCE_CADENCE_SPM + running.REFERENCE_CADENCE_SLOPE * speed
    tangent = running.REFERENCE_CADENCE_SLOPE * speed / population
    tilt = slope - tangent
    offset = intercept + slope * mean - log(population) - tilt * mean
    return offset, tilt


def _tilted(
    weight: float, mean: float, spread: float, offset: float, tilt: float, power: float
) -> dict[str, float]:
    """Moments under weights times exp(power x (offset + tilt x ln(v/3))), for a normal spread."""
    grown = weight * exp(power * (offset + tilt * mean) + 0.5 * (power * tilt) ** 2 * spread)
    v = mean + power * tilt * spread
    vv = spread + v * v
    r = offset + tilt * v
    rv = offset * v + tilt * vv
    rr = offset * offset + 2.0 * offset * tilt * v + tilt * tilt * vv
    return {name: grown * value for name, value in zip(MOMENTS, (1.0, r, v, rr, rv, vv), strict=True)}
