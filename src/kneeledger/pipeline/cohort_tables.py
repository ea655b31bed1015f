"""The coach's two tables beside the athletes: facts and outcomes by pseudonym, as far as they may be shared.

Tables from a spreadsheet bring columns nobody meant to share, so what sounds like a person stays out of the data set
and the rest is looked through for the athletes' names (`cohort_private`); the tally says what was kept and what was
left out. A table that cannot be right stops the run before any work, with its line: a study made from a table read
half is worse than none.
Instead of: taking only columns that we know, which would lose every study's own facts.
"""

import csv
import io
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import chain, repeat
from pathlib import Path
from typing import Final

import polars as pl

from kneeledger import plain_files, plurals
from kneeledger.errors import ConfigError
from kneeledger.pipeline.cohort_codebook import ATHLETE, INJURY
from kneeledger.pipeline.cohort_folders import ATHLETES_CSV, INJURIES_CSV, Member, Salt
from kneeledger.pipeline.cohort_private import is_personal, without_names
from kneeledger.severity import Profile

__all__ = ["Facts", "facts_table", "injuries_table"]

MOST_CSV_BYTES: Final = 32_000_000
MOST_COLUMNS: Final = 1_000
MOST_CELLS: Final = 5_000_000
PROFILE: Final = tuple(one.name for one in fields(Profile))
TRUE: Final = frozenset({"1", "true", "yes", "y", "x"})
FALSE: Final = frozenset({"", "0", "false", "no", "n"})
LINES_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """What the coach's table says of an athlete, as far as it changes a number."""

    mass_kg: float | None = None
    profile: Mapping[str, bool] | None = None


def facts_table(
    folder: Path, key: Salt, there: Sequence[Member]
) -> tuple[pl.DataFrame, dict[str, Facts], list[str]]:
    """``athletes.csv``: the columns for the data set by pseudonym, the facts that change numbers, and notes.

    Raises
    ------
    ConfigError
        The table cannot be read, names an athlete or a column twice, or a cell is out of range.
    """
    rows, columns = _table(folder / ATHLETES_CSV)
    kept, notes = _kept(columns, ATHLETES_CSV, ATHLETE)
    known = {one.pseudonym for one in there}
    facts: dict[str, Facts] = {}
    out: dict[str, list[str | None]] = {"athlete": [], **{name: [] for name in kept}}
    strangers = []
    for line, row in rows:
        pseudonym = key.pseudonym(row["athlete"])
        if pseudonym not in known:
            strangers.append(line)
            continue
        if pseudonym in facts:
            raise ConfigError(f"{ATHLETES_CSV}, line {line}: this athlete is there twice.")
        facts[pseudonym] = _facts(row, line)
        out["athlete"].append(pseudonym)
        for name in kept:
            out[name].append(row[name] or None)
    if strangers:
        who = plurals.count(len(strangers), "athlete has", "athletes have")
        notes.append(f"{ATHLETES_CSV}: {who} no folder ({_lines(strangers)}).")
    frame, more = _shared(out, kept, there, ATHLETES_CSV)
    return frame, facts, notes + more


def injuries_table(
    folder: Path, key: Salt, there: Sequence[Member]
) -> tuple[pl.DataFrame, dict[str, tuple[date, ...]] | None, list[str]]:
    """``injuries.csv``: its rows by pseudonym and day, the days by pseudonym (None: there is no table), and notes.

    Raises
    ------
    ConfigError
        The table cannot be read, names a column twice, or a date is none.
    """
    if not (folder / INJURIES_CSV).exists():
        return pl.DataFrame(schema={"athlete": pl.String, "day": pl.Date}), None, []
    rows, columns = _table(folder / INJURIES_CSV, needed=("athlete", "date"))
    kept, notes = _kept([name for name in columns if name != "date"], INJURIES_CSV, INJURY)
    known = {one.pseudonym for one in there}
    days: dict[str, list[date]] = {}
    out: dict[str, list[str | None]] = {"athlete": [], "day": [], **{name: [] for name in kept}}
    strangers = []
    for line, row in rows:
        try:
            day = date.fromisoformat(row["date"])
        except ValueError as error:
            raise ConfigError(
                f"{INJURIES_CSV}, line {line}: {row['date']!r} is no date like 2026-05-03."
            ) from error
        pseudonym = key.pseudonym(row["athlete"])
        if pseudonym not in known:
            strangers.append(line)
            continue
        days.setdefault(pseudonym, []).append(day)
        out["athlete"].append(pseudonym)
        out["day"].append(day.isoformat())
        for name in kept:
            out[name].append(row[name] or None)
    if strangers:
        what = plurals.count(len(strangers), "row is of an athlete", "rows are of athletes")
        notes.append(f"{INJURIES_CSV}: {what} without a folder ({_lines(strangers)}).")
    frame, more = _shared(out, kept, there, INJURIES_CSV)
    frame = frame.with_columns(pl.col("day").str.to_date()).sort("athlete", "day", maintain_order=True)
    return frame, {name: tuple(sorted(some)) for name, some in days.items()}, notes + more


def _lines(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:LINES_TOLD]))
    more = f" and {len(numbers) - LINES_TOLD} more" if len(numbers) > LINES_TOLD else ""
    return f"line{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _table(
    file: Path, needed: Sequence[str] = ("athlete",)
) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Rows of a CSV with their line, and the columns beside the athlete's; nothing where there is no file."""
    try:
        text = plain_files.read(file, MOST_CSV_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} cannot be read as text ({error}).") from error
    stream = io.StringIO(text, newline=None)
    lines = csv.reader(stream, delimiter=max(",;\t", key=stream.readline().count))
    stream.seek(0)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        names = _headings(next(lines, []), file.name)
        lacking = [name for name in needed if name not in names]
        if lacking:
            raise ConfigError(f"{file.name} needs a column {lacking[0]!r}.")
        for cells in lines:
            given = zip(names, chain(map(str.strip, cells), repeat("")), strict=False)
            row = {name: cell for name, cell in given if name}
            if any(row.values()):
                rows.append((lines.line_num, row))
            if len(rows) * len(names) > MOST_CELLS:
                raise ConfigError(f"{file.name} has more than {MOST_CELLS:,} cells.")
    except csv.Error as error:
        raise ConfigError(
            f"{file.name}, line {lines.line_num}: a cell or a heading has more than {csv.field_size_limit():,}"
            " characters.",
            hint='Look there for a quotation mark (") that is never closed.',
        ) from error
    return rows, [name for name in names if name and name != "athlete"]


def _headings(written: Sequence[str], file: str) -> list[str]:
    """Names of columns as they are used: small letters, no blanks around, each once."""
    if len(written) > MOST_COLUMNS:
        raise ConfigError(
            f"{file} has more than {MOST_COLUMNS:,} columns.", hint="Leave out what no study needs."
        )
    seen: dict[str, str] = {}
    names = []
    for heading in written:
        name = unicodedata.normalize("NFC", heading).strip().lower()
        if name in seen:
            raise ConfigError(
                f"{file}: the columns {seen[name]!r} and {heading!r} have one name.",
                hint="Rename or remove one of them.",
            )
        if name:
            seen[name] = heading
        names.append(name)
    return names


def _kept(columns: Sequence[str], file: str, taken: Collection[str]) -> tuple[list[str], list[str]]:
    """The columns for the data set, and what is said of them."""
    clash = [name for name in columns if name in taken]
    if clash:
        raise ConfigError(f"{file}: the column {clash[0]!r} has a meaning in the data set; rename it.")
    kept = [name for name in columns if not is_personal(name)]
    left = [name for name in columns if is_personal(name)]
    notes = [f"{file}: kept in the data set: {', '.join(kept)}."] if kept else []
    if left:
        notes.append(f"{file}: left out of the data set, as they sound like a person: {', '.join(left)}.")
    return kept, notes


def _shared(
    out: Mapping[str, Sequence[str | None]], kept: Sequence[str], there: Sequence[Member], file: str
) -> tuple[pl.DataFrame, list[str]]:
    """The table with typed columns, cells that hold an athlete's name emptied, and a note on those."""
    frame = pl.DataFrame(out, schema=dict.fromkeys(out, pl.String))
    cleaned, emptied = without_names(frame, kept, [one.name for one in there])
    notes = [
        f"{file}: {count} cell{'s' if count > 1 else ''} of the column {name!r} held an athlete's name and"
        f" {'are' if count > 1 else 'is'} empty in the data set."
        for name, count in emptied.items()
    ]
    return cleaned.with_columns(_typed(cleaned[name]) for name in kept), notes


DECIMAL_COMMA: Final = r"^(-?\d+),(\d{1,2})$"
"""What a spreadsheet of half of Europe writes; more digits behind the comma may be thousands and stay text."""


def _typed(column: pl.Series) -> pl.Series:
    """Numbers where every cell is one, else text."""
    numbers = column.str.replace(DECIMAL_COMMA, "$1.$2").cast(pl.Float64, strict=False)
    if numbers.null_count() != column.null_count() or not numbers.is_finite().fill_null(value=True).all():
        return column
    whole = numbers.cast(pl.Int64, strict=False)
    return whole if (whole.cast(pl.Float64) == numbers).fill_null(value=True).all() else numbers


def _facts(row: Mapping[str, str], line: int) -> Facts:
    mass = None
    if text := row.get("mass_kg", ""):
        try:
            mass = float(text.replace(",", "."))
        except ValueError:
            mass = -1.0
        if not 20 <= mass <= 300:
            raise ConfigError(f"{ATHLETES_CSV}, line {line}: mass_kg is no number from 20 to 300 [kg].")
    profile = {}
    for name in PROFILE:
        cell = row.get(name, "").lower()
        if cell not in TRUE | FALSE:
            raise ConfigError(f"{ATHLETES_CSV}, line {line}, {name}: {cell!r} is neither yes nor no.")
        profile[name] = cell in TRUE
    return Facts(mass, profile)
