"""The same activity twice: found in UTC, told, and counted once.

Watch FIT, Strava GPX and Garmin TCX of one run are normal in one folder; one open tool counted 13.5 % of
all load twice. Two activities are one when they start within two minutes of each other and share at least
nine tenths of their time, or of their distance where time is not known, or when nine tenths of the longer one's
hours are the other's too (a watch and a bicycle computer started minutes apart) and time or distance agrees;
and their sports can be the same. Both rules ask that they overlap, since intervals recorded one by one are
alike in everything but their hour. A whole outing beside its legs, a triathlon exported in one piece beside
the legs of the watch, is found by its legs filling it. The best source is kept: original FIT, then a
re-exported FIT, then TCX, then GPX; a working copy and totals by hand yield to all others. Nothing is merged
and nothing removed: the others point to the one that counts.
Instead of: names of files, or comparing local times, where an error of the zone hides and invents copies.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

__all__ = ["find", "near"]

START_S = 120.0
MARGIN_US = 1_000_000 * (int(START_S) + 1)
"""Activities with more than this between them are not one; a second of it for whatever is rounded."""
OVERLAP = 0.9
LEGS_FILL = 0.75
"""Share of a whole outing's time that its legs fill at least; the rest is changing and standing."""
RANK = {"fit": 0, "tcx": 2, "gpx": 3}
REEXPORTED = 1
VAGUE = {"unknown", "generic", "other", "fitness_equipment", "training", "all", "transition", "multisport"}
KIN = {
    "hiking": "walking",
    "snowshoeing": "walking",
    "mountaineering": "walking",
    "e_biking": "cycling",
    "biking": "cycling",
    "trail_running": "running",
}


@dataclass(frozen=True, slots=True)
class _Activity:
    """What tells whether two activities are one."""

    id: str
    sha256: str
    start_s: float
    end_s: float
    sport: str
    duration_s: float | None
    distance_m: float | None
    rank: tuple[object, ...]
    """Lower is better."""
    records: bool

    @property
    def span_s(self) -> float:
        return self.end_s - self.start_s


def find(activities: pl.DataFrame) -> dict[str, str | None]:
    """Id -> id of the copy that counts, or None where it is the one.

    Parameters
    ----------
    activities
        Columns ``id``, ``sha256``, ``part``, ``start``, ``end`` (UTC), ``sport``, ``format``, ``device_serial``,
        ``duration_s``, ``distance_m``, ``records`` (bool: has a stream), in any order, and ``in_progress``
        (bool: a working copy) where it is known.
    """
    found = sorted((_activity(row) for row in activities.to_dicts()), key=lambda one: (one.start_s, one.id))
    leads = _copies(found)
    kept = [one for one in found if leads[one.id] == one.id]
    for whole, lead in _wholes(kept):
        if leads[lead] == lead:
            leads[whole] = lead
    return {name: None if (lead := _lead(leads, name)) == name else lead for name in leads}


def near(spans: Iterable[tuple[str, float, float]]) -> list[str]:
    """Ids of those that may be a copy of another: whose time, or what is left to it for starting, meets another's.

    Parameters
    ----------
    spans
        Id, start and end [us] in order of start.
    """
    found: list[str] = []
    before, until = "", -math.inf
    for name, start, end in spans:
        if start <= until + 1e6:  # a second more, for whatever is rounded
            found += [before, name] if before else [name]
            before = ""
        else:
            before = name
        until = max(until, start + 1e6 * START_S, end)
    return found


def _activity(row: Mapping[str, Any]) -> _Activity:
    start = row["start"].timestamp()
    span = max((row["end"] - row["start"]).total_seconds(), 0.0)
    kind = RANK.get(str(row["format"]), 4)
    if kind == 0 and not row["device_serial"]:
        kind = REEXPORTED
    return _Activity(
        id=str(row["id"]),
        sha256=str(row["sha256"]),
        start_s=start,
        end_s=start + (span or row["duration_s"] or 0.0),
        sport=KIN.get(str(row["sport"]), str(row["sport"])),
        duration_s=row["duration_s"],
        distance_m=row["distance_m"],
        rank=(not row["records"], bool(row.get("in_progress")), kind, str(row["id"])),
        records=bool(row["records"]),
    )


def _lead(leads: dict[str, str], name: str) -> str:
    """The one that counts, through however many steps."""
    while leads[name] != name:
        name = leads[name]
    return name


def _copies(found: Sequence[_Activity]) -> dict[str, str]:
    """Id -> a better copy of the same activity, or itself; pairs only."""
    leads = {one.id: one.id for one in found}
    best = {one.id: one for one in found}
    for index, one in enumerate(found):
        latest = one.start_s + max(START_S, (1.0 - OVERLAP) / OVERLAP * one.span_s)
        for other in found[index + 1 :]:
            if other.start_s > latest:
                break
            first, second = best[_lead(leads, one.id)], best[_lead(leads, other.id)]
            if first is not second and _same(one, other):
                lead, follow = sorted((first, second), key=lambda copy: copy.rank)
                leads[follow.id] = lead.id
    return leads


def _same(one: _Activity, other: _Activity) -> bool:
    """Whether two activities of different files are one; `one` does not start later."""
    if one.sha256 == other.sha256 or not _sports_agree(one.sport, other.sport):
        return False
    shared = min(one.end_s, other.end_s) - other.start_s
    shorter, longer = sorted((one.span_s, other.span_s))
    if shorter > 0 and shared < 0.5 * shorter:
        return False
    duration = _alike(one.duration_s, other.duration_s)
    distance = _alike(one.distance_m, other.distance_m)
    if longer > 0 and shared >= OVERLAP * longer and (duration is not False or distance is not False):
        return True
    if other.start_s - one.start_s > START_S:
        return False
    return bool(duration) if distance is None else distance


def _wholes(kept: Sequence[_Activity]) -> list[tuple[str, str]]:
    """Whole outings that others fill as legs, and the leg that counts for each; or the reverse.

    Where the whole has records and the legs are totals by hand, it is the legs that yield.
    """
    starts = [one.start_s for one in kept]
    found: list[tuple[str, str]] = []
    for whole in kept:
        low = bisect_left(starts, whole.start_s - START_S)
        high = bisect_right(starts, whole.end_s)
        inside = [
            one
            for one in kept[low:high]
            if one is not whole and one.sha256 != whole.sha256 and one.end_s <= whole.end_s + START_S
        ]
        if len(inside) < 2 or not _fill(inside, whole):
            continue
        if whole.records and not any(leg.records for leg in inside):
            found += [(leg.id, whole.id) for leg in inside]
        else:
            found.append((whole.id, inside[0].id))
    return found


def _fill(legs: Sequence[_Activity], whole: _Activity) -> bool:
    """Whether legs in order of time, none into the next, are all of a whole outing."""
    if any(later.start_s < leg.end_s - 60.0 for leg, later in pairwise(legs)):
        return False
    if abs(legs[0].start_s - whole.start_s) > START_S:
        return False
    if legs[-1].end_s - legs[0].start_s < OVERLAP * whole.span_s:
        return False
    if sum(leg.span_s for leg in legs) < LEGS_FILL * whole.span_s:
        return False
    lengths = [leg.distance_m for leg in legs]
    total = sum(length or 0.0 for length in lengths)
    return None in lengths or _alike(total, whole.distance_m) is not False


def _alike(one: float | None, two: float | None) -> bool | None:
    """Whether the smaller is at least nine tenths of the larger; None where one is unknown."""
    if not one or not two:
        return None
    return min(one, two) / max(one, two) >= OVERLAP


def _sports_agree(one: str, two: str) -> bool:
    return one == two or one in VAGUE or two in VAGUE
