"""Runkeeper: ``cardioActivities.csv`` and one GPX an activity.

The last column names the file; a row without one was typed in or done indoors. Units stand in the
headers, ``Distance (km)`` or ``Distance (mi)``. Dates are UTC (formats.md 2.6). ``measurements.csv`` (body
weight) and pictures stay unopened.
Instead of: taking kilometres for granted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kneeledger import plurals
from kneeledger.exports.layout import (
    by_hand,
    folder_of,
    moment,
    number,
    recording_like,
    seconds,
    sport,
    table,
)
from kneeledger.sources import Entry, Found, Listing, Refused, Verdict

__all__ = ["guides"]

COLUMNS = ("date", "type", "route name", "duration", "distance (km)", "distance (mi)", "gpx file")
TO_METRES = {"km": 1000.0, "mi": 1609.344}


MARKS = ("cardioactivities.csv",)


def guides(listing: Listing) -> Iterator[tuple[str, "Runkeeper"]]:
    """A guide for each folder with ``cardioActivities.csv``."""
    for name in listing.entries:
        if name.rpartition("/")[2].lower() == "cardioactivities.csv":
            yield folder_of(name), Runkeeper(folder_of(name), listing.entries[name])


@dataclass(slots=True)
class Runkeeper:
    """One export; its table is read when first asked for."""

    root: str
    table: Entry
    _rows: list[dict[str, str]] | Refused | None = field(default=None)
    _by_file: dict[str, dict[str, str]] = field(default_factory=dict)

    def verdict(self, name: str) -> Verdict | None:
        """The table by us, recordings by content, all else unopened."""
        if name == self.table.name:
            return Verdict(own=True)
        return (
            None if recording_like(name) else Verdict(kind="Runkeeper account data", reason="left unopened")
        )

    def own(self, entry: Entry) -> Iterator[Found]:
        """Activities without a GPX."""
        rows = self.rows()
        for row in rows:
            if row.get("gpx file"):
                continue
            yield by_hand(
                entry,
                "runkeeper",
                sport=sport(row.get("type", "")),
                start=moment(row.get("date", "")),
                duration_s=seconds(row.get("duration", "")),
                distance_m=_distance_m(row),
                title=row.get("route name"),
            )
        told = plurals.count(len(rows), "activity", "activities")
        yield entry.skipped("table", "tables of activities", f"a table of {told}")

    def context(self, name: str) -> Mapping[str, str]:
        """Sport of the row that names this file."""
        context = {"layout": "runkeeper"}
        last = name.rpartition("/")[2].lower()
        try:
            rows = self.rows()
        except Refused:
            return context
        if not self._by_file:
            self._by_file.update({row.get("gpx file", "").lower(): row for row in rows})
        row = self._by_file.get(last, {})
        known = sport(row.get("type", ""))
        context |= {"sport": known} if known != "unknown" else {}
        return context | ({"title": row["route name"]} if row.get("route name") else {})

    def rows(self) -> list[dict[str, str]]:
        """The table, read once."""
        if self._rows is None:
            try:
                lines = filter(any, table(self.table.read()))
                headers = {header.strip().lower(): place for place, header in enumerate(next(lines, []))}
                places = {header: headers[header] for header in COLUMNS if header in headers}
                self._rows = [
                    {key: line[place].strip() for key, place in places.items() if place < len(line)}
                    for line in lines
                ]
            except Refused as refusal:
                self._rows = refusal
        if isinstance(self._rows, Refused):
            raise self._rows
        return self._rows


def _distance_m(row: Mapping[str, str]) -> float | None:
    for unit, factor in TO_METRES.items():
        value = number(row.get(f"distance ({unit})", ""))
        if value is not None and value > 0:
            return value * factor
    return None
