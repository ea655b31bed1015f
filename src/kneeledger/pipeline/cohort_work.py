"""Where a worker's ledger lies while it is needed: private, held by a lock, and swept once nobody holds it.

The ledger of an athlete knows where the files lie, so it must not outlive the run. A worker that is killed
cannot tidy up; its lock, though, is let go by the system, and whoever comes next on that machine (another
worker, the end of this run, the next run) removes what is held by no one. Ledgers lie in the system's
temporary folder and not in the data set: a data set is given away, and may lie on a network disk, where a
database is slow and its locks are not to be trusted.
Instead of: removing what is old, which may be in use.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kneeledger.ledger.store import held, private

__all__ = ["folder", "sweep"]

PREFIX: Final = "kneeledger-athlete-"
LOCK: Final = "in-use"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder of its own for one ledger, gone at the end; what killed workers left here goes first."""
    sweep()
    while True:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
        with contextlib.ExitStack() as stack:
            # another's sweep may come between any two of these lines: then it has the lock, or all is gone
            try:
                mine = stack.enter_context(held(private(place / LOCK)))
            except FileNotFoundError:
                continue
            if not mine or not (place / LOCK).exists():
                continue
            try:
                yield place / "ledger"
            finally:
                shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)  # where a system does not remove what is open
        return


def sweep() -> None:
    """Remove the ledgers of killed workers of this user."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not (place / LOCK).is_file() or place.is_symlink() or not _is_ours(place):
                continue
            with held(place / LOCK) as mine:
                if mine:
                    shutil.rmtree(place, ignore_errors=True)
            if mine:
                shutil.rmtree(place, ignore_errors=True)


def _is_ours(place: Path) -> bool:
    return not hasattr(os, "getuid") or place.lstat().st_uid == os.getuid()
