"""Frames as the product has them, made here with numbers that can be checked by hand."""

import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from kneeledger import charts
from kneeledger.charts import Bar, Chart

START = date(2026, 2, 9)
EASY_S = 60 * 0.727


def profile(rows: int = 400) -> pl.DataFrame:
    """12 km with three climbs and three descents of 60 m, steeper each time."""
    x = np.linspace(30, 12_000, rows)
    knots = [0, 1500, 3500, 4500, 5500, 8000, 8500, 12_000]
    heights = [100, 160, 100, 160, 100, 160, 100, 105]
    altitude = np.interp(x, knots, heights)
    grade = np.gradient(altitude, x)
    level = np.full(rows, 0.75)
    rate = level * np.where(grade < 0, 1 - 8 * grade, 1 - 0.5 * grade)
    seconds = x / 2.8
    angle = np.linspace(0, 2 * np.pi, rows)
    return pl.DataFrame(
        {
            "distance_m": x,
            "elapsed_s": seconds,
            "altitude_smooth_m": altitude,
            "grade": grade,
            "ground_speed_mps": np.full(rows, 2.8),
            "cadence_spm": np.full(rows, 166.0),
            "load_rate_bw": rate,
            "load_rate_low_bw": rate * 0.7,
            "load_rate_high_bw": rate * 1.4,
            "load_rate_level_bw": level,
            "knee_load_bw_s": np.cumsum(rate * np.diff(seconds, prepend=0.0)),
            "heart_rate_bpm": np.full(rows, 140.0),
            "way": ["run"] * rows,
            "latitude_deg": 10 + 0.01 * np.sin(angle),
            "longitude_deg": 20 + 0.03 * np.cos(angle),
        }
    )


DESCENTS = pl.DataFrame(
    {
        "number": [1, 2, 3],
        "start_distance_m": [1500.0, 4500.0, 8000.0],
        "length_m": [2000.0, 1000.0, 500.0],
        "drop_m": [60.0, 60.0, 60.0],
        "grade_mean": [-0.03, -0.06, -0.12],
    }
)
PER_KM = pl.DataFrame(
    {
        "km": list(range(1, 13)),
        "distance_m": [1000.0] * 12,
        "load_rate_bw": [0.7 + 0.05 * (k % 4) for k in range(12)],
    }
)
BY_PACE = pl.DataFrame(
    {
        "speed_from_mps": [2.25, 2.5, 2.75, 3.0],
        "speed_to_mps": [2.5, 2.75, 3.0, 3.25],
        "time_s": [60.0, 1200.0, 900.0, 30.0],
        "cadence_spm": [161.0, 164.0, 167.0, 170.0],
    }
)
LINE = (float(np.log(166.0)), 0.11, 2.4, 3.2)
BARS = (
    Bar("distance_m", 14_500.0, 10_000.0, 1.45, None, None, "raised", tested=True),
    Bar("descent_m", 402.0, 134.0, 3.0, None, None, "high", tested=False),
    Bar("knee_load_bw_s", 90 * EASY_S, 100 * EASY_S, 0.9, 0.82, 0.97, None, tested=False),
)
PARTS = (
    ("duration", 80 * EASY_S, 6000.0),
    ("pace", -2 * EASY_S, -1400.0),
    ("cadence", 1 * EASY_S, 400.0),
    ("downhill", 20 * EASY_S, 15_000.0),
    ("uphill", -3 * EASY_S, -450.0),
    ("walking", 0.0, 0.0),
    ("cycling", 0.0, 0.0),
)


def weeks(count: int = 12) -> pl.DataFrame:
    run = np.array([240.0 + 10 * (k % 5) for k in range(count)]) * EASY_S
    ride = np.array([0.0 if k < 8 else 60.0 for k in range(count)]) * EASY_S
    return pl.DataFrame(
        {
            "week": [START + timedelta(weeks=k) for k in range(count)],
            "complete": [True] * (count - 1) + [False],
            "known_days": [7, 7, 5] + [7] * (count - 3),
            "knee_run_bw_s": run,
            "knee_walk_bw_s": [0.0, 20 * EASY_S] + [0.0] * (count - 2),
            "knee_ride_bw_s": ride,
            "peak_run_steps": run * 2.4,
            "peak_walk_steps": [0.0] * count,
            "peak_ride_steps": ride * 0.02,
            "knee_low_bw_s": (run + ride) * 0.7,
            "knee_high_bw_s": (run + ride) * 1.4,
            "level_28d_bw_s": [None, *(run[:-1] * 0.95).tolist()],
        }
    )


def sessions() -> pl.DataFrame:
    days = [START + timedelta(days=k) for k in range(0, 84, 2)]
    count = len(days)
    distance = np.array([6000.0 + 500 * (k % 7) for k in range(count)])
    distance[-3] = 14_500.0
    return pl.DataFrame(
        {
            "id": [f"a{k}" for k in range(count)],
            "day": days,
            "way": ["run"] * count,
            "severity": [None] * (count - 3) + ["raised", None, None],
            "distance_m": distance,
            "distance_ref_m": [10_000.0] * count,
            "descent_m": distance / 100,
            "descent_ref_m": [None] + [120.0] * (count - 1),
            "knee_bw_s": distance / 200 * EASY_S,
            "knee_ref_bw_s": [55 * EASY_S] * count,
        }
    )


def descent_weeks() -> pl.DataFrame:
    edges = [(-0.05, -0.02), (-0.10, -0.05), (-0.15, -0.10), (-0.20, -0.15), (None, -0.20)]
    rows = [
        {"week": START + timedelta(weeks=k), "from": low, "to": high, "descent_m": 10.0 * (k + 1) / (i + 1)}
        for k in range(12)
        for i, (low, high) in enumerate(edges)
        if k != 4
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


SERIES = [
    {
        "date": (START + timedelta(days=2 * k)).isoformat(),
        "activity": f"a{k}",
        "matched_cadence_spm": 166.0 - (8.0 if 20 <= k < 27 else 0.0) + (k % 3),
        "low": 164.5 - (8.0 if 20 <= k < 27 else 0.0) + (k % 3),
        "high": 167.5 - (8.0 if 20 <= k < 27 else 0.0) + (k % 3),
    }
    for k in range(40)
]
CHANGES = [
    {"date": SERIES[20]["date"], "size_pct": -4.7, "low_pct": -5.2, "high_pct": -4.2, "class": "small"},
    {"date": SERIES[27]["date"], "size_pct": 4.9, "low_pct": 4.3, "high_pct": 5.4, "class": "small"},
]


def daily(count: int = 200) -> pl.DataFrame:
    load: list[float | None] = [0.0 if k % 3 == 0 else (30.0 + k % 40) * EASY_S for k in range(count)]
    for k in range(60, 66):
        load[k] = None
    return pl.DataFrame(
        {
            "day": [START - timedelta(days=count - 84 - k) for k in range(count)],
            "known": [value is not None for value in load],
            "knee_load_bw_s": load,
            "descent_run_m": [None if value is None else value / 20 for value in load],
        },
        schema_overrides={"knee_load_bw_s": pl.Float64, "descent_run_m": pl.Float64},
    )


def workload_frame() -> pl.DataFrame:
    from kneeledger import workload

    return workload.workload(daily(), ("knee_load_bw_s",))


PAIN = pl.DataFrame(
    {
        "date": [START + timedelta(days=k) for k in (50, 60, 70, 80)],
        "during": ["none", "tolerable", "tolerable", "beyond"],
        "after": ["none", "none", "tolerable", None],
        "next_morning": ["baseline", "baseline", "worse", "better"],
        "limp": [False, False, False, True],
        "swelling": [False, False, False, False],
    }
)
STRETCHES = pl.DataFrame(
    {
        "speed_mps": [2.5 + 0.01 * (k % 60) for k in range(200)],
        "cadence_spm": [162.0 + k % 8 for k in range(200)],
        "level": [k % 9 > 0 for k in range(200)],
        "day": [START + timedelta(days=k // 3) for k in range(200)],
    }
)


@dataclass(frozen=True)
class Case:
    """A chart function and the frames it takes, by argument."""

    name: str
    draw: Callable[..., Chart]
    frames: dict[str, pl.DataFrame]
    others: dict[str, Any]
    narrow: bool = True

    def chart(self, *, narrow: bool = False, **frames: pl.DataFrame) -> Chart:
        given = self.frames | frames | self.others
        return self.draw(**given, **({"narrow": narrow} if self.narrow else {}))


HISTOGRAM = pl.DataFrame(
    {"cadence_from": [158.0, 162.0, 164.0, 166.0], "time_s": [120.0, 300.0, 900.0, 600.0]}
)
PEDALLED = pl.DataFrame({"cadence_from": [60.0, 80.0, 84.0, 86.0], "time_s": [120.0, 300.0, 900.0, 600.0]})


def cases() -> list[Case]:
    return [
        Case("risk", charts.risk, {"profile": profile()}, {"bars": BARS}),
        Case("profile", charts.profile, {"profile": profile(), "descents": DESCENTS}, {}),
        Case("load", charts.load, {"profile": profile(), "per_km": PER_KM}, {}),
        Case(
            "cadence_pace", charts.cadence_pace, {"by_pace": BY_PACE, "stretches": STRETCHES}, {"line": LINE}
        ),
        Case("cadence_histogram", charts.cadence_histogram, {"histogram": HISTOGRAM}, {}),
        Case("pedalling_histogram", charts.cadence_histogram, {"histogram": PEDALLED}, {"unit": "rpm"}),
        Case("decomposition", charts.decomposition, {}, {"parts": PARTS}),
        Case("track", charts.track, {"profile": profile()}, {}, narrow=False),
        Case("track_load", charts.track, {"profile": profile()}, {"colour": "load"}, narrow=False),
        Case("weeks", charts.weeks, {"weeks": weeks()}, {}),
        Case("sessions", charts.sessions, {"sessions": sessions()}, {}),
        Case("sessions_descent", charts.sessions, {"sessions": sessions()}, {"measure": "descent_m"}),
        Case("sessions_knee", charts.sessions, {"sessions": sessions()}, {"measure": "knee_bw_s"}),
        Case("descent_weeks", charts.descent_weeks, {"frame": descent_weeks()}, {}),
        Case("cadence_trend", charts.cadence_trend, {}, {"series": SERIES, "changes": CHANGES}),
        Case("calendar", charts.calendar, {"daily": daily()}, {"measure": "knee_load_bw_s"}),
        Case("ratios", charts.ratios, {"workload_frame": workload_frame()}, {}),
        Case("pain_weeks", charts.pain, {"pain": PAIN, "weeks_or_daily": weeks()}, {}),
        Case("pain_days", charts.pain, {"pain": PAIN, "weeks_or_daily": daily()}, {}),
        Case("course", charts.course, {"profile": profile()}, {}),
        Case("sparkline", charts.sparkline, {}, {"values": [1, None, 3, 2]}, narrow=False),
    ]


CASES = cases()


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """Every chart in turn."""
    found: Case = request.param
    return found


@pytest.fixture
def made() -> types.SimpleNamespace:
    """Everything this file makes, as tests cannot import it."""
    return types.SimpleNamespace(**globals())
