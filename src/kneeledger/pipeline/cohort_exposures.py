"""What an athlete-day carried from the days before it: the exposures of a study, with no look ahead.

An outcome on a day may only be held against what was done before that day, so every column here begins with
``before_`` and is made of strictly earlier local days, as they were known on the evening before. The trap is
in the unknown: a day without a file counts as rest until more than 14 days have passed without any, and only
then turns into unknown. A table made afterwards would show the later verdict on the earlier days and so leak
the end of the training into the days before it; here the days since the newest file are judged as of each
evening. Parts of one outing are joined within a day only, because the part after midnight is not known before.
A test recomputes every row from a history cut the evening before.
Instead of: shifting the columns of the daily table by one row.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import workload
from kneeledger.model import FloatArray
from kneeledger.schema import Column, Schema
from kneeledger.severity import DESCENT, DISTANCE, KNEE_LOAD
from kneeledger.workload import GAP_DAYS, WINDOW_DAYS, Coverage, History
from kneeledger.workload.history import BACK_DAYS

__all__ = ["EXPOSURES", "exposures"]

WEEK: Final = 7
MONTH: Final = 28
SUMMED: Final[Mapping[str, str]] = {
    "sessions": "activities",
    "run_distance_m": "running distance",
    "run_time_s": "running time",
    "ride_time_s": "cycling time",
    "descent_m": "descent on foot",
    "steep_descent_run_m": "descent while running below -10 %",
    "knee_load_bw_s": "linear knee load, all ways",
    "knee_load_run_bw_s": "linear knee load of running",
    "knee_load_ride_bw_s": "linear knee load of cycling",
    "peak_weighted_steps": "peak-weighted knee load, all ways",
}
RATIOS: Final[Mapping[str, tuple[str, float]]] = {
    "run_distance": ("run_distance_m", DISTANCE.floor),
    "descent": ("descent_m", DESCENT.floor),
    "knee_load": ("knee_load_bw_s", KNEE_LOAD.floor),
}
"""Name in the column -> daily measure and the least usual week a ratio is made of."""
SINGLE: Final[Mapping[str, str]] = {
    "run_distance": "distance_m",
    "run_descent": "descent_m",
    "run_knee_load": "knee_load_bw_s",
}
"""Name in the column -> measure of a single running outing."""
UNIT_OF: Final = {"distance_m": "_m", "descent_m": "_m", "knee_load_bw_s": "_bw_s"}
UNIT_WORD: Final = {"run_distance_m": "m", "distance_m": "m", "descent_m": "m", "knee_load_bw_s": "BW·s"}
FLOOR: Final = {one.name: one.floor for one in (DISTANCE, DESCENT, KNEE_LOAD)}

EXPOSURES: Final[Schema] = {
    "before_history_days": Column(pl.Int64, "days since the first file"),
    "before_known_28d_days": Column(pl.Int64, "days of the 28 before that were known the evening before"),
    "before_since_activity_days": Column(pl.Int64, "days since the newest activity"),
    **{
        f"before_7d_{name}": Column(pl.Float64, f"{text}: sum of the 7 days before")
        for name, text in SUMMED.items()
    },
    **{
        f"before_28d_week_{name}": Column(pl.Float64, f"{text}: mean week of the 28 days before those 7")
        for name, text in SUMMED.items()
    },
    **{
        f"before_acwr_uncoupled_7_21_{name}": Column(
            pl.Float64,
            f"{measure}: mean of the 7 days before over the mean of the 21 before those; null where the mean week of"
            f" those 21 is below {floor:.0f} {UNIT_WORD[measure]}",
        )
        for name, (measure, floor) in RATIOS.items()
    },
    **{
        f"before_30d_longest_{name}{UNIT_OF[measure]}": Column(
            pl.Float64, f"largest {measure} of a single running outing in the 30 days before"
        )
        for name, measure in SINGLE.items()
    },
    **{
        f"before_7d_spike_{name}": Column(
            pl.Float64,
            f"largest ratio, over the running outings of the 7 days before, of {measure} to the largest of the 30 days"
            f" before that outing; where those 30 hold none, to half the largest of the {BACK_DAYS} days before (project"
            f" rule); null where what it is held against is below {FLOOR[measure]:.0f} {UNIT_WORD[measure]}",
        )
        for name, measure in SINGLE.items()
    },
}
"""Exposure columns of an athlete-day; null where a day they need is unknown or lies before the first file."""


def exposures(activities: pl.DataFrame, coverage: Coverage, *, until: date) -> pl.DataFrame:
    """The exposures of every day from the first file to `until`, each from earlier days only.

    Parameters
    ----------
    activities : frame of ``workload.ACTIVITIES``
        Duplicates removed.
    coverage : Coverage
    until : date
        Last day of the table.

    Returns
    -------
    frame
        ``day`` and the columns of `EXPOSURES`; empty where there is no file.
    """
    days = workload.daily(activities, as_of=until, coverage=coverage)
    if days.is_empty():
        return pl.DataFrame(schema={"day": pl.Date} | {n: c.dtype for n, c in EXPOSURES.items()})
    first = days["day"][0]
    evening = _Evening(days, coverage)
    since = evening.trailing + 1
    columns: dict[str, FloatArray] = {
        "before_history_days": np.arange(days.height, dtype=np.float64),
        "before_known_28d_days": evening.known(MONTH),
        "before_since_activity_days": np.where(evening.newest >= 0, since, np.nan),
    }
    for name in SUMMED:
        load = days[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        columns[f"before_7d_{name}"] = evening.sums(load, WEEK)
        columns[f"before_28d_week_{name}"] = evening.sums(load, MONTH, skip=WEEK) / (MONTH / WEEK)
    for name, (measure, floor) in RATIOS.items():
        load = days[measure].cast(pl.Float64).fill_null(np.nan).to_numpy()
        weeks = evening.sums(load, 21, skip=WEEK) / 3.0
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = columns[f"before_7d_{measure}"] / weeks
            columns[f"before_acwr_uncoupled_7_21_{name}"] = np.where(weeks >= floor, ratio, np.nan)
    columns |= _singles(activities, coverage, first, days.height)
    return pl.DataFrame({"day": days["day"]}).with_columns(
        pl.Series(name, columns[name], dtype=pl.Float64).fill_nan(None).cast(column.dtype)
        for name, column in EXPOSURES.items()
    )


class _Evening:
    """Windows that end on the evening before each day, with what was known on that evening.

    Row i stands for day i and looks at day t = i - 1. Of the days up to the newest file all is settled; the
    days since then are rest up to a gap of 14 days and unknown beyond, which is what the settled table says
    of them too, because a gap that long stays one.
    """

    def __init__(self, days: pl.DataFrame, coverage: Coverage) -> None:
        count = days.height
        first = days["day"][0]
        mark = days["sessions"].fill_null(0).to_numpy() > 0
        activity = mark.copy()
        lost = [(day - first).days for day in coverage.unreadable_days]
        mark[[at for at in lost if 0 <= at < count]] = True
        at = np.arange(count)
        self._known = days["known"].to_numpy()
        self._t = at - 1
        newest = np.maximum.accumulate(np.where(mark, at, -1))
        self._settled = np.concatenate(([-1], newest[:-1]))
        self._rest = self._t - self._settled <= GAP_DAYS
        with_file = np.maximum.accumulate(np.where(activity, at, -1))
        self.newest = np.concatenate(([-1], with_file[:-1]))
        """Newest day with an activity as of each evening, -1 for none."""
        self.trailing = self._t - self.newest

    def _edges(self, width: int, skip: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        last = self._t - skip
        upper = np.where(self._rest, np.minimum(last, self._settled), last)
        return last - width + 1, upper

    def sums(self, load: FloatArray, width: int, *, skip: int = 0) -> FloatArray:
        """Sum over `width` days that end `skip` days before the evening; NaN where one is unknown."""
        lower, upper = self._edges(width, skip)
        start = np.maximum(lower, 0)
        stop = np.maximum(upper + 1, start)
        unknown = np.concatenate(([0], np.cumsum(np.isnan(load))))
        totals = _window_sums(np.nan_to_num(load), start, stop)
        lacking = unknown[stop] - unknown[start]
        return np.where((lower < 0) | (lacking > 0), np.nan, totals)

    def known(self, width: int) -> FloatArray:
        """How many of the last `width` days were known."""
        lower, upper = self._edges(width, 0)
        start = np.maximum(lower, 0)
        stop = np.maximum(upper + 1, start)
        counted = np.concatenate(([0], np.cumsum(self._known)))
        settled = counted[stop] - counted[start]
        rest = np.where(self._rest, self._t + 1 - stop, 0)
        total: FloatArray = (settled + np.maximum(rest, 0)).astype(np.float64)
        return total


def _window_sums(values: FloatArray, start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> FloatArray:
    """Sum of ``values[start:stop]`` for each pair, each added afresh.

    Differences of running totals would carry the rounding of the whole past into every window, and so give
    other last digits to a history that begins earlier or was cut.
    """
    longest = int((stop - start).max(initial=0))
    padded = np.concatenate((values, np.zeros(longest)))
    total = np.zeros(len(start))
    for step in range(longest):
        total += np.where(start + step < stop, padded[start + step], 0.0)
    return total


def _singles(activities: pl.DataFrame, coverage: Coverage, first: date, count: int) -> dict[str, FloatArray]:
    """Largest single outing and largest spike of the days before, running."""
    history = History(_cut_at_midnight(activities, first), coverage)
    compared = history.compared
    found: dict[str, FloatArray] = {}
    rows = [
        (index, (row["day"] - first).days)  # type: ignore[operator]
        for index, row in enumerate(history.rows)
        if row["way"] == "run"
    ]
    for name, measure in SINGLE.items():
        largest = np.full(count, np.nan)
        spike = np.full(count, np.nan)
        for index, at in rows:
            item = compared.get((index, measure))
            if item is None or not 0 <= at < count:
                continue
            largest[at] = np.fmax(largest[at], item.value)
            if item.ratio is not None:
                spike[at] = np.fmax(spike[at], item.ratio)
        found[f"before_30d_longest_{name}{UNIT_OF[measure]}"] = _largest_before(largest, WINDOW_DAYS)
        found[f"before_7d_spike_{name}"] = _largest_before(spike, WEEK)
    return found


def _cut_at_midnight(activities: pl.DataFrame, first: date) -> pl.DataFrame:
    """Activities moved apart by an hour a day, so that nothing is joined over midnight."""
    apart = pl.duration(hours=(pl.col("day") - first).dt.total_days())
    return activities.with_columns(pl.col("start") + apart, pl.col("end") + apart)


def _largest_before(values: FloatArray, days: int) -> FloatArray:
    """Largest of the `days` days before each day; NaN where none is known."""
    padded = np.concatenate((np.full(days, np.nan), values))[:-1] if len(values) else values
    best = np.full(len(values), np.nan)
    for step in range(days):
        best = np.fmax(best, padded[step : step + len(values)])
    return best
