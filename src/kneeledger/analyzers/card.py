"""What an analyzer promises: its metrics' cards, its result, and its line in the registry."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from kneeledger.model import Evidence, Issue, Track, Value

__all__ = ["Analyzer", "Metric", "Result", "Tables"]


@dataclass(frozen=True, slots=True)
class Metric:
    """The card of one number: everything `explain`, the report and the README say about it."""

    name: str
    """``what_statistic_unit``, as stored and exported."""
    unit: str
    label: str
    """For a person, without the unit."""
    daily: Literal["sum", "max", "mean", "none"]
    """How it adds over the activities of a local day."""
    digits: int
    evidence: Evidence
    sources: tuple[str, ...]
    """Keys of `references.toml`."""
    meaning: str
    """One or two sentences: what it is, and what it is not."""
    formula: str = ""


class Tables(Mapping[str, pl.DataFrame]):
    """Tables by name; one given as a function is made when it is first asked for, and kept.

    A scan stores some of the tables and throws the rest away; those only a page draws cost it nothing.
    """

    def __init__(self, *parts: Mapping[str, pl.DataFrame | Callable[[], pl.DataFrame]]) -> None:
        self._held: dict[str, pl.DataFrame | Callable[[], pl.DataFrame]] = {}
        for part in parts:
            self._held |= part._held if isinstance(part, Tables) else part

    def __getitem__(self, name: str) -> pl.DataFrame:
        held = self._held[name]
        if not isinstance(held, pl.DataFrame):
            held = self._held[name] = held()
        return held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


@dataclass(frozen=True, slots=True)
class Result:
    """What an analyzer says of one track. Exactly the declared keys; null where unknown."""

    metrics: Mapping[str, Value]
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    sums: Mapping[str, float] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Analyzer:
    """One line of ``analyzers.ANALYZERS``."""

    name: str
    version: int
    """Raised whenever a number it gives can change; with a line in the changelog."""
    params: Any
    """A frozen dataclass instance with the defaults; its fields are configuration keys."""
    compute: Callable[[Track, Any], Result]
    metrics: tuple[Metric, ...]
    tables: tuple[str, ...] = ()
