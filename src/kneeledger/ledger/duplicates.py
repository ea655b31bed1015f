"""The same activity twice: found in UTC, told, and counted once.

Watch FIT, Strava GPX and Garmin TCX of one run are normal in one folder; one open tool counted 13.5 % of
all load twice. Two activities are one when they start within two minutes of each other,
share at least nine tenths of their time, or of their distance where time is not known, and their sports can
be the same. The best source is kept: original FIT, then a re-exported FIT, then TCX, then GPX. Nothing is
merged and nothing removed: the others point to the one that counts.
"""

import polars as pl

__all__ = ["find"]

START_S = 120.0
OVERLAP = 0.9
RANK = {"fit": 0, "tcx": 2, "gpx": 3}
REEXPORTED = 1
VAGUE = {"unknown", "generic", "other", "fitness_equipment", "training", "all", "transition"}
KIN = {
    "hiking": "walking",
    "snowshoeing": "walking",
    "mountaineering": "walking",
    "e_biking": "cycling",
    "biking": "cycling",
    "trail_running": "running",
}


def find(activities: pl.DataFrame) -> dict[str, str | None]:
    """Id -> id of the copy that counts, or None where it is the one.

    Parameters
    ----------
    activities
        Columns ``id``, ``sha256``, ``part``, ``start``, ``end`` (UTC), ``sport``, ``format``, ``device_serial``,
        ``duration_s``, ``distance_m``, ``records`` (bool: has a stream), in any order.
    """
    rows = activities.sort("start", "id").to_dicts()
    kept_of: dict[str, str | None] = {row["id"]: None for row in rows}
    for index, row in enumerate(rows):
        for other in rows[index + 1 :]:
            if (other["start"] - row["start"]).total_seconds() > START_S:
                break
            first, second = kept_of[row["id"]] or row["id"], kept_of[other["id"]] or other["id"]
            if first != second and _same(row, other):
                lead, follow = sorted((first, second), key=lambda i: _rank(by_id(rows, i)))
                for name, target in kept_of.items():
                    if target == follow or name == follow:
                        kept_of[name] = lead
                kept_of[lead] = None
    return kept_of


def by_id(rows: list[dict[str, object]], wanted: str) -> dict[str, object]:
    """The row of an id."""
    return next(row for row in rows if row["id"] == wanted)


def _rank(row: dict[str, object]) -> tuple[object, ...]:
    kind = RANK.get(str(row["format"]), 4)
    if kind == 0 and not row["device_serial"]:
        kind = REEXPORTED
    return (not row["records"], kind, str(row["id"]))


def _same(a: dict[str, object], b: dict[str, object]) -> bool:
    if a["sha256"] == b["sha256"] and a["part"] != b["part"]:
        return False
    if not _sports_agree(str(a["sport"]), str(b["sport"])):
        return False
    duration = _alike(a["duration_s"], b["duration_s"])
    distance = _alike(a["distance_m"], b["distance_m"])
    return bool(duration) if distance is None else bool(distance or (duration and distance is not False))


def _alike(one: object, two: object) -> bool | None:
    """Whether the smaller is at least nine tenths of the larger; None where one is unknown."""
    if not isinstance(one, float | int) or not isinstance(two, float | int) or not one or not two:
        return None
    return min(one, two) / max(one, two) >= OVERLAP


def _sports_agree(one: str, two: str) -> bool:
    one, two = KIN.get(one, one), KIN.get(two, two)
    return one == two or one in VAGUE or two in VAGUE
