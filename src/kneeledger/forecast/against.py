"""A course against what the athlete is used to, how much of it would be usual, and what would ease it.

The course is held against the largest single run of the 30 days before the planned day, measure by measure,
with the thresholds that findings use, and against the whole ledger. The ratio of knee loads is formed draw by
draw under the same parameters of the knee model, so that only what differs between the two runs is left in
its interval. Each way to ease the course is forecast anew instead of being read off a rule, because the two
views disagree: braking down a hill takes force off every step and adds steps.
Instead of: a score, or advice without its price in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from kneeledger.forecast.expectation import Drawn, Expected, Plan, Tilt, drawn, expected
from kneeledger.forecast.ground import Ground
from kneeledger.knee.uncertainty import Draws, interval, valued
from kneeledger.model import FloatArray, Severity, Value, Way
from kneeledger.severity import (
    DESCENT,
    DISTANCE,
    EASY_LOAD_BW,
    FLOORS,
    KNEE_LOAD,
    UNTESTED,
    Measure,
    Profile,
    at_most,
    beyond,
    judge,
    limit,
    study_band,
    thresholds,
)
from kneeledger.workload import BACK_DAYS, BACK_SHARE, WINDOW_DAYS, History

__all__ = ["DOWNHILL_LOAD", "Against", "Change", "Part", "against", "changes", "parts"]

DOWNHILL_LOAD: Final = Measure(
    "downhill_load_bw_s",
    "knee load that the descents add",
    "easy minutes",
    1.0 / EASY_LOAD_BW / 60.0,
    0,
    floor=5.0 * 60.0 * EASY_LOAD_BW,
    tested=False,
    modelled=True,
)
"""What the downhill model adds: contested, and nothing under the model `none`."""
SLOWER: Final = 0.90
QUICKER_STEPS: Final = 1.05
STEEPEST: Final = (-0.10, -0.05)
LEAST_STEEP_M: Final = 100.0


@dataclass(frozen=True, slots=True)
class Against:
    """One measure of a course against the runs before it."""

    measure: str
    label: str
    value: float
    reference: float | None
    """The largest single run of the 30 days before the planned day."""
    reference_day: date | None
    reference_id: str | None
    window_empty: bool
    """The 30 days hold none: half of the largest of 90 days stands in."""
    ratio: float | None
    low: float | None
    high: float | None
    severity: Severity | None
    shares: Mapping[str, float]
    """Share of the draws in each band: ``none``, ``note``, ``raised``, ``high``."""
    most: float | None
    """The largest single run of the whole ledger."""
    most_day: date | None
    since: date | None
    """The last day of at least as much; None where there was none."""
    tested: bool
    text: str


def against(
    history: History,
    ground: Ground,
    point: float,
    without_descents: float,
    draws: Drawn,
    *,
    on: date,
    profile: Profile | None = None,
) -> tuple[Against, ...]:
    """Each measure of a course against the athlete's runs before the planned day.

    Parameters
    ----------
    history : History
        The athlete's past.
    ground : Ground
        The course.
    point, without_descents
        Its linear knee load, and the same under the downhill model `none` [BW*s].
    draws : Drawn
        Its draws; shared with `history.draws`.
    on : date
        The planned day.
    profile : Profile, optional
        Moves the thresholds.
    """
    runs = history.outings.filter((pl.col("way") == Way.RUN.value) & (pl.col("day") < on))
    runs = runs.with_columns(
        (pl.col("knee_load_bw_s") - pl.col("knee_load_none_bw_s")).alias(DOWNHILL_LOAD.name),
        pl.coalesce("run_distance_m", "distance_m").alias(DISTANCE.name),
    )
    known = history.known(min(on - timedelta(days=1), history.newest or on))
    inside = int(known[-WINDOW_DAYS:].sum())
    values: list[tuple[Measure, float, FloatArray | None]] = [(DISTANCE, ground.distance_m, None)]
    if ground.descent_m is not None:
        values.append((DESCENT, ground.descent_m, None))
    values.append((KNEE_LOAD, point, draws.linear))
    if ground.known and not ground.coarse and point - without_descents > 0:
        values.append((DOWNHILL_LOAD, point - without_descents, None))
    return tuple(_one(history, runs, *value, on=on, known=inside, profile=profile) for value in values)


def _one(
    history: History,
    runs: pl.DataFrame,
    measure: Measure,
    value: float,
    draws: FloatArray | None,
    *,
    on: date,
    known: int,
    profile: Profile | None,
) -> Against:
    told = runs.drop_nulls(measure.name).filter(pl.col(measure.name) > 0)
    window = told.filter(pl.col("day") >= on - timedelta(days=WINDOW_DAYS))
    empty = window.is_empty()
    if empty:
        window = told.filter(pl.col("day") >= on - timedelta(days=BACK_DAYS))
    top = window.sort(measure.name, descending=True).row(0, named=True) if window.height else None
    best = told.sort(measure.name, descending=True).row(0, named=True) if told.height else None
    enough = told.filter(pl.col(measure.name) >= value)["day"].max()
    reference = float(top[measure.name]) * (BACK_SHARE if empty else 1.0) if top else None
    ratio, spread, severity = None, None, None
    shares: dict[str, float] = {}
    edges = thresholds(profile)
    if top is not None and reference is not None and reference >= measure.floor:
        ratio = value / reference
        past = _load_draws(history, top["ids"]) if draws is not None else None
        many = (
            draws / (past * (BACK_SHARE if empty else 1.0))
            if draws is not None and past is not None
            else None
        )
        spread = interval(many) if many is not None else None
        shares = _shares(many if many is not None else np.array([ratio]), edges)
    if reference is not None:
        least = history.floors.get(measure.name, measure.floor)
        severity = beyond(measure, value, reference, edges, least)
        if severity is not None and (empty or known < WINDOW_DAYS):
            severity = at_most(severity, Severity.NOTE)
    made = Against(
        measure=measure.name,
        label=measure.label,
        value=value,
        reference=reference,
        reference_day=top["day"] if top else None,
        reference_id=str(top["id"]) if top else None,
        window_empty=empty,
        ratio=ratio,
        low=min(spread[0], ratio) if spread and ratio is not None else None,
        high=max(spread[1], ratio) if spread and ratio is not None else None,
        severity=severity,
        shares=shares,
        most=float(best[measure.name]) if best else None,
        most_day=best["day"] if best else None,
        since=enough if isinstance(enough, date) else None,
        tested=measure.tested,
        text="",
    )
    return _with_text(made, measure, told, on)


def _load_draws(history: History, ids: Sequence[str]) -> FloatArray | None:
    parts = [history.draws[one][0] for one in ids if one in history.draws]
    return np.sum(parts, axis=0) if parts and len(parts) == len(ids) else None


def _shares(ratios: FloatArray, edges: Any) -> dict[str, float]:
    words = [judge(float(ratio), edges) for ratio in ratios]
    named = {"none": None, "note": Severity.NOTE, "raised": Severity.RAISED, "high": Severity.HIGH}
    return {name: sum(word is wanted for word in words) / len(words) for name, wanted in named.items()}


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _with_text(made: Against, measure: Measure, told: pl.DataFrame, on: date) -> Against:
    head = f"{measure.label[0].upper()}{measure.label[1:]}: {measure.show(made.value)}"
    if made.reference is None or made.reference_day is None:
        body = "; no run of the 90 days before tells it, so there is nothing to compare with"
    else:
        basis = (
            "half of the largest run of 90 days"
            if made.window_empty
            else "the largest run of the 30 days before"
        )
        body = f", against {measure.show(made.reference)} as {basis} ({_day(made.reference_day)})"
        if made.ratio is not None:
            body += f": {made.ratio:.1f} times"
            if made.low is not None and made.high is not None:
                body += f" ({made.low:.1f} to {made.high:.1f})"
    whole = ""
    if made.most is not None and made.most_day is not None and told.height:
        first = told["day"].min()
        if made.since is None and made.most >= measure.floor and isinstance(first, date):
            whole = (
                f" {made.value / made.most:.1f} times the most of any run since the ledger's first"
                f" ({_day(first)}; the most was on {_day(made.most_day)})."
            )
        elif made.since is not None and (on - made.since).days > WINDOW_DAYS:
            whole = f" The most since {_day(made.since)}."
    untested = "" if measure.tested or made.severity is None else f" ({UNTESTED})"
    word = f" {made.severity.value.capitalize()}{untested}." if made.severity is not None else ""
    band = (
        study_band(made.ratio)
        if measure.tested and made.severity is not None and made.ratio is not None
        else None
    )
    study = ""
    if band is not None:
        study = (
            f" In a study of 5,205 runners, runs {band.words} went with about {band.hazard_ratio:.1f} times the"
            f" injury rate (95 % {band.low:.1f} to {band.high:.1f}); an average over many injuries, not a prediction."
        )
    text = f"{head}{body}.{word}{whole}{study}"
    return Against(**{name: getattr(made, name) for name in made.__slots__} | {"text": text})


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the course whose distance, descent and knee load all stay at or below the first edge or floor."""

    kind: str
    """``from the start`` or ``anywhere``."""
    start_m: float
    end_m: float
    bound_by: str
    """The measure that would be first to go beyond."""
    whole: bool
    """All of the course."""

    @property
    def length_m(self) -> float:
        """Length [m]."""
        return self.end_m - self.start_m


def parts(
    ground: Ground,
    made: Expected,
    compared: Sequence[Against],
    *,
    profile: Profile | None = None,
    floors: Mapping[str, float] = FLOORS,
) -> tuple[Part, ...]:
    """The largest part of the course that stays within the first edge or floor: from the start, and anywhere on it.

    Within as findings and `headroom` mean it: both the edge and the measure's floor have to be passed.
    Empty where there is nothing to compare with.
    """
    edge = thresholds(profile).note
    measures = {measure.name: measure for measure in (DISTANCE, DESCENT, KNEE_LOAD)}
    series = {DISTANCE.name: ground.length_m, KNEE_LOAD.name: made.load_bw_s}
    if ground.known:
        series[DESCENT.name] = ground.fall_m
    limits = {
        one.measure: limit(measures[one.measure], one.reference, edge, floors[one.measure])
        for one in compared
        if one.reference is not None and one.measure in series
    }
    if not limits or not ground.length_m.size:
        return ()
    totals = {name: np.concatenate([[0.0], np.cumsum(series[name])]) for name in limits}
    along = np.concatenate([[0.0], np.cumsum(ground.length_m)])
    ends = {
        name: np.searchsorted(total, total + limits[name] * (1.0 + 1e-9), side="right") - 1
        for name, total in totals.items()
    }
    names = list(ends)
    table = np.stack([ends[name] for name in names])
    last = table.min(axis=0)
    best = int(np.argmax(along[last] - along))

    def part(kind: str, start: int) -> Part:
        end = int(last[start])
        bound = names[int(table[:, start].argmin())]
        return Part(kind, float(along[start]), float(along[end]), bound, start == 0 and end == along.size - 1)

    return part("from the start", 0), part("anywhere", best)


@dataclass(frozen=True, slots=True)
class Change:
    """The course with one thing done differently; changes are fractions, negative is less."""

    name: str
    label: str
    linear_bw_s: float
    steps: float
    seconds: float
    linear_change: Value
    steps_change: Value
    seconds_change: float
    most_linear: bool = False
    """Takes the most off the linear knee load."""
    most_steps: bool = False
    """Takes the most off the peak-weighted one."""


def changes(
    ground: Ground, plan: Plan, made: Expected, under: Drawn, draws: Draws, *, seed: int = 0
) -> tuple[Change, ...]:
    """Slower descents, quicker steps, walking the steepest descents: each forecast anew with equal draws.

    Parameters
    ----------
    ground, plan, made, under
        The course as planned, its point model and draws.
    draws, seed
        As they were for `under`.
    """
    tilts: list[tuple[str, str, Tilt]] = []
    if ground.length_m[ground.grade < -0.02].sum() >= LEAST_STEEP_M:
        tilts.append(("slower_descents", "descents 10 % slower", Tilt(down_speed=SLOWER)))
    tilts.append(("step_rate_105", "step rate +5 % at the same speed", Tilt(cadence=QUICKER_STEPS)))
    for edge in STEEPEST:
        steep = (ground.grade < edge) & ~made.walked
        if ground.length_m[steep].sum() >= LEAST_STEEP_M:
            length = float(ground.length_m[steep].sum())
            words = f"walking what is steeper than −{-100 * edge:.0f} % down ({length / 1000:.1f} km)"
            tilts.append(("walk_steep", words, Tilt(walk_below=edge)))
            break
    found = []
    base = plan.tilt
    for name, label, tilt in tilts:
        both = Tilt(
            base.cadence * tilt.cadence, base.down_speed * tilt.down_speed, tilt.walk_below or base.walk_below
        )
        other = plan.tilted(both)
        point = expected(ground, other)
        redrawn = drawn(ground, other, draws, seed=seed)
        linear, steps = float(point.load_bw_s.sum()), float(point.steps.sum())
        found.append(
            Change(
                name,
                label,
                linear,
                steps,
                float(point.seconds.sum()),
                valued(linear / float(made.load_bw_s.sum()) - 1.0, redrawn.linear / under.linear - 1.0),
                valued(steps / float(made.steps.sum()) - 1.0, redrawn.steps / under.steps - 1.0),
                float(point.seconds.sum() / made.seconds.sum()) - 1.0,
            )
        )
    return _ranked(found)


def _ranked(found: Sequence[Change]) -> tuple[Change, ...]:
    def of(value: Value) -> float:
        return value.value if value.value is not None else 0.0

    linear = min((of(one.linear_change) for one in found), default=0.0)
    steps = min((of(one.steps_change) for one in found), default=0.0)
    return tuple(
        Change(
            **{name: getattr(one, name) for name in one.__slots__}
            | {
                "most_linear": linear < 0 and of(one.linear_change) == linear,
                "most_steps": steps < 0 and of(one.steps_change) == steps,
            }
        )
        for one in found
    )
