"""What a file is, by its first bytes and never by its name.

Exports hold sign-in pages saved as .fit, folders' metadata, empty downloads and archives under wrong names;
"invalid header" helps nobody, "this is a web page, download it again while signed in" does. The kinds here
are only those that need a word of their own in a message; whether bytes are an activity is for the readers.
Instead of: extensions, or a library that knows a thousand kinds and not these.
"""

import re
from typing import Final

__all__ = ["file_kind", "in_words"]

HEAD: Final = 4096
"""So many first bytes are enough. [byte]"""
_MAGIC: Final = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "pdf"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"\x00\x05\x16\x07", "macos"),
    (b"\x00\x05\x16\x00", "macos"),
    (b"SQLite format 3", "sqlite"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ", "archive"),
    (b"PAR1", "parquet"),
)
_ROOT = re.compile(rb"<(?![?!])(?:[\w.-]{1,40}:)?([A-Za-z_][\w.-]{0,60})[\s/>]")
_WORDS: Final = {
    "fit": "a FIT file",
    "gpx": "a GPX file",
    "tcx": "a TCX file",
    "empty": "the file is empty (0 bytes)",
    "blank": "nothing but zeros or blanks",
    "zip": "a zip archive",
    "gzip": "a gzip file",
    "archive": "an archive of a kind that is not read; unpack it first",
    "pdf": "a PDF",
    "picture": "a picture",
    "macos": "macOS metadata, no recording",
    "sqlite": "a database",
    "parquet": "a Parquet table",
    "html": "a web page, often a sign-in page saved by mistake",
    "json": "JSON, no recording that is read",
    "text": "plain text, no recording",
    "unknown": "of no kind that is known",
}


def file_kind(head: bytes) -> str:
    """A word for what these first bytes are.

    ``fit``, ``gpx``, ``tcx``, ``zip``, ``gzip``, ``html``, ``macos``, ``empty``, ``blank``, ``json``, ``text``,
    ``pdf``, ``picture``, ``sqlite``, ``parquet``, ``archive``, ``xml:<root>`` or ``unknown``.
    """
    head = head[:HEAD]
    if not head:
        return "empty"
    if head[8:12] == b".FIT":
        return "fit"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if not head.strip(b"\x00 \t\r\n"):
        return "blank"
    return _text_kind(head)


def _text_kind(head: bytes) -> str:
    """The kind of something that may be text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[:64].count(b"\x00") > 16:
        head = head.replace(b"\x00", b"")
    text = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").lstrip()
    if text.startswith(b"<"):
        lower = text[:512].lower()
        if b"<!doctype html" in lower or b"<html" in lower:
            return "html"
        return _xml_kind(text)
    if text[:1] in (b"{", b"["):
        return "json"
    odd = sum(byte < 9 or 13 < byte < 32 for byte in text)
    if text and odd / len(text) < 0.01:
        return "text"
    return "macos" if b"Mac OS X" in head[:64] else "unknown"


def _xml_kind(text: bytes) -> str:
    found = [match[1].decode("ascii", "replace") for match in _ROOT.finditer(text)]
    lower = [name.lower() for name in found]
    if "gpx" in lower[:1]:
        return "gpx"
    if lower and lower[0] in ("trainingcenterdatabase", "activities", "courses"):
        return "tcx"
    return f"xml:{found[0]}" if found else "text"


def in_words(kind: str) -> str:
    """What the kind is, for a sentence."""
    if kind.startswith("xml:"):
        return f"XML with the root <{kind[4:]}>, neither GPX nor TCX"
    return _WORDS.get(kind, kind)
