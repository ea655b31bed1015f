"""Intervals: seeded draws of the model's parameters, shared by all activities of one athlete.

An absolute knee load is uncertain by about a third, mostly by the level of the person and the method, and
that error is the same in every run of that person. So parameters are drawn once an athlete and way of
moving, and applied to all activities alike: the interval of one activity is wide, the ratio of two is
narrow, and a spike does not drown in an error that cancels. Only what differs between two activities
(speed, step rate, descent, a missing cadence) keeps its uncertainty in their ratio.
Draws are applied to sufficient sums (`knee.sums`), never to records. The point value is always the point
model; the draws only give the interval. Under `mechanics` and `none` the downhill gain is fixed, and the
interval of each holds within that one model, never across the three.
Instead of: an interval an activity on its own, which would make every ratio look like noise.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.knee import cycling, running, walking
from kneeledger.knee.body import ASSUMED_MASS_LOG_SD
from kneeledger.knee.peak_weighted import EXPONENT, to_exponent
from kneeledger.knee.sums import (
    BINOMIAL,
    LINEAR_ORDERS,
    MOMENTS,
    PEAK_ORDERS,
    RIDE_KINDS,
    RUN_GROUPS,
    Sums,
    added,
    by_way,
    point,
    sums,
    with_cadence_line,
)
from kneeledger.model import DownhillModel, FloatArray, Value, Way

__all__ = [
    "DrawnLoads",
    "Draws",
    "RideDraws",
    "RunDraws",
    "WalkDraws",
    "added",
    "band_log_sd",
    "by_way",
    "difference_interval",
    "interval",
    "load_draws",
    "load_draws_by_model",
    "load_draws_by_way",
    "point",
    "ratio_interval",
    "sums",
    "valued",
    "valued_together",
    "with_cadence_line",
]

LEVEL_PEAK_LOG_SD = 0.11
LEVEL_IMPULSE_LOG_SD = 0.17
"""Between people, step rate known; [RBDS]_."""
LEVEL_PEAK_NO_CADENCE_LOG_SD = 0.16
LEVEL_IMPULSE_NO_CADENCE_LOG_SD = 0.24
"""Between people, step rate unknown; [RBDS]_."""
METHOD_LOG_SD = 0.15
"""Between ways of computing the joint force; project rule [Assumed]_ from 4.5 against 6.5 BW."""
PEAK_CADENCE_SD = 0.30
IMPULSE_CADENCE_SD = 0.35
"""Standard deviations of the two step-rate exponents; amid [Lenhart2014]_, [Willson2014]_, [Willson2015]_."""
SPEED_EXPONENT_SD = 0.24
"""Between people; [RBDS]_."""
GAIN_SD = 3.0
"""Of the article's impulse gain of 8.0, cut off at 0; project rule [Assumed]_."""
IMPULSE_OVER_PEAK_GAIN = 1.35
"""Ratio of the two gains of the rotated level data; [RBDS]_."""
WALKING_SLOPE_LOG_SD = 0.30
CYCLING_FORCE_LOG_SD = 0.20
CYCLING_SHAPE = (0.15, 0.29)
"""Range of mean over peak force of a pedal turn; project rule [Assumed]_."""
ESTIMATED_POWER_LOG_SD = 0.25
FALLBACK_LOG_SD = 0.50
"""Where power is estimated from speed and grade, or unknown; project rule [Assumed]_."""
BLIND_DECLINE_SD = 0.015
"""Mean decline of a route whose grade is unknown: the upper half of a normal; project rule [Assumed]_."""
LOW, HIGH = 0.05, 0.95
BLOCK = 48
"""Activities computed at a time: their draws stay in the processor's cache."""


@dataclass(frozen=True)
class RunDraws:
    """Parameters of running, arrays of shape (n_draws,)."""

    level_peak: FloatArray
    level_impulse: FloatArray
    no_cadence_peak: FloatArray
    no_cadence_impulse: FloatArray
    """What comes on top for records without a step rate."""
    peak_cadence: FloatArray
    impulse_cadence: FloatArray
    speed: FloatArray
    """Departures of the exponents from the point model."""
    gain: FloatArray
    """The article's impulse gain."""
    blind_decline: FloatArray
    other_way: FloatArray
    """Share of the doubtful records that were of the other way of moving: 0 in half of the draws."""

    @cached_property
    def by_moment(self) -> tuple[FloatArray, FloatArray]:
        """Factors of the five moments of ln r and ln(v/3) in both views, shape (5, n_draws) each."""
        linear = _of_moments(self.impulse_cadence, self.speed)
        return linear, _of_moments(EXPONENT * self.peak_cadence, EXPONENT * self.speed)


def _of_moments(cadence: FloatArray, speed: FloatArray) -> FloatArray:
    return np.stack([cadence, speed, cadence * cadence, cadence * speed, speed * speed])


@dataclass(frozen=True, slots=True)
class WalkDraws:
    """Parameters of walking, arrays of shape (n_draws,)."""

    level_peak: FloatArray
    level_impulse: FloatArray
    slope: FloatArray
    other_way: FloatArray


@dataclass(frozen=True, slots=True)
class RideDraws:
    """Parameters of cycling, arrays of shape (n_draws,)."""

    force: FloatArray
    shape: FloatArray
    mass: FloatArray
    """Factor on the load where the mass is assumed."""
    estimated: FloatArray
    fallback: FloatArray


@dataclass(frozen=True, slots=True)
class Draws:
    """Everything drawn for one athlete: the same for the same name, number and version of numpy's PCG64."""

    run: RunDraws
    walk: WalkDraws
    ride: RideDraws
    count: int

    @classmethod
    def of(cls, athlete: str, count: int = 1000) -> "Draws":
        """The draws of an athlete, seeded by name and way of moving.

        Parameters
        ----------
        athlete : str
            Name in the ledger.
        count : int
            How many, at least 2; 1,000 gives the ends of an interval to about 2 % of themselves.
        """
        if count < 2:
            message = "an interval needs at least two draws"
            raise ValueError(message)
        return _drawn(athlete, count)


@lru_cache(maxsize=8)
def _drawn(athlete: str, count: int) -> Draws:
    return Draws(
        _run_draws(_generator(athlete, Way.RUN), count),
        _walk_draws(_generator(athlete, Way.WALK), count),
        _ride_draws(_generator(athlete, Way.RIDE), count),
        count,
    )


def _generator(athlete: str, way: Way) -> np.random.Generator:
    seed = hashlib.sha256(f"knee/{athlete}/{way.value}".encode()).digest()[:8]
    return np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))


def _run_draws(rng: np.random.Generator, count: int) -> RunDraws:
    person, method, missing = rng.standard_normal((3, count))
    cadence = rng.standard_normal(count)
    gain = running.IMPULSE_GAIN[DownhillModel.ARTICLE] + GAIN_SD * rng.standard_normal(count)
    while (gain < 0).any():
        again = gain < 0
        gain[again] = running.IMPULSE_GAIN[DownhillModel.ARTICLE] + GAIN_SD * rng.standard_normal(
            int(again.sum())
        )
    more_peak = np.sqrt(LEVEL_PEAK_NO_CADENCE_LOG_SD**2 - LEVEL_PEAK_LOG_SD**2)
    more_impulse = np.sqrt(LEVEL_IMPULSE_NO_CADENCE_LOG_SD**2 - LEVEL_IMPULSE_LOG_SD**2)
    return RunDraws(
        level_peak=np.exp(LEVEL_PEAK_LOG_SD * person + METHOD_LOG_SD * method),
        level_impulse=np.exp(LEVEL_IMPULSE_LOG_SD * person + METHOD_LOG_SD * method),
        no_cadence_peak=np.exp(more_peak * missing),
        no_cadence_impulse=np.exp(more_impulse * missing),
        peak_cadence=PEAK_CADENCE_SD * cadence,
        impulse_cadence=IMPULSE_CADENCE_SD * cadence,
        speed=SPEED_EXPONENT_SD * rng.standard_normal(count),
        gain=gain,
        blind_decline=np.maximum(0.0, BLIND_DECLINE_SD * rng.standard_normal(count)),
        other_way=np.maximum(0.0, rng.uniform(-1.0, 1.0, count)),
    )


def _walk_draws(rng: np.random.Generator, count: int) -> WalkDraws:
    person, method = rng.standard_normal((2, count))
    return WalkDraws(
        level_peak=np.exp(LEVEL_PEAK_NO_CADENCE_LOG_SD * person + METHOD_LOG_SD * method),
        level_impulse=np.exp(LEVEL_IMPULSE_NO_CADENCE_LOG_SD * person + METHOD_LOG_SD * method),
        slope=np.exp(WALKING_SLOPE_LOG_SD * rng.standard_normal(count)),
        other_way=np.maximum(0.0, rng.uniform(-1.0, 1.0, count)),
    )


def _ride_draws(rng: np.random.Generator, count: int) -> RideDraws:
    return RideDraws(
        force=np.exp(CYCLING_FORCE_LOG_SD * rng.standard_normal(count)),
        shape=rng.uniform(*CYCLING_SHAPE, count) / cycling.MEAN_OVER_PEAK,
        mass=np.exp(-ASSUMED_MASS_LOG_SD * rng.standard_normal(count)),
        estimated=np.exp(ESTIMATED_POWER_LOG_SD * rng.standard_normal(count)),
        fallback=np.exp(FALLBACK_LOG_SD * rng.standard_normal(count)),
    )


def gains(draws: RunDraws, downhill: DownhillModel) -> tuple[FloatArray, FloatArray]:
    """Impulse and peak gain of each draw: drawn under `article`, fixed under the other two."""
    if downhill is DownhillModel.ARTICLE:
        return draws.gain, draws.gain / IMPULSE_OVER_PEAK_GAIN
    count = len(draws.gain)
    return (
        np.full(count, running.IMPULSE_GAIN[downhill]),
        np.full(count, running.PEAK_GAIN[downhill]),
    )


Many = Mapping[str, float] | Sequence[Mapping[str, float]] | pl.DataFrame


def load_draws(found: Many, draws: Draws, *, downhill: DownhillModel) -> tuple[FloatArray, FloatArray]:
    """Linear load [BW*s] and reference steps of each activity under each draw.

    Parameters
    ----------
    found : mapping, sequence of mappings, or frame
        Sums of one activity, of several, or a frame with a column a key and a row an activity.
    draws : Draws
        The athlete's draws.
    downhill : DownhillModel
        Which downhill model the interval is to hold within.

    Returns
    -------
    linear, peak : array
        Shape (n_draws,) for one mapping, else (n_activities, n_draws); NaN for an activity without a
        model.
    """
    parts = load_draws_by_way(found, draws, downhill=downhill)
    table = _Table(found)
    linear, peak = np.zeros((table.rows, draws.count)), np.zeros((table.rows, draws.count))
    for one_linear, one_peak in parts.values():
        linear += np.nan_to_num(one_linear).reshape(linear.shape)
        peak += np.nan_to_num(one_peak).reshape(peak.shape)
    unknown = table["seconds"] == 0.0
    linear[unknown], peak[unknown] = np.nan, np.nan
    if isinstance(found, Mapping):
        return linear[0], peak[0]
    return linear, peak


def load_draws_by_way(
    found: Many, draws: Draws, *, downhill: DownhillModel
) -> dict[Way, tuple[FloatArray, FloatArray]]:
    """As `load_draws`, for running, walking and cycling apart; NaN where a way does not occur."""
    return load_draws_by_model(found, draws, (downhill,))[DownhillModel(downhill)]


def load_draws_by_model(
    found: Many, draws: Draws, models: Sequence[DownhillModel] = tuple(DownhillModel)
) -> dict[DownhillModel, dict[Way, tuple[FloatArray, FloatArray]]]:
    """As `load_draws_by_way` under several downhill models, what they share computed once."""
    models = [DownhillModel(model) for model in models]
    table = _Table(found)
    single = isinstance(found, Mapping)

    nothing = np.full((table.rows, draws.count), np.nan)
    result: dict[DownhillModel, dict[Way, tuple[FloatArray, FloatArray]]] = {model: {} for model in models}
    for way, compute in ((Way.RUN, _run), (Way.WALK, _walk), (Way.RIDE, _ride)):
        chosen = np.flatnonzero(table[f"{way.value}/seconds"] > 0.0)
        # walking and cycling have no downhill model: one answer serves all
        asked = models if way is Way.RUN else models[:1]
        into = [(nothing, nothing)] * len(asked)
        if 0 < len(chosen) == table.rows <= BLOCK:
            into = compute(table, draws, asked)
        elif len(chosen):
            into = [(nothing.copy(), nothing.copy()) for _ in asked]
            for start in range(0, len(chosen), BLOCK):
                block = chosen[start : start + BLOCK]
                for (linear, peak), of in zip(into, compute(table.only(block), draws, asked), strict=True):
                    linear[block], peak[block] = of
        for number, model in enumerate(models):
            linear, peak = into[min(number, len(into) - 1)]
            result[model][way] = (linear[0], peak[0]) if single else (linear, peak)
    return result


class DrawnLoads(Mapping[str, tuple[FloatArray, FloatArray]]):
    """By activity, the draws of its linear and peak-weighted load, computed when they are first asked for.

    Activities are drawn by blocks of a fixed cut of the whole, so that the numbers do not depend on what was
    asked for before; those without a model are not in it.
    """

    def __init__(self, found: Sums, draws: Draws, *, downhill: DownhillModel) -> None:
        self._found = found
        self._rows = {name: row for name, row in found.places.items() if found.modelled[row]}
        self._draws, self._downhill = draws, downhill
        self._blocks: dict[int, tuple[FloatArray, FloatArray]] = {}

    def __getitem__(self, name: str) -> tuple[FloatArray, FloatArray]:
        block, row = divmod(self._rows[name], BLOCK)
        if block not in self._blocks:
            some = self._found.frame[block * BLOCK : (block + 1) * BLOCK]
            self._blocks[block] = load_draws(some, self._draws, downhill=self._downhill)
        linear, peak = self._blocks[block]
        return linear[row], peak[row]

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class _Table:
    """Sums of several activities by key, 0 where a key is missing."""

    def __init__(self, found: Many, columns: Mapping[str, FloatArray] | None = None, rows: int = 0) -> None:
        if columns is not None:
            self.columns, self.rows, self.nothing = dict(columns), rows, np.zeros(rows)
            return
        if isinstance(found, pl.DataFrame):
            self.rows, self.nothing = found.height, np.zeros(found.height)
            numbers = found.select(pl.selectors.numeric().cast(pl.Float64).fill_null(0.0).fill_nan(0.0))
            self.columns = {one.name: one.to_numpy() for one in numbers}
            return
        if isinstance(found, Mapping):
            self.rows, self.nothing = 1, np.zeros(1)
            values = np.array([list(found.values())], dtype=np.float64).T
            self.columns = dict(zip(found, values, strict=True))
            return
        several = list(found)
        self.rows, self.nothing = len(several), np.zeros(len(several))
        keys = {key for one in several for key in one}
        self.columns = {
            key: np.array([one.get(key, 0.0) for one in several], dtype=np.float64) for key in keys
        }

    def __getitem__(self, key: str) -> FloatArray:
        values = self.columns.get(key)
        return self.nothing if values is None else values

    def only(self, rows: npt.NDArray[np.intp]) -> "_Table":
        """The table of some rows."""
        if len(rows) == self.rows:
            return self
        columns = {key: values[rows] for key, values in self.columns.items()}
        return _Table({}, columns, len(rows))


def _weighted(table: _Table, stems: Sequence[str], factors: FloatArray) -> list[FloatArray | None]:
    """Sums of w exp(cadence ln r + speed ln(v/3)) over records, one a stem.

    Each has shape (rows, draws), or is None where all weights are 0. Second order in the spread within an
    activity, exact in its mean: weight times the exponential of mean plus half the variance.
    """
    live = [stem for stem in stems if table[stem + MOMENTS[0]].any()]
    if not live:
        return [None] * len(stems)
    weight, *others = (np.concatenate([table[stem + name] for stem in live]) for name in MOMENTS)
    safe = np.where(weight > 0.0, weight, 1.0)
    r, v, rr, rv, vv = (values / safe for values in others)
    terms = np.stack([r, v, 0.5 * (rr - r * r), rv - r * v, 0.5 * (vv - v * v)], axis=1)
    total = terms @ factors
    np.exp(total, out=total)
    total *= weight[:, None]
    found = dict(zip(live, total.reshape(len(live), table.rows, -1), strict=True))
    return [found.get(stem) for stem in stems]


def _run(table: _Table, draws: Draws, models: Sequence[DownhillModel]) -> list[tuple[FloatArray, FloatArray]]:
    """Linear and peak-weighted running load under each model.

    The sums by power of the decline are the same under all of them; a model is the gain of a polynomial.
    """
    drawn = draws.run
    linear_orders: list[FloatArray | None] = [None] * len(LINEAR_ORDERS)
    peak_orders: list[FloatArray | None] = [None] * len(PEAK_ORDERS)
    for group in RUN_GROUPS:
        missing = group == "no_cadence"
        if not table[f"run/{group}/linear/0/w"].any():
            continue
        for into, view, factors in zip(
            (linear_orders, peak_orders), ("linear", "peak"), drawn.by_moment, strict=True
        ):
            stems = [f"run/{group}/{view}/{order}/" for order in range(len(into))]
            for order, part in enumerate(_weighted(table, stems, factors)):
                if part is None:
                    continue
                if missing:
                    linear_view = view == "linear"
                    part *= drawn.no_cadence_impulse if linear_view else to_exponent(drawn.no_cadence_peak)
                before = into[order]
                into[order] = part if before is None else before + part
    blind, blind_peak = table["run/blind/linear"], table["run/blind/peak"]
    unsure, unsure_peak = table["run/unsure/linear"], table["run/unsure/peak"]
    level_impulse, level_peak = drawn.level_impulse, to_exponent(drawn.level_peak)
    shape = (table.rows, draws.count)
    result: list[tuple[FloatArray, FloatArray]] = []
    for model in models:
        impulse_gain, peak_gain = gains(drawn, model)
        linear = _polynomial(linear_orders, (1.0,) * len(LINEAR_ORDERS), impulse_gain, shape)
        peak = _polynomial(peak_orders, BINOMIAL, peak_gain, shape)
        if blind.any():
            linear += np.outer(blind, impulse_gain * drawn.blind_decline)
            peak += np.outer(blind_peak, _blind_peak(peak_gain, drawn.blind_decline))
        if unsure.any():
            linear += np.outer(unsure, drawn.other_way)
            peak += np.outer(unsure_peak, drawn.other_way)
        result.append((np.maximum(linear, 0.0) * level_impulse, np.maximum(peak, 0.0) * level_peak))
    return result


def _polynomial(
    orders: Sequence[FloatArray | None], factors: Sequence[float], gain: FloatArray, shape: tuple[int, int]
) -> FloatArray:
    """Sum of factor x gain^order x part, from the highest order down."""
    total: FloatArray | None = None
    high = len(orders) if gain.any() else 1
    for part, factor in zip(reversed(orders[:high]), reversed(factors[:high]), strict=True):
        if total is not None:
            total *= gain
        if part is not None:
            total = factor * part if total is None else total + factor * part
    return np.zeros(shape) if total is None else total


def _blind_peak(peak_gain: FloatArray, decline: FloatArray) -> FloatArray:
    """What an unknown descent adds to the peak-weighted load: half of the way at twice its mean decline."""
    return np.asarray(0.5 * ((1.0 + 2.0 * peak_gain * decline) ** EXPONENT - 1.0), dtype=np.float64)


def _walk(
    table: _Table, draws: Draws, models: Sequence[DownhillModel]
) -> list[tuple[FloatArray, FloatArray]]:
    drawn = draws.walk
    linear = np.outer(table["walk/linear/0"], np.ones(draws.count))
    linear += np.outer(table["walk/linear/1"], drawn.slope)
    peak = np.zeros_like(linear)
    for order in PEAK_ORDERS:
        peak += np.outer(table[f"walk/peak/{order}"], BINOMIAL[order] * drawn.slope**order)
    linear += np.outer(table["walk/unsure/linear"], drawn.other_way)
    peak += np.outer(table["walk/unsure/peak"], drawn.other_way)
    linear, peak = np.maximum(linear, 0.0), np.maximum(peak, 0.0)
    return [(linear * drawn.level_impulse, peak * drawn.level_peak**EXPONENT)] * len(models)


def _ride(
    table: _Table, draws: Draws, models: Sequence[DownhillModel]
) -> list[tuple[FloatArray, FloatArray]]:
    drawn = draws.ride
    linear, peak = np.zeros((table.rows, draws.count)), np.zeros((table.rows, draws.count))
    for kind in RIDE_KINDS:
        basis = {"power": np.ones(draws.count), "estimated": drawn.estimated, "fallback": drawn.fallback}[
            kind
        ]
        for mass, factor in (("", 1.0), ("assumed/", drawn.mass)):
            stem = f"ride/{mass}{kind}"
            if not table[f"{stem}/linear"].any():
                continue
            force = basis * factor * (1.0 if kind == "fallback" else drawn.force)
            shape = 1.0 if kind == "fallback" else drawn.shape
            linear += np.outer(table[f"{stem}/linear"], force * shape)
            peak += np.outer(table[f"{stem}/peak"], force**EXPONENT)
    return [(linear, peak)] * len(models)


def band_log_sd(way: Way, speed: FloatArray, decline: FloatArray, *, cadence_known: FloatArray) -> FloatArray:
    """Log-SD of the mean force of single records, for the band around a curve, shape (n,).

    The closed form of the draws: level and method, the speed exponent, and under `article` the gain
    (``3 d / (1 + 8 d)``, d the decline). 5-95 % is times and over ``exp(1.645 x log-SD)``.

    Parameters
    ----------
    way : Way
        Run, walk or ride.
    speed, decline : array, shape (n,)
        Speed [m/s]; decline as a positive fraction, 0 for models with a fixed gain.
    cadence_known : array, shape (n,)
        1 where the step rate was measured, else 0.
    """
    if way is Way.RIDE:
        low, high = CYCLING_SHAPE
        shape = (high - low) / np.sqrt(12.0) / cycling.MEAN_OVER_PEAK
        return np.full(len(speed), float(np.hypot(CYCLING_FORCE_LOG_SD, shape)))
    if way is Way.WALK:
        slope = walking.DOWNHILL_SLOPE * decline
        own = WALKING_SLOPE_LOG_SD * slope / (1.0 + slope)
        level = np.hypot(LEVEL_IMPULSE_NO_CADENCE_LOG_SD, METHOD_LOG_SD)
        return np.asarray(np.hypot(level, own), dtype=np.float64)
    level = np.where(cadence_known > 0, LEVEL_IMPULSE_LOG_SD, LEVEL_IMPULSE_NO_CADENCE_LOG_SD)
    away = SPEED_EXPONENT_SD * np.log(np.clip(speed, *running.SPEED_BOUNDS_MPS) / 3.0)
    gain = GAIN_SD * decline / (1.0 + running.IMPULSE_GAIN[DownhillModel.ARTICLE] * decline)
    return np.asarray(np.sqrt(level**2 + METHOD_LOG_SD**2 + away**2 + gain**2), dtype=np.float64)


def interval(draws: FloatArray) -> tuple[float, float] | None:
    """5th and 95th percentile of one quantity's draws; None where it is unknown."""
    if draws.size == 0 or not np.isfinite(draws).all():
        return None
    low, high = np.quantile(draws, (LOW, HIGH))
    return float(low), float(high)


def ratio_interval(above: FloatArray, below: FloatArray) -> tuple[float, float] | None:
    """5-95 % of a ratio formed draw by draw, so that what is shared cancels; None where undefined."""
    if not (np.isfinite(below).all() and (below > 0).all()):
        return None
    return interval(above / below)


def difference_interval(first: FloatArray, second: FloatArray) -> tuple[float, float] | None:
    """5-95 % of a difference formed draw by draw; None where undefined."""
    return interval(first - second)


def valued(value: float | None, draws: FloatArray) -> Value:
    """The point value with the interval of its draws; the interval is stretched to hold the point."""
    ends = interval(draws)
    if value is None or ends is None:
        return Value(value)
    return Value(value, min(ends[0], value), max(ends[1], value))


def valued_together(values: Sequence[float | None], draws: Sequence[FloatArray]) -> list[Value]:
    """`valued` for several quantities, the quantiles of all taken in one pass."""
    together = np.stack(draws)
    known = np.asarray(np.isfinite(together).all(axis=1))
    ordered = np.sort(together, axis=1)
    low, high = (_between(ordered, quantile).tolist() for quantile in (LOW, HIGH))
    return [
        Value(value, min(a, value), max(b, value)) if value is not None and told else Value(value)
        for value, a, b, told in zip(values, low, high, known, strict=True)
    ]


def _between(ordered: FloatArray, quantile: float) -> FloatArray:
    """A quantile of each row of numbers in order, between neighbours in proportion; shape (rows,)."""
    at = quantile * (ordered.shape[1] - 1)
    below = int(at)
    first, second = ordered[:, below], ordered[:, min(below + 1, ordered.shape[1] - 1)]
    return np.asarray(first + (second - first) * (at - below), dtype=np.float64)
