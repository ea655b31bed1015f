"""Runkeeper: ``cardioActivities.csv`` and one GPX an activity.

The last column names the file; a row without one was typed in or done indoors. Units stand in the
headers, ``Distance (km)`` or ``Distance (mi)``. Dates are UTC (formats.md 2.6). ``measurements.csv`` (body
weight) and pictures stay unopened.
Instead of: taking kilometres for granted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kneeledger.exports.layout import folder_of, moment, number, recording_like, seconds, sport, table
from kneeledger.sources import ByHand, Entry, Found, Listing, Refused, Verdict

__all__ = ["guides"]

TO_METRES = {"km": 1000.0, "mi": 1609.344}


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
            yield ByHand(
                path=entry.path,
                sport=sport(row.get("type", "")),
                start=moment(row.get("date", "")),
                utc_offset_s=None,
                duration_s=seconds(row.get("duration", "")) or None,
                distance_m=_distance_m(row),
                title=row.get("route name") or None,
                layout="runkeeper",
                outer=entry.outer,
                member=entry.member,
                stamp=entry.stamp,
            )
        yield entry.skipped("table", "tables of activities", f"a table of {len(rows):,} activities")

    def context(self, name: str) -> Mapping[str, str]:
        """Sport of the row that names this file."""
        context = {"layout": "runkeeper"}
        last = name.rpartition("/")[2].lower()
        try:
            rows = self.rows()
        except Refused:
            return context
        for row in rows:
            if row.get("gpx file", "").lower() == last:
                known = sport(row.get("type", ""))
                context |= {"sport": known} if known != "unknown" else {}
                context |= {"title": row["route name"]} if row.get("route name") else {}
        return context

    def rows(self) -> list[dict[str, str]]:
        """The table, read once."""
        if self._rows is None:
            try:
                lines = [line for line in table(self.table.read()) if any(line)]
            except Refused as refusal:
                self._rows = refusal
            else:
                headers = [header.strip().lower() for header in lines[0]] if lines else []
                self._rows = [dict(zip(headers, map(str.strip, line), strict=False)) for line in lines[1:]]
        if isinstance(self._rows, Refused):
            raise self._rows
        return self._rows


def _distance_m(row: Mapping[str, str]) -> float | None:
    for unit, factor in TO_METRES.items():
        value = number(row.get(f"distance ({unit})", ""))
        if value is not None and value > 0:
            return value * factor
    return None
