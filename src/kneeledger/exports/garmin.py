"""Garmin: the account export (zips inside a zip) and the folder of a watch.

In the account export the recordings are in ``UploadedFiles_*.zip`` below ``DI_CONNECT``, among twenty times as many files
of sleep and monitoring, which their first bytes tell apart. ``*_summarizedActivities.json`` has totals of
every activity, without saying which file is which: all are given as `ByHand` with `maybe_recorded`, to be matched
by start and sport. Wellness, contacts, devices and the rest stay unopened. On a watch the folders beside
``Activity`` hold health data and saved places (which are homes), so they stay unopened too.
Instead of: decoding everything, or a list of wanted file names (they are account names and numbers).
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kneeledger import plurals
from kneeledger.exports.layout import at_most, by_hand, recording_like, sport
from kneeledger.sources import ByHand, Entry, Found, Listing, Refused, Verdict

__all__ = ["guides"]

ACCOUNT = re.compile(r"(?:^|.*/)(?=DI_CONNECT/)", re.IGNORECASE)
WATCH = re.compile(r"((?:^|.*/)GARMIN/)(?:Activity|Activities|History)/", re.IGNORECASE)
SUMMARIES = re.compile(r"summarizedActivities(_\d+)?\.json$", re.IGNORECASE)
UNOPENED = (
    "monitor sleep hrvstatus metrics settings sports workouts totals records location locations debug schedule newfiles"
    " goals weight segments devices training_effect remotesw events clubs"
)
UNOPENED_FOLDERS = frozenset(UNOPENED.split())
MARK = re.compile(r'"summarizedActivitiesExport"\s{0,9}:\s{0,9}\[\s{0,99}')
BETWEEN = re.compile(r"\s{0,99},\s{0,99}")
MS = 1000.0
CM = 100.0
LENGTHS = (1 << 16, 1 << 22)
"""Of the text in which one activity is looked for, the usual first."""
DECODER = json.JSONDecoder()


MARKS = ("di_connect/", "garmin/")


def guides(listing: Listing) -> Iterator[tuple[str, "Account | Watch"]]:
    """A guide for each account export and each watch below a listing."""
    roots: dict[str, Account | Watch] = {}
    folder = f"{listing.path.rpartition('!')[2].upper()}/"
    if "/DI_CONNECT/" in folder:
        roots[""] = Account("")
    elif folder.endswith("/GARMIN/"):
        roots[""] = Watch("")
    for name in listing.entries:
        if found := ACCOUNT.match(name):
            roots.setdefault(found[0], Account(found[0]))
        elif found := WATCH.match(name):
            roots.setdefault(found[1], Watch(found[1]))
    yield from roots.items()


@dataclass(frozen=True, slots=True)
class Account:
    """The account export."""

    root: str

    def verdict(self, name: str) -> Verdict | None:
        """Archives and recordings by content, the summaries by us, all else unopened."""
        if SUMMARIES.search(name):
            return Verdict(own=True)
        if recording_like(name) or name.lower().endswith(".txt"):
            return None
        parts = name.removeprefix(self.root).split("/")
        folder = next((part for part in parts[:-1] if part.upper().startswith("DI-CONNECT-")), "")
        topic = folder[len("DI-Connect-") :].replace("-", " ").lower() or "account"
        return Verdict(kind=f"Garmin {topic} data", reason="account data, left unopened")

    def own(self, entry: Entry) -> Iterator[Found]:
        """Totals of every activity."""
        activities = [_by_hand(one, entry) for one in at_most(_summaries(entry.read()))]
        yield from activities
        told = plurals.count(len(activities), "activity", "activities")
        yield entry.skipped("table", "tables of activities", f"totals of {told}")

    def context(self, name: str) -> Mapping[str, str]:
        """Nothing but the layout: the export does not name files."""
        return {"layout": "garmin"}


@dataclass(frozen=True, slots=True)
class Watch:
    """The folder of a watch or bicycle computer."""

    root: str

    def verdict(self, name: str) -> Verdict | None:
        """Health data and saved places stay unopened; courses are plans."""
        folder, slash, _ = name.removeprefix(self.root).partition("/")
        if slash and folder.lower() in UNOPENED_FOLDERS:
            return Verdict(kind=f"Garmin {folder.lower()} files", reason="no activities, left unopened")
        if slash and folder.lower() == "courses":
            return Verdict(
                code="planned", kind="planned courses", reason="a planned course: give it to `forecast`"
            )
        return (
            None
            if recording_like(name)
            else Verdict(kind="Garmin system files", reason="no activity, left unopened")
        )

    def own(self, entry: Entry) -> Iterator[Found]:
        """Nothing is read by the layout itself."""
        yield from ()

    def context(self, name: str) -> Mapping[str, str]:
        """The layout."""
        return {"layout": "garmin-watch"}


def _summaries(data: bytes) -> Iterator[dict[str, Any]]:
    """The activities one by one: the file of a heavy user is over 100 MB, as objects ten times that."""
    text = data.decode("utf-8-sig", "replace")
    for mark in MARK.finditer(text):
        at = mark.end()
        while at < len(text) and text[at] == "{":
            one, length = _first(text, at)
            at += length
            yield one
            if (step := BETWEEN.match(text, at)) is None:
                break
            at = step.end()


def _first(text: str, at: int) -> tuple[dict[str, Any], int]:
    """The object there and its length; one of hundreds of MB is no activity and would take GBs."""
    for most in LENGTHS:
        with suppress(ValueError, RecursionError):
            return DECODER.raw_decode(text[at : at + most])
    raise Refused("damaged", "is no JSON that can be read")


def _by_hand(one: Mapping[str, Any], entry: Entry) -> ByHand:
    start_ms = _number(one, "startTimeGmt") or _number(one, "beginTimestamp")
    local_ms = _number(one, "startTimeLocal")
    duration_ms, distance_cm = _number(one, "duration"), _number(one, "distance")
    kind = one.get("activityType")
    words = kind.get("typeKey") if isinstance(kind, dict) else kind
    known = sport(str(words or ""))
    offset = round((local_ms - start_ms) / MS) if local_ms and start_ms else None
    return by_hand(
        entry,
        "garmin",
        sport=known if known != "unknown" else sport(str(one.get("sportType") or "")),
        start=_utc(start_ms),
        utc_offset_s=offset if offset is not None and abs(offset) <= 15 * 3600 else None,
        duration_s=duration_ms / MS if duration_ms else None,
        distance_m=distance_cm / CM if distance_cm else None,
        title=str(one["name"]) if one.get("name") else None,
        maybe_recorded=True,
    )


def _number(one: Mapping[str, Any], key: str) -> float | None:
    value = one.get(key)
    return float(value) if isinstance(value, int | float) and 0 < value < 1e15 else None


def _utc(ms: float | None) -> datetime | None:
    if ms is None or ms > 4e12:
        return None
    return datetime.fromtimestamp(ms / MS, tz=UTC)
