"""What a chart is: a figure with a name and a text that says the same in words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Bar", "Chart"]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn figure, ready for `to_svg` and `to_png`."""

    name: str
    """Short and stable: the file name of a PNG, the beginning of ids."""
    figure: "Figure"
    alt: str
    """Text alternative with the key numbers; its first sentence is the title."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One measure of an activity against the most of the 30 days before it."""

    measure: str
    """``distance_m``, ``descent_m`` or ``knee_load_bw_s``."""
    value: float | None
    reference: float | None
    """Largest single one of the 30 days before."""
    ratio: float | None
    low: float | None
    high: float | None
    """90 % interval of the ratio; for knee load only."""
    severity: str | None
    """None, ``note``, ``raised`` or ``high``."""
    tested: bool
    """True where a study tested the bands: running distance."""
    halved: bool = False
    """True where the 30 days before hold none and the reference is half of the largest of 90 days."""
