"""Offset from UTC of an activity, the local day it belongs to, and how that is known.

A run at 22:30 belongs to that evening, so a day needs the offset, and few files tell it well: FIT gives a
second clock that some makers leave at 0, in 1989 or a week off. What the file says is taken only where it
can be an offset (a multiple of 15 minutes, at most 14 hours) and does not contradict the position; an exact
0 is what writers leave when they know nothing, so it counts only near Greenwich. Then the configured zone,
then the zone at the position (an offline map, imported when first needed), then the longitude, marked as an
estimate. All arithmetic inside is in UTC; this is the only place where an offset comes from.
Instead of: the time zone of the machine that happens to read the file.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kneeledger.errors import ConfigError

__all__ = ["local_day", "offset", "zone"]

QUARTER_S = 900
"""Offsets in use are multiples of it [s]."""
LARGEST_S = 14 * 3600
"""The largest offset in use, Line Islands [s]."""
SLACK_S = 5
"""Two clocks written one after the other may differ by this [s]; project rule."""
GREENWICH_DEG = 15.0
"""An offset of exactly 0 is believed within this longitude [deg] (formats.md T2)."""
FARTHEST_S = 5 * 3600
"""Zone time and sun time differ by at most about 3.5 h and daylight saving 1 h [s]; project rule."""
DAY_S = 86_400
_FACTS = ("time_zone_offset_s", "utc_offset_s")


def offset(
    start: datetime,
    position: tuple[float, float] | None,
    facts: Mapping[str, object],
    configured_zone: str | None = None,
) -> tuple[int | None, str]:
    """Seconds to add to UTC for local time at `start`, and how they are known.

    Parameters
    ----------
    start
        First moment of the activity, zone-aware.
    position
        First known latitude and longitude [deg], or None.
    facts
        What the file says: ``time_zone_offset_s`` [s], or ``local_timestamp`` beside
        ``activity_timestamp`` (datetimes, the first one naive).
    configured_zone
        Name of a zone, such as ``Europe/Vienna``, for files that do not say.

    Returns
    -------
    tuple of int or None, and str
        The offset [s] and ``file``, ``config``, ``position``, ``longitude`` or ``unknown``.

    Raises
    ------
    ConfigError
        `configured_zone` is not the name of a zone.
    """
    longitude = None if position is None else position[1]
    written = _written_s(facts)
    if written is not None:
        believed = _believed_s(written, longitude)
        if believed is not None:
            return believed, "file"
    if configured_zone:
        return _at(zone(configured_zone), start), "config"
    if position is None:
        return None, "unknown"
    found = _zone_at(round(position[0], 3), round(position[1], 3))
    if found is not None:
        return _at(found, start), "position"
    return round(position[1] / 15.0) * 3600, "longitude"


def local_day(start: datetime, utc_offset_s: int | None) -> date:
    """The calendar day of `start` at that offset; the UTC day where the offset is not known."""
    return (start.astimezone(UTC) + timedelta(seconds=utc_offset_s or 0)).date()


def zone(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises
    ------
    ConfigError
        There is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"{name!r} is not a time zone.", hint="Give a name such as Europe/Vienna or America/Denver."
        ) from error


def _written_s(facts: Mapping[str, object]) -> float | None:
    """The offset as the file gives it, unchecked."""
    for name in _FACTS:
        value = facts.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    local = facts.get("local_timestamp")
    utc = facts.get("activity_timestamp", facts.get("timestamp"))
    if isinstance(local, datetime) and isinstance(utc, datetime):
        return (local.replace(tzinfo=UTC) - utc.astimezone(UTC)).total_seconds()
    return None


def _believed_s(written_s: float, longitude_deg: float | None) -> int | None:
    """The offset in whole quarters of an hour, None where it can be none."""
    if not abs(written_s) <= LARGEST_S + SLACK_S:
        return None
    nearest = round(written_s / QUARTER_S) * QUARTER_S
    if abs(written_s - nearest) > SLACK_S:
        return None
    if nearest == 0:
        near = longitude_deg is not None and abs(longitude_deg) <= GREENWICH_DEG
        return 0 if near else None
    if longitude_deg is not None:
        apart = (nearest - longitude_deg * 240.0 + DAY_S / 2) % DAY_S - DAY_S / 2
        if abs(apart) > FARTHEST_S:
            return None
    return nearest


def _at(where: ZoneInfo, start: datetime) -> int:
    shift = start.astimezone(where).utcoffset()
    return 0 if shift is None else int(shift.total_seconds())


@lru_cache(maxsize=4096)
def _zone_at(latitude_deg: float, longitude_deg: float) -> ZoneInfo | None:
    """The zone at a position by the offline map, None where the map or the system does not know it."""
    import tzfpy

    name = tzfpy.get_tz(longitude_deg, latitude_deg)
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
