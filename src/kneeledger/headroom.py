"""How much more before it is a spike: ceilings for tomorrow and the week after, from the athlete's own 30 days.

The ceiling of a session is the largest of its kind in the 30 days before the day it is planned for, plus the
first edge of `severity` (10 %, less with a profile) or the measure's floor (1 km, 100 m down, 10 easy minutes),
whichever is more. That is the rule of findings, so that a session up to the ceiling is never a finding and one
above it is. Each of the next days has its own window: a long run that drops out of the 30 days takes its
room with it. The week's room is knee load, told also in the athlete's usual mix of ways. If the newest file is
more than 3 days old nobody knows what was done since, so both readings are given: rested, and as usual.
Ceilings are not targets. A plan's knee load is estimated from the athlete's own load per kilometre; the forecast of
a course is more exact.
Instead of: one number of "remaining load", or silence about the days nobody recorded.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
import polars as pl

from kneeledger.errors import ConfigError
from kneeledger.model import Severity, Way
from kneeledger.severity import (
    DESCENT,
    DISTANCE,
    KNEE_LOAD,
    Measure,
    Profile,
    Thresholds,
    beyond,
    limit,
    study_band,
    thresholds,
)
from kneeledger.workload import BACK_DAYS, BACK_SHARE, WINDOW_DAYS, History

__all__ = [
    "FRESH_DAYS",
    "Ceiling",
    "DayRoom",
    "Effect",
    "Headroom",
    "Planned",
    "Reading",
    "WeekRoom",
    "headroom",
    "parse_plan",
]

FRESH_DAYS: Final = 3
"""A newest file older than this leaves the days since unknown [days]."""
AHEAD_DAYS: Final = 8
"""The day after the as-of day and the 7 after it."""
KINDS: Final = (
    (Way.RUN, DISTANCE),
    (Way.RUN, DESCENT),
    (Way.RUN, KNEE_LOAD),
    (Way.RIDE, KNEE_LOAD),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """One planned run."""

    distance_m: float | None = None
    descent_m: float | None = None
    duration_s: float | None = None

    @property
    def words(self) -> str:
        """As a person would say it."""
        parts = []
        if self.distance_m is not None:
            parts.append(f"{self.distance_m / 1000:g} km")
        if self.descent_m is not None:
            parts.append(f"{self.descent_m:g} m down")
        if self.duration_s is not None:
            parts.append(f"{self.duration_s / 60:g} min")
        return ", ".join(parts)


UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "km": ("distance_m", 1000.0),
    "mi": ("distance_m", 1609.344),
    "m": ("descent_m", 1.0),
    "ft": ("descent_m", 0.3048),
    "min": ("duration_s", 60.0),
    "h": ("duration_s", 3600.0),
}
PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


def parse_plan(text: str) -> tuple[Planned, ...]:
    """The sessions of a plan: ``10km,200m`` is one run of 10 km with 200 m of descent.

    Parameters
    ----------
    text : str
        Parts with a unit, separated by commas: km or mi (distance), m or ft (descent), min or h (duration). A
        semicolon, or a kind that is already told, begins the next session: ``10km,200m; 60min`` and
        ``10km,12km`` are two.

    Raises
    ------
    ConfigError
        A part has no known unit, or is not above 0.
    """
    sessions: list[Planned] = []
    for group in text.split(";"):
        current: dict[str, float] = {}
        for part in filter(None, (piece.strip().lower() for piece in group.split(","))):
            match = PART.fullmatch(part)
            if match is None or match[2] not in UNITS or float(match[1]) <= 0:
                raise ConfigError(
                    f"plan: {part!r} is not understood.", hint='Write it as "10km,200m" or "60min".'
                )
            kind, scale = UNITS[match[2]]
            if kind in current:
                sessions.append(Planned(**current))
                current = {}
            current[kind] = float(match[1]) * scale
        if current:
            sessions.append(Planned(**current))
    if not sessions:
        raise ConfigError("plan: nothing is planned.", hint='Write it as "10km,200m".')
    return tuple(sessions)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most of one measure on one day that is no spike."""

    way: Way
    measure: str
    reference: float | None
    """Largest of the 30 days before that day, in stored units; None where there is nothing to go by."""
    limit: float | None
    against: str | None
    """Activity that set the reference."""
    against_day: date | None
    window_empty: bool
    """The reference is half the 90-day largest."""
    text: str


@dataclass(frozen=True, slots=True)
class DayRoom:
    """The ceilings of one day to come."""

    day: date
    known_days: int
    """Known days among the 30 before it, days to come not counted."""
    ceilings: tuple[Ceiling, ...]


@dataclass(frozen=True, slots=True)
class WeekRoom:
    """Knee load of the next 7 days that stays at or below +10 % of the mean week of the last 28 days."""

    usual_bw_s: float | None
    limit_bw_s: float | None
    mix: Mapping[str, float]
    """The limit in the usual mix: ``run_distance_m``, ``ride_time_s``, ``walk_time_s``, ``descent_m``."""
    known_days: int
    text: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What one planned session would do on the first day to come."""

    session: Planned
    measure: str
    value: float
    reference: float | None
    ratio: float | None
    severity: Severity | None
    estimated: bool
    """The value is not in the plan but estimated from the athlete's own runs."""
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the days since the newest file."""

    name: Literal["as recorded", "rested", "as usual"]
    days: tuple[DayRoom, ...]
    week: WeekRoom
    plan: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Headroom:
    """How much more, from an as-of day."""

    as_of: date
    newest: date | None
    readings: tuple[Reading, ...]
    """One, or two where the newest file is more than 3 days old; none where a referral stands."""
    edges: Thresholds
    text: str


def headroom(
    history: History,
    as_of: date,
    *,
    profile: Profile | None = None,
    plan: str | Sequence[Planned] = (),
    referral: str | None = None,
) -> Headroom:
    """The room for the day after the as-of day and the 7 after it.

    Parameters
    ----------
    history : History
        Nothing after `as_of` is looked at.
    as_of : date
    profile : Profile, optional
        Lowers the ceilings with the thresholds.
    plan : str or sequence of Planned
        See `parse_plan`.
    referral : str, optional
        The text of a red flag in the pain log (`symptoms.referral`): replaces every ceiling.
    """
    edges = thresholds(profile)
    past = history.until(as_of)
    newest = past.newest
    if referral is not None:
        return Headroom(as_of, newest, (), edges, referral)
    if newest is None:
        return Headroom(
            as_of, None, (), edges, "Nothing is recorded up to this day: there is nothing to go by."
        )
    sessions = parse_plan(plan) if isinstance(plan, str) else tuple(plan)
    away = (as_of - newest).days
    names: tuple[Literal["as recorded", "rested", "as usual"], ...] = ("as recorded",)
    text = "Ceilings, not targets."
    if away > FRESH_DAYS:
        names = ("rested", "as usual")
        text = (
            f"The newest file is {away} days old; the days since are unknown. Both readings: rested since then, and "
            f"as usual. {text}"
        )
    known = past.known(as_of)
    if known.size < WINDOW_DAYS:
        text = f"Building baseline: {known.size} of 30 days since the first file. {text}"
    if profile is not None and profile.sentence:
        text = f"{text} {profile.sentence}"
    readings = tuple(_reading(past, as_of, newest, name, edges, sessions) for name in names)
    return Headroom(as_of, newest, readings, edges, text)


def _reading(
    past: History,
    as_of: date,
    newest: date,
    name: Literal["as recorded", "rested", "as usual"],
    edges: Thresholds,
    sessions: tuple[Planned, ...],
) -> Reading:
    slide = (as_of - newest).days if name == "as usual" else 0
    days = tuple(
        _day_room(past, as_of, as_of + timedelta(days=ahead), edges, slide)
        for ahead in range(1, AHEAD_DAYS + 1)
    )
    effects = tuple(effect for session in sessions for effect in _effects(past, session, days[0], edges))
    return Reading(name, days, _week_room(past, as_of, newest, name, edges), effects)


def _day_room(past: History, as_of: date, day: date, edges: Thresholds, slide: int) -> DayRoom:
    """Ceilings of a day; `slide` moves the window back over days taken to have been as usual."""
    start = day - timedelta(days=WINDOW_DAYS + slide)
    known = past.known(as_of)
    inside = known[-max(WINDOW_DAYS - (day - as_of).days + 1, 0) :]
    ceilings = [_ceiling(past, way, measure, start, edges) for way, measure in KINDS]
    return DayRoom(day, int(inside.sum()), tuple(item for item in ceilings if item is not None))


def _ceiling(past: History, way: Way, measure: Measure, start: date, edges: Thresholds) -> Ceiling | None:
    of_way = past.outings.filter(pl.col("way") == way.value).drop_nulls(measure.name)
    window = of_way.filter(pl.col("day") >= start)
    share, empty = 1.0, False
    if not window.height:
        window = of_way.filter(pl.col("day") >= start - timedelta(days=BACK_DAYS - WINDOW_DAYS))
        share, empty = BACK_SHARE, True
    if not window.height:
        if way is not Way.RUN:
            return None
        text = f"{measure.label.capitalize()}: no run of the last 90 days tells it; nothing to go by."
        return Ceiling(way, measure.name, None, None, None, None, window_empty=True, text=text)
    row = window.row(int(window[measure.name].arg_max() or 0), named=True)
    reference = share * float(row[measure.name])
    least = past.floors[measure.name]
    most = limit(measure, reference, edges.note, least)
    kind = "run" if way is Way.RUN else "ride"
    since = f"{row['day'].day} {row['day']:%B %Y}"
    basis = "half of the largest of 90 days" if empty else "the largest of its 30 days"
    untested = "" if measure.tested else " (untested extension)"
    text = (
        f"{measure.label.capitalize()} of a {kind}: up to {measure.show(most)}{untested}; {basis} is "
        f"{measure.show(reference)} ({since})."
    )
    if most > reference * (1.0 + edges.note):
        text += f" Up to {measure.show(least)} beyond it is never told."
    return Ceiling(
        way, measure.name, reference, most, str(row["id"]), row["day"], window_empty=empty, text=text
    )


MIX: Final = ("run_distance_m", "ride_time_s", "walk_time_s", "descent_m")


def _week_room(past: History, as_of: date, newest: date, name: str, edges: Thresholds) -> WeekRoom:
    """Room of the next 7 days against the mean week of the 28 days up to the as-of day.

    As usual: the 28 days up to the newest file stand for those since; rested: the days since count as 0.
    """
    last = newest if name == "as usual" else as_of
    series = past.series(last, (KNEE_LOAD.name, *MIX))
    if series is None or series.known.size < 28:
        return WeekRoom(None, None, {}, 0, "The week's room is told from 28 known days on.")
    load = series.values[KNEE_LOAD.name][-28:].copy()
    values = {mix: series.values[mix][-28:].copy() for mix in MIX}
    if name == "rested":
        since = (as_of - newest).days
        for array in (load, *values.values()):
            array[max(28 - since, 0) :] = 0.0
    known = np.isfinite(load)
    count = int(known.sum())
    if count < 21:
        text = f"Only {count} of the last 28 days {'is' if count == 1 else 'are'} known: too few to tell the week's room."
        return WeekRoom(None, None, {}, count, text)
    usual = float(load[known].mean()) * 7.0
    if usual < KNEE_LOAD.floor:
        text = "The usual week is nearly nothing: no room is made of it; go by the single sessions."
        return WeekRoom(usual, None, {}, count, text)
    most = usual * (1.0 + edges.note)
    mix = {
        key: float(np.nanmean(array)) * 7.0 * (1.0 + edges.note)
        for key, array in values.items()
        if np.isfinite(array).any() and np.nanmean(array) > 0
    }
    lost = 28 - count
    unknown = f" {lost} of the last 28 days {'is' if lost == 1 else 'are'} unknown." if lost else ""
    text = (
        f"The next 7 days: up to {KNEE_LOAD.show(most)} of knee load, all ways (the mean week is "
        f"{KNEE_LOAD.show(usual)}){_mix_words(mix)}. For weeks this edge is an untested extension.{unknown}"
    )
    return WeekRoom(usual, most, mix, count, text)


def _mix_words(mix: Mapping[str, float]) -> str:
    words = []
    if "run_distance_m" in mix:
        words.append(f"{DISTANCE.show(mix['run_distance_m'])} of running")
    if "descent_m" in mix:
        words.append(f"{DESCENT.show(mix['descent_m'])} down")
    if "ride_time_s" in mix:
        words.append(f"{mix['ride_time_s'] / 60:.0f} min of cycling")
    if "walk_time_s" in mix:
        words.append(f"{mix['walk_time_s'] / 60:.0f} min of walking")
    return f", in your usual mix {', '.join(words)}" if words else ""


def _effects(past: History, session: Planned, day: DayRoom, edges: Thresholds) -> list[Effect]:
    """What a planned run would be on the first day to come, by each measure that can be told."""
    full, estimated = _complete(past, session, day.day)
    ceilings = {item.measure: item for item in day.ceilings if item.way is Way.RUN}
    values = {DISTANCE.name: full.distance_m, DESCENT.name: full.descent_m}
    values[KNEE_LOAD.name] = _load(past, full, day.day)
    effects = []
    for measure in (DISTANCE, DESCENT, KNEE_LOAD):
        value, ceiling = values[measure.name], ceilings.get(measure.name)
        if value is None or ceiling is None:
            continue
        guess = measure is KNEE_LOAD or measure.name in estimated
        effects.append(_effect(past, session, measure, value, ceiling, edges, estimated=guess))
    return effects


def _effect(
    past: History,
    session: Planned,
    measure: Measure,
    value: float,
    ceiling: Ceiling,
    edges: Thresholds,
    *,
    estimated: bool,
) -> Effect:
    about = "about " if estimated else ""
    head = f"{session.words}: {measure.label} {about}{measure.show(value)}"
    reference = ceiling.reference
    if reference is None:
        text = f"{head}; nothing to go by."
        return Effect(session, measure.name, value, None, None, None, estimated, text)
    severity = beyond(measure, value, reference, edges, past.floors[measure.name])
    ratio = value / reference if reference >= measure.floor else None
    change = "" if ratio is None else f" ({ratio - 1:+.0%})".replace("%", " %")
    where = "within the room" if severity is None else "more than you are used to"
    largest = "half of the 90-day largest" if ceiling.window_empty else "the 30-day largest"
    text = f"{head}, against {measure.show(reference)} as {largest}{change}: {where}."
    band = study_band(ratio) if ratio is not None and measure.tested and severity is not None else None
    if band is not None:
        text += (
            f" In a study of 5,205 runners such runs went with about {band.hazard_ratio:.1f} times the injury rate "
            f"(95 % {band.low:.1f} to {band.high:.1f}); an average over many injuries, not a prediction."
        )
    return Effect(session, measure.name, value, reference, ratio, severity, estimated, text)


def _recent_runs(past: History, day: date) -> pl.DataFrame:
    """Runs of the 42 days before with a distance and a load."""
    return past.outings.filter(
        (pl.col("way") == Way.RUN.value)
        & (pl.col("day") >= day - timedelta(days=42))
        & (pl.col("distance_m") > 500)
    )


def _complete(past: History, session: Planned, day: date) -> tuple[Planned, frozenset[str]]:
    """The session with its distance from its time at the athlete's own median pace, where only time is given."""
    if session.distance_m is not None or session.duration_s is None:
        return session, frozenset()
    pace = (
        (_recent_runs(past, day)["duration_s"] / _recent_runs(past, day)["distance_m"]).drop_nulls().median()
    )
    if not isinstance(pace, float) or pace <= 0:
        return session, frozenset()
    return replace(session, distance_m=session.duration_s / pace), frozenset({DISTANCE.name})


def _load(past: History, session: Planned, day: date) -> float | None:
    """Knee load from the athlete's own load per kilometre on the level and own gain per metre of descent."""
    if session.distance_m is None:
        return None
    runs = _recent_runs(past, day).drop_nulls(["distance_m", "knee_load_bw_s"])
    if runs.height < 3:
        return None
    level = runs["knee_load_none_bw_s"].fill_null(runs["knee_load_bw_s"])
    per_metre = float(np.median((level / runs["distance_m"]).to_numpy()))
    whole = float(np.median((runs["knee_load_bw_s"] / runs["distance_m"]).to_numpy()))
    downhill = runs.drop_nulls(["descent_m", "knee_load_none_bw_s"])
    drop = float(downhill["descent_m"].sum())
    if session.descent_m is None or drop < 10 * DESCENT.floor / 5:
        return session.distance_m * whole
    gain = max(float((downhill["knee_load_bw_s"] - downhill["knee_load_none_bw_s"]).sum()), 0.0) / drop
    return session.distance_m * per_metre + session.descent_m * gain
