"""The per-file work as one pure function of a batch: bytes in, ledger rows and one track file out.

It runs in this process, in a worker or on a cluster alike. Results are rows, not frames: frames sent
between processes cost more than the work (decoders.md 3).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kneeledger import analyzers, mending, preparation, readers, schema
from kneeledger.config import Config
from kneeledger.errors import EmptyActivityError, ReadError
from kneeledger.exports import polar
from kneeledger.ledger import rows
from kneeledger.ledger.store import write_segment
from kneeledger.model import Entry, Recording, Source, Track
from kneeledger.pipeline import settings
from kneeledger.sources import names

__all__ = ["Batch", "Outcome", "entry", "freshness", "work"]

POSITIONS = ("latitude_deg", "longitude_deg")


@dataclass(frozen=True, slots=True)
class Batch:
    """A few files and everything needed to deal with them."""

    sources: tuple[Source, ...]
    athlete: str
    config: Config
    decoder: str
    tracks: str | None
    """Folder for the track file, or None to keep none."""


@dataclass(slots=True)
class Outcome:
    """What came of a batch: files with their outcome, activity rows, and the track file's name."""

    files: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)
    segment: str = ""
    segment_rows: int = 0
    segment_crc: int = 0


@dataclass(slots=True)
class _File:
    """One source on its way through the stages of `work`."""

    source: Source
    told: dict[str, str] = field(default_factory=lambda: {"outcome": "read", "code": "", "reason": ""})
    """What is said of the file; the stages pass over one that was not read."""
    recordings: list[Recording] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def work(batch: Batch) -> Outcome:
    """Read, prepare and analyse every source of a batch. Never raises for a bad file.

    Every source goes through one stage before the first goes through the next: the code of one stage fits a
    processor's cache and that of all does not, which is worth a seventh of the time.
    """
    segment = f"{_segment_key(batch)}.parquet"
    files = [_File(source) for source in batch.sources]
    for stage in (_read, _prepare, _analyze, _make_rows):
        for one in files:
            if one.told["outcome"] == "read":
                _attempt(stage, one, batch)
    outcome = Outcome()
    kept: dict[str, pl.DataFrame] = {}
    for one in files:
        source = one.source
        said = {"path": source.path, "outer": names.storable(source.outer), "stamp": source.stamp}
        outcome.files.append(said | {"sha256": source.sha256} | one.told)
        if one.told["outcome"] != "read":
            continue
        for row, recording in zip(one.rows, one.recordings, strict=True):
            outcome.activities.append(row)
            if recording.records.height:
                row["segment"] = segment
                kept[row["id"]] = recording.records
    if kept and batch.tracks is not None:
        frame = _kept(kept, positions=batch.config["keep_positions"])
        outcome.segment_crc = write_segment(frame, Path(batch.tracks), segment)
        outcome.segment, outcome.segment_rows = segment, frame.height
    return outcome


def _attempt(stage: Callable[[_File, Batch], None], one: _File, batch: Batch) -> None:
    """One stage of one file; whatever goes wrong is said of that file."""
    try:
        stage(one, batch)
    except EmptyActivityError as error:
        one.told = {"outcome": "skipped", "code": error.slug, "reason": str(error.why)}
    except ReadError as error:
        one.told = {"outcome": "failed", "code": error.slug, "reason": _reason(error)}
    except Exception as error:  # a fault of ours in one file must not cost the others
        reason = f"it was read but could not be analysed ({type(error).__name__}: {error}); please report it"
        one.told = {"outcome": "failed", "code": "internal", "reason": reason[:500]}


def _read(one: _File, batch: Batch) -> None:
    one.recordings = read(one.source, decoder=batch.decoder, tz=batch.config["tz"] or None)


def _prepare(one: _File, batch: Batch) -> None:
    one.tracks = [prepared(recording, batch.config) for recording in one.recordings]


def _analyze(one: _File, batch: Batch) -> None:
    one.entries = [analyzers.analyze(track) for track in one.tracks]


def _make_rows(one: _File, batch: Batch) -> None:
    context = {key: plain(text) for key, text in one.source.context.items()}
    for recording, made in zip(one.recordings, one.entries, strict=True):
        row = rows.activity_row(
            batch.athlete,
            made,
            freshness=freshness(rows.day_of(recording.about), batch.config),
            segment="",
            context=context,
            pauses=recording.pauses,
        )
        row["read_issues"] = rows.issues_json(recording.issues)
        one.rows.append(row)
    one.tracks, one.entries = [], []


def _segment_key(batch: Batch) -> str:
    """Name of a batch's track file: another for whatever gives other tracks, so that none is ever written over."""
    rests_on = [
        batch.athlete,
        batch.decoder,
        str(mending.VERSION),
        str(batch.config["keep_positions"]),
        str(batch.config["tz"]),
        *(f"{s.path}\0{s.sha256}" for s in batch.sources),
    ]
    return hashlib.sha256("\0".join(rests_on).encode()).hexdigest()[:20]


def read(source: Source, *, decoder: str = "kneeledger", tz: str | None = None) -> list[Recording]:
    """The recordings of a source; formats of one export included.

    Raises
    ------
    ReadError
        See `readers.read_source`.
    """
    if source.context.get("layout") == "polar" and polar.claims(source.data[: 1 << 12]):
        return readers.read_drafts(lambda: polar.drafts(source), "Polar", source, tz=tz)
    return readers.read_source(source, decoder=decoder, tz=tz)


def plain(text: str) -> str:
    """Text of an export (a title, a gear) without marks that a terminal or a page could obey."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def prepared(recording: Recording, config: Config) -> Track:
    """The track of one recording under the settings of its local day."""
    return preparation.prepare(recording, settings.preparation(config, rows.day_of(recording.about)))


def entry(recording: Recording, config: Config) -> tuple[Track, Entry]:
    """Track and entry of one recording under the settings of its local day."""
    track = prepared(recording, config)
    return track, analyzers.analyze(track)


def freshness(day: date, config: Config) -> str:
    """Hash of all that the numbers of a local day's activities rest on, besides the files.

    Versions, parameters, and the facts of the day.
    """
    versions = tuple((a.name, a.version, a.params) for a in analyzers.ANALYZERS)
    return _freshness(settings.preparation(config, day), versions)


@lru_cache(maxsize=64)
def _freshness(of_day: preparation.Settings, of_analyzers: tuple[tuple[str, int, Any], ...]) -> str:
    rests_on = {
        "mending": mending.VERSION,
        "preparation": preparation.VERSION,
        "settings": asdict(of_day),
        "analyzers": {name: [version, asdict(params)] for name, version, params in of_analyzers},
    }
    text = json.dumps(rests_on, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _kept(records: dict[str, pl.DataFrame], *, positions: bool) -> pl.DataFrame:
    """Records of several activities under their ids; the columns of position empty unless they are to be kept."""
    # in one piece each column is written in two thirds of the time
    frame = pl.concat(records.values(), rechunk=True)
    heights = [one.height for one in records.values()]
    ids = pl.Series("activity", list(records)).gather(np.repeat(np.arange(len(heights)), heights))
    columns = dict(zip(frame.columns, frame.get_columns(), strict=True))
    if not positions:
        nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, frame.height)
        columns |= {position: nothing.alias(position) for position in POSITIONS}
    return schema.framed([ids, *columns.values()])


def _reason(error: ReadError) -> str:
    return f"{error.why} {error.hint}".strip()
