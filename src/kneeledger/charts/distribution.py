"""How cadence was spread over an activity: minutes at each rate, on foot or on the bicycle.

The middle half is solid and the rest pale, so that the quartiles are seen without a second drawing; on the
bicycle the bars below 70 rpm stand apart, because a slow turn at equal power is a hard one.
"""

import numpy as np
import polars as pl

from kneeledger.charts import units as u
from kneeledger.charts.chart import Chart
from kneeledger.charts.palette import LIGHT
from kneeledger.charts.sheet import Key, Sheet, axis_name, axis_steps, column, drawn, ticks_x, ticks_y
from kneeledger.model import FloatArray

__all__ = ["cadence_histogram"]

BIN = 2.0
LOW_RPM = 70.0


@drawn
def cadence_histogram(histogram: pl.DataFrame, *, unit: str = "spm", narrow: bool = False) -> Chart:
    """Minutes at each cadence.

    Parameters
    ----------
    histogram
        ``cadence_from`` (bins of 2 a minute) and ``time_s``; may be empty.
    unit
        ``spm`` on foot, ``rpm`` on the bicycle.
    """
    word = "steps a minute" if unit == "spm" else "turns a minute"
    sheet = Sheet(214, narrow)
    top = sheet.heading("How cadence was spread", f"Minutes at each rate, in {word}; solid: the middle half.")
    start, seconds = column(histogram, "cadence_from"), column(histogram, "time_s")
    good = np.isfinite(start) & (seconds > 0)
    start, seconds = start[good], seconds[good]
    if not seconds.size:
        sheet.nothing("No cadence is known.", y=top)
        return sheet.chart("cadence-spread", "How cadence was spread. No cadence is known.")
    shown = _worth_showing(start, seconds)
    start, seconds = start[shown], seconds[shown]
    share = (np.cumsum(seconds) - seconds / 2) / seconds.sum()
    q1, median, q3 = (float(np.interp(q, share, start + BIN / 2)) for q in (0.25, 0.5, 0.75))
    if unit == "rpm" and (start < LOW_RPM).any():
        top = sheet.keys(0, top, [Key("ride", "below 70 turns a minute")]) + 6
    ax = sheet.axes(44, top + 14, sheet.width - 58, sheet.height - top - 40)
    middle = (start + BIN > q1) & (start < q3)
    colours = np.where(middle, LIGHT["run"], LIGHT["run-soft"]).astype(object)
    if unit == "rpm":
        colours[start + BIN <= LOW_RPM] = LIGHT["ride"]
    minutes = seconds / 60
    ax.bar(start + BIN / 2, minutes, width=BIN * 0.86, color=colours.tolist(), linewidth=0)
    ax.set_xlim(float(start.min()) - BIN, float(start.max()) + 2 * BIN)
    ax.set_ylim(0, float(minutes.max()) * 1.12)
    places = axis_steps(0, float(minutes.max()) * 1.12, 4)
    ticks_y(ax, places, u.labels(places))
    axis_name(ax, "minutes")
    along = axis_steps(*ax.get_xlim(), 5 if narrow else 8)
    ticks_x(ax, along, u.labels(along))
    low = float(seconds[start + BIN <= LOW_RPM].sum() / seconds.sum()) if unit == "rpm" else None
    alt = f"How cadence was spread: median {median:.0f} {word}, the middle half from {q1:.0f} to {q3:.0f}."
    if low is not None:
        alt += f" {100 * low:.0f} % of the pedalling was below 70."
    return sheet.chart("cadence-spread", alt)


def _worth_showing(start: FloatArray, seconds: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """All but the last hundredth of the time at either end: a few odd seconds would squeeze the picture."""
    share = np.cumsum(seconds) / seconds.sum()
    return np.asarray((share >= 0.005) & (share - seconds / seconds.sum() <= 0.995))
