"""What a file is, from its first bytes; names and folders are never asked.

Of the files in a Garmin account export nineteen in twenty are no activities (monitoring, sleep,
settings ...). All are FIT files, and the byte that tells them apart, ``file_id.type``, lies within the first
512 bytes, so that most of an export is never unpacked. Everything else is told by magic bytes or by the
first XML element. The readers look again, deeper, at what passes here: a GPX without a time is a
plan, which only reading it can show.
Instead of: a library of magic numbers, or extensions.
"""

import struct

__all__ = ["ACTIVITY_KINDS", "HEAD_BYTES", "KIND_WORDS", "file_kind", "fit_file_type", "fit_kind"]

HEAD_BYTES = 4096
"""First bytes that decide; XML with a long document type asks for more. [byte]"""
FIT_ACTIVITY = 4
FIT_COURSE = 6
ACTIVITY_KINDS = frozenset({"fit", "gpx", "tcx"})

MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\xff\xd8\xff", "image"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"GIF8", "image"),
    (b"RIFF", "media"),
    (b"%PDF-", "pdf"),
    (b"SQLite format 3\x00", "database"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"bplist", "settings"),
)
ROOTS = {
    "gpx": "gpx",
    "trainingcenterdatabase": "tcx",
    "activities": "tcx",
    "kml": "kml",
    "html": "html",
    "svg": "image",
    "plist": "settings",
    "healthdata": "apple-health",
    "clinicaldocument": "clinical",
    "trainingcenterworkoutdatabase": "plan",
    "workouts": "plan",
    "sml": "sml",
}
KIND_WORDS = {
    "apple-health": "Apple Health data",
    "clinical": "clinical documents",
    "csv": "tables and texts",
    "database": "databases",
    "empty": "empty files",
    "html": "web pages",
    "image": "pictures",
    "json": "JSON files",
    "kml": "KML files",
    "media": "sound and film",
    "pdf": "PDF documents",
    "plan": "workout plans",
    "settings": "settings",
    "sml": "SML files",
    "unknown": "files of an unknown kind",
    "xml": "other XML files",
}
FIT_WORDS = {
    1: "device",
    2: "settings",
    3: "sport settings",
    5: "workout plans",
    6: "planned courses",
    7: "schedules",
    9: "weight",
    10: "totals",
    11: "goals",
    14: "blood pressure",
    15: "monitoring",
    20: "activity summaries",
    28: "daily monitoring",
    29: "records",
    32: "monitoring",
    34: "segments",
    35: "segment lists",
    40: "device configuration",
    44: "metrics",
    49: "sleep",
    64: "metrics",
    68: "heart rate variability",
    73: "sleep",
}


def file_kind(head: bytes) -> str:
    """The kind of a file by its first bytes: ``fit``, ``gpx``, ``tcx``, ``zip``, ``gzip``, ``json`` ...

    ``xml`` means an XML file whose first element is not within `head`, or one that nobody here knows;
    ``unknown`` anything else.
    """
    if not head:
        return "empty"
    if head[8:12] == b".FIT" and head[0] >= 12:
        return "fit"
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    if head[4:8] == b"ftyp" or head.startswith((b"ID3", b"OggS", b"\x00\x00\x01\xba")):
        return "media"
    return _text_kind(_text(head))


def _text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):  # the first begins like UTF-16
        return head[: len(head) // 4 * 4].decode("utf-32", "replace")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    if head[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        order = "utf-16-le" if head[0] else "utf-16-be"
        return head[: len(head) // 2 * 2].decode(order, "replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _text_kind(text: str) -> str:
    # Blanks, stray marks and broken byte-order marks stand before the first element in real files.
    start = text.lstrip(" \t\r\n\x00\x0b\x0c\ufeff\xef\xbb\xbf")
    if start.startswith("<"):
        return ROOTS.get(_first_element(start), "xml")
    if start.startswith(("{", "[")):
        return "json"
    if "\x00" in text or not start:
        return "unknown"
    odd = sum(c < " " and c not in "\t\r\n" for c in text)
    return "csv" if odd * 50 <= len(text) else "unknown"


def _first_element(text: str) -> str:
    """Local name of the first element, in lower case; empty where `text` ends before it."""
    at = 0
    while (at := text.find("<", at)) >= 0:
        if text.startswith("<!--", at):
            end = text.find("-->", at)
        elif text.startswith("<?", at):
            end = text.find("?>", at)
        elif text.startswith("<!", at):
            end = at
        else:
            stop = at + 1
            while stop < len(text) and (text[stop].isalnum() or text[stop] in "_:.-"):
                stop += 1
            name = text[at + 1 : stop]
            if name and stop < len(text):
                return name.rpartition(":")[2].lower()
            end = at
        if end < 0:
            return ""
        at = end + 1
    return ""


def fit_file_type(head: bytes) -> int | None:
    """``file_id.type`` of a FIT file, from its first bytes (512 are enough for all files seen).

    None where the file has none, does not say, or the bytes end before it.
    """
    if len(head) < 14:
        return None
    at = head[0]
    layouts: dict[int, tuple[int, int, int | None]] = {}
    while at < len(head):
        header = head[at]
        at += 1
        if header & 0x80 or not header & 0x40:
            local = (header >> 5) & 3 if header & 0x80 else header & 0x0F
            if local not in layouts:
                return None
            number, size, place = layouts[local]
            if number == 0:
                inside = place is not None and at + place < len(head)
                return _valid(head[at + place]) if inside and place is not None else None
            at += size
            continue
        layout = _definition(head, at, developer=bool(header & 0x20))
        if layout is None:
            return None
        number, size, place, at = layout
        layouts[header & 0x0F] = (number, size, place)
    return None


def _valid(value: int) -> int | None:
    return None if value == 0xFF else value


def _definition(head: bytes, at: int, *, developer: bool) -> tuple[int, int, int | None, int] | None:
    """Global number, size of the data, place of field 0, and where the definition ends."""
    if at + 5 > len(head):
        return None
    number = struct.unpack_from(">H" if head[at + 1] else "<H", head, at + 2)[0]
    count = head[at + 4]
    at += 5
    if at + 3 * count > len(head):
        return None
    size, place = 0, None
    for field in range(count):
        which, length = head[at + 3 * field], head[at + 3 * field + 1]
        if which == 0 and length == 1:
            place = size
        size += length
    at += 3 * count
    if developer:
        if at >= len(head) or at + 1 + 3 * head[at] > len(head):
            return None
        size += sum(head[at + 2 + 3 * field] for field in range(head[at]))
        at += 1 + 3 * head[at]
    return number, size, place, at


def fit_kind(number: int) -> str:
    """In words, what a FIT file of this ``file_id.type`` holds."""
    if number in FIT_WORDS:
        return f"FIT {FIT_WORDS[number]}"
    return "FIT of a manufacturer's own kind" if number >= 0xF7 else f"FIT of type {number}"
