"""Ways of every kind keep their descent and grade; what carries people gives neither."""

import numpy as np
import pytest

from kneeledger import elevation
from kneeledger.model import AltitudeSource

BARO = AltitudeSource.BAROMETRIC


def walked(time, x, ground, *, sport="running", cadence=None, white=0.2):
    """What comes of the ground's height [m] under a barometer: clean altitude, grade, descent."""
    rng = np.random.default_rng(8)
    altitude = np.round((ground + white * rng.normal(size=time.size)) / 0.2) * 0.2
    segment = np.zeros(time.size, dtype=np.int64)
    clean = elevation.clean_altitude(altitude, time, x, segment, source=BARO, sport=sport, cadence=cadence)
    speed = np.gradient(x, time)
    slope = elevation.grade(clean, x, segment, speed, time, source=BARO)
    return clean, slope, elevation.descent(clean, x, time, source=BARO)


def positions(north, east):
    """Latitude and longitude [degrees] of metres from a made-up place in the ocean."""
    return -30 + north / 111_195, -20 + east / 111_195 / np.cos(np.radians(30))


def test_stairs_of_300_steps_down_and_up_again():
    time = np.arange(1500, dtype=float)
    speed = np.where((time > 500) & (time <= 600) | (time > 900) & (time <= 1050), 0.8, 2.5)
    x = np.cumsum(speed)
    down, up = ((time > a) & (time <= b) for a, b in ((500, 600), (900, 1050)))
    ground = 200 + np.cumsum(np.where(down, -0.48, 0.0) + np.where(up, 0.32, 0.0))
    clean, slope, climb = walked(time, x, ground)
    assert clean.issues == ()
    assert climb.descent_m.value == pytest.approx(48, abs=2.5)
    assert climb.ascent_m.value == pytest.approx(48, abs=2.5)
    assert np.nanmin(slope.grade[520:580]) == -elevation.LARGEST_GRADE


def test_switchbacks_are_one_descent_and_no_drift():
    """Twelve legs of 120 m at -12 %, each turn within some metres of the last."""
    time = np.arange(480, dtype=float)
    x = 3.0 * time
    leg, along = np.divmod(x, 120.0)
    east = np.where(leg % 2 == 0, along, 120.0 - along)
    clean, slope, climb = walked(time, x, 600 - 0.12 * x)
    assert climb.descent_m.value == pytest.approx(0.12 * x[-1], rel=0.02)
    assert slope.grade == pytest.approx(-0.12, abs=0.02)
    assert len(elevation.descents(clean, x, time, source=BARO)) == 1
    assert elevation.drift(clean, time, *positions(-8.0 * leg, east), source=BARO) == ()


def test_out_and_back_loses_what_it_gains():
    time = np.arange(3600, dtype=float)
    x = 3.0 * time
    place = np.minimum(x, x[-1] - x)
    clean, slope, climb = walked(time, x, 100 + 0.03 * place + 8 * np.sin(2 * np.pi * place / 900))
    assert climb.descent_m.value == pytest.approx(climb.ascent_m.value, abs=3.0)
    there, back = slope.grade[60:1740], slope.grade[1860:3540][::-1]
    assert float(np.sqrt(np.mean((there + back) ** 2))) < 0.006
    assert elevation.drift(clean, time, *positions(place, 0.0 * place), source=BARO) == ()


def test_point_to_point_keeps_its_net_descent():
    time = np.arange(7200, dtype=float)
    x = 3.0 * time
    climb = walked(time, x, 900 - 0.03 * x + 15 * np.sin(20 * np.pi * x / x[-1]))[2]
    assert climb.descent_m.value - climb.ascent_m.value == pytest.approx(0.03 * x[-1], abs=3.0)


def test_gravel_shakes_the_watch_and_adds_no_descent():
    time = np.arange(3600, dtype=float)
    speed = 3.0 + 0.4 * np.sin(time / 7)
    x = np.cumsum(speed)
    assert walked(time, x, 0 * x + 300, white=0.5)[2].descent_m.value <= 3.0
    hills = 300 + 12 * np.sin(2 * np.pi * x / 1200)
    true = float(-np.minimum(np.diff(hills), 0).sum())
    assert walked(time, x, hills, white=0.5)[2].descent_m.value == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("rise_mps", [2.0, -2.0])
def test_a_gondola_is_not_walked(rise_mps):
    """Six minutes at 5 m/s along and 2 m/s up or down, in a hike without cadence."""
    time = np.arange(2400, dtype=float)
    ridden = (time > 1000) & (time <= 1360)
    x = np.cumsum(np.where(ridden, 5.0, 1.2))
    clean, slope, climb = walked(time, x, 2000 + np.cumsum(np.where(ridden, rise_mps, 0.0)), sport="hiking")
    assert clean.carried[1010:1350].all()
    assert not clean.carried[:880].any()
    assert not clean.carried[1480:].any()
    assert not slope.grade_load[1010:1350].any()
    assert climb.descent_m.value < 3.0
    assert climb.ascent_m.value < 3.0
    assert elevation.descents(clean, x, time, source=BARO) == ()


@pytest.mark.parametrize("speed", [5.0, 9.0, 25.0])
def test_a_ferry_a_bus_and_a_train_are_not_run(speed):
    """Ten minutes without a step at any speed, and without knowing of steps from 8 m/s on."""
    time = np.arange(1800, dtype=float)
    carried = (time > 600) & (time <= 1200)
    x = np.cumsum(np.where(carried, speed, 3.0))
    ground = 60 + 15 * np.sin(2 * np.pi * x / 1500)
    steps = np.where(carried, 0.0, 170.0)
    assert walked(time, x, ground, cadence=steps)[0].carried[605:1195].all()
    if speed > 8.0:
        clean, slope, climb = walked(time, x, ground)
        assert clean.carried[605:1195].all()
        assert np.isnan(slope.grade[605:1195]).all()
        outside = np.diff(ground)[~carried[1:]]
        assert climb.descent_m.value == pytest.approx(-np.minimum(outside, 0).sum(), abs=4.0)


def test_a_hundred_thousand_records_are_as_right_as_a_thousand():
    time = np.arange(100_000, dtype=float)
    x = 3.0 * time
    ground = 500 + 10 * np.sin(2 * np.pi * x / 1200)
    clean, slope, climb = walked(time, x, ground)
    assert clean.issues == ()
    assert climb.descent_m.value == pytest.approx(20 * x[-1] / 1200, rel=0.03)
    true = 20 * np.pi / 1200 * np.cos(2 * np.pi * x / 1200)
    assert float(np.sqrt(np.nanmean((slope.grade - true) ** 2))) < 0.005


def test_a_track_whose_first_distances_or_altitudes_are_missing():
    time = np.arange(600, dtype=float)
    x = 3.0 * time
    ground = 300 - 0.06 * x
    ground[:40] = np.nan
    x[:3] = np.nan
    clean, slope, climb = walked(time, np.where(time == 20, np.nan, x), ground)
    assert slope.grade[60:] == pytest.approx(-0.06, abs=0.01)
    assert climb.descent_m.value == pytest.approx(0.06 * 3.0 * 559, rel=0.03)
    assert len(elevation.descents(clean, x, time, source=BARO)) == 1
