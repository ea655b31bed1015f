"""Apple Health: routes as GPX, everything else in one XML file of up to several GB.

``export.xml`` is streamed once and searched for ``<Workout`` by bytes: it begins with a document type that some
versions of iOS write wrongly, has stray control characters, and no parser is needed for the one element in ten
thousand that counts. A workout names its route by a ``FileReference``; the route has positions but neither sport
nor title, so the workout's are given to it as context. A workout without a route (a treadmill, or a watch
without positioning) is an activity by hand. Heart rate, steps, cardiograms and clinical records stay unread.
Instead of: building the tree, or a parser that must first accept the document type.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kneeledger.exports.layout import (
    ACTIVITIES,
    at_most,
    by_hand,
    folder_of,
    holds,
    number,
    recording_like,
    sport,
)
from kneeledger.sources import Entry, Found, Listing, Refused, Verdict

__all__ = ["guides"]

ATTRIBUTE = re.compile(r'([A-Za-z]{1,40})="([^"]*)"')
ROUTE = re.compile(rb'<FileReference\s+path="([^"]{1,300})"')
STATISTICS = re.compile(rb"<WorkoutStatistics\s[^>]{1,600}>")
BLOCK_BYTES = 1 << 20
HEAD = re.compile(rb"<Workout [^<>]{0,65536}")
"""The first tag of a workout without its end; a longer one is no tag."""
TO_METRES = {"km": 1000.0, "m": 1.0, "mi": 1609.344, "yd": 0.9144, "ft": 0.3048}
TO_SECONDS = {"min": 60.0, "s": 1.0, "sec": 1.0, "hr": 3600.0, "h": 3600.0}
REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


MARKS = (".xml",)


def guides(listing: Listing) -> Iterator[tuple[str, "Apple"]]:
    """A guide for each folder with Apple's ``export.xml`` (whatever its name in the language of the phone)."""
    names: list[str] = []
    for name in listing.entries:
        folder, last = folder_of(name), name.rpartition("/")[2].lower()
        if not last.endswith(".xml") or last.endswith("_cda.xml"):
            continue
        apple = (
            folder.lower().endswith("apple_health_export/") or "apple_health_export" in listing.path.lower()
        )
        names = names or sorted(listing.entries)
        beside = holds(names, f"{folder}workout-routes/")
        if apple or (
            last == "export.xml" and (beside or listing.alone or f"{folder}export_cda.xml" in listing.entries)
        ):
            yield folder, Apple(folder, listing.entries[name])


@dataclass(frozen=True, slots=True)
class Workout:
    """One workout as ``export.xml`` tells it."""

    sport: str
    start: datetime | None
    utc_offset_s: int | None
    duration_s: float | None
    distance_m: float | None
    route: str
    """Path of the route's file from the folder, lower case; empty: none."""


@dataclass(slots=True)
class Apple:
    """One export; its workouts are read when first asked for."""

    root: str
    health: Entry
    _workouts: list[Workout] | Refused | None = field(default=None)
    _by_route: dict[str, Workout] = field(default_factory=dict)

    def verdict(self, name: str) -> Verdict | None:
        """Only the workouts and their routes are read."""
        if name == self.health.name:
            return Verdict(own=True)
        if recording_like(name):
            return None
        return Verdict(kind="Apple Health records", reason="health records, left unopened")

    def own(self, entry: Entry) -> Iterator[Found]:
        """Workouts whose route is not there."""
        workouts = self.workouts()
        for one in workouts:
            if not one.route:
                yield by_hand(
                    entry,
                    "apple",
                    sport=one.sport,
                    start=one.start,
                    utc_offset_s=one.utc_offset_s,
                    duration_s=one.duration_s,
                    distance_m=one.distance_m,
                    title=None,
                )
        yield entry.skipped("table", "tables of activities", f"{len(workouts):,} workouts")

    def context(self, name: str) -> Mapping[str, str]:
        """Sport and time zone of the workout that names this route."""
        context = {"layout": "apple"}
        try:
            workouts = self.workouts()
        except Refused:
            return context
        if not self._by_route:
            self._by_route.update({one.route: one for one in workouts if one.route})
        found = self._by_route.get(name.removeprefix(self.root).lower())
        if found and found.sport != "unknown":
            context["sport"] = found.sport
        if found and found.utc_offset_s is not None:
            context["utc_offset_s"] = str(found.utc_offset_s)
        return context

    def workouts(self) -> list[Workout]:
        """The workouts, streamed once."""
        if self._workouts is None:
            try:
                self._workouts = [_workout(block) for block in at_most(_blocks(self.health.chunks()))]
            except Refused as refusal:
                self._workouts = refusal
        if isinstance(self._workouts, Refused):
            raise self._workouts
        return self._workouts


def _blocks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Each ``<Workout ...>`` with what is in it, of that at most `BLOCK_BYTES`."""
    held, broken = b"", 0
    for chunk in chunks:
        held += chunk
        at = 0
        while (start := held.find(b"<Workout ", at)) >= 0:
            head = HEAD.match(held, start)
            assert head is not None
            if held[head.end() : head.end() + 1] == b">":
                at = _end(held, head.end())
                if at < 0:
                    break
                yield held[start:at]
            elif head.end() == len(held):
                break
            else:
                at = head.end()
                broken += 1
                if broken > ACTIVITIES:
                    raise Refused("damaged", "is full of broken workouts; not read further")
        held = held[start if start >= 0 else max(at, len(held) - 16) :]
    if held.startswith(b"<Workout ") and (close := held.find(b">")) >= 0:
        yield held[: close + 1]


def _end(held: bytes, close: int) -> int:
    """Where a workout ends whose first tag ends at `close`; -1: further on than is held."""
    if held[close - 1 : close] == b"/":
        return close + 1
    most = close + BLOCK_BYTES
    following = held.find(b"<Workout ", close, most)
    stop = held.find(b"</Workout>", close, following if following >= 0 else most)
    if stop >= 0:
        return stop + 10
    return following if following >= 0 or len(held) < most else most


def _workout(block: bytes) -> Workout:
    head = _attributes(block[: block.find(b">") + 1])
    start, offset = _moment(head.get("startDate", ""))
    end, _ = _moment(head.get("endDate", ""))
    duration = _scaled(head.get("duration", ""), TO_SECONDS.get(head.get("durationUnit", "min")))
    if duration is None and start and end and end > start:
        duration = (end - start).total_seconds()
    distance = _scaled(head.get("totalDistance", ""), TO_METRES.get(head.get("totalDistanceUnit", "km")))
    for found in STATISTICS.findall(block) if distance is None else ():
        told = _attributes(found)
        if "Distance" in told.get("type", ""):
            distance = _scaled(told.get("sum", ""), TO_METRES.get(told.get("unit", "km")))
    route = ROUTE.search(block)
    kind = head.get("workoutActivityType", "").removeprefix("HKWorkoutActivityType")
    path = _decoded(route[1]).lstrip("/").lower() if route else ""
    return Workout(sport(kind), start, offset, duration, distance, path)


def _attributes(tag: bytes) -> dict[str, str]:
    return {name: _unescaped(value) for name, value in ATTRIBUTE.findall(tag.decode("utf-8", "replace"))}


def _decoded(raw: bytes) -> str:
    return _unescaped(raw.decode("utf-8", "replace"))


def _unescaped(text: str) -> str:
    for reference, char in REFERENCES:
        text = text.replace(reference, char)
    return text


def _scaled(text: str, factor: float | None) -> float | None:
    value = number(text)
    return None if value is None or factor is None or value <= 0 else value * factor


def _moment(text: str) -> tuple[datetime | None, int | None]:
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
        start = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None, None
    offset = local.utcoffset()
    return start, None if offset is None else int(offset.total_seconds())
