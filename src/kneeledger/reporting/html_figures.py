"""A chart as it stands in a page: wide, narrow for phones, and as a PNG where asked for.

Both renderings are in the page and a media query shows one, since text in a picture that is scaled down to a
phone cannot be read. `Pen` knows where the PNG files go and gives every figure of a page its own prefix of ids.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from markupsafe import Markup

from kneeledger.reporting import writing

if TYPE_CHECKING:
    from kneeledger.charts import Chart

__all__ = ["Draws", "Figure", "Pen", "Plates"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One drawn figure of a page."""

    name: str
    alt: str
    wide: Markup
    narrow: Markup
    caption: str
    route: bool
    """True where it runs along the route, so that hovering reads it."""
    chart: "Chart | None" = None
    """The chart itself, for what lays out pages of paper."""


class Draws(Protocol):
    """What a page's content is told to draw its charts with: for a screen or for paper."""

    @property
    def prefix(self) -> str:
        """What goes before every id of the page."""
        ...

    def draw(
        self, name: str, make: Callable[[bool], "Chart"], *, caption: str = "", route: bool = False
    ) -> Figure:
        """Draw a chart; `make` is called with `narrow`."""
        ...


@dataclass(frozen=True, slots=True)
class Plates:
    """Keeps the charts as they are, for pages of paper."""

    prefix: str = ""

    def draw(
        self, name: str, make: Callable[[bool], "Chart"], *, caption: str = "", route: bool = False
    ) -> Figure:
        """The wide chart, undrawn."""
        wide = make(False)
        return Figure(name, wide.alt, Markup(), Markup(), caption, route, wide)


@dataclass(slots=True)
class Pen:
    """Draws the charts of one page."""

    prefix: str
    pictures: Path | None = None
    """Folder of the PNG files, or None."""
    stem: str = ""
    """Beginning of their names."""
    made: list[Path] = field(default_factory=list)

    def draw(
        self, name: str, make: Callable[[bool], "Chart"], *, caption: str = "", route: bool = False
    ) -> Figure:
        """Draw a chart in both widths; `make` is called with `narrow`."""
        from kneeledger import charts

        wide = make(False)
        figure = Figure(
            name,
            wide.alt,
            Markup(charts.to_svg(wide, prefix=f"{self.prefix}{name}-w")),  # noqa: S704 - drawn here
            Markup(charts.to_svg(make(True), prefix=f"{self.prefix}{name}-n")),  # noqa: S704 - drawn here
            caption,
            route,
        )
        if self.pictures is not None:
            path = self.pictures / f"{self.stem}{name}.png"
            drawn = io.BytesIO()
            charts.to_png(wide, drawn, scale=2)
            self.made.append(writing.data(path, drawn.getvalue()))
        return figure
