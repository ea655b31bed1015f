"""XML as flat arrays: one element a number, found by looking at all angle brackets of a file at once.

A watch file of 10,000 points is 140,000 tags of twenty kinds, and any parser that calls back for each of
them spends its time on the calls. Here the positions of all ``<`` and ``>`` are found vectorised, names are
compared as machine words, pairs and parents follow from the depth, and a column of numbers is read from the
bytes between its tags without a Python object a cell. Nothing of it trusts the file: every start tag must
meet the end tag of its own name, else the file goes through `readers.xml_repair`, a tolerant pass over the
tags that writes a regular text, which is then indexed by the very same code, so that a repaired and a
regular file of the same content give equal results. A document type is skipped and never processed, so no
entity exists that could be expanded; the five of the XML standard and character references are decoded in
single values only. Counts of tags, names and levels are bounded.
Measured on a GPX of 10,000 points with three extensions: see ``tests/bench/test_xml_bench.py``.
Instead of: lxml or expat events (five to ten times slower), or regular expressions over split text, which do
not know what is nested in what.
"""

import codecs
import html
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kneeledger import plurals
from kneeledger.errors import CorruptFileError, LimitError
from kneeledger.model import WORD_CHARS, Issue, Source
from kneeledger.readers.xml_repair import MAX_REPAIRS, Repaired, repaired

__all__ = ["Bools", "Cells", "Document", "Ints", "cells", "document", "local_name"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

MAX_TAGS = 12_000_000
"""More tags than this are refused: about 850,000 points, ten days of one a second [tags]."""
MAX_DEPTH = 64
"""Deeper nesting than this is refused; the deepest real file has 9 [levels]."""
MAX_NAMES = 4_000
"""More kinds of names than this are refused; the richest real file has about 60."""

MAX_LATE_PREFIXES = 50
"""So many prefixes that the root does not declare are looked for further inside."""

WORD_BYTES = 12 * WORD_CHARS
"""Of a text or value this much is looked at; a sign is up to four bytes, written as a reference about ten."""
TOLD_PREFIXES, TOLD_CHARS = 5, 40

_BLANKS = b" \t\r\n\x00\x0b\x0c"
_INK = re.compile(rb"[^ \t\r\n\x00\x0b\x0c]")
_SPECIAL = re.compile(rb"<!--|<!\[CDATA\[|<\?")
_ENDS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_DOCTYPE_SIGN = re.compile(rb"""<!--|["'\[\]>]""")
_DOCTYPE_ENDS = {b"<!--": b"-->", b'"': b'"', b"'": b"'"}
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_TEXT_CODECS = re.compile(
    r"us-ascii|ascii|latin[-_]?\d{1,2}|iso[-_]?8859[-_]\d{1,2}|windows[-_]?125\d|cp\d{3,4}|koi8[-_][rut]"
    r"|gbk?|gb2312|gb18030|big5(?:[-_]?hkscs)?|shift[-_]?jis(?:[-_](?:2004|x0213))?|sjis|euc[-_]?(?:jp|kr)",
    re.IGNORECASE,
)
"""What a file may declare besides UTF-8: codecs of text that take linear time; Python knows others as well."""
_NAMESPACE = re.compile(rb"""\sxmlns(?::([^\s=]+))?\s*=\s*["']([^"'<]*)["']""")
_ATTRIBUTE = re.compile(rb"""([^\s=<>"'/]++)(?:\s*+=\s*+(?:"([^"<]*+)"|'([^'<]*+)'))?""")
_MASKS = np.array([0] + [(1 << (8 * k)) - 1 for k in range(1, 9)], dtype=np.uint64)
_PRIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0xD6E8FEB86659FD93)
_PAD = bytes(64)


@dataclass(frozen=True)
class Document:
    """A file as arrays over its elements, in the order of their start tags.

    Parents come before their children; ``end[i]`` is the number of the first element after `i` that is
    not inside it. Text is known for leaves only: between start and end tag without another tag.
    """

    data: bytes
    """UTF-8, without comments, document type and instructions; character data escaped."""
    names: tuple[str, ...]
    """Every name that occurs, with its prefix."""
    name: Ints
    """Index into `names`, one an element; shape (n,)."""
    parent: Ints
    """Number of the element around, -1 at the top; shape (n,)."""
    end: Ints
    tag_start: Ints
    """Byte of ``<``; shape (n,)."""
    tag_end: Ints
    """Byte of ``>``; shape (n,)."""
    text_end: Ints
    """Byte after the text of a leaf, which begins at ``tag_end + 1``; -1 for all others; shape (n,)."""
    issues: tuple[Issue, ...] = field(default=())

    @cached_property
    def buffer(self) -> npt.NDArray[np.uint8]:
        """The bytes as numbers, with 64 zeros after the end."""
        return np.frombuffer(self.data + _PAD, dtype=np.uint8)

    @cached_property
    def local(self) -> tuple[str, ...]:
        """`names` without prefixes."""
        return tuple(local_name(name) for name in self.names)

    @cached_property
    def namespaces(self) -> dict[str, str]:
        """Address of each declared prefix ('' for the default), the first declaration counting."""
        root = self.data[int(self.tag_start[0]) : int(self.tag_end[0])]
        found: dict[str, str] = {}
        for match in _NAMESPACE.finditer(root):
            found.setdefault(_decoded(match[1] or b""), _word_of(match[2]).strip())
        prefixes = {name.partition(":")[0] for name in self.names if ":" in name} - found.keys()
        for prefix in sorted(prefixes)[:MAX_LATE_PREFIXES]:
            if prefix:
                at = self.data.find(b"xmlns:" + prefix.encode(), len(root))
                late = _NAMESPACE.match(self.data, at - 1) if at > 0 else None
                if late:
                    found[prefix] = _word_of(late[2]).strip()
        return found

    def named(self, *local: str) -> Ints:
        """Elements whose name without prefix, in any case, is one of these; in file order, not to be changed."""
        wanted = frozenset(word.lower() for word in local)
        if wanted not in self._named:  # asked again for each of up to thousands of activities
            ids = [k for k, word in enumerate(self.local) if word.lower() in wanted]
            if ids:
                found = np.flatnonzero(self.name == ids[0] if len(ids) == 1 else np.isin(self.name, ids))
            else:
                found = np.zeros(0, dtype=np.int64)
            self._named[wanted] = found
        return self._named[wanted]

    @cached_property
    def _named(self) -> dict[frozenset[str], Ints]:
        """What `named` has found."""
        return {}

    def children(self, element: int, *local: str) -> list[int]:
        """Direct children, those of these names if names are given."""
        wanted = {word.lower() for word in local}
        inside = np.flatnonzero(self.parent[element + 1 : self.end[element]] == element) + element + 1
        return [int(k) for k in inside if not wanted or self.local[self.name[k]].lower() in wanted]

    def inside(self, element: int, *local: str) -> Ints:
        """Descendants of these names."""
        found = self.named(*local)
        low, high = np.searchsorted(found, (element + 1, self.end[element]))
        return found[low:high]

    def text(self, element: int) -> str:
        """Text of a leaf up to `WORD_CHARS`, references decoded, blanks at the ends removed; '' for others."""
        stop = int(self.text_end[element])
        if stop < 0:
            return ""
        found = _INK.search(self.data, int(self.tag_end[element]) + 1, stop)
        if found is None:
            return ""
        return _word_of(self.data[found.start() : min(stop, found.start() + WORD_BYTES)]).strip()

    def text_of(self, element: int, *local: str) -> str | None:
        """Text of the first direct child of one of these names that has one."""
        for child in self.children(element, *local):
            text = self.text(child)
            if text:
                return text
        return None

    def attributes(self, element: int) -> dict[str, str]:
        """Attributes by local name, each up to `WORD_CHARS`, references decoded."""
        raw = self.data[int(self.tag_start[element]) : int(self.tag_end[element])]
        found: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(raw):
            value = match[2] if match[2] is not None else match[3]
            if value is None:
                continue
            found.setdefault(local_name(_decoded(match[1])), _word_of(value))
        return found


@dataclass(frozen=True, slots=True)
class Cells:
    """The leaves of one name under one parent name, over all points: one raw column of a table."""

    name: str
    """With prefix."""
    local: str
    parent: str
    """Local name of the element around."""
    address: str
    """Namespace address, '' where none is declared."""
    row: Ints
    """Which point each belongs to; non-decreasing, may repeat."""
    element: Ints


def local_name(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def document(source: Source) -> Document:
    """The file of a source as a `Document`, repaired where it has to be, each repair an Issue.

    Raises
    ------
    CorruptFileError
        It holds no element at all.
    LimitError
        Too many tags, names or levels.
    """
    data, issues = _cleaned(source.data)
    indexed = _indexed(data, source.path)
    if indexed is None:
        mended = repaired(data, limit=MAX_TAGS, depth=MAX_DEPTH)
        if mended is None:
            most = f"{MAX_TAGS} tags, {MAX_DEPTH} levels or {MAX_REPAIRS:,} faults of XML"
            raise LimitError(source.path, f"it has more than {most}")
        issues += _told(mended)
        indexed = _indexed(mended.data, source.path)
    if indexed is None:
        raise CorruptFileError(source.path, "no XML element could be made out")
    undeclared = _undeclared(indexed)
    if undeclared:
        text = (
            f"The name prefix {_some(undeclared)} is used but never declared;"
            " its values were read by their local names."
        )
        issues.append(Issue("xml_undeclared_prefix", len(undeclared), text))
    return replace(indexed, issues=tuple(issues))


def cells(doc: Document, rows: Ints) -> list[Cells]:
    """All leaves inside the given elements, grouped by name and parent, in order of first appearance."""
    count = len(doc.name)
    if not len(rows):
        return []
    mark = np.zeros(count, dtype=np.int64)
    mark[rows] = 1
    row = np.cumsum(mark) - 1
    leaf = np.flatnonzero((doc.text_end >= 0) & (row >= 0))
    leaf = leaf[(leaf < doc.end[rows[row[leaf]]]) & (mark[leaf] == 0)]
    kinds = len(doc.names)
    key = doc.name[doc.parent[leaf]] * kinds + doc.name[leaf]
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    edges = np.flatnonzero(np.diff(ordered, prepend=-1, append=-1)) if len(ordered) else np.zeros(0, int)
    found: list[Cells] = []
    for low, high in pairwise(edges.tolist()):
        members = leaf[order[low:high]]
        parent, name = divmod(int(ordered[low]), kinds)
        prefix = doc.names[name].rpartition(":")[0]
        found.append(
            Cells(
                name=doc.names[name],
                local=doc.local[name],
                parent=doc.local[parent],
                address=doc.namespaces.get(prefix, ""),
                row=row[members],
                element=members,
            )
        )
    return sorted(found, key=lambda one: int(one.element[0]))


def _decoded(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return html.unescape(text) if "&" in text and len(text) < 100_000 else text


def _word_of(raw: bytes) -> str:
    """What a file calls something, cut to `WORD_CHARS`."""
    return _decoded(raw[:WORD_BYTES])[:WORD_CHARS]


def _told(mended: Repaired) -> list[Issue]:
    """What the tolerant pass had to do, in words."""
    told: list[Issue] = []
    if mended.repairs:
        text = f"The XML is not well formed in {plurals.count(mended.repairs, 'place')}; everything legible was kept."
        told.append(Issue("xml_repaired", mended.repairs, text))
    if mended.cut:
        text = "The file ends in the middle; everything up to the cut was kept."
        told.append(Issue("file_cut", 1, text))
    return told


def _undeclared(doc: Document) -> set[str]:
    known = doc.namespaces
    prefixes = {name.partition(":")[0] for name in doc.names if ":" in name}
    return {prefix for prefix in prefixes if prefix not in known and prefix not in {"xml", "xmlns"}}


def _some(prefixes: set[str]) -> str:
    """Prefixes for a sentence: a few of them, none longer than a line."""
    words = [word if len(word) <= TOLD_CHARS else f"{word[:TOLD_CHARS]}…" for word in sorted(prefixes)]
    more = len(words) - TOLD_PREFIXES
    return ", ".join(words[:TOLD_PREFIXES]) + (f" and {more:,} more" if more > 0 else "")


def _cleaned(raw: bytes) -> tuple[bytes, list[Issue]]:
    """UTF-8 without byte-order mark, leading blanks, document type, comments and instructions."""
    issues: list[Issue] = []
    data = _unicode(raw, issues)
    stripped = data.lstrip(_BLANKS)
    if stripped.startswith(codecs.BOM_UTF8):  # some writers put the mark after a blank line
        stripped = stripped[3:].lstrip(_BLANKS)
    if len(stripped) < len(data) and raw[:1] in (b" ", b"\t", b"\r", b"\n"):
        text = "Blanks before the XML declaration were skipped."
        issues.append(Issue("xml_leading_blanks", len(data) - len(stripped), text))
    data = stripped
    declared = _DECLARED.match(data[:400])
    if data.startswith(b"<?xml") and (stop := data.find(b"?>", 0, 1000)) > 0:
        data = data[stop + 2 :]
    if b"<!" in data or b"<?" in data:
        data = _without_doctype(data, issues)
        data = _without_specials(data)
    if not data.isascii():
        data = _transcoded(data, declared[1].decode("ascii") if declared else "utf-8", issues)
    return data.strip(_BLANKS), issues


def _without_specials(data: bytes) -> bytes:
    """The text without comments and instructions, character data escaped; what is never closed ends it."""
    out: list[bytes] = []
    position = 0
    while (match := _SPECIAL.search(data, position)) is not None:
        out.append(data[position : match.start()])
        end = _ENDS[match[0]]
        stop = data.find(end, match.end())
        position = len(data) if stop < 0 else stop + len(end)
        if match[0] == b"<![CDATA[":
            text = data[match.end() : stop if stop >= 0 else len(data)]
            out.append(text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;"))
        elif stop < 0:
            out.append(b"<")  # the tolerant pass tells it as a cut
    out.append(data[position:])
    return b"".join(out)


def _unicode(raw: bytes, issues: list[Issue]) -> bytes:
    """UTF-8 bytes of a file in UTF-16 or UTF-32, others as they are; the mark is dropped."""
    if raw.startswith(codecs.BOM_UTF8):
        issues.append(Issue("xml_byte_order_mark", 1, "A byte-order mark before the XML was skipped."))
        return raw[3:]
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (b"<\x00?\x00", "utf-16-le"),
        (b"\x00<\x00?", "utf-16-be"),
        (b"<\x00g\x00", "utf-16-le"),
        (b"\x00<\x00g", "utf-16-be"),
    ):
        if raw.startswith(mark):
            issues.append(
                Issue("xml_encoding", 1, f"The text is {encoding.upper()}, not UTF-8; it was converted.")
            )
            return raw.decode(encoding, "replace").encode("utf-8", "replace")
    return raw


def _transcoded(data: bytes, declared: str, issues: list[Issue]) -> bytes:
    """UTF-8 of a text in the declared encoding; bytes that do not fit it become replacement signs."""
    codec = declared.lower() if _TEXT_CODECS.fullmatch(declared) else "utf-8"
    try:
        codecs.lookup(codec)
    except LookupError:
        codec = "utf-8"
    try:
        text = data.decode(codec)
    except (UnicodeError, ValueError):
        text = data.decode("cp1252" if codec == "utf-8" else codec, "replace")
        if codec == "utf-8" and data.decode("utf-8", "ignore").count("\x00") == 0:
            text = _mixed(data)
        words = f"Some bytes are not {declared.upper()} as the file declares; names may show wrong letters."
        issues.append(Issue("xml_encoding", 1, words))
    return text.encode("utf-8", "replace")


def _mixed(data: bytes) -> str:
    """UTF-8 where it is valid, Windows-1252 for the single bytes where it is not."""
    pieces: list[str] = []
    for line in data.split(b"\n"):
        try:
            pieces.append(line.decode("utf-8"))
        except UnicodeError:
            pieces.append(line.decode("cp1252", "replace"))
    return "\n".join(pieces)


def _without_doctype(data: bytes, issues: list[Issue]) -> bytes:
    """The text without its document type declarations, internal subset included."""
    start = data.find(b"<!DOCTYPE")
    if start < 0:
        return data
    position, depth, stop = start + 9, 0, len(data)
    open_for_good: set[bytes] = set()
    while (match := _DOCTYPE_SIGN.search(data, position)) is not None:
        sign, position = match[0], match.end()
        if sign in _DOCTYPE_ENDS:
            if sign in open_for_good:
                continue
            end = _DOCTYPE_ENDS[sign]
            closed = data.find(end, position)
            if closed < 0:  # no later one is closed either: looking again for each takes minutes
                open_for_good.add(sign)
            else:
                position = closed + len(end)
        elif sign == b"[":
            depth += 1
        elif sign == b"]":
            depth -= 1
        elif depth <= 0:
            stop = position
            break
    text = "The file declares a document type; it was skipped and no entity of it was expanded."
    issues.append(Issue("xml_doctype", 1, text))
    return data[:start] + data[stop:]


def _word(data: bytes, position: Ints, count: Ints) -> Words:
    """Up to eight bytes from each position as one number, those beyond the count as zero."""
    view: Words = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    return view[position] & _MASKS[np.clip(count, 0, 8)]


def _hashed(data: bytes, start: Ints, length: Ints) -> Words:
    """One number a name: its first 24 bytes, its last 16 and its length."""
    mixed: Words = length.astype(np.uint64) * np.uint64(_PRIMES[4])
    longest = int(length.max(initial=0))
    for k in range(3):
        if longest <= 8 * k:
            break
        mixed = (mixed ^ _word(data, start + 8 * k, length - 8 * k)) * np.uint64(_PRIMES[k])
    if longest > 24:
        tail = np.maximum(length - 16, 0)
        mixed ^= np.where(length > 24, _word(data, start + tail, length) * np.uint64(_PRIMES[3]), 0)
        mixed ^= np.where(length > 24, _word(data, start + tail + 8, length) * np.uint64(_PRIMES[1]), 0)
    return mixed


def _name_lengths(buffer: npt.NDArray[np.uint8], start: Ints) -> Ints:
    """Bytes of a name from its first byte to a blank, ``/`` or ``>``, for tags that have no end tag."""
    length = np.zeros(len(start), dtype=np.int64)
    live = np.arange(len(start))
    for _ in range(256):
        if not len(live):
            break
        sign = buffer[start[live] + length[live]]
        live = live[(sign > 32) & (sign != 47) & (sign != 62)]
        length[live] += 1
    return length


def _indexed(data: bytes, path: str) -> Document | None:
    """Arrays over a regular text, or None where the text is not regular.

    Regular: ``<`` and ``>`` alternate, every start tag meets an end tag of its own name at its own level.
    """
    buffer = np.frombuffer(data + _PAD, dtype=np.uint8)
    padded = data + _PAD
    below = np.flatnonzero(buffer == 60)
    above = np.flatnonzero(buffer == 62)
    count = len(below)
    if count > MAX_TAGS:
        raise LimitError(path, f"it has more than {MAX_TAGS} tags")
    if not count or len(above) != count or (below > above).any() or (below[1:] < above[:-1]).any():
        return None
    second = buffer[below + 1]
    closing = second == 47
    alone = (buffer[above - 1] == 47) & ~closing
    if (
        (second[~closing] <= 32).any()
        or np.isin(second, (33, 63)).any()
        or (buffer[above[closing] - 1] <= 32).any()
    ):
        return None
    step = np.where(closing, -1, 1)
    step[alone] = 0
    depth = np.cumsum(step)
    if depth[-1] != 0 or (depth < 0).any():
        return None
    if int(depth.max()) > MAX_DEPTH:
        raise LimitError(path, f"it has more than {MAX_DEPTH} levels of XML")
    level = depth - (step == 1)

    paired = np.flatnonzero(~alone)
    order = paired[np.argsort(level[paired].astype(np.int16), kind="stable")]
    opens, closes = order[0::2], order[1::2]
    if closing[opens].any() or not closing[closes].all():
        return None
    length = above[closes] - below[closes] - 2
    after = buffer[below[opens] + 1 + length]
    if (length <= 0).any() or ((after > 32) & (after != 62)).any():
        return None
    keys = _hashed(padded, below[closes] + 2, length)
    if (keys != _hashed(padded, below[opens] + 1, length)).any():
        return None

    hashes = np.zeros(count, dtype=np.uint64)
    lengths = np.zeros(count, dtype=np.int64)
    partner = np.full(count, -1, dtype=np.int64)
    hashes[opens], lengths[opens], partner[opens] = keys, length, closes
    lonely = np.flatnonzero(alone)
    if len(lonely):
        size = _name_lengths(buffer, below[lonely] + 1)
        if (size <= 0).any():
            return None
        hashes[lonely], lengths[lonely] = _hashed(padded, below[lonely] + 1, size), size
        partner[lonely] = lonely

    tags = np.flatnonzero(~closing)
    name, names = _classified(padded, hashes[tags], below[tags] + 1, lengths[tags])
    if len(names) > MAX_NAMES:
        raise LimitError(path, f"it has more than {MAX_NAMES} kinds of XML names")
    started = np.cumsum(~closing)
    partner = partner[tags]
    leaf = partner == tags + 1
    text_end = np.where(leaf, below[np.minimum(partner, count - 1)], -1)
    return Document(
        data=data,
        names=names,
        name=name,
        parent=_parents(level[tags]),
        end=started[partner],
        tag_start=below[tags],
        tag_end=above[tags],
        text_end=text_end,
    )


def _classified(padded: bytes, hashes: Words, start: Ints, length: Ints) -> tuple[Ints, tuple[str, ...]]:
    """A small number for each name, and the names."""
    known = np.unique(hashes[:3000])
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    if (known[place] != hashes).any():
        known = np.unique(hashes)
        place = np.searchsorted(known, hashes)
    first = np.zeros(len(known), dtype=np.int64)
    first[place[::-1]] = np.arange(len(hashes) - 1, -1, -1)
    names = tuple(padded[int(start[k]) : int(start[k] + length[k])].decode("utf-8", "replace") for k in first)
    return place.astype(np.int64), names


def _parents(level: Ints) -> Ints:
    """The number of the element around each, from the levels in order of start tags."""
    parent = np.full(len(level), -1, dtype=np.int64)
    order = np.argsort(level.astype(np.int16), kind="stable")
    edges = np.searchsorted(level[order], np.arange(int(level.max(initial=0)) + 2))
    for low, middle, high in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        outer, inner = order[low:middle], order[middle:high]
        parent[inner] = outer[np.searchsorted(outer, inner) - 1]
    return parent
