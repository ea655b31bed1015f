"""What `explain` says: topics from ``data/explain.toml``, and every metric from its card."""

import textwrap
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from kneeledger import analyzers, references
from kneeledger.errors import ConfigError

__all__ = ["as_text", "explain", "topics"]


@cache
def written() -> Mapping[str, Any]:
    text = resources.files("kneeledger.data").joinpath("explain.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def topics() -> list[dict[str, str]]:
    """Name and title of everything that can be explained: topics first, then metrics."""
    told = [{"name": name, "title": topic["title"]} for name, topic in written().items()]
    metrics = [
        {"name": name, "title": f"{card.label} [{card.unit}]"} for name, card in analyzers.cards().items()
    ]
    return told + metrics


def explain(topic: str) -> dict[str, Any]:
    """One topic or metric with its references in full.

    Raises
    ------
    ConfigError
        There is no such topic; names the nearest.
    """
    name = topic.strip().replace(" ", "-")
    if name in written():
        found = {"name": name, **written()[name]}
    elif topic.replace("-", "_") in analyzers.cards():
        card = analyzers.cards()[topic.replace("-", "_")]
        found = {
            "name": card.name,
            "title": card.label,
            "text": card.meaning,
            "formula": card.formula,
            "unit": card.unit,
            "evidence": card.evidence.value,
            "sources": list(card.sources),
        }
    else:
        known = [one["name"] for one in topics()]
        near = get_close_matches(name, known, 3)
        hint = f"Did you mean {', '.join(near)}?" if near else "`kneeledger explain` lists the topics."
        raise ConfigError(f"There is no topic {topic!r}.", hint=hint)
    if name == "validation":
        from kneeledger.knee import validation

        found["table"] = validation.table().to_dicts()
    found["references"] = {key: references.cite(key) for key in found.get("sources", [])}
    return found


def as_text(found: Mapping[str, Any], width: int = 92) -> str:
    """A topic as a page of plain text."""
    title = str(found["title"])
    parts = [title, "=" * len(title), "", _wrapped(str(found.get("text", "")), width)]
    for label, key in (
        ("Formula", "formula"),
        ("Unit", "unit"),
        ("Evidence", "evidence"),
        ("Limits", "limits"),
    ):
        value = found.get(key)
        if value:
            parts += ["", f"{label}:", textwrap.indent(_wrapped(str(value), width - 2), "  ")]
    for row in found.get("table", []):
        told = (
            f"{row['condition']}: published {row['published']}, model {row['model']}"
            f" {row.get('unit') or ''} {'' if row['agrees'] else '(disagrees)'}"
        )
        parts.append(
            textwrap.fill(" ".join(told.split()), width, initial_indent="  ", subsequent_indent="    ")
        )
    if found.get("references"):
        parts += ["", "Sources:"]
        parts += [
            textwrap.fill(f"[{key}] {text}", width, initial_indent="  ", subsequent_indent="    ")
            for key, text in found["references"].items()
        ]
    return "\n".join(parts)


def _wrapped(text: str, width: int) -> str:
    blocks = text.strip().split("\n\n")
    return "\n\n".join(
        block
        if block.startswith((" ", "-", "|")) or "\n-" in block
        else textwrap.fill(" ".join(block.split()), width)
        for block in blocks
    )
