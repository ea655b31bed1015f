"""Where every message of a FIT file lies, found in one walk over the bytes; no value is decoded here.

A FIT file cannot be indexed without reading it from the front, since a message tells its own kind and the
definition before it tells its length. That walk is the only work that must be done message by message, so
it does nothing else: it notes where the messages of each definition start. Equal definitions share one
list however often a device repeats them, and a run of messages of one kind is measured in one step by
comparing every n-th byte, which is exact because a header byte fixes the length of its message. Damage is
handled after the quick walk has failed or the checksum disagrees, in a slower walk that looks at the time
stamps as well and finds its way back behind a hole. The checksum is computed by folding the bytes onto
themselves: the polynomial of CRC-16 is (x + 1)(x^15 + x + 1), and powers of two of a trinomial stay
trinomials, so that a fold is two exclusive ors over whole arrays.
Instead of: a generator of message objects, which costs a thousand times as much a value; a table-driven
checksum in Python, which would cost more than all the decoding; and refusing a file whose checksum is wrong.
"""

from collections import ChainMap
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["BASE_TYPES", "BaseType", "Definition", "Gap", "Part", "crc16", "file_type", "is_fit", "parts"]

RECORD, ACTIVITY, FIELD_DESCRIPTION = 20, 34, 206
TIMESTAMP = 253
LEAST = 7
"""Smallest data that hold a message: a definition without fields and a row of it. [byte]"""
MAX_DEFINITIONS = 20_000
"""Distinct definitions believed in one part; real files have under 200."""
MAX_FIELDS = 200_000
"""Fields of all distinct definitions of a file, its chained ones included; the richest real file has 1,107. Each costs
some microseconds and 200 bytes, whatever the file has of messages."""
SYSTEM_TIME = 0x10000000
"""Below this a time stamp counts seconds since power-on, not since 1989-12-31."""
JUMP_S = 40 * 86_400
"""A record further ahead than this in a damaged file is taken for garbage unless its followers agree. [s]"""
BACK_S = 86_400
"""A record further back than this in a damaged file likewise. [s]"""
RUN = 4
"""Messages of one kind in a row that are worth measuring in one step."""
RESYNC_MESSAGES, RESYNC_RECORDS, RESYNC_STEP_S = 8, 5, 10
RESYNC_REACH = 1 << 16
"""How many bytes are searched for the way back after a hole."""
RESYNC_TRIALS = 200_000
"""So many places of a part are tried as the way back; a hole of some hundred bytes takes as many at most."""

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BaseType:
    """One of FIT's base types: numpy kind and size, and the raw value that means "not given"."""

    name: str
    code: str
    size: int
    invalid: int


BASE_TYPES: dict[int, BaseType] = {
    0: BaseType("enum", "u1", 1, 0xFF),
    1: BaseType("sint8", "i1", 1, 0x7F),
    2: BaseType("uint8", "u1", 1, 0xFF),
    3: BaseType("sint16", "i2", 2, 0x7FFF),
    4: BaseType("uint16", "u2", 2, 0xFFFF),
    5: BaseType("sint32", "i4", 4, 0x7FFFFFFF),
    6: BaseType("uint32", "u4", 4, 0xFFFFFFFF),
    7: BaseType("string", "S", 1, 0),
    8: BaseType("float32", "f4", 4, 0xFFFFFFFF),
    9: BaseType("float64", "f8", 8, 0xFFFFFFFFFFFFFFFF),
    10: BaseType("uint8z", "u1", 1, 0),
    11: BaseType("uint16z", "u2", 2, 0),
    12: BaseType("uint32z", "u4", 4, 0),
    13: BaseType("byte", "u1", 1, 0xFF),
    14: BaseType("sint64", "i8", 8, 0x7FFFFFFFFFFFFFFF),
    15: BaseType("uint64", "u8", 8, 0xFFFFFFFFFFFFFFFF),
    16: BaseType("uint64z", "u8", 8, 0),
}
"""By the low five bits of the base type byte; the high bit only repeats that the size is over one byte."""
BYTE = BASE_TYPES[13]


@dataclass(frozen=True, slots=True)
class Slot:
    """A field inside a message: its number, where it lies, how long it is, and what it is made of."""

    number: int
    offset: int
    size: int
    base: BaseType
    count: int
    """How many base values; 1 = a plain number. Strings count bytes."""
    index: int = -1
    """Developer data index, or -1 for a field of the profile."""
    declared: int = 13
    """Base type number as declared; differs from `base` where the size forbids it."""


@dataclass(slots=True)
class Definition:
    """One layout of one kind of message, and where its messages start."""

    number: int
    """Global message number."""
    big: bool
    size: int
    """Length of a message with its header byte. [byte]"""
    stamp: int
    """Offset of the time stamp in the message, or -1."""
    native: bytes
    """Number, size and type byte of each field of the profile."""
    developer: bytes
    """Number, size and data index of each developer field."""
    starts: list[int] = field(default_factory=list)
    runs: list[tuple[int, int]] = field(default_factory=list)
    """(place in `starts`, how many more follow without a break)."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The fields in order; read only for messages whose values are asked for."""
        return _slots(self.native, self.developer)

    def positions(self) -> Positions:
        """Where each message starts, ascending; shape (n,)."""
        starts = np.fromiter(self.starts, np.int64, len(self.starts))
        if not self.runs:
            return starts
        repeats = np.ones(len(starts), dtype=np.int64)
        for place, more in self.runs:
            repeats[place] += more
        if len(starts) == 1:
            return np.asarray(starts[0] + self.size * np.arange(int(repeats[0])), dtype=np.int64)
        first = np.repeat(np.cumsum(repeats) - repeats, repeats)
        within = np.arange(len(first)) - first
        return np.asarray(np.repeat(starts, repeats) + self.size * within, dtype=np.int64)

    @property
    def count(self) -> int:
        """How many messages of this layout were found."""
        return len(self.starts) + sum(more for _, more in self.runs)


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that could not be read as messages."""

    start: int
    end: int


@dataclass
class Part:
    """One FIT file of a chain: what its header says, its checksum, and its messages by definition."""

    start: int
    header_size: int
    declared_size: int
    first: int
    end: int
    """Where the messages end."""
    crc: str = "ok"
    """``ok``, ``wrong`` or ``absent`` (cut, never finalised, or written as 0)."""
    header_crc: str = "ok"
    """``ok``, ``wrong`` or ``absent`` (12-byte header, or written as 0)."""
    size_wrong: bool = False
    """The declared data size was too small for a message, so that the length of the file was used."""
    cut: bool = False
    """The file ends before the declared size, or inside a message."""
    stopped_at: int | None = None
    """Where reading was given up, if before the end."""
    salvaged: bool = False
    """The slow walk was used, since something was damaged."""
    foreign: int = 0
    """Bytes after the `activity` message that were left unread."""
    limited: bool = False
    definitions: list[Definition] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    dropped: int = 0
    """Records not believed because their time stamp was garbage."""

    @cached_property
    def by_number(self) -> dict[int, list[Definition]]:
        """Definitions that have messages, by global message number, in order of appearance."""
        kinds: dict[int, list[Definition]] = {}
        for definition in self.definitions:
            if definition.starts:
                kinds.setdefault(definition.number, []).append(definition)
        return kinds


def is_fit(head: bytes) -> bool:
    """Whether these first bytes are those of a FIT file."""
    return len(head) >= 12 and head[8:12] == b".FIT" and 12 <= head[0] <= 64


def file_type(head: bytes) -> int | None:
    """The number `file_id.type` of the first messages; None where it is not within these bytes.

    Takes the first 512 bytes or so; 4 is an activity, 6 a course, 32 monitoring.
    """
    if not is_fit(head):
        return None
    pos, table = head[0], {}
    while pos < len(head):
        header = head[pos]
        if header & 0xC0 == 0x40:
            definition, length = _definition(head, pos, len(head))
            if definition is None:
                return None
            table[header & 0x0F] = definition
            pos += length
            continue
        local = (header >> 5) & 3 if header & 0x80 else header & 0x0F
        known = table.get(local)
        if known is None:
            return None
        if known.number == 0:
            for slot in known.slots:
                where = pos + slot.offset
                if slot.number == 0 and slot.index < 0 and where < len(head):
                    return None if head[where] == 0xFF else head[where]
            return None
        pos += known.size
    return None


def parts(data: bytes) -> Iterator[Part]:
    """The FIT files chained in these bytes, each walked; nothing where the first header is missing."""
    pos, left = 0, MAX_FIELDS
    while 0 <= pos < len(data) and is_fit(data[pos : pos + 16]):
        part = _open(data, pos)
        _walk_part(data, part, left)
        left -= sum(map(_fields, part.definitions))
        yield part
        pos = _next_header(data, part)


def _open(data: bytes, start: int) -> Part:
    """Read the header at `start`, decide where the messages end, and check both checksums."""
    header_size = data[start]
    declared = int.from_bytes(data[start + 4 : start + 8], "little")
    first = min(start + header_size, len(data))
    part = Part(start, header_size, declared, first, first + declared)
    stored = int.from_bytes(data[start + 12 : start + 14], "little") if header_size >= 14 else 0
    if stored == 0:
        part.header_crc = "absent"
    elif stored != crc16(data[start : start + 12]):
        part.header_crc = "wrong"
    if declared < LEAST:
        part.size_wrong = len(data) > first
        following = _find_header(data, first)
        part.end = following if following >= 0 else len(data)
        if part.end - first >= 2 and crc16(memoryview(data)[start : part.end]) == 0:
            part.end -= 2
        else:
            part.crc = "absent"
        return part
    if part.end > len(data):
        part.cut, part.crc, part.end = True, "absent", len(data)
        return part
    tail = data[part.end : part.end + 2]
    if len(tail) < 2 or is_fit(data[part.end : part.end + 16]):
        part.crc = "absent"
    elif crc16(memoryview(data)[start : part.end + 2]) != 0:
        part.crc = "absent" if tail == b"\0\0" else "wrong"
    return part


def _find_header(data: bytes, pos: int) -> int:
    """The next believable FIT header at or after `pos`, or -1."""
    while (found := data.find(b".FIT", pos)) >= 0:
        start = found - 8
        if start >= pos and is_fit(data[start : start + 16]) and data[start] in (12, 14):
            return start
        pos = found + 1
    return -1


def _next_header(data: bytes, part: Part) -> int:
    """Where the next chained file starts, or -1; bytes between are noted as a gap."""
    for pos in (part.end + 2, part.end):
        if is_fit(data[pos : pos + 16]):
            return pos
    pos = _find_header(data, part.end)
    after = part.end if part.crc == "absent" and part.size_wrong else min(part.end + 2, len(data))
    if not part.cut and len(data) > after:
        part.gaps.append(Gap(after, pos if pos >= 0 else len(data)))
    return pos


def _definition(data: bytes, pos: int, end: int) -> tuple[Definition | None, int]:
    """The definition message at `pos` and its length; None where it is cut or cannot be one."""
    if pos + 6 > end:
        return None, end - pos
    big = data[pos + 2]
    fields_end = pos + 6 + 3 * data[pos + 5]
    if big > 1 or fields_end > end:
        return None, fields_end - pos
    number = int.from_bytes(data[pos + 3 : pos + 5], "big" if big else "little")
    native = data[pos + 6 : fields_end]
    developer = b""
    length = fields_end - pos
    if data[pos] & 0x20:
        if fields_end >= end:
            return None, length + 1
        dev_end = fields_end + 1 + 3 * data[fields_end]
        if dev_end > end:
            return None, dev_end - pos
        developer = data[fields_end + 1 : dev_end]
        length = dev_end - pos
    sizes = native[1::3]
    stamp = native[::3].find(TIMESTAMP)
    if stamp >= 0:
        stamp = 1 + sum(sizes[:stamp]) if sizes[stamp] == 4 else -1
    size = 1 + sum(sizes) + sum(developer[1::3])
    return Definition(number, bool(big), size, stamp, native, developer), length


def _slot(number: int, offset: int, size: int, declared: int, index: int = -1) -> Slot:
    """A field of `size` bytes; raw bytes where the size is no multiple of what the type asks."""
    base = BASE_TYPES.get(declared, BYTE)
    if size % base.size or not size:
        base = BYTE
    return Slot(number, offset, size, base, size // base.size, index, declared)


@lru_cache(maxsize=4096)
def _slots(native: bytes, developer: bytes) -> tuple[Slot, ...]:
    """Fields of a layout; devices of one model share it over all their files."""
    slots, offset = [], 1
    for at in range(0, len(native), 3):
        slots.append(_slot(native[at], offset, native[at + 1], native[at + 2] & 0x1F))
        offset += native[at + 1]
    for at in range(0, len(developer), 3):
        size = developer[at + 1]
        slots.append(Slot(developer[at], offset, size, BYTE, size, developer[at + 2]))
        offset += size
    return tuple(slots)


def with_type(slot: Slot, declared: int) -> Slot:
    """The same developer field, of the type that its description declares."""
    return _slot(slot.number, slot.offset, slot.size, declared & 0x1F, slot.index)


class _NotDataError(Exception):
    """Raised in the quick walk at a header byte that stands for no data message."""


def _not_data(_: int) -> None:
    raise _NotDataError


class _Table:
    """Which definition a header byte stands for now; equal definitions are one object."""

    def __init__(self, most_fields: int) -> None:
        self.known: MutableMapping[bytes, Definition] = {}
        self.fields_left = most_fields
        self.trials_left = RESYNC_TRIALS
        self.full = False
        """Whether a definition was refused as one too many."""
        self.order: list[Definition] = []
        self.entries: list[Definition | None] = [None] * 256
        self.steps: list[tuple[int, Callable[[int], None]]] = [(0, _not_data)] * 256
        """For the quick walk: the length of a message by its header byte, and where to note its start."""
        self.compressed = True
        """Whether a header with a time offset is believed: behind a hole only where some came before."""

    def copy(self) -> "_Table":
        """A table that may be changed on trial; definitions found in it are not counted."""
        other = _Table(self.fields_left)
        other.known, other.entries = ChainMap({}, self.known), list(self.entries)
        other.compressed = self.compressed
        return other

    def data_entry(self, header: int) -> Definition | None:
        """The definition a data message's header stands for; None where damage is the likelier reading."""
        if (header & 0x80 and not self.compressed) or (header & 0x80 == 0 and header & 0x30):
            return None
        return self.entries[header]

    def define(self, data: bytes, pos: int, end: int) -> int:
        """Read the definition at `pos`; its length, or 0 where there is none that can be believed."""
        header = data[pos]
        count = data[pos + 5] if pos + 5 < end else 0
        length = 6 + 3 * count
        if header & 0x20 and pos + length < end:
            length += 1 + 3 * data[pos + length]
        key = (b"\1" if header & 0x20 else b"\0") + data[pos + 2 : pos + length]
        definition = self.known.get(key)
        if definition is None:
            definition, length = _definition(data, pos, end)
            if definition is None:
                return 0
            self.fields_left -= _fields(definition)
            if self.fields_left < 0 or len(self.order) >= MAX_DEFINITIONS:
                self.full = True
                return 0
            self.known[key] = definition
            self.order.append(definition)
        local = header & 0x0F
        if self.entries[local] is not definition:
            step = (definition.size, definition.starts.append)
            for start, many in ((local, 1), (0x80 | local << 5, 32)) if local < 4 else ((local, 1),):
                self.entries[start : start + many] = [definition] * many
                self.steps[start : start + many] = [step] * many
            for reserved in (0x10, 0x20, 0x30):
                self.entries[local | reserved] = definition
                self.steps[local | reserved] = step
        return length


def _fields(definition: Definition) -> int:
    """How many fields a definition declares."""
    return (len(definition.native) + len(definition.developer)) // 3


def _walk_part(data: bytes, part: Part, most_fields: int) -> None:
    """Find every message of the part: quickly, and again with care where that shows damage."""
    table = _Table(most_fields)
    reached = _quick_walk(data, part.first, part.end, table)
    part.definitions = table.order
    part.limited = table.full
    if part.crc == "ok":
        part.stopped_at = None if reached >= part.end else reached
        if reached < part.end and not table.full:
            _careful_walk(data, part, most_fields)
        return
    clean = reached >= part.end or _is_cut_message(data, reached, part.end, table)
    if clean and not _wild_stamps(data, part):
        part.cut = part.cut or reached < part.end
        return
    _careful_walk(data, part, most_fields)


def _is_cut_message(data: bytes, pos: int, end: int, table: _Table) -> bool:
    """Whether the walk ended because the last message is not all there."""
    header = data[pos]
    if header & 0xC0 == 0x40:
        return _definition(data, pos, end)[1] > end - pos
    entry = table.entries[header]
    return entry is not None and pos + entry.size > end


def _quick_walk(data: bytes, pos: int, end: int, table: _Table) -> int:
    """Note where each message starts; the position that was reached, `end` if all went well."""
    steps = table.steps
    last, size = -1, 0
    while pos < end:
        try:
            while pos < end:
                header = data[pos]
                if header == last:
                    last = -1
                    more = _run(data, pos, end, size, header)
                    if more:
                        entry = table.entries[header]
                        assert entry is not None
                        entry.runs.append((len(entry.starts) - 1, more))
                        pos += more * size
                        continue
                size, note = steps[header]
                note(pos)
                pos += size
                last = header
        except _NotDataError:
            length = table.define(data, pos, end) if data[pos] & 0xC0 == 0x40 else 0
            if not length:
                return pos
            pos += length
            last = -1
    if pos > end:
        pos -= size
        entry = table.entries[data[pos]]
        assert entry is not None
        entry.starts.pop()
    return pos


def _run(data: bytes, pos: int, end: int, size: int, header: int) -> int:
    """How many messages of `size` bytes and this header follow each other from `pos`; 0 where it is few."""
    if pos + RUN * size > end or data[pos + (RUN - 1) * size] != header:
        return 0
    mark, total, window = bytes((header,)), 0, 32
    while pos + size <= end:
        heads = data[pos : min(pos + window * size, end - size + 1) : size]
        count = len(heads) - len(heads.lstrip(mark))
        total += count
        if count < window:
            break
        pos += count * size
        window *= 8
    return total


def _stamps(data: bytes, definition: Definition, positions: Positions) -> npt.NDArray[np.int64]:
    """The time stamps of these messages as written; shape (n,)."""
    kind = np.dtype(">u4" if definition.big else "<u4")
    if not len(positions):
        return np.empty(0, dtype=np.int64)
    raw = np.frombuffer(data, dtype=np.uint8)
    index = (positions + definition.stamp)[:, None] + np.arange(4)
    return np.ascontiguousarray(raw[index]).view(kind)[:, 0].astype(np.int64)


def _wild_stamps(data: bytes, part: Part) -> bool:
    """Whether any record is further from the one before than a damaged file is believed."""
    found = [
        (positions, _stamps(data, definition, positions))
        for definition in part.by_number.get(RECORD, [])
        if definition.stamp >= 0
        for positions in (definition.positions(),)
    ]
    if not found:
        return False
    order = np.argsort(np.concatenate([positions for positions, _ in found]), kind="stable")
    stamps = np.concatenate([stamps for _, stamps in found])[order]
    stamps = stamps[(stamps >= SYSTEM_TIME) & (stamps != 0xFFFFFFFF)]
    step = np.diff(stamps)
    return bool(np.any((step > JUMP_S) | (step < -BACK_S)))


def _stamp_at(data: bytes, pos: int, definition: Definition) -> int | None:
    """The full time stamp of one message, or None where it carries none."""
    if definition.stamp < 0:
        return None
    at = pos + definition.stamp
    value = int.from_bytes(data[at : at + 4], "big" if definition.big else "little")
    return None if value == 0xFFFFFFFF else value


def _careful_walk(data: bytes, part: Part, most_fields: int) -> None:
    """Walk again message by message, watching the records' time stamps, and pass over holes (F8, F14)."""
    table = _Table(most_fields)
    pos, end = part.first, part.end
    last: int | None = None
    seen_activity = compressed = False
    part.salvaged = True
    part.stopped_at = None
    while pos < end:
        header = data[pos]
        step = 0
        if header & 0xC0 == 0x40:
            step = table.define(data, pos, end)
        elif (entry := table.data_entry(header)) is not None:
            if pos + entry.size > end:
                part.cut = True
                break
            stamp = _stamp_at(data, pos, entry) if entry.number == RECORD else None
            if _believable(stamp, last) or (
                stamp is not None and not seen_activity and _follows(data, pos, end, table, stamp)
            ):
                entry.starts.append(pos)
                step = entry.size
                compressed = compressed or header & 0x80 != 0
                if stamp is not None and stamp >= SYSTEM_TIME:
                    last = stamp
                # Some apps write the summary first: only one that follows records closes the activity.
                seen_activity = seen_activity or (entry.number == ACTIVITY and last is not None)
            else:
                part.dropped += 1
        if step:
            pos += step
            continue
        if table.full:
            part.stopped_at = pos
            break
        if seen_activity:
            part.foreign = end - pos
            break
        table.compressed = compressed
        found = _resynchronise(data, pos + 1, end, table, last)
        part.gaps.append(Gap(pos, found if found >= 0 else end))
        if found < 0:
            part.stopped_at = pos
            break
        pos = found
    part.definitions = table.order
    part.limited = table.full
    part.__dict__.pop("by_number", None)


def _believable(stamp: int | None, last: int | None) -> bool:
    """Whether a record's stamp can follow the last one."""
    if stamp is None or last is None or stamp < SYSTEM_TIME:
        return True
    return -BACK_S <= stamp - last <= JUMP_S


def _resynchronise(data: bytes, pos: int, end: int, table: _Table, last: int | None) -> int:
    """The first offset from `pos` where messages make sense again, or -1."""
    for at in range(pos, min(end, pos + RESYNC_REACH)):
        header = data[at]
        if header & 0xC0 != 0x40 and table.data_entry(header) is None:
            continue
        table.trials_left -= 1
        if table.trials_left < 0:
            return -1
        if _follows(data, at, end, table, last):
            return at
    return -1


def _follows(data: bytes, pos: int, end: int, table: _Table, last: int | None) -> bool:
    """Whether 8 messages parse from `pos`, at least 5 of them records in step with each other."""
    trial, records = table, 0
    previous: int | None = None
    for _ in range(RESYNC_MESSAGES):
        if pos >= end:
            return False
        header = data[pos]
        if header & 0xC0 == 0x40:
            if trial is table:
                trial = table.copy()
            length = trial.define(data, pos, end)
            if not length:
                return False
            pos += length
            continue
        entry = trial.data_entry(header)
        if entry is None or pos + entry.size > end:
            return False
        if entry.number == RECORD and (stamp := _stamp_at(data, pos, entry)) is not None:
            if previous is not None and not 0 <= stamp - previous <= RESYNC_STEP_S:
                return False
            if previous is None and not _believable(stamp, last):
                return False
            previous = stamp
            records += 1
        pos += entry.size
    return records >= RESYNC_RECORDS


_NIBBLES = (
    0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
    0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
)  # fmt: skip


def _crc_bytes(data: bytes) -> int:
    """CRC-16 by table, half a byte a step: the definition, for short inputs."""
    crc = 0
    for byte in data:
        crc = (crc >> 4) ^ _NIBBLES[(crc ^ byte) & 0x0F]
        crc = (crc >> 4) ^ _NIBBLES[(crc ^ (byte >> 4)) & 0x0F]
    return crc


def crc16(data: bytes | memoryview) -> int:
    """CRC-16 of FIT (polynomial 0x8005, reflected, starting from 0) of all bytes.

    Notes
    -----
    Modulo ``Q = x^15 + x + 1`` the power ``Q^(8 b) = x^(120 b) + x^(8 b) + 1`` (b a power of two) says that
    a byte may be moved 15 b and 14 b places towards the end. Folding with b halved each time leaves 15
    bytes that are equal modulo Q; adding Q^8 where the parity of the bits asks for it makes them equal
    modulo (x + 1) Q, which is the polynomial.
    """
    if len(data) < 256:
        return _crc_bytes(bytes(data))
    work = np.frombuffer(data, dtype=np.uint8).copy()
    whole = work[: len(work) // 8 * 8].view(np.uint64)
    folded = int(np.bitwise_xor.reduce(whole)) ^ int.from_bytes(work[len(whole) * 8 :].tobytes(), "little")
    odd = folded.bit_count() & 1
    block = 1 << ((len(work) - 1) // 15).bit_length()
    while block:
        while len(work) > 15 * block:
            front = min(len(work) - 15 * block, block * 14)
            head = work[:front]
            tail = work[front:]
            tail[15 * block - front : 15 * block] ^= head
            tail[14 * block - front : 14 * block] ^= head
            work = tail
        block //= 2
    rest = bytes(15 - len(work)) + work.tobytes()
    if (int.from_bytes(rest, "little").bit_count() & 1) != odd:
        flipped = bytearray(b"\0" + rest)
        for place in (0, 14, 15):
            flipped[place] ^= 0x80
        rest = bytes(flipped)
    return _crc_bytes(rest)
