from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kneeledger import schema
from kneeledger.knee import cycling, running, walking
from kneeledger.knee.peak_weighted import reference_steps
from kneeledger.model import About, AltitudeSource, CadenceChoice, DownhillModel, Track

START = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)


def _about(sport, seconds, **changes):
    facts = {
        "start": START, "end": START + timedelta(seconds=seconds), "sport": sport, "sub_sport": None,
        "format": "fit", "decoder": "kneeledger", "device": None, "device_serial": None, "sha256": "0" * 64,
        "path": "a.fit", "part": 0, "utc_offset_s": 0, "utc_offset_how": "file",
        "altitude_source": AltitudeSource.BAROMETRIC, "cadence": CadenceChoice("cadence", 2, "test"),
        "indoor": False, "virtual": False, "elapsed_s": seconds, "timer_s": seconds,
        "device_distance_m": None, "device_ascent_m": None, "device_descent_m": None, "file_mass_kg": None,
    }  # fmt: skip
    return About(**(facts | changes))


def _column(values, n):
    return np.broadcast_to(np.asarray(values, dtype=np.float64), (n,)).copy()


@pytest.fixture
def make_track():
    """A track with known columns and the loads of the point model."""

    def make(
        speed, cadence=np.nan, grade=np.nan, *, way="run", seconds=1.0, power=np.nan, rpm=np.nan, mass_kg=70.0,
        sure=True, pack=1.0, downhill=DownhillModel.ARTICLE, mass_assumed=False, sport=None, **about,
    ):  # fmt: skip
        n = max(np.size(value) for value in (speed, cadence, grade, way, power, rpm, sure))
        speed, cadence, grade, power, rpm, dt = (
            _column(v, n) for v in (speed, cadence, grade, power, rpm, seconds)
        )
        ways = np.broadcast_to(np.asarray(way, dtype=object), (n,))
        elapsed = np.cumsum(dt)
        peak, rate, level, steps = (np.full(n, np.nan) for _ in range(4))
        on = ways == "run"
        peak[on], rate[on], level[on] = running.loads(speed[on], cadence[on], grade[on], downhill=downhill)
        steps[on] = running.steps_spm(speed[on], cadence[on])
        on = ways == "walk"
        peak[on], rate[on], level[on] = walking.loads(speed[on], grade[on])
        steps[on] = walking.steps_spm(speed[on], cadence[on])
        foot = (ways == "run") | (ways == "walk")
        for values in (peak, rate, level):
            values[foot] *= pack
        steps = reference_steps(peak, steps, dt)
        on = ways == "ride"
        if on.any():
            of = cycling.loads(power[on], rpm[on], speed[on], grade[on], elapsed[on], mass_kg)
            peak[on], rate[on], level[on] = of.peak_force_bw, of.load_rate_bw, of.load_rate_bw
            steps[on] = reference_steps(of.peak_force_bw, of.cadence_rpm, dt[on], per_minute=60.0)
        columns = {
            "elapsed_s": elapsed, "dt_s": dt, "ds_m": np.nan_to_num(speed) * dt, "ground_speed_mps": speed,
            "cadence_spm": cadence, "grade": grade, "grade_load": grade, "power_w": power, "cadence_rpm": rpm,
            "peak_force_bw": peak, "load_rate_bw": rate, "load_rate_level_bw": level,
            "knee_load_bw_s": rate * dt, "peak_weighted_steps": steps,
        }  # fmt: skip
        frame = pl.DataFrame(
            columns
            | {"way": list(ways), "way_sure": np.broadcast_to(sure, (n,)).copy(), "moving": [True] * n}
        )
        frame, _ = schema.conform(frame, schema.TRACK)
        sport = sport or {"run": "running", "walk": "walking", "ride": "cycling"}.get(
            str(ways[0]), "swimming"
        )
        return Track(
            about=_about(sport, float(elapsed[-1]), **about),
            made=frame,
            laps=schema.empty(schema.LAPS),
            pauses=schema.empty(schema.PAUSES),
            issues=(),
            mass_kg=mass_kg,
            mass_assumed=mass_assumed,
            downhill=downhill,
        )

    return make


@pytest.fixture
def hilly(make_track):
    """A run of 40 minutes with changing pace, step rate and grade."""
    rng = np.random.default_rng(5)
    n = 2400
    t = np.arange(n)
    grade = 0.06 * np.sin(t / 170.0) + 0.02 * np.sin(t / 31.0)
    speed = 3.0 - 6.0 * np.clip(grade, 0, None) + 3.0 * np.clip(-grade, 0, None) + rng.normal(0, 0.12, n)
    cadence = np.round(165.0 + 5.0 * (speed - 3.0) + rng.normal(0, 3.0, n))
    return make_track(speed, cadence, grade)
