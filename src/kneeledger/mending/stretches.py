"""Uninterrupted stretches, the pauses between them, and the clocks of a leg.

A pause is a stopped timer, a gap no device leaves while it records, or a shorter gap without movement.
Timer events are not believed where records and way go on as if there were none, because some devices write
a stop for every lost satellite. Elapsed, timer and moving time stay three numbers.
Instead of: one duration.
"""

from typing import Final

import numpy as np
import polars as pl

from kneeledger import plurals, schema
from kneeledger.mending.rows import (
    FEW,
    MOVING_MPS,
    NO_TIME,
    SECOND,
    Bools,
    Ints,
    Rows,
    Session,
    Timer,
    number,
    time_us,
)
from kneeledger.model import FloatArray

__all__ = ["breaks_and_pauses", "clocks", "timer_of", "usual_s_of"]

GAP_S: Final = 30.0
"""A longer step between records ends a segment [s] (decisions 10)."""
SPARSE: Final = 3.0
"""Where the usual step itself is long (swims, one point a minute), a gap is this many of it; project rule."""
REST_GAP_S: Final = 10.0
REST_GAP_STEPS: Final = 5.0
"""Without movement a step over max(10 s, 5 x the usual step) is a pause (formats.md T6)."""
STOPS: Final = frozenset({"stop", "stop_all", "stop_disable", "stop_disable_all"})
DISAGREE: Final = 0.05
"""Distance field and positions further apart than this are told, as a fraction (formats.md P7)."""


def timer_of(events: pl.DataFrame) -> Timer:
    """Spells with the timer stopped, from its events in order of time."""
    none = np.zeros(0, dtype=np.int64)
    if not events.height:
        return Timer(none, none, told=False)
    which = [k for k, word in enumerate(events.get_column("event").to_list()) if word == "timer"]
    if not which:
        return Timer(none, none, told=False)
    us = time_us(events).tolist()
    kinds = events.get_column("event_type").to_list()
    stops: list[int] = []
    starts: list[int] = []
    stopped: int | None = None
    for k in which:
        if us[k] == NO_TIME:
            continue
        if kinds[k] in STOPS:
            stopped = us[k] if stopped is None else stopped
        elif kinds[k] == "start" and stopped is not None:
            if us[k] > stopped:
                stops.append(stopped)
                starts.append(us[k])
            stopped = None
    return Timer(np.array(stops, dtype=np.int64), np.array(starts, dtype=np.int64), told=True)


def breaks_and_pauses(
    rows: Rows,
    clock: Ints,
    step_s: FloatArray,
    moved: FloatArray | None,
    timer: Timer,
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
    gap = step_s > max(GAP_S, SPARSE * usual_s)
    rest = step_s > max(REST_GAP_S, REST_GAP_STEPS * usual_s)
    if moved is not None and rest.any():
        with np.errstate(invalid="ignore", divide="ignore"):
            gap |= rest & (moved / step_s < MOVING_MPS)
    own = _own_segments(rows.frame)
    for which, how in ((own, "segment"), (gap & ~own, "gap")):
        where = np.flatnonzero(which & ~breaks & (step_s > 2 * usual_s)).tolist()
        found.extend((int(clock[i - 1]), int(clock[i]), how) for i in where)
    breaks |= gap | own
    if n:
        breaks[0] = False
    found.sort()
    return breaks, _pauses(found)


def _pauses(found: list[tuple[int, int, str]]) -> pl.DataFrame:
    """Pauses as ``schema.PAUSES``."""
    if not found:
        return _NO_PAUSES.clone()
    told = [{"start": start, "end": end, "how": how} for start, end, how in found]
    return pl.DataFrame(told, schema=schema.kinds(schema.PAUSES))


_NO_PAUSES: Final = schema.empty(schema.PAUSES)


def _own_segments(frame: pl.DataFrame) -> Bools:
    """Where the file itself begins a new segment."""
    if "segment" not in frame.columns:
        return np.zeros(frame.height, dtype=np.bool_)
    number = frame.get_column("segment").fill_null(0).to_numpy()
    return np.asarray(np.diff(number, prepend=number[:1]) != 0, dtype=np.bool_)


def _timer_breaks(
    rows: Rows,
    clock: Ints,
    moved: FloatArray | None,
    timer: Timer,
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
        often = plurals.count(ignored, "time")
        text = f"The timer is said to stop {often} while records and way go on; not taken for pauses."
        rows.tell("timer_events_ignored", ignored, text)


def usual_s_of(step_s: FloatArray) -> float:
    """The usual step between records [s]; 1 where there is none."""
    some = step_s[step_s > 0]
    if not len(some):
        return 1.0
    least = float(some.min())
    return least if np.count_nonzero(some == least) > len(some) // 2 else float(np.median(some))


def clocks(
    rows: Rows, session: Session | None, clock: Ints, pauses: pl.DataFrame, *, timed: bool
) -> tuple[float | None, float | None]:
    """Elapsed and timer time: the device's where they fit the records, else the records' own (T9)."""
    elapsed, timer = number(session, "elapsed_s"), number(session, "timer_s")
    if not timed:
        return elapsed, timer
    span = (int(clock[-1]) - int(clock[0])) / SECOND
    length = 0
    if pauses.height:
        start, end = (pauses.get_column(name).cast(pl.Int64).to_numpy() for name in ("start", "end"))
        length = int((end - start).sum())
    running = max(span - length / SECOND, 0.0)
    if elapsed is not None and elapsed > span and len(clock) < FEW:
        return elapsed, elapsed if timer is None else min(timer, elapsed)
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
