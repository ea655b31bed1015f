"""What an analyzer promises: its metrics' cards, its result, and its line in the registry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kneeledger.model import Evidence, Issue, Track, Value
from kneeledger.tables import Tables

__all__ = ["Analyzer", "Metric", "Result"]


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
    interval: bool = False
    """Whether the number carries a 90 % interval."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an analyzer says of one track. Exactly the declared keys; null where unknown."""

    metrics: Mapping[str, Value]
    tables: Tables = field(default_factory=Tables)
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
