"""Times in file order, non-decreasing or null: jumps of the clock, late records, equal stamps.

The order of rows is believed, the clock is repaired against it. Which of the four kinds a jump is, is
decided by the timer, the way, and the totals together (formats.md T3): no single sign is safe, since a
pause may last a month and a clock may be wrong by a day.
Instead of: sorting by time.
"""

from typing import Final

import numpy as np
import polars as pl

from kneeledger import plurals
from kneeledger.mending.distances import MAX_BLOCKS, haversine_m
from kneeledger.mending.rows import (
    CLOCK_S,
    NO_TIME,
    SECOND,
    Bools,
    Ints,
    Rows,
    Session,
    Timer,
    floats,
    known_times,
)

__all__ = ["in_order", "mend_times"]

SET_BACK_S: Final = 600
"""A larger backward step that never returns is a clock set back [s]; project rule."""
YEARS_S: Final = 30 * 86_400
"""Without timer events and totals, only a jump beyond this can be a clock that was set [s]; project rule."""
NEAR_M: Final = 200.0
"""How far position and distance may move across a jump of the clock [m]; project rule."""
WILD: Final = 3
"""So many records with a stamp of their own are garbage, more are a block with a wrong clock; project rule."""
MANY: Final = 50
"""With more backward steps than this, late samples are this file's habit and none is garbage; project rule."""
_MOTION = ("distance_m", "latitude_deg", "longitude_deg")
_OTHER = ("speed_mps", "power_w", "altitude_m", "heart_rate_bpm")
SPLIT_S: Final = 6 * 3600
"""Parts further apart than this count on their own days [s] (formats.md T3a)."""


def mend_times(rows: Rows, timer: Timer, sessions: list[Session]) -> None:
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


def in_order(us: Ints) -> bool:
    """Whether every time is known and later than the one before, without a jump of hours: nothing to mend."""
    if len(us) < 2:
        return bool((us != NO_TIME).all())
    step = np.diff(us)
    return bool(us.min() != NO_TIME and step.min() > 0 and step.max() <= CLOCK_S * SECOND)


def _unusable(rows: Rows) -> bool:
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


def _mend_wild(rows: Rows) -> None:
    """Drop one to three records far ahead of the many that follow them."""
    us, place = known_times(rows)
    back = np.flatnonzero(np.diff(us) < -10 * SECOND) + 1
    if len(back) > MANY:
        return
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
        rows.tell("wild_stamps_dropped", count, _far(count))


def _far(count: int) -> str:
    """What is told of records whose time cannot be theirs."""
    told = plurals.count(
        count, "record has a time far from its neighbours'", "records have a time far from their neighbours'"
    )
    return f"{told}; dropped."


def _whole_days(us: Ints, first: int, after: int) -> bool:
    """Whether a block fits between its neighbours once whole days are taken off."""
    if first == 0 or after >= len(us):
        return False
    day = 86_400 * SECOND
    shift = round((us[first] - us[first - 1]) / day) * day
    return bool(shift and us[first - 1] <= us[first] - shift and us[after - 1] - shift <= us[after] + SECOND)


def _mend_jumps(rows: Rows, timer: Timer, sessions: list[Session]) -> None:
    """Blocks between jumps of the clock: bring back what was shifted, drop what is garbage (T3 b, c, d)."""
    us, place = known_times(rows)
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
            before = plurals.count(edge, "record before it was moved", "records before it were moved")
            text = f"The clock was set by {hours:,.1f} h on the way; {before} to meet it."
            rows.tell("clock_corrected", edge, text)
        k += 1
    rows.us = rows.us.copy()
    rows.us[place] = us
    if dropped.any():
        kept = np.ones(len(rows.us), dtype=np.bool_)
        kept[place[dropped]] = False
        rows.keep(kept)
        count = int(dropped.sum())
        rows.tell("wild_stamps_dropped", count, _far(count))


def _usual_us(us: Ints) -> int:
    step = np.diff(us)
    step = step[(step > 0) & (step <= CLOCK_S * SECOND)]
    return int(np.median(step)) if len(step) else SECOND


def _bring_back(rows: Rows, us: Ints, dropped: Bools, block: tuple[int, int], usual: int) -> None:
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
    away = f"stood {days:,.1f} days away from"
    text = plurals.count(
        count,
        f"record {away} its neighbours; it was brought back.",
        f"records {away} their neighbours; they were brought back.",
    )
    rows.tell("shifted_block", count, text)


def _timer_stopped(timer: Timer, before_us: int, after_us: int) -> bool:
    """Whether the timer was stopped over most of a gap: a real pause."""
    if not len(timer.stop) or after_us <= before_us:
        return False
    overlap = np.minimum(timer.start, after_us) - np.maximum(timer.stop, before_us)
    return bool(overlap.max() > 0.5 * (after_us - before_us))


def _is_clock(rows: Rows, place: Ints, edge: int, jump: int, timer: Timer, sessions: list[Session]) -> bool:
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


def _near(rows: Rows, place: Ints, edge: int) -> bool:
    """Whether position and distance go on across an edge; unknown is no."""
    near: list[bool] = []
    before, after = int(place[edge - 1]), int(place[edge])
    distance = floats(rows.frame, "distance_m")
    if distance is not None:
        step = distance[after] - distance[before]
        if not np.isnan(step):
            near.append(bool(-1.0 <= step <= NEAR_M))
    latitude, longitude = floats(rows.frame, "latitude_deg"), floats(rows.frame, "longitude_deg")
    if latitude is not None and longitude is not None:
        pair = [before], [after]
        apart = haversine_m(latitude[pair[0]], longitude[pair[0]], latitude[pair[1]], longitude[pair[1]])[0]
        if not np.isnan(apart):
            near.append(bool(apart <= NEAR_M))
    return bool(near) and all(near)


def _drop_late(rows: Rows) -> None:
    """Drop records whose time lies before that of an earlier row."""
    us, place = known_times(rows)
    late = us < np.maximum.accumulate(us)
    if late.any():
        kept = np.ones(len(rows.us), dtype=np.bool_)
        kept[place[late]] = False
        count = int(late.sum())
        rows.keep(kept)
        older = plurals.count(
            count, "record is older than the one before it", "records are older than the one before them"
        )
        rows.tell("late_points_dropped", count, f"{older}; dropped.")


def _mend_equal(rows: Rows) -> None:
    """Rows of one time: halves of one record are merged by field, several a second are spread (T4, T10)."""
    us = rows.us
    head = np.concatenate([[True], (us[1:] != us[:-1]) | (us[1:] == NO_TIME)])
    starts = np.flatnonzero(head)
    sizes = np.diff(np.append(starts, len(us)))
    follow = np.flatnonzero(~head)
    sharing = plurals.count(len(follow), "record shares", "records share") + " a time with the one before"
    if _several_a_second(rows.frame, follow):
        rank = np.arange(len(us)) - np.repeat(starts, sizes)
        room = np.where(us[starts] == NO_TIME, 0, np.clip(_until_next(us[starts]), 0, SECOND))
        share = np.repeat(room, sizes) * rank // np.repeat(sizes, sizes)
        rows.us = us + share
        text = f"{sharing}; they were spread evenly within the second."
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
    text = f"{sharing}; each group was merged, field by field."
    rows.tell("split_records_merged", len(follow), text)


def _until_next(us: Ints) -> Ints:
    """From each time to the next known one, a second after the last; nothing sensible where it is null."""
    known = np.flatnonzero(us != NO_TIME)
    until = np.zeros(len(us), dtype=np.int64)
    until[known] = np.append(np.diff(us[known]), SECOND)
    return until


def _several_a_second(frame: pl.DataFrame, follow: Ints) -> bool:
    """Whether equal times are several full records a second rather than halves of one."""
    if len(follow) < 0.3 * frame.height:
        return False
    differs = np.zeros(len(follow), dtype=np.bool_)
    cadences = tuple(column for column in frame.columns if column.startswith("cadence:"))
    moving = [values for name in _MOTION if (values := floats(frame, name)) is not None]
    for values in moving or [
        found for name in _OTHER + cadences if (found := floats(frame, name)) is not None
    ]:
        here, before = values[follow], values[follow - 1]
        differs |= ~np.isnan(here) & ~np.isnan(before) & (here != before)
    return bool(differs.mean() > 0.5)
