"""A figure measured in CSS pixels from its upper left corner, and the few habits every chart shares.

Every chart is laid out by hand in pixels: it is what a designer does, it is the same on every machine, and a
layout engine would cost more than all drawing (it draws twice). Text is never parsed as mathematics and never
bigger than the place left for it, since the page's own font is a little narrower than the one measured here.
Instead of: tight or constrained layout, and pyplot's state.
"""

import functools
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import polars as pl

from kneeledger.charts import units as u
from kneeledger.charts.chart import Chart
from kneeledger.charts.palette import LIGHT
from kneeledger.model import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "SMALL",
    "Key",
    "Sheet",
    "axis_name",
    "axis_steps",
    "boxes",
    "column",
    "drawn",
    "known",
    "measured",
    "note",
    "pixel",
    "polygons",
    "spread",
    "style",
    "ticks_x",
    "ticks_y",
]

P = ParamSpec("P")
R = TypeVar("R")

WIDE, NARROW = 720.0, 360.0
SMALL, TITLE = 11.0, 15.0
LINE = 1.35
"""Line height in ems."""
CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")
"""What no SVG and no font can hold."""
LONGEST = 160
"""Letters of a line that comes from outside; what is longer is cut with an ellipsis."""


@functools.cache
def style() -> Any:
    """The settings of ``kneeledger.mplstyle``, read once."""
    import matplotlib as mpl

    with resources.as_file(resources.files("kneeledger.charts") / "kneeledger.mplstyle") as path:
        return dict(mpl.rc_params_from_file(path, use_default_template=False))


def drawn(function: Callable[P, R]) -> Callable[P, R]:
    """Run under the style, whatever the caller's settings are; a letter the font lacks is no news."""

    @functools.wraps(function)
    def under_style(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib as mpl

        with mpl.rc_context(style()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            return function(*args, **kwargs)

    return under_style


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: colour name, words, and how the swatch looks."""

    colour: str
    words: str
    kind: str = "box"
    """``box``, ``line``, ``dash``, ``dot`` or ``hatch``."""


@dataclass(slots=True)
class Sheet:
    """A figure of a width and height in pixels; places count from its upper left corner."""

    height: float
    narrow: bool = False
    figure: "Figure" = field(init=False)

    def __post_init__(self) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(self.width / 72, self.height / 72), dpi=72)

    @property
    def width(self) -> float:
        """Pixels."""
        return NARROW if self.narrow else WIDE

    def axes(self, left: float, top: float, width: float, height: float) -> "Axes":
        """Axes with that box, without margins."""
        return self.figure.add_axes(
            (
                left / self.width,
                1 - (top + height) / self.height,
                width / self.width,
                height / self.height,
            )
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = SMALL,
        colour: str = "ink",
        bold: bool = False,
        ha: str = "left",
        va: str = "top",
    ) -> None:
        """One line at a place."""
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            plain(words),
            fontsize=size,
            color=LIGHT[colour],
            fontweight="bold" if bold else "normal",
            ha=ha,
            va=va,
            parse_math=False,
        )

    def paragraph(self, x: float, y: float, words: str, *, width: float, **how: Any) -> float:
        """Several lines, broken to fit a width; the place below them."""
        size = how.get("size", SMALL)
        for line in wrapped(words, width, size, bold=how.get("bold", False)):
            self.text(x, y, line, **how)
            y += size * LINE
        return y

    def heading(self, title: str, told: str = "") -> float:
        """Title and one muted sentence; the place below them."""
        y = self.paragraph(0, 2, title, width=self.width, size=TITLE, bold=True) + 1
        if told:
            y = self.paragraph(0, y, told, width=self.width, colour="muted")
        return y + 6

    def keys(self, x: float, y: float, keys: Sequence[Key], *, width: float | None = None) -> float:
        """A legend in a row, or rows where it does not fit; the place below it."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Rectangle

        limit = x + (width or self.width - x)
        at = x
        for key in keys:
            needed = 18 + measured(plain(key.words), SMALL)
            if at > x and at + needed > limit:
                at, y = x, y + 17
            middle = 1 - (y + 7) / self.height
            colour = LIGHT[key.colour]
            if key.kind in ("line", "dash"):
                self.figure.add_artist(
                    Line2D(
                        [(at + 1) / self.width, (at + 12) / self.width],
                        [middle, middle],
                        color=colour,
                        linewidth=2,
                        linestyle="-" if key.kind == "line" else (0, (3, 2)),
                    )
                )
            elif key.kind == "dot":
                self.figure.add_artist(
                    Line2D(
                        [(at + 6) / self.width],
                        [middle],
                        marker="o",
                        markersize=7,
                        color=colour,
                        linestyle="none",
                        markeredgewidth=0,
                    )
                )
            else:
                self.figure.add_artist(
                    Rectangle(
                        (at / self.width, 1 - (y + 12.5) / self.height),
                        11 / self.width,
                        11 / self.height,
                        facecolor=LIGHT["paper" if key.kind == "hatch" else key.colour],
                        edgecolor=LIGHT["edge"] if key.kind == "hatch" else "none",
                        linewidth=1 if key.kind == "hatch" else 0,
                        hatch="////" if key.kind == "hatch" else None,
                    )
                )
            self.text(at + 17, y, key.words, colour="muted")
            at += needed + 16
        return y + 22

    def nothing(self, words: str, *, y: float) -> None:
        """What is said in the place of a picture that cannot be drawn."""
        self.paragraph(0, y + 8, words, width=self.width, colour="muted", size=12)

    def chart(self, name: str, alt: str) -> Chart:
        """The finished chart."""
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:60]
        return Chart(safe, self.figure, CONTROL.sub("", " ".join(alt.split())))


def plain(words: str) -> str:
    """One line as it can be shown: no control characters, cut where it is too long."""
    words = CONTROL.sub("", words)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


@functools.cache
def _font(bold: bool) -> Any:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    font = FT2Font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(100, 72)
    return font


@functools.cache
def _advance(letter: str, bold: bool) -> float:
    """Width of a letter of the font drawn with [ems]."""
    return float(_font(bold).load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


def measured(words: str, size: float, *, bold: bool = False) -> float:
    """Width of a line in the font drawn with [px]; a page's own font is seldom wider."""
    return size * sum(_advance(letter, bold) for letter in words)


def wrapped(words: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Lines that fit a width."""
    lines: list[str] = []
    for word in plain(words).split(" "):
        if lines and measured(f"{lines[-1]} {word}", size, bold=bold) <= 0.97 * width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def ticks_x(ax: "Axes", places: Sequence[float], words: Sequence[str], *, edges: bool = False) -> None:
    """Marks below; with `edges`, a word at the right end stays within the axes."""
    ax.set_xticks(list(places), list(words))
    if edges and places:
        labels = ax.get_xticklabels()
        low, high = ax.get_xlim()
        for place, label in zip(places, labels, strict=True):
            if abs(place - high) < 0.01 * abs(high - low):
                label.set_horizontalalignment("right")


def ticks_y(ax: "Axes", places: Sequence[float], words: Sequence[str], *, grid: bool = True) -> None:
    """Marks at the left, with quiet lines."""
    ax.set_yticks(list(places), list(words))
    if grid:
        ax.grid(axis="y")


def axis_name(ax: "Axes", words: str) -> None:
    """What the y axis says, above it at the left, where it can be read without turning the head."""
    ax.annotate(
        words,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 7),
        textcoords="offset points",
        color=LIGHT["muted"],
        fontsize=SMALL,
        ha="left",
        va="bottom",
        parse_math=False,
        annotation_clip=False,
    )


def note(
    ax: "Axes",
    place: tuple[float, float],
    words: str,
    *,
    shift: tuple[float, float] = (0, 0),
    ha: str = "left",
    va: str = "center",
    colour: str = "ink",
    bold: bool = False,
    size: float = SMALL,
    box: bool = False,
    coords: Any = "data",
) -> None:
    """Words at a place of the data, moved by pixels; `box` puts paper behind them."""
    ax.annotate(
        plain(words),
        place,
        xycoords=coords,
        xytext=shift,
        textcoords="offset points",
        ha=ha,
        va=va,
        color=LIGHT[colour],
        fontsize=size,
        fontweight="bold" if bold else "normal",
        parse_math=False,
        annotation_clip=False,
        bbox={"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 1.5} if box else None,
        zorder=6,
    )


def polygons(ax: "Axes", shapes: Sequence[FloatArray], colour: str, **how: Any) -> None:
    """Many shapes of one colour as one path: one element in the SVG, and drawn in one go."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not len(shapes):
        return
    points = np.concatenate([np.vstack([shape, shape[:1]]) for shape in shapes])
    codes = np.full(len(points), Path.LINETO, dtype=np.uint8)
    last = np.cumsum([len(shape) + 1 for shape in shapes]) - 1
    codes[np.append(0, last[:-1] + 1)] = Path.MOVETO
    codes[last] = Path.CLOSEPOLY
    how.setdefault("linewidth", 0)
    patch = PathPatch(
        Path(points, codes), facecolor=LIGHT[colour], **{"edgecolor": "none", "zorder": 1.0} | how
    )
    ax.add_artist(patch)


def spread(middles: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Places for words in a row, as near to where they belong as they fit without touching; sorted middles."""
    places = list(middles)
    for index, size in enumerate(sizes):
        least = low + size / 2 if index == 0 else places[index - 1] + (sizes[index - 1] + size) / 2
        places[index] = max(places[index], least)
    for index in reversed(range(len(places))):
        last = index == len(places) - 1
        most = high - sizes[index] / 2 if last else places[index + 1] - (sizes[index + 1] + sizes[index]) / 2
        places[index] = min(places[index], most)
    return places


def boxes(left: FloatArray, right: FloatArray, low: FloatArray, high: FloatArray) -> list[FloatArray]:
    """Rectangles as polygons."""
    corners = np.stack(
        [
            np.stack([left, low], -1),
            np.stack([left, high], -1),
            np.stack([right, high], -1),
            np.stack([right, low], -1),
        ],
        axis=1,
    )
    return list(corners)


def column(frame: pl.DataFrame, name: str) -> FloatArray:
    """A column as floats; NaN where null, and everywhere where there is no such column."""
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    return frame[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy().astype(np.float64)


def known(values: FloatArray) -> bool:
    """Whether there is any number in it."""
    return bool(np.isfinite(values).any())


def pixel(ax: "Axes", sheet: Sheet) -> tuple[float, float]:
    """What a pixel is worth on each axis, in data units."""
    box, (left, right), (low, high) = ax.get_position(), ax.get_xlim(), ax.get_ylim()
    return abs(right - left) / (box.width * sheet.width), abs(high - low) / (box.height * sheet.height)


def axis_steps(low: float, high: float, count: int) -> list[float]:
    """Round steps; see `units.steps`."""
    return u.steps(low, high, count)
