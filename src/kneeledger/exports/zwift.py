"""Zwift: a folder of FIT files, one of which is a working copy.

``inProgressActivity.fit`` repeats the last ride or is cut. It is read all the same, since it is all that is left
when Zwift crashed, and flagged, so that of two copies the finished one is kept.
Instead of: passing over it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kneeledger.exports.layout import folder_of
from kneeledger.sources import Entry, Found, Listing, Verdict

__all__ = ["guides"]

WORKING_COPY = "inprogressactivity.fit"


MARKS = (WORKING_COPY,)


def guides(listing: Listing) -> Iterator[tuple[str, "Zwift"]]:
    """A guide for each folder with Zwift's working copy."""
    for name in listing.entries:
        if name.rpartition("/")[2].lower() == WORKING_COPY:
            yield folder_of(name), Zwift()


@dataclass(frozen=True, slots=True)
class Zwift:
    """One folder of activities."""

    def verdict(self, name: str) -> Verdict | None:
        """The content decides."""
        return None

    def own(self, entry: Entry) -> Iterator[Found]:
        """Nothing is read by the layout itself."""
        yield from ()

    def context(self, name: str) -> Mapping[str, str]:
        """The layout, and a flag for the working copy."""
        working = name.rpartition("/")[2].lower() == WORKING_COPY
        return {"layout": "zwift"} | ({"in_progress": "1"} if working else {})
