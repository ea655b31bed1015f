"""Numbers as people read them: pace, distance, time, in the units that were asked for."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from kneeledger.plurals import count
from kneeledger.severity import easy_minutes

__all__ = [
    "band",
    "clock",
    "count",
    "day",
    "days_known",
    "distance",
    "easy",
    "grade",
    "height",
    "in_units",
    "minutes",
    "number",
    "pace",
    "percent",
    "quoted",
    "signed",
    "speed_word",
    "summed",
]

MILE_M = 1609.344
FOOT_M = 0.3048
MINUS: Final = "\u2212"
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
HYPHEN: Final = re.compile(r"(?<![\w-])-(?=\d)")
COMMAND: Final = re.compile(r"`([^`]+)`")
PACE: Final = re.compile(r"(?:(\d+:\d\d) against )?(\d+:\d\d) a kilometre")
KILOMETRES: Final = re.compile(r"(\d[\d,]*(?:\.\d+)?) (?:km|kilometres?)\b(?!/)")
METRES: Final = re.compile(r"(\d[\d,]*(?:\.\d+)?) (?:m|metres?)\b(?!/)")


def _plain(value: float, digits: int = 0) -> str:
    """A number as it is rounded, with a true minus and none before a zero."""
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and any(c in "123456789" for c in text) else text


def distance(metres: float | None, units: str = "metric", digits: int = 2) -> str:
    """Kilometres or miles."""
    if metres is None:
        return "unknown"
    if units == "imperial":
        return f"{_plain(metres / MILE_M, digits)} mi"
    return f"{_plain(metres / 1000, digits)} km"


def height(metres: float | None, units: str = "metric") -> str:
    """Metres or feet."""
    if metres is None:
        return "unknown"
    return f"{_plain(metres / FOOT_M)} ft" if units == "imperial" else f"{_plain(metres)} m"


def pace(speed_mps: float | None, units: str = "metric") -> str:
    """Minutes and seconds a kilometre or mile."""
    if not speed_mps:
        return "unknown"
    unit, word = (MILE_M, "/mi") if units == "imperial" else (1000.0, "/km")
    seconds = round(unit / speed_mps)
    return f"{seconds // 60}:{seconds % 60:02d}{word}"


def speed_word(speed_mps: float | None, way: str, units: str = "metric") -> str:
    """Pace on foot, speed on a bicycle."""
    if way != "ride":
        return pace(speed_mps, units)
    if speed_mps is None:
        return "unknown"
    return f"{speed_mps * 3600 / MILE_M:.1f} mph" if units == "imperial" else f"{speed_mps * 3.6:.1f} km/h"


def clock(seconds: float | None) -> str:
    """Hours, minutes and seconds."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def minutes(load_bw_s: float | None) -> float | None:
    """Linear knee load as minutes of easy level running [min]."""
    return None if load_bw_s is None else easy_minutes(load_bw_s)


def summed(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; null where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number with its unit, or the word for not knowing."""
    return "unknown" if value is None else f"{_plain(value, digits)}{' ' if unit else ''}{unit}"


def days_known(known: int, days: int) -> str:
    """How many of the last days are known, as a sentence."""
    if not days:
        return "No day is known yet."
    window = f"the last {days} days" if days > 1 else "1 day"
    return f"{known} of {window} {'is' if known == 1 else 'are'} known."


def percent(share: float | None, digits: int = 0) -> str:
    """A share in per cent."""
    return "unknown" if share is None else f"{_plain(100 * share, digits)} %"


def quoted(text: str) -> str:
    """A text whose `commands` stand in quotation marks, for where nothing is typeset."""
    return COMMAND.sub("\u201c\\1\u201d", text)


def day(value: date | None, *, year: bool = True) -> str:
    """``3 May 2026``, the same in every locale."""
    if value is None:
        return "unknown"
    return f"{value.day} {MONTHS[value.month - 1]}{f' {value.year}' if year else ''}"


def signed(value: float | None, digits: int = 0) -> str:
    """A difference in per cent, with its sign."""
    if value is None:
        return "unknown"
    text = _plain(value, digits)
    return f"{'+' if value > 0 and any(c in '123456789' for c in text) else ''}{text} %"


def signed_interval(value: float | None, low: float | None, high: float | None) -> str:
    """The ends of an interval of a difference in per cent; empty where they are the value itself, as it is shown."""
    if low is None or high is None or signed(low) == signed(value) == signed(high):
        return ""
    return f"{signed(low)} to {signed(high)}"


def easy(load_bw_s: float | None) -> str:
    """Linear knee load in minutes of easy running, without the unit."""
    return number(minutes(load_bw_s))


def grade(share: float | None, digits: int = 0) -> str:
    """A grade in per cent, with a true minus."""
    if share is None:
        return "unknown"
    return f"{_plain(100 * share, digits)} %"


def band(low: float | None, high: float | None) -> str:
    """A grade band: ``−5 to −2 %``, ``steeper than −20 %``."""
    if low is None and high is None:
        return "grade not known"
    if low is None:
        return f"steeper than {grade(high)}"
    if high is None:
        return f"above {grade(low)}"
    return f"{grade(low)[:-2]} to {grade(high)}"


def in_units(text: str, units: str) -> str:
    """A sentence with a true minus, its metres, kilometres and paces in miles and feet where those were asked for."""
    text = HYPHEN.sub(MINUS, text)
    if units != "imperial":
        return text
    text = PACE.sub(_paces_in_miles, text)
    text = KILOMETRES.sub(lambda m: f"{_told(m[1]) * 1000 / MILE_M:,.1f} mi", text)
    return METRES.sub(lambda m: f"{_told(m[1]) / FOOT_M:,.0f} ft", text)


def _told(text: str) -> float:
    return float(text.replace(",", ""))


def _paces_in_miles(found: re.Match[str]) -> str:
    first = f"{_pace_in_miles(found[1])} against " if found[1] else ""
    return f"{first}{_pace_in_miles(found[2])} a mile"


def _pace_in_miles(text: str) -> str:
    whole, seconds = text.split(":")
    return clock((60 * int(whole) + int(seconds)) * MILE_M / 1000)
