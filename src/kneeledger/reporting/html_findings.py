"""Findings as a page tells them: which lead, the sentence that heads a card, how sure and from where.

A finding that sends to a professional comes before everything and alone; then by severity. What only says that
days or altitudes are unknown belongs to data quality and leads only where nothing else is told.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kneeledger import references, severity
from kneeledger.model import Finding
from kneeledger.reporting import words
from kneeledger.reporting.html_tables import Cell, Column, Table, table

__all__ = ["card", "lead", "rest", "sources"]

LEADING = 3
OF = {
    "distance_m": "the longest of the 30 days before",
    "descent_m": "the most descent of the 30 days before",
    "knee_load_bw_s": "the most knee load of the 30 days before",
    "week_knee_load_bw_s": "the mean week of the 28 days before",
    "matched_cadence_spm": "the steps a minute before, at the same pace and grade",
}
HALVED = "of the 90 days before (half is"
"""What the text of a finding says whose 30 days before are empty."""
OF_HALF = {
    "distance_m": "half of the longest of the 90 days before",
    "descent_m": "half of the most descent of the 90 days before",
    "knee_load_bw_s": "half of the most knee load of the 90 days before",
}
NAMES = {
    "article": "article",
    "mechanics": "mechanics",
    "none": "none",
}


def _order(found: Sequence[Finding]) -> list[Finding]:
    once: dict[tuple[str, object], Finding] = {}
    for one in found:
        once.setdefault((one.cause or one.code + one.text, one.code), one)
    ranked = sorted(
        once.values(),
        key=lambda one: (
            not one.code.startswith("PN"),
            one.code.startswith("CV"),
            -severity.rank(one.severity),
        ),
    )
    causes: set[str] = set()
    shown = []
    for one in ranked:
        if one.cause and one.cause in causes:
            continue
        causes.add(one.cause)
        shown.append(one)
    return shown


def lead(found: Sequence[Finding]) -> list[Finding]:
    """At most three findings that lead the page."""
    ordered = _order(found)
    telling = [one for one in ordered if not one.code.startswith("CV")]
    return (telling or ordered)[:LEADING]


def rest(found: Sequence[Finding]) -> list[Finding]:
    """What is told in the table below them."""
    leading = lead(found)
    return [one for one in _order(found) if one not in leading]


def card(one: Finding, units: str, pages: Mapping[str, str]) -> Mapping[str, Any]:
    """What a card shows; `pages` leads from ledger ids to pages."""
    text = words.in_units(one.text, units)
    head, rest_of = first_sentence(text)
    return {
        "code": one.code,
        "severity": one.severity.value,
        "when": words.day(one.date),
        "big": _big(one),
        "of": (OF_HALF if HALVED in one.text else OF).get(one.measure, ""),
        "head": head,
        "rest": rest_of,
        "why": words.in_units(one.why, units),
        "evidence": one.evidence.value,
        "sure": _sure(one),
        "holds": _holds(one),
        "sources": ", ".join(sources(one.sources)),
        "href": pages.get(one.activity or ""),
        "what": f"the activity of {words.day(one.date)}",
    }


def first_sentence(text: str) -> tuple[str, str]:
    """A text cut behind its first sentence; a full stop between digits or after one letter ends none."""
    at = 0
    while (at := text.find(". ", at + 1)) > 0:
        if text[at + 2].isupper() and not text[at - 2 : at].strip().isdigit() | (
            text[at - 2 : at - 1] == " "
        ):
            return text[: at + 1], text[at + 2 :]
        if text[at + 2].isdigit():
            return text[: at + 1], text[at + 2 :]
    return text, ""


def _big(one: Finding) -> str:
    """The ratio as a difference in per cent, or as times where it doubled."""
    if one.ratio is None or one.measure not in OF:
        return ""
    return f"{one.ratio:.1f} ×" if one.ratio >= 2 else words.signed(100 * (one.ratio - 1))


def _sure(one: Finding) -> str:
    if one.low is None or one.high is None or one.ratio is None:
        return ""
    if one.ratio >= 2:
        ends = f"{one.low:.1f} to {one.high:.1f} times" if f"{one.low:.1f}" != f"{one.high:.1f}" else ""
    else:
        ends = words.signed_interval(*(100 * (share - 1) for share in (one.ratio, one.low, one.high)))
    return ends and f"90 % interval {ends}."


def _holds(one: Finding) -> str:
    if not one.holds_under:
        return ""
    names = [str(model) for model in one.holds_under]
    if len(names) == 3:
        return "It holds under all three downhill models."
    return f"It holds under the downhill model{'s' if len(names) > 1 else ''} {' and '.join(names)} only (contested)."


UNTIL_YEAR = re.compile(r"[^:\"]{3,90}?\b(?:19|20)\d\d\b(?!;)")


def sources(keys: Sequence[str]) -> list[str]:
    """Author and year, or the quoted title, of each source."""
    known = references.load()
    return [_named(known[key].text) if key in known else key for key in keys]


def _named(text: str) -> str:
    if text.startswith('"') and text.count('"') > 1:
        return text[: text.index('"', 1) + 1]
    until_year = UNTIL_YEAR.match(text)
    return until_year[0] if until_year else text.split(",", maxsplit=1)[0].split(":", maxsplit=1)[0]


def told(found: Sequence[Finding], units: str, pages: Mapping[str, str]) -> Table:
    """The rest of the findings as a table."""
    return table(
        "findings",
        "What else stands out",
        (
            Column("Day", number=False),
            Column("How far", number=False),
            Column("What", number=False),
            Column("How sure", number=False),
        ),
        (
            (
                Cell(words.day(one.date), one.date.isoformat(), pages.get(one.activity or "")),
                one.severity.value,
                words.in_units(f"{one.text} {one.why}".strip(), units),
                Cell(_sure(one), evidence=one.evidence.value),
            )
            for one in found
        ),
    )
