"""What the athlete tells: pain, sessions no watch saw, the opt-in profile. Kept in the ledger, never read from files."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from kneeledger import plain_files, symptoms
from kneeledger.errors import ConfigError, StoreError
from kneeledger.ledger.store import Ledger
from kneeledger.reporting import writing
from kneeledger.severity import Profile
from kneeledger.workload import PAIN

__all__ = [
    "KINDS",
    "Imported",
    "Note",
    "add_note",
    "add_pain",
    "export_pain",
    "import_pain",
    "notes",
    "pain",
    "profile",
    "remove",
    "rows",
    "set_profile",
    "told_profile",
]

KINDS = ("strength", "run", "ride", "other")
MOST_CSV_BYTES = 32_000_000
"""Of a pain log that is imported; a year of entries is about 30 kB. [byte]"""


def pain(ledger: Ledger, athlete: str) -> pl.DataFrame:
    """The pain log as a frame, in order of date."""
    return symptoms.to_frame(_entries(ledger, athlete))


def rows(ledger: Ledger, kind: str, athlete: str) -> list[dict[str, Any]]:
    """What was noted by hand (``pain`` or ``notes``) in order of date, each with the ``number`` to remove it by."""
    order = {name: place for place, name in enumerate((*PAIN, "kind", "minutes"))}
    told = []
    for number, entry in ledger.numbered(kind, athlete).items():
        known = sorted(entry, key=lambda name: (order.get(name, len(order)), name))
        told.append({"number": number, "date": "", **{name: entry[name] for name in known}})
    return sorted(told, key=lambda row: str(row["date"]))


def remove(ledger: Ledger, kind: str, athlete: str, number: int) -> None:
    """Take back what was noted by hand, by the number it is listed with.

    Raises
    ------
    ConfigError
        There is no such number.
    """
    if not ledger.remove_entry(kind, athlete, number):
        raise ConfigError(f"There is no entry {number}.", hint="The list shows the numbers.")


def add_pain(ledger: Ledger, athlete: str, entry: symptoms.Entry) -> bool:
    """Add one entry; True where it is the athlete's first. Its note is kept as `symptoms.plain_note` has it.

    Raises
    ------
    ConfigError
        It tells nothing, or its day is none that an entry can be about.
    """
    symptoms.bounded(entry.date)
    entry = _with_plain_note(entry)
    if not set(_plain(entry)) - {"date", "side"}:
        raise ConfigError(
            "Nothing is told of the knee.", hint="Say how it felt, such as --during tolerable --after none."
        )
    first = not ledger.entries("pain", athlete)
    ledger.add_entry("pain", athlete, _plain(entry))
    return first


class Imported(NamedTuple):
    """What came of a CSV: entries added, entries that were there, notes that held control characters."""

    added: int
    there: int
    cleaned: int


def import_pain(ledger: Ledger, athlete: str, file: Path) -> Imported:
    """Add the entries of a CSV that are not in the log yet.

    Raises
    ------
    ConfigError
        A cell cannot be read; the log is unchanged.
    """
    try:
        text = plain_files.read(file, MOST_CSV_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: cannot be read as text ({error}).") from error
    try:
        told = [_from_cell(entry) for entry in symptoms.read_csv(text)]
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}.", hint=error.hint) from error
    ledger.lock()  # the copy may give an entry back, and another process may be importing the same
    # a log of an older version may hold notes that would come back changed: they are the same entries
    have = {_key(_plain(_with_plain_note(entry))) for entry in _entries(ledger, athlete)}
    plain = [_with_plain_note(entry) for entry in told]
    new = [entry for entry in map(_plain, plain) if _key(entry) not in have]
    if new:
        ledger.add_entries("pain", athlete, new)
    cleaned = sum(entry.note != before.note for entry, before in zip(plain, told, strict=True))
    return Imported(len(new), len(told) - len(new), cleaned)


def export_pain(ledger: Ledger, athlete: str) -> str:
    """The log as CSV; a note that a spreadsheet would run as a formula gets an apostrophe before it."""
    return symptoms.write_csv([_to_cell(_with_plain_note(entry)) for entry in _entries(ledger, athlete)])


def _to_cell(entry: symptoms.Entry) -> symptoms.Entry:
    return replace(entry, note=writing.quoted(entry.note))


def _from_cell(entry: symptoms.Entry) -> symptoms.Entry:
    return replace(entry, note=writing.unquoted(entry.note))


def _with_plain_note(entry: symptoms.Entry) -> symptoms.Entry:
    return replace(entry, note=symptoms.plain_note(entry.note))


def add_note(ledger: Ledger, athlete: str, kind: str, minutes: float, day: date) -> None:
    """Note a session that no watch saw.

    Raises
    ------
    ConfigError
        The kind is unknown, or the minutes or the day are out of range.
    """
    symptoms.bounded(day)
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is none of {', '.join(KINDS)}.")
    if not 0 < minutes <= 1440:
        raise ConfigError(f"{minutes} minutes: more than 0 and at most a day.")
    ledger.add_entry("notes", athlete, {"kind": kind, "minutes": minutes, "date": day.isoformat()})


def profile(ledger: Ledger, athlete: str) -> Profile:
    """The athlete's profile; all off where nothing was told."""
    known = {field.name for field in fields(Profile)}
    return Profile(**{k: bool(v) for k, v in ledger.profile(athlete).items() if k in known})


def told_profile(ledger: Ledger, athlete: str) -> dict[str, bool | None]:
    """What was told of each field; None where nothing was."""
    told = ledger.profile(athlete)
    return {field.name: told.get(field.name) for field in fields(Profile)}


def set_profile(ledger: Ledger, athlete: str, changes: Mapping[str, bool | None]) -> Profile:
    """Change what was told; None leaves a field as it is."""
    told = told_profile(ledger, athlete) | {k: v for k, v in changes.items() if v is not None}
    ledger.set_profile(athlete, {k: v for k, v in told.items() if v is not None})
    return profile(ledger, athlete)


def _entries(ledger: Ledger, athlete: str) -> list[symptoms.Entry]:
    found = []
    for number, row in ledger.numbered("pain", athlete).items():
        with _understanding("pain", number):
            found.append(symptoms.from_row(row | {"date": date.fromisoformat(row["date"])}))
    return sorted(found, key=lambda entry: entry.date)


class Note(NamedTuple):
    """A session that no watch saw."""

    kind: str
    minutes: float
    day: date


def notes(ledger: Ledger, athlete: str) -> list[Note]:
    """The noted sessions, in order of entry.

    Raises
    ------
    StoreError
        One cannot be understood; says how to take it away.
    """
    found = []
    for number, row in ledger.numbered("notes", athlete).items():
        with _understanding("log", number):
            if row["kind"] not in KINDS or not 0 < row["minutes"] <= 1440:
                raise ValueError(f"{row['kind']!r}, {row['minutes']!r} minutes")
            found.append(Note(row["kind"], float(row["minutes"]), date.fromisoformat(row["date"])))
    return found


@contextmanager
def _understanding(command: str, number: int) -> Iterator[None]:
    """Around the words of one entry: what is none of ours is told with its number, and how to take it away."""
    try:
        yield
    except (ValueError, TypeError, KeyError, ConfigError) as error:
        raise StoreError(
            f"Entry {number} of `kneeledger {command} list` cannot be understood ({error}).",
            hint=f"`kneeledger {command} remove {number}` takes it away.",
        ) from error


def _key(plain: dict[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True)


def _plain(entry: symptoms.Entry) -> dict[str, Any]:
    row = {name: value for name, value in asdict(entry).items() if value not in (None, "", False)}
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else str(value)
        if isinstance(value, str)
        else value
        for name, value in row.items()
    }
