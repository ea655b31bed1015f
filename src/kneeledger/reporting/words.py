"""Numbers as people read them: pace, distance, time, in the units that were asked for."""

__all__ = ["clock", "distance", "height", "minutes", "number", "pace", "percent", "speed_word"]

MILE_M = 1609.344
FOOT_M = 0.3048
EASY_BW = 0.727


def distance(metres: float | None, units: str = "metric", digits: int = 2) -> str:
    """Kilometres or miles."""
    if metres is None:
        return "unknown"
    if units == "imperial":
        return f"{metres / MILE_M:.{digits}f} mi"
    return f"{metres / 1000:.{digits}f} km"


def height(metres: float | None, units: str = "metric") -> str:
    """Metres or feet."""
    if metres is None:
        return "unknown"
    return f"{metres / FOOT_M:,.0f} ft" if units == "imperial" else f"{metres:,.0f} m"


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
    return None if load_bw_s is None else load_bw_s / EASY_BW / 60


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number with its unit, or the word for not knowing."""
    return "unknown" if value is None else f"{value:,.{digits}f}{' ' if unit else ''}{unit}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share in per cent."""
    return "unknown" if share is None else f"{100 * share:.{digits}f} %"
