"""Finding the files: what the user gives, opened in place, sorted by content, bounded.

`limits` bounds what an export may ask of the machine, `kinds` tells files by their first bytes, `names` makes
names fit to be shown, `zips` reads archives, `finding` walks. The walk knows no vendor; what a layout says of
its own files comes from `exports`.
"""

from kneeledger.sources.finding import (
    FAILURES,
    ByHand,
    Entry,
    Found,
    Guide,
    Known,
    Listing,
    Skipped,
    Verdict,
    find,
    walk,
)
from kneeledger.sources.kinds import file_kind, fit_file_type, fit_kind
from kneeledger.sources.limits import Limits, Refused

__all__ = [
    "FAILURES",
    "ByHand",
    "Entry",
    "Found",
    "Guide",
    "Known",
    "Limits",
    "Listing",
    "Refused",
    "Skipped",
    "Verdict",
    "file_kind",
    "find",
    "fit_file_type",
    "fit_kind",
    "walk",
]
