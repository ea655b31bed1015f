"""What the method page shows: every number's card, the parameters in force, the literature, the model's test."""

from collections.abc import Mapping
from typing import Any

from kneeledger.reporting import words
from kneeledger.reporting.content import MethodPage, Report
from kneeledger.reporting.html_tables import Cell, Column, Table, table

__all__ = ["shown"]


def shown(report: Report, limits: tuple[str, ...]) -> Mapping[str, Any]:
    """Everything the template of the method page needs."""
    method = report.method
    return {
        "title": "Method and limits, kneeledger",
        "as_of": words.day(report.as_of),
        "topics": [_topic(one) for one in method.topics],
        "cards": _cards(method),
        "parameters": _parameters(method),
        "references": [{"key": key, "text": text, "doi": doi} for key, text, doi in method.references],
        "validation": _validation(method),
        "limits": limits,
        "versions": ", ".join(f"{name} {number}" for name, number in sorted(report.versions.items())),
    }


def _topic(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "name": str(one["name"]),
        "title": str(one.get("title", one["name"])),
        "blocks": [block.strip() for block in str(one.get("text", "")).split("\n\n") if block.strip()],
        "formula": str(one.get("formula") or ""),
        "unit": str(one.get("unit") or ""),
        "evidence": str(one.get("evidence") or ""),
        "limits": str(one.get("limits") or ""),
        "sources": list(one.get("sources", [])),
    }


DAILY = {"sum": "sum", "max": "largest", "mean": "mean", "none": "not added"}


def _cards(method: MethodPage) -> Table:
    return table(
        "cards",
        "Every number, what it is and where it comes from",
        (
            Column("Number", number=False),
            Column("Unit", number=False),
            Column("Evidence", number=False),
            Column("What it is", number=False),
            Column("Formula", number=False),
            Column("Over a day", number=False),
            Column("Sources", number=False),
        ),
        (
            (
                str(card["label"]),
                str(card["unit"]),
                Cell("", evidence=str(card["evidence"])),
                str(card["meaning"]),
                str(card["formula"]),
                DAILY.get(str(card["daily"]), str(card["daily"])),
                ", ".join(card["sources"]),
            )
            for card in method.cards
        ),
    )


def _parameters(method: MethodPage) -> Table:
    return table(
        "parameters",
        "Parameters in force",
        (
            Column("Setting", number=False),
            Column("Value"),
            Column("From", number=False),
            Column("Meaning", number=False),
        ),
        (
            (key, Cell(_written(value), outside=True), Cell(where, outside=True), meaning)
            for key, value, where, meaning in method.parameters
        ),
    )


def _written(value: Any) -> str:
    if value is None or value == "":
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _validation(method: MethodPage) -> Table | None:
    frame = method.validation
    if frame.is_empty():
        return None
    return table(
        "validation",
        "The model against published measurements it can be held to",
        (
            Column("Condition", number=False),
            Column("Published"),
            Column("Model"),
            Column("Unit", number=False),
            Column("Agrees", number=False),
            Column("Source", number=False),
        ),
        (
            (
                row["condition"],
                str(row["published"]),
                str(row["model"]),
                row.get("unit") or "",
                "yes" if row["agrees"] else "no",
                row.get("source") or "",
            )
            for row in frame.to_dicts()
        ),
    )
