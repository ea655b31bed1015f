"""The tolerant pass: what is legible of a broken XML text, written out again as a regular one.

Watches run empty in the middle of a point, memory cards lose blocks, and several services write XML that no
strict parser takes. The pass looks at one tag after the other and never stops: an end tag that closes
nothing is left out, elements left open are closed where their parent ends, a point that begins inside a
point closes the one before, unreadable tags are skipped, and text is kept where it stands alone between a
start tag and its own end tag. Every pattern stops at the next angle bracket, so that time is linear in the
size of the file whatever it holds. Half a number before a cut is dropped, because 12 is a wrong reading of
123.4. Instead of: the recovering mode of libxml2, which gave up the rest of the file at the first invalid
byte (measured in the tests), or dropping the file.
"""

import re
from dataclasses import dataclass

__all__ = ["MAX_REPAIRS", "Repaired", "repaired"]

MAX_REPAIRS = 1_000_000
"""One for each point of eleven days of seconds; every tag takes its time, also one that is left out."""

_TAG = re.compile(
    rb"""<(/?)([A-Za-z_\x80-\xff][^\s<>/="'&;!?]*+)((?:[^<>"'/]++|"[^"<]*+"|'[^'<]*+'|/(?!\s*+>))*+)(/?)\s*+>"""
)
_ATTRIBUTE = re.compile(rb"""([^\s=<>"'/&;!?]++)(?:\s*+=\s*+(?:"([^"<]*+)"|'([^'<]*+)'))?""")

_NEVER_INSIDE_ITSELF = frozenset(
    (
        b"trkpt",
        b"rtept",
        b"wpt",
        b"trkseg",
        b"trk",
        b"rte",
        b"Trackpoint",
        b"Track",
        b"Lap",
        b"Activity",
        b"Course",
    )
)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A regular text, and what it took."""

    data: bytes
    repairs: int
    """Places where the text was not well formed, the end of the file aside."""
    cut: bool
    """Whether the file ended inside an element."""


def repaired(data: bytes, *, limit: int, depth: int) -> Repaired | None:
    """The legible elements of a text as regular XML; None beyond the limits of tags, levels or repairs.

    Parameters
    ----------
    data
        UTF-8 text without comments, character data sections and document type.
    limit, depth
        Highest number of tags and of levels [count].
    """
    out: list[bytes] = []
    stack: list[bytes] = []
    repairs = 0
    text_from = -1
    last = 0
    for tags, match in enumerate(_TAG.finditer(data), start=1):
        slash, name, rest, alone = match.groups()
        if tags > limit or len(stack) > depth or repairs > MAX_REPAIRS:
            return None
        between = data[last : match.start()]
        repairs += b"<" in between
        if not slash:
            if not stack and tags > 1 and out:
                repairs += 1
            repairs += _close_same(stack, out, name)
            out.append(_start(name, rest, alone))
            if not alone:
                stack.append(name)
            text_from = -1 if alone else match.end()
        elif name in stack[-depth:]:
            if text_from >= 0 and stack[-1] == name and b"<" not in between:
                out.append(between.replace(b">", b"&gt;"))
            while True:
                top = stack.pop()
                out.append(b"</" + top + b">")
                if top == name:
                    break
                repairs += 1
            text_from = -1
        else:
            repairs += 1
        last = match.end()
    tail = data[last:].strip()
    cut = bool(stack) or tail.startswith(b"<")
    repairs += bool(tail) and not cut
    out.extend(b"</" + name + b">" for name in reversed(stack))
    return Repaired(b"".join(out), repairs, cut)


def _close_same(stack: list[bytes], out: list[bytes], name: bytes) -> int:
    """Close an open element that cannot hold another of its kind; how many were closed."""
    if name.rpartition(b":")[2] not in _NEVER_INSIDE_ITSELF or name not in stack:
        return 0
    closed = 0
    while True:
        top = stack.pop()
        out.append(b"</" + top + b">")
        closed += 1
        if top == name:
            return closed


def _start(name: bytes, rest: bytes, alone: bytes) -> bytes:
    """A start tag with its legible attributes in double quotes."""
    if not rest:
        return b"<" + name + (b"/>" if alone else b">")
    words = [b"<" + name]
    for key, double, single in (match.groups() for match in _ATTRIBUTE.finditer(rest)):
        if double is None and single is None:
            continue
        value = (double if double is not None else single).replace(b">", b"&gt;").replace(b'"', b"&quot;")
        words.append(key + b'="' + value + b'"')
    return b" ".join(words) + (b"/>" if alone else b">")
