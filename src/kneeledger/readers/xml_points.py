"""The part GPX and TCX have in common: raw columns of points as a records frame, and words for sports.

Devices write one quantity under many names and prefixes, and one file may hold it twice. A column is chosen
by namespace address first (Garmin's point extensions v1 and v2, power, cluetrust) and by local name else,
and where two columns give the same quantity the first value of each point counts. What has no place in the
schema is kept under ``dev:``, because a physio's question tomorrow may be about it.
Instead of: a list of prefixes, which every service chooses anew.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from kneeledger import plurals, schema
from kneeledger.model import FloatArray, Issue
from kneeledger.readers.xml import Cells, Document, Ints
from kneeledger.readers.xml_values import Moments, moments, numbers, texts

__all__ = [
    "NO_EVENTS",
    "NO_LAPS",
    "NO_SESSIONS",
    "Columns",
    "columns",
    "points_frame",
    "sport_word",
    "totals",
    "written_issues",
]

QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "altitude_m": ("ele", "altitudemeters"),
    "distance_m": ("distancemeters", "distance"),
    "speed_mps": ("speed",),
    "heart_rate_bpm": ("hr", "heartrate", "heart_rate", "heartratebpm"),
    "power_w": ("power", "powerinwatts", "watts"),
    "temperature_c": ("atemp", "temp", "temperature"),
}
"""Column of the schema: local names in lower case."""
_QUANTITY_OF = {local: name for name, locals_ in QUANTITIES.items() for local in locals_}
CADENCE = ("cad", "cadence", "runcadence")
_TIME = ("time",)
_POSITION = ("latitudedegrees", "longitudedegrees")
_WORDS = {
    "name", "cmt", "desc", "src", "sym", "type", "text", "link", "url", "urlname", "fix", "sensorstate",
    "color", "number",
}  # fmt: skip
_POINTS = ("trkpt", "rtept", "trackpoint")
MAX_CELLS = 20_000_000
"""Vendor columns with more values than this in all are left out; a day of seconds has room for 230 [cells]."""
FEW_COLUMNS = 16
"""So many are kept whatever the number of points."""
_TRUSTED = (
    "www.garmin.com/xmlschemas/",
    "www8.garmin.com/xmlschemas/",
    "www.cluetrust.com/",
)

_SPORTS: Mapping[tuple[str, str | None], str] = {
    ("running", None): "run running jogging jog laufen lauf course_a_pied correr carrera corsa hardlopen 9",
    ("running", "street"): "street_running road_running",
    ("running", "trail"): "trail_run trail_running trailrun trail",
    ("running", "track"): "track_running track_run",
    ("running", "treadmill"): "treadmill treadmill_running treadmill_run",
    ("running", "indoor_running"): "indoor_running indoor_run",
    ("running", "virtual_activity"): "virtual_run virtualrun virtual_running",
    ("running", "ultra"): "ultra_run ultra_running",
    (
        "cycling",
        None,
    ): "bike biking ride cycling bicycle bicycling radfahren velo cyclisme ciclismo fietsen 1",
    ("cycling", "road"): "road_biking road_cycling road_bike",
    ("cycling", "mountain"): "mountain_biking mountain_bike mtb mountainbikeride mountain_bike_ride",
    ("cycling", "gravel_cycling"): "gravel_cycling gravel_ride gravelride gravel",
    ("cycling", "cyclocross"): "cyclocross",
    ("cycling", "indoor_cycling"): "indoor_cycling indoor_bike spinning",
    ("cycling", "virtual_activity"): "virtual_ride virtualride virtual_cycling",
    ("e_biking", None): "e_bike e_biking ebiking ebike e_bike_ride ebikeride",
    ("e_biking", "e_bike_fitness"): "e_bike_fitness",
    ("e_biking", "e_bike_mountain"): "e_bike_mountain emountainbikeride",
    ("walking", None): "walk walking nordic_walking marche caminar camminata wandelen spaziergang gehen 10",
    ("hiking", None): "hike hiking trekking wandern randonnee senderismo escursionismo 4",
    ("swimming", None): "swim swimming schwimmen 16",
    ("swimming", "lap_swimming"): "pool_swim lap_swimming pool_swimming",
    ("swimming", "open_water"): "open_water_swimming openwaterswim open_water",
    ("cross_country_skiing", None): "nordic_ski nordicski cross_country_skiing_ws cross_country_ski",
    ("alpine_skiing", None): "alpine_ski alpineski resort_skiing resort_skiing_snowboarding_ws ski skiing",
    ("alpine_skiing", "backcountry"): "backcountry_ski backcountryski backcountry_skiing",
    ("snowboarding", None): "snowboard",
    ("snowshoeing", None): "snowshoe snowshoe_ws",
    ("inline_skating", None): "inline_skate inlineskate skating",
    ("stand_up_paddleboarding", None): "sup stand_up_paddling standuppaddling stand_up_paddleboard",
}
"""Sport and sub-sport: what files call it."""
_KEPT_WORDS = (
    "other transition fitness_equipment basketball soccer tennis american_football training"
    " cross_country_skiing alpine_skiing snowboarding rowing mountaineering multisport paddling flying"
    " motorcycling boating driving golf hang_gliding horseback_riding hunting fishing inline_skating"
    " rock_climbing sailing ice_skating sky_diving snowshoeing snowmobiling stand_up_paddleboarding surfing"
    " wakeboarding water_skiing kayaking rafting windsurfing kitesurfing tactical jumpmaster boxing"
    " floor_climbing baseball diving hiit racket wheelchair_push_walk wheelchair_push_run meditation"
    " disc_golf cricket rugby hockey lacrosse volleyball water_tubing wakesurfing mixed_martial_arts yoga"
    " pilates strength_training dance jump_rope car bus train"
)
_KEPT = frozenset(_KEPT_WORDS.split())
"""Sports that are none of running, walking, hiking, cycling and swimming: their words stay as they are."""
_SPORT_OF_WORD = {word: sport for sport, words in _SPORTS.items() for word in words.split()}


NO_EVENTS = schema.empty(schema.EVENTS)
NO_LAPS = schema.empty(schema.LAPS)
NO_SESSIONS = schema.empty(schema.SESSIONS)


@dataclass(frozen=True)
class Columns:
    """The raw columns of all points of a file; shape (n,) each."""

    times: Moments
    floats: dict[str, FloatArray]
    """Quantities of the schema, `cadence:` and numeric `dev:` columns; NaN for none."""
    words: dict[str, list[str | None]]
    """`dev:` columns that are no numbers."""
    accuracy_m: FloatArray
    """Horizontal accuracy where written [m]."""
    bad: int
    """Cells with text that is no number."""
    beyond: int
    """Vendor columns that were left out, being more than can be kept."""

    def vendor(self, where: Ints) -> list[str]:
        """Names of the columns beyond the schema that may have a value at one of these points, in order.

        Thousands of names over thousands of tracks are millions of columns, of which each track has a few.
        """
        names, row, column = self._given
        if row is None:
            return names
        low, high = np.searchsorted(row, (where[0], where[-1] + 1)) if len(where) else (0, 0)
        return [names[k] for k in np.unique(column[low:high]).tolist()]

    @cached_property
    def _given(self) -> tuple[list[str], Ints | None, Ints]:
        """Every such name; where there are many, the points that have a value, and the number of its name, by point."""
        names = sorted(self.floats.keys() - schema.RECORDS.keys())
        names += [name for name in self.words if name not in self.floats]
        nowhere = np.zeros(0, dtype=np.int64)
        if len(names) <= FEW_COLUMNS:
            return names, None, nowhere
        rows = [self._rows(name) for name in names]
        column = np.repeat(np.arange(len(names)), [len(some) for some in rows])
        row = np.concatenate(rows)
        order = np.argsort(row, kind="stable")
        return names, row[order], column[order]

    def _rows(self, name: str) -> Ints:
        if name in self.floats:
            return np.flatnonzero(~np.isnan(self.floats[name]))
        return np.array([k for k, text in enumerate(self.words[name]) if text is not None], dtype=np.int64)


def columns(doc: Document, leaves: Sequence[Cells], count: int) -> Columns:
    """All leaves of all points as columns."""
    floats: dict[str, FloatArray] = {}
    words: dict[str, list[str | None]] = {}
    accuracy = np.full(count, np.nan)
    times: Moments | None = None
    bad = 0
    ranked = sorted(leaves, key=_rank)
    for one in ranked:
        if one.local.lower() in _TIME:
            times = _merged_times(times, doc, one, count)
    wanted = [(one, target) for one in ranked if (target := _target(one))]
    wanted, beyond = _bounded(wanted, count)
    for (one, target), (values, wrong) in zip(
        wanted, numbers(doc, [one.element for one, _ in wanted]), strict=True
    ):
        if target.startswith("dev:") and wrong > 0.5 * len(values):
            _merge_words(words.setdefault(target, [None] * count), one.row, texts(doc, one.element))
            continue
        bad += wrong
        if one.local.lower() == "hacc":
            _merge(accuracy, one.row, values)
        _merge(floats.setdefault(target, np.full(count, np.nan)), one.row, values)
    distance = floats.get("distance_m")
    if distance is not None and not _is_running_total(distance):
        floats.setdefault("dev:distance []", floats.pop("distance_m"))
    heart = floats.get("heart_rate_bpm")
    if heart is not None:
        np.round(heart, out=heart)
    if times is None:
        times = moments(doc, np.zeros(0, dtype=np.int64)).spread(np.zeros(0, dtype=np.int64), count)
    return Columns(times, floats, words, accuracy, bad, beyond)


def _bounded(wanted: list[tuple[Cells, str]], count: int) -> tuple[list[tuple[Cells, str]], int]:
    """The leaves whose columns fit into `MAX_CELLS`, and how many vendor columns do not.

    A column has a place for every point, although a single point may have been given thousands of names.
    Columns of the schema always stay, of the others those with the most values.
    """
    size: dict[str, int] = {}
    for one, target in wanted:
        if target.startswith(("dev:", "cadence:")):
            size[target] = size.get(target, 0) + len(one.row)
    most = max(MAX_CELLS // max(count, 1), FEW_COLUMNS)
    if len(size) <= most:
        return wanted, 0
    dropped = set(sorted(size, key=lambda target: -size[target])[most:])
    return [(one, target) for one, target in wanted if target not in dropped], len(dropped)


def _rank(one: Cells) -> int:
    """What counts first where a quantity comes twice: the format's own, known namespaces, the rest."""
    if one.parent.lower() in _POINTS:
        return 0
    return 1 if any(part in one.address.lower() for part in _TRUSTED) else 2


def _target(one: Cells) -> str | None:
    """The column a leaf belongs to, None where it is text about the point."""
    local = one.local.lower()
    if local == "value" and one.parent.lower() == "heartratebpm":
        return "heart_rate_bpm"
    if local in _QUANTITY_OF:
        return _QUANTITY_OF[local]
    if local in CADENCE:
        return f"cadence:{one.local}"
    if local in _TIME or local in _WORDS or local in _POSITION:
        return None
    return f"dev:{one.local} []"


def _merge(into: FloatArray, row: Ints, values: FloatArray) -> None:
    """Fill what is still missing, the first value of each point counting."""
    use = np.isnan(into[row]) & ~np.isnan(values)
    into[row[use][::-1]] = values[use][::-1]


def _merge_words(into: list[str | None], row: Ints, values: list[str | None]) -> None:
    for k, text in zip(row.tolist(), values, strict=True):
        if into[k] is None:
            into[k] = text


def _merged_times(known: Moments | None, doc: Document, one: Cells, count: int) -> Moments:
    found = moments(doc, one.element).spread(one.row, count)
    return found if known is None else known.filled(found)


def _is_running_total(distance: FloatArray) -> bool:
    """Whether it grows along the file, as a distance since the start does and a step length does not."""
    known = distance[~np.isnan(distance)]
    steps = np.diff(known)
    return bool(len(known) < 3 or ((steps >= 0).mean() > 0.95 and known[-1] >= known.max() * 0.5))


def points_frame(
    found: Columns, where: Ints, segment: Ints, latitude: FloatArray, longitude: FloatArray
) -> pl.DataFrame:
    """The records of some of the points: schema columns, then cadence, then vendor columns; NaN as null.

    Parameters
    ----------
    found
    where
        Which points, ascending.
    segment
        Number of the segment of each of these; shape as `where`.
    latitude, longitude
        Of all points [deg].
    """
    everything = len(where) == len(latitude)
    times = found.times if everything else found.times.taken(where)
    data = [
        times.series(),
        pl.Series("segment", segment, dtype=pl.Int32),
        _series("latitude_deg", latitude[where]),
        _series("longitude_deg", longitude[where]),
    ]
    for name in (*(name for name in schema.RECORDS if name in found.floats), *found.vendor(where)):
        if name not in found.floats:
            texts_ = found.words[name]
            data.append(pl.Series(name, [texts_[k] for k in where.tolist()], dtype=pl.String))
            continue
        values = _series(name, found.floats[name] if everything else found.floats[name][where])
        if name in schema.RECORDS or values.null_count() < len(values):
            data.append(values)
    return pl.DataFrame(data)


def _series(name: str, values: FloatArray) -> pl.Series:
    return pl.Series(name, values, dtype=pl.Float64, nan_to_null=True)


def written_issues(found: Columns, where: Ints) -> tuple[dict[str, object], list[Issue]]:
    """Facts and Issues about how the times and numbers of some points are written."""
    times, bad_numbers = found.times, found.bad
    facts: dict[str, object] = {}
    issues: list[Issue] = []
    some = times.taken(where)
    if some.zone_s is not None:
        facts["time_zone_offset_s"] = some.zone_s
    if some.naive:
        facts["naive_time"] = True
        zoneless = plurals.count(
            some.naive, "time names no time zone; it is", "times name no time zone; they are"
        )
        text = f"{zoneless} taken as UTC unless one is given."
        issues.append(Issue("naive_time", some.naive, text))
    if times.bad:
        wrong = plurals.count(times.bad, "text that should be a time is", "texts that should be times are")
        issues.append(Issue("bad_time", times.bad, f"{wrong} none; left out."))
    if bad_numbers:
        wrong = plurals.count(
            bad_numbers, "text that should be a number is", "texts that should be numbers are"
        )
        issues.append(Issue("bad_number", bad_numbers, f"{wrong} none; left out."))
    if found.beyond:
        kinds = plurals.count(found.beyond, "kind of extension is", "kinds of extensions are")
        text = f"{kinds} more than can be kept; left out."
        issues.append(Issue("too_many_fields", found.beyond, text))
    return facts, issues


def totals(**values: object) -> pl.DataFrame:
    """One row of sessions from what a file gives in total; missing quantities are null."""
    believed = {
        name: [value if not isinstance(value, float) or np.isfinite(value) else None]
        for name in schema.SESSIONS
        for value in [values.get(name)]
    }
    return pl.DataFrame(believed, schema={name: column.dtype for name, column in schema.SESSIONS.items()})


def sport_word(text: str) -> tuple[str, str | None]:
    """Sport and sub-sport for what a file calls it; ``unknown`` where the word says nothing to us.

    Numbers are the types of Strava's exports: 9 and 1 are documented, 16 was seen on a swim, 4 and 10 are
    recalled. A word that is not known may be any language's running; it is left to speed and cadence.
    """
    plain = unicodedata.normalize("NFKD", text.strip().casefold()).encode("ascii", "ignore").decode("ascii")
    word = plain.replace("-", "_").replace(" ", "_")
    if word in _SPORT_OF_WORD:
        return _SPORT_OF_WORD[word]
    return (word if word in _KEPT else "unknown"), None
