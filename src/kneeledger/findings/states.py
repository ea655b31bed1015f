"""Days and weeks as of a day: the sum of all ways of moving, and what is new in it.

Mixed totals are compared by day and week only, because a run and a ride have no common measure of "longest". A
week counts one band lower than a session: nothing was found for week-to-week change in the largest study, and
ratios of weeks swing with any rest week. A new stimulus is what was rare in the 28 days before the last 7 and
now matters: the article's "started biking to work" is the case it is for. Strength sessions are told by
number alone; no knee load is invented for them.
Instead of: an acute:chronic ratio with a red zone.
"""

import math
from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np

from kneeledger import plurals
from kneeledger.findings import downhill_models
from kneeledger.findings.view import View, day_words, noun, per_cent
from kneeledger.model import DownhillModel, Evidence, Finding, FloatArray, Severity, Way
from kneeledger.severity import DESCENT, KNEE_LOAD, at_most, beyond, easy_minutes, limit
from kneeledger.workload import WINDOW_DAYS, percentile_of_weeks, ratio_interval

__all__ = ["day_total", "new_steep", "new_stimulus", "new_strength", "week"]

LEAST_KNOWN: Final = 21
"""Known days of the 28 before the last 7, under which nothing is said of a week (project rule)."""
LEAST_DAYS: Final = 35
"""Days of history before weeks are compared."""
FRESH_DAYS: Final = 3
"""Statements about the last 7 days need a file this young [days]."""
WEEK_FLOORS: Final = 3
"""Least excess of a week: 30 easy minutes (project rule)."""
HIGH_WEEK: Final = 90.0
"""Percentile of own last 26 weeks from which a week stands out (project rule)."""
NEW_SHARE: Final = 0.15
NEW_COUNT: Final = 2
NEW_TIMES: Final = 3.0

WAYS: Final[Mapping[str, str]] = {"run": "running", "walk": "walking", "ride": "cycling", "other": "other"}


def _fresh(view: View) -> bool:
    newest = view.newest_activity
    return newest is not None and (view.as_of - newest).days <= FRESH_DAYS


def _window(view: View, values: FloatArray) -> tuple[float, float] | None:
    """Sum of the last 7 days and the mean week of days t-34 to t-7; None where too little is known."""
    if values.size < LEAST_DAYS:
        return None
    now, past = values[-7:], values[-35:-7]
    there = past[np.isfinite(past)]
    if not np.isfinite(now).all() or there.size < LEAST_KNOWN:
        return None
    return float(now.sum()), float(there.mean()) * 7.0


def _usual_load(view: View) -> tuple[float, float] | None:
    if not _fresh(view):
        return None
    series = view.series(KNEE_LOAD.name)
    return None if series is None else _window(view, series.values[KNEE_LOAD.name])


def week(view: View) -> list[Finding]:
    """The last 7 days' knee load, all ways, against the mean week of the 28 days before."""
    both = _usual_load(view)
    if both is None:
        return []
    now, usual = both
    severity = beyond(KNEE_LOAD, now, usual, view.edges, _least_of_week(view))
    if severity in (None, Severity.NOTE):
        return []
    series = view.series(KNEE_LOAD.name)
    assert series is not None
    percentile = float(percentile_of_weeks(series.values[KNEE_LOAD.name][-7 * 28 :])[-1])
    if percentile < HIGH_WEEK:
        return []
    severity = Severity.RAISED if severity is Severity.HIGH and percentile > HIGH_WEEK else Severity.NOTE
    holds = downhill_models.held_by(view.history, lambda column: _week_stands(view, column))
    if DownhillModel.NONE not in holds and downhill_models.one_sided(view.acts.rows[view.span(0, 34)]):
        return []
    if _unsure_share(view, now - usual) or holds == (DownhillModel.ARTICLE,):
        severity = Severity.NOTE
    interval = _week_interval(view)
    low, high = interval if interval is not None and usual >= KNEE_LOAD.floor else (None, None)
    top, cause = _top(view, now - usual)
    return [
        Finding(
            code="WK001",
            severity=severity,
            date=view.as_of,
            activity=None,
            measure="week_knee_load_bw_s",
            value=now,
            reference=usual,
            ratio=now / usual if usual >= KNEE_LOAD.floor else None,
            low=low,
            high=high,
            text=_week_text(view, now, usual, percentile, (low, high), holds),
            why=f"{top} Up to {KNEE_LOAD.show(_week_room(view, usual))} in 7 days it would have stayed below.",
            evidence=Evidence.MODELLED,
            sources=("Frandsen2025", "Nielsen2014"),
            holds_under=holds,
            cause=cause,
        )
    ]


def _load_of(view: View, span: slice, column: str) -> float:
    """Linear load of the activities of a span under the model of a column [BW s]; what has none counts as it is."""
    rows = view.acts.rows[span]
    loads = [row[KNEE_LOAD.name] if row[column] is None else row[column] for row in rows]
    return math.fsum(float(load) for load in loads if load is not None)  # type: ignore[arg-type]


def _week_stands(view: View, column: str) -> bool:
    """Whether the 7 days pass the second edge and the floor under one downhill model."""
    now = _load_of(view, view.span(0, 6), column)
    usual = _load_of(view, view.span(7, 34), column) / int(view.known[-35:-7].sum()) * 7.0
    return beyond(KNEE_LOAD, now, usual, view.edges, _least_of_week(view)) not in (None, Severity.NOTE)


def _week_room(view: View, usual: float) -> float:
    return limit(KNEE_LOAD, usual, view.edges.raised, _least_of_week(view))


def _least_of_week(view: View) -> float:
    return WEEK_FLOORS * view.history.floors[KNEE_LOAD.name]


def _week_text(
    view: View,
    now: float,
    usual: float,
    percentile: float,
    interval: tuple[float | None, float | None],
    holds: tuple[DownhillModel, ...],
) -> str:
    difference = easy_minutes(now - usual)
    text = (
        f"The 7 days to {day_words(view.as_of)} asked {KNEE_LOAD.show(now)} of the knees, {difference:.0f} more than "
        f"the mean week of the 28 days before ({KNEE_LOAD.show(usual)})."
    )
    if usual >= KNEE_LOAD.floor and interval[0] is not None and interval[1] is not None:
        text += f" That is {now / usual:.1f} times, between {interval[0]:.2f} and {interval[1]:.2f} (90 % interval)."
    if math.isfinite(percentile):
        share = "each" if percentile >= 100 else f"{percentile:.0f} %"
        text += f" It is above {share} of your own last 26 weeks."
    if holds == (DownhillModel.ARTICLE,):
        text += f" {downhill_models.ONLY_ARTICLE}"
    lost = int((~view.known[-35:]).sum())
    if lost:
        text += f" {lost} of the last 35 days {'is' if lost == 1 else 'are'} unknown."
    modelless = view.series("sessions_without_load", "sessions_strength")
    if modelless is not None:
        without = np.nansum(modelless.values["sessions_without_load"][-7:])
        strength = np.nansum(modelless.values["sessions_strength"][-7:])
        if without:
            kind = "session" if strength < without else "strength session"
            what = plurals.count(int(without), f"{kind}, which has", f"{kind}s, which have")
            text += f" Without {what} no knee model."
    return (
        f"{text} The bands of single runs are lent to weeks one step lower; for weeks they are an untested extension."
        f" {view.profile.sentence}"
    ).strip()


def _unsure_share(view: View, excess: float) -> bool:
    """Whether the excess rests on cycling with assumed mass or estimated power."""
    span = view.span(0, 6)
    doubtful = view.acts.load[span][view.acts.unsure[span]]
    return float(np.nansum(doubtful)) > 0.5 * excess


def _week_interval(view: View) -> tuple[float, float] | None:
    draws = view.history.draws
    sums: list[FloatArray] = []
    for span in (view.span(0, 6), view.span(7, 34)):
        total: FloatArray | None = None
        for row, load in zip(view.acts.rows[span], view.acts.load[span], strict=True):
            draw = draws.get(str(row["id"]))
            if draw is None:
                if math.isfinite(load):
                    return None
                continue
            total = draw[0] if total is None else total + draw[0]
        if total is None:
            return None
        sums.append(total)
    known = int(view.known[-35:-7].sum())
    return ratio_interval(sums[0], sums[1], 7.0 / known)


def _top(view: View, excess: float) -> tuple[str, str]:
    """The three largest activities of the 7 days, the ways they are of, and what cause that makes."""
    span = view.span(0, 6)
    load = np.nan_to_num(view.acts.load[span])
    total = float(load.sum())
    if total <= 0:
        return "", "week"
    order = np.argsort(-load, kind="stable")[:3]
    rows = view.acts.rows[span]
    names = [
        f"{noun(rows[k])} of {_short(rows[k]['day'])} {100 * load[k] / total:.0f} %"
        for k in order
        if load[k] > 0
    ]
    ways = [
        f"{WAYS[way]} {100 * float(load[view.acts.way[span] == way].sum()) / total:.0f} %"
        for way in WAYS
        if load[view.acts.way[span] == way].sum() > 0
    ]
    split = f" By way of moving: {', '.join(ways)}." if len(ways) > 1 else ""
    down = _downhill(rows, total)
    biggest = int(order[0])
    cause = f"outing:{rows[biggest]['id']}" if load[biggest] > 0.5 * total else "week"
    return f"Most of it: {', '.join(names)}.{split}{down}", cause


def _downhill(rows: object, total: float) -> str:
    extra = 0.0
    for row in rows:  # type: ignore[attr-defined]
        if row["knee_load_none_bw_s"] is None or row["knee_load_bw_s"] is None:
            continue
        extra += float(row["knee_load_bw_s"]) - float(row["knee_load_none_bw_s"])
    return f" Downhill added {100 * extra / total:.0f} % of it (contested)." if extra > 0.05 * total else ""


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def day_total(view: View) -> list[Finding]:
    """A day of several outings against the highest day of the 30 before, all ways together."""
    series = view.series(KNEE_LOAD.name, "sessions")
    if series is None or not _fresh(view):
        return []
    found = []
    load, counts = series.values[KNEE_LOAD.name], series.values["sessions"]
    for back in range(min(view.days, load.size)):
        spot = load.size - 1 - back
        if not counts[spot] >= 2 or spot < WINDOW_DAYS:
            continue
        before = load[spot - WINDOW_DAYS : spot]
        before = before[np.isfinite(before)]
        if before.size < WINDOW_DAYS - 3 or not math.isfinite(load[spot]):
            continue
        found += _day(view, view.as_of.fromordinal(view.as_of.toordinal() - back), load[spot], before.max())
    return found


def _day(view: View, day: date, now: float, most: float) -> list[Finding]:
    now, most = float(now), float(most)
    least = view.history.floors[KNEE_LOAD.name]
    severity = beyond(KNEE_LOAD, now, most, view.edges, least)
    if severity is None:
        return []
    room = limit(KNEE_LOAD, most, view.edges.note, least)
    back = (view.as_of - day).days
    span = view.span(back, back)
    moving = [k for k, load in enumerate(view.acts.load[span]) if load > 0]
    if len(moving) < 2:
        return []
    rows, load = view.acts.rows[span], view.acts.load[span]
    holds = downhill_models.held_by(view.history, lambda column: _day_stands(view, back, column))
    past = view.acts.rows[view.span(back, back + WINDOW_DAYS)]
    if DownhillModel.NONE not in holds and downhill_models.one_sided(past):
        return []
    only = ""
    if holds == (DownhillModel.ARTICLE,):
        severity, only = Severity.NOTE, f" {downhill_models.ONLY_ARTICLE}"
    largest = max(moving, key=lambda k: float(load[k]))
    if view.acts.unsure[span][moving].any():
        severity = Severity.NOTE
    parts = ", ".join(f"{noun(rows[k])} {KNEE_LOAD.scale * load[k]:.0f}" for k in moving)
    ratio = now / most if most >= KNEE_LOAD.floor else None
    much = "more than any" if ratio is None else f"{per_cent(ratio)} more than the highest"
    return [
        Finding(
            code="DY001",
            severity=at_most(severity, Severity.RAISED),
            date=day,
            activity=None,
            measure="day_knee_load_bw_s",
            value=now,
            reference=most,
            ratio=ratio,
            low=None,
            high=None,
            text=(
                f"{day_words(day)} asked {KNEE_LOAD.show(now)} of the knees over {len(moving)} outings, {much} "
                f"day of the 30 before ({KNEE_LOAD.show(most)}). The bands of single runs are lent to days; for "
                f"days they are an untested extension.{only}"
            ),
            why=(f"In easy minutes: {parts}. Up to {KNEE_LOAD.show(room)} it would have stayed below."),
            evidence=Evidence.MODELLED,
            sources=("Frandsen2025",),
            holds_under=holds,
            cause=f"outing:{rows[largest]['id']}",
        )
    ]


def _day_stands(view: View, back: int, column: str) -> bool:
    """Whether a day passes the first edge and the floor under one downhill model."""
    now = _load_of(view, view.span(back, back), column)
    most = max(_load_of(view, view.span(one, one), column) for one in range(back + 1, back + 1 + WINDOW_DAYS))
    return beyond(KNEE_LOAD, now, most, view.edges, view.history.floors[KNEE_LOAD.name]) is not None


# --- new stimulus -----------------------------------------------------------------------------------------


def _past_known(view: View) -> bool:
    """Whether the 28 days before the last 7 are known well enough to call something rare in them."""
    known = view.known
    return known.size >= LEAST_DAYS and int(known[-35:-7].sum()) >= LEAST_KNOWN


def new_stimulus(view: View) -> list[Finding]:
    """A way of moving or a sport that was rare in the 28 days before the last 7 and now matters."""
    if not _fresh(view) or not _past_known(view):
        return []
    now, past = view.span(0, 6), view.span(7, 34)
    acts = view.acts
    usual = float(np.nansum(acts.load[past])) / int(view.known[-35:-7].sum()) * 7.0
    week_load = float(np.nansum(acts.load[now]))
    if usual < KNEE_LOAD.floor:
        return []
    found: list[Finding] = []
    for way in (Way.RUN, Way.WALK, Way.RIDE):
        inside, earlier = acts.way[now] == way.value, acts.way[past] == way.value
        made = _new_group(view, WAYS[way.value], f"new:{way.value}", inside, earlier, usual, week_load)
        if made is None:
            for sport in sorted(set(acts.sport[now][inside])):
                same, before = inside & (acts.sport[now] == sport), earlier & (acts.sport[past] == sport)
                if before.sum() <= NEW_COUNT and before.sum() < earlier.sum():
                    word = str(sport).replace("_", " ")
                    made = _new_group(
                        view, word, f"new:{way.value}", same, before, usual, week_load, rare=True
                    )
        found += [] if made is None else [made]
    return found


def _new_group(
    view: View,
    word: str,
    cause: str,
    inside: np.typing.NDArray[np.bool_],
    earlier: np.typing.NDArray[np.bool_],
    usual: float,
    week_load: float,
    *,
    rare: bool = False,
) -> Finding | None:
    acts, now, past = view.acts, view.span(0, 6), view.span(7, 34)
    load = float(np.nansum(acts.load[now][inside]))
    before = float(np.nansum(acts.load[past][earlier])) / int(view.known[-35:-7].sum()) * 7.0
    count, was = int(inside.sum()), int(earlier.sum())
    least = view.history.floors[KNEE_LOAD.name]
    if load - before < least or load <= NEW_SHARE * usual or not week_load:
        return None
    share, share_before = load / week_load, before / usual
    if was <= NEW_COUNT:
        lead = f"only {was} in the 28 days before" if was else "none in the 28 days before"
    elif not rare and share > NEW_SHARE and share >= NEW_TIMES * share_before:
        lead = f"its share of the week's knee load rose from {100 * share_before:.0f} to {100 * share:.0f} %"
    else:
        return None
    code = "NS001" if was <= NEW_COUNT else "NS002"
    doubt = (
        " Power or body mass was estimated for some of it, so the number is rough."
        if acts.unsure[now][inside].any()
        else ""
    )
    first = acts.rows[now][int(np.argmax(inside))]
    return Finding(
        code=code,
        severity=Severity.NOTE,
        date=view.as_of,
        activity=str(first["id"]),
        measure=f"knee_load_{first['way']}_bw_s",
        value=load,
        reference=before,
        ratio=None,
        low=None,
        high=None,
        text=(
            f"New in the 7 days to {day_words(view.as_of)}: {word}, {plurals.count(count, 'time')}; {lead}. "
            f"It asked {KNEE_LOAD.show(load)} of the knees, {100 * load / usual:.0f} % of your usual week's "
            f"total.{doubt}"
        ),
        why=(
            "A new kind of load counts as a change of workload as much as mileage does (the article's example "
            "is a new "
            f"bike commute). Below {KNEE_LOAD.show(max(NEW_SHARE * usual, before + least))} in 7 days it would "
            "not have been told."
        ),
        evidence=Evidence.RULE,
        sources=("Article",),
        cause=f"outing:{first['id']}" if count == 1 else cause,
    )


def new_strength(view: View) -> list[Finding]:
    """Strength sessions that were rare before, told by number alone."""
    if not _fresh(view) or not _past_known(view):
        return []
    count = int(view.acts.strength[view.span(0, 6)].sum())
    was = int(view.acts.strength[view.span(7, 34)].sum())
    if count == 0 or was > NEW_COUNT or (was > 0 and count < 2):
        return []
    before = f"{was} in the 28 days before" if was else "none in the 28 days before"
    times, them = plurals.count(count, "strength session"), "it" if count == 1 else "them"
    return [
        Finding(
            code="NS003",
            severity=Severity.NOTE,
            date=view.as_of,
            activity=None,
            measure="sessions_strength",
            value=float(count),
            reference=float(was),
            ratio=None,
            low=None,
            high=None,
            text=(
                f"New in the 7 days to {day_words(view.as_of)}: {times}; {before}. No knee load is known for "
                f"{them}, so every total here is without {them}."
            ),
            why=(
                "New weight training is a change of workload as much as mileage is; nothing more is known "
                "from the files."
            ),
            evidence=Evidence.RULE,
            sources=("Article",),
            cause="new:strength",
        )
    ]


LEAST_STEEP_M: Final = 20.0
"""Descent below -10 % from which an activity counts as having some."""


def new_steep(view: View) -> list[Finding]:
    """Steep descents while running that were rare before."""
    if not _fresh(view) or not _past_known(view):
        return []
    steep = view.acts.steep
    now, past = steep[view.span(0, 6)], steep[view.span(7, 34)]
    runs = view.acts.way[view.span(7, 34)] == Way.RUN.value
    if np.isnan(past[runs]).sum() > 0.25 * max(runs.sum(), 1):
        return []
    total, before = float(np.nansum(now)), float(np.nansum(past)) / 4.0
    was = int((np.nan_to_num(past) >= LEAST_STEEP_M).sum())
    least = view.history.floors[DESCENT.name]
    if was > NEW_COUNT or total < least or total < NEW_TIMES * before:
        return []
    rows = view.acts.rows[view.span(0, 6)]
    top = int(np.nanargmax(now))
    single = float(now[top]) > 0.5 * total
    return [
        Finding(
            code="NS004",
            severity=Severity.NOTE,
            date=rows[top]["day"] if single else view.as_of,  # type: ignore[arg-type]
            activity=str(rows[top]["id"]),
            measure="steep_descent_run_m",
            value=total,
            reference=before,
            ratio=None,
            low=None,
            high=None,
            text=(
                f"New in the 7 days to {day_words(view.as_of)}: {DESCENT.show(total)} of descent run on slopes "
                "steeper "
                f"than 10 %, in a mean week of the 28 days before {DESCENT.show(before)}. The least accustomed "
                "muscles "
                "take most from it; for the knee no dose is known."
            ),
            why=(
                f"Most of it on the {noun(rows[top])} of {day_words(rows[top]['day'])}. Below "  # type: ignore[arg-type]
                f"{DESCENT.show(max(least, NEW_TIMES * before))} in 7 days it would not have been told."
            ),
            evidence=Evidence.ESTIMATED,
            sources=("Bontemps2020", "Article"),
            cause=f"outing:{rows[top]['id']}" if single else "new:steep",
        )
    ]
