"""Files that a user names, opened only where they are plain files, and read only up to a bound.

A pipe would be waited for without end, and a link to ``/dev/zero`` fills the memory; both can lie under any
name, and may take a file's place after it was looked at, so what was opened is asked and not the path. What
is refused is an `OSError` whose `strerror` fits a sentence, as everything is that a disk refuses.
Instead of: `Path.read_text`, and a look at the path before it.
"""

import errno
import os
import stat
from pathlib import Path

__all__ = ["opener", "read"]


def opener(path: str, flags: int) -> int:
    """For `open`: a plain file's handle; nothing else is opened or waited for.

    Raises
    ------
    OSError
        It cannot be opened, or is a folder, a pipe or a device.
    """
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    kind = os.fstat(handle).st_mode
    if not stat.S_ISREG(kind):
        os.close(handle)
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, "it is a folder, no file", path)
        raise OSError(errno.EINVAL, "it is no file but a device or a pipe", path)
    return handle


def read(path: Path, most: int) -> bytes:
    """All of a plain file.

    Parameters
    ----------
    path
    most
        A larger file is refused before it fills the memory. [byte]

    Raises
    ------
    OSError
        It cannot be opened or read, is no plain file, or is too large.
    """
    with open(path, "rb", opener=opener) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        large = f"{most // 1_000_000} MB" if most >= 1_000_000 else f"{most // 1_000} kB"
        raise OSError(errno.EFBIG, f"it is larger than {large}", str(path))
    return data
