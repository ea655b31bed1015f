"""Draft -> legs: one activity out of what a file says, with every repair told.

A reader hands over rows as they were written; here each repair exists once for FIT, GPX and TCX. Order in
the file is believed more than the clock: rows are never sorted by time, because a device that writes late
samples on old positions (some phone apps do) would be turned into a zig-zag three times as long. A jump of
hours is one of four things, tried in this order: a pause with the timer stopped, a clock that was set, a
block with a wrong offset that comes back, or garbage beside a decode error; which it is decides whether
an hour or a year is added to somebody's training. `segment` numbers the stretches without a pause or gap, so
that nothing downstream adds time or distance across one. A healthy file passes a few vector checks and
nothing else. Units, cadence and time zone are not repaired here: they are decided in `readers`, on legs.
Instead of: cleaning inside each reader, or dropping every odd row.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from kneeledger import schema
from kneeledger.mending.distances import apart_m, compare, distance_m_of, haversine_m, moved_m
from kneeledger.mending.rows import (
    NO_TIME,
    SECOND,
    Rows,
    Session,
    Timer,
    filled,
    floats,
    number,
    time_us,
    with_series,
)
from kneeledger.mending.stretches import breaks_and_pauses, clocks, timer_of, usual_s_of
from kneeledger.mending.times import SPLIT_S, in_order, mend_times
from kneeledger.model import Draft, Issue

__all__ = ["VERSION", "Leg", "haversine_m", "mend"]

VERSION = 1
"""Raised when a mended record can change.

1  2026-11-22  first
"""


LONGEST_S: Final = 366 * 86_400
"""A total without records longer than this is not believed [s]: it would end in no year of a calendar."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One activity of a draft, repaired: a leg of a multisport file, or a part after a long pause.

    `records` has the columns of ``schema.RECORDS`` that the file gives, ``segment`` always, and its
    ``cadence:`` and ``dev:`` columns. Totals are the device's, null where they do not belong to this leg
    alone; the two clocks are checked against the records.
    """

    records: pl.DataFrame
    laps: pl.DataFrame
    pauses: pl.DataFrame
    sport: str
    sub_sport: str | None
    start: datetime | None
    end: datetime | None
    elapsed_s: float | None
    timer_s: float | None
    distance_m: float | None
    ascent_m: float | None
    descent_m: float | None
    total_cycles: float | None
    issues: tuple[Issue, ...]
    by_hand: bool = False
    """True where there are totals and no records."""


def mend(draft: Draft) -> list[Leg]:
    """The activities of a draft, repaired, in file order.

    Legs of a multisport file come apart at its session messages, transitions among them under that sport;
    what a timer stop of more than six hours separates comes apart too. A draft without records gives a leg
    by hand for each session with totals, and none where it has no totals either.
    """
    sessions = _sessions(draft.sessions)
    if not draft.records.height:
        return [_by_hand(draft, sessions, k) for k in range(len(sessions))]
    rows = Rows(draft.records, time_us(draft.records))
    timer = timer_of(draft.events)
    if not in_order(rows.us):
        mend_times(rows, timer, sessions)
    legs: list[Leg] = []
    for k, (leg, session) in enumerate(_by_session(rows, sessions)):
        parts = _parts(leg)
        for part in parts:
            whole = session if len(parts) == 1 else _without_totals(session)
            legs.append(_leg(part, whole, draft, timer, first=not legs, alone=len(sessions) < 2))
        if not parts and session is not None and k >= 0:
            legs.append(_by_hand(draft, sessions, k))
    return legs


def _sessions(frame: pl.DataFrame) -> list[Session]:
    """Session rows in order of start, without the parent of a multisport file and without repeats."""
    found: list[Session] = list(frame.to_dicts())
    if len(found) < 2:
        return found
    legs = [row for row in found if row["sport"] != "multisport"] or found
    unique: dict[object, Session] = {}
    for row in legs:
        before = unique.get(row["start"])
        if before is None or _length(row) > _length(before):
            unique[row["start"]] = row
    ordered = [row for row in unique.values() if isinstance(row["start"], datetime)]
    return sorted(ordered, key=_start) or legs[:1]


def _start(row: Session) -> datetime:
    start = row["start"]
    return start if isinstance(start, datetime) else datetime.max.replace(tzinfo=UTC)


def _length(row: Session) -> float:
    value = row["elapsed_s"]
    return value if isinstance(value, float) else 0.0


def _by_session(rows: Rows, sessions: list[Session]) -> Iterable[tuple[Rows, Session | None]]:
    """Rows of each session: from its start to the start of the next (T7)."""
    if len(sessions) < 2:
        yield rows, sessions[0] if sessions else None
        return
    starts = np.array([_us(_start(row)) for row in sessions], dtype=np.int64)
    clock = filled(rows.us)
    owner = np.clip(np.searchsorted(starts, clock, side="right") - 1, 0, None)
    edges = np.searchsorted(owner, np.arange(len(sessions) + 1), side="left")
    for k, session in enumerate(sessions):
        piece = slice(int(edges[k]), int(edges[k + 1]))
        yield Rows(rows.frame[piece], rows.us[piece], rows.issues if k == 0 else []), session


def _us(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def _parts(rows: Rows) -> list[Rows]:
    """The rows cut where more than six hours lie between two records (T3a)."""
    if not rows.frame.height:
        return []
    clock = filled(rows.us)
    edges = np.flatnonzero(np.diff(clock) > SPLIT_S * SECOND) + 1
    if not len(edges):
        return [rows]
    bounds = [0, *edges.tolist(), len(clock)]
    longest = float(np.diff(clock).max()) / SECOND / 3600
    many = "One pause" if len(edges) == 1 else f"{len(edges)} pauses"
    text = f"{many} of more than six hours (up to {longest:,.1f} h); each part counts on its own day."
    rows.tell("split_at_long_pause", len(edges), text)
    return [Rows(rows.frame[a:b], rows.us[a:b], list(rows.issues)) for a, b in pairwise(bounds)]


def _without_totals(session: Session | None) -> Session | None:
    """A session's sport without its totals, which belong to all parts together."""
    if session is None:
        return None
    return {key: value if key in ("sport", "sub_sport") else None for key, value in session.items()}


def _sport(draft: Draft, row: Session | None, *, alone: bool) -> tuple[str, str | None]:
    """Sport and sub-sport of a leg: its session's, else the file's; `generic` is unknown (T7)."""
    told = None if row is None else row["sport"]
    if isinstance(told, str) and told and not (alone and told in ("generic", "unknown")):
        sub = row["sub_sport"] if row is not None else None
        sport, sub_sport = told.lower(), sub.lower() if isinstance(sub, str) else None
        if alone and sub_sport is None:
            sub_sport = draft.sub_sport
    else:
        sport, sub_sport = draft.sport, draft.sub_sport
    if sport.isdigit() or sport == "generic":
        sport = "unknown"
    return sport, None if sub_sport == "generic" else sub_sport


def _by_hand(draft: Draft, sessions: list[Session], k: int) -> Leg:
    """An activity of which only totals exist."""
    row = sessions[k]
    sport, sub_sport = _sport(draft, row, alone=True)
    start = row["start"] if isinstance(row["start"], datetime) else None
    elapsed, timer = number(row, "elapsed_s"), number(row, "timer_s")
    if timer is not None and (elapsed is None or elapsed < timer):
        elapsed = timer
    if elapsed is not None and not 0 <= elapsed <= LONGEST_S:
        elapsed = timer = None
    until = _start(sessions[k + 1]) if k + 1 < len(sessions) else datetime.max.replace(tzinfo=UTC)
    issue = Issue("no_stream", 1, "Only totals are in the file, no records: entered by hand or by stopwatch.")
    return Leg(
        records=draft.records.clear() if draft.records.width else schema.empty(schema.RECORDS),
        laps=_laps(draft.laps, start, until, alone=len(sessions) < 2),
        pauses=schema.empty(schema.PAUSES),
        sport=sport,
        sub_sport=sub_sport,
        start=start,
        end=None if start is None else start + timedelta(seconds=elapsed or 0.0),
        elapsed_s=elapsed,
        timer_s=timer,
        distance_m=number(row, "distance_m"),
        ascent_m=number(row, "ascent_m"),
        descent_m=number(row, "descent_m"),
        total_cycles=number(row, "total_cycles"),
        issues=(*draft.issues, issue),
        by_hand=True,
    )


def _leg(
    rows: Rows,
    session: Session | None,
    draft: Draft,
    timer: Timer,
    *,
    first: bool,
    alone: bool,
) -> Leg:
    """One leg with segments, pauses, positions, distance and clocks set right."""
    n = len(rows.us)
    clock = filled(rows.us)
    timed = n > 0 and clock[0] != NO_TIME
    step_s = np.zeros(n)
    if timed:
        np.divide(clock[1:] - clock[:-1], SECOND, out=step_s[1:])
    apart = apart_m(rows, step_s)
    usual_s = usual_s_of(step_s)
    distance = floats(rows.frame, "distance_m")
    moved = moved_m(apart, distance)
    breaks, pauses = breaks_and_pauses(rows, clock, step_s, moved, timer, usual_s, timed=timed)
    segment = np.cumsum(breaks, dtype=np.int32)
    replaced: list[pl.Series] = [pl.Series("segment", segment)]
    repaired = distance_m_of(rows, distance, apart, clock, breaks, step_s, first=first, timed=timed)
    if repaired is not None:
        replaced.append(pl.Series("distance_m", repaired).fill_nan(None))
        distance = repaired
    compare(rows, distance, apart, breaks)
    if "time" not in rows.frame.columns or not np.array_equal(rows.us, time_us(rows.frame)):
        time = pl.Series("time", rows.us, dtype=pl.Int64)
        replaced.append(time.set(time == int(NO_TIME), None).cast(schema.TIME))
    elapsed_s, timer_s = clocks(rows, session, clock, pauses, timed=timed)
    sport, sub_sport = _sport(draft, session, alone=alone)
    start = _moment(int(clock[0])) if timed else _session_start(session, draft)
    end = _moment(int(clock[-1])) if timed else start
    return Leg(
        records=with_series(rows.frame, replaced),
        laps=_laps(draft.laps, start, end, alone=alone and session is not None),
        pauses=pauses,
        sport=sport,
        sub_sport=sub_sport,
        start=start,
        end=end,
        elapsed_s=elapsed_s,
        timer_s=timer_s,
        distance_m=number(session, "distance_m"),
        ascent_m=number(session, "ascent_m"),
        descent_m=number(session, "descent_m"),
        total_cycles=number(session, "total_cycles"),
        issues=(*draft.issues, *rows.issues),
    )


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def _session_start(session: Session | None, draft: Draft) -> datetime | None:
    """A start for records without times: the session's, else the first time the file gives."""
    if session is not None and isinstance(session["start"], datetime):
        return session["start"]
    if "time" in draft.records.columns:
        known = draft.records.get_column("time").drop_nulls()
        if len(known):
            first = known[0]
            return first if isinstance(first, datetime) else None
    return None


def _laps(laps: pl.DataFrame, start: datetime | None, end: datetime | None, *, alone: bool) -> pl.DataFrame:
    if alone or start is None or end is None or not laps.height:
        return laps
    # the next leg's first lap begins where this leg ends
    slack = timedelta(seconds=2)
    return laps.filter(
        (pl.col("start") >= start - slack) & (pl.col("start") < max(end - slack, start + slack))
    )
