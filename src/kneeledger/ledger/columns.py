"""A copy, by columns, of what a question reads of every activity: made by questions, trusted only where nothing changed.

A question about the last weeks rests on the whole history (workloads fade, cadence is held against all runs),
and to read that from rows of SQLite costs a fifth of a millisecond an activity: a second after ten years. The
copy holds the same cells as one Arrow file an athlete and table, a row an activity; what was added since is read
from the database, so that a day costs about the same in the tenth year as in the first.
The database remains the only truth. A copy names the *edition* of the athlete's rows it was taken from, a random
word that changes in the same transaction as any activity that is replaced or taken away; a copy of another
edition, of another layout, or whose sum does not fit, is not looked at. It may be deleted at any time, and where
it cannot be written the question is answered all the same.
Instead of: numbers packed into the database, which nobody could ask about with SQL.
"""

import contextlib
import hashlib
import io
import secrets
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from kneeledger.errors import StoreError

__all__ = ["changed", "folder_of", "forget", "held", "sweep"]

LAYOUT = b"KLC2"
"""First bytes of a copy: layout of what follows. Then CRC-32 of the rest (4 bytes), edition (16), Arrow file."""
LEAST = 64
"""Fewer activities than this are read from the database: no copy is worth its file."""
MOST_LACKING = 1 / 4
"""A copy is written anew where the square of what it lacks is more than this share of all activities: to write costs
by what there is, to read what is lacking by that and each day again, and so both together cost least."""
AT_ONCE = 1024
"""Activities read from the database at a time: their text takes much more memory than their numbers do."""
EDITION_BYTES = 16
Load = Callable[[Sequence[str] | None], pl.DataFrame]
"""From activity ids (None: all of the athlete) to their cells: ``id``, and a row for each that has any."""


class Holder(Protocol):
    """What is needed of a ledger."""

    folder: Path

    def query(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Rows of one question."""
        ...

    def listed(self, athlete: str) -> pl.DataFrame:
        """``id``, ``crc`` and whatever more of every activity of an athlete, oldest first."""
        ...

    def query_now(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Rows of one question as they are now, whatever snapshot this is asked in."""
        ...

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        """Within it every question sees the same state of the database."""
        ...


def folder_of(ledger: Path) -> Path:
    """Where the copies of a ledger lie."""
    return ledger / "columns"


def changed(db: sqlite3.Connection, athlete: str, *, replaced: bool) -> None:
    """Say within a transaction that activities of the athlete were added, or replaced or taken away."""
    how = "replace" if replaced else "ignore"
    edition = secrets.token_hex(EDITION_BYTES // 2)
    db.execute(f"insert or {how} into meta values (?, ?)", (f"edition:{athlete}", edition))  # noqa: S608


def sweep(ledger: Path, athletes: Sequence[str]) -> None:
    """Delete the copies of everybody else, and what a killed process left."""
    kept = tuple(_prefix(athlete) for athlete in athletes)
    for file in folder_of(ledger).glob("*"):
        if not file.name.startswith(kept) and not file.is_dir():
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


def forget(ledger: Path) -> None:
    """Delete all copies."""
    shutil.rmtree(folder_of(ledger), ignore_errors=True)


def held(
    ledger: Holder, athlete: str, table: str, load: Load, *, write: Callable[[Path, bytes], None]
) -> pl.DataFrame:
    """The cells of every activity of an athlete that has any, oldest first: from the copy what is in it.

    Parameters
    ----------
    table : str
        Names the copy; another for whatever has other columns.
    load
        Reads from the database what the copy lacks.
    write
        Writes a file in one step, private; a StoreError of it is passed over.

    Returns
    -------
    frame
        ``id`` and the columns of `load`, null where an activity lacks one.
    """
    which = ("select value from meta where key = ?", (f"edition:{athlete}",))
    with ledger.snapshot():
        known = ledger.listed(athlete).select("id", pl.col("crc").alias(CRC))
        ids = known["id"]
        edition = ledger.query(*which)
        if len(ids) < LEAST or not edition:
            return _in_order(ids, load(None))
        name = str(edition[0][0])
        file = folder_of(ledger.folder) / f"{_prefix(athlete)}{table}.arrow"
        copy = _read(file, name)
        if copy is None:
            lacking = known
        else:
            if not copy.select("id", CRC).equals(known.head(copy.height)):
                # beside a database that was put back, what came after it may hold other numbers under the same id
                copy = copy.join(known, on=["id", CRC], how="semi", nulls_equal=True)
            lacking = known.join(copy, on="id", how="anti", maintain_order="left")
            if lacking.is_empty():
                return _present(ids, copy)
        parts = lacking["id"].to_frame().iter_slices(AT_ONCE)
        fresh = pl.concat([load(part["id"].to_list()) for part in parts], how="diagonal_relaxed")
    added = lacking.join(
        fresh.with_columns(pl.lit(value=True).alias(THERE)), on="id", how="left"
    ).with_columns(pl.col(THERE).fill_null(value=False))
    whole = added if copy is None else pl.concat([copy, added], how="diagonal_relaxed")
    if copy is None or lacking.height**2 > MOST_LACKING * known.height:
        with contextlib.suppress(StoreError, OSError):
            file.parent.mkdir(exist_ok=True, mode=0o700)
            write(file, _bytes(whole, name))
            if ledger.query_now(*which) != edition:
                file.unlink(missing_ok=True)  # whoever was forgotten meanwhile leaves no copy behind
    return _present(ids, whole)


CRC = "\N{NULL}crc"
"""Sum of the activity's row, which names the versions and settings that its numbers rest on."""
THERE = "\N{NULL}there"
"""Whether the activity has the table at all; no column of a table can be called so."""


def _present(ids: pl.Series, whole: pl.DataFrame) -> pl.DataFrame:
    return _in_order(ids, whole).filter(THERE).drop(THERE, CRC)


def _in_order(ids: pl.Series, cells: pl.DataFrame) -> pl.DataFrame:
    if ids.equals(cells["id"]):  # as they are mostly: what is new comes last
        return cells
    return ids.to_frame().join(cells, on="id", how="inner", maintain_order="left")


def _prefix(athlete: str) -> str:
    return f"{hashlib.sha256(athlete.encode()).hexdigest()[:20]}-"


def _bytes(whole: pl.DataFrame, edition: str) -> bytes:
    into = io.BytesIO()
    whole.write_ipc(into)
    body = edition.encode() + into.getvalue()
    return LAYOUT + zlib.crc32(body).to_bytes(4, "big") + body


def _read(file: Path, edition: str) -> pl.DataFrame | None:
    """The copy; None where there is none that can be believed."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    body = memoryview(data)[8:]  # no copy: the pages of one cost as much as reading does
    if data[:4] != LAYOUT or zlib.crc32(body) != int.from_bytes(data[4:8], "big"):
        return None
    if body[:EDITION_BYTES] != edition.encode():
        return None
    try:
        return pl.read_ipc(bytes(body[EDITION_BYTES:]))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None  # written by a polars that this one does not follow
