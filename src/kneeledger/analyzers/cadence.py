"""Cadence of one activity: what it was, where, and its steady stretches for the model over the history.

Running, walking and cycling are kept apart; zeros and drop-outs are pauses, not slow steps. A stretch is up
to a minute of steady running (speed within 5 % over 20 s, cadence 140-220, at least 2 m/s): its medians are
what `matched_cadence` learns from, so that the history never needs the seconds again. Gait fields are given
as recorded, with no verdict on form.
Instead of: one mean cadence a run, which falls whenever a run is slower or hillier.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.analyzers.card import Analyzer, Metric, Result
from kneeledger.model import Evidence, FloatArray, Track, Value, Way
from kneeledger.quantiles import (
    grouped_quantiles,
    median,
    rolling_mean,
    rolling_quantiles,
    weighted_quantiles,
)
from kneeledger.tables import Columns, Tables

__all__ = ["CADENCE", "Params", "compute"]


@dataclass(frozen=True, slots=True)
class Params:
    """What counts as steady, and the bins of the tables."""

    steady_window_s: float = 20.0
    steady_speed_tolerance: float = 0.05
    steady_min_speed_mps: float = 2.0
    steady_min_spm: float = 140.0
    steady_max_spm: float = 220.0
    level_grade: float = 0.02
    stretch_s: float = 60.0
    stretch_min_s: float = 20.0
    speed_bin_mps: float = 0.25
    low_rpm: float = 70.0
    """Pedalling below it raises knee force at equal power [Bini2013]."""
    under_load_w: float = 100.0


GRADE_EDGES = (-0.20, -0.15, -0.10, -0.05, -0.02, 0.02, 0.05, 0.10)
POPULATION_SLOPE = 0.11
"""d ln(cadence) / d ln(speed) at 3 m/s: 6.012 x 3 / 168.1 [vanOeveren2019]."""


def compute(track: Track, params: Params) -> Result:
    """Medians, quartiles, drift, tables by pace and grade, and steady stretches of one track."""
    dt, spm, rpm = track.array("dt_s"), track.array("cadence_spm"), track.array("cadence_rpm")
    stepping = track.moving & (spm >= 50) & track.timed
    run, walk = track.way_is(Way.RUN) & stepping, track.way_is(Way.WALK) & stepping
    ride = track.way_is(Way.RIDE) & (rpm >= 20) & track.timed
    running = run.any()
    steady = _steady(track, run, params) if running else run
    metrics: dict[str, float | None] = {}
    for name, mask, values in (
        ("cadence_run", run, spm),
        ("cadence_walk", walk, spm),
        ("cadence_ride", ride, rpm),
    ):
        unit = "rpm" if name.endswith("ride") else "spm"
        found = weighted_quantiles(values[mask], dt[mask], (0.5, 0.25, 0.75))
        for word, value in zip(("median", "q1", "q3"), found, strict=True):
            metrics[f"{name}_{word}_{unit}"] = value
    metrics["cadence_drift_pct"] = _drift_pct(track, steady)
    metrics["steps"] = _steps(track)
    metrics["walking_breaks"], metrics["walking_breaks_s"] = _breaks(track)
    rows = np.flatnonzero(run)
    seconds = dt[rows]
    metrics["step_length_median_mm"] = _step_length_mm(track, rows, seconds) if running else None
    for field in (
        "stance_time_s",
        "vertical_oscillation_mm",
        "vertical_ratio_pct",
        "stance_time_balance_pct",
    ):
        metrics[f"{field[: field.rindex('_')]}_median_{field.rsplit('_', 1)[1]}"] = (
            weighted_quantiles(track.array(field)[rows], seconds, (0.5,))[0] if running else None
        )
    metrics |= _low_pedalling(track, ride, params)
    stretches = _stretches(track, steady, params)
    return Result(
        {name: Value(value) for name, value in metrics.items()},
        tables=Tables(
            {
                "stretches": stretches,
                "cadence_by_pace": lambda: _by_pace(track, run, params),
                "cadence_by_grade": lambda: _by_grade(track, run),
                "cadence_histogram": lambda: _histogram(
                    spm if run.any() or walk.any() else rpm, run | walk | ride, dt
                ),
            }
        ),
    )


def _step_length_mm(track: Track, rows: npt.NDArray[np.intp], seconds: FloatArray) -> float | None:
    """Median step of the running records, all of which have a cadence: as recorded, else speed over step rate."""
    told = track.array("step_length_mm")[rows]
    unknown = np.isnan(told)
    if unknown.any():
        speed, spm = track.array("ground_speed_mps")[rows], track.array("cadence_spm")[rows]
        told = np.where(unknown, 60e3 * speed / spm, told)
    return weighted_quantiles(told, seconds, (0.5,))[0]


def _middle(values: FloatArray, place: npt.NDArray[np.intp], count: int) -> FloatArray:
    """Median of each group."""
    return grouped_quantiles(values, place, count, (0.5,))[0]


def _steady(track: Track, run: npt.NDArray[np.bool_], params: Params) -> npt.NDArray[np.bool_]:
    """Running records whose speed stays within the tolerance over the window around them."""
    usual = track.array("dt_s")[track.timed]
    even = len(usual) and (usual == usual[0]).all()
    step = float(usual[0] if even else np.median(usual)) if len(usual) else 1.0
    width = max(3, round(params.steady_window_s / step))
    speed = rolling_mean(track.array("ground_speed_mps"), max(1, round(5 / step)))
    low, high = rolling_quantiles(speed, width, (0.05, 0.95))
    middle = (low + high) / 2
    spm = track.array("cadence_spm")
    with np.errstate(invalid="ignore", divide="ignore"):
        steady = (high - low) / (2 * middle) <= params.steady_speed_tolerance
    steady &= run
    steady &= middle >= params.steady_min_speed_mps
    steady &= spm >= params.steady_min_spm
    steady &= spm <= params.steady_max_spm
    return steady


def _stretches(track: Track, steady: npt.NDArray[np.bool_], params: Params) -> Columns:
    """Up to a minute of steady running a row: medians, and whether it was level."""
    if not steady.any():
        return Columns.empty(STRETCHES)
    rows = np.flatnonzero(steady)
    elapsed, dt = track.array("elapsed_s")[rows], track.array("dt_s")[rows]
    grade = track.array("grade")[rows]
    unknown = np.isnan(grade)
    zone = np.where(unknown, 9, np.minimum(np.maximum(np.round(grade / params.level_grade / 2), -8), 8))
    minute = np.floor(elapsed / params.stretch_s)
    place, first = _groups(track.array("segment")[rows], zone, minute)
    count = len(first)
    seconds = np.bincount(place, weights=dt, minlength=count)
    graded = np.bincount(place, weights=~unknown, minlength=count)
    rise = np.bincount(place, weights=np.where(unknown, 0.0, grade), minlength=count)
    mean_grade = np.where(graded > 0, rise / np.maximum(graded, 1), np.nan)
    columns = {
        "start_elapsed_s": elapsed[first],
        "duration_s": seconds,
        "speed_mps": _middle(track.array("ground_speed_mps")[rows], place, count),
        "cadence_spm": _middle(track.array("cadence_spm")[rows], place, count),
        "grade": mean_grade,
    }
    long = seconds >= params.stretch_min_s
    level = (np.abs(mean_grade[long]) <= params.level_grade).astype(object)
    level[np.isnan(mean_grade[long])] = None
    cells = {name: values[long] for name, values in columns.items()}
    return Columns({**cells, "level": level.tolist()}, STRETCHES)


def _groups(*keys: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Group of each record, numbered in order of first appearance, and where each group begins."""
    code, size = np.zeros(len(keys[0]), dtype=np.int64), 1
    for key in keys:
        low = key.min()
        if np.isnan(low):
            low = key.min(initial=0.0, where=~np.isnan(key)) - 1.0
            key = np.where(np.isnan(key), low, key)
        span = int(key.max() - low) + 1
        if span > 1:
            code, size = code * span + (key - low).astype(np.int64), size * span
    if size > 65_536:
        cells, code = np.unique(code, return_inverse=True)
        size = len(cells)
    # Written from the last record to the first, so that each cell keeps its first.
    first = np.full(size, len(code))
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    used = np.flatnonzero(first < len(code))
    used = used[np.argsort(first[used])]
    number = np.empty(size, dtype=np.intp)
    number[used] = np.arange(len(used))
    return number[code], first[used]


STRETCHES = {
    "start_elapsed_s": pl.Float64,
    "duration_s": pl.Float64,
    "speed_mps": pl.Float64,
    "cadence_spm": pl.Float64,
    "grade": pl.Float64,
    "level": pl.Boolean,
}


def _drift_pct(track: Track, steady: npt.NDArray[np.bool_]) -> float | None:
    """Cadence at equal pace in the last third against the first, steady level running [%]."""
    grade = track.array("grade")
    use = steady & ~(np.abs(grade) > 0.02)
    if use.sum() < 120:
        return None
    time = track.array("elapsed_s")[use]
    third = (time[-1] - time[0]) / 3
    thirds = time <= time[0] + third, time >= time[-1] - third
    if min(np.count_nonzero(each) for each in thirds) < 40:
        return None
    speed, spm = track.array("ground_speed_mps")[use], track.array("cadence_spm")[use]
    first, last = (
        median(np.log(spm[each]) - POPULATION_SLOPE * np.log(speed[each] / 3.0)) for each in thirds
    )
    return float(100 * np.expm1(last - first))


def _steps(track: Track) -> float | None:
    """Steps of both feet, over records with cadence on foot."""
    spm, dt = track.array("cadence_spm"), track.array("dt_s")
    use = (track.way_is(Way.RUN) | track.way_is(Way.WALK)) & ~np.isnan(spm)
    return float((spm[use] * dt[use]).sum() / 60) if use.any() else None


def _breaks(track: Track) -> tuple[float | None, float | None]:
    """Walking breaks of at least 10 s in a run: how many, and how long in all [s]."""
    if track.about.sport != "running" or not len(track.timed):
        return None, None
    walking = track.way_is(Way.WALK) & track.moving
    if not walking.any():
        return 0.0, 0.0
    edges = np.diff(walking.astype(np.int8), prepend=0, append=0)
    dt = np.concatenate(([0.0], np.cumsum(track.array("dt_s"))))
    spans = dt[np.flatnonzero(edges == -1)] - dt[np.flatnonzero(edges == 1)]
    long = spans[spans >= 10]
    return float(len(long)), float(long.sum())


def _low_pedalling(track: Track, ride: npt.NDArray[np.bool_], params: Params) -> dict[str, float | None]:
    """Time pedalling slowly under load [s]: a known raiser of knee force; null without power."""
    power, dt = track.array("power_w"), track.array("dt_s")
    if not ride.any() or np.isnan(power[ride]).all():
        return {"ride_low_cadence_load_s": None}
    slow = ride & (track.array("cadence_rpm") < params.low_rpm) & (power >= params.under_load_w)
    return {"ride_low_cadence_load_s": float(dt[slow].sum())}


def _by_pace(track: Track, run: npt.NDArray[np.bool_], params: Params) -> Columns:
    """Time and median cadence by speed bin, running."""
    cell = np.floor(track.array("ground_speed_mps") / params.speed_bin_mps)
    rows = np.flatnonzero(run & ~np.isnan(cell))
    whole = cell[rows].astype(np.int64)
    low = int(whole.min(initial=0))
    held = np.bincount(whole - low)
    bins = np.flatnonzero(held)
    number = np.cumsum(held > 0) - 1
    place = number[whole - low]
    bins += low
    columns = {
        "speed_from_mps": bins * params.speed_bin_mps,
        "speed_to_mps": (bins + 1) * params.speed_bin_mps,
        "time_s": np.bincount(place, weights=track.array("dt_s")[rows], minlength=len(bins)).astype(
            np.float64
        ),
        "cadence_spm": _middle(track.array("cadence_spm")[rows], place, len(bins)),
    }
    return Columns(columns, dict.fromkeys(columns, pl.Float64))


def _by_grade(track: Track, run: npt.NDArray[np.bool_]) -> Columns:
    """Time, speed and median cadence by grade band, running; unknown grade last."""
    rows = np.flatnonzero(run)
    grade = track.array("grade")[rows]
    edges, last = np.array(GRADE_EDGES), len(GRADE_EDGES) + 1
    band = np.where(np.isnan(grade), last, np.searchsorted(edges, grade, side="right")).astype(np.uint8)
    rows = rows[np.argsort(band, kind="stable")]
    dt, speed, spm = (track.array(name)[rows] for name in ("dt_s", "ground_speed_mps", "cadence_spm"))
    table: dict[str, list[float | None]] = {
        name: [] for name in ("from", "to", "time_s", "speed_mps", "cadence_spm")
    }
    stop = 0
    for index, count in enumerate(np.bincount(band, minlength=last + 1).tolist()):
        start, stop = stop, stop + count
        if not count:
            continue
        seconds = dt[start:stop]
        table["from"].append(None if index in (0, last) else GRADE_EDGES[index - 1])
        table["to"].append(None if index >= last - 1 else GRADE_EDGES[index])
        table["time_s"].append(float(seconds.sum()))
        for name, values in (("speed_mps", speed), ("cadence_spm", spm)):
            table[name].append(weighted_quantiles(values[start:stop], seconds, (0.5,))[0])
    return Columns(table, dict.fromkeys(table, pl.Float64))


def _histogram(values: FloatArray, mask: npt.NDArray[np.bool_], dt: FloatArray) -> Columns:
    """Time by cadence in bins of 2 a minute."""
    use = mask & ~np.isnan(values)
    cell = np.floor(values[use] / 2).astype(np.int64)
    time = np.bincount(cell, weights=dt[use])
    bins = np.flatnonzero(np.bincount(cell))
    cells = {"cadence_from": bins * 2.0, "time_s": time[bins].astype(np.float64)}
    return Columns(cells, dict.fromkeys(cells, pl.Float64))


def _card(
    name: str,
    unit: str,
    label: str,
    digits: int,
    meaning: str,
    daily: str = "none",
    evidence: Evidence = Evidence.MEASURED,
    sources: tuple[str, ...] = (),
) -> Metric:
    return Metric(name, unit, label, daily, digits, evidence, sources, meaning)  # type: ignore[arg-type]


_QUARTILES = (("median", "median"), ("q1", "lower quartile of"), ("q3", "upper quartile of"))
CADENCE = Analyzer(
    name="cadence",
    version=1,
    params=Params(),
    compute=compute,
    tables=("stretches", "cadence_by_pace", "cadence_by_grade", "cadence_histogram"),
    metrics=(
        *(
            _card(
                f"cadence_{way}_{word}_{unit}",
                "steps/min" if unit == "spm" else "rpm",
                f"{text} {what} cadence",
                0,
                f"{text.capitalize()} {what} cadence, weighted by time, without zeros and drop-outs.",
            )
            for way, what, unit in (
                ("run", "running", "spm"),
                ("walk", "walking", "spm"),
                ("ride", "cycling", "rpm"),
            )
            for word, text in _QUARTILES
        ),
        _card(
            "cadence_drift_pct",
            "%",
            "cadence drift",
            1,
            "Last third against first third of a run, steady level running, at equal pace.",
            evidence=Evidence.ESTIMATED,
            sources=("vanOeveren2019",),
        ),
        _card("steps", "steps", "steps", 0, "Both feet, where cadence is known.", "sum"),
        _card(
            "walking_breaks", "", "walking breaks", 0, "Spells of at least 10 s of walking in a run.", "sum"
        ),
        _card("walking_breaks_s", "s", "time in walking breaks", 0, "Their time in all.", "sum"),
        _card("step_length_median_mm", "mm", "step length", 0, "As recorded, else speed over step rate."),
        _card("stance_time_median_s", "s", "stance time", 3, "Ground contact of one foot, as recorded."),
        _card(
            "vertical_oscillation_median_mm",
            "mm",
            "vertical oscillation",
            0,
            "As recorded. No verdict on form.",
        ),
        _card("vertical_ratio_median_pct", "%", "vertical ratio", 1, "As recorded. No verdict on form."),
        _card("stance_time_balance_median_pct", "%", "stance time balance", 1, "Left share, as recorded."),
        _card(
            "ride_low_cadence_load_s",
            "s",
            "slow pedalling under load",
            0,
            "Below 70 rpm at 100 W or more: at equal power the force on the knee is higher.",
            "sum",
            sources=("Bini2013",),
        ),
    ),
)
