"""A barometer's drift is told from places that are passed again, with its size, and nothing is cut out."""

import numpy as np
import pytest

from kneeledger import elevation
from kneeledger.model import AltitudeSource

BARO = AltitudeSource.BAROMETRIC
LAP_S = 800


def laps(drift_m_per_h=0.0, *, hours=1.0, jitter_m=3.0, speed=3.0, there_and_back=False, hill_m=20.0):
    """Time [s], latitude and longitude [degrees] and altitude [m] of a hilly round, run again and again.

    The place is made up: in the ocean, south of the equator.
    """
    rng = np.random.default_rng(4)
    time = np.arange(int(3600 * hours), dtype=float)
    if there_and_back:
        along = np.minimum(time, time[-1] - time) * speed
        north, east = along, np.zeros_like(along)
    else:
        along = speed * time
        angle = 2 * np.pi * time / LAP_S
        radius = speed * LAP_S / (2 * np.pi)
        north, east = radius * np.sin(angle), radius * np.cos(angle)
    ground = 50 + hill_m * np.sin(2 * np.pi * along / (speed * LAP_S))
    noise = rng.normal(size=(3, time.size))
    north, east = north + jitter_m * noise[0], east + jitter_m * noise[1]
    altitude = ground + 0.25 * noise[2] + drift_m_per_h * time / 3600
    return time, -30 + north / 111_195, -20 + east / 111_195 / np.cos(np.radians(30)), altitude


def told(time, latitude, longitude, altitude, source=BARO):
    x = 3.0 * time
    segment = np.zeros(time.size, dtype=np.int64)
    clean = elevation.clean_altitude(altitude, time, x, segment, source=source, sport="running")
    return clean, elevation.drift(clean, time, latitude, longitude, source=source)


@pytest.mark.parametrize("there_and_back", [False, True])
@pytest.mark.parametrize("drift", [18.0, -30.0])
def test_drift_between_laps_is_told_with_its_size(drift, there_and_back):
    time, *rest = laps(drift, there_and_back=there_and_back)
    clean, (issue,) = told(time, *rest)
    assert issue.code == "altitude_drift"
    assert issue.count > 20
    size = int(issue.text.split("up to ")[1].split(" m")[0])
    assert 0.6 * abs(drift) <= size <= 1.05 * abs(drift)
    assert np.isfinite(clean.altitude_m).all()


@pytest.mark.parametrize("there_and_back", [False, True])
@pytest.mark.parametrize("drift", [0.0, 5.0, -8.0])
def test_small_drift_is_not_told(drift, there_and_back):
    assert told(*laps(drift, there_and_back=there_and_back))[1] == ()


def test_so_slow_a_drift_hardly_changes_grade():
    time, latitude, longitude, altitude = laps(30.0)
    bare = laps(0.0)
    x, speed = 3.0 * time, np.full(time.size, 3.0)
    grades = [
        elevation.grade(told(*run)[0], x, np.zeros(time.size, dtype=int), speed, time, source=BARO).grade
        for run in ((time, latitude, longitude, altitude), bare)
    ]
    assert abs(float(np.nanmean(grades[0] - grades[1]))) < 0.004
    assert float(np.nanpercentile(np.abs(grades[0] - grades[1]), 95)) < 0.01


def test_positions_that_jitter_on_a_steep_hill_are_no_drift():
    assert told(*laps(0.0, jitter_m=12.0, hill_m=60.0))[1] == ()


def test_a_bridge_over_the_own_way_is_no_drift():
    time, latitude, longitude, altitude = laps(0.0, hours=0.5, hill_m=0.0)
    first = int(LAP_S * 1.0)
    latitude[first:] += np.arange(time.size - first) * 1e-4
    altitude[first : first + 15] += 1.0
    assert told(time, latitude, longitude, altitude + np.where(time > first + 300, 25.0, 0.0))[1] == ()


def test_levels_are_compared_within_a_part_only():
    time, latitude, longitude, altitude = laps(0.0)
    clean, found = told(time, latitude, longitude, altitude + np.where(time >= 1800, 60.0, 0.0))
    assert [issue.code for issue in clean.issues] == ["altitude_step"]
    assert found == ()


def test_without_positions_or_a_barometer_nothing_is_said():
    time, latitude, longitude, altitude = laps(30.0)
    unknown = np.full(time.size, np.nan)
    assert told(time, unknown, unknown, altitude)[1] == ()
    assert told(time, latitude, longitude, altitude, AltitudeSource.GPS)[1] == ()
    assert told(time, latitude, longitude, np.full(time.size, np.nan))[1] == ()
    short = [values[:30] for values in (time, latitude, longitude, altitude)]
    assert told(*short)[1] == ()


def test_across_the_date_line_and_at_the_pole_nothing_breaks():
    time, latitude, longitude, altitude = laps(0.0)
    assert told(time, latitude, np.where(longitude < -20, 179.999, -179.999), altitude)[1] == ()
    assert told(time, np.full(time.size, 90.0), longitude, altitude * 0)[1] == ()
