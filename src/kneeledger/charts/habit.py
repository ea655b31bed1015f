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
from kneeledger.charts.route import EASY_S, LEFT, LEFT_NARROW, RIGHT, Route, place_route, route_axis
from kneeledger.charts.sheet import (
    SMALL,
    Sheet,
    axis_name,
    axis_steps,
    column,
    drawn,
    known,
    measured,
    note,
    ticks_y,
)
from kneeledger.model import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["risk"]

MEASURES: Final = {"distance_m": "Distance", "descent_m": "Descent", "knee_load_bw_s": "Knee load"}
LINES: Final = (1.1, 1.3, 2.0)
MOST: Final = 4.0
"""A bar longer than this is cut, with an arrow and its number."""
TITLE: Final = "More than you are used to?"
ALONE: Final = "Nothing of the 30 days before it is known here, so there is nothing to compare it with."
ROW: Final = 46.0
ROW_NARROW: Final = 60.0
LEAST_MIN: Final = 0.05
"""Less than this above or below level ground is nothing [easy min]."""


def shown(measure: str, value: float, units: str) -> str:
    """A value of a measure, with its unit."""
    if measure == "distance_m":
        return u.distance(value, units)
    return u.height(value, units) if measure == "descent_m" else u.easy(value)


@drawn
def risk(
    bars: Sequence[Bar],
    profile: pl.DataFrame,
    *,
    units: str = "metric",
    narrow: bool = False,
    measures: Sequence[str] = tuple(MEASURES),
    what: str = "activity",
    sloped: bool = True,
) -> Chart:
    """One activity against the most of the 30 days before it, and where the load ran up.

    Parameters
    ----------
    bars
        At most one for each of `measures`; a measure without one, or without a ratio, is said to be unknown.
    profile
        ``distance_m``, ``altitude_smooth_m``, ``load_rate_bw``, ``load_rate_level_bw``, ``knee_load_bw_s``
        (running total) and ``elapsed_s``.
    measures
        What this way of moving is compared by: of ``distance_m``, ``descent_m``, ``knee_load_bw_s``.
    what
        Word for what is compared, such as ``course``.
    sloped
        False where the grade is not known, so that a load as on level ground says nothing of the slopes.
    """
    rows = [(measure, next((bar for bar in bars if bar.measure == measure), None)) for measure in measures]
    route, above = route_axis(profile, units), excess(profile) / EASY_S
    if not sloped:
        above = np.full(profile.height, np.nan)
    height = 520.0 if narrow else 480.0
    if route is None or not float(np.nanmax(np.abs(above), initial=0.0)) >= LEAST_MIN:
        height -= 150 if narrow else 180
    if not bars:
        height -= len(MEASURES) * (ROW_NARROW if narrow else ROW) + 20
    else:
        height -= (len(MEASURES) - len(rows)) * (ROW_NARROW if narrow else ROW)
    sheet = Sheet(height, narrow)
    if bars:
        top = sheet.heading(TITLE, f"This {what} against {_before(rows)} (100 %).") + 22
        below, alt = _bars(sheet, top, rows, units), _bars_alt(rows, units, what)
    else:
        below, alt = sheet.heading(TITLE, ALONE) + 4, f"{TITLE} {ALONE}"
    return sheet.chart("risk", f"{alt} {_where(sheet, below + 14, profile, route, above)}")


def _before(rows: Sequence[tuple[str, Bar | None]]) -> str:
    """What stands at 100 %."""
    halved = [bar.halved for _, bar in rows if bar is not None and bar.reference is not None]
    half = "half of the most of 90 days"
    if halved and all(halved):
        return f"{half}, as the 30 before it hold none"
    most = "the most of the 30 days before it"
    return f"{most}, or {half} where those hold none" if any(halved) else most


def _bars(sheet: Sheet, top: float, rows: Sequence[tuple[str, Bar | None]], units: str) -> float:
    """The three measures and what their lines are; the place below."""
    row = ROW_NARROW if sheet.narrow else ROW
    ratios = [bar.ratio for _, bar in rows if bar is not None and bar.ratio is not None]
    reach = max([2.15, *(min(max(ratio, 0) * 1.14, MOST) for ratio in ratios)])
    left, right = (0.0, 70.0) if sheet.narrow else (168.0, 100.0)
    ax = sheet.axes(left, top, sheet.width - left - right, len(rows) * row)
    ax.set_xlim(0, reach)
    ax.set_ylim(len(rows), 0)
    ax.set_yticks([])
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    _lines(ax, reach / (sheet.width - left - right), len(rows), narrow=sheet.narrow)
    for index, (measure, bar) in enumerate(rows):
        _row(ax, index, measure, bar, units, reach=reach, narrow=sheet.narrow)
    return sheet.paragraph(
        0,
        top + len(rows) * row + 8,
        "Lines at +10, +30 and +100 %: the bands of a study of running distance, lent to descent and knee load, where "
        "they are untested. Whisker: 90 % interval.",
        width=sheet.width,
        colour="muted",
    )


def _lines(ax: "Axes", per_px: float, count: int, *, narrow: bool) -> None:
    """The 30-day most, and the three lines above it, named on top and drawn where the bars are."""
    for index in range(count):
        begin, end = (index + 0.44, index + 0.92) if narrow else (index + 0.1, index + 0.9)
        ax.vlines(1.0, begin, end, color=LIGHT["ink"], linewidth=1.5, zorder=3)
        ax.vlines(LINES, begin, end, color=LIGHT["muted"], linewidth=1, linestyle=(0, (2, 3)), zorder=3)
    note(ax, (1.0, 0), "100 %", shift=(4, 3), ha="right", va="bottom", bold=True)
    free = 1.0 + 8 * per_px
    for line in LINES:
        words = u.percent(line - 1, sign=True)
        if line - 3 * per_px >= free:
            note(ax, (line, 0), words, shift=(-3, 3), va="bottom", colour="muted")
            free = line + measured(words, SMALL) * per_px


def _row(
    ax: "Axes", index: int, measure: str, bar: Bar | None, units: str, *, reach: float, narrow: bool
) -> None:
    """Name, values, bar and percentage of one measure."""
    middle, half = index + (0.68 if narrow else 0.5), 0.15 if narrow else 0.2
    _told(ax, index, measure, bar, units, narrow=narrow)
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
    if _reach(bar) and bar.low is not None and bar.high is not None:
        ends = [min(bar.low, reach), min(bar.high, reach)]
        for colour, thick in (("paper", 4.0), ("ink", 1.6)):
            ax.plot(ends, [middle, middle], color=LIGHT[colour], linewidth=thick, zorder=5)
            ax.plot(
                ends,
                [middle, middle],
                "|",
                color=LIGHT[colour],
                markersize=9 + thick,
                markeredgewidth=thick,
                zorder=5,
            )
    arrow = "→ " if bar.ratio > reach else ""
    words = arrow + u.percent(bar.ratio - 1, sign=True)
    reach_words = _reach(bar)
    note(
        ax,
        (1, middle),
        words,
        shift=(96 if not narrow else 66, 8 if reach_words and not narrow else 0),
        ha="right",
        bold=True,
        size=14,
        coords=ax.get_yaxis_transform(),
    )
    if reach_words and not narrow:
        note(
            ax,
            (1, middle),
            reach_words.replace(" % to", " to"),
            shift=(96, -9),
            ha="right",
            colour="muted",
            coords=ax.get_yaxis_transform(),
        )


def _reach(bar: Bar) -> str:
    """The interval of a ratio in words; empty where both ends are the ratio itself, as it is shown."""
    if bar.ratio is None or bar.low is None or bar.high is None:
        return ""
    value, low, high = (u.percent(share - 1, sign=True) for share in (bar.ratio, bar.low, bar.high))
    return "" if low == value == high else f"{low} to {high}"


def _told(ax: "Axes", index: int, measure: str, bar: Bar | None, units: str, *, narrow: bool) -> None:
    """The name of a measure and its two values."""
    name, told = MEASURES[measure], "not known here"
    if bar is not None and bar.value is not None:
        told = shown(measure, bar.value, units)
        if bar.reference is not None:
            before = "half of 90 days" if bar.halved else "before"
            told += f", {before} {shown(measure, bar.reference, units).split(' ')[0]}"
    if narrow:
        note(ax, (0, index + 0.24), name, bold=True, size=12)
        note(ax, (0, index + 0.24), told, shift=(82, 0), colour="muted")
    else:
        note(ax, (0, index + 0.5), name, shift=(-168, 9), bold=True, size=13)
        note(ax, (0, index + 0.5), told, shift=(-168, -9), colour="muted")


def _bars_alt(rows: Sequence[tuple[str, Bar | None]], units: str, what: str) -> str:
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
            if reach := _reach(bar):
                text += f" (90 % interval {reach})"
            parts.append(text)
    return f"{TITLE} This {what} against {_before(rows)}: {'; '.join(parts)}."


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


def _where(sheet: Sheet, top: float, profile: pl.DataFrame, route: Route | None, above: FloatArray) -> str:
    """The lower picture; its part of the text alternative."""
    if route is None or not known(above):
        sheet.text(0, top, "Where it ran up", size=13, bold=True)
        sheet.nothing("Not known along this route: no track, no grade, or no knee model for it.", y=top + 18)
        return "Where the load ran up along the route is not known."
    last = float(above[-1])
    total = f"{u.signed(last)} easy minutes above level ground in all"
    if float(np.abs(above).max()) < LEAST_MIN:
        sheet.text(0, top, "Where it ran up", size=13, bold=True)
        sheet.nothing("Nowhere: no slope changed the knee load along this route.", y=top + 18)
        return "Along the route no slope changed the knee load."
    top = sheet.paragraph(0, top, f"Where it ran up: {total}", width=sheet.width, size=13, bold=True) + 24
    left = LEFT_NARROW if sheet.narrow else LEFT
    height = sheet.height - top - 44
    ax = sheet.axes(left, top, sheet.width - left - RIGHT, height)
    place_route(ax, route, narrow=sheet.narrow)
    low, high = min(0.0, float(above.min())), max(0.0, float(above.max()))
    span = max(high - low, 2.0)
    ax.set_ylim(low - 0.06 * span, low + 1.08 * span)
    places = axis_steps(low, low + span, 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, "easy minutes above level ground so far")
    _background(ax, route, column(profile, "altitude_smooth_m"))
    if low < 0:
        ax.axhline(0, color=LIGHT["edge"], linewidth=1)
    ax.plot(route.x, above, color=LIGHT["load"], linewidth=2.4, zorder=4)
    ax.plot(
        route.x[-1], last, "o", color=LIGHT["load"], markersize=7, markeredgewidth=0, zorder=5, clip_on=False
    )
    return f"Along the route, {total}; {_steepest(route, above)}the elevation stands behind it."


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
    """The twentieth of the route with the largest rise, in words; its ends are places that are known."""
    width = max(1, len(above) // 20)
    if len(above) <= width:
        return ""
    known_ends = np.isfinite(route.x[width:] + route.x[:-width])
    rise = np.where(known_ends, above[width:] - above[:-width], 0.0)
    at = int(np.argmax(rise))
    if rise[at] <= 0.05:
        return ""
    begin, end = u.number(float(route.x[at]), 1), u.number(float(route.x[at + width]), 1)
    return (
        f"it ran up most from {begin} to {end} {route.word}, by {u.number(float(rise[at]), 1)} easy minutes; "
    )
