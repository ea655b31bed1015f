"""Charts along the route: elevation by grade band, knee load, a planned course, and the plain track.

All of them share one axis (distance, or time where there is no distance) and one left edge, so that a page can
stack them and link a pointer across them. Stretches of one grade band are joined to one polygon: 400 rows make
a handful of shapes. A gap in what is known stays a gap.
Instead of: a colour map over every record, which nobody can read off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.charts import units as u
from kneeledger.charts.chart import Chart
from kneeledger.charts.palette import LIGHT
from kneeledger.charts.sheet import (
    SMALL,
    Key,
    Sheet,
    axis_name,
    axis_steps,
    column,
    drawn,
    known,
    measured,
    note,
    pixel,
    polygons,
    ticks_x,
    ticks_y,
)
from kneeledger.model import FloatArray
from kneeledger.severity import EASY_LOAD_BW

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "EASY_S",
    "LEFT",
    "LEFT_NARROW",
    "RIGHT",
    "Route",
    "course",
    "load",
    "place_route",
    "profile",
    "route_axis",
    "track",
]

FILLED: Final = "filled by grade"
ROUGH: Final = "too rough to tell its grade from"
LEFT, LEFT_NARROW = 48.0, 40.0
RIGHT = 12.0
SO_FAR = 130.0
"""Height of the panel of the running total [px]."""
EASY_S: Final = 60.0 * EASY_LOAD_BW
"""Linear load of an easy minute [BW·s]."""

EDGES: Final = (-0.20, -0.15, -0.10, -0.05, -0.02, 0.02)
"""Edges of the grade bands, as in the ledger of descent."""
BAND: Final = ("down-5", "down-4", "down-3", "down-2", "down-1", "level", "up")
BAND_WORDS: Final = (
    "below −20 %",
    "−15 to −20 %",
    "−10 to −15 %",
    "−5 to −10 %",
    "−2 to −5 %",
    "level",
    "up",
)
TIMES_EDGES: Final = (0.9, 1.1, 1.5, 2.0)
"""Edges of knee load against the same ground made level."""
TIMES: Final = ("up", "level", "down-2", "down-3", "down-5")
ALIKE_GRADE: Final = 0.015
ALIKE_TIMES: Final = 0.1
"""Neighbouring stretches less than so far apart are drawn as one."""
TIMES_WORDS: Final = ("under 0.9 ×", "as level", "1.1 to 1.5 ×", "1.5 to 2 ×", "over 2 ×")


@dataclass(frozen=True, slots=True)
class Route:
    """The x axis along a route: values in shown units, and what they are."""

    x: FloatArray
    size: float
    """Metres (or seconds) in a shown unit."""
    word: str
    timed: bool

    @property
    def gid(self) -> str:
        """Mark on the axes from which `to_svg` tells where they are; negative where the axis is time."""
        return f"route:{-self.size if self.timed else self.size}"

    @property
    def name(self) -> str:
        """Word and unit below the axis."""
        return f"{'time' if self.timed else 'distance'} [{self.word}]"


def route_axis(profile: pl.DataFrame, units: str) -> Route | None:
    """Distance along the route, or time where there is none; None where there is neither."""
    metres, seconds = column(profile, "distance_m"), column(profile, "elapsed_s")
    if known(metres) and np.nanmax(metres) > 100:
        size, word = u.scale_distance(units)
        return Route(metres / size, size, word, timed=False)
    if known(seconds) and np.nanmax(seconds) > 0:
        return Route(seconds / 60, 60.0, "min", timed=True)
    return None


def place_route(ax: "Axes", route: Route, *, narrow: bool, name: bool = True) -> None:
    """Limits, marks and name of the shared axis."""
    high = float(np.nanmax(route.x))
    ax.set_xlim(0, high)
    ax.set_gid(route.gid)
    places = axis_steps(0, high, 4 if narrow else 8)
    ticks_x(ax, places, u.labels(places), edges=True)
    if name:
        note(
            ax,
            (1, 0),
            route.name,
            shift=(0, -22),
            ha="right",
            va="top",
            colour="muted",
            coords="axes fraction",
        )


def stretches(x: FloatArray, y: FloatArray, group: npt.NDArray[np.int64]) -> dict[int, list[FloatArray]]:
    """Outlines above -inf of runs of rows of one group, each joined to the next row so that none gapes."""
    shapes: dict[int, list[FloatArray]] = {}
    if len(x) < 2:
        return shapes
    cuts = np.flatnonzero(np.diff(group)) + 1
    for begin, end in zip(np.append(0, cuts).tolist(), np.append(cuts, len(x)).tolist(), strict=True):
        which = int(group[begin])
        if which < 0:
            continue
        last = end + 1 if end < len(x) and group[end] >= 0 else end
        if last - begin > 1:
            shapes.setdefault(which, []).append(np.column_stack([x[begin:last], y[begin:last]]))
    return shapes


def filled(ax: "Axes", shapes: dict[int, list[FloatArray]], colours: Sequence[str], floor: float) -> None:
    """Fill the outlines down to a floor, one artist a colour."""
    for which, outlines in sorted(shapes.items()):
        closed = [
            np.vstack([[line[0, 0], floor], line, [line[-1, 0], floor]]) for line in outlines if len(line)
        ]
        polygons(ax, closed, colours[which], antialiased=True)


def _grouped(
    values: FloatArray, believed: npt.NDArray[np.bool_], edges: Sequence[float]
) -> npt.NDArray[np.int64]:
    """Number of the band of each row; -1 where the row cannot be drawn."""
    group = np.searchsorted(np.array(edges), np.nan_to_num(values), side="right").astype(np.int64)
    return np.where(believed, group, -1)


def settled(group: npt.NDArray[np.int64], values: FloatArray, near: float) -> npt.NDArray[np.int64]:
    """The same without slivers and flicker, each stretch in the band that most of its rows have.

    Neighbouring stretches are joined, the most alike first, while their means are less than `near` apart (a slope
    right at the edge of two bands is one slope) or one of them is too short to be seen.
    """
    least = max(1, len(group) // 130)
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(group)) + 1, [len(group)]])
    good = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(good, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(good)])
    while len(cuts) > 2:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.diff(sums[cuts]) / np.diff(counts[cuts])
        length, kind = np.diff(cuts), group[cuts[:-1]]
        gap = np.nan_to_num(np.abs(np.diff(mean)), nan=np.inf)
        short = np.minimum(length[1:], length[:-1]) < least
        drawable = (kind[1:] >= 0) & (kind[:-1] >= 0)
        joined = np.flatnonzero(drawable & (short | (gap < near)))
        if not joined.size:
            break
        cuts = np.delete(cuts, joined[np.argmin(gap[joined])] + 1)
    calm = group.copy()
    for begin, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        if group[begin] >= 0:
            calm[begin:end] = np.bincount(group[begin:end]).argmax()
    return calm


def _height_limits(altitude: FloatArray) -> tuple[float, float]:
    low, high = float(np.nanmin(altitude)), float(np.nanmax(altitude))
    span = max(high - low, 20.0)
    return low - 0.12 * span, max(high, low + span)


def _elevation(
    sheet: Sheet, top: float, height: float, route: Route, altitude: FloatArray, units: str, room: float
) -> tuple["Axes", float]:
    """Axes for an elevation picture with `room` pixels free above the highest point; axes and floor."""
    size, word = u.scale_height(units)
    left = LEFT_NARROW if sheet.narrow else LEFT
    ax = sheet.axes(left, top, sheet.width - left - RIGHT, height)
    low, high = _height_limits(altitude / size)
    ax.set_ylim(low, high + (high - low) * room / max(height - room, 1))
    place_route(ax, route, narrow=sheet.narrow)
    places = axis_steps(low, high, 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, f"elevation [{word}]")
    return ax, low


@drawn
def profile(
    profile: pl.DataFrame,
    descents: pl.DataFrame,
    *,
    units: str = "metric",
    narrow: bool = False,
    sloped: bool = True,
) -> Chart:
    """Elevation along the route, filled by grade band, descents numbered.

    Parameters
    ----------
    profile
        ``distance_m``, ``altitude_smooth_m``, ``grade`` (and ``elapsed_s``).
    descents
        ``number``, ``start_distance_m``, ``length_m``, ``drop_m``, ``grade_mean``.
    sloped
        False where the elevation is too rough to tell grade from, so that it is drawn in one neutral colour.
    """
    route, altitude = route_axis(profile, units), column(profile, "altitude_smooth_m")
    sheet = Sheet(330 if narrow else 300, narrow)
    top = sheet.heading("Up and down", f"Elevation along the route, {FILLED if sloped else ROUGH}.")
    if route is None or not known(altitude):
        sheet.nothing("No elevation that can be believed, so no grade and no descents are drawn.", y=top)
        return sheet.chart("profile", "Up and down. No elevation that can be believed; nothing is drawn.")
    grade = column(profile, "grade") if sloped else np.full(profile.height, np.nan)
    drawable = np.isfinite(altitude) & np.isfinite(route.x)
    group = _grouped(grade, drawable, EDGES)
    group = settled(np.where(drawable & ~np.isfinite(grade), len(BAND), group), grade, ALIKE_GRADE)
    words, colours = (*BAND_WORDS, "grade unknown"), (*BAND, "ground")
    keys = [Key(colours[i], words[i]) for i in np.unique(group[group >= 0]).tolist()[::-1]]
    top = sheet.keys(0, top, keys) + 20
    bottom = 44
    size = u.scale_height(units)[0]
    marks = _marks(descents, route, units, sheet)
    rows = 1 + max((row for *_, row in marks), default=-1)
    height = sheet.height - top - bottom
    ax, floor = _elevation(sheet, top, height, route, altitude, units, room=10 + 17 * rows)
    shapes = stretches(route.x, altitude / size, group)
    filled(ax, shapes, colours, floor)
    ax.plot(route.x, altitude / size, color=LIGHT["ink"], linewidth=1.4)
    _numbered(sheet, ax, marks, route, altitude / size)
    return sheet.chart("profile", _profile_alt(route, altitude, descents, units, sloped=sloped))


Mark = tuple[float, float, str, float, int]
"""Begin, end [shown units], words, middle of the words [shown units], row from the top."""
MOST_MARKS: Final = 12


def _marks(descents: pl.DataFrame, route: Route, units: str, sheet: Sheet) -> list[Mark]:
    """Which descents are named, and in which row above the profile, without overlaps."""
    if descents.is_empty() or route.timed or "number" not in descents.columns:
        return []
    largest = descents.drop_nulls(["number", "start_distance_m", "length_m", "drop_m"]).sort(
        "drop_m", "number", descending=[True, False]
    )
    left = LEFT_NARROW if sheet.narrow else LEFT
    high = float(np.nanmax(route.x))
    unit = high / (sheet.width - left - RIGHT)
    taken: list[list[tuple[float, float]]] = [[], []] if not sheet.narrow else [[], [], []]
    marks: list[Mark] = []
    for row in largest.head(MOST_MARKS).to_dicts():
        begin = row["start_distance_m"] / route.size
        end = begin + row["length_m"] / route.size
        grade = row.get("grade_mean")
        told = f"{row['number']}: {u.height(row['drop_m'], units)}"
        if grade is not None and not sheet.narrow:
            told += f" at {u.percent(grade)}"
        for words in (told, str(row["number"])):
            half = 0.5 * (measured(words, SMALL, bold=True) + 10) * unit
            middle = min(max((begin + end) / 2, half), high - half)
            free = next(
                (
                    level
                    for level, spans in enumerate(taken)
                    if all(middle + half < a or middle - half > b for a, b in spans)
                ),
                None,
            )
            if free is not None:
                taken[free].append((middle - half, middle + half))
                marks.append((begin, end, words, middle, free))
                break
    return marks


def _numbered(sheet: Sheet, ax: "Axes", marks: Sequence[Mark], route: Route, heights: FloatArray) -> None:
    """Names above, a thick line where each descent runs, and a hair line between the two."""
    from matplotlib.collections import LineCollection

    if not marks:
        return
    _, top = ax.get_ylim()
    per_px = pixel(ax, sheet)[1]
    hairs, runs = [], []
    good = np.isfinite(route.x) & np.isfinite(heights)
    for begin, end, words, middle, row in marks:
        y = top - (row * 17 + 8) * per_px
        note(ax, (middle, y), words, ha="center", bold=True)
        inside = good & (route.x >= begin) & (route.x <= end)
        if inside.any():
            runs.append(np.column_stack([route.x[inside], heights[inside]]))
            at = begin + 0.3 * (end - begin)
            ground = float(np.interp(at, route.x[good], heights[good]))
            hairs.append(np.array([[middle, y - 9 * per_px], [at, ground + 4 * per_px]]))
    ax.add_collection(LineCollection(hairs, colors=LIGHT["edge"], linewidths=1, zorder=1), autolim=False)
    ax.add_collection(
        LineCollection(runs, colors=LIGHT["ink"], linewidths=3, capstyle="round", zorder=4), autolim=False
    )


def _profile_alt(
    route: Route, altitude: FloatArray, descents: pl.DataFrame, units: str, *, sloped: bool
) -> str:
    size = u.scale_height(units)[0]
    reach = u.number(float(np.nanmax(route.x)), 1)
    told = (
        f"Up and down. Elevation over {reach} {route.word}, from {u.height(float(np.nanmin(altitude)), units)} "
        f"to {u.height(float(np.nanmax(altitude)), units)}, {FILLED if sloped else ROUGH}."
    )
    if not sloped:
        return told
    rows = descents.drop_nulls(["number", "drop_m"]).to_dicts() if "drop_m" in descents.columns else []
    if not rows or size <= 0:
        return told + " No single descent stands out."
    largest = sorted(rows, key=lambda row: -row["drop_m"])[:5]
    parts = [
        f"descent {row['number']} loses {u.height(row['drop_m'], units)}"
        + (f" at {u.percent(row['grade_mean'])}" if row.get("grade_mean") is not None else "")
        for row in largest
    ]
    return f"{told} {len(rows)} single descents; the largest: {'; '.join(parts)}."


@drawn
def load(
    profile: pl.DataFrame, per_km: pl.DataFrame, *, units: str = "metric", narrow: bool = False
) -> Chart:
    """Knee load along the route: mean force per leg with its 90 % band, and the same on level ground.

    Parameters
    ----------
    profile
        ``distance_m``, ``load_rate_bw``, ``load_rate_low_bw``, ``load_rate_high_bw``, ``load_rate_level_bw``.
    per_km
        ``km``, ``distance_m``, ``load_rate_bw``: the mean of each kilometre, drawn as steps.
    """
    route, rate = route_axis(profile, units), column(profile, "load_rate_bw")
    sheet = Sheet(440 if narrow else 400, narrow)
    top = sheet.heading(
        "Knee load along the way", "Mean force behind the kneecap per leg, with its 90 % band (modelled)."
    )
    if route is None or not known(rate):
        sheet.nothing("There is no knee load along the route: no model for this, or no track.", y=top)
        return sheet.chart("load", "Knee load along the way. Unknown; nothing is drawn.")
    low, high = column(profile, "load_rate_low_bw"), column(profile, "load_rate_high_bw")
    level = column(profile, "load_rate_level_bw")
    means = column(per_km, "load_rate_bw")
    keys = [Key("load", "this route", "line"), Key("load-soft", "90 % band")]
    # where no slope counts, as on a bicycle, the two lines are one
    if known(level) and np.nanmax(np.abs(level - rate), initial=0.0) > 1e-6:
        keys.append(Key("muted", "the same on level ground", "dash"))
    else:
        level = np.full_like(rate, np.nan)
    if known(means) and not route.timed:
        keys.append(Key("ink", "mean of each km", "line"))
    top = sheet.keys(0, top, keys) + 20
    left = LEFT_NARROW if narrow else LEFT
    total = column(profile, "knee_load_bw_s") / EASY_S
    below = SO_FAR if known(total) else 0.0
    ax = sheet.axes(left, top, sheet.width - left - RIGHT, sheet.height - top - 44 - below)
    place_route(ax, route, narrow=narrow, name=not below)
    ceiling = float(np.nanmax(np.concatenate([rate, high[np.isfinite(high)]]))) * 1.06
    ax.set_ylim(0, max(ceiling, 0.5))
    places = axis_steps(0, max(ceiling, 0.5), 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, "mean force per leg [body weights]")
    ax.fill_between(route.x, low, high, color=LIGHT["load-soft"], linewidth=0)
    ax.plot(route.x, level, color=LIGHT["muted"], linewidth=1.3, linestyle=(0, (4, 3)))
    ax.plot(route.x, rate, color=LIGHT["load"], linewidth=1.6)
    if known(means) and not route.timed:
        ends = np.cumsum(np.nan_to_num(column(per_km, "distance_m"))) / route.size
        begins = np.append(0.0, ends[:-1])
        ax.hlines(means, begins, ends, color=LIGHT["ink"], linewidth=1.4, zorder=4)
    if below:
        _so_far(sheet, left, route, total)
    return sheet.chart("load", _load_alt(route, rate, low, high, level, total))


def _so_far(sheet: Sheet, left: float, route: Route, total: FloatArray) -> None:
    """The running total in a panel of its own beneath."""
    height = SO_FAR - 58
    ax = sheet.axes(left, sheet.height - 44 - height, sheet.width - left - RIGHT, height)
    place_route(ax, route, narrow=sheet.narrow)
    high = max(float(np.nanmax(total)), 1.0)
    ax.set_ylim(0, high * 1.06)
    places = axis_steps(0, high, 2)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, f"knee load so far, {u.number(float(np.nanmax(total)))} in all [easy min]")
    ax.plot(route.x, total, color=LIGHT["load"], linewidth=1.8)


def _load_alt(
    route: Route, rate: FloatArray, low: FloatArray, high: FloatArray, level: FloatArray, total: FloatArray
) -> str:
    top = int(np.nanargmax(rate))
    where = (
        f"{u.number(float(route.x[top]), 1)} {route.word}"
        if np.isfinite(route.x[top])
        else "an unknown place"
    )
    told = (
        f"Knee load along the way. Mean force per leg over {u.number(float(np.nanmax(route.x)), 1)} {route.word}: "
        f"between {u.number(float(np.nanmin(rate)), 2)} and {u.number(float(rate[top]), 2)} body weights, "
        f"highest at {where}"
    )
    if np.isfinite(low[top]) and np.isfinite(high[top]):
        told += f" (90 % band there {u.number(float(low[top]), 2)} to {u.number(float(high[top]), 2)})"
    if np.isfinite(level[top]):
        told += f"; on level ground it would be {u.number(float(level[top]), 2)} there"
    if known(total):
        told += f". In all {u.number(float(np.nanmax(total)))} easy minutes"
    return told + "."


@drawn
def course(profile: pl.DataFrame, *, units: str = "metric", narrow: bool = False) -> Chart:
    """A planned course: elevation, coloured by the expected knee load against level ground."""
    route, altitude = route_axis(profile, units), column(profile, "altitude_smooth_m")
    rate = column(profile, "load_rate_bw")
    sheet = Sheet(330 if narrow else 300, narrow)
    top = sheet.heading("What the course would ask", "Elevation, coloured by knee load against level ground.")
    if route is None or not known(altitude):
        sheet.nothing("The course has no elevation, so what it asks on its slopes is unknown.", y=top)
        return sheet.chart("course", "What the course would ask. No elevation; nothing is drawn.")
    times = rate / level_rate(profile)
    drawable = np.isfinite(altitude) & np.isfinite(route.x)
    group = _grouped(times, drawable, TIMES_EDGES)
    group = settled(np.where(drawable & ~np.isfinite(times), len(TIMES), group), times, ALIKE_TIMES)
    words, colours = (*TIMES_WORDS, "unknown"), (*TIMES, "ground")
    top = sheet.keys(0, top, [Key(colours[i], words[i]) for i in np.unique(group[group >= 0]).tolist()]) + 20
    size = u.scale_height(units)[0]
    ax, floor = _elevation(sheet, top, sheet.height - top - 44, route, altitude, units, room=8)
    filled(ax, stretches(route.x, altitude / size, group), colours, floor)
    ax.plot(route.x, altitude / size, color=LIGHT["ink"], linewidth=1.4)
    reach = u.number(float(np.nanmax(route.x)), 1)
    alt = (
        f"What the course would ask. Elevation over {reach} {route.word}, from "
        f"{u.height(float(np.nanmin(altitude)), units)} to {u.height(float(np.nanmax(altitude)), units)}"
    )
    placed = np.where(np.isfinite(route.x), times, np.nan)
    if known(placed):
        most = int(np.nanargmax(placed))
        alt += (
            f"; the expected knee load is at most {u.number(float(times[most]), 1)} times that of level ground, at "
            f"{u.number(float(route.x[most]), 1)} {route.word}"
        )
    return sheet.chart("course", alt + ".")


def level_rate(profile: pl.DataFrame) -> FloatArray:
    """Mean force on level ground, all else equal; that of easy running where it is not given [BW]."""
    level = column(profile, "load_rate_level_bw")
    return np.where(np.isfinite(level) & (level > 0), level, EASY_LOAD_BW)


@drawn
def track(profile: pl.DataFrame, *, colour: Literal["grade", "load"] = "grade") -> Chart:
    """The track from above, north up, coloured by grade or knee load: no tiles, no coordinates."""
    from matplotlib.collections import LineCollection

    latitude, longitude = column(profile, "latitude_deg"), column(profile, "longitude_deg")
    good = np.isfinite(latitude) & np.isfinite(longitude)
    sheet = Sheet(420)
    told = "grade" if colour == "grade" else "knee load against level ground"
    top = sheet.heading("From above", f"North is up; coloured by {told}.")
    if good.sum() < 2:
        sheet.nothing("No positions are kept, so there is no track to draw.", y=top)
        return sheet.chart("track", "From above. No positions are kept; nothing is drawn.")
    near = ALIKE_GRADE if colour == "grade" else ALIKE_TIMES
    if colour == "grade":
        values, group = column(profile, "grade"), _grouped(column(profile, "grade"), good, EDGES)
        words, colours = [*BAND_WORDS, "unknown"], [*BAND, "muted"]
    else:
        values = column(profile, "load_rate_bw") / level_rate(profile)
        group = _grouped(values, good, TIMES_EDGES)
        words, colours = [*TIMES_WORDS, "unknown"], [*TIMES, "muted"]
    group = settled(np.where(good & ~np.isfinite(values), len(colours) - 1, group), values, near)
    top = sheet.keys(0, top, [Key(colours[i], words[i]) for i in np.unique(group[group >= 0]).tolist()]) + 8
    middle = np.deg2rad(float(np.mean(latitude[good])))
    east = (longitude - float(np.mean(longitude[good]))) * np.cos(middle)
    north = latitude - float(np.mean(latitude[good]))
    width, height = sheet.width - 20, sheet.height - top - 10
    ax = sheet.axes(10, top, width, height)
    ax.set_axis_off()
    span = _square(ax, east[good], north[good], width / height)
    ax.plot(east[good], north[good], color=LIGHT["edge"], linewidth=6, zorder=1)
    for which, lines in sorted(stretches(east, north, group).items()):
        ax.add_collection(
            LineCollection(lines, colors=LIGHT[colours[which]], linewidths=3.2, capstyle="round", zorder=2),
            autolim=False,
        )
    first, last = np.flatnonzero(good)[[0, -1]].tolist()
    ax.plot(
        east[first],
        north[first],
        "o",
        markersize=9,
        color=LIGHT["paper"],
        markeredgecolor=LIGHT["ink"],
        markeredgewidth=2,
        zorder=5,
    )
    ax.plot(east[last], north[last], "s", markersize=8, color=LIGHT["ink"], markeredgewidth=0, zorder=4)
    note(ax, (east[first], north[first]), "start", shift=(10, 8), bold=True)
    if np.hypot(east[last] - east[first], north[last] - north[first]) > 0.05 * span:
        note(ax, (east[last], north[last]), "end", shift=(10, 8), bold=True)
    counted = np.bincount(group[group >= 0], minlength=len(words))
    main = int(np.argmax(counted))
    alt = (
        f"From above. The track as a plain line, north up, coloured by {told}; "
        f"{u.percent(counted[main] / counted.sum())} of it is {words[main]}. No coordinates are shown."
    )
    return sheet.chart("track", alt)


def _square(ax: "Axes", east: FloatArray, north: FloatArray, shape: float) -> float:
    """Limits that show both in the same scale, with room around; the larger extent."""
    across, along = float(np.ptp(east)), float(np.ptp(north))
    tall = 1.12 * max(along, across / shape, 1e-6)
    middle_x, middle_y = float(east.min()) + across / 2, float(north.min()) + along / 2
    ax.set_xlim(middle_x - tall * shape / 2, middle_x + tall * shape / 2)
    ax.set_ylim(middle_y - tall / 2, middle_y + tall / 2)
    return max(across, along, 1e-6)
