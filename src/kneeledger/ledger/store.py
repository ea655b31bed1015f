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
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import polars as pl

from kneeledger.errors import DamagedLedgerError, NewerLedgerError, StoreError
from kneeledger.ledger import by_hand, columns, duplicates

__all__ = ["SCHEMA_VERSION", "Ledger"]

SCHEMA_VERSION = 2
"""Version of the tables below.

1  2026-11-22  first: files, activities, metrics, sums, bands, descents, stretches, segments, pain, notes
2  2026-11-29  sums (CRC-32) of track files, activities and tables, so that damage is noticed and not computed with;
               indices that hold all that a day's scan asks of every file and activity, whose rows are long
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
create index if not exists files_content on files (sha256);
create index if not exists files_failed on files (athlete, path) where outcome = 'failed';
create index if not exists files_copies on files (athlete) where code = 'same_content';
create table if not exists segments (
  name text primary key,               -- file name below tracks/
  rows integer not null,
  crc integer                          -- CRC-32 of the file; null: written under schema 1
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
  issues text not null,                -- the same with what preparation and analysis added
  crc integer                          -- CRC-32 of the columns in CHECKED; null: not summed
);
create index if not exists activities_start on activities (athlete, start_us, id, end_us, crc, duplicate_of);
create index if not exists activities_day on activities (athlete, day, freshness, duplicate_of, id);
create index if not exists activities_copies on activities (duplicate_of) where duplicate_of is not null;
create index if not exists activities_path on activities (athlete, path);
create index if not exists activities_segment on activities (segment);
create index if not exists activities_device on activities (device_serial, athlete);
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
  crc integer,                         -- CRC-32 of the text; null: written under schema 1
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


DAMAGE = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT}
)
"""What the database says of itself when it is beyond use: a table that is missing is `SQLITE_ERROR`, an index in
which a row cannot be found breaks a constraint."""
Kind = pl.DataType | type[pl.DataType]
ODD = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException),
)
"""What cells that are not as they were written can raise where they are made numbers and words of."""
REBUILD = "`kneeledger scan --rebuild EXPORT` keeps the pain log and reads the files again."
FIRST_US, LAST_US = 0, 130 * 365_250_000 * 86_400
"""No activity starts before 1970 or after 2100 [us]; the readers are narrower."""
MOST = 1e15
"""No number of an activity is as large: beyond it the bits of its exponent were turned."""
ALIKE: Mapping[str, Kind] = {
    **dict.fromkeys(("id", "sha256"), pl.String),
    **dict.fromkeys(("part", "start", "end"), pl.Int64),
    **dict.fromkeys(("sport", "format", "device_serial"), pl.String),
    **dict.fromkeys(("duration_s", "distance_m"), pl.Float64),
    **dict.fromkeys(("records", "in_progress"), pl.Int64),
    "duplicate_of": pl.String,
}
CHECKED = (
    "id, sha256, part, start_us, end_us, utc_offset_s, day, sport, way, device_serial, by_hand, freshness,"
    " about, context, laps, pauses, read_issues, issues"
)
"""Columns of an activity that are written once, and summed: what is set later (path, segment, copies) is not."""
UNTIL = (
    "case when end_us > start_us then end_us else start_us + 1e6 * coalesce("
    "(select value from metrics where activity = activities.id and name = 'timer_s'), 0) end"
)
"""End of an activity [us]; of totals without one, what their duration makes of it."""
SPANS = f"""
select id, start_us, until, duplicate_of from (
  select id, start_us, duplicate_of, {UNTIL} as until from activities where athlete = ?)
where until >= ? and start_us <= ? order by start_us, id
"""  # noqa: S608 - our own names
"""Id, start and end [us], and what it is a copy of, of whatever an athlete did between two moments."""
MIGRATIONS: Mapping[int, str] = {
    1: "drop index if exists files_outer;\n"
    "drop index if exists activities_day;\n"
    "alter table segments add column crc integer;\n"
    "alter table activities add column crc integer;\n"
    "alter table tables add column crc integer;\n"
    "update meta set value = '[0, 4102444800000000]' where key like 'unsettled:%';\n",
}
"""Statements that lead from a schema version to the next; the pain log and profiles are saved before."""
COLUMNS = tuple(name.strip() for name in CHECKED.split(","))
SHOWN = (
    *("id", "path", "sha256", "part", "utc_offset_s", "day", "sport", "way", "device_serial", "by_hand"),
    *("duplicate_of", "freshness", "segment", "about", "context", "issues", "start", "end"),
)
"""Columns of the frame of activities, in this order."""


OUTLINE = ("start", "end", "utc_offset_s", "day", "sport", "way", "device_serial", "by_hand", "freshness")
"""Of these, what questions ask of every activity."""


class Written(NamedTuple):
    """What an activity is made again from, beside its track: JSON, and what was found of it since."""

    about: str
    context: str
    laps: str
    pauses: str
    read_issues: str
    segment: str
    duplicate_of: str | None


class Ledger:
    """One folder: ``ledger.sqlite`` and ``tracks/``. A context manager.

    `tell` is called with a sentence where another process is waited for, and where something written by hand
    had to be given back or set aside.

    Raises
    ------
    StoreError
        The folder cannot be written, the database is damaged, or it is from a newer version.
    """

    def __init__(
        self, folder: Path | str, *, create: bool = True, tell: Callable[[str], None] | None = None
    ) -> None:
        self.folder = Path(folder)
        self._tell = tell
        self._sound: set[str] = set()
        self._listed: dict[str, pl.DataFrame] | None = None
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
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
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
            copy = self.folder / by_hand.NAME
            if version is None and copy.is_file():
                self._give_back(db, by_hand.missing(by_hand.read(copy), by_hand.Saved()))

    def _version(self, db: sqlite3.Connection) -> int | None:
        """Version of the tables that are there; None where there are none yet."""
        if not db.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
            return None
        row = db.execute("select value from meta where key = 'schema'").fetchone()
        if not row or not str(row[0]).isdecimal():
            raise sqlite3.DatabaseError("its version is no number")
        return int(row[0])

    def _told(self, error: sqlite3.Error | UnicodeDecodeError, what: str) -> StoreError:
        """The error of the database as a sentence, and what to do about it.

        Where a damaged database says what is wrong with it in letters that are none, python has no error of it.
        """
        code = _code(error)
        # a full disk is an I/O error to the database where it was to make its shared memory larger
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(self.folder)):
            what, hint = (
                f"{what}, for the disk is full",
                "Make room and run the same command again; nothing is lost.",
            )
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
            hint = REBUILD
        kind = DamagedLedgerError if code in DAMAGE else StoreError
        return kind(f"The ledger in {self.folder} {what}: {error}.", hint=hint)

    @contextlib.contextmanager
    def parsing(self) -> Iterator[None]:
        """Around what makes numbers and words of the database's cells: whatever is odd there is told as damage.

        Raises
        ------
        DamagedLedgerError
            Something in it went wrong.
        """
        try:
            yield
        except ODD as error:
            raise self._told(sqlite3.DatabaseError("what it holds is damaged"), "cannot be read") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock and the database."""
        self.unlock()
        self._db.close()

    # --- writing -----------------------------------------------------------------------------

    def lock(self, *, wait_s: float = 600.0) -> None:
        """Become the one writer; waits for another process, and says so once.

        The writer looks first whether the copy of what was written by hand knows more than the database.

        Raises
        ------
        StoreError
            Another process held the lock for all of `wait_s`.
        """
        if self._lock is not None:
            return
        self._lock = _hold(self.folder, wait_s, self._tell)
        try:
            self._compare_with_copy()
        except BaseException:
            self.unlock()
            raise

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
            if isinstance(error, sqlite3.Error | UnicodeDecodeError):
                raise self._told(error, "could not be written") from error
            raise

    def sweep(self) -> int:
        """Delete track files of no activity (left by a killed process, or of a file read anew); how many.

        Only for the holder of the lock.
        """
        with self.transaction() as db:
            db.execute(
                "delete from segments where not exists (select 1 from activities where segment = name)"
            )
            named = {row[0] for row in db.execute("select name from segments")}
        swept = 0
        left = [file for file in self.tracks.iterdir() if file.name not in named]
        for file in (*left, *self.folder.glob(".*.tmp")):
            if not file.is_dir():  # some disks of a network keep a folder of their own everywhere
                file.unlink(missing_ok=True)
                swept += 1
        with self.parsing():
            columns.sweep(self.folder, self.athletes())
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
        self._take_away(db, row["athlete"], "id = ?", (row["id"],))
        columns.changed(db, row["athlete"], replaced=False)
        self._unsettle(db, row["athlete"], row["start_us"], row["end_us"])
        activity = row["id"]
        marks = ",".join("?" * len(names))
        db.execute(
            f"insert into activities ({','.join(names)}, crc) values ({marks}, ?)",  # noqa: S608 - our own names
            (*(row[name] for name in names), _crc(_as_kept(row[name]) for name in COLUMNS)),
        )
        # what the activity had of these went with it
        numbers = [(activity, *metric) for metric in row["metrics"]]
        db.executemany("insert into metrics values (?,?,?,?,?)", numbers)
        tables = [
            (activity, name, cells, zlib.crc32(cells.encode())) for name, cells in row["tables"].items()
        ]
        db.executemany("insert into tables values (?,?,?,?)", tables)

    def drop_activities(self, db: sqlite3.Connection, athlete: str, path: str) -> None:
        """Take away the activities that a file gave before."""
        self._take_away(db, athlete, "athlete = ? and path = ?", (athlete, path))

    def _take_away(self, db: sqlite3.Connection, athlete: str, which: str, given: tuple[str, ...]) -> None:
        gone = db.execute(f"select start_us, {UNTIL} from activities where {which}", given).fetchall()  # noqa: S608
        if not gone:
            return
        db.execute(f"delete from activities where {which}", given)  # noqa: S608
        columns.changed(db, athlete, replaced=True)
        with self.parsing():
            for start, until in gone:
                # what was its copy may lie beside it in time
                self._unsettle(
                    db, athlete, int(start) - duplicates.MARGIN_US, int(until) + duplicates.MARGIN_US
                )

    def _unsettle(self, db: sqlite3.Connection, athlete: str, first: int, last: int) -> None:
        """Note that something came or went between two moments [us]: copies are to be looked for around there."""
        before = self.unsettled(athlete) or (first, last)
        around = json.dumps([min(first, before[0]), max(last, before[1])])
        db.execute("insert or replace into meta values (?, ?)", (_unsettled(athlete), around))

    def unsettled(self, athlete: str) -> tuple[int, int] | None:
        """Between which moments [us] copies of the same activity were not yet looked for; None: all are known."""
        rows = self.query("select value from meta where key = ?", (_unsettled(athlete),))
        if not rows:
            return None
        with self.parsing():
            first, last = map(int, json.loads(rows[0][0]))
            return first, last

    def settle(self, athlete: str, copies: Iterable[tuple[str | None, str]]) -> None:
        """Say which activities are copies, and of which; all that came or went is looked at by then.

        `copies` are pairs of the id of the one that counts, None where it is itself, and of the activity.
        """
        with self.transaction() as db:
            db.executemany("update activities set duplicate_of = ? where id = ?", copies)
            db.execute("delete from meta where key = ?", (_unsettled(athlete),))

    def put_segment(self, db: sqlite3.Connection, name: str, rows: int, crc: int | None = None) -> None:
        """Name a track file that is already on disk, so that it stays; `crc` as `write_segment` gave it."""
        db.execute("insert or replace into segments values (?,?,?)", (name, rows, crc))
        self._sound.discard(name)

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
        with self._changing_by_hand() as db:
            count = db.execute("select count(*) from activities where athlete = ?", (athlete,)).fetchone()[0]
            for table in ("files", "activities", "pain", "notes"):
                db.execute(f"delete from {table} where athlete = ?", (athlete,))  # noqa: S608
            db.execute("delete from athletes where name = ?", (athlete,))
            db.execute("delete from meta where key in (?, ?)", (f"edition:{athlete}", _unsettled(athlete)))
            for old, (new, rows, crc) in renamed.items():
                self.put_segment(db, new, rows, crc)
                db.execute("update activities set segment = ? where segment = ?", (new, old))
        self.sweep()
        kept = (*self.folder.glob("by-hand-*.json"), *self.folder.glob("ledger-damaged-*"))
        for file in (*kept, self.folder / "errors.jsonl"):
            file.unlink(missing_ok=True)
        self._db.execute("vacuum")
        self._db.execute("pragma wal_checkpoint(truncate)")
        return int(count)

    def _rewrite_without(self, name: str, athlete: str) -> tuple[str, int, int]:
        """A new track file with the activities that are not the athlete's: its name, rows and sum."""
        others = self.query("select id from activities where segment = ? and athlete <> ?", (name, athlete))
        frame = self._segment(name).filter(pl.col("activity").is_in([row[0] for row in others]))
        new = f"{name.removesuffix('.parquet')}-f.parquet"
        return new, frame.height, write_segment(frame, self.tracks, new)

    def _segment(self, name: str) -> pl.DataFrame:
        """The whole of a track file.

        Raises
        ------
        StoreError
            It is missing or damaged.
        """
        with self._reading_track(name) as file:
            return pl.read_parquet(file)

    @contextlib.contextmanager
    def _reading_track(self, name: str) -> Iterator[Path]:
        """A track file to read, after its sum was found right: once for each opened ledger.

        Raises
        ------
        StoreError
            It is missing or damaged.
        """
        file = self.tracks / name
        try:
            if name not in self._sound:
                told = self.query("select crc from segments where name = ?", (name,))
                if told and told[0][0] is not None and _crc_of_file(file) != told[0][0]:
                    raise ValueError("its checksum is not the one it was written with")
                self._sound.add(name)
            yield file
        except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            self._sound.discard(name)
            raise StoreError(f"The track file {file} cannot be read: {error}.", hint=REBUILD) from error

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
                merged += self._merge(batch)
                batch, rows = [], 0
            batch.append(name)
            rows += count
        self.sweep()
        return merged

    def _merge(self, names: Sequence[str]) -> int:
        """One track file in place of several; how many. A damaged one stays as it is: whoever reads it is told."""
        frames: dict[str, pl.DataFrame] = {}
        for name in names:
            # not what another track file has by now: an activity that was read again
            here = [one for (one,) in self.query("select id from activities where segment = ?", (name,))]
            with contextlib.suppress(StoreError):
                frames[name] = self._segment(name).filter(pl.col("activity").is_in(here))
        if len(frames) < 2:
            return 0
        frame = pl.concat(frames.values())
        new = f"m-{hashlib.sha256(' '.join(frames).encode()).hexdigest()[:16]}.parquet"
        crc = write_segment(frame, self.tracks, new)
        with self.transaction() as db:
            self.put_segment(db, new, frame.height, crc)
            for one in frames:
                db.execute("update activities set segment = ? where segment = ?", (new, one))
                db.execute("delete from segments where name = ?", (one,))
        return len(frames)

    def drop_damaged(self) -> None:
        """Take away the activities that are not as they were written, so that their files are read again.

        Only for the holder of the lock.

        Raises
        ------
        DamagedLedgerError
            What is left cannot be read either: the database is beyond mending.
        """
        bad = {
            *(row[0] for row in self.query(f"select {CHECKED}, crc from activities") if not _sound(row)),  # noqa: S608
            *(
                name
                for name, *row in self.query("select activity, rows, crc from tables")
                if not _sound_table(*row)
            ),
            *(
                name
                for name, *row in self.query("select activity, value, low, high from metrics")
                if not _sound_numbers(row)
            ),
        }
        with self.transaction() as db:
            for name in bad:
                db.execute(
                    "update files set stamp = '' where (athlete, path) in"
                    " (select athlete, path from activities where id = ?)",
                    (name,),
                )
                for (whose,) in db.execute("select athlete from activities where id = ?", (name,)).fetchall():
                    columns.changed(db, whose, replaced=True)
                    db.execute(
                        "delete from meta where key = ?", (_unsettled(whose),)
                    )  # whatever it says by now
                    self._unsettle(db, whose, FIRST_US, LAST_US)
                db.execute("delete from activities where id = ?", (name,))
            for table in ("metrics", "tables"):
                db.execute(f"delete from {table} where activity not in (select id from activities)")  # noqa: S608
            days = db.execute("select distinct day from files where day is not null").fetchall()
            db.executemany("delete from files where day = ?", [day for day in days if not _is_day(day[0])])
        for athlete in self.athletes():
            self.activities(athlete, duplicates=True)
            self.alike(athlete)
            self.metrics(athlete)
            self.sums(athlete)
            self.numbered("pain", athlete)
            self.numbered("notes", athlete)

    # --- asking ------------------------------------------------------------------------------

    def query(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one read-only question.

        Raises
        ------
        StoreError
            The database is damaged or locked for good.
        """
        with self._asking():
            return self._db.execute(sql, arguments).fetchall()

    def query_now(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The same as things are now, whatever `snapshot` it is asked in."""
        with (
            self._asking(),
            contextlib.closing(sqlite3.connect(self.folder / "ledger.sqlite", timeout=30)) as db,
        ):
            return db.execute(sql, arguments).fetchall()

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._told(error, "cannot be read") from error

    def athletes(self) -> list[str]:
        """Names of the athletes with rows, sorted."""
        names = {
            "activities": "athlete",
            "files": "athlete",
            "athletes": "name",
            "pain": "athlete",
            "notes": "athlete",
        }
        return sorted({r[0] for table, name in names.items() for r in self.query(_each(table, name))})

    def other_owner(self, athlete: str, serial: str) -> str | None:
        """Who else has activities of a device; None where nobody has."""
        rows = self.query(
            "select athlete from activities where device_serial = ? and athlete <> ? limit 1",
            (serial, athlete),
        )
        return rows[0][0] if rows else None

    def known_files(self, athlete: str) -> dict[str, str]:
        """Path -> stamp of every file already dealt with; and outer file -> stamp of archives."""
        return dict(self.query("select path, stamp from files where athlete = ?", (athlete,)))

    def activities(self, athlete: str, *, duplicates: bool = False) -> pl.DataFrame:
        """One row an activity, oldest first: the columns of the table, those of laps and pauses apart."""
        rows = self.query(
            f"select {CHECKED}, crc, path, duplicate_of, segment from activities where athlete = ?"  # noqa: S608
            + ("" if duplicates else " and duplicate_of is null")
            + " order by start_us, id",
            (athlete,),
        )
        with self.parsing():
            return _checked(rows, "path", "duplicate_of", "segment").select(SHOWN)

    def outlines(
        self, athlete: str, *, about: Mapping[str, Kind], context: Mapping[str, Kind]
    ) -> pl.DataFrame:
        """One row an activity that counts, oldest first, of what questions ask of every one.

        ``id``, the columns in `OUTLINE`, ``recorded`` (whether it has a track), the named fields of ``about`` and
        ``context`` (null where there is none), and ``codes``, those of its issues.
        """
        shape = [OUTLINE, *sorted({**about, **context}.items())]
        counts = pl.col("duplicate_of").is_null()
        with self.snapshot():
            kept = self._held(athlete, "outlines", shape, partial(self._outlines, athlete, about, context))
            return kept.filter(self.listed(athlete).select(counts).to_series())

    def _outlines(
        self,
        athlete: str,
        about: Mapping[str, Kind],
        context: Mapping[str, Kind],
        only: Sequence[str] | None,
    ) -> pl.DataFrame:
        some, given = _only("a.id", athlete, only)
        rows = self.query(
            f"select {CHECKED}, crc, segment <> '' from activities a where {some} order by start_us, id",  # noqa: S608
            given,
        )
        with self.parsing():
            codes = pl.col("issues").str.json_decode(pl.List(pl.Struct({"code": pl.String})))
            return _checked(rows, "recorded").select(
                "id",
                *OUTLINE,
                pl.col("recorded") == "1",
                pl.col("about").str.json_decode(pl.Struct(about)).struct.unnest(),
                pl.col("context").str.json_decode(pl.Struct(context)).struct.unnest(),
                codes.list.eval(pl.element().struct.field("code")).alias("codes"),
            )

    def written(self, activity: str) -> Written:
        """What one activity is made again from, beside its track.

        Raises
        ------
        DamagedLedgerError
            It is not there, or not as it was written.
        """
        rows = self.query(
            f"select {CHECKED}, crc, segment, duplicate_of from activities where id = ?",  # noqa: S608
            (activity,),
        )
        with self.parsing():
            *held, crc, segment, duplicate_of = rows[0]
            _compare_crc(held, crc)
            told = dict(zip(COLUMNS, held, strict=True)) | {"segment": segment, "duplicate_of": duplicate_of}
            return Written(**{name: told[name] for name in Written._fields})

    def alike(self, athlete: str, around: tuple[int, int] | None = None) -> pl.DataFrame:
        """What tells whether two activities are one, as `duplicates.find` takes it.

        A row for each that is near another in time, or was found to be a copy. With `around`, two moments [us],
        only of what happened between them, and of what is near to that.
        """
        first, last = around or (-(1 << 62), 1 << 62)
        spans: list[tuple[Any, ...]] = []
        while True:
            known, spans = len(spans), self.query(SPANS, (athlete, first, last))
            if around is None or len(spans) == known:
                break
            with self.parsing():
                first = min(int(start) for _, start, *_ in spans) - duplicates.MARGIN_US
                last = max(int(until) for _, _, until, _ in spans) + duplicates.MARGIN_US
        with self.parsing():
            near = duplicates.near(span[:3] for span in spans)
            near += [name for name, *_, copy in spans if copy is not None]
        rows = self.query(
            "select id, sha256, part, start_us, end_us, sport, json_extract(about, '$.format'), device_serial,"
            " timer.value, distance.value, segment <> '', json_type(context, '$.in_progress') is not null,"
            " duplicate_of from activities"
            " left join metrics timer on timer.activity = id and timer.name = 'timer_s'"
            " left join metrics distance on distance.activity = id and distance.name = 'distance_m'"
            " where id in (select value from json_each(?)) order by start_us, id",
            (json.dumps(near),),
        )
        with self.parsing():
            frame = pl.DataFrame(rows, schema=ALIKE, orient="row")
            _bounded_times(frame, "start", "end")
            return frame.with_columns(
                pl.col("start", "end").cast(pl.Datetime("us", "UTC")),
                pl.col("records", "in_progress").cast(pl.Boolean),
            )

    def metrics(self, athlete: str, names: Sequence[str] | None = None) -> pl.DataFrame:
        """Metrics in wide form, one row an activity: ``<name>``, ``<name>_low``, ``<name>_high``.

        Intervals only where one was stored; a name that was asked for is a column in any case.
        """
        if names is None:
            with self.parsing():
                return self._metrics(athlete, None, None)
        wide = self._held(athlete, "metrics", sorted(names), partial(self._metrics, athlete, names))
        lacking = [pl.lit(None, dtype=pl.Float64).alias(name) for name in names if name not in wide.columns]
        ends = [f"{name}{end}" for name in names for end in ("_low", "_high")]
        wanted = sorted([*names, *(end for end in ends if end in wide.columns)])
        return wide.with_columns(lacking).select("id", *wanted)

    def _metrics(self, athlete: str, names: Sequence[str] | None, only: Sequence[str] | None) -> pl.DataFrame:
        some, given = _only("m.activity", athlete, only)
        if names is not None:
            some += " and m.name in (select value from json_each(?))"
            given = (*given, json.dumps(names))
        rows = self.query(
            "select m.activity, m.name, m.value, m.low, m.high from metrics m join activities a"  # noqa: S608
            f" on a.id = m.activity where {some}",
            given,
        )
        places = {activity: place for place, activity in enumerate(dict.fromkeys(row[0] for row in rows))}
        cells: defaultdict[str, list[float | None]] = defaultdict(lambda: [None] * len(places))
        for activity, name, value, low, high in rows:
            place = places[activity]
            cells[name][place] = value
            if low is not None or high is not None:
                cells[f"{name}_low"][place], cells[f"{name}_high"][place] = low, high
        with self.parsing():
            found = [pl.Series(name, cells[name], dtype=pl.Float64) for name in sorted(cells)]
            frame = pl.DataFrame([pl.Series("id", list(places), dtype=pl.String), *found])
            if not frame.select((pl.col(pl.Float64).abs() < MOST).all()).pipe(_all_true):
                raise ValueError("a number beyond all that an activity has")
            return frame

    def tables(
        self,
        athlete: str,
        name: str,
        kinds: Mapping[str, Kind] | None = None,
        *,
        of: pl.DataFrame | None = None,
    ) -> pl.DataFrame:
        """One table of every activity, stacked, oldest first, with the column ``id`` first.

        The columns in `kinds` and no others, null where there is none; all that there are without it. With `of`
        only those of the activities in its column ``id``, and its other columns last.
        """
        load = partial(self._cells, athlete, name, kinds)
        if kinds is None:
            with self.parsing():
                cells = load(None)
        else:
            cells = self._held(athlete, name, sorted(kinds.items()), load)
        with self.parsing():
            if of is None:
                return _stacked(cells, "id")
            beside = cells.join(of, on="id", how="inner", maintain_order="left")
            return _stacked(beside, *of.columns).select(*cells.columns, pl.exclude(cells.columns))

    def _cells(
        self, athlete: str, name: str, kinds: Mapping[str, Kind] | None, only: Sequence[str] | None
    ) -> pl.DataFrame:
        """One table of every activity, a row each: ``id``, and a list a column."""
        some, given = _only("t.activity", athlete, only)
        rows = self.query(
            "select t.activity, t.rows, t.crc from tables t join activities a on a.id = t.activity"  # noqa: S608
            f" where {some} and t.name = ? order by a.start_us, a.id",
            (*given, name),
        )
        with self.parsing():
            for _, text, crc in rows:
                if crc is not None and zlib.crc32(text.encode()) != crc:
                    raise ValueError("a table is not as it was written")
            ids = pl.Series("id", [activity for activity, *_ in rows], dtype=pl.String)
            if kinds is None and not rows:
                return ids.to_frame()
            declared = None
            if kinds is not None:
                declared = pl.Struct({one: pl.List(kind) for one, kind in kinds.items()})
            return _decoded([text for _, text, _ in rows], declared).insert_column(0, ids)

    def sums(self, athlete: str) -> pl.DataFrame:
        """Sufficient sums of the knee model, oldest first: ``id``, and a column a sum, null where it has none."""
        return self._held(athlete, "sums", None, partial(self._sums, athlete))

    def _sums(self, athlete: str, only: Sequence[str] | None) -> pl.DataFrame:
        cells = self._cells(athlete, "sums", None, only)
        with self.parsing():
            return cells.with_columns(pl.exclude("id").cast(pl.Float64))

    def _held(self, athlete: str, table: str, shape: object, load: columns.Load) -> pl.DataFrame:
        """What `columns.held` gives; `shape` tells copies of a table apart that do not hold the same columns."""
        if shape is not None:
            table = f"{table}-{hashlib.sha256(repr(shape).encode()).hexdigest()[:8]}"
        with self.parsing():
            return columns.held(self, athlete, table, load, write=write_bytes)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it, and within a larger one or a transaction, every question sees the same state of the database."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("begin")
        self._listed = {}
        try:
            yield
        finally:
            self._listed = None
            with contextlib.suppress(sqlite3.OperationalError):  # some errors have ended it
                self._db.execute("rollback")  # there is nothing to commit

    def listed(self, athlete: str) -> pl.DataFrame:
        """``id``, ``crc`` and ``duplicate_of`` of every activity, oldest first; within a `snapshot` looked up once."""
        if self._listed is not None and athlete in self._listed:
            return self._listed[athlete]
        rows = self.query(
            "select id, crc, duplicate_of from activities where athlete = ? order by start_us, id", (athlete,)
        )
        with self.parsing():
            kinds = {"id": pl.String, "crc": pl.Int64, "duplicate_of": pl.String}
            frame = pl.DataFrame(rows, schema=kinds, orient="row")
        if self._listed is not None:
            self._listed[athlete] = frame
        return frame

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
        with self._reading_track(rows[0][0]) as file:
            return pl.scan_parquet(file).filter(pl.col("activity") == activity).drop("activity").collect()

    # --- what was written by hand ----------------------------------------------------------------

    def entries(self, kind: str, athlete: str) -> list[dict[str, Any]]:
        """Pain entries (``pain``) or noted sessions (``notes``) of an athlete, in order of entry."""
        return list(self.numbered(kind, athlete).values())

    def numbered(self, kind: str, athlete: str) -> dict[int, dict[str, Any]]:
        """The same by the numbers that `remove_entry` takes."""
        table = {"pain": "pain", "notes": "notes"}[kind]
        rows = self.query(
            f"select number, entry from {table} where athlete = ? order by number",  # noqa: S608
            (athlete,),
        )
        return {number: self._parsed(text) for number, text in rows}

    def add_entry(self, kind: str, athlete: str, entry: Mapping[str, Any]) -> None:
        """Append one pain entry or noted session; saved beside the database as well."""
        self.add_entries(kind, athlete, [entry])

    def add_entries(self, kind: str, athlete: str, entries: Iterable[Mapping[str, Any]]) -> None:
        """Append all of them or, where something goes wrong, none; as `add_entry` does."""
        table = {"pain": "pain", "notes": "notes"}[kind]
        with self._changing_by_hand() as db:
            [(last,)] = db.execute(
                f"select coalesce(max(number), 0) from {table} where athlete = ?",  # noqa: S608
                (athlete,),
            ).fetchall()
            with self.parsing():
                first = int(last) + 1
            db.executemany(
                f"insert into {table} values (?, ?, ?)",  # noqa: S608
                (
                    (athlete, number, json.dumps(entry, ensure_ascii=False, sort_keys=True))
                    for number, entry in enumerate(entries, first)
                ),
            )

    def remove_entry(self, kind: str, athlete: str, number: int) -> bool:
        """Remove one pain entry or noted session by its number; False where there is none. Saved as by `add_entry`."""
        table = {"pain": "pain", "notes": "notes"}[kind]
        with self._changing_by_hand() as db:
            gone = db.execute(
                f"delete from {table} where athlete = ? and number = ?",  # noqa: S608
                (athlete, number),
            )
        return gone.rowcount > 0

    def profile(self, athlete: str) -> dict[str, Any]:
        """The opt-in personal profile of an athlete; empty where there is none."""
        rows = self.query("select profile from athletes where name = ?", (athlete,))
        return self._parsed(rows[0][0]) if rows else {}

    def set_profile(self, athlete: str, profile: Mapping[str, Any]) -> None:
        """Replace the personal profile of an athlete."""
        with self._changing_by_hand() as db:
            db.execute(
                "insert or replace into athletes values (?, ?)",
                (athlete, json.dumps(profile, ensure_ascii=False, sort_keys=True)),
            )

    @contextlib.contextmanager
    def _changing_by_hand(self) -> Iterator[sqlite3.Connection]:
        """A transaction that counts as a change by hand, saved beside the database before it is kept."""
        self.lock()
        try:
            with self.transaction() as db:
                yield db
                self._count_change(db)
                self.backup()
        except BaseException:
            with contextlib.suppress(StoreError, sqlite3.Error):
                self.backup()  # the copy may hold by now what the database did not keep
            raise

    def _parsed(self, text: Any) -> dict[str, Any]:
        """What was written by hand, from its JSON.

        Raises
        ------
        DamagedLedgerError
            The text is damaged.
        """
        with self.parsing():
            told = json.loads(text)
            if not isinstance(told, dict):
                raise TypeError("no object")
            return told

    def backup(self, name: str = by_hand.NAME) -> Path:
        """Write what cannot be read again from files (pain log, notes, profiles) beside the database.

        Raises
        ------
        StoreError
            The disk is full, or the text is damaged: the copy that was saved before stands.
        """
        saved: dict[str, Any] = {"schema": SCHEMA_VERSION, "changes": self._changes(), **self._by_hand()}
        target = self.folder / name
        write_bytes(target, json.dumps(saved, ensure_ascii=False, indent=1).encode())
        return target

    def _by_hand(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that was written by hand, as it is saved.

        Raises
        ------
        DamagedLedgerError
            A text is damaged.
        """
        held = {
            "pain": self.query("select athlete, number, entry from pain order by 1, 2"),
            "notes": self.query("select athlete, number, entry from notes order by 1, 2"),
            "athletes": self.query("select name, profile from athletes order by 1"),
        }
        for row in (*held["pain"], *held["notes"], *held["athletes"]):
            self._parsed(row[-1])
            with self.parsing():
                if [type(cell) for cell in row] not in ([str, int, str], [str, str]):
                    raise TypeError("no name, or no number")
        return held

    def _changes(self) -> int:
        """How many changes by hand the database knows of."""
        rows = self.query("select value from meta where key = 'changes'")
        with self.parsing():
            return int(rows[0][0]) if rows else 0

    def _count_change(self, db: sqlite3.Connection) -> None:
        """One more change by hand, in a transaction."""
        db.execute("insert or replace into meta values ('changes', ?)", (str(self._changes() + 1),))

    def _compare_with_copy(self) -> None:
        """Give the database back what only the saved copy knows, before that is written over; see `by_hand`.

        A copy that cannot be read is set aside, and one is made anew.

        Raises
        ------
        StoreError
            Something cannot be read or written; the copy stands.
        """
        copy = self.folder / by_hand.NAME
        if not copy.is_file():
            return
        try:
            held = self._by_hand()
        except DamagedLedgerError:
            return  # told by whoever reads or saves it; until then the copy may be the only one
        try:
            saved = by_hand.read(copy)
        except StoreError as error:
            try:
                place = by_hand.set_aside(copy)
            except OSError as refused:
                raise _refused(copy, refused) from refused
            self.backup()
            self._say(f"{error.message} It is kept as {place.name}; the ledger was saved anew.")
            return
        changes = self._changes()
        if saved.changes < changes:
            self.backup()  # an old one, which may hold what was taken back since
            return
        missing = by_hand.missing(saved, by_hand.Saved(changes, **{k: tuple(v) for k, v in held.items()}))
        if not missing.count and saved.changes == changes:
            return
        with self.transaction() as db:
            self._give_back(db, missing)
            if missing.count:
                self._count_change(db)
            self.backup()
        if missing.count:
            what = "1 thing that was" if missing.count == 1 else f"{missing.count} things that were"
            self._say(f"The ledger had lost {what} written by hand; the copy in {copy} gave it back.")

    def _give_back(self, db: sqlite3.Connection, missing: by_hand.Saved) -> None:
        """Take in what a copy has; as many changes are known then as it knows of."""
        db.executemany("insert into pain values (?,?,?)", missing.pain)
        db.executemany("insert into notes values (?,?,?)", missing.notes)
        db.executemany("insert or replace into athletes values (?,?)", missing.athletes)
        if missing.changes:
            db.execute("insert or replace into meta values ('changes', ?)", (str(missing.changes),))

    def _say(self, sentence: str) -> None:
        if self._tell is not None:
            self._tell(sentence)


def rebuild(folder: Path, *, athlete: str | None = None, tell: Callable[[str], None] | None = None) -> None:
    """Make the next scan read every file of an athlete again; without one, empty a ledger of all that files tell.

    What the next scan does not come upon stays as it is; pain log, notes and profiles stay in any case. A
    damaged database goes away whole: the copy saved at the last change by hand stands, or what was written by
    hand is saved first, and the new ledger begins with it. Where neither can be read the database is set aside.

    Raises
    ------
    StoreError
        The ledger is of a newer version, another process holds it, or the folder cannot be written.
    """
    folder = Path(folder)
    if not (folder / "ledger.sqlite").exists():
        return
    try:
        with Ledger(folder, create=False, tell=tell) as old:
            if old.query("pragma integrity_check(1)") != [
                ("ok",)
            ]:  # before anything of it meets the saved copy
                raise DamagedLedgerError("the check of the database fails")
            old.lock()
            old.drop_damaged()
            old.backup()
            with old.transaction() as db:
                if athlete is not None:
                    db.execute("update files set stamp = '' where athlete = ?", (athlete,))
                    return
                for table in ("files", "activities", "segments"):
                    db.execute(f"delete from {table}")  # noqa: S608
                db.execute("delete from meta where key like 'edition:%'")
            old.sweep()
    except DamagedLedgerError:
        handle = _hold(folder, 600, tell)
        try:
            if not _saved_by_hand(folder):
                place = by_hand.set_aside(folder / "ledger.sqlite")
                if (folder / "ledger.sqlite-wal").exists():
                    (folder / "ledger.sqlite-wal").rename(f"{place}-wal")
                if tell is not None:
                    tell(
                        f"No pain log, notes or profile can be read; the damaged ledger is kept as {place.name}."
                    )
            for name in ("ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite"):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / "tracks", ignore_errors=True)
            columns.forget(folder)
        except OSError as refused:
            raise _refused(folder, refused) from refused
        finally:
            _unlock(handle)
            handle.close()


def _saved_by_hand(folder: Path) -> bool:
    """Whether what was written by hand lies beside a damaged database; saved now where only that knows it.

    Raises
    ------
    StoreError
        The disk is full.
    """
    copy = folder / by_hand.NAME
    counted = -1
    if copy.is_file():
        with contextlib.suppress(StoreError):
            counted = by_hand.read(copy).changes
    with contextlib.suppress(DamagedLedgerError), Ledger(folder, create=False) as old:
        old._by_hand()
        if old._changes() > counted:
            if copy.is_file():
                by_hand.set_aside(copy)
            old.backup()
        return True
    return counted >= 0


def _hold(folder: Path, wait_s: float, tell: Callable[[str], None] | None) -> Any:
    """The open lock file of a folder, held; see `Ledger.lock`."""
    try:
        handle = private(folder / "write.lock").open("a+b")
    except OSError as error:
        raise _refused(folder, error) from error
    deadline = time.monotonic() + wait_s
    told = False
    while not _try_lock(handle):
        if not told and tell is not None:
            tell("Another kneeledger is writing to this ledger; waiting.")
            told = True
        if time.monotonic() > deadline:
            handle.close()
            raise StoreError(f"Another kneeledger is writing to {folder}.", hint="Try again when it is done.")
        time.sleep(0.1)
    return handle


@contextlib.contextmanager
def held(file: Path) -> Iterator[bool]:
    """Hold the lock of a file that is there, unless another process does; whether it is held.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    with file.open("r+b") as handle:
        mine = _try_lock(handle)
        try:
            yield mine
        finally:
            if mine:
                _unlock(handle)


def _unsettled(athlete: str) -> str:
    """Key in `meta` of what `Ledger.unsettled` tells."""
    return f"unsettled:{athlete}"


def _code(error: Exception) -> int:
    """What the database said; where python itself could not read its text, that it is damaged."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & 0xFF


def _run(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(statement)


def _each(table: str, name: str) -> str:
    """The different values of an indexed column: one look at the index a value, and not one a row."""
    return (
        f"with recursive each(v) as (select min({name}) from {table} union all"  # noqa: S608 - our own names
        f" select (select min({name}) from {table} where {name} > v) from each where v is not null)"
        " select v from each where v is not null"
    )


def _decoded(texts: Sequence[str], kind: pl.Struct | None = None) -> pl.DataFrame:
    """JSON objects as rows; polars reads the text in a fifth of the time that lists of python's numbers take."""
    return pl.Series(texts, dtype=pl.String).str.json_decode(kind, infer_schema_length=None).struct.unnest()


def _stacked(cells: pl.DataFrame, *alone: str) -> pl.DataFrame:
    """Small tables of several activities below each other; a column that one lacks is null there.

    Each column is one of lists, those in `alone` apart, whose value every row of the table has.
    """
    lists = cells.drop(alone)
    if not lists.width:
        return cells
    height = pl.max_horizontal(pl.col(lists.columns).list.len())
    filled = [
        pl.when(pl.col(name).is_null())
        .then(pl.lit(None, dtype=kind.inner).repeat_by(height))  # type: ignore[attr-defined]
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in lists.schema.items()
        if cells[name].null_count()
    ]
    return (
        cells.with_columns(filled)
        .filter(pl.max_horizontal(pl.col(lists.columns).list.len()) > 0)
        .explode(lists.columns)
    )


def _only(column: str, athlete: str, only: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """A condition: all activities of an athlete (table ``a``), or some of them."""
    if only is None:
        return "a.athlete = ?", (athlete,)
    return (
        f"a.athlete = ? and {column} in (select value from json_each(?))",  # noqa: S608 - our own names
        (athlete, json.dumps(only)),
    )


def _crc(cells: Iterable[Any]) -> int:
    """CRC-32 of the cells of a row, as text."""
    return zlib.crc32("\0".join(map(str, cells)).encode())


def _as_kept(cell: Any) -> Any:
    """A cell as the database gives it back: yes, no and 3.0 are whole numbers there."""
    return int(cell) if isinstance(cell, bool | float) and cell == cell // 1 else cell


def _checked(rows: Sequence[Sequence[Any]], *more: str) -> pl.DataFrame:
    """Rows of the columns in `CHECKED`, the sum of each and whatever more was asked for; moments as such.

    Raises
    ------
    ValueError
        A row is not as it was written.
    """
    for row in rows:
        _compare_crc(row[: len(COLUMNS)], row[len(COLUMNS)])
    schema: dict[str, Any] = dict.fromkeys((*COLUMNS, "crc", *more), pl.String)
    schema |= dict.fromkeys(("part", "start_us", "end_us", "utc_offset_s", "by_hand", "crc"), pl.Int64)
    frame = pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)
    _bounded_times(frame, "start_us", "end_us")
    return frame.with_columns(
        pl.from_epoch("start_us", time_unit="us").dt.replace_time_zone("UTC").alias("start"),
        pl.from_epoch("end_us", time_unit="us").dt.replace_time_zone("UTC").alias("end"),
        pl.col("day").str.to_date(),
        pl.col("by_hand").cast(pl.Boolean),
    )


def _compare_crc(cells: Sequence[Any], crc: int | None) -> None:
    if crc is not None and _crc(cells) != crc:
        raise ValueError("a row is not as it was written")


def _sound(row: Sequence[Any]) -> bool:
    """Whether an activity, with its sum last, is as it was written; where none was written, whether it can be."""
    if row[-1] is not None:
        return bool(_crc(row[:-1]) == row[-1])
    told = dict(zip(COLUMNS, row, strict=False))
    texts = (told[name] for name in ("about", "context", "laps", "pauses", "read_issues", "issues"))
    times = (told["start_us"], told["end_us"])
    return (
        _is_day(told["day"])
        and all(isinstance(at, int) and FIRST_US <= at <= LAST_US for at in times)
        and all(_holds(text, dict | list) for text in texts)
    )


def _is_day(text: Any) -> bool:
    try:
        date.fromisoformat(text)
    except (ValueError, TypeError):
        return False
    return True


def _holds(text: Any, kind: Any) -> bool:
    """Whether a text is JSON of a kind."""
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, TypeError, RecursionError):
        return False


def _sound_table(text: Any, crc: int | None) -> bool:
    if crc is None:
        return _holds(text, dict)
    return isinstance(text, str) and zlib.crc32(text.encode()) == crc


def _sound_numbers(cells: Sequence[Any]) -> bool:
    return all(cell is None or (isinstance(cell, float | int) and abs(cell) < MOST) for cell in cells)


def _crc_of_file(file: Path) -> int:
    with file.open("rb") as handle:
        return _crc_of(handle)


def _crc_of(handle: IO[bytes]) -> int:
    """CRC-32 of all that is left to read; a piece at a time, as the file may be large."""
    crc = 0
    while piece := handle.read(1 << 20):
        crc = zlib.crc32(piece, crc)
    return crc


def _bounded_times(frame: pl.DataFrame, *names: str) -> None:
    """Refuse moments that no watch recorded, before a date that python has no word for is made of them."""
    inside = pl.col(names).is_between(FIRST_US, LAST_US)
    if not frame.select(inside.all()).pipe(_all_true):
        raise ValueError("a moment beyond all watches")


def _all_true(row: pl.DataFrame) -> bool:
    return all(value is not False for value in row.row(0)) if row.width else True


LEAST_FREE = 1 << 20
"""Under so many bytes free, an error of input or output is one of a full disk."""


def _is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room; False where it does not say."""
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE
    except OSError:
        return False


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


def write_segment(frame: pl.DataFrame, folder: Path, name: str) -> int:
    """Write one immutable track file: temporary name, sync, rename; its CRC-32.

    Raises
    ------
    StoreError
        The disk is full or the folder cannot be written; nothing of the file is left.
    """
    with _replacing(folder / name) as handle:
        frame.write_parquet(handle, compression="zstd", compression_level=1, row_group_size=16_384)
        handle.flush()
        handle.seek(0)
        return _crc_of(handle)


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
        with private(temporary).open("w+b") as handle:
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
