"""The small tables of an activity: plain columns, framed only when somebody asks.

A scan writes a handful of short tables of each activity as JSON. Making a polars column and taking it apart
again costs more than its dozen values, so analyzers give plain columns, rows take them as lists, and a page,
a notebook or a test that asks for a table gets a frame.
Instead of: a frame for every table of every activity.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import schema

__all__ = ["Columns", "Tables"]

Kinds = Mapping[str, pl.DataType | type[pl.DataType]]


@dataclass(frozen=True, slots=True)
class Columns:
    """A table by columns of one length, in order: lists with None, or arrays with NaN, where unknown."""

    cells: Mapping[str, Sequence[Any] | npt.NDArray[Any]]
    kinds: Kinds

    @classmethod
    def empty(cls, kinds: Kinds) -> Self:
        """No rows of these columns."""
        return cls(dict.fromkeys(kinds, ()), kinds)

    def frame(self) -> pl.DataFrame:
        """As a frame of the declared types, null where unknown."""
        return schema.framed(
            [
                pl.Series(name, self.cells[name], dtype=kind, nan_to_null=kind == pl.Float64)
                for name, kind in self.kinds.items()
            ]
        )

    def lists(self) -> dict[str, list[Any]]:
        """As lists, None where unknown."""
        return {name: _list(self.cells[name]) for name in self.kinds}


def _list(cells: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    if not isinstance(cells, np.ndarray):
        return list(cells)
    plain: list[Any] = cells.tolist()
    if cells.dtype.kind == "f" and np.isnan(cells).any():
        return [None if cell != cell else cell for cell in plain]
    return plain


Held = pl.DataFrame | Columns


class Tables(Mapping[str, pl.DataFrame]):
    """Tables by name; one given as a function is made when it is first asked for, and kept.

    A scan stores some of the tables and throws the rest away; those only a page draws cost it nothing.
    """

    def __init__(self, *parts: Mapping[str, Held | Callable[[], Held]]) -> None:
        self._held: dict[str, Held | Callable[[], Held]] = {}
        for part in parts:
            self._held |= part._held if isinstance(part, Tables) else part

    def __contains__(self, name: object) -> bool:
        return name in self._held

    def __getitem__(self, name: str) -> pl.DataFrame:
        held = self._made(name)
        if isinstance(held, Columns):
            held = self._held[name] = held.frame()
        return held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def lists(self, name: str) -> dict[str, list[Any]]:
        """A table as plain columns, without a frame where there is none yet; None where unknown."""
        held = self._made(name)
        return held.to_dict(as_series=False) if isinstance(held, pl.DataFrame) else held.lists()

    def _made(self, name: str) -> Held:
        held = self._held[name]
        if callable(held):
            held = self._held[name] = held()
        return held
