"""Who is in a cohort: folders and archives, pseudonyms, and what tells a change.

An athlete is a folder, an unopened zip, or both under one name. Names go no further than the page and the reports
of who asked for them: the data set knows pseudonyms, made by a keyed hash, because a plain hash of a name can be
undone by hashing every name of a team. Hashes of files are keyed in the same way, for each athlete apart, because
whoever holds one original file could otherwise find its athlete. The salt is the key; it is kept apart from the data
set, for its owner only, and the same salt gives the same pseudonyms next season. What changed is told by paths below
the cohort's folder, so that a folder that was moved is not read again.
Instead of: numbering the athletes in the order of their folders, which changes with every newcomer.
"""

import hashlib
import hmac
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kneeledger import plain_files, plurals
from kneeledger.errors import ConfigError
from kneeledger.ledger.store import write_bytes

__all__ = ["ATHLETES_CSV", "INJURIES_CSV", "Member", "Salt", "members", "salt", "stamp"]

ATHLETES_CSV: Final = "athletes.csv"
INJURIES_CSV: Final = "injuries.csv"
MOST_SALT_BYTES: Final = 100_000


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

    def of_files(self, pseudonym: str) -> bytes:
        """The key under which one athlete's files and activities are named."""
        return bytes.fromhex(self._digest("files", pseudonym))

    @property
    def fingerprint(self) -> str:
        """Tells two salts apart and gives nothing away."""
        return self._digest("salt", "")[:8]

    def _digest(self, purpose: str, text: str) -> str:
        # a name that is not UTF-8 comes from the system with its bytes escaped
        told = f"{purpose}\0{text}".encode("utf-8", "surrogateescape")
        return hmac.new(self.key, told, hashlib.sha256).hexdigest()


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

    @property
    def shown(self) -> str:
        """The name for a page: bytes that are no text and marks that a page could obey are replaced."""
        text = self.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


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
            write_bytes(file, f"{secrets.token_hex(32)}\n".encode())
        text = plain_files.read(file, MOST_SALT_BYTES).decode("ascii").strip()
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise ConfigError(f"The salt {file} cannot be used: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The salt {file} cannot be used: it is no plain text.", hint="Give the file that cohort made."
        ) from error
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
    _unlike(found)
    alone = plurals.count(
        loose,
        f"loose file in {folder} belongs to no athlete and was not read.",
        f"loose files in {folder} belong to no athlete and were not read.",
    )
    notes = [alone] if loose else []
    return sorted(found, key=lambda one: one.pseudonym), notes


def _unlike(found: Sequence[Member]) -> None:
    """Two athletes must not have one pseudonym."""
    by_pseudonym: dict[str, Member] = {}
    for one in found:
        other = by_pseudonym.setdefault(one.pseudonym, one)
        if other is one:
            continue
        if unicodedata.normalize("NFC", other.name) == unicodedata.normalize("NFC", one.name):
            raise ConfigError(
                f"Two folders or zips are both called {one.shown!r}: their names differ only in how a letter with an"
                " accent is written (composed or decomposed).",
                hint="Put what they hold into one folder, or rename one.",
            )
        raise ConfigError("Two athletes have one pseudonym.", hint="Use another salt.")


def _member(name: str, paths: list[Path], key: Salt) -> Member:
    mark, size, trouble = stamp(paths)
    return Member(name, key.pseudonym(name), tuple(paths), mark, size, trouble)


def stamp(paths: Sequence[Path]) -> tuple[str, int, str]:
    """Hash over names (below the folder the paths are in), sizes and modification times; the bytes on disk; and why
    nothing can be read.
    """
    digest = hashlib.sha256()
    size = 0
    troubles = []
    for root in sorted(paths):
        if root.is_symlink():
            troubles.append("link")
            continue
        try:
            with os.scandir(root) if root.is_dir() else open(root, "rb", opener=plain_files.opener):
                pass
        except OSError:
            troubles.append("unreadable")
        for path, facts in _files(root):
            size += facts.st_size
            place = path.relative_to(root.parent).as_posix()
            told = f"{place}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
            digest.update(told.encode("utf-8", "surrogateescape"))
    return digest.hexdigest(), size, troubles[0] if len(troubles) == len(paths) else ""


def _files(root: Path) -> Iterable[tuple[Path, os.stat_result]]:
    """Each regular file at or below a path with its facts, in order of name; what vanishes meanwhile is left out."""
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            facts = path.lstat()
            if stat.S_ISDIR(facts.st_mode):
                waiting += sorted(path.iterdir(), reverse=True)
            elif stat.S_ISREG(facts.st_mode):
                yield path, facts
        except OSError:
            continue
