"""The ledger on disk: one SQLite file, and Parquet segments of measured tracks beside it.

SQLite holds what is asked for often and is small: files, activities, metrics (long rows: a new metric
is a row, not a migration), bands, descents, stretches, the pain log. Parquet holds what is large and
asked for rarely: the measured columns of each track, so that preparation and analysis can be run again
when the sources have moved. Segments are immutable: written under a temporary name, synced, renamed;
their names enter SQLite in the same transaction as the activities in them, so a process killed at any
point leaves either nothing or everything, and a segment that SQLite does not name is swept away by the
next writer. Writers take one lock file, through the operating system on Windows and elsewhere, so two
scans of one ledger never mix; readers need none (WAL).
Instead of: one Parquet file an activity (2,000 small files scan 2.5 times slower than one), or SQLite
rows for every second (three times the size, ten times the time).
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, Self

import polars as pl

from kneeledger.errors import NewerLedgerError, StoreError

__all__ = ["SCHEMA_VERSION", "Ledger"]

SCHEMA_VERSION = 1
"""Version of the tables below.

1  2026-11-22  first: files, activities, metrics, sums, bands, descents, stretches, segments, pain, notes
"""

TABLES = """
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists athletes (
  name text primary key,               -- whose rows these are
  profile text not null default '{}'   -- opt-in personal profile, JSON; never in a report of another
) without rowid;
create table if not exists files (
  athlete text not null,
  path text not null,                  -- path inside path, as shown
  outer text not null,                 -- the file on disk
  stamp text not null,                 -- what tells that it is unchanged: size and time, or CRC and size
  sha256 text not null,                -- of the decompressed bytes; empty where nothing was read
  outcome text not null,               -- read, skipped or failed
  code text not null,                  -- stable word for the reason
  reason text not null,                -- a sentence for a person
  day text,                            -- local day the file speaks of, where that is known
  primary key (athlete, path)
) without rowid;
create index if not exists files_outer on files (athlete, outer, stamp);
create table if not exists segments (
  name text primary key,               -- file name below tracks/
  rows integer not null
) without rowid;
create table if not exists activities (
  id text primary key,                 -- first 12 of SHA-256 of (athlete, content, part)
  athlete text not null,
  path text not null,
  sha256 text not null,
  part integer not null,
  start_us integer not null,           -- microseconds since 1970, UTC
  end_us integer not null,
  utc_offset_s integer,                -- null: unknown
  day text not null,                   -- local day
  sport text not null,
  way text not null,                   -- run, walk, ride or other: of the activity as a whole
  device_serial text,
  by_hand integer not null,
  duplicate_of text,                   -- id of the copy that counts, else null
  freshness text not null,             -- hash of versions, parameters and facts the numbers rest on
  segment text not null,               -- where its measured track is; empty for totals only
  about text not null,                 -- JSON of model.About
  context text not null,               -- JSON of what the export said beside the file
  laps text not null,                  -- JSON rows
  pauses text not null,                -- JSON rows
  read_issues text not null,           -- JSON rows of code, count, text: what reading and mending told
  issues text not null                 -- the same with what preparation and analysis added
);
create index if not exists activities_day on activities (athlete, start_us);
create index if not exists activities_path on activities (athlete, path);
create table if not exists metrics (
  activity text not null references activities (id) on delete cascade,
  name text not null,
  value real, low real, high real,     -- null: unknown; low and high: 90 % interval
  primary key (activity, name)
) without rowid;
create table if not exists tables (
  activity text not null references activities (id) on delete cascade,
  name text not null,                  -- bands, descents, stretches, sums ...
  rows text not null,                  -- JSON: {"columns": [...]} of lists, null where unknown
  primary key (activity, name)
) without rowid;
create table if not exists pain (
  athlete text not null, number integer not null, entry text not null,
  primary key (athlete, number)
) without rowid;
create table if not exists notes (
  athlete text not null, number integer not null, entry text not null,
  primary key (athlete, number)
) without rowid;
"""


DAMAGE = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What the database says of itself when it is beyond use (a table that is missing is `SQLITE_ERROR`)."""
MIGRATIONS: Mapping[int, str] = {}
"""Statements that lead from a schema version to the next; the pain log and profiles are saved before."""


class Ledger:
    """One folder: ``ledger.sqlite`` and ``tracks/``. A context manager.

    Raises
    ------
    StoreError
        The folder cannot be written, the database is damaged, or it is from a newer version.
    """

    def __init__(self, folder: Path | str, *, create: bool = True) -> None:
        self.folder = Path(folder)
        self.tracks = self.folder / "tracks"
        file = self.folder / "ledger.sqlite"
        if not file.exists() and not create:
            raise StoreError(
                f"There is no ledger in {self.folder}.", hint="`kneeledger scan EXPORT` makes one."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.tracks.mkdir(exist_ok=True, mode=0o700)
            private(file)
            self._db = sqlite3.connect(file, timeout=30, isolation_level=None)
            try:
                self._db.execute("pragma journal_mode = wal")
                self._db.execute("pragma synchronous = normal")
                self._db.execute("pragma foreign_keys = on")
                self._open_schema()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.DatabaseError as error:
            raise self._told(error, "cannot be opened") from error
        except OSError as error:
            raise StoreError(
                f"The ledger folder {self.folder} cannot be used: {error.strerror}.",
                hint="Choose another with --ledger DIR.",
            ) from error
        self._lock: Any = None

    def _open_schema(self) -> None:
        if self._version(self._db) == SCHEMA_VERSION:
            return  # nothing to write: no reader waits for a scan
        with self.transaction() as db:
            version = self._version(db)
            if version is not None and version > SCHEMA_VERSION:
                raise NewerLedgerError(
                    f"The ledger in {self.folder} was written by a newer kneeledger (schema {version}).",
                    hint="Update kneeledger, or choose another ledger with --ledger DIR.",
                )
            if version is not None and version < SCHEMA_VERSION:
                self.backup(f"by-hand-v{version}.json")
                for step in range(version, SCHEMA_VERSION):
                    _run(db, MIGRATIONS[step])
            _run(db, TABLES)
            db.execute("insert or replace into meta values ('schema', ?)", (str(SCHEMA_VERSION),))
            if version is None:
                self._put_back(db)

    def _version(self, db: sqlite3.Connection) -> int | None:
        """Version of the tables that are there; None where there are none yet."""
        if not db.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
            return None
        row = db.execute("select value from meta where key = 'schema'").fetchone()
        return int(row[0]) if row else None

    def _told(self, error: sqlite3.Error, what: str) -> StoreError:
        """The error of the database as a sentence, and what to do about it."""
        code = _code(error)
        if code == sqlite3.SQLITE_FULL:
            hint = "The disk is full: make room and run the same command again; nothing is lost."
        elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            hint = "Another program is using it: try again when it is done."
        elif code in (
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_PERM,
            sqlite3.SQLITE_IOERR,
        ):
            hint = "Look at the folder's rights and the disk, or choose another with --ledger DIR."
        else:
            hint = "`kneeledger scan --rebuild EXPORT` keeps the pain log and reads the files again."
        return StoreError(f"The ledger in {self.folder} {what}: {error}.", hint=hint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock and the database."""
        self.unlock()
        self._db.close()

    # --- writing -----------------------------------------------------------------------------

    def lock(self, *, wait_s: float = 600.0, on_wait: Any = None) -> None:
        """Become the one writer; waits for another scan, calling `on_wait` once.

        Raises
        ------
        StoreError
            Another process held the lock for all of `wait_s`.
        """
        if self._lock is not None:
            return
        self._lock = _hold(self.folder, wait_s, on_wait)

    def unlock(self) -> None:
        """Give the writer's lock back."""
        if self._lock is not None:
            _unlock(self._lock)
            self._lock.close()
            self._lock = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing of it."""
        try:
            self._db.execute("begin immediate")
            yield self._db
            self._db.execute("commit")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("rollback")
            if isinstance(error, sqlite3.Error):
                raise self._told(error, "could not be written") from error
            raise

    def sweep(self) -> int:
        """Delete track files of no activity (left by a killed process, or of a file read anew); how many.

        Only for the holder of the lock.
        """
        with self.transaction() as db:
            db.execute("delete from segments where name not in (select segment from activities)")
            named = {row[0] for row in db.execute("select name from segments")}
        swept = 0
        for file in self.tracks.iterdir():
            if file.name not in named:
                file.unlink(missing_ok=True)
                swept += 1
        return swept

    def put_file(
        self,
        db: sqlite3.Connection,
        athlete: str,
        *,
        path: str,
        outer: str,
        stamp: str,
        sha256: str,
        outcome: str,
        code: str = "",
        reason: str = "",
        day: date | None = None,
    ) -> None:
        """Remember what came of one file."""
        db.execute(
            "insert or replace into files values (?,?,?,?,?,?,?,?,?)",
            (athlete, path, outer, stamp, sha256, outcome, code, reason, day and day.isoformat()),
        )

    def put_activity(self, db: sqlite3.Connection, row: Mapping[str, Any]) -> None:
        """Replace one activity with its metrics and tables; `row` as made by `rows.activity_row`."""
        names = [name for name in row if name not in ("metrics", "tables")]
        db.execute("delete from activities where id = ?", (row["id"],))
        marks = ",".join("?" * len(names))
        db.execute(
            f"insert into activities ({','.join(names)}) values ({marks})",  # noqa: S608 - our own names
            [row[name] for name in names],
        )
        # what the activity had of these went with it
        activity = row["id"]
        numbers = [(activity, *metric) for metric in row["metrics"]]
        db.executemany("insert into metrics values (?,?,?,?,?)", numbers)
        tables = [(activity, name, cells) for name, cells in row["tables"].items()]
        db.executemany("insert into tables values (?,?,?)", tables)

    def put_segment(self, db: sqlite3.Connection, name: str, rows: int) -> None:
        """Name a track file that is already on disk, so that it stays."""
        db.execute("insert or replace into segments values (?,?)", (name, rows))

    def forget(self, athlete: str) -> int:
        """Remove everything of one athlete: rows, tracks, pain log, profile; how many activities.

        Track files that others share are written again without theirs first, so that one transaction
        takes everything away.
        """
        self.lock()
        shared = self.query(
            "select distinct segment from activities where athlete = ? and segment in"
            " (select segment from activities where athlete <> ?)",
            (athlete, athlete),
        )
        renamed = {name: self._rewrite_without(name, athlete) for (name,) in shared if name}
        with self.transaction() as db:
            count = db.execute("select count(*) from activities where athlete = ?", (athlete,)).fetchone()[0]
            for table in ("files", "activities", "pain", "notes"):
                db.execute(f"delete from {table} where athlete = ?", (athlete,))  # noqa: S608
            db.execute("delete from athletes where name = ?", (athlete,))
            for old, (new, rows) in renamed.items():
                self.put_segment(db, new, rows)
                db.execute("update activities set segment = ? where segment = ?", (new, old))
        self.sweep()
        self.backup()
        for file in self.folder.glob("by-hand-v*.json"):
            file.unlink()
        self._db.execute("vacuum")
        self._db.execute("pragma wal_checkpoint(truncate)")
        return int(count)

    def _rewrite_without(self, name: str, athlete: str) -> tuple[str, int]:
        """A new track file with the activities that are not the athlete's: its name and rows."""
        others = self.query("select id from activities where segment = ? and athlete <> ?", (name, athlete))
        frame = _segment(self.tracks / name).filter(pl.col("activity").is_in([row[0] for row in others]))
        new = f"{name.removesuffix('.parquet')}-f.parquet"
        write_segment(frame, self.tracks, new)
        return new, frame.height

    def compact(self, *, above: int = 32, target_rows: int = 300_000) -> int:
        """Merge small track files into larger ones; how many were merged.

        The new file is on disk before one transaction swaps it in; the old ones are swept after.
        """
        small = self._db.execute(
            "select name, rows from segments where rows < ? order by name", (target_rows // 8,)
        ).fetchall()
        if len(small) <= above:
            return 0
        merged = 0
        batch: list[str] = []
        rows = 0
        for name, count in [*small, ("", target_rows)]:
            if batch and rows + count > target_rows:
                if len(batch) > 1:
                    frame = pl.concat([_segment(self.tracks / one) for one in batch])
                    new = f"m-{hashlib.sha256(' '.join(batch).encode()).hexdigest()[:16]}.parquet"
                    write_segment(frame, self.tracks, new)
                    with self.transaction() as db:
                        self.put_segment(db, new, rows)
                        for one in batch:
                            db.execute("update activities set segment = ? where segment = ?", (new, one))
                            db.execute("delete from segments where name = ?", (one,))
                    merged += len(batch)
                batch, rows = [], 0
            batch.append(name)
            rows += count
        self.sweep()
        return merged

    # --- asking ------------------------------------------------------------------------------

    def query(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one read-only question.

        Raises
        ------
        StoreError
            The database is damaged or locked for good.
        """
        try:
            return self._db.execute(sql, arguments).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._told(error, "cannot be read") from error

    def athletes(self) -> list[str]:
        """Names of the athletes with rows, sorted."""
        return [
            r[0]
            for r in self.query(
                "select athlete from activities union select athlete from files"
                " union select name from athletes union select athlete from pain"
                " union select athlete from notes order by 1"
            )
        ]

    def serials_of_others(self, athlete: str) -> dict[str, str]:
        """Device serial -> athlete, for every athlete but this one."""
        return dict(
            self.query(
                "select distinct device_serial, athlete from activities"
                " where athlete <> ? and device_serial is not null",
                (athlete,),
            )
        )

    def known_files(self, athlete: str) -> dict[str, str]:
        """Path -> stamp of every file already dealt with; and outer file -> stamp of archives."""
        return dict(self.query("select path, stamp from files where athlete = ?", (athlete,)))

    def activities(self, athlete: str, *, duplicates: bool = False) -> pl.DataFrame:
        """One row an activity, oldest first: the columns of the table, without the JSON ones."""
        names = (
            "id, path, sha256, part, start_us, end_us, utc_offset_s, day, sport, way, device_serial, by_hand,"
            " duplicate_of, freshness, segment, about, context, issues"
        )
        rows = self.query(
            f"select {names} from activities where athlete = ?"  # noqa: S608
            + ("" if duplicates else " and duplicate_of is null")
            + " order by start_us, id",
            (athlete,),
        )
        schema: dict[str, Any] = dict.fromkeys((n.strip() for n in names.split(",")), pl.String)
        schema |= {"part": pl.Int64, "start_us": pl.Int64, "end_us": pl.Int64, "utc_offset_s": pl.Int64}
        schema |= {"by_hand": pl.Int64}
        frame = pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)
        return frame.with_columns(
            pl.from_epoch("start_us", time_unit="us").dt.replace_time_zone("UTC").alias("start"),
            pl.from_epoch("end_us", time_unit="us").dt.replace_time_zone("UTC").alias("end"),
            pl.col("day").str.to_date(),
            pl.col("by_hand").cast(pl.Boolean),
        ).drop("start_us", "end_us")

    def metrics(self, athlete: str, names: Sequence[str] | None = None) -> pl.DataFrame:
        """Metrics in wide form, one row an activity: ``<name>``, ``<name>_low``, ``<name>_high``.

        Intervals only where one was stored.
        """
        chosen = "" if names is None else f" and m.name in ({','.join('?' * len(names))})"
        rows = self.query(
            "select m.activity, m.name, m.value, m.low, m.high from metrics m join activities a"  # noqa: S608
            f" on a.id = m.activity where a.athlete = ?{chosen}",
            (athlete, *(names or ())),
        )
        wide: dict[str, dict[str, float | None]] = {}
        columns: dict[str, None] = {}
        for activity, name, value, low, high in rows:
            one = wide.setdefault(activity, {})
            one[name] = value
            columns[name] = None
            if low is not None or high is not None:
                one[f"{name}_low"], one[f"{name}_high"] = low, high
                columns[f"{name}_low"] = columns[f"{name}_high"] = None
        data: dict[str, Any] = {"id": list(wide)}
        for column in sorted(columns):
            data[column] = pl.Series(column, [one.get(column) for one in wide.values()], dtype=pl.Float64)
        return pl.DataFrame(data, schema_overrides={"id": pl.String})

    def tables(self, athlete: str, name: str) -> pl.DataFrame:
        """One table of every activity, stacked, with the column ``id`` first."""
        rows = self.query(
            "select t.activity, t.rows from tables t join activities a on a.id = t.activity"
            " where a.athlete = ? and t.name = ? order by a.start_us, a.id",
            (athlete, name),
        )
        merged: dict[str, list[Any]] = {"id": []}
        for activity, text in rows:
            columns = json.loads(text)
            height = len(next(iter(columns.values()), []))
            done = len(merged["id"])
            for column, values in columns.items():
                merged.setdefault(column, [None] * done).extend(values)
            merged["id"].extend([activity] * height)
            for column, values in merged.items():
                if len(values) < done + height:
                    merged[column] = values + [None] * (done + height - len(values))
        return pl.DataFrame(merged, infer_schema_length=None)

    def sums(self, athlete: str) -> dict[str, dict[str, float]]:
        """Sufficient sums of the knee model by activity id; see `knee.uncertainty`."""
        rows = self.query(
            "select t.activity, t.rows from tables t join activities a on a.id = t.activity"
            " where a.athlete = ? and t.name = 'sums'",
            (athlete,),
        )
        return {activity: json.loads(text) for activity, text in rows}

    def records(self, activity: str) -> pl.DataFrame | None:
        """The measured columns of one activity; None where only totals are known.

        Raises
        ------
        StoreError
            The track file is missing or damaged.
        """
        rows = self.query("select segment from activities where id = ?", (activity,))
        if not rows or not rows[0][0]:
            return None
        try:
            return (
                pl.scan_parquet(self.tracks / rows[0][0])
                .filter(pl.col("activity") == activity)
                .drop("activity")
                .collect()
            )
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError(
                f"The track of {activity} cannot be read: {error}.",
                hint="`kneeledger scan --rebuild EXPORT` reads it again.",
            ) from error

    def findings_key(self) -> str:
        """A text that changes with any change of rows: for pages that are drawn again only when needed."""
        return str(self._db.execute("pragma data_version").fetchone()[0])

    # --- what was written by hand ----------------------------------------------------------------

    def entries(self, kind: str, athlete: str) -> list[dict[str, Any]]:
        """Pain entries (``pain``) or noted sessions (``notes``) of an athlete, in order of entry."""
        table = {"pain": "pain", "notes": "notes"}[kind]
        return [
            json.loads(r[0])
            for r in self.query(
                f"select entry from {table} where athlete = ? order by number",  # noqa: S608
                (athlete,),
            )
        ]

    def add_entry(self, kind: str, athlete: str, entry: Mapping[str, Any]) -> None:
        """Append one pain entry or noted session; saved beside the database as well."""
        table = {"pain": "pain", "notes": "notes"}[kind]
        self.lock()
        with self.transaction() as db:
            db.execute(
                f"insert into {table} select ?, coalesce(max(number), 0) + 1, ?"  # noqa: S608
                f" from {table} where athlete = ?",
                (athlete, json.dumps(entry, ensure_ascii=False, sort_keys=True), athlete),
            )
        self.backup()

    def profile(self, athlete: str) -> dict[str, Any]:
        """The opt-in personal profile of an athlete; empty where there is none."""
        rows = self.query("select profile from athletes where name = ?", (athlete,))
        return json.loads(rows[0][0]) if rows else {}

    def set_profile(self, athlete: str, profile: Mapping[str, Any]) -> None:
        """Replace the personal profile of an athlete."""
        self.lock()
        with self.transaction() as db:
            db.execute(
                "insert or replace into athletes values (?, ?)",
                (athlete, json.dumps(profile, ensure_ascii=False, sort_keys=True)),
            )
        self.backup()

    def backup(self, name: str = "by-hand.json") -> Path:
        """Write what cannot be read again from files (pain log, notes, profiles) beside the database."""
        saved = {
            "schema": SCHEMA_VERSION,
            "pain": self.query("select athlete, number, entry from pain order by 1, 2"),
            "notes": self.query("select athlete, number, entry from notes order by 1, 2"),
            "athletes": self.query("select name, profile from athletes order by 1"),
        }
        target = self.folder / name
        write_bytes(target, json.dumps(saved, ensure_ascii=False, indent=1).encode())
        return target

    def _put_back(self, db: sqlite3.Connection) -> None:
        """Into a ledger that is new, what `backup` saved of the one before it.

        Raises
        ------
        StoreError
            The saved file is damaged: a new ledger would write over the only copy.
        """
        file = self.folder / "by-hand.json"
        if not file.is_file():
            return
        try:
            saved = json.loads(file.read_text(encoding="utf-8"))
            db.executemany("insert or ignore into pain values (?,?,?)", saved["pain"])
            db.executemany("insert or ignore into notes values (?,?,?)", saved["notes"])
            db.executemany("insert or ignore into athletes values (?,?)", saved["athletes"])
        except (ValueError, KeyError, TypeError, sqlite3.ProgrammingError) as error:
            raise StoreError(
                f"{file}, the saved pain log, cannot be read: {error}.",
                hint="Mend it or move it away; a new ledger would write over it.",
            ) from error


def rebuild(folder: Path, *, on_wait: Any = None) -> None:
    """Empty a ledger of all that can be read again from the files; pain log, notes and profiles stay.

    A damaged database goes away whole: what was written by hand is saved first where it can still be read
    (else the copy saved at its last change stands), and the new ledger begins with it.

    Raises
    ------
    StoreError
        The ledger is of a newer version, another process holds it, or the folder cannot be written.
    """
    folder = Path(folder)
    if not (folder / "ledger.sqlite").exists():
        return
    try:
        with Ledger(folder, create=False) as old:
            old.lock(on_wait=on_wait)
            if old.query("pragma quick_check(1)") != [("ok",)]:
                raise sqlite3.DatabaseError("the check of the database fails")
            old.backup()
            with old.transaction() as db:
                for table in ("files", "activities", "segments"):
                    db.execute(f"delete from {table}")  # noqa: S608
            old.sweep()
    except (StoreError, sqlite3.DatabaseError) as error:
        cause = error if isinstance(error, sqlite3.Error) else error.__cause__
        if not isinstance(cause, sqlite3.Error) or _code(cause) not in DAMAGE:
            raise
        handle = _hold(folder, 600, on_wait)
        try:
            for name in ("ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite"):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / "tracks", ignore_errors=True)
        except OSError as refused:
            raise _refused(folder, refused) from refused
        finally:
            _unlock(handle)
            handle.close()


def _hold(folder: Path, wait_s: float, on_wait: Any) -> Any:
    """The open lock file of a folder, held; see `Ledger.lock`."""
    try:
        handle = private(folder / "write.lock").open("a+b")
    except OSError as error:
        raise _refused(folder, error) from error
    deadline = time.monotonic() + wait_s
    told = False
    while not _try_lock(handle):
        if not told and on_wait is not None:
            on_wait()
            told = True
        if time.monotonic() > deadline:
            handle.close()
            raise StoreError(f"Another kneeledger is writing to {folder}.", hint="Try again when it is done.")
        time.sleep(0.1)
    return handle


def _code(error: sqlite3.Error) -> int:
    """What the database said; where python itself could not read its text, that it is damaged."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & 0xFF


def _run(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(statement)


def _segment(file: Path) -> pl.DataFrame:
    """A track file.

    Raises
    ------
    StoreError
        It is missing or damaged.
    """
    try:
        return pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(
            f"The track file {file} cannot be read: {error}.",
            hint="`kneeledger scan --rebuild EXPORT` keeps the pain log and reads the files again.",
        ) from error


def _refused(place: Path, error: Exception) -> StoreError:
    """What the system said of a place that cannot be written."""
    why = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "Make room and run the same command again; nothing is lost."
    else:
        hint = "Look at the rights of the folder, or choose another with --ledger DIR."
    return StoreError(f"{place} cannot be written: {why}.", hint=hint)


def private(file: Path) -> Path:
    """The file, made empty for its owner only where it is missing; its rights narrowed where it is there."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        with contextlib.suppress(OSError):
            file.chmod(0o600)
    return file


def write_segment(frame: pl.DataFrame, folder: Path, name: str) -> None:
    """Write one immutable track file: temporary name, sync, rename.

    Raises
    ------
    StoreError
        The disk is full or the folder cannot be written; nothing of the file is left.
    """
    with _replacing(folder / name) as handle:
        frame.write_parquet(handle, compression="zstd", compression_level=1, row_group_size=16_384)


def write_bytes(target: Path, data: bytes) -> None:
    """Replace a small file in one step, readable by its owner only.

    Raises
    ------
    StoreError
        The disk is full or the folder cannot be written; the old file stands.
    """
    with _replacing(target) as handle:
        handle.write(data)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with private(temporary).open("wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(target)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _refused(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a zone-aware moment, exact."""
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


_compact = json.JSONEncoder(default=str, separators=(",", ":")).encode


def columns_json(columns: Mapping[str, Any]) -> str:
    """A small table as JSON columns, or sums by name; null where unknown."""
    return _compact(columns)


if os.name == "nt":
    import msvcrt

    def _try_lock(handle: Any) -> bool:
        handle.seek(0)
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True

    def _unlock(handle: Any) -> None:
        handle.seek(0)
        with contextlib.suppress(OSError):
            msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _try_lock(handle: Any) -> bool:
        try:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(handle: Any) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle.fileno(), fcntl.LOCK_UN)
