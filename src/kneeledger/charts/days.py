"""Charts by day: the calendar of load, the workload ratios by their full names, and pain over load.

Unknown is not rest: an unknown day is hatched in the calendar and shaded under the ratios, and a rest day has
a colour of its own. The ratios have no coloured bands, because no band of theirs was shown to hold; the line at
1 means as usual and nothing more. Pain is drawn in the words it was noted in, in three rows over the load.
Instead of: a number from 0 to 10 over a sweet spot.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import plurals
from kneeledger.charts import units as u
from kneeledger.charts.calendar_axis import day_numbers, place_days
from kneeledger.charts.chart import Chart
from kneeledger.charts.palette import HEAT, LIGHT
from kneeledger.charts.route import EASY_S
from kneeledger.charts.season import WAYS
from kneeledger.charts.sheet import (
    Key,
    Sheet,
    axis_name,
    axis_steps,
    boxes,
    column,
    drawn,
    known,
    note,
    pixel,
    polygons,
    ticks_y,
)
from kneeledger.model import FloatArray

__all__ = ["calendar", "pain", "ratios"]

WEEKS_WIDE, WEEKS_NARROW = 53, 20
MEASURE_WORDS: Final = {
    "run_distance_m": ("running distance", 1000.0, "km"),
    "longest_run_m": ("longest run", 1000.0, "km"),
    "run_time_s": ("running time", 60.0, "min"),
    "walk_time_s": ("walking time", 60.0, "min"),
    "ride_time_s": ("cycling time", 60.0, "min"),
    "descent_m": ("descent on foot", 1.0, "m"),
    "descent_run_m": ("descent while running", 1.0, "m"),
    "steep_descent_run_m": ("steep descent while running", 1.0, "m"),
    "steps_downhill": ("steps downhill", 1.0, "steps"),
    "knee_load_bw_s": ("knee load", EASY_S, "easy min"),
    "knee_load_run_bw_s": ("knee load of running", EASY_S, "easy min"),
    "knee_load_walk_bw_s": ("knee load of walking", EASY_S, "easy min"),
    "knee_load_ride_bw_s": ("knee load of cycling", EASY_S, "easy min"),
    "peak_weighted_steps": ("peak-weighted knee load", 1.0, "steps"),
    "sessions": ("sessions", 1.0, ""),
}


def measure_words(measure: str) -> tuple[str, float, str]:
    """Words, size of a shown unit in stored ones, and the unit's word."""
    return MEASURE_WORDS.get(measure, (measure.replace("_", " "), 1.0, ""))


@drawn
def calendar(daily: pl.DataFrame, *, measure: str = "knee_load_bw_s", narrow: bool = False) -> Chart:
    """A day a square, a week a column: how much of a measure, rest, or unknown.

    Parameters
    ----------
    daily
        A frame of `workload.DAILY`: ``day``, ``known`` and the measure.
    """
    name, size, unit = measure_words(measure)
    title = f"{name.capitalize()} by day"
    sheet = Sheet(230 if narrow else 218, narrow)
    top = sheet.heading(title, "A column is a week from Monday; the stronger the colour, the more.")
    frame = daily.drop_nulls("day") if "day" in daily.columns else pl.DataFrame()
    value = column(frame, measure) / size
    if frame.is_empty() or not known(value):
        sheet.nothing("No day with a known value.", y=top)
        return sheet.chart(f"calendar-{measure}", f"{title}. No day with a known value.")
    days = frame["day"].to_list()
    last_monday = max(days) - timedelta(days=max(days).weekday())
    span = (last_monday - (min(days) - timedelta(days=min(days).weekday()))).days // 7 + 1
    count = min(WEEKS_NARROW if narrow else WEEKS_WIDE, max(span, 13))
    start = last_monday - timedelta(weeks=count - 1)
    shown = np.array([day >= start for day in days])
    x = np.array([(day - start).days // 7 for day in days], dtype=np.float64)[shown]
    y = np.array([day.weekday() for day in days], dtype=np.float64)[shown]
    value, days = value[shown], [day for day, keep in zip(days, shown.tolist(), strict=True) if keep]
    edges = _edges(value)
    keys = [Key("heat-0", "none"), *_heat_keys(edges, unit)]
    unknown = ~np.isfinite(value)
    if unknown.any():
        keys.append(Key("muted", "unknown", "hatch"))
    top = sheet.keys(0, top, keys) + 18
    pitch = min((sheet.width - 34) / count, (sheet.height - top - 6) / 7)
    ax = sheet.axes(34, top, pitch * count, pitch * 7)
    ax.set_xlim(-0.5, count - 0.5)
    ax.set_ylim(6.5, -0.5)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    ax.set_yticks([0, 2, 4, 6], ["Mon", "Wed", "Fri", "Sun"])
    _months(ax, start, count)
    group = np.where(value > 0, 1 + np.searchsorted(edges, np.nan_to_num(value), side="left"), 0)
    for which, colour in enumerate(("heat-0", *HEAT)):
        mine = ~unknown & (group == which)
        polygons(ax, boxes(x[mine] - 0.44, x[mine] + 0.44, y[mine] - 0.44, y[mine] + 0.44), colour)
    polygons(
        ax,
        boxes(x[unknown] - 0.42, x[unknown] + 0.42, y[unknown] - 0.42, y[unknown] + 0.42),
        "paper",
        edgecolor=LIGHT["edge"],
        linewidth=0.8,
        hatch="//////",
    )
    return sheet.chart(f"calendar-{measure}", _calendar_alt(title, days, value, unit))


def _edges(value: FloatArray) -> FloatArray:
    """Upper edges of the lower four shades: round numbers near the fifths of the days that have any."""
    some = value[np.isfinite(value) & (value > 0)]
    if not some.size:
        return np.array([1.0, 2.0, 3.0, 4.0])
    rough = np.quantile(some, [0.2, 0.4, 0.6, 0.8])
    power = 10.0 ** np.floor(np.log10(np.maximum(rough, 1e-9)))
    step = np.where(rough / power >= 5, power, power / 2)
    edges = np.maximum.accumulate(np.maximum(np.round(rough / step) * step, 1e-9))
    return np.asarray(edges, dtype=np.float64)


def _heat_keys(edges: FloatArray, unit: str) -> list[Key]:
    words, begin = [], 0.0
    for index, edge in enumerate([*edges.tolist(), np.inf]):
        if edge > begin:
            text = f"over {begin:g} {unit}".strip() if np.isinf(edge) else f"to {edge:g}"
            words.append(Key(HEAT[index], text))
            begin = edge
    return words


def _months(ax: Any, start: date, count: int) -> None:
    shown = -9
    for week in range(count):
        monday = start + timedelta(weeks=week)
        first = monday.day <= 7
        if (first or week == 0) and week - shown >= 3 and week <= count - 2:
            following = (monday + timedelta(weeks=2)).month != monday.month and week == 0
            if not following:
                note(ax, (week - 0.45, -0.5), u.month(monday), shift=(0, 5), va="bottom", colour="muted")
                shown = week


def _calendar_alt(title: str, days: list[date], value: FloatArray, unit: str) -> str:
    good = np.isfinite(value)
    told = (
        f"{title}. {plurals.count(len(days), 'day')} to "
        f"{u.day(days[-1])} {days[-1].year}: "
        f"{int((value[good] > 0).sum())} with some, "
        f"{int((value[good] == 0).sum())} with none, {int((~good).sum())} unknown"
    )
    if good.any() and np.nanmax(value) > 0:
        top = int(np.nanargmax(value))
        told += f"; most on {u.day(days[top])} with {u.number(float(value[top]), 1 if unit == 'km' else 0)} {unit}".rstrip()
    return told + "."


RATIOS: Final = (
    (
        "rolling sums",
        (("acwr_rolling_coupled_7_28", "coupled 7:28"), ("acwr_rolling_uncoupled_7_21", "uncoupled 7:21")),
    ),
    ("EWMA", (("acwr_ewma_coupled_7_28", "coupled 7:28"), ("acwr_ewma_uncoupled_7_28", "uncoupled 7:28"))),
)
"""Panels, and the two ratios of each: the first is solid, the second dashed."""
RATIO_DAYS: Final = 26 * 7
PREFERRED: Final = ("knee_load_bw_s", "run_distance_m")


@drawn
def ratios(workload_frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Acute to chronic load, each ratio by its full name, over the last 26 weeks; no coloured bands.

    Parameters
    ----------
    workload_frame
        As `workload.workload` gives it: ``day``, ``measure``, ``known`` and the ratios. Of several measures, knee
        load is drawn, else running distance, else the first.
    """
    sheet = Sheet(430 if narrow else 400, narrow)
    title = "Load ratios"
    has = {"day", "measure"} <= set(workload_frame.columns) and workload_frame.height > 0
    measures = workload_frame["measure"].drop_nulls().unique(maintain_order=True).to_list() if has else []
    measure = next((one for one in PREFERRED if one in measures), measures[0] if measures else "")
    frame = (
        workload_frame.filter(pl.col("measure") == measure).drop_nulls("day") if measures else pl.DataFrame()
    )
    frame = frame.sort("day").tail(RATIO_DAYS) if frame.height else frame
    panels = [
        (name, [(column(frame, key), words) for key, words in lines if known(column(frame, key))])
        for name, lines in RATIOS
    ]
    panels = [(name, lines) for name, lines in panels if lines]
    name = measure_words(measure)[0] if measure else "load"
    top = sheet.heading(
        f"{title}: {name}",
        "The last 7 days against the weeks before, in four ways; 1 is as usual. Shaded: unknown.",
    )
    if not panels:
        sheet.nothing("No ratio can be made: too few known days in a row, or too little load.", y=top)
        return sheet.chart("ratios", f"{title}. No ratio can be made: too few known days in a row.")
    keys = [Key("run", "coupled 7:28", "line"), Key("accent", "uncoupled (rolling 7:21, EWMA 7:28)", "dash")]
    top = sheet.keys(0, top, keys)
    days = frame["day"].to_list()
    every = np.stack([values for _, lines in panels for values, _ in lines])
    limits = min(float(np.nanmin(every)), 0.8), max(float(np.nanmax(every)), 1.2)
    height = (sheet.height - top - 30) / len(panels) - 26
    for index, (panel, lines) in enumerate(panels):
        _panel(
            sheet,
            top + 22 + index * (height + 30),
            height,
            panel,
            days,
            lines,
            limits,
            last=index == len(panels) - 1,
        )
    blank = int(np.all(~np.isfinite(every), axis=0).sum())
    ends = [f"{panel}, {words}: {_last(values)}" for panel, lines in panels for values, words in lines]
    alt = (
        f"{title}: {name}. {plurals.count(len(days), 'day')} to {u.day(days[-1])} {days[-1].year}; "
        f"last known values: {'; '.join(ends)}. "
        f"{plurals.count(blank, 'day has', 'days have')} no ratio."
    )
    return sheet.chart("ratios", alt)


def _panel(
    sheet: Sheet,
    top: float,
    height: float,
    name: str,
    days: list[date],
    lines: Sequence[tuple[FloatArray, str]],
    limits: tuple[float, float],
    *,
    last: bool,
) -> None:
    """One way of making the ratio, with its last values at the right."""
    x, (low, high) = day_numbers(days), limits
    ax = sheet.axes(44, top, sheet.width - 44 - 46, height)
    ax.set_xlim(x[0] - 0.5, max(x[-1], x[0] + 6) + 0.5)
    pad = 0.06 * (high - low)
    ax.set_ylim(max(low - pad, 0), high + pad)
    if last:
        place_days(ax, days[0], days[-1], narrow=sheet.narrow)
    else:
        ax.set_xticks([])
    places = axis_steps(max(low - pad, 0), high + pad, 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, f"ratio, {name}")
    _shade(ax, x, np.all(~np.isfinite(np.stack([values for values, _ in lines])), axis=0))
    ax.axhline(1, color=LIGHT["muted"], linewidth=1.2, zorder=1)
    for index, (values, _) in enumerate(lines):
        ax.plot(
            x,
            values,
            color=LIGHT["accent" if index else "run"],
            linewidth=1.7,
            linestyle=(0, (3, 2)) if index else "-",
            zorder=3 + index,
        )
    _ends(sheet, ax, lines)


def _last(values: FloatArray) -> str:
    good = values[np.isfinite(values)]
    return u.number(float(good[-1]), 2)


def _shade(ax: Any, x: FloatArray, blank: npt.NDArray[np.bool_]) -> None:
    """Stretches without any ratio, hatched."""
    edges = np.diff(np.concatenate(([False], blank, [False])).astype(np.int8))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    low, high = ax.get_ylim()
    if begins.size:
        shapes = boxes(
            x[begins] - 0.5, x[ends - 1] + 0.5, np.full(len(begins), low), np.full(len(begins), high)
        )
        polygons(ax, shapes, "ground", zorder=0)


def _ends(sheet: Sheet, ax: Any, lines: Sequence[tuple[FloatArray, str]]) -> None:
    """The last value of each line at its end, apart from each other; the coupled one in ink."""
    low, high = ax.get_ylim()
    right, gap = ax.get_xlim()[1], 16 * pixel(ax, sheet)[1]
    ends = sorted((float(values[np.isfinite(values)][-1]), index) for index, (values, _) in enumerate(lines))
    places = [value for value, _ in ends]
    if len(places) == 2 and places[1] - places[0] < gap:
        middle = sum(places) / 2
        places = [middle - gap / 2, middle + gap / 2]
    shift = max(0.0, low + gap / 2 - places[0]) - max(0.0, places[-1] + gap / 2 - high)
    for (value, index), place in zip(ends, places, strict=True):
        note(
            ax,
            (right, place + shift),
            u.number(value, 2),
            shift=(6, 0),
            colour="muted" if index else "ink",
            bold=True,
        )


PAIN_ROWS: Final = (("during", "during"), ("after", "after"), ("next_morning", "next morning"))
PAIN_LEVEL: Final = {"none": 0, "baseline": 0, "better": 0, "tolerable": 1, "beyond": 2, "worse": 2}


@drawn
def pain(pain: pl.DataFrame, weeks_or_daily: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """The pain log in its own words, over the load of the same days or weeks.

    Parameters
    ----------
    pain
        ``date``, ``during``, ``after``, ``next_morning``, ``limp``, ``swelling``.
    weeks_or_daily
        A frame of weeks (``week``, ``knee_<way>_bw_s``) or of days (``day``, ``knee_load_bw_s``).
    """
    sheet = Sheet(330, narrow)
    title = "Pain over load"
    top = sheet.heading(title, "The words of the pain log, above the knee load of the same time.")
    log = pain.drop_nulls("date").sort("date") if "date" in pain.columns else pl.DataFrame()
    place, load, width = _load_series(weeks_or_daily)
    if log.is_empty():
        sheet.nothing("The pain log has no entry in this time.", y=top)
        return sheet.chart("pain", f"{title}. The pain log has no entry.")
    days = log["date"].to_list()
    x = day_numbers(days)
    if place.size:
        inside = (x >= place[0] - width) & (x <= place[-1] + width)
        log, x = log.filter(pl.Series(inside)), x[inside]
        if log.is_empty():
            sheet.nothing("The pain log has no entry in this time.", y=top)
            return sheet.chart("pain", f"{title}. The pain log has no entry in this time.")
    top = sheet.keys(
        0,
        top,
        [
            Key("edge", "none, or as every morning", "dot"),
            Key("down-3", "tolerable", "dot"),
            Key("down-5", "beyond tolerable, or a worse morning", "dot"),
        ],
    )
    low = float(min(place[0] - width / 2 if place.size else x[0], x[0])) - 1
    high = float(max(place[-1] + width / 2 if place.size else x[-1], x[-1], low + 8)) + 1
    left = 88.0
    rows = sheet.axes(left, top, sheet.width - left - 8, 78)
    rows.set_xlim(low, high)
    rows.set_ylim(3, 0)
    rows.set_xticks([])
    rows.spines["bottom"].set_visible(False)
    rows.set_yticks([0.5, 1.5, 2.5], [words for _, words in PAIN_ROWS])
    rows.grid(axis="y")
    counted = _pain_dots(rows, log, x)
    below = top + 78 + 30
    ax = sheet.axes(left, below, sheet.width - left - 8, sheet.height - below - 30)
    ax.set_xlim(low, high)
    place_days(ax, date.fromordinal(int(low) + 1), date.fromordinal(int(high)), narrow=narrow)
    if place.size and known(load):
        ceiling = max(float(np.nanmax(load)) * 1.08, 1.0)
        ax.set_ylim(0, ceiling)
        places = axis_steps(0, ceiling, 3)
        ticks_y(ax, places, u.labels(places))
        good = np.isfinite(load)
        polygons(
            ax,
            boxes(
                place[good] - 0.42 * width, place[good] + 0.42 * width, np.zeros(int(good.sum())), load[good]
            ),
            "load",
        )
        axis_name(ax, f"knee load a {'week' if width > 1 else 'day'} [easy min]")
    else:
        ax.set_yticks([])
        note(ax, (0, 0.5), "load unknown", shift=(8, 0), colour="muted", coords="axes fraction")
    return sheet.chart("pain", _pain_alt(title, log, counted))


def _load_series(frame: pl.DataFrame) -> tuple[FloatArray, FloatArray, float]:
    """Middle of each day or week, its load in easy minutes, and its width in days."""
    if "week" in frame.columns:
        rows = frame.drop_nulls("week").sort("week")
        ways = np.stack([column(rows, f"knee_{way}_bw_s") for way, _ in WAYS])
        load = np.where(np.isfinite(ways).any(axis=0), np.nansum(ways, axis=0), np.nan)
        return day_numbers(rows["week"].to_list()) + 3, load / EASY_S, 7.0
    rows = frame.drop_nulls("day").sort("day") if "day" in frame.columns else pl.DataFrame()
    return (
        day_numbers(rows["day"].to_list() if rows.height else []),
        column(rows, "knee_load_bw_s") / EASY_S,
        1.0,
    )


def _pain_dots(ax: Any, log: pl.DataFrame, x: FloatArray) -> list[int]:
    """One artist a level; how many of each there are."""
    places: dict[int, list[tuple[float, float]]] = {0: [], 1: [], 2: []}
    for row, (name, _) in enumerate(PAIN_ROWS):
        if name in log.columns:
            for at, word in zip(x.tolist(), log[name].to_list(), strict=True):
                if word in PAIN_LEVEL:
                    places[PAIN_LEVEL[word]].append((at, row + 0.5))
    for level, (colour, marker, size) in enumerate(
        (("edge", "o", 5.0), ("down-3", "o", 7.5), ("down-5", "D", 8.5))
    ):
        if places[level]:
            at = np.array(places[level])
            ax.plot(
                at[:, 0],
                at[:, 1],
                marker,
                color=LIGHT[colour],
                markersize=size,
                markeredgewidth=0,
                clip_on=False,
                zorder=3 + level,
            )
    for name, words in (("swelling", "swelling"), ("limp", "limp")):
        if name in log.columns:
            for at, on in zip(x.tolist(), log[name].to_list(), strict=True):
                if on:
                    note(ax, (at, 3), words, shift=(0, -3), ha="center", va="top", bold=True)
    return [len(places[level]) for level in (0, 1, 2)]


def _pain_alt(title: str, log: pl.DataFrame, counted: list[int]) -> str:
    days = log["date"].to_list()
    told = (
        f"{title}. {plurals.count(log.height, 'entry', 'entries')} "
        f"from {u.day(days[0])} to {u.day(days[-1])} {days[-1].year}: "
        f"{plurals.count(counted[0], 'word')} of none or "
        f"an unchanged morning, {counted[1]} of tolerable, {counted[2]} of beyond tolerable or a worse morning"
    )
    worst = [
        u.day(day)
        for day, *words in zip(
            days, *(log[name].to_list() for name, _ in PAIN_ROWS if name in log.columns), strict=True
        )
        if any(PAIN_LEVEL.get(word or "") == 2 for word in words)
    ]
    return told + (f"; the last such on {worst[-1]}." if worst else ".")
