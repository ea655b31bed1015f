"""Who is in a cohort: folders and archives, the coach's two tables, pseudonyms, and what tells a change.

An athlete is a folder, an unopened zip, or both under one name. Names never leave this room: everything behind
it knows pseudonyms, made by a keyed hash, because a plain hash of a name can be undone by hashing every name
of a team. The salt is the key; it is kept apart from the data set, for its owner only, and the same salt gives
the same pseudonyms next season. Tables from a spreadsheet bring columns nobody meant to share, so columns that
sound like a person (name, mail, phone, address, serial, note) are left out and told.
Instead of: numbering the athletes in the order of their folders, which changes with every newcomer.
"""

import csv
import hashlib
import hmac
import io
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from kneeledger.errors import ConfigError
from kneeledger.severity import Profile

__all__ = ["Facts", "Member", "Salt", "facts_table", "injuries_table", "members", "salt", "stamp"]

ATHLETES_CSV: Final = "athletes.csv"
INJURIES_CSV: Final = "injuries.csv"
MOST_CSV_BYTES: Final = 32_000_000
PRIVATE: Final = ("name", "mail", "phone", "address", "serial", "note", "comment", "path", "street")
"""A column with one of these in its name stays out of the data set."""
PROFILE: Final = tuple(one.name for one in fields(Profile))
TRUE: Final = frozenset({"1", "true", "yes", "y", "x"})
FALSE: Final = frozenset({"", "0", "false", "no", "n"})


@dataclass(frozen=True, slots=True)
class Salt:
    """The key of the pseudonyms."""

    key: bytes

    def pseudonym(self, name: str) -> str:
        """The athlete's name in the data set: ``a`` and 12 hexadecimal digits."""
        return f"a{self._digest('athlete', unicodedata.normalize('NFC', name))[:12]}"

    def file(self, name: str, path: str) -> str:
        """What a file that could not be read is called; whoever has the salt can tell which it is."""
        return self._digest("file", f"{name}\0{path}")[:12]

    @property
    def fingerprint(self) -> str:
        """Tells two salts apart and gives nothing away."""
        return self._digest("salt", "")[:8]

    def _digest(self, purpose: str, text: str) -> str:
        return hmac.new(self.key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Member:
    """One athlete's inputs."""

    name: str
    pseudonym: str
    paths: tuple[Path, ...]
    stamp: str
    """Changes with any file's name, size or modification time."""
    size: int
    """Bytes on disk, for the order of work."""
    trouble: str = ""
    """Why nothing can be read, as a code; empty where something can."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the coach's table says of an athlete, as far as it changes a number."""

    mass_kg: float | None = None
    profile: Mapping[str, bool] | None = None


def salt(file: Path, dataset: Path) -> Salt:
    """The salt in `file`, made where there is none.

    Raises
    ------
    ConfigError
        The file lies inside the data set, can be read by others, holds no salt, or cannot be made.
    """
    if dataset.resolve() in file.resolve().parents:
        raise ConfigError(
            f"--salt {file}: the salt must not lie in the data set.",
            hint="Whoever has both can undo the pseudonyms.",
        )
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as out:
                out.write(f"{secrets.token_hex(32)}\n")
        text = file.read_text(encoding="ascii").strip()
        mode = stat.S_IMODE(file.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The salt {file} cannot be used: {error}.") from error
    if os.name != "nt" and mode & 0o077:
        raise ConfigError(f"The salt {file} can be read by others.", hint=f"chmod 600 {file}")
    if len(text) < 32:
        raise ConfigError(f"{file} holds no salt: at least 32 characters are needed.")
    return Salt(text.encode())


def members(folder: Path, key: Salt) -> tuple[list[Member], list[str]]:
    """The athletes of a folder, in order of pseudonym, and notes on what belongs to none.

    Raises
    ------
    ConfigError
        The folder cannot be read, or holds no athlete.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"{folder} cannot be read: {error.strerror or error}.") from error
    grouped: dict[str, list[Path]] = {}
    loose = 0
    for entry in entries:
        if entry.name.startswith(".") or entry.name in (ATHLETES_CSV, INJURIES_CSV):
            continue
        if entry.suffix.lower() == ".zip":
            grouped.setdefault(entry.stem, []).append(entry)
        elif entry.is_dir() or entry.is_symlink():
            grouped.setdefault(entry.name, []).append(entry)
        else:
            loose += 1
    if not grouped:
        raise ConfigError(
            f"{folder} holds no athlete.", hint="One folder or zip an athlete is expected in it."
        )
    found = [_member(name, paths, key) for name, paths in grouped.items()]
    if len({one.pseudonym for one in found}) < len(found):
        raise ConfigError("Two athletes have one pseudonym.", hint="Use another salt.")
    notes = [f"{loose} loose files in {folder} belong to no athlete and were not read."] if loose else []
    return sorted(found, key=lambda one: one.pseudonym), notes


def _member(name: str, paths: list[Path], key: Salt) -> Member:
    mark, size, trouble = stamp(paths)
    return Member(name, key.pseudonym(name), tuple(paths), mark, size, trouble)


def stamp(paths: Sequence[Path]) -> tuple[str, int, str]:
    """Hash over names, sizes and modification times; the bytes on disk; and why nothing can be read."""
    digest = hashlib.sha256()
    size = 0
    troubles = []
    for root in sorted(paths):
        if root.is_symlink():
            troubles.append("link")
            continue
        try:
            with os.scandir(root) if root.is_dir() else root.open("rb"):
                pass
        except OSError:
            troubles.append("unreadable")
        for path, facts in _files(root):
            size += facts.st_size
            digest.update(
                f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
            )
    return digest.hexdigest(), size, troubles[0] if len(troubles) == len(paths) else ""


def _files(root: Path) -> Iterable[tuple[str, os.stat_result]]:
    """Each regular file at or below a path with its facts, in order of name; what vanishes meanwhile is left out."""
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            facts = path.lstat()
            if stat.S_ISDIR(facts.st_mode):
                waiting += sorted(path.iterdir(), reverse=True)
            elif stat.S_ISREG(facts.st_mode):
                yield str(path), facts
        except OSError:
            continue


def facts_table(folder: Path, key: Salt, known: set[str]) -> tuple[pl.DataFrame, dict[str, Facts], list[str]]:
    """``athletes.csv``: the columns for the data set by pseudonym, the facts that change numbers, and notes.

    Raises
    ------
    ConfigError
        The table cannot be read, names an athlete twice, or a cell is out of range.
    """
    rows, columns = _table(folder / ATHLETES_CSV)
    kept, notes = _kept(columns, ATHLETES_CSV)
    facts: dict[str, Facts] = {}
    out: dict[str, list[str | None]] = {"athlete": [], **{name: [] for name in kept}}
    strangers = 0
    for line, row in rows:
        pseudonym = key.pseudonym(row["athlete"])
        if pseudonym not in known:
            strangers += 1
            continue
        if pseudonym in facts:
            raise ConfigError(f"{ATHLETES_CSV}, line {line}: this athlete is there twice.")
        facts[pseudonym] = _facts(row, line)
        out["athlete"].append(pseudonym)
        for name in kept:
            out[name].append(row[name] or None)
    if strangers:
        notes.append(f"{ATHLETES_CSV}: {strangers} athletes have no folder.")
    frame = pl.DataFrame(out, schema=dict.fromkeys(out, pl.String))
    return frame.with_columns(_typed(frame[name]) for name in kept), facts, notes


def injuries_table(
    folder: Path, key: Salt, known: set[str]
) -> tuple[pl.DataFrame, dict[str, tuple[date, ...]] | None, list[str]]:
    """``injuries.csv``: its rows by pseudonym and day, the days by pseudonym (None: there is no table), and notes.

    Raises
    ------
    ConfigError
        The table cannot be read or a date is none.
    """
    if not (folder / INJURIES_CSV).exists():
        return pl.DataFrame(schema={"athlete": pl.String, "day": pl.Date}), None, []
    rows, columns = _table(folder / INJURIES_CSV, needed=("athlete", "date"))
    kept, notes = _kept([name for name in columns if name != "date"], INJURIES_CSV)
    days: dict[str, list[date]] = {}
    out: dict[str, list[str | None]] = {"athlete": [], "day": [], **{name: [] for name in kept}}
    strangers = 0
    for line, row in rows:
        try:
            day = date.fromisoformat(row["date"])
        except ValueError as error:
            raise ConfigError(
                f"{INJURIES_CSV}, line {line}: {row['date']!r} is no date like 2026-05-03."
            ) from error
        pseudonym = key.pseudonym(row["athlete"])
        if pseudonym not in known:
            strangers += 1
            continue
        days.setdefault(pseudonym, []).append(day)
        out["athlete"].append(pseudonym)
        out["day"].append(day.isoformat())
        for name in kept:
            out[name].append(row[name] or None)
    if strangers:
        notes.append(f"{INJURIES_CSV}: {strangers} rows are of athletes without a folder.")
    frame = pl.DataFrame(out, schema=dict.fromkeys(out, pl.String)).with_columns(pl.col("day").str.to_date())
    frame = frame.with_columns(_typed(frame[name]) for name in kept).sort(
        "athlete", "day", maintain_order=True
    )
    return frame, {name: tuple(sorted(some)) for name, some in days.items()}, notes


def _table(
    file: Path, needed: Sequence[str] = ("athlete",)
) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Rows of a CSV with their line, and the columns beside the athlete's; nothing where there is no file."""
    if not file.exists():
        return [], []
    try:
        if file.stat().st_size > MOST_CSV_BYTES:
            raise ConfigError(f"{file.name} is larger than {MOST_CSV_BYTES // 1_000_000} MB.")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read as text ({error}).") from error
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    reader.fieldnames = names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    lacking = [name for name in needed if name not in names]
    if lacking:
        raise ConfigError(f"{file.name} needs a column {lacking[0]!r}.")
    try:
        rows = [
            (reader.line_num, {name: (row.get(name) or "").strip() for name in names if name})
            for row in reader
        ]
    except csv.Error as error:
        raise ConfigError(f"{file.name}: {error}.") from error
    return [pair for pair in rows if any(pair[1].values())], [n for n in names if n and n != "athlete"]


def _kept(columns: Sequence[str], file: str) -> tuple[list[str], list[str]]:
    private = [name for name in columns if any(word in name for word in PRIVATE)]
    notes = [f"{file}: left out of the data set: {', '.join(private)}."] if private else []
    clash = {"day", "status", "code", "injuries", "activities"} & set(columns)
    if clash:
        raise ConfigError(f"{file}: the column {min(clash)!r} has a meaning in the data set; rename it.")
    return [name for name in dict.fromkeys(columns) if name not in private], notes


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
