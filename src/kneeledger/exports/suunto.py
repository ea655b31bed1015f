"""Suunto: FIT files are read; the samples of older apps are not, and it is said what to export instead.

``.json.gz`` (SuuntoLink, account archive) and ``.sml`` hold samples in forms of which no public description and no
example could be checked; a wrong guess at a unit would end up as load on a knee.
Instead of: reading them by guess, or passing over them in silence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kneeledger.exports.layout import folder_of
from kneeledger.sources import Entry, Found, Listing, Verdict

__all__ = ["KIND", "guides"]

KIND = "Suunto samples (JSON or SML)"
REASON = "Suunto's own samples are not read: export the activity as FIT from the Suunto app"
SUFFIXES = (".json.gz", ".sml", ".sml.gz")


MARKS = SUFFIXES


def guides(listing: Listing) -> Iterator[tuple[str, "Suunto"]]:
    """A guide for each folder with such samples."""
    for root in {folder_of(name): None for name in listing.entries if name.lower().endswith(SUFFIXES)}:
        yield root, Suunto()


@dataclass(frozen=True, slots=True)
class Suunto:
    """One folder."""

    def verdict(self, name: str) -> Verdict | None:
        """Samples are told, all else is decided by content."""
        return (
            Verdict(code="not_activity", kind=KIND, reason=REASON)
            if name.lower().endswith(SUFFIXES)
            else None
        )

    def own(self, entry: Entry) -> Iterator[Found]:
        """Nothing is read by the layout itself."""
        yield from ()

    def context(self, name: str) -> Mapping[str, str]:
        """The layout."""
        return {"layout": "suunto"}
