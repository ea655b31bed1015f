"""What the athlete said, what cadence did, and what is not known.

Pain outranks every model: an entry beyond tolerable, or a morning worse than baseline, comes before any
spike, and swelling or a limp replaces every advice by the referral text. A cadence change is handed in from
`matched_cadence` and only put into words here. Days that are unknown are told as such, so that an empty list
of findings is never taken for a quiet month.
Instead of: a disclaimer at the foot of the page.
"""

from datetime import date, timedelta
from typing import Final

import numpy as np

from kneeledger import plurals
from kneeledger.findings.view import View, day_words
from kneeledger.model import Evidence, Finding, Severity
from kneeledger.symptoms import Felt, Morning, RuleState, referral, rules
from kneeledger.workload import WINDOW_DAYS, CadenceChange

__all__ = ["cadence", "coverage", "pain", "red_flag"]

SMALL_CHANGE: Final = 0.02
"""Below this a change of cadence is no change [share]."""
SAME_STATE: Final = 7
"""A rule that is broken again within this is the same state, as in a list of findings [days]."""
LARGE_CHANGE: Final = 0.05
"""Above this it is meaningful for the knee [share]."""


def _plain(
    code: str,
    severity: Severity,
    view: View,
    measure: str,
    text: str,
    why: str,
    cause: str,
    day: date | None = None,
) -> Finding:
    """A finding without numbers, of a day or as of the view's."""
    return Finding(
        code,
        severity,
        day or view.as_of,
        None,
        measure,
        None,
        None,
        None,
        None,
        None,
        text,
        why,
        Evidence.RULE,
        ("Article",),
        cause=cause,
    )


def red_flag(view: View) -> list[Finding]:
    """Swelling or a limp: the referral text, in place of every advice."""
    flag = referral(view.log, view.as_of)
    if flag is None:
        return []
    why = f"{flag.what.capitalize()} noted on {day_words(flag.day)}."
    return [_plain("PN001", Severity.HIGH, view, "pain", flag.text, why, "pain", flag.day)]


def pain(view: View) -> list[Finding]:
    """The three rules of the article, where one is broken.

    The first two are of the day of their entry. The third is a state of weeks with a cause of its own: one bad morning
    must not hide it.
    """
    if not view.log:
        return []
    found = []
    recent = [entry for entry in view.log if entry.date >= view.since]
    beyond = [entry for entry in recent if Felt.BEYOND in (entry.during, entry.after)]
    worse = [entry for entry in recent if entry.next_morning is Morning.WORSE]
    felt, morning, weekly = rules(view.log, view.as_of)
    if beyond:
        day = beyond[-1].date
        text = f"During or after the activity of {day_words(day)} it was beyond tolerable: adjust or stop."
        text += _since_then(felt, day)
        why = "The words decide: beyond tolerable means adjust or stop, whatever the load says."
        found.append(_plain("PN002", Severity.HIGH, view, "pain", text, why, "pain", day))
    if worse:
        day = worse[-1].date
        text = f"The morning after {day_words(day)} was worse than baseline: make the next load smaller."
        text += _since_then(morning, day)
        why = "Worse than baseline the next morning means that the last load was too much for now."
        found.append(_plain("PN003", Severity.RAISED, view, "pain", text, why, "pain", day))
    if weekly.holds is False:
        why = "Pain should be week by week less noticeable, less frequent or less constant."
        began = _no_better_since(view)
        found.append(_plain("PN004", Severity.NOTE, view, "pain", weekly.text, why, "pain:weeks", began))
    return found


def _no_better_since(view: View) -> date:
    """The day from which on the week-by-week rule was broken, pauses of less than a week left aside."""
    judged: dict[date, bool] = view.history.kept.setdefault("no better on", {})  # type: ignore[assignment]
    began = day = view.as_of
    while (began - day).days < SAME_STATE:
        day -= timedelta(days=1)
        if day not in judged:
            judged[day] = rules(view.log, day)[2].holds is False
        if judged[day]:
            began = day
    return began


def _since_then(state: RuleState, day: date) -> str:
    return (
        f" Since then: {state.text[0].lower()}{state.text[1:]}" if state.holds and state.since != day else ""
    )


def cadence(view: View) -> list[Finding]:
    """Changes of cadence at matched pace and grade that could be told in the days that are spoken of."""
    return [
        _cadence(change)
        for change in view.history.cadence_changes
        if view.since <= change.day <= view.as_of
        and abs(change.after_spm / change.before_spm - 1.0) >= SMALL_CHANGE
    ]


def cadence_explained(view: View) -> list[Finding]:
    """That average cadence moved with the pace and not by itself; only as of the day it was found for."""
    note = view.history.cadence_note
    if note is None or note[0] != view.as_of:
        return []
    why = "Step rate falls and rises with speed; only at matched pace and grade does it say something."
    return [_plain("CD002", Severity.NOTE, view, "cadence_run_median_spm", note[1], why, "cadence")]


def _cadence(change: CadenceChange) -> Finding:
    ratio = change.after_spm / change.before_spm
    size = abs(ratio - 1.0)
    lower = ratio < 1.0
    large = size > LARGE_CHANGE
    severity = Severity.RAISED if large and lower and not change.explained_by else Severity.NOTE
    word = "meaningful for the knee" if large else "small"
    effect = 100.0 * (ratio**-1.8 - 1.0)
    instead = (
        f" {change.explained_by[0].upper()}{change.explained_by[1:]} would explain it as well."
        if change.explained_by
        else ""
    )
    return Finding(
        code="CD001",
        severity=severity,
        date=change.day,
        activity=None,
        measure="matched_cadence_spm",
        value=change.after_spm,
        reference=change.before_spm,
        ratio=ratio,
        low=change.low,
        high=change.high,
        text=(
            f"At matched pace and grade your cadence is {change.after_spm:.0f} steps a minute since "
            f"{day_words(change.since)} ({plurals.count(change.runs, 'run')}), {100 * size:.1f} % "
            f"{'lower' if lower else 'higher'} than "
            f"before ({change.before_spm:.0f}). That size is {word}; at the same speed the model gives "
            f"{effect:+.0f} % peak load per step.{instead} A low cadence is no warning by itself; a change is "
            "information."
        ),
        why=(
            f"Steps a minute at the same pace and grade: {change.before_spm:.0f} before, {change.after_spm:.0f} now. "
            f"Within {100 * SMALL_CHANGE:.0f} % it would not have been told."
        ),
        evidence=Evidence.ESTIMATED,
        sources=("Heiderscheit2011",),
        cause="cadence",
    )


def coverage(view: View) -> list[Finding]:
    """What is not known of the last days."""
    known = view.known
    if not known.size:
        return []
    found = []
    newest = view.newest_activity
    away = 0 if newest is None else (view.as_of - newest).days
    if away > 3:
        text = f"The newest file is {away} days old (as of {day_words(view.as_of)}): the days since then are unknown."
        why = "Statements about the last 7 days wait for newer files."
        found.append(_plain("CV002", Severity.NOTE, view, "coverage", text, why, "coverage:newest"))
    elif known.size < WINDOW_DAYS:
        text = (
            f"Building baseline: {known.size} of 30 days since the first file. Until then sessions are called the "
            "longest of so many known days, and no ratio of weeks is made."
        )
        found.append(_plain("CV001", Severity.NOTE, view, "coverage", text, "", "coverage:baseline"))
    month = known[-28:]
    lost = int((~month).sum())
    if lost and away <= 3:
        text = f"{lost} of the last {month.size} days {'is' if lost == 1 else 'are'} unknown."
        why = _reason(view)
        found.append(_plain("CV003", Severity.NOTE, view, "coverage", text, why, "coverage:days"))
    return found + _altitude(view)


def _reason(view: View) -> str:
    month = {view.as_of - timedelta(days=back) for back in range(28)}
    broken = len(month & view.history.coverage.unreadable_days)
    reasons = []
    if broken:
        reasons.append(f"{plurals.count(broken, 'day has a file', 'days have files')} that could not be read")
    if int((~view.known[-28:]).sum()) > broken:
        reasons.append("days of a gap of more than 14 days without any file are not taken for rest")
    text = " and ".join(reasons)
    return (
        f"{text[:1].upper()}{text[1:]}. A missing longer session would make a ratio look larger than it is."
    )


def _altitude(view: View) -> list[Finding]:
    series = view.series("descent_run_m", "sessions_run")
    if series is None:
        return []
    runs = np.nan_to_num(series.values["sessions_run"][-28:]) > 0
    blind = runs & np.isnan(series.values["descent_run_m"][-28:])
    if not blind.any() or blind.all() or blind.sum() == runs.sum():
        return []
    text = f"Descent is not known for {int(blind.sum())} of {int(runs.sum())} days with runs of the last 28."
    why = "No barometer, or an altitude that is not believed; these runs are left out of every comparison of descent."
    return [_plain("CV004", Severity.NOTE, view, "coverage", text, why, "coverage:altitude")]
