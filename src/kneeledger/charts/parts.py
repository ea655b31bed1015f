"""What made the load: one stacked bar in each of the two views, and the list of its parts beneath.

A part may be negative (a quicker step rate, a climb): it stacks to the left of zero, so that the right end of the
bar minus the left piece is the whole, which is marked. The views are drawn side by side and never added. Names
stand in the list with their share, since a slice of two per cent has no room for a word.
Instead of: a pie, which cannot be negative.
"""

from collections.abc import Sequence
from typing import Final

from kneeledger.charts import units as u
from kneeledger.charts.chart import Chart
from kneeledger.charts.palette import LIGHT, PART
from kneeledger.charts.sheet import Sheet, axis_steps, drawn, ticks_x
from kneeledger.severity import easy_minutes

__all__ = ["decomposition"]

Part = tuple[str, float, float]
WORDS: Final = {
    "duration": "time, at an easy pace",
    "duration, own": "time, at your usual pace",
    "pace": "pace",
    "cadence": "step rate",
    "downhill": "going downhill",
    "uphill": "going uphill",
    "walking": "walking",
    "cycling": "cycling",
}
VIEWS: Final = (
    (1, "Knee load", "easy min"),
    (2, "Peak-weighted", "steps"),
)


@drawn
def decomposition(parts: Sequence[Part], *, narrow: bool = False, own: bool = True) -> Chart:
    """The exact parts of an activity's knee load, in both views.

    Parameters
    ----------
    parts
        (name, linear [BW·s], peak-weighted [steps per leg]); each column sums to the whole.
    own
        Whether they are against the athlete's own usual pace, not an easy one.
    """
    shown = [part for part in parts if abs(part[1]) > 1e-6 or abs(part[2]) > 1e-6]
    sheet = Sheet((256 + 26 * len(shown)) if narrow else (156 + 24 * len(shown)), narrow)
    top = sheet.heading(
        "What made it so", "Parts of this knee load; ▼ marks what they add up to in each view."
    )
    if not shown:
        sheet.nothing("No knee load, so there is nothing to take apart.", y=top)
        return sheet.chart("decomposition", "What made it so. No knee load to take apart.")
    gap = 36.0
    width = sheet.width if narrow else (sheet.width - gap) / 2
    at = top
    for index, view in enumerate(VIEWS):
        left = 0.0 if narrow else index * (width + gap)
        at = top + (76 * index if narrow else 0)
        _bar(sheet, shown, view, left, at, width)
    _list(sheet, shown, at + 78, narrow=narrow, own=own)
    return sheet.chart("decomposition", _alt(shown, own=own))


def _amount(part: Part, which: int) -> float:
    return easy_minutes(part[1]) if which == 1 else part[2]


def _bar(
    sheet: Sheet, parts: Sequence[Part], view: tuple[int, str, str], left: float, top: float, width: float
) -> None:
    which, name, unit = view
    amounts = [(part[0], _amount(part, which)) for part in parts]
    up = sum(value for _, value in amounts if value > 0)
    down = sum(value for _, value in amounts if value < 0)
    whole = up + down
    sheet.text(left, top, f"{name}: {u.number(whole)} {unit}", bold=True, size=12)
    ax = sheet.axes(left, top + 20, width - 8, 26)
    ax.set_xlim(down, max(up, down + 1e-9))
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    places = axis_steps(down, max(up, down + 1e-9), 4)
    ticks_x(ax, places, u.labels(places), edges=True)
    begins = {True: 0.0, False: 0.0}
    for part, value in amounts:
        positive = value > 0
        ax.barh(
            0.5,
            value,
            left=begins[positive],
            height=0.92,
            color=LIGHT[_colour(part)],
            edgecolor=LIGHT["paper"],
            linewidth=1,
        )
        begins[positive] += value
    if down < 0:
        ax.axvline(0, color=LIGHT["ink"], linewidth=1.2)
    ax.plot([whole], [1.0], "v", color=LIGHT["ink"], markersize=6, markeredgewidth=0, clip_on=False, zorder=6)


def _colour(name: str) -> str:
    return PART.get(name, "muted")


def _words(name: str, *, own: bool) -> str:
    return WORDS.get(f"{name}, own" if own else name) or WORDS.get(name, name)


def _list(sheet: Sheet, parts: Sequence[Part], top: float, *, narrow: bool, own: bool) -> None:
    """Swatch, words, and the amount with its share in both views."""
    from matplotlib.patches import Rectangle

    columns = (205.0, 310.0) if narrow else (360.0, 560.0)
    wholes = {which: sum(_amount(part, which) for part in parts) for which, *_ in VIEWS}
    for (_, name, unit), right in zip(VIEWS, columns, strict=True):
        sheet.text(right, top, f"[{unit}]" if narrow else f"{name} [{unit}]", colour="muted", ha="right")
    pitch = 26.0 if narrow else 24.0
    for index, part in enumerate(parts):
        y = top + 20 + index * pitch
        sheet.figure.add_artist(
            Rectangle(
                (0, 1 - (y + 12.5) / sheet.height),
                11 / sheet.width,
                11 / sheet.height,
                facecolor=LIGHT[_colour(part[0])],
                edgecolor="none",
            )
        )
        sheet.text(18, y, _words(part[0], own=own))
        for (which, *_), right in zip(VIEWS, columns, strict=True):
            value, whole = _amount(part, which), wholes[which]
            sheet.text(right, y, u.signed(value), ha="right", bold=True)
            if abs(whole) > 1e-9:
                sheet.text(right + 8, y, u.percent(value / whole), colour="muted")


def _alt(parts: Sequence[Part], *, own: bool) -> str:
    told = []
    for which, name, unit in VIEWS:
        whole = sum(_amount(part, which) for part in parts)
        each = ", ".join(
            f"{_words(part[0], own=own)} {u.signed(_amount(part, which))}"
            + (f" ({u.percent(_amount(part, which) / whole)})" if abs(whole) > 1e-9 else "")
            for part in parts
        )
        told.append(f"{name}, {u.number(whole)} {unit} in all: {each}.")
    return "What made it so. " + " ".join(told)
