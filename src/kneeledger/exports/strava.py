"""Strava's bulk export: ``activities.csv`` in the account's language, and ``activities/`` beside it.

Only the table and the recordings are opened. The forty other files hold the home address (``privacy_zones.csv``),
the mail address and other people's names; planned routes lie in ``routes``. The table is joined to the
files by the cell that has the shape of a file's path, in whichever column it stands, since headers are translated,
repeated and change from year to year, and the number in a file's name is not the activity's. Headers in known
languages give title, sport and gear; a row without a file is an activity typed in by hand.
Instead of: column numbers, which drift, or English headers only.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kneeledger import plurals
from kneeledger.exports.layout import by_hand, folder_of, holds, moment, number, recording_like, sport, table
from kneeledger.sources import Entry, Found, Listing, Refused, Verdict

__all__ = ["guides"]

FILE = re.compile(r"activities/[^/]+\.(fit|gpx|tcx)(\.gz)?", re.IGNORECASE)
HEADERS = {
    "activity_id": ("activity id", "id", "aktivitäts-id", "identifiant de l'activité", "id de actividad", "id attività",
                    "activiteits-id", "id da atividade"),
    "date": ("activity date", "date", "aktivitätsdatum", "date de l'activité", "fecha de la actividad",
             "data dell'attività", "data attività", "datum van activiteit", "data da atividade"),
    "title": ("activity name", "name", "name der aktivität", "nom de l'activité", "nombre de la actividad",
              "nome dell'attività", "nome attività", "naam activiteit", "nome da atividade"),
    "sport": ("activity type", "type", "aktivitätsart", "type d'activité", "tipo de actividad", "tipo di attività",
              "tipo attività", "activiteitstype", "type activiteit", "tipo de atividade"),
    "gear": ("activity gear", "gear", "aktivitätsausrüstung", "ausrüstung für die aktivität", "équipement de l'activité",
             "equipamiento de la actividad", "attrezzatura dell'attività", "uitrusting voor activiteit",
             "equipamento da atividade"),
    "file": ("filename", "dateiname", "nom du fichier", "nombre de archivo", "nombre del archivo", "nome file",
             "nome del file", "bestandsnaam", "nome do arquivo"),
    "elapsed": ("elapsed time", "elapsed_time", "verstrichene zeit", "temps écoulé", "tiempo transcurrido",
                "tempo trascorso", "verstreken tijd", "tempo decorrido"),
    "moving": ("moving time", "bewegungszeit", "zeit in bewegung", "durée de déplacement", "temps en mouvement",
               "tiempo en movimiento", "tempo in movimento", "beweegtijd", "tempo de movimentação"),
    "distance": ("distance", "distanz", "distancia", "distanza", "afstand", "distância"),
}  # fmt: skip
KEY_OF = {header: key for key, headers in HEADERS.items() for header in headers}
PRIVATE = "Strava account data"
NAMED = ("activity_id", "title", "gear")


MARKS = ("activities.csv",)


def guides(listing: Listing) -> Iterator[tuple[str, "Strava"]]:
    """A guide for each folder that holds ``activities.csv`` and ``activities/``."""
    tables = [name for name in listing.entries if name.rpartition("/")[2].lower() == "activities.csv"]
    names = sorted(listing.entries) if tables else []
    for name in tables:
        root = folder_of(name)
        if listing.alone or holds(names, f"{root}activities/"):
            yield root, Strava(root, listing.entries[name])


@dataclass(slots=True)
class Strava:
    """One export; its table is read when first asked for."""

    root: str
    table: Entry
    _rows: "Rows | Refused | None" = field(default=None)

    def verdict(self, name: str) -> Verdict | None:
        """Only the table and the recordings are opened."""
        below = name.removeprefix(self.root)
        if below.lower() == "activities.csv":
            return Verdict(own=True)
        if below.startswith("routes/"):
            return Verdict(
                code="planned", kind="planned routes", reason="a planned route: give it to `forecast`"
            )
        if below.startswith(("media/", "clubs/")) or not recording_like(below):
            return Verdict(kind=PRIVATE, reason="account data, left unopened")
        return None

    def own(self, entry: Entry) -> Iterator[Found]:
        """Activities without a file."""
        rows = self.rows()
        for row in rows.by_hand:
            yield by_hand(
                entry,
                "strava",
                sport=sport(row.get("sport", "")),
                start=_start(row),
                duration_s=_positive(row.get("moving", "")) or _positive(row.get("elapsed", "")),
                distance_m=_distance_m(row),
                title=row.get("title"),
            )
        told = plurals.count(rows.count, "activity", "activities")
        yield entry.skipped("table", "tables of activities", f"a table of {told}")

    def context(self, name: str) -> Mapping[str, str]:
        """The row of the table that names this file."""
        context = {"layout": "strava"}
        try:
            row = self.rows().by_file.get(name.removeprefix(self.root).lower(), {})
        except Refused:
            return context
        context |= {key: row[key] for key in NAMED if row.get(key)}
        known = sport(row.get("sport", ""))
        return context | ({"sport": known} if known != "unknown" else {})

    def rows(self) -> "Rows":
        """The table, read once."""
        if self._rows is None:
            try:
                self._rows = _rows(self.table.read())
            except Refused as refusal:
                self._rows = refusal
        if isinstance(self._rows, Refused):
            raise self._rows
        return self._rows


@dataclass(frozen=True, slots=True)
class Rows:
    """The table by file, and its rows without one."""

    by_file: Mapping[str, Mapping[str, str]]
    by_hand: list[Mapping[str, str]]
    count: int


def _rows(data: bytes) -> Rows:
    lines = filter(any, table(data))
    keys: dict[str, int] = {}
    for place, header in enumerate(next(lines, [])):
        key = KEY_OF.get(header.strip().lower().replace("’", "'"))
        if key and key not in keys:
            keys[key] = place
        elif key == "distance" and "distance_m" not in keys:
            keys["distance_m"] = place
    shaped = Counter(
        place for line in lines for place, cell in enumerate(line) if FILE.fullmatch(cell.strip())
    )
    if shaped:
        keys["file"] = shaped.most_common(1)[0][0]
    by_file: dict[str, Mapping[str, str]] = {}
    without: list[Mapping[str, str]] = []
    count = 0
    lines = filter(any, table(data))
    next(lines, None)
    for line in lines:
        count += 1
        row = {key: line[place].strip() for key, place in keys.items() if place < len(line)}
        file = row.get("file")
        if file and FILE.fullmatch(file):
            by_file[file.lower()] = row
        elif file is not None:
            without.append(row)
    return Rows(by_file, without, count)


def _start(row: Mapping[str, str]) -> datetime | None:
    return moment(row.get("date", ""))


def _positive(text: str) -> float | None:
    value = number(text)
    return value if value is not None and value > 0 else None


def _distance_m(row: Mapping[str, str]) -> float | None:
    """The raw column in metres, else the rounded one in kilometres. [m]"""
    raw = _positive(row.get("distance_m", ""))
    if raw is not None:
        return raw
    rounded = _positive(row.get("distance", ""))
    return None if rounded is None else rounded * 1000
