"""Numbers on an axis: scales, round steps, and words, in the units that were asked for."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Final

from kneeledger.severity import easy_minutes

__all__ = [
    "clock",
    "day",
    "distance",
    "easy",
    "height",
    "labels",
    "month",
    "number",
    "pace",
    "percent",
    "scale_distance",
    "scale_height",
    "signed",
    "steps",
]

MILE_M: Final = 1609.344
FOOT_M: Final = 0.3048
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not by the locale: the same data gives the same bytes."""
MINUS: Final = "\u2212"


def scale_distance(units: str) -> tuple[float, str]:
    """Metres in a shown unit of distance, and its word."""
    return (MILE_M, "mi") if units == "imperial" else (1000.0, "km")


def scale_height(units: str) -> tuple[float, str]:
    """Metres in a shown unit of height, and its word."""
    return (FOOT_M, "ft") if units == "imperial" else (1.0, "m")


def number(value: float, digits: int = 0) -> str:
    """A number with thousands apart and a true minus; no minus before a zero."""
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and any(c in "123456789" for c in text) else text


def labels(places: Sequence[float]) -> list[str]:
    """Words of an axis: as many decimals as its steps need, the same for all."""
    digits = next((d for d in range(4) if all(abs(p - round(p, d)) < 1e-9 for p in places)), 3)
    return [number(place, digits) for place in places]


def signed(value: float, digits: int = 0) -> str:
    """The same, with a plus where it is above zero."""
    text = number(value, digits)
    return text if text.startswith(MINUS) or not any(c in "123456789" for c in text) else f"+{text}"


def percent(share: float, digits: int = 0, *, sign: bool = False) -> str:
    """A share in per cent."""
    return f"{(signed if sign else number)(100.0 * share, digits)} %"


def distance(metres: float, units: str = "metric", digits: int = 1) -> str:
    """Kilometres or miles, with the unit."""
    size, word = scale_distance(units)
    return f"{number(metres / size, digits)} {word}"


def height(metres: float, units: str = "metric") -> str:
    """Metres or feet, with the unit."""
    size, word = scale_height(units)
    return f"{number(metres / size)} {word}"


def easy(load_bw_s: float) -> str:
    """Linear knee load as easy minutes, with the unit."""
    return f"{number(easy_minutes(load_bw_s))} easy min"


def pace(speed_mps: float, units: str = "metric", *, unit: bool = True) -> str:
    """Minutes and seconds a kilometre or mile."""
    size, word = scale_distance(units)
    seconds = round(size / speed_mps)
    return f"{seconds // 60}:{seconds % 60:02d}" + (f"/{word}" if unit else "")


def clock(seconds: float) -> str:
    """Hours and minutes."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{minutes} min"


def day(value: date) -> str:
    """``3 May``."""
    return f"{value.day} {month(value)}"


def month(value: date) -> str:
    """``May``."""
    return MONTHS[value.month - 1]


def steps(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers within [low, high], about `count` of them, in steps of 1, 2, 2.5 or 5."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low] if math.isfinite(low) else []
    rough = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1.0, 2.0, 2.5, 5.0, 10.0) if size * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]
