"""Numbers to sentences that keep their numbers: what stands out as of a day, ranked, few, one a cause.

A finding compares an athlete with themself. Its sentence gives the number, the unit, what it is held against,
how sure that is, and for running distance what one study saw; its `why` says what drove it and what would have
kept it below. Nothing here says anything about an injury to come. Codes are never reused.

======  ==========================================================================================
PN001   swelling or a limp in the pain log: the referral text, in place of every advice
PN002   pain beyond tolerable during or after
PN003   worse than baseline the next morning
PN004   no improvement week by week
SP001   an outing's distance against the longest of its way in the 30 days before
SP002   an outing's descent against the most of its way in the 30 days before
SP003   an outing's knee load against the most of its way in the 30 days before
DY001   a day of several outings against the highest day of the 30 before
WK001   knee load of the last 7 days against the mean week of the 28 before
NS001   a way of moving or a sport that was rare and now matters
NS002   a way of moving whose share of the knee load tripled
NS003   strength sessions that were rare before, by number
NS004   steep descents that were rare before
CD001   a change of cadence at matched pace and grade
CD002   an apparent change of cadence that slower or faster runs explain
CV001   building baseline: under 30 days since the first file
CV002   the newest file is more than 3 days old
CV003   days of the last 28 that are unknown
CV004   runs of the last 28 days without a believed altitude
======  ==========================================================================================

`find` with an earlier day is what would have been said then: rules see a `View`, which knows nothing later.
Instead of: alarms by threshold in each chart, or a score.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from kneeledger.findings import sessions as _sessions
from kneeledger.findings import states as _states
from kneeledger.findings import told as _told
from kneeledger.findings.view import View, view_of
from kneeledger.model import Finding
from kneeledger.severity import Profile, rank
from kneeledger.workload import History

__all__ = ["RULES", "STUDY_NOTES", "Rule", "find", "replay", "spikes"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the registry."""

    codes: tuple[str, ...]
    meaning: str
    find: Callable[[View], list[Finding]]
    advises: bool = True
    """False where it still speaks while a red flag stands."""


RULES: Final = (
    Rule(("PN001",), "swelling or a limp: referral", _told.red_flag, advises=False),
    Rule(("PN002", "PN003", "PN004"), "the three pain rules", _told.pain),
    Rule(("SP001", "SP002", "SP003"), "session against 30 days", _sessions.sessions),
    Rule(("DY001",), "day against 30 days", _states.day_total),
    Rule(("WK001",), "7 days against the mean week of the 28 before", _states.week),
    Rule(("NS001", "NS002"), "new or much increased way of moving", _states.new_stimulus),
    Rule(("NS003",), "new strength sessions", _states.new_strength),
    Rule(("NS004",), "new steep descents", _states.new_steep),
    Rule(("CD001",), "cadence at matched pace and grade", _told.cadence),
    Rule(("CD002",), "an apparent change of cadence, explained", _told.cadence_explained),
    Rule(("CV001", "CV002", "CV003", "CV004"), "what is not known", _told.coverage, advises=False),
)

STUDY_NOTES: Final = (
    (
        "2.23 times in women is Boling 2010 (naval cadets, 95 % 1.19 to 4.20), not Neal 2019 as the article "
        "has it; these "
        "were not runners."
    ),
    (
        "Early specialisation went with a 1.5-fold rate, that is 50 % greater, not 150 % greater (Hall 2015, "
        "adolescent "
        "girls, retrospective, 95 % 1.0 to 2.2)."
    ),
)

FAMILY: Final = ("PN", "SP", "WK", "DY", "CD", "NS", "CV")
"""Order among findings of one severity; pain comes before all, whatever its severity."""


ENDS_DAYS: Final = 7
"""A state that was not said for longer than this has ended [days]."""


def _order(finding: Finding) -> tuple[int, int, int, float, int, str, str]:
    family = FAMILY.index(finding.code[:2])
    first = 0 if family == 0 else 2 if finding.code.startswith("CV") else 1
    ratio = finding.ratio if finding.ratio is not None else 0.0
    lead = (family, int(finding.code[2:]))
    return (
        first,
        -rank(finding.severity),
        lead[0] * 1000 + lead[1],
        -ratio,
        -finding.date.toordinal(),
        finding.activity or "",
        finding.measure,
    )


def find(
    history: History,
    as_of: date,
    *,
    profile: Profile | None = None,
    days: int = 7,
    limit: int | None = None,
    one_a_cause: bool = True,
) -> list[Finding]:
    """What stands out as of a day, most important first, with only what was known that day.

    Parameters
    ----------
    history : History
        May reach beyond `as_of`; nothing later is looked at.
    as_of : date
    profile : Profile, optional
        Moves thresholds, never a load.
    days : int
        Sessions, cadence changes and pain of so many days up to the as-of day are spoken of [days].
    limit : int, optional
        At most so many (the overview shows 3); what is not known is kept beside it.
    one_a_cause : bool
        False gives every finding, for a full listing.

    Returns
    -------
    list of Finding
    """
    view = view_of(history, as_of, profile or Profile(), days)
    flagged = bool(_told.red_flag(view))
    found = [finding for rule in RULES if not (flagged and rule.advises) for finding in rule.find(view)]
    found.sort(key=_order)
    if one_a_cause:
        seen: set[str] = set()
        found = [item for item in found if not (item.cause in seen or seen.add(item.cause))]  # type: ignore[func-returns-value]
    if limit is not None:
        spoken = [item for item in found if not item.code.startswith("CV")]
        return spoken[:limit] + [item for item in found if item.code.startswith("CV")]
    return found


def replay(
    history: History, days: Iterable[date], *, profile: Profile | None = None, one_a_cause: bool = True
) -> dict[date, list[Finding]]:
    """What would have been said newly on each of these days: sessions of the day, states as of the day."""
    return {day: find(history, day, profile=profile, days=1, one_a_cause=one_a_cause) for day in days}


def _episode(item: Finding) -> tuple[str, str, str]:
    """What makes two statements of different days the same one."""
    if item.code in ("NS001", "NS002"):
        return ("NS", item.measure, "")
    if item.code in ("PN001", "PN002", "PN003"):
        return (item.code, item.measure, item.date.isoformat())
    return (item.code, item.measure, item.cause if item.code[:2] in ("SP", "DY") else "")


def _said_from(
    history: History, first: date, as_of: date, profile: Profile | None, *, one_a_cause: bool
) -> dict[date, list[Finding]]:
    """What was said from a day on, and on the days before it back to where no state was running."""
    days = (as_of - first).days + 1
    said: dict[date, list[Finding]] = {}
    while True:
        part = (first + timedelta(days=k) for k in range(days))
        said = replay(history, part, profile=profile, one_a_cause=one_a_cause) | said
        block = [item for k in range(days) for item in said[first + timedelta(days=k)]]
        quiet = not any(not item.code.startswith("CV") and not _episode(item)[2] for item in block)
        if quiet and len(said) > days:
            return said
        first, days = first - timedelta(days=ENDS_DAYS), ENDS_DAYS


def spikes(
    history: History,
    as_of: date,
    *,
    last_days: int = 56,
    profile: Profile | None = None,
    one_a_cause: bool = True,
) -> list[Finding]:
    """Everything that was said in the last days, newest first, each told once.

    A state that was said on consecutive days (a new stimulus, a high week) is one finding: as it was first said, or
    as it was said when it became more severe. One that began before the last days and was still said in them is told
    with the day it began, so that neither day nor text depends on how far back is asked. What is not known is told
    as of the last day.
    """
    first = as_of - timedelta(days=last_days - 1)
    said = _said_from(history, first, as_of, profile, one_a_cause=one_a_cause)
    told: list[Finding] = []
    causes: set[str] = set()
    running: dict[tuple[str, str, str], tuple[int, date]] = {}
    for day, items in said.items():
        for item in items:
            if item.code.startswith("CV") and day != as_of:
                continue
            key = _episode(item)
            spot, last = running.get(key, (-1, date.min))
            if spot >= 0 and (day - last).days <= ENDS_DAYS:
                if rank(item.severity) > rank(told[spot].severity):
                    told[spot] = item
                running[key] = (spot, day)
                continue
            if (
                one_a_cause
                and item.code[:2] == "NS"
                and item.cause.startswith("outing:")
                and item.cause in causes
            ):
                continue  # the outing was told already
            running[key] = (len(told), day)
            told.append(item)
            causes.add(item.cause)
    within = {spot for spot, last in running.values() if last >= first}
    shown = [item for spot, item in enumerate(told) if spot in within or item.date >= first]
    return sorted(shown, key=lambda item: (-item.date.toordinal(), _order(item)))
