"""Files of a report on disk: private, whole or not at all, the same bytes for the same text.

A report holds training and pain, so its folders and files are readable by their owner only (where the system
knows such rights), and a page is written beside its place and moved there, so that a killed run leaves the old
page and never half of a new one.
Instead of: `Path.write_text`, which does neither.
"""

import os
import tempfile
from pathlib import Path

__all__ = ["folder", "private", "text"]


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
    folder(path.parent)
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    held = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8", "replace"))
        held.replace(path)
    except BaseException:
        held.unlink(missing_ok=True)
        raise
    return path


def private(path: Path) -> Path:
    """Give a file that another library wrote to its owner only; its path."""
    path.chmod(0o600)
    return path
