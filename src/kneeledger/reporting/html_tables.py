"""Tables of a page as records, so that templates only lay them out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Cell", "Column", "Table", "table"]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading."""

    label: str
    number: bool = True
    """Right-aligned, tabular figures."""
    evidence: str = ""
    """Evidence word of the numbers below it, or empty."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    text: str
    sort: float | str | None = None
    """What it is sorted by where the text would sort wrongly."""
    href: str | None = None
    evidence: str = ""
    outside: bool = False
    """True for text that came out of a file."""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; the first column heads its row."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = False


def table(
    name: str,
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell | str]],
    *,
    sortable: bool = False,
) -> Table:
    """A table whose plain strings become cells."""
    made = tuple(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Table(name, caption, tuple(columns), made, sortable)
