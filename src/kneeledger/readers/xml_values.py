"""Numbers and times read from the bytes between tags, a whole column at once.

A decimal of at most 15 digits is an integer over a power of ten, and one division of two exactly
represented numbers is correctly rounded: the vectorised result is the very double that ``float`` gives.
Every other spelling (exponents, more digits, blanks, signs) takes the slow way cell by cell, and what
is no finite number there becomes NaN, is counted, and becomes null in a frame. Times follow the same plan:
the usual shape by arithmetic on the digits, any other cell by pattern. Underscores, ``nan`` and ``inf``,
which Python would accept, are no numbers of a watch.
Instead of: ``float`` and ``datetime`` a cell, which cost four to ten times as much.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.model import FloatArray
from kneeledger.readers.xml import Bools, Document, Ints

__all__ = ["Moments", "attribute_numbers", "moment", "moments", "number", "numbers", "texts"]

_NUMBER = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)[T ](\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s*(Z|z|[+-]\d\d:?(?:\d\d)?)?",
    re.ASCII,
)
_TENS = 10.0 ** np.arange(23)
_FAST_DIGITS = 18
_LONGEST = 40
_TOGETHER = 5000
"""Up to this many cells all columns of a file are read in one go [cells]."""
_NO_TIME = np.iinfo(np.int64).min
_NO_OFFSET = np.iinfo(np.int32).min
_DAYS = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Moments:
    """A column of times."""

    us: Ints
    """Microseconds since 1970 in UTC (naive times taken as UTC), smallest integer for none; shape (n,)."""
    offset_s: Ints
    """Offset from UTC as written [s]; 0 for ``Z``, smallest 32-bit integer for none; shape (n,)."""
    bad: int
    """Cells with text that is no time."""

    def series(self) -> pl.Series:
        """The times as a polars series with null for none."""
        return pl.Series("time", self.us.astype("datetime64[us]")).cast(pl.Datetime("us", "UTC"))

    def spread(self, row: Ints, count: int) -> "Moments":
        """The same times in a longer column, each at its row, the first of a row counting."""
        us = np.full(count, _NO_TIME, dtype=np.int64)
        offset = np.full(count, _NO_OFFSET, dtype=np.int64)
        us[row[::-1]], offset[row[::-1]] = self.us[::-1], self.offset_s[::-1]
        return Moments(us, offset, self.bad)

    def filled(self, other: "Moments") -> "Moments":
        """The same column with the times of another where there is none."""
        use = ~self.known
        return Moments(
            np.where(use, other.us, self.us),
            np.where(use, other.offset_s, self.offset_s),
            self.bad + other.bad,
        )

    def taken(self, where: Ints) -> "Moments":
        """Some of the rows."""
        return Moments(self.us[where], self.offset_s[where], self.bad)

    @property
    def known(self) -> Bools:
        """Where there is a time."""
        known: Bools = self.us != _NO_TIME
        return known

    @property
    def naive(self) -> int:
        """How many times carry no zone."""
        return int((self.known & (self.offset_s == _NO_OFFSET)).sum())

    @property
    def zone_s(self) -> int | None:
        """The one offset other than ``Z`` that most times carry [s], or None."""
        offsets = self.offset_s[self.known]
        if not len(offsets):
            return None
        values, counts = np.unique(offsets, return_counts=True)
        most = int(values[counts.argmax()])
        return most if most not in (0, _NO_OFFSET) else None


def numbers(doc: Document, groups: Sequence[Ints]) -> list[tuple[FloatArray, int]]:
    """Leaf texts of groups of elements as numbers, NaN where empty or none, and how many are no number.

    Small groups are read in one go, because a vectorised operation on 30 cells costs what one on 300 costs.
    """
    found: list[tuple[FloatArray, int]] = []
    if sum(len(group) for group in groups) > _TOGETHER or len(groups) < 2:
        return [_numbers(doc, doc.tag_end[group] + 1, doc.text_end[group])[:2] for group in groups]
    together = np.concatenate(groups)
    values, _, wrong = _numbers(doc, doc.tag_end[together] + 1, doc.text_end[together])
    edge = 0
    for group in groups:
        inside = (wrong >= edge) & (wrong < edge + len(group))
        found.append((values[edge : edge + len(group)], int(inside.sum())))
        edge += len(group)
    return found


def attribute_numbers(
    doc: Document, elements: Ints, first: str, second: str
) -> tuple[FloatArray, FloatArray, int]:
    """Two attributes of each element as numbers, NaN where absent, and how many are no number.

    Elements whose start tag reads ``<name first="..." second="..."`` in either order are read together;
    all others one by one.
    """
    count = len(elements)
    values = np.full((2, count), np.nan)
    if not count:
        return values[0], values[1], 0
    quote = np.flatnonzero(doc.buffer == 34)
    start, stop = doc.tag_start[elements], doc.tag_end[elements]
    at = np.searchsorted(quote, start)
    inside = np.searchsorted(quote, stop) - at
    usual = inside == 4
    padded = np.append(quote, np.zeros(4, dtype=quote.dtype))
    marks = padded[at[:, None] + np.arange(4)] if count else np.zeros((0, 4), dtype=np.int64)
    bad = 0
    before = [_is_named(doc, marks[:, 2 * k], word) for k in (0, 1) for word in (first, second)]
    straight = usual & before[0] & before[3]
    swapped = usual & before[2] & before[1] & ~straight
    for where, order in ((straight, (0, 1)), (swapped, (1, 0))):
        if not where.any():
            continue
        some = marks[where]
        start, stop = some[:, 0::2].ravel() + 1, some[:, 1::2].ravel()
        pairs, wrong, _ = _numbers(doc, start, stop)
        values[np.ix_(order, where)] = pairs.reshape(-1, 2).T
        bad += wrong
    for k in np.flatnonzero(~(straight | swapped)):
        attributes = {key.lower(): text for key, text in doc.attributes(int(elements[k])).items()}
        for which, word in enumerate((first, second)):
            text = attributes.get(word, "").strip()
            values[which, k] = number(text)
            bad += bool(text) and bool(np.isnan(values[which, k]))
    return values[0], values[1], bad


def _is_named(doc: Document, mark: Ints, word: str) -> Bools:
    """Where the quote at `mark` opens the value of attribute `word`, written without blanks."""
    sure = np.ones(len(mark), dtype=np.bool_)
    signs = (word + "=").encode()
    for back, sign in enumerate(reversed(signs), start=1):
        sure &= doc.buffer[np.maximum(mark - back, 0)] == sign
    return sure & (doc.buffer[np.maximum(mark - len(signs) - 1, 0)] <= 32)


def number(text: str) -> float:
    """A finite number written in decimal, else NaN."""
    if len(text) > 400 or not _NUMBER.fullmatch(text):
        return float("nan")
    value = float(text)
    return value if np.isfinite(value) else float("nan")


def texts(doc: Document, elements: Ints) -> list[str | None]:
    """Leaf texts, None where empty."""
    return [doc.text(int(k)) or None for k in elements]


def _numbers(doc: Document, start: Ints, stop: Ints) -> tuple[FloatArray, int, Ints]:
    """Texts as numbers, how many of them are none, and which."""
    length = stop - start
    out = np.full(len(start), np.nan)
    odd = length > 0
    index = np.flatnonzero(odd & (length <= _LONGEST))
    data = doc.data
    if len(index):
        value, sure, plain = _decimals(doc.buffer, start[index], length[index])
        out[index[sure]] = value[sure]
        long = index[plain & ~sure]
        pairs = zip(start[long].tolist(), stop[long].tolist(), strict=True)
        out[long] = [float(data[low:high]) for low, high in pairs]
        odd[index[plain]] = False
    wrong: list[int] = []
    for k in np.flatnonzero(odd).tolist():
        text = data[start[k] : stop[k]].decode("utf-8", "replace").strip() if length[k] < 1000 else "?"
        out[k] = number(text)
        if text and np.isnan(out[k]):
            wrong.append(k)
    return out, len(wrong), np.array(wrong, dtype=np.int64)


def _decimals(buffer: npt.NDArray[np.uint8], start: Ints, length: Ints) -> tuple[FloatArray, Bools, Bools]:
    """Decimals from a first byte and a length; where they are exact; where at least the spelling is plain."""
    negative = buffer[start] == 45
    start, length = start + negative, length - negative
    count = len(start)
    value = np.zeros(count, dtype=np.int64)
    decimals, digits, dots = np.zeros((3, count), dtype=np.int8)
    for k in range(int(length.max(initial=0))):
        sign = buffer[start + k]
        live = k < length
        digit = sign - np.uint8(48)
        is_digit = live & (digit <= 9)
        if k <= _FAST_DIGITS:
            value = np.where(is_digit, value * 10 + digit, value)
        digits += is_digit
        decimals += is_digit & (dots > 0)
        dots += live & (sign == 46)
    plain = (digits + dots == length) & (dots <= 1) & (digits > 0)
    sure = plain & (digits <= _FAST_DIGITS) & (value < 2**53)
    out = value / _TENS[np.minimum(decimals, 22)]
    return np.where(negative, -out, out), sure, plain


def moments(doc: Document, elements: Ints) -> Moments:
    """Leaf texts as times."""
    start, stop = doc.tag_end[elements] + 1, doc.text_end[elements]
    length = stop - start
    us = np.full(len(elements), _NO_TIME, dtype=np.int64)
    offset = np.full(len(elements), _NO_OFFSET, dtype=np.int64)
    usual = np.flatnonzero((length >= 19) & (length <= 35))
    if len(usual):
        base, sure = _usual(doc.buffer, start[usual])
        tail, zone, plain = _tails(doc, start[usual] + 19, length[usual] - 19)
        sure &= plain
        good = usual[sure]
        us[good] = base[sure] + tail[sure] - np.where(zone[sure] == _NO_OFFSET, 0, zone[sure]) * _SECOND_US
        offset[good] = zone[sure]
    bad = 0
    for k in np.flatnonzero((us == _NO_TIME) & (length > 0)):
        if length[k] > 100:
            bad += 1
            continue
        text = doc.data[start[k] : stop[k]].decode("utf-8", "replace").strip()
        found = moment(text)
        if found is None:
            bad += bool(text)
            continue
        us[k], offset[k] = found
    return Moments(us, offset, bad)


def _pair(buffer: npt.NDArray[np.uint8], at: Ints) -> tuple[Ints, Bools]:
    """Two digits as a number, and whether they are digits."""
    high, low = buffer[at] - np.uint8(48), buffer[at + 1] - np.uint8(48)
    return high.astype(np.int64) * 10 + low, (high <= 9) & (low <= 9)


def _usual(buffer: npt.NDArray[np.uint8], start: Ints) -> tuple[Ints, Bools]:
    """Microseconds of ``YYYY-MM-DDTHH:MM:SS`` as if UTC, and where the text has that shape and range."""
    sure = np.ones(len(start), dtype=np.bool_)
    for place, signs in ((4, (45,)), (7, (45,)), (10, (84, 32)), (13, (58,)), (16, (58,))):
        sign = buffer[start + place]
        sure &= (sign == signs[0]) | (sign == signs[-1])
    parts: list[Ints] = []
    for place in (0, 2, 5, 8, 11, 14, 17):
        value, digits = _pair(buffer, start + place)
        sure &= digits
        parts.append(value)
    century, year, month, day, hour, minute, second = parts
    year = century * 100 + year
    sure &= (month >= 1) & (month <= 12) & (day >= 1) & (year >= 1)
    sure &= (hour <= 23) & (minute <= 59) & (second <= 59)
    month = np.where(sure, month, 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    sure &= (day <= _DAYS[month - 1]) & ((month != 2) | (day <= 28) | leap)
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * _SECOND_US, sure


def _tails(doc: Document, start: Ints, length: Ints) -> tuple[Ints, Ints, Bools]:
    """What follows the seconds: fraction [µs], offset [s], and where it was understood."""
    buffer = doc.buffer
    fraction = np.zeros(len(start), dtype=np.int64)
    zone = np.full(len(start), _NO_OFFSET, dtype=np.int64)
    point = ((buffer[start] == 46) | (buffer[start] == 44)) & (length > 0)
    if point.any():
        live = point.copy()
        at, left = start + 1, length - 1
        unit = 100_000
        for _ in range(12):
            digit = buffer[at] - np.uint8(48)
            live &= (digit <= 9) & (left > 0)
            if not live.any():
                break
            fraction += np.where(live, digit.astype(np.int64) * unit, 0)
            unit //= 10
            at, left = at + live, left - live
        point &= at > start + 1
        start, length = np.where(point, at, start), np.where(point, left, length)
    zulu = (length == 1) & (buffer[start] == 90)
    zone[zulu] = 0
    sure = zulu | (length == 0)
    seen: dict[bytes, tuple[int, int] | None] = {}
    for k in np.flatnonzero(~sure).tolist():
        raw = doc.data[start[k] : start[k] + length[k]]
        if raw not in seen:
            seen[raw] = moment("1970-01-01T00:00:00" + raw.decode("utf-8", "replace").rstrip())
        found = seen[raw]
        if found is not None and raw[:1] not in b".,":
            zone[k], sure[k] = found[1], True
    return fraction, zone, sure


def moment(text: str) -> tuple[int, int] | None:
    """Microseconds in UTC and offset [s] of one time in ISO 8601, or None.

    A time without zone is taken as UTC, its offset is the smallest 32-bit integer.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[k] or 0) for k in range(1, 7))
    try:
        base = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    us = (base - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    us += int((match[7] or "0").ljust(6, "0")[:6])
    zone = match[8]
    if zone is None:
        return us, _NO_OFFSET
    if zone in "Zz":
        return us, 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    if offset > 24 * 3600:
        return None
    offset = -offset if zone[0] == "-" else offset
    return us - offset * _SECOND_US, offset
