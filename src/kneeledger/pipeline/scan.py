"""Bring a ledger up to date with an export: find, read what is new, and say what came of each file.

Only this process writes: workers hand back rows and the name of a finished track file, and one
transaction a batch makes both part of the ledger. What is unchanged is decided without reading it.
"""

import bisect
import hashlib
import json
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from kneeledger import executors, exports, mending, preparation, schema, sources
from kneeledger.config import Config
from kneeledger.errors import StoreError
from kneeledger.ledger import duplicates, rows
from kneeledger.ledger.store import Ledger, write_bytes
from kneeledger.model import About, AltitudeSource, CadenceChoice, Issue, Recording, Source
from kneeledger.pipeline import settings
from kneeledger.pipeline.entries import Batch, Outcome, entry, freshness, plain, work
from kneeledger.sources import names

__all__ = ["ScanResult", "memory", "refresh", "scan"]

BATCH_BYTES = 3_000_000
BATCH_FILES = 24
BATCH_ROWS = 100
"""Totals of a table that are written at once."""
NO_RECORDS, NO_LAPS, NO_PAUSES = map(schema.empty, (schema.RECORDS, schema.LAPS, schema.PAUSES))
DAY = re.compile(r"(?<!\d)(20\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)")
MATCH_S = 300.0
"""An export's totals belong to a file that starts this near."""
READER_VERSION = f"{mending.VERSION}.{preparation.VERSION}"
FILE_COLUMNS = ("path", "outer", "stamp", "sha256", "outcome", "code", "reason")


@dataclass(slots=True)
class ScanResult:
    """The tally of one scan. `files` = read + unchanged + skipped + failed."""

    files: int = 0
    activities: int = 0
    read: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    duplicates: int = 0
    """Copies in the ledger that are not counted: the same bytes again, or the same activity."""
    seconds: float = 0.0
    skipped_by_kind: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, str]] = field(default_factory=list)
    advice: str = ""
    verified: list[str] = field(default_factory=list)
    """What the second decoder said of the files it read too."""


def scan(
    paths: Sequence[Path],
    ledger: Ledger,
    *,
    athlete: str,
    config: Config,
    decoder: str = "kneeledger",
    jobs: int = 1,
    cluster: str | None = None,
    accept_device: Callable[[str, str], bool] = lambda _serial, _other: False,
    progress: Callable[[ScanResult], None] | None = None,
    keep_tracks: bool = True,
) -> ScanResult:
    """Read what is new below `paths` into an athlete's rows of the ledger.

    `keep_tracks` is false for a ledger that is thrown away: nothing can be computed again from it.

    Raises
    ------
    StoreError
        The ledger cannot be written, or a device of another athlete was not accepted; what was
        committed until then stays.
    """
    began = time.monotonic()
    result = ScanResult()
    ledger.lock()
    ledger.sweep()
    seen = _Seen(ledger, athlete)
    known = memory(ledger, athlete)
    skipped: list[sources.Skipped] = []
    remembered_last: list[sources.Skipped] = []
    by_hand: list[sources.ByHand] = []
    waiting: list[dict[str, Any]] = []
    settled: set[str] = set()

    def fresh() -> Iterator[Source]:
        for item in exports.sources(paths, known=known):
            if isinstance(item, sources.ByHand):
                by_hand.append(item)
            elif isinstance(item, sources.Skipped):
                if item.code != "unchanged":
                    seen.leave(item.path)
                # An archive or a table may be remembered only when all that it gave is in the ledger.
                if item.code in ("archive", "table"):
                    remembered_last.append(item)
                    _skipped(item, result)
                    continue
                skipped.append(item)
                waiting.extend(_skipped(item, result))
            elif (other := seen.path_of(item.sha256)) not in (None, item.path):
                seen.leave(item.path)
                result.read += 1
                waiting.append(_told(item, "read", "same_content", f"same content as {other}"))
            else:
                seen.take(item.path, item.sha256)
                yield item

    tracks = str(ledger.tracks) if keep_tracks else None
    batches = (Batch(tuple(some), athlete, config, decoder, tracks) for some in _batched(fresh()))
    for outcome in executors.run(work, batches, jobs=jobs, cluster=cluster):
        told, waiting[:] = list(waiting), []
        _check_devices(ledger, athlete, outcome, settled, accept_device)
        _commit(ledger, athlete, outcome, told)
        _count(result, outcome)
        if progress is not None:
            progress(result)
    _put_files(ledger, athlete, waiting)
    _keep_by_hand(ledger, athlete, by_hand, config)
    _put_files(ledger, athlete, [_told_skipped(item, "skipped") for item in remembered_last])
    _settle(ledger, athlete)
    result.files = result.read + result.unchanged + result.skipped + result.failed
    counted = ledger.query(
        "select count(*), sum(duplicate_of is not null),"
        " (select count(*) from files indexed by files_copies where athlete = ?1 and code = 'same_content')"
        " from activities where athlete = ?1",
        (athlete,),
    )[0]
    result.activities = int(counted[0]) - int(counted[1] or 0)
    result.duplicates = int(counted[1] or 0) + int(counted[2])
    if not result.activities:
        result.advice = exports.advice(skipped, _unread(ledger, athlete))
    _write_errors(ledger, athlete)
    result.seconds = time.monotonic() - began
    return result


def _unread(ledger: Ledger, athlete: str) -> list[str]:
    """The files on disk that a reader got nothing from, now or at a scan before: unchanged, they are not read again."""
    found = ledger.query(
        "select outer from files where athlete = ? and outcome <> 'read' and sha256 <> '' order by path",
        (athlete,),
    )
    return list(dict.fromkeys(outer for (outer,) in found))


class _Seen:
    """Which file has a content: as the ledger knows it, and what of this scan is not there yet.

    Asked of the ledger for each new file; to hold all it knows would cost every day what only a first scan needs.
    """

    def __init__(self, ledger: Ledger, athlete: str) -> None:
        self._ledger = ledger
        self._athlete = athlete
        self._paths: dict[str, str | None] = {}
        """By content; None for one that a file no longer holds."""
        self._contents: dict[str, str] = {}
        """By path."""

    def path_of(self, sha256: str) -> str | None:
        """The file that has a content, copies of it apart; None where none has."""
        if sha256 not in self._paths:
            # without its sign the planner would take the index of the athlete, and look at every file
            self._paths[sha256] = self._ask(
                "select path from files where +athlete = ? and sha256 = ?", sha256
            )
        return self._paths[sha256]

    def take(self, path: str, sha256: str) -> None:
        """Note what a file holds now, and no longer what it held before."""
        self.leave(path)
        self._paths[sha256] = path
        self._contents[path] = sha256

    def leave(self, path: str) -> None:
        """Note that a file no longer holds what it held: under another name that would be new."""
        before = self._contents.pop(path, None) or self._ask(
            "select sha256 from files where athlete = ? and path = ?", path
        )
        if before is not None and self.path_of(before) == path:
            self._paths[before] = None

    def _ask(self, question: str, value: str) -> str | None:
        found = self._ledger.query(f"{question} and outcome = 'read' and code = ''", (self._athlete, value))
        return max((row[0] for row in found), default=None)


def _settle(ledger: Ledger, athlete: str) -> None:
    """Put small track files together and look for copies, where that was not yet done after the last change.

    Asked of the ledger and not of this scan: the one before may have been killed just here.
    """
    around = ledger.unsettled(athlete)
    if around is None:
        return
    ledger.compact()
    frame = ledger.alike(athlete, around)
    wanted = duplicates.find(frame)
    have = zip(frame["id"], frame["duplicate_of"], strict=True)
    ledger.settle(athlete, [(wanted[name], name) for name, copy in have if wanted[name] != copy])


def versioned(stamp: str) -> str:
    """A new reader reads every file again."""
    return f"{stamp}|{READER_VERSION}"


def _told(source: Source, outcome: str, code: str, reason: str) -> dict[str, str]:
    return {
        "path": source.path,
        "outer": names.storable(source.outer),
        "stamp": source.stamp,
        "sha256": source.sha256,
        "outcome": outcome,
        "code": code,
        "reason": reason,
    }


def _put_files(ledger: Ledger, athlete: str, files: Iterable[dict[str, Any]]) -> None:
    with ledger.transaction() as db:
        for one in files:
            _put_file(ledger, db, athlete, one)


def _put_file(ledger: Ledger, db: sqlite3.Connection, athlete: str, one: dict[str, Any]) -> None:
    kept = {name: one[name] for name in FILE_COLUMNS}
    day = day_of_name(one["path"]) if one["outcome"] == "failed" else None
    stamp = versioned(one["stamp"]) if one["stamp"] else ""
    ledger.put_file(db, athlete, **(kept | {"stamp": stamp, "day": day}))


def day_of_name(path: str) -> date | None:
    """The local day a watch wrote into a file's name; None where there is none.

    Of a file that cannot be read it is all that is known: something was done that day.
    """
    found = DAY.search(path.rsplit("/", 1)[-1])
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _batched(found: Iterable[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    size = 0
    for source in found:
        batch.append(source)
        size += len(source.data)
        if size >= BATCH_BYTES or len(batch) >= BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def memory(ledger: Ledger, athlete: str) -> Callable[[str, str], int]:
    """What is unchanged: 0 for new or changed, else how many files are remembered at or below the path."""
    known = ledger.known_files(athlete)
    below = Counter(
        path[: found.start()] for path in known if "!/" in path for found in re.finditer("!/", path)
    )

    def count(path: str, stamp: str) -> int:
        if not stamp or known.get(path) != versioned(stamp):
            return 0
        return below.get(path, 1)

    return count


def _skipped(item: sources.Skipped, result: ScanResult) -> list[dict[str, Any]]:
    """Count a file that gives no source; what to remember of it."""
    if item.code == "unchanged":
        result.unchanged += item.count
        return []
    failed = item.code in sources.FAILURES
    if failed:
        result.failed += item.count
        result.failures.append({"path": item.path, "code": item.code, "reason": item.reason})
    else:
        result.skipped += item.count
        if item.count:
            result.skipped_by_kind[item.kind] += item.count
    return [_told_skipped(item, "failed" if failed else "skipped")]


def _told_skipped(item: sources.Skipped, outcome: str) -> dict[str, Any]:
    return {
        "path": item.path,
        "outer": names.storable(item.outer),
        "stamp": item.stamp,
        "sha256": "",
        "outcome": outcome,
        "code": item.code,
        "reason": item.reason,
    }


def _check_devices(
    ledger: Ledger,
    athlete: str,
    outcome: Outcome,
    settled: set[str],
    accept_device: Callable[[str, str], bool],
) -> None:
    """Ask once for each device that another athlete has used; `settled` are those of which nothing more is asked."""
    for row in outcome.activities:
        serial = row["device_serial"]
        if serial is None or serial in settled:
            continue
        other = ledger.other_owner(athlete, serial)
        if other is not None and not accept_device(serial, other):
            raise StoreError(
                f"{row['path']} was recorded by a device of athlete {other!r}, not {athlete!r}.",
                hint=f"If {athlete!r} used it too, say so with --yes; else choose --athlete {other}.",
            )
        settled.add(serial)


def _commit(ledger: Ledger, athlete: str, outcome: Outcome, told: Iterable[dict[str, Any]]) -> None:
    with ledger.transaction() as db:
        if outcome.segment:
            ledger.put_segment(db, outcome.segment, outcome.segment_rows, outcome.segment_crc)
        for one in (*told, *outcome.files):
            _put_file(ledger, db, athlete, one)
            if one["outcome"] == "read" and not one["code"]:
                _hand_over(db, athlete, one)
                ledger.drop_activities(db, athlete, one["path"])
        for row in outcome.activities:
            ledger.put_activity(db, row)


def _hand_over(db: sqlite3.Connection, athlete: str, one: dict[str, Any]) -> None:
    """What the file held before it changed belongs to a copy of that content, if one is known."""
    for old, copy in db.execute(
        "select a.sha256, min(f.path) from activities a join files f on +f.athlete = a.athlete"
        " and f.sha256 = a.sha256 and f.code = 'same_content'"
        " where a.athlete = ? and a.path = ? and a.sha256 <> ? group by a.sha256",
        (athlete, one["path"], one["sha256"]),
    ).fetchall():
        db.execute(
            # its sum no longer holds, and none is put in its place: what is written here is not looked at
            "update activities set path = ?1, about = json_set(about, '$.path', ?1), crc = null"
            " where athlete = ?2 and path = ?3 and sha256 = ?4",
            (copy, athlete, one["path"], old),
        )
        db.execute(
            "update files set code = '', reason = '' where athlete = ? and path = ?",
            (athlete, copy),
        )


def _count(result: ScanResult, outcome: Outcome) -> None:
    for one in outcome.files:
        if one["outcome"] == "read":
            result.read += 1
        elif one["outcome"] == "skipped":
            result.skipped += 1
            result.skipped_by_kind[one["reason"]] += 1
        else:
            result.failed += 1
            result.failures.append({name: one[name] for name in ("path", "code", "reason")})
    result.files = result.read + result.unchanged + result.skipped + result.failed


def _write_errors(ledger: Ledger, athlete: str) -> None:
    failed = ledger.query(
        "select path, code, reason from files indexed by files_failed where athlete = ? and outcome = 'failed'"
        " order by path",
        (athlete,),
    )
    lines = [
        json.dumps({"path": path, "code": code, "reason": reason}, ensure_ascii=False)
        for path, code, reason in failed
    ]
    write_bytes(ledger.folder / "errors.jsonl", "".join(f"{line}\n" for line in lines).encode())


def _keep_by_hand(ledger: Ledger, athlete: str, items: Sequence[sources.ByHand], config: Config) -> None:
    """Totals that an export tells of an activity without a recording: kept, unless a file has it."""
    if not items:
        return
    have = ledger.activities(athlete, duplicates=True).filter(~pl.col("by_hand"))
    made = _rows_by_hand(athlete, items, sorted(have.get_column("start").to_list()), config)
    while some := list(islice(made, BATCH_ROWS)):  # a transaction is a write to the disk
        with ledger.transaction() as db:
            for row in some:
                ledger.put_activity(db, row)


def _rows_by_hand(
    athlete: str, items: Sequence[sources.ByHand], starts: list[datetime], config: Config
) -> Iterator[dict[str, Any]]:
    """The rows of those that do not start with a recording; `starts` of these, in order."""
    for item in items:
        if item.start is None:
            continue
        nearest = bisect.bisect_left(starts, item.start)
        around = starts[max(0, nearest - 1) : nearest + 1]
        if any(abs((start - item.start).total_seconds()) <= MATCH_S for start in around):
            continue
        recording = _recording_by_hand(item, item.start)
        _, made = entry(recording, config)
        row = rows.activity_row(
            athlete,
            made,
            freshness=freshness(rows.day_of(recording.about), config),
            segment="",
            context={"title": plain(item.title or ""), "layout": item.layout},
            pauses=recording.pauses,
        )
        row["read_issues"] = rows.issues_json(recording.issues)
        yield row


def _recording_by_hand(item: sources.ByHand, start: datetime) -> Recording:
    told = f"{item.layout}|{start.isoformat()}|{item.sport}|{item.duration_s}|{item.distance_m}"
    about = About(
        start=start,
        end=start + timedelta(seconds=item.duration_s or 0),
        sport=item.sport,
        sub_sport=None,
        format=item.layout,
        decoder="totals",
        device=None,
        device_serial=None,
        sha256=hashlib.sha256(told.encode()).hexdigest(),
        path=item.path,
        part=0,
        utc_offset_s=item.utc_offset_s,
        utc_offset_how="file" if item.utc_offset_s is not None else "unknown",
        altitude_source=AltitudeSource.NONE,
        cadence=CadenceChoice(None, None, "totals only"),
        indoor=False,
        virtual=False,
        elapsed_s=item.duration_s,
        timer_s=item.duration_s,
        device_distance_m=item.distance_m,
        device_ascent_m=None,
        device_descent_m=None,
        file_mass_kg=None,
        by_hand=True,
    )
    issue = Issue(
        "by_hand", 1, "The export holds totals only, no recording: distance and time are as written."
    )
    return Recording(about, NO_RECORDS, NO_LAPS, NO_PAUSES, pl.DataFrame(), (issue,))


def _stale(ledger: Ledger, athlete: str, config: Config) -> list[str]:
    """Activities that do not rest on the versions and settings in force."""
    first = settings.spans(config)
    until = [*(day.isoformat() for day in first[1:]), "9999-99"]
    return [
        name
        for day, before in zip(first, until, strict=True)
        for (name,) in ledger.query(
            "select id from activities where athlete = ? and day >= ? and day < ? and freshness <> ?",
            (athlete, day.isoformat(), before, freshness(day, config)),
        )
    ]


def refresh(ledger: Ledger, *, athlete: str, config: Config) -> int:
    """Compute again what no longer rests on the versions and settings in force; how many activities.

    Works from the stored tracks: the sources may have moved.
    """
    stale = _stale(ledger, athlete, config)
    if stale:
        ledger.lock()
        stale = _stale(ledger, athlete, config)  # whoever was waited for may have done it, or taken some away
    for activity in stale:
        kept = ledger.written(activity)
        records = ledger.records(activity)
        with ledger.parsing():
            recording = rows.recording(kept, records)
            context = rows.context_from_json(kept.context)
        about = recording.about
        _, made = entry(recording, config)
        row = rows.activity_row(
            athlete,
            made,
            freshness=freshness(rows.day_of(about), config),
            segment=kept.segment,
            context=context,
            pauses=recording.pauses,
        )
        row |= {"read_issues": kept.read_issues, "duplicate_of": kept.duplicate_of, "id": activity}
        with ledger.transaction() as db:
            ledger.put_activity(db, row)
    if stale:
        _settle(ledger, athlete)
    return len(stale)
