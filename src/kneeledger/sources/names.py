"""Names in archives and folders, made fit to be shown and to serve as keys.

Nothing is ever written under a name from an archive, so ``../`` or ``C:`` cannot harm a disk; but names
are printed to terminals, pages and tables, and they are the keys under which the ledger remembers files.
So control and direction marks go, a path keeps only its real parts, and a name that looks like an account
(an @, or any file below Garmin's ``DI_CONNECT``, whose files are named after the mail address) is
replaced by the first eight digits of the SHA-256 of that name. Of the name and not of the content,
because whether a file is unchanged has to be known without reading it.
Instead of: refusing archives with odd names, or hiding names only in the report.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["clean", "is_system", "keys", "shown", "storable", "unique"]

GENERIC_GARMIN = re.compile(r"UploadedFiles_\d+-?_?Part\d+\.zip", re.IGNORECASE)
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*(?:[/\0][A-Za-z0-9_][A-Za-z0-9_. -]*)*")
"""A name that is fit to be shown as it is, as most are; or many, with a null between each and the next."""
SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8}){0,2}$")
SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".localized"})
SYSTEM_FOLDERS = ("__macosx", ".trash", ".spotlight-v100", ".fseventsd", ".temporaryitems", "$recycle.bin")


def is_system(name: str) -> bool:
    """Whether an entry belongs to the file system's own housekeeping, as ``._x`` or ``__MACOSX``."""
    *folders, last = name.lower().split("/")
    if last.startswith("._") or last in SYSTEM_FILES:
        return True
    return any(part.startswith(SYSTEM_FOLDERS) for part in [*folders, last] if part)


def clean(name: str) -> str:
    """A name from an archive as a relative path of real parts, without marks that a terminal obeys."""
    if PLAIN.fullmatch(name) and "\0" not in name:
        return name
    if not name.isprintable():
        name = "".join(char if char.isprintable() else _instead(char) for char in name)
    if "\\" in name:
        name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    if parts and re.fullmatch(r"[A-Za-z]:", parts[0]):
        parts = parts[1:]
    return "/".join(parts) or "unnamed"


def _instead(char: str) -> str:
    return " " if unicodedata.category(char) == "Zs" else "\ufffd"


def shown(name: str, *, above: str = "") -> str:
    """The cleaned name with account-like parts replaced; `above` is the path of what holds it."""
    name = clean(name)
    account = "di_connect" in above.lower() or "di_connect" in name.lower()
    if not account and "@" not in name:
        return name
    *folders, last = name.split("/")
    inside = account and last.lower() != "di_connect" and not GENERIC_GARMIN.fullmatch(last)
    folders = [_digest(part) if "@" in part else part for part in folders]
    return "/".join([*folders, _digest(last) if inside or "@" in last else last])


def keys(names: Sequence[str], *, above: str = "") -> list[str]:
    """All names of one place as `shown` gives them, later ones numbered where they repeat."""
    told = "\0".join(names)
    alone = len(set(names)) == len(names) == told.count("\0") + 1
    if alone and PLAIN.fullmatch(told) and "di_connect" not in f"{above}\0{told}".lower():
        return list(names)
    return unique(shown(name, above=above) for name in names)


def _digest(name: str) -> str:
    found = SUFFIX.search(name)
    suffix = found[0] if found and "@" not in found[0] else ""
    if "." in suffix[1:] and suffix.rpartition(".")[2].lower() != "gz":
        suffix = "." + suffix.rpartition(".")[2]
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8] + suffix


def storable(path: Path | str) -> str:
    """A path on this disk as text that a database takes: a byte that is no UTF-8 by its number."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unique(names: Iterable[str]) -> list[str]:
    """The same names in order, later ones numbered where they repeat: keys may not collide.

    A number that would make the name of another file is passed over.
    """
    told = list(names)
    taken = set(told)
    if len(taken) == len(told):
        return told
    counts: dict[str, int] = {}
    result = []
    for name in told:
        count = counts.get(name, 0) + 1
        key = name
        while count > 1 and (key := f"{name} ({count})") in taken:
            count += 1
        counts[name] = count
        taken.add(key)
        result.append(key)
    return result
