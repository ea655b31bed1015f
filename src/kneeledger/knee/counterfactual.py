"""What would have taken load off: the article's levers on an activity or a week that has been.

The same running at a higher step rate (each step less, but more of them), without its steep or its
prolonged descents (the same time on the level instead), shorter, or a week with one run swapped. Each
answer comes from the sufficient sums with the athlete's own draws, before and after under the same
parameters, so the interval of the change is narrow where the level is not. Speed is held; nothing here
suggests running faster or slower. It says what the model would say, not what the knee would feel.
Instead of: rules of thumb such as "10 % more steps, 16 % less load", which is the peak and not the sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kneeledger.knee import running
from kneeledger.knee.peak_weighted import EXPONENT
from kneeledger.knee.sums import BINOMIAL, PEAK_ORDERS, by_way, point
from kneeledger.knee.uncertainty import Draws, gains, load_draws, load_draws_by_way, valued
from kneeledger.model import DownhillModel, FloatArray, Value, Way

__all__ = ["Lever", "levers", "shorter", "step_rate", "swapped", "without"]

Pair = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Lever:
    """Load with one thing changed, and the change as a fraction of the load as it was."""

    name: str
    label: str
    """For a person."""
    linear: Value
    """Linear knee load [BW*s]."""
    peak: Value
    """Peak-weighted load [reference steps]."""
    linear_change: Value
    """Fraction of the linear load; negative is less."""
    peak_change: Value
    step_force_change: Value
    """Fraction of the peak force of a running step, null for levers other than step rate."""


def levers(
    found: Mapping[str, float], draws: Draws, *, downhill: DownhillModel, shorter_by: float = 0.20
) -> tuple[Lever, ...]:
    """Every lever that applies: step rate where there was running, descents where there were any.

    Parameters
    ----------
    found : mapping
        Sums of an activity, or of a week (`knee.sums.added`).
    draws : Draws
        The athlete's draws.
    downhill : DownhillModel
        Which downhill model; the descents' levers rest on it and are contested.
    shorter_by : float
        Fraction to take off the duration.
    """
    found_all: list[Lever | None] = [
        step_rate(found, 1.05, draws, downhill=downhill),
        step_rate(found, 1.10, draws, downhill=downhill),
        without(found, "steep", draws, downhill=downhill),
        without(found, "prolonged", draws, downhill=downhill),
        shorter(found, shorter_by, draws, downhill=downhill),
    ]
    return tuple(lever for lever in found_all if lever is not None)


def step_rate(
    found: Mapping[str, float], factor: float, draws: Draws, *, downhill: DownhillModel
) -> Lever | None:
    """The same running at the same speed with the step rate times `factor`; None without running.

    Peak force goes as factor^-1.8, the linear load as factor^-1 (each step factor^-2, but more steps),
    the peak-weighted as factor^-6.2. Valid within the model's bounds of the step rate ratio.
    """
    parts = by_way(found, downhill)
    if Way.RUN not in parts:
        return None
    linear_power = running.IMPULSE_CADENCE_EXPONENT + 1.0
    peak_power = EXPONENT * running.PEAK_CADENCE_EXPONENT + 1.0
    drawn = load_draws_by_way(found, draws, downhill=downhill)[Way.RUN]
    run = parts[Way.RUN]
    less = (run[0] * (1.0 - factor**linear_power), run[1] * (1.0 - factor**peak_power))
    less_drawn = (
        drawn[0] * (1.0 - factor ** (linear_power + draws.run.impulse_cadence)),
        drawn[1] * (1.0 - factor ** (peak_power + EXPONENT * draws.run.peak_cadence)),
    )
    step = factor**running.PEAK_CADENCE_EXPONENT - 1.0
    step_drawn = factor ** (running.PEAK_CADENCE_EXPONENT + draws.run.peak_cadence) - 1.0
    percent = f"{100.0 * (factor - 1.0):+.0f} %".replace("-", "−")
    return _lever(
        f"step_rate_{round(100 * factor)}",
        f"step rate {percent} at the same speed",
        found,
        (draws, downhill),
        less,
        less_drawn,
        valued(step, step_drawn),
    )


def without(found: Mapping[str, float], which: str, draws: Draws, *, downhill: DownhillModel) -> Lever | None:
    """The same running with its `steep` (below -10 %) or `prolonged` (3 min below -2 %) descents level.

    Time, speed and step rate are kept; only what the decline adds goes. None where there are none.
    """
    downhill = DownhillModel(downhill)
    amount = found.get(f"run/{which}/linear/1", 0.0)
    if amount <= 0.0:
        return None
    peaks = [found.get(f"run/{which}/peak/{order}", 0.0) for order in PEAK_ORDERS]

    def taken(impulse: FloatArray, peak: FloatArray) -> Pair:
        counted = sum(
            (BINOMIAL[order] * peak**order * peaks[order] for order in PEAK_ORDERS[1:]), np.zeros_like(peak)
        )
        return impulse * amount, counted

    fixed = taken(np.array([running.IMPULSE_GAIN[downhill]]), np.array([running.PEAK_GAIN[downhill]]))
    linear, peak = taken(*gains(draws.run, downhill))
    level = (draws.run.level_impulse, draws.run.level_peak**EXPONENT)
    words = {"steep": "steep descents (below −10 %)", "prolonged": "prolonged descents (over 3 min)"}
    return _lever(
        f"without_{which}",
        f"without its {words[which]}: level instead",
        found,
        (draws, downhill),
        (float(fixed[0][0]), float(fixed[1][0])),
        (linear * level[0], peak * level[1]),
    )


def shorter(
    found: Mapping[str, float], share: float, draws: Draws, *, downhill: DownhillModel
) -> Lever | None:
    """The same activity cut by a share of its length, evenly; None without a model."""
    if not 0.0 < share < 1.0:
        message = "a share to leave out lies between 0 and 1"
        raise ValueError(message)
    whole = point(found, downhill)
    if whole is None:
        return None
    drawn = load_draws(found, draws, downhill=downhill)
    return _lever(
        f"shorter_{round(100 * share)}",
        f"{100 * share:.0f} % shorter",
        found,
        (draws, downhill),
        (whole[0] * share, whole[1] * share),
        (drawn[0] * share, drawn[1] * share),
    )


def swapped(
    week: Mapping[str, float],
    run: Mapping[str, float],
    draws: Draws,
    *,
    downhill: DownhillModel,
    instead: Mapping[str, float] | None = None,
    label: str = "one run swapped",
) -> Lever | None:
    """A week with one of its activities left out, or replaced by another; None without a model.

    Parameters
    ----------
    week, run : mapping
        Sums of the week and of the activity in it to leave out.
    instead : mapping, optional
        Sums of what is done in its place; a rest day where left out.
    """
    downhill = DownhillModel(downhill)
    other = instead or {}
    gone = point(run, downhill)
    if gone is None or point(week, downhill) is None:
        return None
    new = point(other, downhill) or (0.0, 0.0)
    out, into = load_draws(run, draws, downhill=downhill), load_draws(other, draws, downhill=downhill)
    return _lever(
        "swapped",
        label,
        week,
        (draws, downhill),
        (gone[0] - new[0], gone[1] - new[1]),
        (out[0] - np.nan_to_num(into[0]), out[1] - np.nan_to_num(into[1])),
    )


def _lever(
    name: str,
    label: str,
    found: Mapping[str, float],
    under: tuple[Draws, DownhillModel],
    less: tuple[float, float],
    less_drawn: Pair,
    step_force_change: Value | None = None,
) -> Lever | None:
    """The load with something taken off, in both views, as point and draws."""
    whole = point(found, under[1])
    if whole is None:
        return None
    drawn = load_draws(found, under[0], downhill=under[1])
    values, changes = [], []
    for before, off, before_drawn, off_drawn in zip(whole, less, drawn, less_drawn, strict=True):
        values.append(valued(before - off, before_drawn - off_drawn))
        changes.append(_change(before, off, before_drawn, off_drawn))
    step = step_force_change or Value(None)
    return Lever(name, label, values[0], values[1], changes[0], changes[1], step)


def _change(before: float, off: float, before_drawn: FloatArray, off_drawn: FloatArray) -> Value:
    if before <= 0.0 or not (before_drawn > 0.0).all():
        return Value(None)
    return valued(-off / before, -off_drawn / before_drawn)
