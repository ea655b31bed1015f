"""Zip archives as they really are: read in place, member by member, never trusted.

The directory and the members are read here and not by the standard library, for four reasons met in
real exports: one name that is not the UTF-8 it claims to be must not lose the whole archive; a member whose
checksum is wrong, or an archive cut short by a broken download, still holds activities; a zip inside
a zip has to be read without holding hundreds of MB or writing a file; and the unpacked bytes have to be
counted while they come. Inner archives that are stored are read through a window on the outer
file; small packed ones are held; large ones are unpacked twice from front to back, once for the
directory at the end and once for the members in the order of their places, in constant memory.
Only "stored" and "deflate" are read: every watch service writes these, and the other methods cannot
be unpacked in bounded steps.
Instead of: zipfile (which still serves as the judge in the tests), or temporary files.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from kneeledger import plain_files
from kneeledger.sources.limits import Budget, Refused

__all__ = [
    "Directory",
    "FileView",
    "GzipReader",
    "Member",
    "MemberReader",
    "MemoryView",
    "Reader",
    "View",
    "ViewReader",
    "directory",
    "view_of",
]

CHUNK = 1 << 18
GZIP_CHUNK = 1 << 14
"""Of a gzip less is read at once: the end of each stream in it copies what was read beyond. [byte]"""
HELD_BYTES = 24 << 20
"""Packed inner archives up to this unpacked size are held in memory. [byte]"""
TAIL_BYTES = 4 << 20
RESTARTS = 50
METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz"}


class View(Protocol):
    """Bytes that can be read at any place."""

    size: int

    def read_at(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at`; fewer at the end."""
        ...


class Reader(Protocol):
    """Bytes that can be read once, from the front."""

    problem: str
    """After the end: what was wrong with the bytes, or empty."""

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, empty at the end.

        Raises
        ------
        Refused
            A limit is passed.
        """
        ...


class FileView:
    """A file on disk."""

    def __init__(self, path: str, size: int) -> None:
        self.size = size
        # it may have become something else since it was found
        self._file: BinaryIO = open(path, "rb", buffering=0, opener=plain_files.opener)  # noqa: SIM115

    def read_at(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at`; none where an archive names a place outside the file."""
        if not 0 <= at < self.size:
            return b""
        self._file.seek(at)
        data = self._file.read(count)
        while len(data) < count:
            more = self._file.read(count - len(data))
            if not more:
                break
            data += more
        return data

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class MemoryView:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    def read_at(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at`."""
        return self._data[at : at + count] if at >= 0 else b""


class WindowView:
    """A stretch of another view: a stored member."""

    def __init__(self, view: View, start: int, size: int) -> None:
        self._view, self._start = view, start
        self.size = max(0, min(size, view.size - start))

    def read_at(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at`."""
        return self._view.read_at(self._start + at, max(0, min(count, self.size - at)))


class InflatedView:
    """A packed member read from front to back; a step back unpacks from the front again.

    The first pass keeps the last MBs, where a zip has its directory. Steps back count as unpacked bytes, since no
    honest archive needs more than a few.
    """

    def __init__(self, view: View, member: "Member", budget: Budget) -> None:
        self._view, self._member, self._budget = view, member, budget
        self._restarts = 0
        self._tail, self.size = self._first_pass()
        self._open(counted=False)

    def _open(self, *, counted: bool) -> None:
        self._reader = MemberReader(self._view, self._member, self._budget, counted=counted)
        self._at = 0
        self._held = b""

    def _first_pass(self) -> tuple[bytes, int]:
        reader = MemberReader(self._view, self._member, self._budget)
        held = bytearray()
        size = 0
        while chunk := reader.read(CHUNK):
            held += chunk
            size += len(chunk)
            if len(held) > 2 * TAIL_BYTES:
                del held[:-TAIL_BYTES]
        return bytes(held), size

    def read_at(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at`."""
        count = max(0, min(count, self.size - at))
        start = self.size - len(self._tail)
        if at >= start:
            return self._tail[at - start : at - start + count]
        if at < self._at:
            self._restarts += 1
            if self._restarts > RESTARTS:
                raise Refused("damaged", "its parts do not lie in order; unpack it once and give the folder")
            self._open(counted=True)
        self._skip(at)
        pieces = []
        wanted = count
        while wanted > 0:
            if not self._held:
                self._held = self._reader.read(CHUNK)
                if not self._held:
                    break
            piece, self._held = self._held[:wanted], self._held[wanted:]
            self._at += len(piece)
            wanted -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _skip(self, at: int) -> None:
        while self._at < at:
            if not self._held:
                self._held = self._reader.read(CHUNK)
                if not self._held:
                    return
            step = min(len(self._held), at - self._at)
            self._held = self._held[step:]
            self._at += step


@dataclass(frozen=True, slots=True)
class Member:
    """One line of an archive's directory."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    """[byte]"""
    size: int
    """As the directory says. [byte]"""
    at: int
    """Where its local header lies. [byte]"""
    overlaps: bool = False

    @property
    def stamp(self) -> str:
        """What tells whether the member changed: CRC-32 and size."""
        return f"{self.crc:08x}-{self.size}"


@dataclass(frozen=True, slots=True)
class Directory:
    """The members of an archive by place, and what is wrong with it, if anything."""

    members: tuple[Member, ...]
    problem: str = ""


def directory(view: View, budget: Budget) -> Directory:
    """The members of a zip archive, in the order of their places.

    An archive that was cut off has no directory; its members are then found by their own headers.

    Raises
    ------
    Refused
        It holds more members than the limit, or it is no zip archive at all.
    """
    place = _place(view)
    if place is None:
        found, problem = tuple(_from_headers(view, budget)), "the archive is cut off at its end"
        if not found:
            raise Refused("damaged", "a zip archive without a readable directory; download or copy it again")
    else:
        start, size, shift = place
        if size > budget.limits.members * 400:
            budget.members(budget.limits.members + 1)
        found, problem = _lines(view.read_at(start, size), shift)
    budget.members(len(found))
    return Directory(_overlaps(sorted(found, key=lambda member: member.at), view.size), problem)


def _place(view: View) -> tuple[int, int, int] | None:
    """Start and size of the directory, and the bytes that stand before the archive."""
    base = max(0, view.size - 65_557)
    tail = view.read_at(base, view.size - base)
    at = len(tail)
    while (at := tail.rfind(b"PK\x05\x06", 0, at)) >= 0:
        if at + 22 <= len(tail):
            size, offset = struct.unpack_from("<II", tail, at + 12)
            end = base + at
            if (size == 0xFFFFFFFF or offset == 0xFFFFFFFF or tail[at + 10 : at + 12] == b"\xff\xff") and (
                large := _place64(view, end)
            ):
                return large
            start = end - size
            if start >= 0 and (size == 0 or view.read_at(start, 4) == b"PK\x01\x02"):
                return start, size, start - offset
            if offset + size <= view.size and size and view.read_at(offset, 4) == b"PK\x01\x02":
                return offset, size, 0
    return None


def _place64(view: View, end: int) -> tuple[int, int, int] | None:
    locator = view.read_at(end - 20, 20) if end >= 20 else b""
    if locator[:4] != b"PK\x06\x07":
        return None
    told = struct.unpack_from("<Q", locator, 8)[0]
    for at in (told, end - 76):
        record = view.read_at(at, 56) if 0 <= at < view.size else b""
        if len(record) == 56 and record[:4] == b"PK\x06\x06":
            size, offset = struct.unpack_from("<QQ", record, 40)
            start = at - size
            if start >= 0:
                return start, size, start - offset
    return None


def _lines(data: bytes, shift: int) -> tuple[tuple[Member, ...], str]:
    found: list[Member] = []
    at = 0
    unpack = struct.Struct("<4s4xHH4xIIIHHH8xI").unpack_from
    while at + 46 <= len(data):
        mark, flags, method, crc, packed, size, name_n, extra_n, comment_n, offset = unpack(data, at)
        if mark != b"PK\x01\x02":
            return tuple(found), "part of the archive's directory is damaged"
        raw = data[at + 46 : at + 46 + name_n]
        if 0xFFFFFFFF in (packed, size, offset):
            extra = data[at + 46 + name_n : at + 46 + name_n + extra_n]
            size, packed, offset = _extra64(extra, size, packed, offset)
        at += 46 + name_n + extra_n + comment_n
        if not raw.endswith(b"/") or size:
            found.append(Member(_name(raw, flags), flags, method, crc, packed, size, offset + shift))
    return tuple(found), "part of the archive's directory is damaged" if at < len(data) else ""


def _extra64(extra: bytes, *values: int) -> tuple[int, int, int]:
    """Size, packed size and place, where the 64-bit ones are given."""
    at = 0
    while at + 4 <= len(extra):
        which, length = struct.unpack_from("<HH", extra, at)
        if which == 1:
            large = iter(
                struct.unpack_from("<Q", extra, at + 4 + 8 * k)[0]
                for k in range(length // 8)
                if at + 12 + 8 * k <= len(extra)
            )
            size, packed, offset = (next(large, v) if v == 0xFFFFFFFF else v for v in values)
            return size, packed, offset
        at += 4 + length
    size, packed, offset = values
    return size, packed, offset


def _name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if flags & 0x800 else raw.decode("cp437")


def _overlaps(members: list[Member], size: int) -> tuple[Member, ...]:
    """Members whose bytes another member also claims are marked: no honest archive has them.

    One that claims bytes beyond the archive's `size` is alone to blame for it.
    """
    bad: set[int] = set()
    furthest, owner = -1, -1
    for number, member in enumerate(members):
        if member.at < furthest:
            bad |= {owner, number}
        end = member.at + 30 + member.packed
        if member.at < size < end and number + 1 < len(members):
            bad.add(number)
        elif end > furthest:
            furthest, owner = end, number
    if not bad:
        return tuple(members)
    return tuple(
        Member(m.name, m.flags, m.method, m.crc, m.packed, m.size, m.at, overlaps=True) if k in bad else m
        for k, m in enumerate(members)
    )


def _from_headers(view: View, budget: Budget) -> Iterator[Member]:
    """The members of an archive without directory, by the headers before each."""
    at = 0
    for _ in range(budget.limits.members + 1):
        local = _local(view, at)
        if local is None:
            return
        flags, method, crc, packed, size, raw, start = local
        if not raw:
            return
        if flags & 0x08 and not packed:
            if method != 8 or flags & 1:
                return
            measured = _measured(view, start, budget)
            if measured is None:
                yield Member(_name(raw, flags), flags, method, 0, view.size - start, 0xFFFFFFFF, at)
                return
            crc, packed, size = measured
        if not raw.endswith(b"/"):
            yield Member(_name(raw, flags), flags, method, crc, packed, size, at)
        at = start + packed
        if flags & 0x08:
            at += _after(view, at)


def _after(view: View, at: int) -> int:
    """Length of the data descriptor, found by the header that follows it."""
    data = view.read_at(at, 28)
    for length in (16, 24, 12, 20):
        if data[length : length + 2] == b"PK":
            return length
    return 16 if data[:4] == b"PK\x07\x08" else 12


def _measured(view: View, start: int, budget: Budget) -> tuple[int, int, int] | None:
    """CRC-32, packed and unpacked size of a packed stream that ends by itself; None if it is cut."""
    unpacker = zlib.decompressobj(-15)
    at, crc, size = start, 0, 0
    pending = b""
    while not unpacker.eof:
        if not pending:
            pending = view.read_at(at, CHUNK)
            at += len(pending)
            if not pending:
                return None
        try:
            piece = unpacker.decompress(pending, CHUNK)
        except zlib.error:
            return None
        pending = unpacker.unconsumed_tail
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        budget.unpacked(len(piece), so_far=size, packed=max(1, at - start))
    return crc, at - start - len(unpacker.unused_data), size


def _local(view: View, at: int) -> tuple[int, int, int, int, int, bytes, int] | None:
    header = view.read_at(at, 30) if at >= 0 else b""
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        return None
    flags, method, crc, packed, size, name_n, extra_n = struct.unpack_from("<HH4xIIIHH", header, 6)
    rest = view.read_at(at + 30, name_n + extra_n)
    if 0xFFFFFFFF in (packed, size):
        size, packed, _ = _extra64(rest[name_n:], size, packed, 0)
    return flags, method, crc, packed, size, rest[:name_n], at + 30 + name_n + extra_n


class MemberReader:
    """The unpacked bytes of one member, counted and checked while they come.

    Raises
    ------
    Refused
        It is encrypted, packed by a method that is not read, shares its bytes, or has no header.
    """

    def __init__(self, view: View, member: Member, budget: Budget, *, counted: bool = True) -> None:
        if member.overlaps:
            raise Refused("bomb", "shares its bytes with another member, as in a zip bomb; not read")
        if member.flags & 1:
            raise Refused("encrypted", "is locked by a password; unpack it and give the folder")
        if member.method not in (0, 8):
            name = METHODS.get(member.method, f"method {member.method}")
            raise Refused(
                "packing", f"is packed with {name}, which is not read; unpack it and give the folder"
            )
        local = _local(view, member.at)
        if local is None:
            raise Refused("damaged", "is not where the archive's directory says; download or copy it again")
        self.problem = ""
        self._view, self._member, self._budget, self._counted = view, member, budget, counted
        self._at = local[-1]
        self._end = min(view.size, self._at + member.packed)
        self._cut = self._end < self._at + member.packed
        self._unpacker = None if member.method == 0 else zlib.decompressobj(-15)
        self._pending = b""
        self._crc = self._count = 0
        self._done = False

    @property
    def start(self) -> int:
        """Where the packed bytes begin; asked before the first `read`. [byte]"""
        return self._at

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, empty at the end; `problem` then tells whether they are whole."""
        count = min(count, self._member.size - self._count)
        pieces: list[bytes] = []
        while count > 0 and not self._done:
            piece = self._stored(count) if self._unpacker is None else self._inflated(count)
            self._crc = zlib.crc32(piece, self._crc)
            self._count += len(piece)
            if self._counted:
                packed = max(1, self._member.packed)
                self._budget.unpacked(len(piece), so_far=self._count, packed=packed)
            count -= len(piece)
            pieces.append(piece)
        if self._count >= self._member.size:
            self._done = True
        if self._done and not self.problem and self._crc != self._member.crc:
            short = self._cut or self._count < self._member.size
            self.problem = "is cut off" if short else "is damaged (its checksum is wrong)"
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]

    def _stored(self, count: int) -> bytes:
        piece = self._view.read_at(self._at, min(count, self._end - self._at, CHUNK))
        self._at += len(piece)
        self._done = not piece or self._at >= self._end
        return piece

    def _inflated(self, count: int) -> bytes:
        unpacker = self._unpacker
        assert unpacker is not None
        if not self._pending:
            self._pending = self._view.read_at(self._at, min(CHUNK, max(0, self._end - self._at)))
            self._at += len(self._pending)
        fed = self._pending
        try:
            piece = unpacker.decompress(fed, min(count, CHUNK))
        except zlib.error:
            self._done = True
            self.problem = "is damaged (it cannot be unpacked to its end)"
            return b""
        self._pending = unpacker.unconsumed_tail
        if unpacker.eof or (not piece and not fed):
            self._done = True
        return piece


class ViewReader:
    """A view from its front: a plain file."""

    def __init__(self, view: View) -> None:
        self.problem = ""
        self._view = view
        self._at = 0

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, empty at the end."""
        piece = self._view.read_at(self._at, count)
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Let go of the file, where it is one."""
        if isinstance(self._view, FileView):
            self._view.close()


class GzipReader:
    """The unpacked bytes of a gzip stream, counted while they come; several streams in a row are one."""

    def __init__(self, reader: Reader, head: bytes, budget: Budget) -> None:
        self.problem = ""
        self._reader, self._budget = reader, budget
        self._pending = head
        self._packed = len(head)
        self._count = 0
        self._unpacker = zlib.decompressobj(31)
        self._done = False

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, empty at the end."""
        found = io.BytesIO()
        while count > 0 and not self._done:
            if not self._pending:
                self._pending = self._reader.read(GZIP_CHUNK)
                self._packed += len(self._pending)
                if not self._pending:
                    self._done = True
                    self.problem = "" if self._unpacker.eof else "is cut off"
                    break
            piece = self._step(min(count, CHUNK))
            self._count += len(piece)
            self._budget.unpacked(len(piece), so_far=self._count, packed=self._packed)
            count -= len(piece)
            found.write(piece)
        self.problem = self.problem or self._reader.problem
        return found.getvalue()

    def close(self) -> None:
        """Let go of what is unpacked."""
        if isinstance(self._reader, ViewReader):
            self._reader.close()

    def _step(self, count: int) -> bytes:
        try:
            piece = self._unpacker.decompress(self._pending, count)
        except zlib.error:
            self._done = True
            self.problem = "is damaged (it cannot be unpacked to its end)"
            return b""
        self._pending = self._unpacker.unconsumed_tail
        if self._unpacker.eof:
            self._pending = self._unpacker.unused_data
            if self._pending.startswith(b"\x1f\x8b"):
                self._unpacker = zlib.decompressobj(31)
            elif self._pending:
                self._done = True
        return piece


def view_of(view: View, member: Member, budget: Budget) -> View:
    """A member that is itself an archive, as bytes that can be read at any place.

    Raises
    ------
    Refused
        It cannot be read, or it passes a limit.
    """
    reader = MemberReader(view, member, budget)
    if member.method == 0:
        return WindowView(view, reader.start, member.packed)
    if member.size > budget.limits.stream_bytes:
        raise Refused("limit", f"is larger than {budget.limits.stream_bytes >> 20:,} MB; unpack it first")
    if member.size > HELD_BYTES:
        return InflatedView(view, member, budget)
    pieces = []
    while piece := reader.read(CHUNK):
        pieces.append(piece)
    return MemoryView(b"".join(pieces))
