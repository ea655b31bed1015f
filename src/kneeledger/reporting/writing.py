"""Files of a report on disk: private, whole or not at all, the same bytes for the same text.

A report holds training and pain, so its folders and files are readable by their owner only (where the system
knows such rights), and a page is written beside its place and moved there, so that a killed run leaves the old
page and never half of a new one.
Instead of: `Path.write_text`, which does neither.
"""

import os
import re
import tempfile
from pathlib import Path

__all__ = ["cell", "data", "folder", "inert", "inert_json", "quoted", "text", "unquoted"]

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula begins with; the last four are the full-width marks that some spreadsheets take for the first four."""
UNSEEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def inert(text: str) -> str:
    """Text whose control characters, which could command a terminal, are replacement signs; lines and tabs stay."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def cell(text: str) -> str:
    """Text for a cell of a CSV, a heading too, that runs in no spreadsheet and commands no terminal."""
    return inert(quoted(text))


def quoted(text: str) -> str:
    """Text with an apostrophe before what a spreadsheet would run as a formula.

    Apostrophes that stand before it already are the writer's own, so one more is put there.
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def unquoted(text: str) -> str:
    """What `quoted` was given."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def inert_json(text: str) -> str:
    """The same JSON with what the format lets through escaped: C1 controls, and marks that turn text around."""
    return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def folder(path: Path) -> Path:
    """The folder, made with those around it where they are missing, for their owner only."""
    if not path.is_dir():
        folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def text(path: Path, content: str) -> Path:
    """Write a text as UTF-8 with plain line ends; its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    return data(path, content.encode("utf-8", "replace"))


def data(path: Path, content: bytes) -> Path:
    """Write bytes; the path. What is no plain file, such as a pipe or a device, is written to as it stands.

    Raises
    ------
    OSError
        The place cannot be written; an old file stands as it was.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return path
    folder(path.parent)
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    held = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        held.replace(path)
    except BaseException:
        held.unlink(missing_ok=True)
        raise
    return path
