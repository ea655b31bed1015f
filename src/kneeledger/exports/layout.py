"""What the layouts have in common: words for sports, numbers and dates as services write them.

A layout's module has `guides(listing)`, which finds it by the names in a folder or archive, wherever in it its
root lies (one zip may have a top folder, one folder may hold several exports), and a guide for each root.
Tables in an account's own language are read by shape where that is safe and by known headers else; a
cell that cannot be read without doubt is unknown, because a guessed month is worse than none.
Instead of: a locale library, or asking the user for the language of an export.
"""

import csv
import io
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from kneeledger.model import WORD_CHARS
from kneeledger.sources import ByHand, Entry, Refused

__all__ = [
    "ACTIVITIES",
    "at_most",
    "by_hand",
    "folder_of",
    "holds",
    "moment",
    "number",
    "parsable",
    "possible_start",
    "recording_like",
    "seconds",
    "sport",
    "storable",
    "table",
]

Item = TypeVar("Item")
ACTIVITIES = 200_000
"""Rows or activities of one table at most: as many as files in an archive."""
CELL_CHARS = 1 << 20
"""Of one cell: a description of hundreds of pages is shorter, a quote that is never closed soon longer."""
LINE_CHARS = 1 << 24
JSON_BYTES = 64 << 20
JSON_PARTS = 3_000_000
"""Lists and objects of a JSON file that is held whole: each takes tens of bytes however short it is written."""
JSON_VALUES = 5_000_000
"""Commas of such a file: a day of ten values a second has fewer, and each number takes tens of bytes as well."""
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)
LONGEST_S = 30 * 86_400.0
FURTHEST_M = 40e6
RECORDING = re.compile(r"\.(fit|gpx|tcx|zip)(\.gz)?$|\.gz$", re.IGNORECASE)
DATE = re.compile(r"(\d{1,4})\s?[./年-]\s?(\d{1,2})\s?[./月-]\s?(\d{1,4})")
CLOCK = re.compile(r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?\s*([ap])?\.?\s?m?", re.IGNORECASE)
MONTHS = (
    "jan ene gen",
    "feb fév fev febr",
    "mar mär mrt mär märz maa",
    "apr avr abr",
    "may mai mag mei maj",
    "jun juin giu",
    "jul juil lug",
    "aug aoû ago",
    "sep set",
    "oct okt out ott",
    "nov",
    "dec dez déc dic",
)
MONTH_OF = {word: k + 1 for k, words in enumerate(MONTHS) for word in words.split()}
SPORTS = {
    "running": (
        "run running trailrun trailrunning virtualrun treadmillrunning indoorrunning streetrunning roadrunning"
        " trackrunning jogging lauf laufen traillauf courseàpied course carrera correr corsa hardlopen corrida"
    ),
    "walking": "walk walking gehen spaziergang marche caminata camminata wandelen caminhada nordicwalking",
    "hiking": "hike hiking wanderung wandern randonnée randonnee senderismo escursione trektocht trilha",
    "cycling": (
        "ride cycling biking virtualride ebikeride mountainbikeride gravelride roadbiking roadcycling"
        " mountainbiking indoorcycling gravelcycling radfahrt radfahren vélo velo sortieàvélo ciclismo"
        " pedalata giro fietsrit pedalada bicicleta handcycling"
    ),
    "swimming": "swim swimming lapswimming openwaterswimming poolswimming schwimmen natation natación nuoto zwemmen",
    "training": (
        "workout weighttraining strengthtraining traditionalstrengthtraining functionalstrengthtraining"
        " training krafttraining crosstraining yoga pilates elliptical coretraining fitnessequipment"
    ),
    "alpine_skiing": "alpineski alpineskiing downhillskiing downhillskiingsnowboarding",
    "cross_country_skiing": "nordicski crosscountryskiing nordicskiing",
    "rowing": "rowing indoorrowing virtualrow",
}
SPORT_OF = {word: name for name, words in SPORTS.items() for word in words.split()}


def recording_like(name: str) -> bool:
    """Whether a name could be a recording or an archive of such; only then a layout leaves it to its content."""
    return RECORDING.search(name) is not None


def folder_of(name: str) -> str:
    """The folder of a name with its slash, or nothing."""
    return name[: name.rfind("/") + 1]


def holds(names: Sequence[str], folder: str) -> bool:
    """Whether any of the sorted names lies in the folder (with its slash)."""
    at = bisect_left(names, folder)
    return at < len(names) and names[at].startswith(folder)


def storable(text: str) -> str:
    """A word that UTF-8 can hold, cut to `WORD_CHARS`: JSON may have halves of characters."""
    return text[:WORD_CHARS].encode("utf-8", "replace").decode()


def possible_start(start: datetime | None) -> datetime | None:
    """The start of an activity, or None where no watch can have told it: a year 1 or 9999 overflows later."""
    return start if start is not None and FIRST <= start < LAST else None


def _up_to(value: float | None, most: float) -> float | None:
    return value if value is not None and math.isfinite(value) and 0 < value <= most else None


def by_hand(
    entry: Entry,
    layout: str,
    *,
    sport: str,
    start: datetime | None,
    duration_s: float | None,
    distance_m: float | None,
    title: str | None,
    utc_offset_s: int | None = None,
    maybe_recorded: bool = False,
) -> ByHand:
    """An activity a table tells of; a value that no activity can have is unknown."""
    return ByHand(
        path=entry.path,
        sport=sport,
        start=possible_start(start),
        utc_offset_s=utc_offset_s,
        duration_s=_up_to(duration_s, LONGEST_S),
        distance_m=_up_to(distance_m, FURTHEST_M),
        title=storable(title) if title else None,
        layout=layout,
        outer=Path(entry.outer),
        member=entry.member,
        stamp=entry.stamp,
        maybe_recorded=maybe_recorded,
    )


def at_most(items: Iterable[Item]) -> Iterator[Item]:
    """The rows or activities one by one, so that no table fills the memory.

    Raises
    ------
    Refused
        They are more than anyone has.
    """
    for count, item in enumerate(items):
        if count > ACTIVITIES:
            raise Refused("limit", f"holds more than {ACTIVITIES:,} activities; not read")
        yield item


def parsable(data: bytes) -> bytes:
    """The bytes of a JSON file that can be held as objects.

    Raises
    ------
    Refused
        As objects they would take GBs.
    """
    parts = data.count(b"[") + data.count(b"{")
    if len(data) > JSON_BYTES or parts > JSON_PARTS or data.count(b",") > JSON_VALUES:
        raise Refused(
            "limit", f"is a JSON file of more than {JSON_BYTES >> 20} MB or too many parts; not read"
        )
    return data


def sport(word: str) -> str:
    """The sport in the words of a `Draft`; ``unknown`` where the word says nothing to us."""
    plain = re.sub(r"[\W_]", "", word.casefold())
    if plain in SPORT_OF:
        return SPORT_OF[plain]
    return "unknown"


def number(text: str) -> float | None:
    """A number with decimal point or comma, in whichever language it was written; None where it is none."""
    text = re.sub(r"[\s\u00a0\u202f'’]", "", text)
    if not re.fullmatch(r"-?[0-9.,]{1,24}", text):
        return None
    comma, point = text.rfind(","), text.rfind(".")
    if comma >= 0 and point >= 0:
        text = text.replace("," if point > comma else ".", "").replace(",", ".")
    elif comma >= 0:
        thousands = text.count(",") > 1 or re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", text)
        text = text.replace(",", "" if thousands else ".")
    try:
        return float(text)
    except ValueError:
        return None


def seconds(text: str) -> float | None:
    """A duration as ``h:mm:ss`` or ``m:ss`` or plain seconds. [s]"""
    if re.fullmatch(r"\d{1,4}(:\d{1,2}){1,2}", text.strip()):
        total = 0
        for part in text.strip().split(":"):
            total = total * 60 + int(part)
        return float(total)
    return number(text)


def moment(text: str) -> datetime | None:
    """A date with a clock time, taken as UTC, in the forms services write; None where it is in doubt."""
    text = text[:80].strip()
    date = _numeric_date(text) or _worded_date(text)
    if date is None:
        return None
    year, month, day, rest = date
    clock = CLOCK.search(rest)
    hour, minute, second = (int(clock[1]), int(clock[2]), int(clock[3] or 0)) if clock else (0, 0, 0)
    if clock is None:
        return None
    half = (clock[4] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _numeric_date(text: str) -> tuple[int, int, int, str] | None:
    found = DATE.search(text)
    if not found:
        return None
    first, second, third = int(found[1]), int(found[2]), int(found[3])
    rest = text[found.end() :]
    if len(found[1]) == 4:
        return first, second, third, rest
    if len(found[3]) != 4:
        return None
    if "/" in found[0]:
        if first <= 12 and second <= 12 and first != second:
            return None
        day, month = (first, second) if first > 12 or first == second else (second, first)
        return third, month, day, rest
    return third, second, first, rest


def _worded_date(text: str) -> tuple[int, int, int, str] | None:
    year = re.search(r"(?<!\d)(19|20)\d{2}(?!\d)", text)
    if not year:
        return None
    before, rest = text[: year.start()], text[year.end() :]
    days = re.findall(r"(?<!\d)\d{1,2}(?!\d)", before)
    months = [
        MONTH_OF[word[:n]]
        for word in re.findall(r"[^\W\d_]+", before.lower())
        for n in (4, 3)
        if word[:n] in MONTH_OF
    ]
    if len(days) != 1 or not months:
        return None
    return int(year[0]), months[0], int(days[0]), rest


def table(data: bytes) -> Iterator[list[str]]:
    """The rows of a CSV file, one by one.

    Raises
    ------
    Refused
        It is no CSV file, or has more rows than anyone has activities.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = io.TextIOWrapper(io.BytesIO(data), encoding, "replace", newline="")
    first = text.readline(LINE_CHARS)
    text.seek(0)
    before = csv.field_size_limit(CELL_CHARS)
    try:
        rows = csv.reader(_lines(text), delimiter=";" if first.count(";") > first.count(",") else ",")
        yield from at_most(rows)
    except csv.Error as error:
        raise Refused("damaged", f"is no table that can be read ({error})") from error
    finally:
        csv.field_size_limit(before)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LINE_CHARS):
        if len(line) == LINE_CHARS:
            raise Refused("limit", f"has a line of more than {LINE_CHARS >> 20} MB; not read")
        yield line
