"""Clocks, distance, pace and heart: what an activity was, before anything about knees.

Three clocks are kept apart: elapsed (wall clock), timer (the device's, pauses left out) and moving (at
least 0.5 m/s). Distance is the device's own where it wrote one, since that is the number the athlete knows.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kneeledger.analyzers.card import Analyzer, Metric, Result
from kneeledger.model import Evidence, Track, Value, Way

__all__ = ["SUMMARY", "Params", "compute"]


@dataclass(frozen=True, slots=True)
class Params:
    """No parameters: sums and means only."""


def compute(track: Track, params: Params) -> Result:
    """Times, distances, speeds and means of one track."""
    about = track.about
    dt, ds = track.filled("dt_s"), track.filled("ds_m")
    moving = track.moving
    known = len(dt) > 1
    timer = about.timer_s if about.timer_s is not None else (float(dt.sum()) if known else None)
    covered = float(ds.sum())
    distance = covered if known and covered > 0 else about.device_distance_m
    if about.by_hand:
        distance = about.device_distance_m
    in_motion = float(dt[moving].sum())
    moving_s = in_motion if known else None
    if known and np.isnan(track.array("ground_speed_mps")).all():
        moving_s = None
    values: dict[str, float | None] = {
        "elapsed_s": about.elapsed_s,
        "timer_s": timer,
        "moving_s": moving_s,
        "distance_m": distance,
        "speed_mean_mps": _ratio(distance, moving_s or timer),
        "heart_rate_mean_bpm": _weighted(track, "heart_rate_bpm"),
        "power_mean_w": _weighted(track, "power_w"),
        "temperature_mean_c": _weighted(track, "temperature_c"),
    }
    for way in Way:
        mine = track.way_is(way)
        count = np.count_nonzero(mine)
        there, whole = count > 0, 0 < count == len(mine)
        seconds = (in_motion if whole else float(dt[mine & moving].sum())) if there else 0.0
        values[f"{way}_time_s"] = seconds if known else None
        metres = (covered if whole else float(ds[mine].sum())) if there else 0.0
        values[f"{way}_distance_m"] = metres if known else None
    return Result({name: Value(value) for name, value in values.items()})


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _weighted(track: Track, name: str) -> float | None:
    """Time-weighted mean of what is known; null where nothing is."""
    values = track.array(name)
    known = ~np.isnan(values) & track.timed
    if not known.any():
        return None
    dt = track.array("dt_s")
    if known.all():
        return float((values * dt).sum() / dt.sum())
    return float((values[known] * dt[known]).sum() / dt[known].sum())


def _card(
    name: str, unit: str, label: str, daily: Literal["sum", "none"], digits: int, meaning: str
) -> Metric:
    return Metric(name, unit, label, daily, digits, Evidence.MEASURED, (), meaning)


WAYS = {"run": "running", "walk": "walking", "ride": "cycling", "other": "other moving"}
SUMMARY = Analyzer(
    name="summary",
    version=1,
    params=Params(),
    compute=compute,
    metrics=(
        _card("elapsed_s", "s", "elapsed time", "sum", 0, "Wall clock from the first to the last moment."),
        _card("timer_s", "s", "timer time", "sum", 0, "The device's own clock, pauses left out."),
        _card("moving_s", "s", "moving time", "sum", 0, "Time at 0.5 m/s or faster."),
        _card("distance_m", "m", "distance", "sum", 0, "As recorded, nothing counted across a pause."),
        _card("speed_mean_mps", "m/s", "mean speed", "none", 2, "Distance over moving time."),
        _card("heart_rate_mean_bpm", "beats/min", "mean heart rate", "none", 0, "Weighted by time."),
        _card("power_mean_w", "W", "mean power", "none", 0, "Weighted by time, zeros counted."),
        _card("temperature_mean_c", "°C", "mean temperature", "none", 0, "At the device, weighted by time."),
        *(
            _card(f"{way}_time_s", "s", f"{word} time", "sum", 0, f"Moving time classed as {word}.")
            for way, word in WAYS.items()
        ),
        *(
            _card(f"{way}_distance_m", "m", f"{word} distance", "sum", 0, f"Distance classed as {word}.")
            for way, word in WAYS.items()
        ),
    ),
)
