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

from kneeledger import schema
from kneeledger.analyzers.card import Analyzer, Metric, Result, Tables
from kneeledger.model import Evidence, FloatArray, Track, Value, Way
from kneeledger.quantiles import grouped_quantiles, rolling_quantiles, weighted_quantiles

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
    dt, speed = track.array("dt_s"), track.array("ground_speed_mps")
    moving = track.array("moving") > 0
    spm, rpm = track.array("cadence_spm"), track.array("cadence_rpm")
    run = track.way_is(Way.RUN) & moving & (spm >= 50) & (dt > 0)
    walk = track.way_is(Way.WALK) & moving & (spm >= 50) & (dt > 0)
    ride = track.way_is(Way.RIDE) & (rpm >= 20) & (dt > 0)
    steady = _steady(track, run, params)
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
    step = np.where(
        np.isnan(track.array("step_length_mm")),
        60e3 * speed / np.where(spm > 0, spm, np.nan),
        track.array("step_length_mm"),
    )
    metrics["step_length_median_mm"] = _median(step, run, dt)
    for field in (
        "stance_time_s",
        "vertical_oscillation_mm",
        "vertical_ratio_pct",
        "stance_time_balance_pct",
    ):
        metrics[f"{field[: field.rindex('_')]}_median_{field.rsplit('_', 1)[1]}"] = _median(
            track.array(field), run, dt
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


def _median(values: FloatArray, rows: npt.NDArray[np.bool_], dt: FloatArray) -> float | None:
    """Median of some records weighted by time; null where nothing is known, as of a field not recorded."""
    rows = rows & ~np.isnan(values)
    return weighted_quantiles(values[rows], dt[rows], (0.5,))[0] if rows.any() else None


def _middle(values: FloatArray, place: npt.NDArray[np.intp], count: int) -> FloatArray:
    """Median of each group."""
    return grouped_quantiles(values, place, count, (0.5,))[0]


def _steady(track: Track, run: npt.NDArray[np.bool_], params: Params) -> npt.NDArray[np.bool_]:
    """Running records whose speed stays within the tolerance over the window around them."""
    dt = track.array("dt_s")
    usual = dt[dt > 0]
    step = float(np.median(usual)) if len(usual) else 1.0
    width = max(3, round(params.steady_window_s / step))
    speed = pl.Series(track.array("ground_speed_mps"), nan_to_null=True).rolling_mean(
        max(1, round(5 / step)), min_samples=1, center=True
    )
    low, high = rolling_quantiles(speed.to_numpy(), width, (0.05, 0.95))
    middle = (low + high) / 2
    spm = track.array("cadence_spm")
    with np.errstate(invalid="ignore", divide="ignore"):
        even = (high - low) / (2 * middle) <= params.steady_speed_tolerance
    return np.asarray(
        run
        & even
        & (middle >= params.steady_min_speed_mps)
        & (spm >= params.steady_min_spm)
        & (spm <= params.steady_max_spm)
    )


def _stretches(track: Track, steady: npt.NDArray[np.bool_], params: Params) -> pl.DataFrame:
    """Up to a minute of steady running a row: medians, and whether it was level."""
    if not steady.any():
        return pl.DataFrame(schema=STRETCHES)
    rows = np.flatnonzero(steady)
    elapsed, dt = track.array("elapsed_s")[rows], track.array("dt_s")[rows]
    grade = track.array("grade")[rows]
    zone = np.where(np.isnan(grade), 9, np.clip(np.round(grade / params.level_grade / 2), -8, 8))
    minute = np.floor(elapsed / params.stretch_s)
    place, first = _groups(track.array("segment")[rows], zone, minute)
    count = len(first)
    seconds = np.bincount(place, weights=dt, minlength=count)
    graded = np.bincount(place, weights=~np.isnan(grade), minlength=count)
    rise = np.bincount(place, weights=np.nan_to_num(grade), minlength=count)
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
    return schema.framed(
        [
            *(pl.Series(name, values[long], nan_to_null=True) for name, values in columns.items()),
            pl.Series("level", level.tolist(), dtype=pl.Boolean),
        ]
    )


def _groups(*keys: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Group of each record, numbered in order of first appearance, and where each group begins."""
    code = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        whole = np.where(np.isnan(key), key.min(initial=0.0, where=~np.isnan(key)) - 1.0, key)
        span = int(whole.max() - whole.min()) + 1
        code = code * span + (whole - whole.min()).astype(np.int64)
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return number[place], first[order]


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
    speed = track.array("ground_speed_mps")[use]
    rest = np.log(track.array("cadence_spm")[use]) - POPULATION_SLOPE * np.log(speed / 3.0)
    time = track.array("elapsed_s")[use]
    third = (time[-1] - time[0]) / 3
    first, last = rest[time <= time[0] + third], rest[time >= time[-1] - third]
    if min(len(first), len(last)) < 40:
        return None
    return float(100 * np.expm1(np.median(last) - np.median(first)))


def _steps(track: Track) -> float | None:
    """Steps of both feet, over records with cadence on foot."""
    spm, dt = track.array("cadence_spm"), track.array("dt_s")
    use = (track.way_is(Way.RUN) | track.way_is(Way.WALK)) & ~np.isnan(spm)
    return float((spm[use] * dt[use]).sum() / 60) if use.any() else None


def _breaks(track: Track) -> tuple[float | None, float | None]:
    """Walking breaks of at least 10 s in a run: how many, and how long in all [s]."""
    if track.about.sport != "running" or not len(track.frame):
        return None, None
    walking = track.way_is(Way.WALK) & (track.array("moving") > 0)
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


def _by_pace(track: Track, run: npt.NDArray[np.bool_], params: Params) -> pl.DataFrame:
    """Time and median cadence by speed bin, running."""
    speed, dt = track.array("ground_speed_mps")[run], track.array("dt_s")[run]
    cell = np.floor(speed / params.speed_bin_mps)
    told = ~np.isnan(cell)
    bins, place = np.unique(cell[told], return_inverse=True)
    columns = {
        "speed_from_mps": bins * params.speed_bin_mps,
        "speed_to_mps": (bins + 1) * params.speed_bin_mps,
        "time_s": np.bincount(place, weights=dt[told], minlength=len(bins)).astype(np.float64),
        "cadence_spm": _middle(track.array("cadence_spm")[run][told], place, len(bins)),
    }
    return schema.framed([pl.Series(name, values, nan_to_null=True) for name, values in columns.items()])


def _by_grade(track: Track, run: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """Time, speed and median cadence by grade band, running; unknown grade last."""
    grade = track.array("grade")
    band = np.where(np.isnan(grade), len(GRADE_EDGES) + 1, np.digitize(grade, GRADE_EDGES))
    dt, speed, spm = track.array("dt_s"), track.array("ground_speed_mps"), track.array("cadence_spm")
    rows = []
    for index in range(len(GRADE_EDGES) + 2):
        mine = run & (band == index)
        if not mine.any():
            continue
        unknown = index == len(GRADE_EDGES) + 1
        rows.append(
            {
                "from": None if unknown or index == 0 else GRADE_EDGES[index - 1],
                "to": None if unknown or index == len(GRADE_EDGES) else GRADE_EDGES[index],
                "time_s": float(dt[mine].sum()),
                "speed_mps": _median(speed, mine, dt),
                "cadence_spm": _median(spm, mine, dt),
            }
        )
    names = dict.fromkeys(("from", "to", "time_s", "speed_mps", "cadence_spm"), pl.Float64)
    return pl.DataFrame(rows, schema=names)


def _histogram(values: FloatArray, mask: npt.NDArray[np.bool_], dt: FloatArray) -> pl.DataFrame:
    """Time by cadence in bins of 2 a minute."""
    use = mask & ~np.isnan(values)
    cell = np.floor(values[use] / 2).astype(np.int64)
    time = np.bincount(cell, weights=dt[use])
    bins = np.flatnonzero(np.bincount(cell))
    return schema.framed(
        [pl.Series("cadence_from", bins * 2.0), pl.Series("time_s", time[bins].astype(np.float64))]
    )


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
                f"Weighted by time over {what}, without zeros and drop-outs.",
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
