"""The copy of what was written by hand that lies beside the database, and what a database lacks of it.

The pain log, noted sessions and profiles can be read again from no file, so each change of them is written to
the database and to a copy in plain JSON. Both count the changes. A copy that counts as many as the database, or
more, knows what the database has lost (a journal cut short, a page gone bad), and gives it back before it is
written over. A copy that counts fewer is an old one that somebody put there: what it has and the database lacks
was taken back on purpose.
Instead of: taking the copy's word in everything, where a copy of another ledger would take entries away.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kneeledger.errors import StoreError

__all__ = ["NAME", "Saved", "missing", "read", "set_aside"]

NAME = "by-hand.json"
Row = tuple[str, int, str]
"""Athlete, number, and the entry as JSON."""
MOST = 1 << 53
"""Numbers of entries and of changes stay under this: a larger one is damage."""
CELLS = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Saved:
    """What is written by hand: in a copy, in a database, or what one has and the other lacks."""

    changes: int = 0
    """How many changes by hand it knows of; 0 in a copy of before they were counted."""
    pain: tuple[Row, ...] = ()
    notes: tuple[Row, ...] = ()
    athletes: tuple[tuple[str, str], ...] = ()
    """Athlete, and the profile as JSON."""

    @property
    def count(self) -> int:
        """How many entries and profiles there are."""
        return len(self.pain) + len(self.notes) + len(self.athletes)


def read(file: Path) -> Saved:
    """The copy in a file.

    Raises
    ------
    StoreError
        It cannot be read, or something in it is not what a ledger writes; the file stays as it is.
    """
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - told of the file as the rest is
        return Saved(
            _number(told.get("changes", 0)),
            tuple(_entry("pain", row) for row in _rows(told, "pain")),
            tuple(_entry("notes", row) for row in _rows(told, "notes")),
            tuple(_profile(row) for row in _rows(told, "athletes")),
        )
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{file}, the saved pain log, cannot be read: {error}.",
            hint="Mend it or move it away; a new ledger would write over it.",
        ) from error


def _rows(told: dict[str, Any], name: str) -> list[Any]:
    rows = told.get(name)
    if not isinstance(rows, list):
        raise ValueError(f"it has no list {name!r}")  # noqa: TRY004 - told of the file as the rest is
    return rows


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < MOST:
        raise ValueError(f"{value!r:.60} is no number of it")
    return value


def _entry(name: str, row: Any) -> Row:
    if not isinstance(row, list) or len(row) != 3:
        raise ValueError(f"in {name!r}, {row!r:.60} is no entry")
    athlete, number, text = row
    held = _object(name, text)
    day = held.get("date")
    if day is not None:
        if not isinstance(day, str):
            raise ValueError(f"in {name!r}, {day!r:.60} is no day")
        date.fromisoformat(day)
    return _text(name, athlete), _number(number), text


def _profile(row: Any) -> tuple[str, str]:
    if not isinstance(row, list) or len(row) != 2:
        raise ValueError(f"in 'athletes', {row!r:.60} is no profile")
    _object("athletes", row[1])
    return _text("athletes", row[0]), row[1]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"in {name!r}, {value!r:.60} is no text")  # noqa: TRY004
    value.encode()  # half a character cannot be stored
    return value


def _object(name: str, text: Any) -> dict[str, Any]:
    """The names and plain values in the JSON of a row."""
    held = json.loads(_text(name, text))
    if not isinstance(held, dict) or not all(isinstance(value, CELLS) for value in held.values()):
        raise ValueError(f"in {name!r}, {text!r:.60} is no entry")
    return held


def missing(saved: Saved, held: Saved) -> Saved:
    """What a copy that counts as many changes as a database or more has, and the database has not.

    Of a profile that both have, the one that knows of more changes is the later.
    """
    known = dict(held.athletes)
    later = saved.changes > held.changes
    profiles = (
        (name, profile)
        for name, profile in saved.athletes
        if name not in known or (later and known[name] != profile)
    )
    return Saved(
        saved.changes, _lacking(saved.pain, held.pain), _lacking(saved.notes, held.notes), tuple(profiles)
    )


def _lacking(saved: Sequence[Row], held: Sequence[Row]) -> tuple[Row, ...]:
    """Entries that are not held, each under its own number or, where that is taken, the next free.

    An entry counts as often as it was made: two alike are two.
    """
    there = Counter((athlete, text) for athlete, _, text in held)
    taken = {(athlete, number) for athlete, number, _ in held}
    found = []
    for athlete, number, text in saved:
        if there[athlete, text]:
            there[athlete, text] -= 1
            continue
        free = number
        if (athlete, number) in taken:
            free = 1 + max(n for a, n in taken if a == athlete)
        taken.add((athlete, free))
        found.append((athlete, free, text))
    return tuple(found)


def set_aside(file: Path) -> Path:
    """The new place, beside it, of a file that cannot be read, so that it is not written over.

    Raises
    ------
    OSError
        It cannot be moved.
    """
    number = 1
    while (place := file.with_name(f"{file.stem}-damaged-{number}{file.suffix}")).exists():
        number += 1
    return file.rename(place)
