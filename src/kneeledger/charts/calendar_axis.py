"""Days as numbers on an axis, and where its marks stand: months over seasons, weeks over months."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from kneeledger.charts import units as u
from kneeledger.charts.sheet import ticks_x
from kneeledger.model import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["day_numbers", "place_days"]


def day_numbers(days: Iterable[date]) -> FloatArray:
    """Days since year 1 as floats."""
    return np.array([day.toordinal() for day in days], dtype=np.float64)


def place_days(ax: "Axes", first: date, last: date, *, narrow: bool) -> None:
    """Marks on Mondays of a season, on firsts of the month over more."""
    span = (last - first).days
    most = 4 if narrow else 9
    if span <= 7 * 26:
        monday = first + timedelta(days=-first.weekday() % 7)
        weeks = max(1, (last - monday).days // 7 + 1)
        every = max(1, -(-weeks // most))
        days = [monday + timedelta(weeks=index) for index in range(0, weeks, every)]
        words = [u.day(day) for day in days]
    else:
        months = (last.year - first.year) * 12 + last.month - first.month
        every = max(1, -(-months // most))
        starts = [first.year * 12 + first.month + index for index in range(0, months + 1, every)]
        days = [
            date((at - (at % 12 == 0)) // 12, at % 12 or 12, 1)
            for at in starts
            if at <= last.year * 12 + last.month
        ]
        words = [u.month(day) for day in days]
    low, high = ax.get_xlim()
    seen = [(day, text) for day, text in zip(days, words, strict=True) if low <= day.toordinal() <= high]
    years = [day.year for day, _ in seen]
    # the year stands at the first mark of each, where a season leaves no doubt at none
    several = span > 7 * 26
    shown = [
        (day.toordinal(), f"{text} {day.year}" if several and day.year not in years[:index] else text)
        for index, (day, text) in enumerate(seen)
    ]
    ticks_x(ax, [at for at, _ in shown], [text for _, text in shown])
    for (at, _), label in zip(shown, ax.get_xticklabels(), strict=True):
        if at > high - 0.03 * (high - low):
            label.set_horizontalalignment("right")
