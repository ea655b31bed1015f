"""The FIT reader: bytes to tables of every message kind, and to drafts of activities.

FIT is what most devices write, and most of the work of reading an export is here. `decode` is the raw door:
it walks the messages once, checks the checksum, passes over damage, and leaves every value in place until a frame is
asked for. `drafts` is the door of the trip: names and units of `schema`, nothing repaired. A wrong checksum,
a size of 0, a cut, a hole, bytes behind the end are told as issues and never a reason to refuse, because a
watch that lost power mid-run still holds the run. The second decoder, fitparse, stands behind the same door
and gives the same draft on a healthy file, so that one can be held against the other at any time.
Instead of: fitparse alone, which reads a few thousand records a second and raises on one file in fourteen.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType

import polars as pl

from kneeledger import plurals
from kneeledger.errors import CorruptFileError, UnsupportedFormatError
from kneeledger.model import Draft, Issue, Source
from kneeledger.readers.fit_columns import DevField, PartTables
from kneeledger.readers.fit_layout import Part, file_type, is_fit, parts
from kneeledger.readers.fit_profile import message_name, message_number

__all__ = ["FitFile", "claims", "decode", "drafts", "file_type"]

MAX_PARTS = 1_000
"""Chained files read from one source; more is no recording."""


def claims(head: bytes) -> bool:
    """Whether these first bytes are those of a FIT file."""
    return is_fit(head)


@dataclass(frozen=True)
class FitFile:
    """A decoded FIT file: what messages it has, frames of them on demand, and how it was read."""

    path: str
    size: int
    """Length of the bytes given. [byte]"""
    parts: tuple[Part, ...]
    """Header facts, checksum and gaps of each chained file: ``crc``, ``header_crc``, ``gaps`` ..."""
    tables: tuple[PartTables, ...]
    issues: tuple[Issue, ...]
    _frames: dict[tuple[int, int | None], pl.DataFrame] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many messages there are of each kind, by name, ``unknown_<number>`` where it has none."""
        return MappingProxyType({message_name(number): count for number, count in self.numbers.items()})

    @property
    def numbers(self) -> Mapping[int, int]:
        """How many messages there are of each kind, by global message number."""
        found: dict[int, int] = {}
        for part in self.parts:
            for number, definitions in part.by_number.items():
                found[number] = found.get(number, 0) + sum(entry.count for entry in definitions)
        return found

    @property
    def crc(self) -> str:
        """``ok``, ``wrong`` or ``absent``: the worst of the parts."""
        states = {part.crc for part in self.parts}
        return next((state for state in ("wrong", "absent") if state in states), "ok")

    @property
    def salvaged_bytes(self) -> int:
        """Bytes of message data that were kept where damage was found; 0 for a healthy file. [byte]"""
        return sum(
            sum(entry.count * entry.size for entry in part.definitions)
            for part in self.parts
            if part.salvaged
        )

    @property
    def lost_bytes(self) -> int:
        """Bytes that could not be read as messages. [byte]"""
        return sum(gap.end - gap.start for part in self.parts for gap in part.gaps) + sum(
            part.foreign for part in self.parts
        )

    @property
    def dev_fields(self) -> tuple[DevField, ...]:
        """Developer fields as described, in file order."""
        return tuple(entry for tables in self.tables for entry in tables.dev_fields)

    def frame(
        self, kind: str | int, columns: Collection[str] | None = None, *, part: int | None = None
    ) -> pl.DataFrame:
        """All messages of one kind, one row each, in file order.

        Parameters
        ----------
        kind
            Name (``record``) or global number of the message.
        columns
            Only these, as far as they exist; all by default. Fewer columns cost less time.
        part
            Only the messages of this chained file, counted from 0.

        Returns
        -------
        pl.DataFrame
            Columns by their profile names, ``unknown_<number>`` where there is none, developer fields as
            ``dev:<name> [<unit>]``; scaled to the profile's units; null where not given.
        """
        number = kind if isinstance(kind, int) else message_number(kind)
        if columns is None and (number, part) in self._frames:
            return self._frames[number, part]
        chosen = self.tables if part is None else self.tables[part : part + 1]
        frames = [
            table.frame(columns)
            for tables in chosen
            if (table := tables.table(number)).height or len(chosen) == 1
        ]
        frame = frames[0] if len(frames) == 1 else _stacked([frame for frame in frames if frame.width])
        if columns is None:
            self._frames[number, part] = frame
        return frame


def _stacked(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Frames of chained files below each other; columns of unlike types meet as text."""
    if not frames:
        return pl.DataFrame()
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError:
        kinds: dict[str, set[pl.DataType]] = {}
        for frame in frames:
            for name, kind in frame.schema.items():
                kinds.setdefault(name, set()).add(kind)
        unlike = {name for name, found in kinds.items() if len(found) > 1}
        texts = [
            frame.with_columns(
                pl.Series(
                    name, [None if cell is None else str(cell) for cell in frame[name].to_list()], pl.String
                )
                for name in frame.columns
                if name in unlike
            )
            for frame in frames
        ]
        return pl.concat(texts, how="diagonal_relaxed")


def decode(data: bytes, *, path: str = "") -> FitFile:
    """Everything a FIT file says, decoded frame by frame when asked.

    Parameters
    ----------
    data
        The file, decompressed.
    path
        Where it came from, for messages.

    Raises
    ------
    UnsupportedFormatError
        These are not the bytes of a FIT file; says what they look like.
    CorruptFileError
        There is a FIT header and not one readable message behind it.
    """
    chained = parts(data)
    found = list(islice(chained, MAX_PARTS))
    more = next(chained, None) is not None
    if not found:
        raise UnsupportedFormatError(path, f"not a FIT file: {_looks_like(data)}")
    tables = tuple(PartTables(data, part) for part in found)
    if not any(part.by_number for part in found):
        raise CorruptFileError(path, "a FIT header, and no readable message behind it")
    issues = _issues(found)
    if more:
        text = f"More than {MAX_PARTS:,} files are chained in it; those behind were left unread."
        issues.append(Issue("fit_chain_limit", 1, text))
    return FitFile(path, len(data), tuple(found), tables, tuple(issues))


def drafts(source: Source, *, decoder: str = "kneeledger") -> list[Draft]:
    """The activities of a FIT file in equal names and units, nothing repaired.

    Parameters
    ----------
    source
        The bytes and where they came from.
    decoder
        ``kneeledger``, or ``fitparse`` for the second opinion.

    Raises
    ------
    EmptyActivityError
        It decodes and is no activity: settings, a plan, monitoring, or nothing recorded.
    ReadError
        Any other reason why nothing could be kept.
    """
    from kneeledger.readers import fit_drafts

    return fit_drafts.drafts(source, decoder=decoder)


def _looks_like(data: bytes) -> str:
    """What these bytes are, in words."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        return "it is empty"
    if data[:4] == b"\x00\x05\x16\x07":
        return "macOS metadata"
    for magic, name in ((b"pk\x03\x04", "a zip archive"), (b"\x1f\x8b", "gzip data")):
        if data[:4].lower().startswith(magic):
            return name
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, perhaps a sign-in page"
    if start.startswith(b"<"):
        return "XML"
    if len(data) < 12:
        return "too short for a header"
    return "the header is missing"


def _issues(found: list[Part]) -> list[Issue]:
    """What a reader of the numbers should know about how the bytes were read."""
    issues: list[Issue] = []

    def tell(code: str, count: int, text: str) -> None:
        if count:
            issues.append(Issue(code, count, text))

    sized = sum(part.size_wrong for part in found)
    tell(
        "fit_size_zero",
        sized,
        "The header gives data size 0 (never finalised); the length of the file was used.",
    )
    wrong = sum(part.crc == "wrong" for part in found)
    tell("fit_crc_wrong", wrong, "The checksum of the file does not fit its bytes; it was read all the same.")
    headers = sum(part.header_crc == "wrong" for part in found)
    tell("fit_header_crc_wrong", headers, "The checksum of the header is wrong; it was read all the same.")
    cut = sum(part.cut for part in found)
    tell("fit_cut", cut, "The file ends before its declared end; what is there was kept.")
    holes = [gap for part in found for gap in part.gaps if gap.start < part.end]
    lost = sum(gap.end - gap.start for gap in holes)
    damaged = plurals.count(lost, "damaged byte was", "damaged bytes were")
    tell("fit_hole", len(holes), f"{damaged} passed over; reading went on behind.")
    dropped = sum(part.dropped for part in found)
    tell(
        "fit_record_dropped",
        dropped,
        "Records with an impossible time stamp beside damaged bytes were dropped.",
    )
    foreign = sum(part.foreign for part in found)
    tell(
        "fit_foreign_bytes", foreign, "Bytes behind the closing activity message make no sense and were left."
    )
    extra = sum(gap.end - gap.start for part in found for gap in part.gaps if gap.start >= part.end)
    tell("fit_extra_bytes", extra, "Bytes behind the declared end were left unread.")
    tell("fit_limit", sum(part.limited for part in found), "Too many kinds of layout; reading stopped there.")
    return issues
