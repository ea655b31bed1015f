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
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import schema
from kneeledger.model import Draft, FloatArray, Issue

__all__ = ["VERSION", "Leg", "haversine_m", "mend"]

VERSION = 1
"""Raised when a mended record can change.

1  2026-11-22  first
"""

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius [m] (IUGG)."""
SECOND: Final = 1_000_000
"""Times are in microseconds inside this module."""
NO_TIME: Final = np.iinfo(np.int64).min
GAP_S: Final = 30.0
"""A longer step between records ends a segment [s] (decisions 10)."""
REST_GAP_S: Final = 10.0
REST_GAP_STEPS: Final = 5.0
"""Without movement a step over max(10 s, 5 x the usual step) is a pause (formats.md T6)."""
MOVING_MPS: Final = 0.5
SPLIT_S: Final = 6 * 3600
"""Parts further apart than this count on their own days [s] (formats.md T3a)."""
CLOCK_S: Final = 600
"""Smaller forward jumps are never taken for a clock that was set [s]; project rule."""
SET_BACK_S: Final = 600
"""A larger backward step that never returns is a clock set back [s]; project rule."""
YEARS_S: Final = 30 * 86_400
"""Without timer events and totals, only a jump beyond this can be a clock that was set [s]; project rule."""
NEAR_M: Final = 200.0
"""How far position and distance may move across a jump of the clock [m]; project rule."""
WILD: Final = 3
"""So many records with a stamp of their own are garbage, more are a block with a wrong clock; project rule."""
MAX_BLOCKS: Final = 2_000
FASTEST_MPS: Final = 100.0
"""Positions further apart than this allows are not believed [m/s] (formats.md P1)."""
DISAGREE: Final = 0.05
"""Distance field and positions further apart than this are told, as a fraction (formats.md P7)."""
STOPS: Final = frozenset({"stop", "stop_all", "stop_disable", "stop_disable_all"})


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


@dataclass(slots=True)
class _Rows:
    """Records under repair: the frame, its times, and what was told."""

    frame: pl.DataFrame
    us: Ints
    """Time of each row [µs], `NO_TIME` where null; shape (n,)."""
    issues: list[Issue] = field(default_factory=list)

    def keep(self, kept: Bools) -> None:
        self.frame = self.frame.filter(pl.Series(kept))
        self.us = self.us[kept]

    def tell(self, code: str, count: int, text: str) -> None:
        self.issues.append(Issue(code, count, text))


@dataclass(frozen=True, slots=True)
class _Timer:
    """Spells in which the timer was stopped, [µs]; shape (m,) each."""

    stop: Ints
    start: Ints
    told: bool
    """Whether the file has timer events at all."""


def haversine_m(lat1: FloatArray, lon1: FloatArray, lat2: FloatArray, lon2: FloatArray) -> FloatArray:
    """Distance over the sphere between pairs of positions in degrees, [m], shape (n,); NaN where unknown."""
    phi1, phi2 = np.radians(lat1), np.radians(lat2)
    half = (
        np.sin((phi2 - phi1) / 2) ** 2
        + np.cos(phi1) * np.cos(phi2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(half, 1.0))), dtype=np.float64)


def mend(draft: Draft) -> list[Leg]:
    """The activities of a draft, repaired, in file order.

    Legs of a multisport file come apart at its session messages, transitions among them under that sport;
    what a timer stop of more than six hours separates comes apart too. A draft without records gives a leg
    by hand for each session with totals, and none where it has no totals either.
    """
    sessions = _sessions(draft.sessions)
    if not draft.records.height:
        return [_by_hand(draft, row) for row in sessions]
    rows = _Rows(draft.records, _time_us(draft.records))
    timer = _timer(draft.events)
    if not _in_order(rows.us):
        _mend_time(rows, timer, sessions)
    legs: list[Leg] = []
    for k, (leg, session) in enumerate(_by_session(rows, sessions)):
        parts = _parts(leg)
        for part in parts:
            whole = session if len(parts) == 1 else _without_totals(session)
            legs.append(_leg(part, whole, draft, timer, first=not legs, alone=len(sessions) < 2))
        if not parts and session is not None and k >= 0:
            legs.append(_by_hand(draft, session))
    return legs


# --- time -------------------------------------------------------------------------------------------------


def _time_us(frame: pl.DataFrame) -> Ints:
    if "time" not in frame.columns:
        return np.full(frame.height, NO_TIME, dtype=np.int64)
    time = frame.get_column("time").cast(schema.TIME).to_physical()
    return (time.fill_null(NO_TIME) if time.null_count() else time).to_numpy()


def _in_order(us: Ints) -> bool:
    """Whether every time is known and later than the one before, without a jump of hours: nothing to mend."""
    if len(us) < 2:
        return bool((us != NO_TIME).all())
    step = np.diff(us)
    return bool(us.min() != NO_TIME and step.min() > 0 and step.max() <= CLOCK_S * SECOND)


def _timer(events: pl.DataFrame) -> _Timer:
    """Spells with the timer stopped, from its events in order of time."""
    none = np.zeros(0, dtype=np.int64)
    if not events.height:
        return _Timer(none, none, told=False)
    chosen = events.filter(
        (pl.col("event") == "timer") & pl.col("time").is_not_null() & pl.col("event_type").is_not_null()
    )
    if not chosen.height:
        return _Timer(none, none, told=False)
    times = chosen.get_column("time").cast(schema.TIME).to_physical().to_list()
    kinds = chosen.get_column("event_type").to_list()
    stops: list[int] = []
    starts: list[int] = []
    stopped: int | None = None
    for us, kind in zip(times, kinds, strict=True):
        if kind in STOPS:
            stopped = us if stopped is None else stopped
        elif kind == "start" and stopped is not None:
            if us > stopped:
                stops.append(stopped)
                starts.append(us)
            stopped = None
    return _Timer(np.array(stops, dtype=np.int64), np.array(starts, dtype=np.int64), told=True)


def _mend_time(rows: _Rows, timer: _Timer, sessions: list[dict[str, object]]) -> None:
    """Times in file order, non-decreasing or null (formats.md T3, T4, T10)."""
    if _unusable(rows):
        return
    known = rows.us != NO_TIME
    step = np.diff(rows.us[known])
    if not len(step):
        return
    if step.min() < -10 * SECOND or step.max() > CLOCK_S * SECOND:
        _mend_wild(rows)
        _mend_jumps(rows, timer, sessions)
    _drop_late(rows)
    known = rows.us != NO_TIME
    if (np.diff(rows.us[known]) == 0).any():
        _mend_equal(rows)


def _unusable(rows: _Rows) -> bool:
    """Whether most records carry one and the same time; all times become null then."""
    known = rows.us[rows.us != NO_TIME]
    n = len(rows.us)
    if len(known) == 0:
        rows.tell("times_unusable", n, "No record has a time; durations and rates cannot be known.")
        return True
    _, counts = np.unique(known, return_counts=True)
    if n < 10 or counts.max() <= 0.5 * n:
        return False
    text = f"{int(counts.max())} of {n} records carry one and the same time: the times are not usable."
    rows.tell("times_unusable", int(counts.max()), text)
    rows.us = np.full(n, NO_TIME, dtype=np.int64)
    return True


def _mend_wild(rows: _Rows) -> None:
    """Drop one to three records far ahead of the many that follow them."""
    us, place = _known(rows)
    back = np.flatnonzero(np.diff(us) < -10 * SECOND) + 1
    wild = np.zeros(len(us), dtype=np.bool_)
    for i in back.tolist():
        first = i
        while first > 0 and us[first - 1] > us[i] and i - first <= WILD:
            first -= 1
        ahead = i - first
        if not 1 <= ahead <= WILD:
            continue
        window = us[i : i + 4 * ahead + 4]
        if len(window) > 3 * ahead and (window < us[first]).all() and not _whole_days(us, first, i):
            wild[first:i] = True
    if wild.any():
        kept = np.ones(len(rows.us), dtype=np.bool_)
        kept[place[wild]] = False
        count = int(wild.sum())
        rows.keep(kept)
        rows.tell(
            "wild_stamps_dropped", count, f"{count} records with a time far from their neighbours'; dropped."
        )


def _whole_days(us: Ints, first: int, after: int) -> bool:
    """Whether a block fits between its neighbours once whole days are taken off."""
    if first == 0 or after >= len(us):
        return False
    day = 86_400 * SECOND
    shift = round((us[first] - us[first - 1]) / day) * day
    return bool(shift and us[first - 1] <= us[first] - shift and us[after - 1] - shift <= us[after] + SECOND)


def _known(rows: _Rows) -> tuple[Ints, Ints]:
    """The known times and which rows they stand in."""
    place = np.flatnonzero(rows.us != NO_TIME).astype(np.int64)
    return rows.us[place], place


def _mend_jumps(rows: _Rows, timer: _Timer, sessions: list[dict[str, object]]) -> None:
    """Blocks between jumps of the clock: bring back what was shifted, drop what is garbage (T3 b, c, d)."""
    us, place = _known(rows)
    us = us.copy()
    step = np.diff(us)
    edges = np.flatnonzero((step > CLOCK_S * SECOND) | (step < -SET_BACK_S * SECOND)) + 1
    if not len(edges) or len(edges) > MAX_BLOCKS:
        return
    bounds = [0, *edges.tolist(), len(us)]
    dropped = np.zeros(len(us), dtype=np.bool_)
    usual = _usual_us(us)
    k = 1
    while k < len(bounds) - 1:
        first, edge, stop = bounds[k - 1], bounds[k], bounds[k + 1]
        after = bounds[k + 2] if k + 2 < len(bounds) else None
        before_us, jump = us[edge - 1], us[edge] - us[edge - 1]
        comes_back = (
            after is not None and 0 <= us[stop] - before_us <= (us[stop - 1] - us[edge]) + CLOCK_S * SECOND
        )
        if comes_back and abs(jump) > SPLIT_S * SECOND:
            _bring_back(rows, us, dropped, (edge, stop), usual)
            bounds[k : k + 2] = []
            continue
        if _timer_stopped(timer, int(before_us), int(us[edge])):
            k += 1
            continue
        if after is None and stop - edge <= WILD and (jump < 0 or jump > YEARS_S * SECOND):
            dropped[edge:stop] = True
        elif first == 0 and edge <= WILD and abs(jump) > YEARS_S * SECOND and not _near(rows, place, edge):
            dropped[:edge] = True
        elif _is_clock(rows, place, edge, int(jump), timer, sessions):
            us[:edge] += jump - usual
            hours = abs(jump) / SECOND / 3600
            text = f"The clock was set by {hours:,.1f} h on the way; {edge} records before it were moved to meet it."
            rows.tell("clock_corrected", edge, text)
        k += 1
    rows.us = rows.us.copy()
    rows.us[place] = us
    if dropped.any():
        kept = np.ones(len(rows.us), dtype=np.bool_)
        kept[place[dropped]] = False
        rows.keep(kept)
        count = int(dropped.sum())
        rows.tell(
            "wild_stamps_dropped", count, f"{count} records with a time far from their neighbours'; dropped."
        )


def _usual_us(us: Ints) -> int:
    step = np.diff(us)
    step = step[(step > 0) & (step <= CLOCK_S * SECOND)]
    return int(np.median(step)) if len(step) else SECOND


def _bring_back(rows: _Rows, us: Ints, dropped: Bools, block: tuple[int, int], usual: int) -> None:
    """Put a block that stands elsewhere in time between its neighbours, or drop it where it is too short."""
    first, stop = block
    day = 86_400 * SECOND
    shift = round((us[first] - us[first - 1]) / day) * day
    fits = us[first] - shift >= us[first - 1] and us[stop - 1] - shift <= us[stop] + SECOND
    count = stop - first
    if not fits and count <= WILD:
        dropped[first:stop] = True
        return
    if not fits:
        shift = int(us[first] - us[first - 1] - usual)
    us[first:stop] -= shift
    np.minimum(us[first:stop], us[stop], out=us[first:stop])
    days = abs(shift) / day
    text = f"{count} records stood {days:,.1f} days away from their neighbours; they were brought back."
    rows.tell("shifted_block", count, text)


def _timer_stopped(timer: _Timer, before_us: int, after_us: int) -> bool:
    """Whether the timer was stopped over most of a gap: a real pause."""
    if not len(timer.stop) or after_us <= before_us:
        return False
    overlap = np.minimum(timer.start, after_us) - np.maximum(timer.stop, before_us)
    return bool(overlap.max() > 0.5 * (after_us - before_us))


def _is_clock(
    rows: _Rows, place: Ints, edge: int, jump: int, timer: _Timer, sessions: list[dict[str, object]]
) -> bool:
    """Whether a jump is the clock being set: no pause, the way goes on, and the totals do not know of it."""
    if not _near(rows, place, edge):
        return False
    if jump < 0:
        return True
    elapsed = [value for row in sessions if isinstance(value := row["elapsed_s"], float)]
    if elapsed and len(elapsed) == len(sessions):
        span_s = (int(rows.us[place[-1]]) - int(rows.us[place[0]])) / SECOND
        return span_s - sum(elapsed) > 0.5 * jump / SECOND
    return jump > (SPLIT_S if timer.told else YEARS_S) * SECOND


def _near(rows: _Rows, place: Ints, edge: int) -> bool:
    """Whether position and distance go on across an edge; unknown is no."""
    near: list[bool] = []
    before, after = int(place[edge - 1]), int(place[edge])
    distance = _floats(rows.frame, "distance_m")
    if distance is not None:
        step = distance[after] - distance[before]
        if not np.isnan(step):
            near.append(bool(-1.0 <= step <= NEAR_M))
    latitude, longitude = _floats(rows.frame, "latitude_deg"), _floats(rows.frame, "longitude_deg")
    if latitude is not None and longitude is not None:
        pair = [before], [after]
        apart = haversine_m(latitude[pair[0]], longitude[pair[0]], latitude[pair[1]], longitude[pair[1]])[0]
        if not np.isnan(apart):
            near.append(bool(apart <= NEAR_M))
    return bool(near) and all(near)


def _drop_late(rows: _Rows) -> None:
    """Drop records whose time lies before that of an earlier row."""
    us, place = _known(rows)
    late = us < np.maximum.accumulate(us)
    if late.any():
        kept = np.ones(len(rows.us), dtype=np.bool_)
        kept[place[late]] = False
        count = int(late.sum())
        rows.keep(kept)
        rows.tell(
            "late_points_dropped", count, f"{count} records are older than the one before them; dropped."
        )


_VALUES = ("distance_m", "latitude_deg", "speed_mps", "power_w", "altitude_m", "heart_rate_bpm")


def _mend_equal(rows: _Rows) -> None:
    """Rows of one time: halves of one record are merged by field, several a second are spread (T4, T10)."""
    us = rows.us
    head = np.concatenate([[True], (us[1:] != us[:-1]) | (us[1:] == NO_TIME)])
    starts = np.flatnonzero(head)
    sizes = np.diff(np.append(starts, len(us)))
    follow = np.flatnonzero(~head)
    if _several_a_second(rows.frame, follow, sizes):
        rank = np.arange(len(us)) - np.repeat(starts, sizes)
        room = np.append(us[starts[1:]] - us[starts[:-1]], SECOND)
        room = np.where(us[starts] == NO_TIME, 0, np.clip(room, 0, SECOND))
        share = np.repeat(room, sizes) * rank // np.repeat(sizes, sizes)
        rows.us = us + share
        text = f"{len(follow)} records share a time with the one before; they were spread evenly within the second."
        rows.tell("times_spread", len(follow), text)
        return
    frame = rows.frame[starts]
    for nth in range(1, min(int(sizes.max()), 10)):
        index = pl.Series(np.where(sizes > nth, np.minimum(starts + nth, len(us) - 1), -1), dtype=pl.Int64)
        other = rows.frame[index.replace(-1, 0)]
        has = pl.Series(sizes > nth)
        frame = frame.with_columns(
            frame.get_column(name).zip_with(
                frame.get_column(name).is_not_null() | ~has, other.get_column(name)
            )
            for name in frame.columns
            if frame.get_column(name).null_count()
        )
    rows.frame, rows.us = frame, us[starts]
    text = f"{len(follow)} records share a time with the one before; each group was merged, field by field."
    rows.tell("split_records_merged", len(follow), text)


def _several_a_second(frame: pl.DataFrame, follow: Ints, sizes: Ints) -> bool:
    """Whether equal times are several full records a second rather than halves of one."""
    if len(follow) < 0.3 * frame.height:
        return False
    differs = np.zeros(len(follow), dtype=np.bool_)
    for name in (*_VALUES, *(column for column in frame.columns if column.startswith("cadence:"))):
        values = _floats(frame, name)
        if values is not None:
            here, before = values[follow], values[follow - 1]
            differs |= ~np.isnan(here) & ~np.isnan(before) & (here != before)
    return bool(differs.mean() > 0.5)


# --- legs and parts ---------------------------------------------------------------------------------------


def _sessions(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Session rows in order of start, without the parent of a multisport file and without repeats."""
    found = frame.to_dicts()
    if len(found) < 2:
        return found
    legs = [row for row in found if row["sport"] != "multisport"] or found
    unique: dict[object, dict[str, object]] = {}
    for row in legs:
        before = unique.get(row["start"])
        if before is None or _length(row) > _length(before):
            unique[row["start"]] = row
    ordered = [row for row in unique.values() if isinstance(row["start"], datetime)]
    return sorted(ordered, key=_start) or legs[:1]


def _start(row: dict[str, object]) -> datetime:
    start = row["start"]
    return start if isinstance(start, datetime) else datetime.max.replace(tzinfo=UTC)


def _length(row: dict[str, object]) -> float:
    value = row["elapsed_s"]
    return value if isinstance(value, float) else 0.0


def _by_session(
    rows: _Rows, sessions: list[dict[str, object]]
) -> Iterable[tuple[_Rows, dict[str, object] | None]]:
    """Rows of each session: from its start to the start of the next (T7)."""
    if len(sessions) < 2:
        yield rows, sessions[0] if sessions else None
        return
    starts = np.array([_us(_start(row)) for row in sessions], dtype=np.int64)
    clock = _filled(rows.us)
    owner = np.clip(np.searchsorted(starts, clock, side="right") - 1, 0, None)
    edges = np.searchsorted(owner, np.arange(len(sessions) + 1), side="left")
    for k, session in enumerate(sessions):
        piece = slice(int(edges[k]), int(edges[k + 1]))
        yield _Rows(rows.frame[piece], rows.us[piece], rows.issues if k == 0 else []), session


def _us(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def _filled(us: Ints) -> Ints:
    """Times with nulls replaced by the last known one, and by the first before it."""
    known = us != NO_TIME
    if known.all() or not known.any():
        return us
    last = np.maximum.accumulate(np.where(known, np.arange(len(us)), -1))
    return np.where(last >= 0, us[np.maximum(last, 0)], us[np.argmax(known)])


def _parts(rows: _Rows) -> list[_Rows]:
    """The rows cut where more than six hours lie between two records (T3a)."""
    if not rows.frame.height:
        return []
    clock = _filled(rows.us)
    edges = np.flatnonzero(np.diff(clock) > SPLIT_S * SECOND) + 1
    if not len(edges):
        return [rows]
    bounds = [0, *edges.tolist(), len(clock)]
    longest = float(np.diff(clock).max()) / SECOND / 3600
    text = f"{len(edges)} pauses of more than six hours (up to {longest:,.1f} h); each part counts on its own day."
    rows.tell("split_at_long_pause", len(edges), text)
    return [_Rows(rows.frame[a:b], rows.us[a:b], list(rows.issues)) for a, b in pairwise(bounds)]


def _without_totals(session: dict[str, object] | None) -> dict[str, object] | None:
    """A session's sport without its totals, which belong to all parts together."""
    if session is None:
        return None
    return {key: value if key in ("sport", "sub_sport") else None for key, value in session.items()}


def _number(row: dict[str, object] | None, key: str) -> float | None:
    value = None if row is None else row[key]
    return value if isinstance(value, float) else None


def _sport(draft: Draft, row: dict[str, object] | None, *, alone: bool) -> tuple[str, str | None]:
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


def _by_hand(draft: Draft, row: dict[str, object]) -> Leg:
    """An activity of which only totals exist."""
    sport, sub_sport = _sport(draft, row, alone=True)
    start = row["start"] if isinstance(row["start"], datetime) else None
    elapsed, timer = _number(row, "elapsed_s"), _number(row, "timer_s")
    lasting = elapsed if elapsed is not None else timer
    issue = Issue("no_stream", 1, "Only totals are in the file, no records: entered by hand or by stopwatch.")
    return Leg(
        records=draft.records.clear() if draft.records.width else schema.empty(schema.RECORDS),
        laps=schema.conform(draft.laps, schema.LAPS)[0],
        pauses=schema.empty(schema.PAUSES),
        sport=sport,
        sub_sport=sub_sport,
        start=start,
        end=None if start is None else start + timedelta(seconds=lasting or 0.0),
        elapsed_s=elapsed,
        timer_s=timer,
        distance_m=_number(row, "distance_m"),
        ascent_m=_number(row, "ascent_m"),
        descent_m=_number(row, "descent_m"),
        total_cycles=_number(row, "total_cycles"),
        issues=(*draft.issues, issue),
        by_hand=True,
    )


def _leg(
    rows: _Rows,
    session: dict[str, object] | None,
    draft: Draft,
    timer: _Timer,
    *,
    first: bool,
    alone: bool,
) -> Leg:
    """One leg with segments, pauses, positions, distance and clocks set right."""
    n = len(rows.us)
    clock = _filled(rows.us)
    timed = n > 0 and clock[0] != NO_TIME
    step_s = np.diff(clock, prepend=clock[:1]) / SECOND if timed else np.zeros(n)
    latitude, longitude = _positions(rows, step_s)
    apart = _apart_m(latitude, longitude)
    usual_s = _usual_s(step_s)
    distance = _floats(rows.frame, "distance_m")
    moved = _moved_m(apart, distance)
    breaks, pauses = _breaks(rows, clock, step_s, moved, timer, usual_s, timed=timed)
    segment = np.cumsum(breaks, dtype=np.int32)
    replaced: list[pl.Series] = [pl.Series("segment", segment, dtype=pl.Int32)]
    repaired = _distance_m(rows, distance, apart, clock, breaks, step_s, first=first)
    if repaired is not None:
        replaced.append(pl.Series("distance_m", repaired).fill_nan(None))
        distance = repaired
    _compare(rows, distance, apart, breaks)
    if "time" not in rows.frame.columns or not np.array_equal(rows.us, _time_us(rows.frame)):
        time = pl.Series("time", rows.us, dtype=pl.Int64)
        replaced.append(time.set(time == int(NO_TIME), None).cast(schema.TIME))
    elapsed_s, timer_s = _clocks(rows, session, clock, pauses, timed=timed)
    sport, sub_sport = _sport(draft, session, alone=alone)
    start = _moment(int(clock[0])) if timed else _session_start(session, draft)
    end = _moment(int(clock[-1])) if timed else start
    return Leg(
        records=rows.frame.with_columns(replaced),
        laps=_laps(draft.laps, start, end, alone=alone and session is not None),
        pauses=pauses,
        sport=sport,
        sub_sport=sub_sport,
        start=start,
        end=end,
        elapsed_s=elapsed_s,
        timer_s=timer_s,
        distance_m=_number(session, "distance_m"),
        ascent_m=_number(session, "ascent_m"),
        descent_m=_number(session, "descent_m"),
        total_cycles=_number(session, "total_cycles"),
        issues=(*draft.issues, *rows.issues),
    )


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def _session_start(session: dict[str, object] | None, draft: Draft) -> datetime | None:
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
    frame = schema.conform(laps, schema.LAPS)[0]
    if alone or start is None or end is None or not frame.height:
        return frame
    slack = timedelta(seconds=2)
    return frame.filter(pl.col("start").is_between(start - slack, end + slack))


# --- positions, distance, pauses, clocks ------------------------------------------------------------------


def _floats(frame: pl.DataFrame, name: str) -> FloatArray | None:
    """A column as numpy, NaN for null; None where it is absent or all null."""
    if name not in frame.columns:
        return None
    series = frame.get_column(name)
    if series.null_count() == len(series):
        return None
    if series.null_count():
        series = series.fill_null(float("nan"))
    return series.cast(pl.Float64).to_numpy()


def _positions(rows: _Rows, step_s: FloatArray) -> tuple[FloatArray | None, FloatArray | None]:
    """Positions without cold-start zeros and jumps (P1); the frame is changed where one was refused."""
    latitude, longitude = _floats(rows.frame, "latitude_deg"), _floats(rows.frame, "longitude_deg")
    if latitude is None or longitude is None:
        return None, None
    bad = (np.abs(latitude) < 1e-7) & (np.abs(longitude) < 1e-7)
    bad |= (np.abs(latitude) > 89.9) | (np.abs(longitude) >= 179.999999)
    bad |= np.isnan(latitude) != np.isnan(longitude)
    count = int(bad.sum())
    if count:
        rows.tell("position_refused", count, f"{count} positions are zeros or sentinels; left out.")
    jumps = _jumps(np.where(bad, np.nan, latitude), np.where(bad, np.nan, longitude), step_s)
    lost = int(jumps.sum())
    if lost:
        text = (
            f"{lost} positions lie further from their neighbours than {FASTEST_MPS:.0f} m/s allows; left out."
        )
        rows.tell("position_jump", lost, text)
    bad |= jumps
    if bad.any():
        latitude, longitude = np.where(bad, np.nan, latitude), np.where(bad, np.nan, longitude)
        rows.frame = rows.frame.with_columns(
            pl.Series("latitude_deg", latitude).fill_nan(None),
            pl.Series("longitude_deg", longitude).fill_nan(None),
        )
    return latitude, longitude


def _jumps(latitude: FloatArray, longitude: FloatArray, step_s: FloatArray) -> Bools:
    """Which positions stand apart from those before and after them, or are a short false start."""
    found = np.zeros(len(latitude), dtype=np.bool_)
    place = np.flatnonzero(~np.isnan(latitude))
    if len(place) < 2:
        return found
    lat, lon = latitude[place], longitude[place]
    clock = np.cumsum(step_s)[place]
    apart = haversine_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    seconds = np.maximum(np.diff(clock), 1.0)
    edges = np.flatnonzero((apart > FASTEST_MPS * seconds) & (seconds <= CLOCK_S)) + 1
    if not len(edges) or len(edges) > MAX_BLOCKS:
        return found
    bounds = [0, *edges.tolist(), len(place)]
    sizes = np.diff(bounds)
    main = int(np.argmax(sizes))
    for walk in (range(main + 1, len(sizes)), range(main - 1, -1, -1)):
        trusted = bounds[main + 1] - 1 if walk.step > 0 else bounds[main]
        for k in walk:
            near = bounds[k] if walk.step > 0 else bounds[k + 1] - 1
            gap = haversine_m(lat[[trusted]], lon[[trusted]], lat[[near]], lon[[near]])[0]
            fits = gap <= FASTEST_MPS * max(abs(float(clock[near] - clock[trusted])), 1.0)
            if fits or sizes[k] > 30:
                trusted = bounds[k + 1] - 1 if walk.step > 0 else bounds[k]
            else:
                found[place[bounds[k] : bounds[k + 1]]] = True
    return found


def _apart_m(latitude: FloatArray | None, longitude: FloatArray | None) -> FloatArray | None:
    """Distance of each position from the last known one before it, NaN without position; [m], shape (n,)."""
    if latitude is None or longitude is None:
        return None
    place = np.flatnonzero(~np.isnan(latitude))
    apart = np.full(len(latitude), np.nan)
    if len(place):
        lat, lon = latitude[place], longitude[place]
        apart[place[0]] = 0.0
        apart[place[1:]] = haversine_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    return apart


def _moved_m(apart: FloatArray | None, distance: FloatArray | None) -> FloatArray | None:
    """How far each record is from the one before, by the distance field, else by position; [m]."""
    if distance is not None:
        return np.diff(distance, prepend=distance[:1])
    return apart


def _usual_s(step_s: FloatArray) -> float:
    some = step_s[step_s > 0]
    return float(np.median(some)) if len(some) else 1.0


def _breaks(
    rows: _Rows,
    clock: Ints,
    step_s: FloatArray,
    moved: FloatArray | None,
    timer: _Timer,
    usual_s: float,
    *,
    timed: bool,
) -> tuple[Bools, pl.DataFrame]:
    """Which records begin a new segment, and the pauses that make them (T5, T6)."""
    n = len(clock)
    breaks = np.zeros(n, dtype=np.bool_)
    found: list[tuple[int, int, str]] = []
    if timed:
        _timer_breaks(rows, clock, moved, timer, usual_s, breaks, found)
    gap = step_s > GAP_S
    rest = step_s > max(REST_GAP_S, REST_GAP_STEPS * usual_s)
    if moved is not None and rest.any():
        with np.errstate(invalid="ignore", divide="ignore"):
            gap |= rest & (moved / step_s < MOVING_MPS)
    own = _own_segments(rows.frame)
    for which, how in ((own & ~gap, "segment"), (gap, "gap")):
        where = np.flatnonzero(which & ~breaks & (step_s > 2 * usual_s)).tolist()
        found.extend((int(clock[i - 1]), int(clock[i]), how) for i in where)
    breaks |= gap | own
    if n:
        breaks[0] = False
    found.sort()
    frame = pl.DataFrame(found, schema={"start": pl.Int64, "end": pl.Int64, "how": pl.String}, orient="row")
    return breaks, frame.with_columns(pl.col("start", "end").cast(schema.TIME))


def _own_segments(frame: pl.DataFrame) -> Bools:
    """Where the file itself begins a new segment."""
    if "segment" not in frame.columns:
        return np.zeros(frame.height, dtype=np.bool_)
    number = frame.get_column("segment").fill_null(0).to_numpy()
    return np.asarray(np.diff(number, prepend=number[:1]) != 0, dtype=np.bool_)


def _timer_breaks(
    rows: _Rows,
    clock: Ints,
    moved: FloatArray | None,
    timer: _Timer,
    usual_s: float,
    breaks: Bools,
    found: list[tuple[int, int, str]],
) -> None:
    """Pauses by the timer, unless records and way go on as if there were none."""
    first = np.searchsorted(clock, timer.stop, side="right")
    after = np.searchsorted(clock, timer.start, side="left")
    ignored = 0
    for stop, start, a, b in zip(
        timer.stop.tolist(), timer.start.tolist(), first.tolist(), after.tolist(), strict=True
    ):
        if b <= 0 or a >= len(clock):
            continue
        seconds = (start - stop) / SECOND
        if moved is not None and (b - a) * usual_s > 0.5 * seconds and b - a > 10:
            way = np.nansum(np.maximum(moved[a:b], 0.0))
            if way > MOVING_MPS * 2 * seconds:
                ignored += 1
                continue
        breaks[a : b + 1] = True
        found.append((max(stop, int(clock[0])), min(start, int(clock[-1])), "timer"))
    if ignored:
        text = f"The timer is said to stop {ignored} times while records and way go on; not taken for pauses."
        rows.tell("timer_events_ignored", ignored, text)


def _distance_m(
    rows: _Rows,
    distance: FloatArray | None,
    apart: FloatArray | None,
    clock: Ints,
    breaks: Bools,
    step_s: FloatArray,
    *,
    first: bool,
) -> FloatArray | None:
    """The distance column repaired, None where it is well as it is."""
    if distance is None:
        if apart is None:
            return None
        inside = np.where(breaks, 0.0, apart)
        rows.tell(
            "distance_from_positions",
            len(inside),
            "The file gives no distance; it was measured along the positions.",
        )
        total = np.cumsum(np.nan_to_num(inside))
        return np.where(np.isnan(apart), np.nan, total) if np.isnan(apart).any() else total
    changed = distance
    known = ~np.isnan(distance)
    steps = np.diff(distance[known])
    if len(steps) and (steps.min() < -1.0 or steps.max() > FASTEST_MPS * 10):
        changed = _running_total(rows, distance, np.cumsum(step_s), breaks)
    holes = int((~known).sum())
    if holes and holes < 0.9 * len(distance):
        changed = _filled_distance(rows, changed, apart, clock, breaks)
    if not first and len(changed):
        begin = changed[np.argmax(~np.isnan(changed))]
        changed = changed - begin if begin > 0 else changed
    return None if changed is distance else changed


def _running_total(rows: _Rows, distance: FloatArray, elapsed_s: FloatArray, breaks: Bools) -> FloatArray:
    """Distance that never falls: single odd values left out, restarts and wild steps taken off the rest."""
    place = np.flatnonzero(~np.isnan(distance))
    values = distance[place].copy()
    fall = np.flatnonzero(np.diff(values) < -1.0) + 1
    odd = np.zeros(len(values), dtype=np.bool_)
    for i in fall.tolist():
        if i + 1 < len(values) and values[i + 1] >= values[i - 1]:
            odd[i] = True
        elif i >= 2 and values[i] >= values[i - 2] and not odd[i - 2]:
            odd[i - 1] = True
    values, place = values[~odd], place[~odd]
    steps = np.diff(values, prepend=values[:1])
    seconds = np.maximum(np.diff(elapsed_s[place], prepend=elapsed_s[place[:1]]), 1.0)
    restart = steps < -1.0
    jump = (steps > FASTEST_MPS * seconds) & (steps > 10 * FASTEST_MPS) & ~breaks[place]
    result = np.full(len(distance), np.nan)
    result[place] = values[0] + np.cumsum(np.where(restart | jump, 0.0, np.maximum(steps, 0.0)))
    count = int(odd.sum() + restart.sum() + jump.sum())
    if count:
        rows.tell(
            "distance_repaired", count, f"{count} falls or leaps of the distance field were taken off it."
        )
    return result


def _filled_distance(
    rows: _Rows, distance: FloatArray, apart: FloatArray | None, clock: Ints, breaks: Bools
) -> FloatArray:
    """Distance where some records lack it: along the positions between known values, else by time (X5)."""
    known = np.flatnonzero(~np.isnan(distance))
    holes = np.isnan(distance)
    holes[: known[0]] = False
    holes[known[-1] + 1 :] = False
    count = int(holes.sum())
    if not count:
        return distance
    scale = clock.astype(np.float64) / SECOND
    if apart is not None and not np.isnan(apart[known[0] :]).any():
        scale = np.cumsum(np.nan_to_num(apart)) + np.arange(len(apart)) * 1e-9
    group = np.cumsum(breaks)
    left = known[np.searchsorted(known, np.flatnonzero(holes), side="right") - 1]
    right = known[np.searchsorted(known, np.flatnonzero(holes), side="left")]
    within = group[left] == group[right]
    result = distance.copy()
    where = np.flatnonzero(holes)[within]
    result[where] = np.interp(scale[where], scale[known], distance[known])
    filled = int(within.sum())
    if filled:
        rows.tell(
            "distance_interpolated",
            filled,
            f"{filled} records lack a distance; it was filled in between its neighbours.",
        )
    return result


def _compare(rows: _Rows, distance: FloatArray | None, apart: FloatArray | None, breaks: Bools) -> None:
    """Told where the distance field and the positions disagree (P7)."""
    if distance is None or apart is None or any(i.code == "distance_from_positions" for i in rows.issues):
        return
    both = ~np.isnan(apart) & ~np.isnan(distance)
    place = np.flatnonzero(both)
    if len(place) < 2:
        return
    field_m = float(distance[place[-1]] - distance[place[0]])
    track_m = float(np.nansum(np.where(breaks, 0.0, apart)[place[0] + 1 : place[-1] + 1]))
    crossed = float(np.nansum(np.where(breaks[1:], np.diff(distance), 0.0)[place[0] : place[-1]]))
    field_m -= crossed
    if max(field_m, track_m) > 500 and abs(field_m - track_m) > DISAGREE * max(field_m, track_m):
        text = f"The distance field says {field_m / 1000:.2f} km, positions {track_m / 1000:.2f} km; the field counts."
        rows.tell("distance_disagrees", 1, text)


def _clocks(
    rows: _Rows, session: dict[str, object] | None, clock: Ints, pauses: pl.DataFrame, *, timed: bool
) -> tuple[float | None, float | None]:
    """Elapsed and timer time: the device's where they fit the records, else the records' own (T9)."""
    elapsed, timer = _number(session, "elapsed_s"), _number(session, "timer_s")
    if not timed:
        return elapsed, timer
    span = (int(clock[-1]) - int(clock[0])) / SECOND
    length = pauses.select((pl.col("end") - pl.col("start")).dt.total_microseconds().sum()).item() or 0
    running = max(span - length / SECOND, 0.0)
    if elapsed is None or abs(elapsed - span) > max(60.0, DISAGREE * span):
        if elapsed is not None:
            text = f"The file says {elapsed:,.0f} s passed, its records span {span:,.0f} s; the records are believed."
            rows.tell("clocks_disagree", 1, text)
        elapsed = span
    if timer is None:
        timer = running
    elif timer > elapsed + 1.0:
        options = sorted((timer, elapsed), key=lambda value: abs(value - running))
        text = f"Timer time ({timer:,.0f} s) exceeds the time passed ({elapsed:,.0f} s); the likelier value is used."
        rows.tell("timer_exceeds_elapsed", 1, text)
        timer = min(options[0], elapsed)
    return elapsed, timer
