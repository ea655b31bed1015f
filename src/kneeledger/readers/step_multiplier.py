"""Which cadence field of a file counts, and what turns it into steps of both feet a minute.

Files hardly ever say whether cadence counts one leg or both, and a wrong factor halves or doubles every
step. One factor is chosen for a whole field of a whole leg, never for a single point: a rule for points
("below 120 is one leg") doubles a true walk of 110. What a field usually means is a table; the table is
overruled only where its value can be neither running nor walking at the speed of the same samples and the
other value can, which no field of the 449 judged so far defeated. A window of steps is narrower than a
factor of two, so both values never fit one. Native fields come first, a developer field is used where the
native one is missing, and of a developer field its unit text decides, since native numbers are wrong in
older apps. On a bicycle cadence is pedal turns and stays what it is.
Instead of: a split by speed, or a library's ready "SPM" column.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from kneeledger.mending.rows import as_floats
from kneeledger.model import CadenceChoice, FloatArray
from kneeledger.quantiles import median

__all__ = ["RIDES", "Field", "choose", "fields", "likely_sport"]

RUNS: Final = frozenset({"running"})
WALKS: Final = frozenset({"walking", "hiking", "snowshoeing", "mountaineering"})
RIDES: Final = frozenset({"cycling", "e_biking", "hand_cycling"})
NOT_STEPS: Final = frozenset(
    {
        "swimming", "rowing", "paddling", "kayaking", "stand_up_paddleboarding", "alpine_skiing",
        "cross_country_skiing", "snowboarding", "inline_skating", "ice_skating", "sailing", "driving",
        "motorcycling", "flying", "horseback_riding", "wheelchair_push_walk", "wheelchair_push_run",
        "rafting", "surfing", "kitesurfing", "windsurfing", "diving", "golf",
    }
)  # fmt: skip
"""Sports in which the cadence field counts strokes, or nothing of the feet."""

MOVING_MPS: Final = 0.5
MIN_SAMPLES: Final = 20
"""With fewer samples the table's value is kept, and said not to be checked (formats.md 5)."""
RUN_BY_SPEED_MPS: Final = 2.0
"""Where the sport is unknown, running is tried first from this speed on [m/s]."""
AGREE: Final = 0.02
"""Steps here and strides in the file's totals should agree within this (formats.md 5)."""
LIKELY_SAMPLES: Final = 60
"""A sport is inferred from at least so many samples; project rule."""
RIDE_MPS: Final = 5.5
"""Median speed from which pedals are likelier than feet [m/s]; project rule."""
PEDAL_RPM: Final = (40.0, 120.0)
LONGEST_STEP_S: Final = 30.0
_STEPS_UNITS: Final = frozenset({"spm", "steps/min", "steps/minute", "steps per minute", "stepsperminute"})
_STRIDES_UNITS: Final = frozenset({"rpm", "strides/min", "strides/minute", "strides per minute"})
_DEVELOPER = re.compile(r"^dev:(?P<name>.*?) \[(?P<unit>.*)\]$")


@dataclass(frozen=True, slots=True)
class Window:
    """What a way of moving can be: steps of both feet a minute and the length of a step [m]."""

    name: str
    steps_spm: tuple[float, float]
    length_m: tuple[float, float]

    def holds(self, steps_spm: float, speed_mps: float | None) -> bool:
        """Whether so many steps at that speed are this way of moving; unknown speed is not asked."""
        low, high = self.steps_spm
        if not low <= steps_spm <= high:
            return False
        if speed_mps is None:
            return True
        return self.length_m[0] <= 60.0 * speed_mps / steps_spm <= self.length_m[1]


RUN: Final = Window("run", (118.0, 230.0), (0.40, 2.2))
WALK: Final = Window("walk", (80.0, 150.0), (0.30, 1.4))


@dataclass(frozen=True, slots=True)
class Field:
    """One cadence field of a file and what it usually counts."""

    column: str
    """Its column in ``Draft.records``."""
    name: str
    """Its name for a person."""
    usual: int
    """The table's factor: 2 for a field that counts one leg, 1 for both."""
    developer: bool


def fields(records: pl.DataFrame) -> list[Field]:
    """The cadence fields of a file: native ones first, then developer fields known by name and unit."""
    native = [
        Field(name, name.removeprefix("cadence:"), 2, developer=False)
        for name in records.columns
        if name.startswith("cadence:")
    ]
    return native + [found for name in records.columns if (found := _developer(name)) is not None]


def _developer(column: str) -> Field | None:
    """A developer column that is a cadence in a unit of steps or strides."""
    match = _DEVELOPER.match(column)
    if match is None or "cadence" not in match["name"].casefold():
        return None
    unit = match["unit"].strip().casefold()
    if unit in _STEPS_UNITS:
        return Field(column, column.removeprefix("dev:"), 1, developer=True)
    if unit in _STRIDES_UNITS:
        return Field(column, column.removeprefix("dev:"), 2, developer=True)
    return None


def choose(
    records: pl.DataFrame,
    speed_mps: FloatArray | None,
    step_s: FloatArray,
    *,
    sport: str,
    total_cycles: float | None = None,
) -> CadenceChoice:
    """The cadence field of a leg that counts, its factor, and why.

    Parameters
    ----------
    records
        Rows of one leg, with ``cadence:`` and ``dev:`` columns as written.
    speed_mps
        Speed of the same rows, NaN where unknown [m/s], shape (n,); None where there is none.
    step_s
        Time each row stands for, 0 across a pause [s], shape (n,).
    sport
        Sport of the leg.
    total_cycles
        Strides or pedal turns the device counted over the leg.

    Returns
    -------
    CadenceChoice
        `field` is the column, null where no field can be used; `multiplier` is null with it.

    Notes
    -----
    The rule of formats.md 5: with ``c`` the median of non-zero cadence at more than 0.5 m/s, ``v`` the
    median speed there and ``s = k c``, a run has ``s`` 118 to 230 and ``60 v / s`` 0.40 to 2.2 m, a walk
    80 to 150 and 0.30 to 1.4 m. ``k`` is 1 or 2.
    """
    found = fields(records)
    if sport in RIDES:
        return _ride(records, found)
    if sport in NOT_STEPS:
        reason = f"cadence of {sport.replace('_', ' ')} does not count steps" if found else "no cadence field"
        return CadenceChoice(None, None, reason)
    used, values = _used(records, found)
    if used is None or values is None:
        return CadenceChoice(None, None, "no cadence in the file" if not found else "cadence is always 0")
    factor, reason = _factor(used, values, speed_mps, sport)
    if len(found) > 1:
        others = ", ".join(field.name for field in found if field is not used)
        reason += f"; also in the file: {others}"
    if factor is None:
        return CadenceChoice(None, None, reason)
    agreement = _agreement(values, factor, step_s, total_cycles)
    return CadenceChoice(used.column, factor, reason + agreement)


def likely_sport(records: pl.DataFrame, speed_mps: FloatArray | None) -> str:
    """The sport of a leg whose file names none, by cadence and speed together; ``unknown`` where in doubt.

    Faster than a runner at a pedal's cadence is a ride. On foot the same windows decide as for the factor:
    a run has at least 140 steps a minute and 1.8 m/s, a walk at most 135 and 2.2 m/s (G8 of formats.md).
    """
    used, values = _used(records, fields(records))
    if used is None or values is None or speed_mps is None:
        return "unknown"
    moving = (values > 0) & (np.nan_to_num(speed_mps) > MOVING_MPS)
    if moving.sum() < LIKELY_SAMPLES:
        return "unknown"
    raw, speed = float(np.median(values[moving])), float(np.median(speed_mps[moving]))
    if speed >= RIDE_MPS and PEDAL_RPM[0] <= raw <= PEDAL_RPM[1]:
        return "cycling"
    for factor in (used.usual, 3 - used.usual):
        steps = factor * raw
        if RUN.holds(steps, speed) and steps >= 140.0 and speed >= 1.8:
            return "running"
        if WALK.holds(steps, speed) and steps <= 135.0 and speed <= 2.2:
            return "walking"
    return "unknown"


def _ride(records: pl.DataFrame, found: list[Field]) -> CadenceChoice:
    used, _ = _used(records, found)
    if used is None:
        return CadenceChoice(
            None, None, "no cadence in the file" if not found else "cadence is always 0", "rpm"
        )
    return CadenceChoice(used.column, 1, f"{used.name}: pedal turns, untouched", "rpm")


def _used(records: pl.DataFrame, found: list[Field]) -> tuple[Field | None, FloatArray | None]:
    """The field that counts: the native one with most samples, a developer field where that has none."""
    best: tuple[int, Field | None, FloatArray | None] = (0, None, None)
    for developer in (False, True):
        for field in found:
            if field.developer is developer:
                values = _values(records, field.column)
                count = 0 if values is None else int((values > 0).sum())
                if count > best[0]:
                    best = (count, field, values)
        if best[1] is not None:
            break
    return best[1], best[2]


def _values(records: pl.DataFrame, column: str) -> FloatArray | None:
    """A column as numpy, 0 where null: zero and null are both no step."""
    series = records.get_column(column)
    if not series.dtype.is_numeric():
        return None
    values = as_floats(series).to_numpy()
    return values if np.isfinite(values).all() else np.nan_to_num(values, nan=0.0)


def _factor(
    field: Field, values: FloatArray, speed_mps: FloatArray | None, sport: str
) -> tuple[int | None, str]:
    """The factor of a field, None where neither fits, and the reason in words."""
    use = values > 0
    speed: float | None = None
    if speed_mps is not None:
        moving = use & (speed_mps > MOVING_MPS)
        if moving.sum() >= MIN_SAMPLES or not np.isnan(speed_mps).all():
            use = moving
            speed = median(speed_mps[moving]) if moving.any() else None
    each = "one leg" if field.usual == 2 else "both feet"
    if use.sum() < MIN_SAMPLES:
        return (
            field.usual,
            f"{field.name}: usually {each}, ×{field.usual}; not checked, fewer than 20 samples",
        )
    raw = median(values[use])
    at = "" if speed is None else f" at {speed:.2f} m/s"
    for factor in (field.usual, 3 - field.usual):
        for window in _windows(sport, speed):
            if window.holds(factor * raw, speed):
                why = (
                    f"usually {each}" if factor == field.usual else f"usually {each}, which fits no gait here"
                )
                return factor, f"{field.name}: {raw:.0f}{at} ×{factor} fits a {window.name}; {why}"
    return None, f"{field.name}: {raw:.0f}{at} fits neither a run nor a walk, as one leg or both; not used"


def _windows(sport: str, speed_mps: float | None) -> tuple[Window, Window]:
    """Ways of moving in the order in which they are tried."""
    if sport in RUNS:
        return RUN, WALK
    if sport in WALKS:
        return WALK, RUN
    return (RUN, WALK) if speed_mps is None or speed_mps >= RUN_BY_SPEED_MPS else (WALK, RUN)


def _agreement(values: FloatArray, factor: int, step_s: FloatArray, total_cycles: float | None) -> str:
    """How the steps of the records compare with the strides of the totals, in words."""
    if not total_cycles:
        return ""
    steps = float(np.sum(values * factor / 60.0 * np.clip(step_s, 0.0, LONGEST_STEP_S)))
    ratio = steps / (2.0 * total_cycles)
    differ = round(100 * (ratio - 1), 1) + 0.0
    if abs(ratio - 1.0) <= AGREE:
        return (
            f"; agrees with the device's strides ({differ:+.1f} %)"
            if differ
            else "; agrees with the device's strides"
        )
    return f"; the device's strides differ ({differ:+.1f} %)"
