"""The knee-loading risk chart, titled as the question it can answer: more than you are used to?

Three measures of one activity against the most of the 30 days before it, as shares with that most at 100 %,
because a share is what the study of single runs compared and what a runner understands without a unit. What
is above 100 % is the same blue, solid: the picture says how much more and leaves alarm to nobody. The lines at
+10, +30 and +100 % are the study's bands for distance; for the other two measures they are lent, and the chart
says so. Beneath, along the route, where the knee load ran up above what level ground would have asked.
Instead of: a gauge, a traffic light, or an acute:chronic ratio.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from kneeledger.charts import units as u
from kneeledger.charts.chart import Bar, Chart
from kneeledger.charts.palette import LIGHT
from kneeledger.charts.route import LEFT, LEFT_NARROW, RIGHT, Route, place_route, route_axis
from kneeledger.charts.sheet import (
    Sheet,
    axis_name,
    axis_steps,
    column,
    drawn,
    known,
    note,
    ticks_y,
)
from kneeledger.model import FloatArray
from kneeledger.severity import easy_minutes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["risk"]

MEASURES: Final = {"distance_m": "Distance", "descent_m": "Descent", "knee_load_bw_s": "Knee load"}
LINES: Final = (1.1, 1.3, 2.0)
MOST: Final = 4.0
"""A bar longer than this is cut, with an arrow and its number."""
TITLE: Final = "More than you are used to?"
ROW: Final = 46.0
ROW_NARROW: Final = 60.0


def shown(measure: str, value: float, units: str) -> str:
    """A value of a measure, with its unit."""
    if measure == "distance_m":
        return u.distance(value, units)
    return u.height(value, units) if measure == "descent_m" else u.easy(value)


@drawn
def risk(bars: Sequence[Bar], profile: pl.DataFrame, *, units: str = "metric", narrow: bool = False) -> Chart:
    """One activity against the most of the 30 days before it, and where the load ran up.

    Parameters
    ----------
    bars
        At most one for each of ``distance_m``, ``descent_m``, ``knee_load_bw_s``; a measure without one, or without
        a ratio, is said to be unknown.
    profile
        ``distance_m``, ``altitude_smooth_m``, ``load_rate_bw``, ``load_rate_level_bw``, ``knee_load_bw_s``
        (running total) and ``elapsed_s``.
    """
    rows = [(measure, next((bar for bar in bars if bar.measure == measure), None)) for measure in MEASURES]
    row = ROW_NARROW if narrow else ROW
    sheet = Sheet(540 if narrow else 480, narrow)
    top = sheet.heading(TITLE, "This activity against the most of the 30 days before it (100 %).") + 22
    ratios = [bar.ratio for _, bar in rows if bar is not None and bar.ratio is not None]
    reach = max([2.15, *(min(max(r, 0) * 1.14, MOST) for r in ratios)])
    left, right = (0.0, 62.0) if narrow else (168.0, 96.0)
    ax = sheet.axes(left, top, sheet.width - left - right, len(rows) * row)
    ax.set_xlim(0, reach)
    ax.set_ylim(len(rows), 0)
    ax.set_yticks([])
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    per_px = reach / (sheet.width - left - right)
    _lines(ax, per_px, narrow=narrow)
    for index, (measure, bar) in enumerate(rows):
        _row(ax, index, measure, bar, units, reach=reach, narrow=narrow)
    below = top + len(rows) * row + 8
    below = sheet.paragraph(
        0,
        below,
        "Lines: the bands of a study of running distance, lent to descent and knee load, where they are untested. "
        "Whisker: 90 % interval.",
        width=sheet.width,
        colour="muted",
    )
    alt = _bars_alt(rows, units) + " " + _where(sheet, below + 14, profile, units)
    return sheet.chart("risk", alt)


def _lines(ax: "Axes", per_px: float, *, narrow: bool) -> None:
    """The 30-day most, and the three lines above it, named on top."""
    ax.axvline(1.0, color=LIGHT["ink"], linewidth=1.4, zorder=3)
    ax.vlines(
        LINES,
        0,
        1,
        transform=ax.get_xaxis_transform(),
        color=LIGHT["muted"],
        linewidth=1,
        linestyle=(0, (2, 3)),
        zorder=3,
    )
    note(ax, (1.0, 0), "100 %", shift=(-4, 3), ha="right", va="bottom", bold=True)
    room = 0.2 / per_px
    for line in LINES:
        if line == 1.1 and room < 44:
            continue
        words = f"+{(line - 1) * 100:.0f} %" if line > 1.1 or not narrow else "+10"
        note(
            ax,
            (line, 0),
            words,
            shift=(2, 3) if line > 1.1 else (0, 3),
            ha="left" if line == 1.1 else "center",
            va="bottom",
            colour="muted",
        )


def _row(
    ax: "Axes", index: int, measure: str, bar: Bar | None, units: str, *, reach: float, narrow: bool
) -> None:
    middle = index + (0.66 if narrow else 0.5)
    half = 0.17 if narrow else 0.2
    name = MEASURES[measure]
    told = "not known for this activity"
    if bar is not None and bar.value is not None:
        told = shown(measure, bar.value, units)
        told += f", before {shown(measure, bar.reference, units)}" if bar.reference is not None else ""
    if narrow:
        note(ax, (0, index + 0.26), name, bold=True, size=12)
        note(ax, (0, index + 0.26), told, shift=(84, 0), colour="muted")
    else:
        note(ax, (0, middle), name, shift=(-168, 9), bold=True, size=13)
        note(ax, (0, middle), told, shift=(-168, -9), colour="muted")
    if bar is None or bar.value is None or bar.ratio is None:
        why = "unknown" if bar is None or bar.value is None else "nothing comparable in the 30 days before"
        ax.barh(
            middle,
            1.0,
            height=2 * half,
            facecolor="none",
            edgecolor=LIGHT["edge"],
            linewidth=1,
            linestyle=(0, (3, 3)),
        )
        note(ax, (0, middle), why, shift=(8, 0), colour="muted", box=True)
        return
    end = min(bar.ratio, reach)
    ax.barh(middle, min(end, 1.0), height=2 * half, color=LIGHT["run-soft"], zorder=2)
    if end > 1.0:
        ax.barh(middle, end - 1.0, left=1.0, height=2 * half, color=LIGHT["run"], zorder=2)
    at = end
    if bar.low is not None and bar.high is not None:
        low, high = min(bar.low, reach), min(bar.high, reach)
        ax.plot([low, high], [middle, middle], color=LIGHT["paper"], linewidth=4, zorder=4)
        ax.plot([low, high], [middle, middle], color=LIGHT["ink"], linewidth=1.6, zorder=5)
        ax.plot(
            [low, high],
            [middle, middle],
            "|",
            color=LIGHT["ink"],
            markersize=8,
            markeredgewidth=1.6,
            zorder=5,
        )
        at = max(at, high)
    arrow = " →" if bar.ratio > reach else ""
    note(
        ax,
        (at, middle),
        u.percent(bar.ratio - 1, sign=True) + arrow,
        shift=(7, 0),
        bold=True,
        size=13,
        box=True,
    )


def _bars_alt(rows: Sequence[tuple[str, Bar | None]], units: str) -> str:
    parts = []
    for measure, bar in rows:
        name = MEASURES[measure].lower()
        if bar is None or bar.value is None:
            parts.append(f"{name} not known")
        elif bar.ratio is None or bar.reference is None:
            parts.append(f"{name} {shown(measure, bar.value, units)}, with nothing comparable before it")
        else:
            text = (
                f"{name} {shown(measure, bar.value, units)} against {shown(measure, bar.reference, units)}, "
                f"{u.percent(bar.ratio - 1, sign=True)}"
            )
            if bar.low is not None and bar.high is not None:
                text += f" (90 % interval {u.percent(bar.low - 1, sign=True)} to {u.percent(bar.high - 1, sign=True)})"
            parts.append(text)
    return f"{TITLE} This activity against the most of the 30 days before it: {'; '.join(parts)}."


def excess(profile: pl.DataFrame) -> FloatArray:
    """Running total of knee load above level ground along the profile [BW·s]; NaN throughout where unknown."""
    rate, level = column(profile, "load_rate_bw"), column(profile, "load_rate_level_bw")
    total, clock = column(profile, "knee_load_bw_s"), column(profile, "elapsed_s")
    if not (known(rate) and known(level)):
        return np.full(profile.height, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        if known(total):
            share = np.where(rate > 0, 1 - level / rate, 0.0)
            each = np.diff(np.nan_to_num(total), prepend=0.0) * share
        else:
            each = np.diff(clock, prepend=clock[:1]) * (rate - level)
    return np.asarray(np.cumsum(np.nan_to_num(each)), dtype=np.float64)


def _where(sheet: Sheet, top: float, profile: pl.DataFrame, units: str) -> str:
    """The lower picture; its part of the text alternative."""
    route = route_axis(profile, units)
    above = np.array([easy_minutes(value) for value in excess(profile)])
    sheet.text(0, top, "Where it ran up", size=13, bold=True)
    top += 24
    if route is None or not known(above):
        sheet.nothing("Not known along this route: no track, no grade, or no knee model for it.", y=top - 6)
        return "Where the load ran up along the route is not known."
    left = LEFT_NARROW if sheet.narrow else LEFT
    top += 20
    height = sheet.height - top - 44
    ax = sheet.axes(left, top, sheet.width - left - RIGHT, height)
    place_route(ax, route, narrow=sheet.narrow)
    low, high = min(0.0, float(above.min())), max(0.0, float(above.max()))
    span = max(high - low, 2.0)
    ax.set_ylim(low - 0.06 * span, low + 1.12 * span)
    places = axis_steps(low, low + span, 4)
    digits = 0 if all(float(place).is_integer() for place in places) else 1
    ticks_y(ax, places, [u.number(place, digits) for place in places])
    axis_name(ax, "above level ground so far [easy min]")
    _background(ax, route, column(profile, "altitude_smooth_m"))
    if low < 0:
        ax.axhline(0, color=LIGHT["edge"], linewidth=1)
    ax.plot(route.x, above, color=LIGHT["load"], linewidth=2.4, zorder=4)
    last = float(above[-1])
    ax.plot(
        route.x[-1], last, "o", color=LIGHT["load"], markersize=7, markeredgewidth=0, zorder=5, clip_on=False
    )
    upper = last < low + 0.8 * span
    note(
        ax,
        (float(route.x[-1]), last),
        f"{u.signed(last)} easy min",
        shift=(-2, 11 if upper else -13),
        ha="right",
        va="bottom" if upper else "top",
        bold=True,
        box=True,
    )
    return (
        f"Along the route, {u.signed(last)} easy minutes above level ground in all; {_steepest(route, above)}"
        "the elevation stands behind it."
    )


def _background(ax: "Axes", route: Route, altitude: FloatArray) -> None:
    """The elevation, quietly, over the lower part."""
    if not known(altitude):
        return
    low, high = float(np.nanmin(altitude)), float(np.nanmax(altitude))
    share = 0.05 + 0.6 * (altitude - low) / max(high - low, 20.0)
    ax.fill_between(
        route.x, 0, share, transform=ax.get_xaxis_transform(), color=LIGHT["ground"], linewidth=0, zorder=0
    )


def _steepest(route: Route, above: FloatArray) -> str:
    """The twentieth of the route with the largest rise, in words."""
    width = max(1, len(above) // 20)
    if len(above) <= width:
        return ""
    rise = above[width:] - above[:-width]
    at = int(np.argmax(rise))
    if rise[at] <= 0.05:
        return ""
    begin, end = u.number(float(route.x[at]), 1), u.number(float(route.x[at + width]), 1)
    return (
        f"it ran up most from {begin} to {end} {route.word}, by {u.number(float(rise[at]), 1)} easy minutes; "
    )
