"""Weeks and sessions of the overview: what was done, against what was usual.

Weeks stand in the order of the calendar, one column each, stacked by way of moving in easy minutes with the
interval of the whole; the mean week of the 28 days before is a tick across each column, not a line, since it is
another number every week. The peak-weighted view has a panel of its own and is never added. A week that is not
over is drawn paler, a week with unknown days says how many are known.
Instead of: one line of load with a coloured danger zone.
"""

from datetime import date, timedelta
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import plurals
from kneeledger.charts import units as u
from kneeledger.charts.calendar_axis import day_numbers, place_days
from kneeledger.charts.chart import Chart
from kneeledger.charts.palette import DOWN, LIGHT
from kneeledger.charts.route import EASY_S
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
    polygons,
    ticks_x,
    ticks_y,
)
from kneeledger.model import FloatArray

__all__ = ["WAYS", "descent_weeks", "sessions", "sparkline", "weeks"]

WAYS: Final = (("run", "running"), ("walk", "walking"), ("ride", "cycling"))


def easy_array(load_bw_s: FloatArray) -> FloatArray:
    """Linear load as easy minutes."""
    return load_bw_s / EASY_S


def _week_axis(sheet: Sheet, top: float, height: float, days: list[date], *, words: bool = True) -> Any:
    """One column a week; marks are Mondays, fewer where narrow."""
    ax = sheet.axes(44, top, sheet.width - 52, height)
    ax.set_xlim(-0.55, len(days) - 0.45)
    every = max(1, -(-len(days) // (4 if sheet.narrow else 8)))
    shown = [i for i in range(len(days)) if (len(days) - 1 - i) % every == 0]
    ticks_x(ax, shown, [u.day(days[i]) if words else "" for i in shown])
    return ax


def _stack(ax: Any, values: dict[str, FloatArray], pale: npt.NDArray[np.bool_]) -> FloatArray:
    """Columns stacked in order of the keys (colour names); their heights."""
    count = len(pale)
    at = np.arange(count, dtype=np.float64)
    base = np.zeros(count)
    for colour, value in values.items():
        amount = np.nan_to_num(value)
        for mask, alpha in ((~pale, 1.0), (pale, 0.55)):
            use = mask & (amount > 0)
            if use.any():
                shapes = boxes(at[use] - 0.36, at[use] + 0.36, base[use], (base + amount)[use])
                polygons(ax, shapes, colour, alpha=alpha, edgecolor=LIGHT["paper"], linewidth=0.6)
        base = base + amount
    return base


def _bools(frame: pl.DataFrame, name: str, *, default: bool) -> npt.NDArray[np.bool_]:
    if name not in frame.columns:
        return np.full(frame.height, default)
    return frame[name].cast(pl.Boolean, strict=False).fill_null(default).to_numpy().astype(bool)


@drawn
def weeks(weeks: pl.DataFrame, *, units: str = "metric", narrow: bool = False) -> Chart:
    """Knee load by week and way of moving, with interval and usual level; peak-weighted in a panel beneath.

    Parameters
    ----------
    weeks
        ``week``, ``knee_<way>_bw_s``, ``knee_low_bw_s``, ``knee_high_bw_s``, ``peak_<way>_steps``,
        ``level_28d_bw_s``, ``known_days``, ``complete``; `units` changes nothing, load has none of them.
    """
    del units
    sheet = Sheet(440 if narrow else 420, narrow)
    frame = weeks.drop_nulls("week") if "week" in weeks.columns else pl.DataFrame()
    told = "Easy minutes: as many minutes of easy level running."
    if not _bools(frame, "complete", default=True).all():
        told += " The paler week is not over."
    if _gaps(frame).any():
        told += " n/7: only so many days are known."
    top = sheet.heading("Knee load by week", told)
    load = {way: easy_array(column(frame, f"knee_{way}_bw_s")) for way, _ in WAYS}
    if frame.is_empty() or not any(known(values) for values in load.values()):
        sheet.nothing("No week with a known knee load.", y=top)
        return sheet.chart("weeks", "Knee load by week. No week with a known knee load.")
    days, pale = frame["week"].to_list(), ~_bools(frame, "complete", default=True)
    usual = easy_array(column(frame, "level_28d_bw_s"))
    low, high = easy_array(column(frame, "knee_low_bw_s")), easy_array(column(frame, "knee_high_bw_s"))
    used = [(way, word) for way, word in WAYS if np.nansum(load[way]) > 0]
    keys = [Key(way, word) for way, word in used] + [Key("ink", "mean week of the 28 days before", "line")]
    top = sheet.keys(0, top, [*keys, Key("muted", "90 % interval", "line")]) + 20
    below = 92.0
    height = sheet.height - top - below - 84
    ax = _week_axis(sheet, top, height, days)
    total = _stack(ax, {way: load[way] for way, _ in used}, pale)
    total = np.where(np.isfinite(np.stack(list(load.values()))).any(axis=0), total, np.nan)
    ceiling = float(np.nanmax(np.concatenate([total, high, usual, [1.0]]))) * 1.06
    ax.set_ylim(0, ceiling)
    places = axis_steps(0, ceiling, 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, "easy minutes")
    at = np.arange(len(days), dtype=np.float64)
    ax.vlines(at + 0.2, low, high, color=LIGHT["paper"], linewidth=3.6, zorder=4)
    ax.vlines(at + 0.2, low, high, color=LIGHT["muted"], linewidth=1.4, zorder=4)
    ax.hlines(usual, at - 0.45, at + 0.45, color=LIGHT["ink"], linewidth=2, zorder=5)
    _unknown(ax, frame)
    peak = {way: column(frame, f"peak_{way}_steps") / 1000 for way, _ in used}
    second = _week_axis(sheet, sheet.height - 24 - below, below, days, words=True)
    heights = _stack(second, peak, pale)
    second.set_ylim(0, max(float(heights.max()) * 1.08, 1e-3))
    marks = axis_steps(0, max(float(heights.max()) * 1.08, 1e-3), 2)
    ticks_y(second, marks, u.labels(marks))
    axis_name(second, "another view, peak-weighted [thousand steps]")
    return sheet.chart("weeks", _weeks_alt(days, total, low, high, usual, load))


def _gaps(frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Weeks that are over and have unknown days."""
    return np.asarray(_bools(frame, "complete", default=True) & (column(frame, "known_days") < 7))


def _unknown(ax: Any, frame: pl.DataFrame) -> None:
    """How many days of a week are known, where it is not all that have passed."""
    days = column(frame, "known_days")
    for index in np.flatnonzero(_gaps(frame)).tolist():
        note(
            ax,
            (index, 0),
            f"{days[index]:.0f}/7",
            shift=(0, 4),
            ha="center",
            va="bottom",
            colour="ink",
            size=10,
            box=True,
        )


def _weeks_alt(
    days: list[date],
    total: FloatArray,
    low: FloatArray,
    high: FloatArray,
    usual: FloatArray,
    load: dict[str, FloatArray],
) -> str:
    top, last = int(np.nanargmax(total)), len(days) - 1
    newest = f"{u.number(float(total[last]))}" if np.isfinite(total[last]) else "unknown"
    told = (
        f"Knee load by week. {plurals.count(len(days), 'week')} "
        f"to that of {u.day(days[-1])}: between {u.number(float(np.nanmin(total)))} "
        f"and {u.number(float(total[top]))} easy minutes, most in the week of {u.day(days[top])}; last "
        f"{newest}"
    )
    if np.isfinite(low[last]) and np.isfinite(high[last]):
        told += f" (90 % interval {u.number(float(low[last]))} to {u.number(float(high[last]))})"
    if np.isfinite(usual[last]):
        told += f", against {u.number(float(usual[last]))} in the mean week of the 28 days before"
    whole = float(np.nansum(total))
    if whole > 0:
        shares = [f"{word} {u.percent(float(np.nansum(load[way])) / whole)}" for way, word in WAYS]
        told += f". Of all of it: {', '.join(shares)}"
    return told + "."


SESSION_WORDS: Final = {
    "distance_m": ("distance", "distance_m", "distance_ref_m"),
    "descent_m": ("descent", "descent_m", "descent_ref_m"),
    "knee_bw_s": ("knee load", "knee_bw_s", "knee_ref_bw_s"),
}
MOST_NAMED: Final = 4


@drawn
def sessions(
    sessions: pl.DataFrame,
    *,
    measure: Literal["distance_m", "descent_m", "knee_bw_s"] = "distance_m",
    units: str = "metric",
    narrow: bool = False,
    span: tuple[date, date] | None = None,
) -> Chart:
    """Every session against the most of the 30 days before it, within its way of moving.

    Parameters
    ----------
    sessions
        ``day``, ``way``, ``severity`` and of each measure the value and its reference.
    span
        First and last day of the axis; without it, those of the sessions.
    """
    word, value_name, reference_name = SESSION_WORDS[measure]
    sheet = Sheet(320 if narrow else 310, narrow)
    title = f"Every session's {word}"
    frame = sessions.drop_nulls("day") if "day" in sessions.columns else pl.DataFrame()
    frame = frame.filter(pl.col(value_name).is_not_null()) if value_name in frame.columns else pl.DataFrame()
    halved = _bools(frame, f"{measure.split('_')[0]}_halved", default=False)
    told = "The tick is the most of the 30 days before"
    if halved.any():
        told += ", or half of the most of 90 where those hold none"
    top = sheet.heading(title, f"{told}; what is above it is solid.")
    if frame.is_empty():
        sheet.nothing(f"No session with a known {word}.", y=top)
        return sheet.chart(f"sessions-{measure}", f"{title}. No session with a known {word}.")
    frame = frame.sort("day", maintain_order=True)
    size, unit = _session_unit(measure, units)
    value, reference = column(frame, value_name) / size, column(frame, reference_name) / size
    days = frame["day"].to_list()
    top = (
        sheet.keys(
            0,
            top,
            [
                Key("run-soft", "up to the usual"),
                Key("run", "above it"),
                Key("ink", f"most of the 30 days before{' (or half of 90)' if halved.any() else ''}", "line"),
            ],
        )
        + 20
    )
    ax = sheet.axes(44, top, sheet.width - 52, sheet.height - top - 30)
    place, width = _side_by_side(day_numbers(days))
    first, last = span or (days[0], max(days[-1], days[0] + timedelta(days=6)))
    ax.set_xlim(min(place.min(), first.toordinal()) - 1, max(place.max(), last.toordinal()) + 1)
    ceiling = max(float(np.nanmax(np.concatenate([value, reference]))) * 1.14, 1e-3)
    ax.set_ylim(0, ceiling)
    place_days(ax, min(first, days[0]), max(last, days[-1]), narrow=narrow)
    places = axis_steps(0, ceiling, 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, f"{word} [{unit}]")
    usual = np.where(np.isfinite(reference), np.minimum(value, reference), value)
    left, right = place - 0.46 * width, place + 0.46 * width
    polygons(ax, boxes(left, right, np.zeros(len(place)), usual), "run-soft")
    over = np.isfinite(reference) & (value > reference)
    if over.any():
        polygons(ax, boxes(left[over], right[over], reference[over], value[over]), "run")
    ax.hlines(reference, left - 0.08, right + 0.08, color=LIGHT["ink"], linewidth=1.2, zorder=4)
    _named(ax, frame, place, value, reference, narrow=narrow)
    return sheet.chart(
        f"sessions-{measure}", _sessions_alt(title, days, value, reference, unit, halved=bool(halved.any()))
    )


def _session_unit(measure: str, units: str) -> tuple[float, str]:
    if measure == "distance_m":
        return u.scale_distance(units)
    return u.scale_height(units) if measure == "descent_m" else (EASY_S, "easy min")


def _side_by_side(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Middle and width of the bars: those of one day share its width."""
    days, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    width = 0.84 / counts[inverse]
    seen = np.zeros(len(days), dtype=np.int64)
    order = np.zeros(len(x))
    for index, day in enumerate(inverse.tolist()):
        order[index] = seen[day]
        seen[day] += 1
    return x + (order - (counts[inverse] - 1) / 2) * width, width


def _named(
    ax: Any, frame: pl.DataFrame, place: FloatArray, value: FloatArray, reference: FloatArray, *, narrow: bool
) -> None:
    """The percentage of those furthest beyond, where a finding was made of it, without overlaps."""
    severity = (
        frame["severity"].is_not_null().to_numpy()
        if "severity" in frame.columns
        else np.zeros(len(place), dtype=bool)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(severity & (reference > 0), value / reference, np.nan)
    low, high = ax.get_xlim()
    room = (high - low) * (0.14 if narrow else 0.07)
    taken: list[float] = []
    for index in np.argsort(-np.nan_to_num(ratio)).tolist()[: 4 * MOST_NAMED]:
        if not ratio[index] > 1.1 or len(taken) == MOST_NAMED:
            break
        at = min(max(float(place[index]), low + room / 2), high - room / 2)
        if all(abs(at - other) > room for other in taken):
            taken.append(at)
            note(
                ax,
                (at, float(value[index])),
                u.percent(float(ratio[index]) - 1, sign=True),
                shift=(0, 3),
                ha="center",
                va="bottom",
                bold=True,
            )


def _sessions_alt(
    title: str, days: list[date], value: FloatArray, reference: FloatArray, unit: str, *, halved: bool
) -> str:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(reference > 0, value / reference, np.nan)
    over = np.flatnonzero(ratio > 1.1)
    digits = 1 if unit in ("km", "mi") else 0
    told = (
        f"{title}. {plurals.count(len(days), 'session')} from {u.day(days[0])} to "
        f"{u.day(days[-1])} {days[-1].year}, each beside the most "
        f"of the 30 days before it{' (or half of the most of 90)' if halved else ''}; "
        f"{plurals.count(len(over), 'of them is', 'of them are')} "
        "more than 10 % above"
    )
    worst = sorted(over.tolist(), key=lambda index: -ratio[index])[:3]
    if worst:
        told += ": " + "; ".join(
            f"{u.day(days[i])} {u.number(float(value[i]), digits)} against {u.number(float(reference[i]), digits)} {unit} "
            f"({u.percent(float(ratio[i]) - 1, sign=True)})"
            for i in worst
        )
    return told + "."


BANDS: Final = (
    (-0.02, "−2 to −5 %"),
    (-0.05, "−5 to −10 %"),
    (-0.10, "−10 to −15 %"),
    (-0.15, "−15 to −20 %"),
    (-0.20, "below −20 %"),
)
"""Upper edge of each downhill band, gentlest first."""


@drawn
def descent_weeks(
    frame: pl.DataFrame,
    *,
    units: str = "metric",
    narrow: bool = False,
    span: tuple[date, date] | None = None,
) -> Chart:
    """Running downhill by week, stacked by grade band, the steepest at the bottom.

    Parameters
    ----------
    frame
        ``week``, ``to`` (upper edge of the grade band), ``descent_m``.
    span
        Mondays of the first and the last week of the axis; without it, those of the frame.
    """
    size, unit = u.scale_height(units)
    sheet = Sheet(300, narrow)
    title = "Downhill by week"
    top = sheet.heading(title, "Descent while running on slopes of 2 % and more, by how steep it was.")
    rows = (
        frame.drop_nulls(["week", "descent_m"])
        if {"week", "to", "descent_m"} <= set(frame.columns)
        else pl.DataFrame()
    )
    if rows.is_empty() or not float(rows["descent_m"].sum()) > 0:
        sheet.nothing("No descent on slopes of 2 % and more while running is known in these weeks.", y=top)
        return sheet.chart(
            "descent-weeks",
            f"{title}. No descent on slopes of 2 % and more while running is known in these weeks.",
        )
    found_weeks: list[date] = sorted(rows["week"].unique().to_list())
    edges = (*found_weeks, *(span or ()))
    first, last = min(edges), max(edges)
    days = [first + timedelta(weeks=index) for index in range((last - first).days // 7 + 1)]
    table: dict[str, FloatArray] = {}
    found = []
    for colour, (edge, words) in zip(DOWN, BANDS, strict=True):
        mine = (
            rows.filter((pl.col("to") - edge).abs() < 0.005).group_by("week").agg(pl.col("descent_m").sum())
        )
        by_week = dict(mine.iter_rows())
        table[colour] = np.array([by_week.get(day, 0.0) for day in days], dtype=np.float64) / size
        if table[colour].sum() > 0:
            found.append((colour, words))
    top = sheet.keys(0, top, [Key(colour, words) for colour, words in found]) + 20
    ax = _week_axis(sheet, top, sheet.height - top - 30, days)
    total = _stack(
        ax, {colour: table[colour] for colour, _ in reversed(found)}, np.zeros(len(days), dtype=bool)
    )
    ceiling = max(float(total.max()) * 1.1, 1.0)
    ax.set_ylim(0, ceiling)
    places = axis_steps(0, ceiling, 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, f"descent [{unit}]")
    most = int(np.argmax(total))
    steep = sum((table[colour] for colour in DOWN[2:]), np.zeros(len(days)))
    alt = (
        f"{title}. Descent while running on slopes of 2 % and more in {plurals.count(len(days), 'week')} "
        f"to that of {u.day(days[-1])}: "
        f"{u.number(float(total.sum()))} {unit} in all, most in the week of {u.day(days[most])} with "
        f"{u.number(float(total[most]))} {unit}, of which "
        f"{u.number(float(steep[most]))} {unit} steeper than −10 %; last week {u.number(float(total[-1]))} {unit}."
    )
    return sheet.chart("descent-weeks", alt)


@drawn
def sparkline(values: Any) -> Chart:
    """A line the size of a word; the last value is a dot, unknown ones are gaps."""
    y = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    sheet = Sheet(28)
    sheet.figure.set_size_inches(120 / 72, 28 / 72)
    good = np.flatnonzero(np.isfinite(y))
    if not good.size:
        sheet.figure.text(0, 0.5, "unknown", va="center", fontsize=11, color=LIGHT["muted"])
        return sheet.chart("sparkline", "A small line. Nothing is known.")
    ax = sheet.figure.add_axes((0.02, 0.14, 0.93, 0.72))
    ax.set_axis_off()
    low, high = float(y[good].min()), float(y[good].max())
    ax.set_xlim(0, max(len(y) - 1, 1))
    ax.set_ylim(low - 0.05 * (high - low or 1), high + 0.05 * (high - low or 1))
    ax.plot(np.arange(len(y)), y, color=LIGHT["run"], linewidth=1.6, clip_on=False)
    ax.plot(good[-1], y[good[-1]], "o", color=LIGHT["run"], markersize=4.5, markeredgewidth=0, clip_on=False)
    alt = f"A small line. {good.size} values between {low:,.4g} and {high:,.4g}; the last is {y[good[-1]]:,.4g}."
    return sheet.chart("sparkline", alt)
