"""Ramps that no leg climbs are cut out as unknown; stairs, steep rides and slow climbs are not."""

import numpy as np
import pytest

from kneeledger import elevation
from kneeledger.elevation.ramps import ramps
from kneeledger.model import AltitudeSource

BARO, GPS = AltitudeSource.BAROMETRIC, AltitudeSource.GPS


def hilly(count=1800, speed=3.0):
    """Time [s], distance [m] and altitude [m] of a run over hills of 20 m, with a barometer's noise."""
    rng = np.random.default_rng(3)
    time = np.arange(count, dtype=float)
    x = speed * time
    ground = 100 + 10 * np.sin(2 * np.pi * x / 1500)
    return time, x, np.round((ground + rng.normal(size=count) * 0.2) / 0.2) * 0.2


def cleaned(time, x, altitude, *, source=BARO, sport="running"):
    return elevation.clean_altitude(
        altitude, time, x, np.zeros(len(time), dtype=np.int64), source=source, sport=sport
    )


def descent_m(clean, time, x):
    return elevation.descent(clean, x, time, source=BARO).descent_m.value


@pytest.mark.parametrize(
    ("rise_m", "span_s"), [(25, 5), (-25, 5), (40, 10), (-40, 10), (60, 20), (-60, 20), (90, 30), (150, 45)]
)
def test_a_barometer_calibrated_on_the_run_is_cut_out_and_not_smeared(rise_m, span_s):
    time, x, altitude = hilly()
    clean = cleaned(time, x, altitude + rise_m * np.clip((time - 900) / span_s, 0, 1))
    (issue,) = clean.issues
    assert issue.code == "altitude_step"
    size = int(issue.text.split("up to ")[1].split(" m")[0])
    assert size == pytest.approx(abs(rise_m), abs=6)
    assert not clean.carried.any()
    lost = np.flatnonzero(np.isnan(clean.altitude_m))
    assert lost.min() >= 900 - 12
    assert lost.max() <= 900 + span_s + 12
    assert clean.part[0] + 1 == clean.part[-1]
    want = cleaned(time, x, altitude)
    assert descent_m(clean, time, x) == pytest.approx(descent_m(want, time, x), abs=3.5)
    slope = elevation.grade(clean, x, clean.part, np.full(1800, 3.0), time, source=BARO).grade
    assert np.nanmax(np.abs(slope)) < 0.10


@pytest.mark.parametrize(("rise_m", "span_s"), [(12, 4), (-12, 10), (-24, 20), (-24, 40), (30, 25)])
def test_a_lift_with_the_watch_running_is_no_descent(rise_m, span_s):
    """Standing for the length of the lift, before and behind it a run."""
    time, _, _ = hilly()
    speed = np.where((time > 890) & (time <= 910 + span_s), 0.0, 3.0)
    x = np.cumsum(speed)
    ground = 100 + 10 * np.sin(2 * np.pi * x / 1500)
    clean = cleaned(time, x, ground + rise_m * np.clip((time - 900) / span_s, 0, 1))
    assert [issue.code for issue in clean.issues] == ["altitude_step"]
    want = descent_m(cleaned(time, x, ground), time, x)
    assert descent_m(clean, time, x) == pytest.approx(want, abs=2.0)


def test_up_and_down_again_are_two_ramps():
    time, x, altitude = hilly()
    bump = 50 * np.clip((time - 600) / 10, 0, 1) - 50 * np.clip((time - 1200) / 10, 0, 1)
    clean = cleaned(time, x, altitude + bump)
    assert clean.part[-1] == 2
    want = descent_m(cleaned(time, x, altitude), time, x)
    assert descent_m(clean, time, x) == pytest.approx(want, abs=5.0)


def test_a_step_inside_a_ramp_leaves_the_rest_known():
    time, x, altitude = hilly()
    climbing = altitude + 60 * np.clip((time - 900) / 15, 0, 1) + np.where(time >= 908, 40.0, 0.0)
    clean = cleaned(time, x, climbing)
    assert np.isfinite(clean.altitude_m[:880]).all()
    assert np.isfinite(clean.altitude_m[935:]).all()
    want = descent_m(cleaned(time, x, altitude), time, x)
    assert descent_m(clean, time, x) == pytest.approx(want, abs=5.0)


@pytest.mark.parametrize(
    ("sport", "speed", "incline"),
    [
        ("running", 3.0, 0.0),
        ("running", 3.5, -0.30),
        ("running", 1.6, -0.60),
        ("running", 1.2, 0.60),
        ("hiking", 0.6, 0.60),
        ("hiking", 0.25, 1.0),
        ("hiking", 0.8, -0.90),
        ("cycling", 20.0, -0.15),
        ("cycling", 12.0, -0.25),
        ("cycling", 5.0, 0.14),
    ],
)
def test_what_legs_and_wheels_do_is_no_ramp(sport, speed, incline):
    rng = np.random.default_rng(1)
    time = np.arange(240, dtype=float)
    x = speed * time
    altitude = np.round((900 + incline * x + rng.normal(size=240) * 0.4) / 0.2) * 0.2
    assert not cleaned(time, x, altitude, sport=sport).issues


def test_standing_for_an_hour_in_changing_weather_is_no_ramp():
    time = np.arange(3600, dtype=float)
    x = np.minimum(3.0 * time, 300.0)
    assert not cleaned(time, x, 100 + 0.005 * time).issues


def test_what_a_gps_wavers_by_is_no_ramp():
    time, x, altitude = hilly()
    wavering = altitude + 20 * np.clip((time - 900) / 10, 0, 1)
    assert not cleaned(time, x, wavering, source=GPS).issues
    settling = altitude - 120 * np.clip(1 - time / 20, 0, 1)
    assert [issue.code for issue in cleaned(time, x, settling, source=GPS).issues] == ["altitude_step"]


@pytest.mark.parametrize("step_s", [3, 7, 15])
def test_sparse_records(step_s):
    time, x, altitude = (values[::step_s] for values in hilly(3600))
    assert not cleaned(time, x, altitude).issues
    assert cleaned(time, x, altitude + 80 * np.clip((time - 900) / 15, 0, 1)).part[-1] >= 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_nothing_to_find(count):
    values = np.arange(count, dtype=float)
    assert ramps(values, values, values, least_m=6.0) == []
