"""Exports as the services pack them: which files count, what is said beside them, what stays unopened.

`sources` is the one door. A layout is recognised by the names in a folder or archive, wherever its root lies, and
several may lie side by side; what has none (COROS, Wahoo, a heap of files) is sorted by content alone. A
layout may add what the files do not say (title, sport, gear), give activities of which there are only totals, and
above all say what must not be opened. `advice` is the sentence for those who find nothing.
Instead of: an import command for each service, or folders that the user has to unpack and tidy.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kneeledger.exports import apple, garmin, polar, runkeeper, strava, suunto, zwift
from kneeledger.model import Source
from kneeledger.sources import (
    FAILURES,
    ByHand,
    Entry,
    Found,
    Guide,
    Known,
    Limits,
    Listing,
    Skipped,
    Verdict,
    walk,
)

__all__ = ["LAYOUTS", "ByHand", "Skipped", "Source", "advice", "sources"]

LAYOUTS = (garmin, strava, apple, polar, runkeeper, suunto, zwift)
"""Modules with ``guides(listing)``, and ``MARKS``: without one of these in a name, in lower case, it finds none."""
DEFAULT_LIMITS = Limits()


def sources(
    paths: Iterable[Path | str], *, known: Known | None = None, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Found]:
    """Every recording below the paths, what is no recording, and activities of which only totals exist.

    Parameters
    ----------
    paths
        Folders, files and unopened archives.
    known
        Whether a file is remembered as unchanged; `kneeledger.sources.finding` says how it is asked.
    limits
        Bounds on archives.
    """
    return walk(paths, limits=limits, known=known, recognise=_recognise)


def _recognise(listing: Listing, above: Guide | None) -> Guide | None:
    told = "\n".join([f"{listing.path}/", *listing.entries]).lower()
    possible = (layout for layout in LAYOUTS if any(mark in told for mark in layout.MARKS))
    found = [pair for layout in possible for pair in layout.guides(listing)]
    if found:
        guides = dict(reversed(found))
        return _Several(guides, frozenset(map(len, guides)))
    return _Inside(above, listing.holder) if above else None


@dataclass(frozen=True, slots=True)
class _Several:
    """Guides by the folder they speak for (with its slash); the deepest around a name speaks for it."""

    guides: Mapping[str, Guide]
    lengths: frozenset[int]
    """Of the folders' names: only parents of such a length are looked up, however many a name has."""

    def _of(self, name: str) -> Guide | None:
        end = len(name)
        while True:
            end = name.rfind("/", 0, end) + 1
            if end in self.lengths and (guide := self.guides.get(name[:end])):
                return guide
            if not end:
                return None
            end -= 1

    def verdict(self, name: str) -> Verdict | None:
        guide = self._of(name)
        return guide.verdict(name) if guide else None

    def own(self, entry: Entry) -> Iterator[Found]:
        guide = self._of(entry.name)
        if guide:
            yield from guide.own(entry)

    def context(self, name: str) -> Mapping[str, str]:
        guide = self._of(name)
        return guide.context(name) if guide else {}


@dataclass(frozen=True, slots=True)
class _Inside:
    """An archive inside an export: its files are of that export, and nothing else is known of them."""

    above: Guide
    holder: str

    def verdict(self, name: str) -> Verdict | None:
        return None

    def own(self, entry: Entry) -> Iterator[Found]:
        yield from ()

    def context(self, name: str) -> Mapping[str, str]:
        layout = self.above.context(self.holder).get("layout")
        return {"layout": layout} if layout else {}


WHAT_TO_EXPORT = (
    ("Garmin", ("Only Garmin's health data was found. The recordings are in DI_CONNECT/DI-Connect-Uploaded-Files of the"
     " account export, or in GARMIN/Activity of the watch.")),
    ("FIT ", ("The FIT files found hold no activities. The recordings are in GARMIN/Activity of the watch, or in the"
     " account export of the service.")),
    ("planned", ("Only planned routes were found: `forecast` tells what one would ask of the knees. Export recordings with"
     " times for a ledger.")),
    ("Suunto", "Suunto's own samples are not read: in the Suunto app export each activity as FIT."),
    ("Strava", ("Strava's tables were found, but no recordings: ask Strava for the whole archive (Settings, My Account,"
     " Download or Delete Your Account), which has a folder `activities`.")),
    ("Apple", ("Apple Health has no routes of workouts in this export: record with position, or export the workouts as FIT"
     " or GPX from the app that recorded them.")),
    ("Polar", "Polar's daily files were found, but no training sessions: ask Polar for all data of the account."),
    ("KML", "KML files have no times: export the activities as FIT, TCX or GPX."),
    ("archives", "An archive of a kind that is not read was found: unpack it and give the folder."),
    ("JSON", "The JSON files found are of no kind that is read: export the activities as FIT, TCX or GPX."),
)  # fmt: skip
EMPTY = (
    "Nothing was found there. A newer watch (from about 2023) shows its folder through MTP, which looks empty to"
    " programs: copy GARMIN/Activity to this computer first, then give that copy."
)


def advice(skipped: Iterable[Skipped], unread: Sequence[str] = ()) -> str:
    """Where nothing readable was found: what was seen, and what to export instead.

    `unread` are the files on disk that a reader was given and found no activity in.
    """
    seen: Counter[str] = Counter()
    failed: list[Skipped] = []
    for one in skipped:
        if one.code in ("archive", "unchanged"):
            continue
        if one.code in FAILURES:
            failed.append(one)
        else:
            seen[one.kind] += one.count
    if not seen and not failed and not unread:
        return EMPTY
    parts = []
    if seen:
        listed = ", ".join(f"{count:,} {kind}" for kind, count in seen.most_common(5))
        parts.append(f"No activity was found. Seen: {listed}.")
    if failed:
        parts.append(f"{len(failed):,} could not be read, the first: {failed[0].path} {failed[0].reason}.")
    if unread:
        found = (
            "1 file was found and gave" if len(unread) == 1 else f"{len(unread):,} files were found and gave"
        )
        parts.append(f"{found} no activity; `kneeledger doctor {unread[0]}` says why.")
    kinds = [kind for kind, _ in seen.most_common()]
    hint = next((text for mark, text in WHAT_TO_EXPORT if any(mark in kind for kind in kinds)), "")
    if not hint and seen:
        hint = "Give the files a watch recorded (FIT, TCX or GPX), a folder of them, or the unopened account export."
    return " ".join([*parts, hint]).strip()
