"""The second decoder: fitparse's messages as the same tables that our own decoder gives.

An independent reading of the same bytes is the best test there is, and fitparse shares no line with our
decoder. It is read as a generator, so that what came before an error is kept, and the first value that is
given counts where one message has a name twice (an all-invalid packed field otherwise wipes a real
distance). Words that its tables of 2019 do not know are looked up in ours, so that a new watch does not
count as a difference.
Instead of: an automatic fallback, which would hide which decoder read a file.
"""

import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl

from kneeledger.errors import CorruptFileError, LimitError, UnsupportedFormatError
from kneeledger.model import Issue
from kneeledger.readers.fit_columns import LOCAL_TIME, UTC_TIME
from kneeledger.readers.fit_layout import is_fit
from kneeledger.readers.fit_profile import words_of

__all__ = ["Messages", "decode"]

Row = dict[str, Any]


class Messages:
    """One FIT file of a chain, as rows by kind of message."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def frame(self, kind: str, columns: Callable[[str], bool] | None = None) -> pl.DataFrame:
        """Messages of a kind with profile names; no columns where there are none."""
        rows = self.rows.get(kind, [])
        names = dict.fromkeys(name for row in rows for name in row)
        return pl.DataFrame(
            [
                _series(name, [row.get(name) for row in rows])
                for name in names
                if columns is None or columns(name)
            ]
        )

    def numbers(self, kind: str, columns: Callable[[str], bool]) -> dict[str, pl.Series]:
        """Some columns of a kind by name."""
        return {series.name: series for series in self.frame(kind, columns).get_columns()}

    def rows_of(self, kind: str, columns: frozenset[str] | None = None) -> list[Row]:
        """Messages of a kind as mappings, with these columns or all."""
        frame = self.frame(kind, None if columns is None else columns.__contains__)
        return frame.to_dicts()


def decode(
    data: bytes, *, path: str, bound: Callable[[str, int], None]
) -> tuple[list[Any], tuple[Issue, ...]]:
    """The FIT files of the chain as fitparse reads them, and where it gave up.

    `bound` is told a kind of message and how many there are by now, and raises where they are too many.

    Raises
    ------
    UnsupportedFormatError
        These are not the bytes of a FIT file.
    CorruptFileError
        fitparse could read nothing of it.
    LimitError
        By `bound`.
    """
    import fitparse

    if not is_fit(data[:16]):
        raise UnsupportedFormatError(path, "not a FIT file")
    found: list[Messages] = [Messages()]
    issues: list[Issue] = []
    counts: Counter[str] = Counter()
    try:
        for message in fitparse.FitFile(io.BytesIO(data), check_crc=False).get_messages():
            if message.name == "file_id" and "file_id" in found[-1].rows:
                found.append(Messages())
            counts[message.name] += 1
            bound(message.name, counts[message.name])
            found[-1].rows.setdefault(message.name, []).append(_row(message))
    except LimitError:
        raise
    except Exception as error:  # fitparse raises anything at all on damaged files
        text = f"fitparse gave up ({type(error).__name__}); what came before was kept."
        issues.append(Issue("fitparse_stopped", 1, text))
    if not any(part.rows for part in found):
        raise CorruptFileError(path, "fitparse can read nothing of it")
    return list(found), tuple(issues)


def _row(message: Any) -> Row:
    """Values of a message by name, the first that is given of each."""
    row: Row = {}
    for entry in message.fields:
        name = entry.name
        if entry.field is not None and entry.field.field_type == "devfield":
            name = f"dev:{name} [{entry.units}]" if entry.units else f"dev:{name}"
        value = _value(entry)
        if row.get(name) is None:
            row[name] = value
    return row


def _value(entry: Any) -> Any:
    """A value as our tables hold it: zone-aware times, words for newer numbers, lists, text up to NUL."""
    value = entry.value
    if isinstance(value, datetime):
        local = entry.field is not None and entry.field.type.name == "local_date_time"
        return value if local else value.replace(tzinfo=UTC)
    if isinstance(value, bytes):
        return value.split(b"\0", 1)[0].decode("utf-8", "replace") or None
    if isinstance(value, tuple):
        return None if all(item is None for item in value) else list(value)
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, int) and entry.field is not None and getattr(entry.field.type, "values", None):
        return words_of(entry.field.type.name).get(value, value)
    return value


def _series(name: str, cells: list[Any]) -> pl.Series:
    """A column of whatever fitparse gave: times, lists, numbers, or text where kinds are mixed."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {datetime}:
        zoned = next(cell for cell in cells if cell is not None).tzinfo is not None
        return pl.Series(name, cells, dtype=UTC_TIME if zoned else LOCAL_TIME)
    if kinds == {int}:
        return pl.Series(name, cells, dtype=pl.Int64, strict=False)
    if kinds <= {int, float, bool}:
        return pl.Series(name, [None if cell is None else float(cell) for cell in cells], dtype=pl.Float64)
    if list in kinds:
        nested = [cell if isinstance(cell, list) else None if cell is None else [cell] for cell in cells]
        return pl.Series(name, nested, strict=False)
    return pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)
