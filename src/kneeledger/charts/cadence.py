"""Step rate against pace, and step rate at the same pace over time.

The first picture has pace on its axis, in minutes and seconds, but is spaced by speed: cadence rises nearly
straight with speed and would bend with pace. Faster is to the right. The second shows each run's cadence at
3 m/s on level ground with its interval and the days it changed; it has no target and no colour for good or bad,
because a runner is only compared with themself.
Instead of: cadence over time, which falls whenever a run is slower.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from kneeledger import plurals
from kneeledger.charts import units as u
from kneeledger.charts.calendar_axis import day_numbers, place_days
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
    measured,
    note,
    pixel,
    spread,
    ticks_x,
    ticks_y,
)
from kneeledger.model import FloatArray

__all__ = ["cadence_pace", "cadence_trend"]

RECENT_DAYS: Final = 28
LEAST_TIME_S: Final = 10.0
"""A pace held for less is not drawn."""

Line = tuple[float, float, float, float]


@drawn
def cadence_pace(
    by_pace: pl.DataFrame,
    line: Line | None,
    *,
    units: str = "metric",
    narrow: bool = False,
    stretches: pl.DataFrame | None = None,
) -> Chart:
    """Cadence against pace, bigger dots for more time, with the athlete's own line.

    Parameters
    ----------
    by_pace
        ``speed_from_mps``, ``speed_to_mps``, ``time_s``, ``cadence_spm``; may be empty.
    line
        Intercept and slope of ln(steps/min) on ln(v/3), and the range of speeds it was learnt from [m/s].
    stretches
        Steady stretches of the history: ``speed_mps``, ``cadence_spm`` and, to highlight the last four weeks,
        ``day``; drawn quietly behind.
    """
    spot = _spots(by_pace)
    cloud = stretches if stretches is not None else pl.DataFrame()
    if "level" in cloud.columns:
        cloud = cloud.filter(pl.col("level"))
    cloud = cloud.drop_nulls([n for n in ("speed_mps", "cadence_spm") if n in cloud.columns])
    sheet = Sheet(320, narrow)
    top = sheet.heading("Step rate and pace", "Steps of both feet a minute; faster is to the right.")
    speeds = np.concatenate([spot[0], column(cloud, "speed_mps")])
    spm = np.concatenate([spot[1], column(cloud, "cadence_spm")])
    if not speeds.size:
        sheet.nothing("No running with a step rate at a known pace.", y=top)
        return sheet.chart("cadence-pace", "Step rate and pace. No running with a known step rate and pace.")
    newest = cloud["day"].max() if "day" in cloud.columns and cloud.height else None
    keys = [Key("run", "this run" if stretches is None else "by pace", "dot")] if spot[0].size else []
    if cloud.height:
        keys.append(Key("edge", "earlier runs", "dot"))
    if newest is not None:
        keys.append(Key("walk", "last four weeks", "dot"))
    if line:
        keys.append(Key("accent", "your own line", "line"))
    top = sheet.keys(0, top, keys) + 20
    left = 44.0
    ax = sheet.axes(left, top, sheet.width - left - 14, sheet.height - top - 46)
    low, high = float(np.nanmin(speeds)), float(np.nanmax(speeds))
    pad = max(0.06 * (high - low), 0.1)
    ax.set_xlim(max(low - pad, 0.3), high + pad)
    bottom, ceiling = float(np.nanmin(spm)), float(np.nanmax(spm))
    if line:
        own = _own(line, np.array([max(low, line[2]), min(max(high, line[2]), line[3])]))
        bottom, ceiling = min(bottom, float(own.min())), max(ceiling, float(own.max()))
    room = max(0.12 * (ceiling - bottom), 3.0)
    ax.set_ylim(bottom - room, ceiling + room)
    _pace_marks(ax, units, 4 if narrow else 8)
    places = axis_steps(bottom - room, ceiling + room, 5)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, "steps a minute")
    if cloud.height:
        _cloud(ax, cloud, newest if isinstance(newest, date) else None)
    if spot[0].size:
        sizes = 22 + 260 * spot[2] / max(float(spot[2].max()), 1.0)
        ax.scatter(
            spot[0], spot[1], s=sizes, color=LIGHT["run"], linewidths=1, edgecolors=LIGHT["paper"], zorder=4
        )
    if line:
        _draw_line(ax, line)
    return sheet.chart("cadence-pace", _pace_alt(spot, line, units))


def _spots(by_pace: pl.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Speed, cadence and time of each bin that has all three."""
    speed = (column(by_pace, "speed_from_mps") + column(by_pace, "speed_to_mps")) / 2
    spm, time = column(by_pace, "cadence_spm"), column(by_pace, "time_s")
    good = np.isfinite(speed) & np.isfinite(spm) & (time >= LEAST_TIME_S)
    return speed[good], spm[good], time[good]


def _own(line: Line, speed: FloatArray) -> FloatArray:
    return np.asarray(np.exp(line[0] + line[1] * np.log(speed / 3.0)), dtype=np.float64)


def _pace_marks(ax: Any, units: str, count: int) -> None:
    """Round paces on an axis spaced by speed."""
    low, high = ax.get_xlim()
    size, word = u.scale_distance(units)
    slow, fast = size / low, size / high
    gap = (high - low) / (count + 1)
    kept: list[float] = []
    for step in (60.0, 30.0, 15.0):
        for seconds in np.arange(np.ceil(fast / step) * step, slow + 1e-9, step).tolist():
            if all(abs(size / seconds - size / other) >= gap for other in kept):
                kept.append(seconds)
    ticks_x(ax, [size / s for s in kept], [u.pace(size / s, units, unit=False) for s in kept])
    note(
        ax,
        (1, 0),
        f"pace [min:sec per {word}], faster →",
        shift=(0, -24),
        ha="right",
        va="top",
        colour="muted",
        coords="axes fraction",
    )


def _cloud(ax: Any, cloud: pl.DataFrame, newest: date | None) -> None:
    speed, spm = column(cloud, "speed_mps"), column(cloud, "cadence_spm")
    recent = np.zeros(cloud.height, dtype=bool)
    if newest is not None:
        recent = (cloud["day"] > newest - timedelta(days=RECENT_DAYS)).fill_null(False).to_numpy()
    for mask, colour in ((~recent, "edge"), (recent, "walk")):
        at = np.unique(np.column_stack([(speed[mask] * 25).round() / 25, spm[mask].round()]), axis=0)
        if len(at):
            ax.plot(at[:, 0], at[:, 1], "o", markersize=3.4, color=LIGHT[colour], markeredgewidth=0, zorder=2)


def _draw_line(ax: Any, line: Line) -> None:
    low, high = ax.get_xlim()
    inside = np.linspace(max(low, line[2]), min(high, line[3]), 30)
    if inside[0] < inside[-1]:
        ax.plot(inside, _own(line, inside), color=LIGHT["accent"], linewidth=2.2, zorder=5)
    outside = np.linspace(low, high, 40)
    outside[(outside > line[2]) & (outside < line[3])] = np.nan
    ax.plot(
        outside, _own(line, outside), color=LIGHT["accent"], linewidth=1.2, linestyle=(0, (3, 3)), zorder=3
    )


def _pace_alt(spot: tuple[FloatArray, FloatArray, FloatArray], line: Line | None, units: str) -> str:
    told = "Step rate and pace. "
    if spot[0].size:
        main = int(np.argmax(spot[2]))
        told += (
            f"Between {u.pace(float(spot[0].min()), units)} and {u.pace(float(spot[0].max()), units)} the step rate goes "
            f"from {u.number(float(spot[1].min()))} to {u.number(float(spot[1].max()))} steps a minute; most time was "
            f"spent at {u.pace(float(spot[0][main]), units)} with {u.number(float(spot[1][main]))}. "
        )
    if line:
        own = float(_own(line, np.array([3.0]))[0])
        told += f"The athlete's own line gives {u.number(own)} at {u.pace(3.0, units)}."
    return told


@drawn
def cadence_trend(
    series: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]], *, narrow: bool = False
) -> Chart:
    """Cadence at 3 m/s on level ground, run by run with its 90 % interval, and the days it changed.

    Parameters
    ----------
    series
        ``date`` (ISO), ``matched_cadence_spm``, ``low``, ``high``: as in ``cadence --format json``.
    changes
        ``date``, ``size_pct``, ``low_pct``, ``high_pct``, ``class``.
    """
    from matplotlib.collections import LineCollection

    sheet = Sheet(320 if narrow else 300, narrow)
    top = sheet.heading(
        "Step rate at the same pace",
        "Each run's steps a minute at 3 m/s on level ground, with 90 % interval.",
    )
    rows = [row for row in series if row.get("date") and row.get("matched_cadence_spm") is not None]
    if not rows:
        sheet.nothing("Too few steady level stretches to compare the step rate at one pace.", y=top)
        return sheet.chart("cadence-trend", "Step rate at the same pace. Too little is known to draw it.")
    days = [date.fromisoformat(str(row["date"])) for row in rows]
    x = day_numbers(days)
    y = np.array([float(row["matched_cadence_spm"]) for row in rows])
    low = np.array([float(row["low"]) if row.get("low") is not None else np.nan for row in rows])
    high = np.array([float(row["high"]) if row.get("high") is not None else np.nan for row in rows])
    told = [c for c in changes if c.get("date") and c.get("size_pct") is not None]
    top += 40 if told else 20
    ax = sheet.axes(44, top, sheet.width - 58, sheet.height - top - 30)
    first, last = days[0], days[-1]
    ax.set_xlim(x[0] - 2, max(x[-1], x[0] + 6) + 2)
    bottom, ceiling = (
        float(np.nanmin([np.nanmin(y), *low[np.isfinite(low)]])),
        float(np.nanmax([np.nanmax(y), *high[np.isfinite(high)]])),
    )
    room = max(0.08 * (ceiling - bottom), 1.5)
    ax.set_ylim(bottom - room, ceiling + room)
    place_days(ax, first, last, narrow=narrow)
    places = axis_steps(bottom - room, ceiling + room, 5)
    ticks_y(ax, places, u.labels(places))
    _changes(sheet, ax, told, float(x[-1]))
    if not told:
        axis_name(ax, "steps a minute at 3 m/s")
    else:
        note(
            ax,
            (0, 1),
            "steps a minute at 3 m/s",
            shift=(0, 25),
            va="bottom",
            colour="muted",
            coords="axes fraction",
        )
    bars = [np.array([[a, b], [a, c]]) for a, b, c in zip(x, low, high, strict=True) if np.isfinite(b + c)]
    ax.add_collection(LineCollection(bars, colors=LIGHT["run-soft"], linewidths=2.4, zorder=2), autolim=False)
    ax.plot(x, y, "o", color=LIGHT["run"], markersize=5, markeredgewidth=0, zorder=4)
    return sheet.chart("cadence-trend", _trend_alt(days, y, told))


def _changes(sheet: Sheet, ax: Any, changes: Sequence[Mapping[str, Any]], end: float) -> None:
    """A band from each change to the next, every other one shaded, with its size and day on top."""
    marks = [(float(day_numbers([date.fromisoformat(str(c["date"]))])[0]) - 0.5, c) for c in changes]
    edges = [at for at, _ in marks] + [end + 2]
    words = [f"{u.signed(float(change['size_pct']), 1)} %" for _, change in marks]
    per_px, limits = pixel(ax, sheet)[0], ax.get_xlim()
    sizes = [(measured(text, SMALL, bold=True) + 8) * per_px for text in words]
    places = spread(edges[:-1], sizes, *limits)
    for index, (at, _) in enumerate(marks):
        if index % 2 == 0:
            ax.axvspan(at, edges[index + 1], color=LIGHT["ground"], linewidth=0, zorder=0)
        ax.axvline(at, color=LIGHT["accent"], linewidth=1.4, zorder=3)
        if places[index] - sizes[index] / 2 >= limits[0] - per_px:
            note(
                ax,
                (places[index], 1),
                words[index],
                shift=(0, 5),
                ha="center",
                va="bottom",
                bold=True,
                coords=ax.get_xaxis_transform(),
            )


def _trend_alt(days: Sequence[date], y: FloatArray, changes: Sequence[Mapping[str, Any]]) -> str:
    told = (
        f"Step rate at the same pace. {plurals.count(len(days), 'run')} "
        f"from {u.day(days[0])} to {u.day(days[-1])} {days[-1].year}; at "
        f"3 m/s on level ground between {u.number(float(y.min()), 1)} and {u.number(float(y.max()), 1)} steps a minute, "
        f"last {u.number(float(y[-1]), 1)}."
    )
    if not changes:
        return told + " No change was found."
    parts = []
    for change in changes:
        text = f"{u.signed(float(change['size_pct']), 1)} % from {u.day(date.fromisoformat(str(change['date'])))}"
        if change.get("low_pct") is not None and change.get("high_pct") is not None:
            text += (
                f" ({u.signed(float(change['low_pct']), 1)} to {u.signed(float(change['high_pct']), 1)} %)"
            )
        parts.append(text)
    return f"{told} Changes: {'; '.join(parts)}."
