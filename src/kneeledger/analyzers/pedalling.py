"""Cadence on the bicycle: by power and by grade, and steady minutes for the trend over the history.

At equal power a slow pedal stroke is a hard one: the force on the kneecap goes with the work of a turn, so
grinding below 70 rpm under load is told apart [Bini2013]_. Steady minutes with a power meter feed the same
model and change detection as running cadence does, with power in the place of speed.
Instead of: one mean rpm a ride, which coasting and hills decide.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.analyzers.card import Analyzer, Metric, Result
from kneeledger.model import Evidence, FloatArray, Track, Value, Way
from kneeledger.quantiles import grouped_quantiles
from kneeledger.tables import Columns, Tables

__all__ = ["PEDALLING", "Params", "compute"]


@dataclass(frozen=True, slots=True)
class Params:
    """Bins, and what counts as steady."""

    power_bin_w: float = 50.0
    low_rpm: float = 70.0
    under_load_w: float = 100.0
    steady_power_w: float = 60.0
    steady_tolerance: float = 0.20
    minute_s: float = 60.0
    min_rpm: float = 40.0


GRADE_EDGES = (-0.05, -0.02, 0.02, 0.05, 0.08)
BINNED = {
    "from": pl.Float64,
    "to": pl.Float64,
    "time_s": pl.Float64,
    "cadence_rpm": pl.Float64,
    "low_share": pl.Float64,
}
STRETCHES = {
    "start_elapsed_s": pl.Float64,
    "duration_s": pl.Float64,
    "power_w": pl.Float64,
    "cadence_rpm": pl.Float64,
    "grade": pl.Float64,
}


def compute(track: Track, params: Params) -> Result:
    """Pedalling by power and grade, share of slow pedalling under load, steady minutes."""
    rpm, power, dt = track.array("cadence_rpm"), track.array("power_w"), track.array("dt_s")
    turning = track.way_is(Way.RIDE) & (rpm >= params.min_rpm) & (dt > 0)
    share = None
    loaded = turning & (power >= params.under_load_w)
    if turning.any() and np.isfinite(power[turning]).any():
        whole = float(dt[loaded].sum())
        share = float(dt[loaded & (rpm < params.low_rpm)].sum()) / whole if whole > 0 else None
    low = rpm < params.low_rpm
    tables = Tables(
        {
            "pedalling_by_power": lambda: _binned(
                np.floor(power / params.power_bin_w), params.power_bin_w, turning, rpm, dt, low
            ),
            "pedalling_by_grade": lambda: _by_grade(track, turning, low),
            "pedalling_stretches": lambda: _stretches(track, turning, params),
        }
    )
    return Result({"ride_low_cadence_load_share": Value(share)}, tables)


def _row(
    mine: npt.NDArray[np.bool_], rpm: FloatArray, dt: FloatArray, low: npt.NDArray[np.bool_]
) -> dict[str, float]:
    seconds = float(dt[mine].sum())
    return {
        "time_s": seconds,
        "cadence_rpm": float(np.median(rpm[mine])),
        "low_share": float(dt[mine & low].sum()) / seconds,
    }


def _binned(
    bins: FloatArray,
    width: float,
    turning: npt.NDArray[np.bool_],
    rpm: FloatArray,
    dt: FloatArray,
    low: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    """Time, median cadence and share of slow pedalling by bin; empty without power."""
    known = turning & np.isfinite(bins)
    rows = [
        {"from": number * width, "to": (number + 1) * width, **_row(known & (bins == number), rpm, dt, low)}
        for number in np.unique(bins[known])
    ]
    return pl.DataFrame(rows, schema=BINNED)


def _by_grade(track: Track, turning: npt.NDArray[np.bool_], low: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """The same by grade band; ground of unknown grade is left out."""
    grade, rpm, dt = track.array("grade"), track.array("cadence_rpm"), track.array("dt_s")
    known = turning & np.isfinite(grade)
    band = np.digitize(grade, GRADE_EDGES)
    rows = [
        {
            "from": GRADE_EDGES[number - 1] if number else None,
            "to": GRADE_EDGES[number] if number < len(GRADE_EDGES) else None,
            **_row(known & (band == number), rpm, dt, low),
        }
        for number in range(len(GRADE_EDGES) + 1)
        if (known & (band == number)).any()
    ]
    return pl.DataFrame(rows, schema=BINNED)


def _stretches(track: Track, turning: npt.NDArray[np.bool_], params: Params) -> Columns:
    """Minutes of pedalling whose middle three fifths of power stay within the tolerance; a row a minute."""
    power, rpm, dt = track.array("power_w"), track.array("cadence_rpm"), track.array("dt_s")
    use = turning & (power > 0)
    if not use.any():
        return Columns.empty(STRETCHES)
    elapsed, grade = track.array("elapsed_s"), track.array("grade")
    rows = np.flatnonzero(use)
    minute = np.floor(elapsed[rows] / params.minute_s)
    first = np.concatenate(([0], np.flatnonzero(np.diff(minute)) + 1))
    place = np.cumsum(np.isin(np.arange(len(rows)), first)) - 1
    count = len(first)
    seconds = np.bincount(place, weights=dt[rows], minlength=count)
    low, middle, high = grouped_quantiles(power[rows], place, count, (0.2, 0.5, 0.8))
    (turns,) = grouped_quantiles(rpm[rows], place, count, (0.5,))
    slope = grade[rows]
    graded = np.bincount(place, weights=np.isfinite(slope), minlength=count)
    rise = np.bincount(place, weights=np.where(np.isfinite(slope), slope, 0.0), minlength=count)
    steady = (seconds >= 0.75 * params.minute_s) & (middle >= params.steady_power_w)
    steady &= high - low <= 2 * params.steady_tolerance * middle
    columns = {
        "start_elapsed_s": elapsed[rows][first],
        "duration_s": seconds,
        "power_w": middle,
        "cadence_rpm": turns,
        "grade": np.where(graded > 0, rise / np.maximum(graded, 1), np.nan),
    }
    return Columns({name: values[steady] for name, values in columns.items()}, STRETCHES)


PEDALLING = Analyzer(
    name="pedalling",
    version=1,
    params=Params(),
    compute=compute,
    tables=("pedalling_by_power", "pedalling_by_grade", "pedalling_stretches"),
    metrics=(
        Metric(
            "ride_low_cadence_load_share",
            "",
            "share of loaded pedalling that is slow",
            "none",
            2,
            Evidence.MEASURED,
            ("Bini2013",),
            "Of the time at 100 W or more, the part below 70 rpm.",
        ),
    ),
)
