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
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kneeledger.exports.layout import recording_like, sport
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


def guides(listing: Listing) -> Iterator[tuple[str, "Account | Watch"]]:
    """A guide for each account export and each watch below a listing."""
    roots: dict[str, Account | Watch] = {}
    if re.search(r"/DI_CONNECT(/[^!]*)?$", listing.path, re.IGNORECASE):
        roots[""] = Account("")
    elif re.search(r"/GARMIN$", listing.path, re.IGNORECASE):
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
        activities = list(_summaries(entry.read()))
        for one in activities:
            yield _by_hand(one, entry)
        yield entry.skipped("table", "tables of activities", f"totals of {len(activities):,} activities")

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
    decode = json.JSONDecoder().raw_decode
    for mark in MARK.finditer(text):
        at = mark.end()
        while at < len(text) and text[at] == "{":
            try:
                one, at = decode(text, at)
            except (ValueError, RecursionError) as error:
                raise Refused("damaged", "is no JSON that can be read") from error
            yield one
            if (step := BETWEEN.match(text, at)) is None:
                break
            at = step.end()


def _by_hand(one: Mapping[str, Any], entry: Entry) -> ByHand:
    start_ms = _number(one, "startTimeGmt") or _number(one, "beginTimestamp")
    local_ms = _number(one, "startTimeLocal")
    duration_ms, distance_cm = _number(one, "duration"), _number(one, "distance")
    kind = one.get("activityType")
    words = kind.get("typeKey", "") if isinstance(kind, dict) else str(kind or "")
    known = sport(words)
    offset = round((local_ms - start_ms) / MS) if local_ms and start_ms else None
    return ByHand(
        path=entry.path,
        sport=known if known != "unknown" else sport(str(one.get("sportType") or "")),
        start=_utc(start_ms),
        utc_offset_s=offset if offset is not None and abs(offset) <= 15 * 3600 else None,
        duration_s=duration_ms / MS if duration_ms else None,
        distance_m=distance_cm / CM if distance_cm else None,
        title=str(one["name"]) if one.get("name") else None,
        layout="garmin",
        outer=entry.outer,
        member=entry.member,
        stamp=entry.stamp,
        maybe_recorded=True,
    )


def _number(one: Mapping[str, Any], key: str) -> float | None:
    value = one.get(key)
    return float(value) if isinstance(value, int | float) and 0 < value < 1e15 else None


def _utc(ms: float | None) -> datetime | None:
    if ms is None or ms > 4e12:
        return None
    return datetime.fromtimestamp(ms / MS, tz=UTC)
