"""What made the load of an activity or a week what it is, in parts that add up to it exactly.

Running records are compared with the same time at the athlete's usual pace and step rate on the level,
then one thing after the other is put back: the real pace, the real step rate, the descents, the inclines
(decisions 21). The order is fixed, because the parts of a product depend on it. Walking and cycling stand
whole. Parts may be negative: a quick step rate takes load off. Each part is a sum over records that the
sufficient sums already hold, so a week and a run are decomposed alike and without records.
The two views need not agree on a sign: a faster pace adds to the peak-weighted load and hardly moves the
linear one. Pace is described, never advised.
Instead of: shares of a regression, which need not add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kneeledger.knee import running
from kneeledger.knee.peak_weighted import EXPONENT, REFERENCE_PEAK_BW
from kneeledger.knee.sums import BINOMIAL, RUN_GROUPS, Sums, by_way, sums
from kneeledger.model import DownhillModel, FloatArray, Track, Way

__all__ = ["PARTS", "Part", "Usual", "changed_sign", "from_sums", "of_track", "running_linear"]

PARTS = ("duration", "pace", "cadence", "downhill", "uphill", "walking", "cycling")


@dataclass(frozen=True, slots=True)
class Usual:
    """What an athlete's running is compared with."""

    speed_mps: float = 3.0
    """Usual pace [m/s], held within 1.6 and 6.0."""
    cadence_ratio: float = 1.0
    """Usual step rate over the population's at the same speed, held within 0.80 and 1.25."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the whole, in both views."""

    name: str
    linear_bw_s: float
    peak_weighted_steps: float


def of_track(track: Track, usual: Usual = Usual()) -> tuple[Part, ...]:
    """Parts of one activity under its own downhill model; empty without a model."""
    return from_sums(sums(track), usual, downhill=track.downhill)


def from_sums(
    found: Mapping[str, float], usual: Usual = Usual(), *, downhill: DownhillModel
) -> tuple[Part, ...]:
    """Parts of an activity, a day or a week from its sufficient sums.

    Parameters
    ----------
    found : mapping
        Sums of `knee.sums`, added over activities or not.
    usual : Usual
        Usual pace and step rate; the population's until the athlete's own are known.
    downhill : DownhillModel
        Which downhill model.

    Returns
    -------
    tuple of Part
        One for each of `PARTS`, in order; each view sums to the point model. Empty without a model.
    """
    downhill = DownhillModel(downhill)
    if "seconds" not in found:
        return ()
    whole = by_way(found, downhill)
    walk, ride = whole.get(Way.WALK, (0.0, 0.0)), whole.get(Way.RIDE, (0.0, 0.0))
    linear = _running_parts(found, "linear", usual, downhill)
    peak = _running_parts(found, "peak", usual, downhill)
    linear += [walk[0], ride[0]]
    peak += [walk[1], ride[1]]
    return tuple(Part(*row) for row in zip(PARTS, linear, peak, strict=True))


def running_linear(found: Sums, usual: Usual, *, downhill: DownhillModel) -> dict[str, FloatArray]:
    """The running parts of the linear load of many activities at once [BW*s]; NaN without a model.

    The first five of `PARTS`, each with a value an activity, as `from_sums` gives them.
    """
    parts = _running_parts(found.columns, "linear", usual, DownhillModel(downhill))
    nothing = np.where(found.modelled, 0.0, np.nan)
    return {name: part + nothing for name, part in zip(PARTS, parts, strict=False)}


def _running_parts(found: Mapping[str, Any], view: str, usual: Usual, downhill: DownhillModel) -> list[Any]:
    """Duration, pace, cadence, downhill, uphill of the running records in one view.

    Numbers where the sums are those of one activity, arrays where they are of many.
    """
    if "run/seconds" not in found:
        return [0.0] * 5
    low, high = running.CADENCE_RATIO_BOUNDS
    ratio = min(max(usual.cadence_ratio, low), high)
    rate_spm, peak_force_bw, load_rate_bw = _level(usual.speed_mps, ratio)
    factors: tuple[float, ...]
    if view == "linear":
        duration = found["run/pack_seconds"] * load_rate_bw
        power = running.IMPULSE_CADENCE_EXPONENT + 1.0
        gain, factors = running.IMPULSE_GAIN[downhill], (1.0, 1.0)
    else:
        relative = peak_force_bw / REFERENCE_PEAK_BW
        duration = found["run/pack4_seconds"] * rate_spm / 120.0 * relative**EXPONENT
        power = EXPONENT * running.PEAK_CADENCE_EXPONENT + 1.0
        gain, factors = running.PEAK_GAIN[downhill], BINOMIAL
    paced = found[f"run/pace/{view}"] * ratio**power
    flat = found[f"run/level/{view}"]
    sloped = sum(found.get(f"run/{group}/{view}/0/w", 0.0) for group in RUN_GROUPS)
    down = sum(
        factor * gain**order * found.get(f"run/{group}/{view}/{order}/w", 0.0)
        for group in RUN_GROUPS
        for order, factor in enumerate(factors)
        if order
    )
    return [duration, paced - duration, flat - paced, down, sloped - flat]


@lru_cache(maxsize=64)
def _level(speed_mps: float, ratio: float) -> tuple[float, float, float]:
    """Step rate [spm], peak and mean force [BW] of level running at a pace and step rate ratio."""
    speed = np.array([speed_mps])
    rate = ratio * running.steps_spm(speed, np.array([np.nan]))
    level = running.loads(speed, rate, np.array([0.0]), downhill=DownhillModel.NONE)
    return float(rate[0]), float(level.peak_force_bw[0]), float(level.load_rate_bw[0])


def changed_sign(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Names of parts that add in one view and take off in the other, each beyond 1 % of its whole."""
    linear = abs(sum(part.linear_bw_s for part in parts)) or 1.0
    peak = abs(sum(part.peak_weighted_steps for part in parts)) or 1.0
    return tuple(
        part.name
        for part in parts
        if part.linear_bw_s * part.peak_weighted_steps < 0
        and abs(part.linear_bw_s) > 0.01 * linear
        and abs(part.peak_weighted_steps) > 0.01 * peak
    )
