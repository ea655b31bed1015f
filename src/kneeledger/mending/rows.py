"""What the repairs share: rows under repair, their times in microseconds, and the spells of a stopped timer.

Times are integers here because sums and differences of them must be exact; a null is one reserved number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import schema
from kneeledger.model import FloatArray, Issue

__all__ = [
    "CLOCK_S",
    "FASTEST_MPS",
    "FEW",
    "MOVING_MPS",
    "NO_TIME",
    "SECOND",
    "Bools",
    "Ints",
    "Rows",
    "Session",
    "Timer",
    "as_floats",
    "filled",
    "floats",
    "known_times",
    "number",
    "time_us",
    "with_series",
]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Session = Mapping[str, object]
"""One row of ``schema.SESSIONS``."""
SECOND: Final = 1_000_000
"""Times are in microseconds inside this module."""
NO_TIME: Final = np.iinfo(np.int64).min
MOVING_MPS: Final = 0.5
FASTEST_MPS: Final = 100.0
"""Positions further apart than this allows are not believed [m/s] (formats.md P1)."""
FEW: Final = 10
"""So few records say nothing about how long a leg took; project rule."""
CLOCK_S: Final = 600
"""Smaller forward jumps are never taken for a clock that was set [s]; project rule."""


@dataclass(slots=True)
class Rows:
    """Records under repair: the frame, its times, and what was told."""

    frame: pl.DataFrame
    us: Ints
    """Time of each row [µs], `NO_TIME` where null; shape (n,)."""
    issues: list[Issue] = field(default_factory=list)

    def keep(self, kept: Bools) -> None:
        """Only these rows stay."""
        self.frame = self.frame.filter(pl.Series(kept))
        self.us = self.us[kept]

    def tell(self, code: str, count: int, text: str) -> None:
        """Add an issue."""
        self.issues.append(Issue(code, count, text))


@dataclass(frozen=True, slots=True)
class Timer:
    """Spells in which the timer was stopped, [µs]; shape (m,) each."""

    stop: Ints
    start: Ints
    told: bool
    """Whether the file has timer events at all."""


def time_us(frame: pl.DataFrame) -> Ints:
    """Time of each row [µs], `NO_TIME` where it is null or there is no such column; shape (n,)."""
    if "time" not in frame.columns:
        return np.full(frame.height, NO_TIME, dtype=np.int64)
    time = frame.get_column("time")
    time = (time if time.dtype == schema.TIME else time.cast(schema.TIME)).cast(pl.Int64)
    return (time.fill_null(NO_TIME) if time.null_count() else time).to_numpy()


def known_times(rows: Rows) -> tuple[Ints, Ints]:
    """The known times and which rows they stand in."""
    place = np.flatnonzero(rows.us != NO_TIME).astype(np.int64)
    return rows.us[place], place


def filled(us: Ints) -> Ints:
    """Times with nulls replaced by the last known one, and by the first before it."""
    known = us != NO_TIME
    if known.all() or not known.any():
        return us
    last = np.maximum.accumulate(np.where(known, np.arange(len(us)), -1))
    return np.where(last >= 0, us[np.maximum(last, 0)], us[np.argmax(known)])


def floats(frame: pl.DataFrame, name: str) -> FloatArray | None:
    """A column as numpy, NaN for null; None where it is absent or all null."""
    if name not in frame.columns:
        return None
    series = frame.get_column(name)
    if series.null_count() == len(series):
        return None
    return as_floats(series).to_numpy()


def as_floats(series: pl.Series) -> pl.Series:
    """A column of numbers as floats; itself where it is of them already."""
    return series if schema.is_float(series.dtype) else series.cast(pl.Float64)


def with_series(frame: pl.DataFrame, columns: list[pl.Series]) -> pl.DataFrame:
    """The frame with these finished columns in place of those of their names, or behind the others."""
    by_name = dict(zip(frame.columns, frame.get_columns(), strict=True))
    by_name |= {series.name: series for series in columns}
    return schema.framed(list(by_name.values()))


def number(row: Session | None, key: str) -> float | None:
    """A number of a session row, None where it is missing."""
    value = None if row is None else row[key]
    return value if isinstance(value, float) else None
