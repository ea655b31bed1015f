"""What the athlete tells: pain, sessions no watch saw, the opt-in profile. Kept in the ledger, never read from files."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from kneeledger import symptoms
from kneeledger.errors import ConfigError
from kneeledger.ledger.store import Ledger
from kneeledger.severity import Profile

__all__ = [
    "KINDS",
    "add_note",
    "add_pain",
    "export_pain",
    "import_pain",
    "pain",
    "pain_rows",
    "profile",
    "set_profile",
]

KINDS = ("strength", "run", "ride", "other")


def pain(ledger: Ledger, athlete: str) -> pl.DataFrame:
    """The pain log as a frame, in order of date."""
    return symptoms.to_frame(_entries(ledger, athlete))


def pain_rows(ledger: Ledger, athlete: str) -> list[dict[str, Any]]:
    """The pain log as plain rows."""
    return [_plain(entry) for entry in _entries(ledger, athlete)]


def add_pain(ledger: Ledger, athlete: str, entry: symptoms.Entry) -> bool:
    """Add one entry; True where it is the athlete's first."""
    first = not ledger.entries("pain", athlete)
    ledger.add_entry("pain", athlete, _plain(entry))
    return first


def import_pain(ledger: Ledger, athlete: str, file: Path) -> tuple[int, int]:
    """Add the entries of a CSV that are not in the log yet: (added, already there).

    Raises
    ------
    ConfigError
        A cell cannot be read; the log is unchanged.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as text ({error}).") from error
    try:
        told = symptoms.read_csv(text)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}.", hint=error.hint) from error
    have = [_plain(entry) for entry in _entries(ledger, athlete)]
    new = [entry for entry in map(_plain, map(_from_cell, told)) if entry not in have]
    for entry in new:
        ledger.add_entry("pain", athlete, entry)
    return len(new), len(told) - len(new)


def export_pain(ledger: Ledger, athlete: str) -> str:
    """The log as CSV; a note that a spreadsheet would run as a formula gets an apostrophe before it."""
    return symptoms.write_csv([_to_cell(entry) for entry in _entries(ledger, athlete)])


FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _to_cell(entry: symptoms.Entry) -> symptoms.Entry:
    return replace(entry, note=f"'{entry.note}") if entry.note.startswith(FORMULA) else entry


def _from_cell(entry: symptoms.Entry) -> symptoms.Entry:
    quoted = entry.note.startswith("'") and entry.note[1:].startswith(FORMULA)
    return replace(entry, note=entry.note[1:]) if quoted else entry


def add_note(ledger: Ledger, athlete: str, kind: str, minutes: float, day: date) -> None:
    """Note a session that no watch saw.

    Raises
    ------
    ConfigError
        The kind is unknown or the minutes are out of range.
    """
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is none of {', '.join(KINDS)}.")
    if not 0 < minutes <= 1440:
        raise ConfigError(f"{minutes} minutes: more than 0 and at most a day.")
    ledger.add_entry("notes", athlete, {"kind": kind, "minutes": minutes, "date": day.isoformat()})


def profile(ledger: Ledger, athlete: str) -> Profile:
    """The athlete's profile; all off where nothing was told."""
    known = {field.name for field in fields(Profile)}
    return Profile(**{k: bool(v) for k, v in ledger.profile(athlete).items() if k in known})


def set_profile(ledger: Ledger, athlete: str, changes: Mapping[str, bool | None]) -> Profile:
    """Change what was told; None leaves a field as it is."""
    values = asdict(profile(ledger, athlete)) | {k: v for k, v in changes.items() if v is not None}
    ledger.set_profile(athlete, values)
    return profile(ledger, athlete)


def _entries(ledger: Ledger, athlete: str) -> list[symptoms.Entry]:
    return symptoms.entries(_frame(ledger.entries("pain", athlete)))


def _frame(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    if frame.is_empty():
        return symptoms.to_frame([])
    return frame.with_columns(pl.col("date").str.to_date())


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
