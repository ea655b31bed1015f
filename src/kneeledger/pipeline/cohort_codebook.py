"""Every column of a cohort data set: its table, type, unit, meaning and how far it can be trusted.

A data set is read by people who never saw the code, years later, so each column says in a plain file what it is.
Units and evidence are told of the product's own columns only: what a column of somebody's spreadsheet holds is
not guessed from its name.
Instead of: a page of documentation that the data set can outlive.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from kneeledger import analyzers
from kneeledger.model import Evidence
from kneeledger.pipeline.cohort_athlete import ACTIVITY, DAY, FINDING, FOLLOW_DAYS, INPUT
from kneeledger.reporting import writing
from kneeledger.schema import Schema

__all__ = ["ATHLETE", "COUNTS", "INJURY", "TABLES", "codebook"]

TABLES: Final[Mapping[str, Schema]] = {
    "activities": ACTIVITY,
    "daily": DAY,
    "findings": FINDING,
    "files": INPUT,
}
"""Tables partitioned by athlete."""
COUNTS: Final[Mapping[str, str]] = {
    "read": "files read",
    "skipped": "files that are no recordings",
    "failed": "files that could not be read",
    "duplicates": "copies of the same activity, not counted twice",
    "activities": "activities",
    "days": "athlete-days",
    "findings": "findings over the whole history",
    "injuries": "outcomes on an athlete-day",
    "injuries_outside": (
        f"outcomes before the first file or more than {FOLLOW_DAYS} days after the newest: on no athlete-day"
    ),
}
ATHLETE: Final[Mapping[str, str]] = {
    "athlete": "pseudonym: a keyed hash of the folder's name",
    "status": (
        "read, kept (as an earlier run read it, since this one failed: perhaps of other files or under other settings),"
        " no_activity or failed"
    ),
    "code": "why there is nothing, or nothing newer, as a word",
    "first_day": "day of the first file",
    "last_day": "day of the newest activity",
    **COUNTS,
}
INJURY: Final[Mapping[str, str]] = {"athlete": ATHLETE["athlete"], "day": "day of the outcome"}

TOLD: Final = "reported"
"""Evidence of what people wrote into a table: neither recorded by a device nor checked by anything."""
UNITS: Final = (
    ("_bw_s_per_km", "BW·s/km"),
    ("_bw_s", "BW·s"),
    ("_bw", "BW"),
    ("_mps", "m/s"),
    ("_spm", "steps/min"),
    ("_rpm", "rpm"),
    ("_steps", "steps"),
    ("_days", "d"),
    ("_mm", "mm"),
    ("_m", "m"),
    ("_s", "s"),
)


def codebook(facts: pl.DataFrame, injuries: pl.DataFrame) -> str:
    """The codebook as CSV: a line a column, in the order of the tables; a heading that would be a formula is quoted.

    Parameters
    ----------
    facts, injuries
        What was kept of ``athletes.csv`` and ``injuries.csv``.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "name", "unit", "type", "evidence", "sources", "meaning"))
    for line in (*_partitioned(), *_of_all(facts, injuries)):
        writer.writerow(map(writing.cell, line))
    return out.getvalue()


Line = tuple[str, str, str, str, str, str, str]


def _partitioned() -> Iterator[Line]:
    cards = analyzers.cards()
    for table, columns in TABLES.items():
        yield table, "athlete", "", "String", "", "", ATHLETE["athlete"]
        for name, column in columns.items():
            card = (
                cards.get(name.removesuffix("_low").removesuffix("_high")) if table == "activities" else None
            )
            kind = str(column.dtype)
            if card:
                yield (
                    table, name, card.unit, kind, card.evidence.value, ";".join(card.sources), column.meaning,
                )  # fmt: skip
            else:
                yield (
                    table,
                    name,
                    _unit(name),
                    kind,
                    _evidence(name) if table == "daily" else "",
                    "",
                    column.meaning,
                )


def _of_all(facts: pl.DataFrame, injuries: pl.DataFrame) -> Iterator[Line]:
    dates = {"first_day": "Date", "last_day": "Date"}
    for name, meaning in ATHLETE.items():
        yield "athletes", name, "", dates.get(name, "Int64" if name in COUNTS else "String"), "", "", meaning
    for name in facts.columns[1:]:
        yield "athletes", name, "", str(facts[name].dtype), TOLD, "", "as told in athletes.csv"
    for name in injuries.columns:
        evidence = "" if name == "athlete" else TOLD
        meaning = INJURY.get(name, "as told in injuries.csv")
        yield "injuries", name, "", str(injuries[name].dtype), evidence, "", meaning


def _unit(name: str) -> str:
    """Unit of one of our own columns that has no card, by its name."""
    if name == "days_after_last_file":
        return "d"
    if name == "steps_downhill" or "peak_weighted_steps" in name:
        return "steps"
    return next((unit for suffix, unit in UNITS if name.endswith(suffix)), "")


def _evidence(name: str) -> str:
    """Evidence word of a daily or exposure column, by what it sums."""
    if name in ("injuries", "before_since_injury_days"):
        return TOLD
    if "known" in name:
        return Evidence.RULE.value
    if any(word in name for word in ("knee_load", "peak_weighted")):
        return Evidence.MODELLED.value
    if any(word in name for word in ("descent", "downhill")):
        return Evidence.ESTIMATED.value
    return Evidence.MEASURED.value
