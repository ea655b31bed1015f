"""The literature: one entry a source in ``data/references.toml``, cited by key everywhere else.

Each constant, metric, finding and page names keys, so a doubtful number can be followed to where it comes
from, and one source is worded once. `basis` says how far the entry carries: ``read`` (abstract or text was
read), ``derived`` (computed by this project from open data or printed equations), ``recalled`` (remembered,
so nothing of it is stated as fact), ``assumed`` (our choice). Users see the evidence words of `model`
instead.
Instead of: citations in prose, which no test can check.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

__all__ = ["BASES", "Reference", "cite", "load"]

BASES = ("read", "derived", "recalled", "assumed")


@dataclass(frozen=True, slots=True)
class Reference:
    """One source."""

    key: str
    text: str
    """Authors, year, where, and what it found as far as this project uses it."""
    doi: str | None
    basis: str
    """One of `BASES`."""


@cache
def load() -> Mapping[str, Reference]:
    """Every source by key, in order of keys."""
    text = resources.files("kneeledger.data").joinpath("references.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)
    return MappingProxyType(
        {
            key: Reference(key, entry["text"], entry.get("doi"), entry["basis"])
            for key, entry in entries.items()
        }
    )


def cite(key: str) -> str:
    """A source in one line, with its DOI where known, and a word where it was not read.

    Raises
    ------
    KeyError
        No such key: our bug, found by the tests.
    """
    one = load()[key]
    text = one.text if one.doi is None else f"{one.text} doi:{one.doi}"
    return f"{text} (Not read by this project.)" if one.basis == "recalled" else text
