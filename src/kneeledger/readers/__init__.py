"""The front door of reading: a file or bytes in, recordings out, or a reason in one sentence.

What a file is, is decided by its content alone. A reader decodes, `mending` repairs, `assembly` finishes; this
module chooses and names what cannot be read by what it truly is, since "invalid header" sends nobody to the
page they saved by mistake. It is the one place in the library that catches every exception: odd files make
decoders, XML parsers and frames raise anything, a batch must not stop for one of them, and the cause is kept.
An archive is opened by `sources` within the bounds of one download; whole exports are the work of a scan.
Instead of: a base class for readers, or entry points.
"""

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from kneeledger import plain_files, sources
from kneeledger.errors import (
    CorruptFileError,
    EmptyActivityError,
    KneeledgerError,
    LimitError,
    ReadError,
    UnsupportedFormatError,
)
from kneeledger.model import Draft, Issue, Recording, Source
from kneeledger.readers import assembly, fit, gpx, sniff, tcx
from kneeledger.readers.sniff import file_kind

__all__ = ["DECODERS", "READERS", "Reader", "file_kind", "read", "read_drafts", "read_source"]

DECODERS: Final = ("kneeledger", "fitparse")
MAX_BYTES: Final = 256 * 2**20
"""The largest file, decompressed. [byte]"""
MAX_RATIO: Final = 200
"""Decompressed over compressed size, beyond `FREE_BYTES`."""
FREE_BYTES: Final = 10 * 2**20
LIMITS: Final = sources.Limits(members=1_000, member_bytes=MAX_BYTES, total_bytes=4 * MAX_BYTES)
"""Bounds of an archive that is given as one download."""
ACTIVITY, COURSE = 4, 6
FORECAST = "It is a plan: use `kneeledger forecast`."
_FIT_KINDS: Final = {
    1: "device", 2: "settings", 3: "sport settings", 5: "workout plan", 6: "planned course", 7: "schedule",
    9: "weight", 10: "totals", 11: "goals", 14: "blood pressure", 15: "monitoring", 20: "activity summary",
    28: "daily monitoring", 32: "monitoring", 34: "segment", 35: "segment list", 40: "device settings",
    29: "records", 44: "metrics", 49: "sleep", 64: "undocumented", 68: "heart rate variability", 73: "metrics",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reader:
    """A format: its name, whether it claims these first bytes, and its drafts."""

    name: str
    claims: Callable[[bytes], bool]
    drafts: Callable[[Source, str], list[Draft]]


def _fit_drafts(source: Source, decoder: str) -> list[Draft]:
    _refuse_other_fit(source)
    return fit.drafts(source, decoder=decoder)


def _gpx_drafts(source: Source, _decoder: str) -> list[Draft]:
    return gpx.drafts(source)


def _tcx_drafts(source: Source, _decoder: str) -> list[Draft]:
    return tcx.drafts(source)


READERS: Final = (
    Reader("fit", fit.claims, _fit_drafts),
    Reader("gpx", gpx.claims, _gpx_drafts),
    Reader("tcx", tcx.claims, _tcx_drafts),
)


def read(path: str | Path | Source, *, decoder: str = "kneeledger", tz: str | None = None) -> list[Recording]:
    """The recordings of one file: FIT, GPX or TCX, plain, gzipped, or in a zip.

    Parameters
    ----------
    path
        A file, or a source that was opened already.
    decoder
        For FIT: ``kneeledger``, or ``fitparse`` for a second opinion.
    tz
        Time zone of files that do not say, such as ``Europe/Vienna``.

    Returns
    -------
    list of Recording
        One for each activity: a multisport file gives its legs, a zip those of all its members.

    Raises
    ------
    ReadError
        It cannot be read or is no activity; the message says what it is.
    ConfigError
        `tz` is not the name of a time zone.
    """
    if decoder not in DECODERS:
        raise ValueError(f"decoder must be one of {', '.join(DECODERS)}, not {decoder!r}")
    if isinstance(path, Source):
        return read_source(path, decoder=decoder, tz=tz)
    found: list[Recording] = []
    errors: list[ReadError] = []
    for source in _opened(str(path), Path(path)):
        if isinstance(source, ReadError):
            errors.append(source)
            continue
        try:
            found += read_source(source, decoder=decoder, tz=tz)
        except ReadError as error:
            errors.append(error)
    if found:
        return found
    if not errors:
        raise EmptyActivityError(str(path), "the archive is empty")
    raise min(errors, key=_telling)


def read_source(source: Source, *, decoder: str = "kneeledger", tz: str | None = None) -> list[Recording]:
    """The recordings of one opened file; see `read`.

    Raises
    ------
    UnsupportedFormatError
        No reader claims the content; the message says what it truly is.
    EmptyActivityError
        It is no activity: a plan, settings, monitoring, nothing recorded.
    CorruptFileError
        A reader claimed it and nothing could be kept; the cause is attached.
    LimitError
        It is beyond a bound.
    """
    reader = _reader(source.data[: sniff.HEAD], source)
    return read_drafts(lambda: reader.drafts(source, decoder), reader.name, source, tz=tz)


def read_drafts(
    drafts: Callable[[], list[Draft]], name: str, source: Source, *, tz: str | None = None
) -> list[Recording]:
    """The recordings of drafts that `drafts` makes of a source, whoever knows its format; see `read_source`."""
    try:
        made = [draft for draft in drafts() if not draft.facts.get("planned")]
        if not made:
            raise EmptyActivityError(source.path, "a planned route, not a recording", hint=FORECAST)
        return _recordings(made, source, tz)
    except KneeledgerError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        why = f"the {name.upper()} file could not be read ({type(error).__name__}: {error})"
        raise CorruptFileError(source.path, why[:500]) from error


def _recordings(drafts: list[Draft], source: Source, tz: str | None) -> list[Recording]:
    """Recordings of all drafts, numbered through; a draft without anything is left out beside others."""
    found: list[Recording] = []
    empty: EmptyActivityError | None = None
    for draft in drafts:
        try:
            found += assembly.recordings(draft, source, tz=tz, part=len(found))
        except EmptyActivityError as error:
            empty = error
    if not found and empty is not None:
        raise empty
    damage = source.context.get("damage")
    if damage:
        issue = Issue("archive_damaged", 1, damage)
        return [replace(one, issues=(*one.issues, issue)) for one in found]
    return found


def _reader(head: bytes, source: Source) -> Reader:
    """The reader that claims the content."""
    kind = file_kind(head)
    for reader in READERS:
        if reader.name == kind:
            return reader
    if kind.startswith(("xml:", "unknown", "text")):
        for reader in READERS:
            if reader.claims(head):
                return reader
    words = sniff.in_words(kind)
    if kind == "macos":
        raise EmptyActivityError(source.path, words)
    if kind == "html":
        raise UnsupportedFormatError(source.path, words, hint="Download it again while signed in.")
    raise UnsupportedFormatError(source.path, words)


def _refuse_other_fit(source: Source) -> None:
    """Refuse FIT files that say they are no activity, before anything is decoded."""
    kind = fit.file_type(source.data[:512])
    if kind is None or kind == ACTIVITY:
        return
    word = _FIT_KINDS.get(kind, f"type {kind}")
    if kind == COURSE:
        raise EmptyActivityError(source.path, "a planned course, not a recording", hint=FORECAST)
    raise EmptyActivityError(source.path, f"no activity but a FIT file of another kind: {word}")


def _opened(name: str, outer: Path) -> Iterator[Source | ReadError]:
    """The file, or what an archive holds: each recording as a source, each other thing as the reason why not."""
    try:
        with open(outer, "rb", opener=plain_files.opener) as stream:
            head = stream.read(sniff.HEAD)
            kind = file_kind(head)
            if kind != "zip" and os.fstat(stream.fileno()).st_size > MAX_BYTES:
                raise LimitError(name, f"it is larger than {MAX_BYTES // 2**20} MB")
            data = b"" if kind == "zip" else head + stream.read()
    except OSError as error:
        raise ReadError(name, error.strerror or str(error)) from error
    if kind == "zip":
        for item in sources.find([outer], limits=LIMITS):
            if isinstance(item, Source):
                yield item
            elif item.code not in ("system", "archive"):
                yield _refused(item)
        return
    content = _gunzipped(name, data) if kind == "gzip" else data
    yield Source(name, content, hashlib.sha256(content).hexdigest(), outer)


def _telling(error: ReadError) -> int:
    """How little a reason says of why nothing of a whole archive could be read."""
    order: tuple[type[ReadError], ...] = (LimitError, CorruptFileError, EmptyActivityError)
    return next((place for place, kind in enumerate(order) if isinstance(error, kind)), len(order))


def _refused(skipped: sources.Skipped) -> ReadError:
    """Why a member of an archive gives nothing, as an error."""
    if skipped.code in ("limit", "bomb"):
        return LimitError(skipped.path, skipped.reason)
    if skipped.code in sources.FAILURES:
        return CorruptFileError(skipped.path, skipped.reason)
    if skipped.code == "planned":
        return EmptyActivityError(skipped.path, skipped.reason, hint=FORECAST)
    if skipped.kind.startswith("FIT"):
        return EmptyActivityError(skipped.path, skipped.reason)
    return UnsupportedFormatError(skipped.path, skipped.reason)


def _gunzipped(name: str, data: bytes) -> bytes:
    """Decompressed bytes within the bounds; what could be read of a cut stream is kept."""
    stream = gzip.GzipFile(fileobj=io.BytesIO(data))
    return _bounded(name, partial(_read_some, stream), len(data))


def _read_some(stream: gzip.GzipFile, count: int) -> bytes:
    try:
        return stream.read1(count)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b""


def _bounded(name: str, some: Callable[[int], bytes], packed: int) -> bytes:
    """All that a stream gives, refused beyond the bounds on size and ratio."""
    pieces: list[bytes] = []
    total = 0
    while piece := some(1 << 20):
        total += len(piece)
        if total > MAX_BYTES:
            raise LimitError(name, f"it unpacks to more than {MAX_BYTES // 2**20} MB")
        if total > FREE_BYTES and total > MAX_RATIO * packed:
            raise LimitError(name, f"it unpacks to more than {MAX_RATIO} times its size")
        pieces.append(piece)
    return b"".join(pieces)
