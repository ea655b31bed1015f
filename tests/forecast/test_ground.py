"""Courses to cells: length on the ellipsoid, descent, loops, gaps, coarse altitude."""

import numpy as np
import pytest

from kneeledger.forecast.ground import along_m, from_cells, from_line, from_profile
from kneeledger.model import AltitudeSource

DEGREE_M = 110_600.0
"""A degree of latitude near the equator [m]."""


def wave(length_m: float, step_m: float, height_m: float = 40.0, period_m: float = 2000.0):
    x = np.arange(0.0, length_m + 0.5 * step_m, step_m)
    return x, 500.0 + height_m * np.sin(2 * np.pi * x / period_m)


def line(x, sideways_deg: float = 0.0):
    """A line to the north, on open ocean."""
    return 5.0 + x / DEGREE_M, np.full(x.size, -30.0 + sideways_deg)


def test_a_degree_of_latitude_and_of_longitude_on_the_ellipsoid():
    # WGS 84: 110,574 m a degree of latitude at the equator, 111,694 m at a pole; 111,320 m of longitude at 0
    assert along_m(np.array([-0.5, 0.5]), np.array([0.0, 0.0]))[-1] == pytest.approx(110_574, abs=2)
    assert along_m(np.array([89.0, 90.0]), np.array([0.0, 0.0]))[-1] == pytest.approx(111_694, abs=2)
    assert along_m(np.array([0.0, 0.0]), np.array([10.0, 11.0]))[-1] == pytest.approx(111_320, abs=2)


def test_a_line_across_the_date_line_is_short():
    assert along_m(np.array([0.0, 0.0]), np.array([179.9, -179.9]))[-1] == pytest.approx(22_264, abs=5)


@pytest.mark.parametrize("step_m", [2.0, 5.0, 20.0, 45.0, 100.0])
def test_descent_of_a_wave_does_not_depend_on_how_dense_its_points_are(step_m):
    x, altitude = wave(20_000, step_m)
    ground = from_profile(x, altitude)
    assert ground.descent_m == pytest.approx(800.0, rel=0.03)  # ten waves, 80 m down each
    assert ground.distance_m == pytest.approx(20_000, abs=step_m)
    assert ground.fall_m.sum() == pytest.approx(ground.descent_m, rel=1e-6)
    assert len(ground.downhills) == 10
    assert np.abs(ground.grade).max() == pytest.approx(40 * 2 * np.pi / 2000, rel=0.08)


def test_points_far_apart_make_the_grade_unsure_and_say_where():
    x, altitude = wave(4000, 20.0)
    thinned = (x < 2000) | (x % 200 == 0)
    ground = from_profile(x[thinned], altitude[thinned])
    assert ground.unsure_m == pytest.approx(2000, abs=30)


def test_no_altitude_is_no_elevation_and_a_few_holes_are_bridged():
    x, altitude = wave(5000, 10.0)
    nothing = from_profile(x, np.full(x.size, np.nan))
    assert not nothing.known
    assert nothing.descent_m is None
    assert nothing.source is AltitudeSource.NONE
    assert (nothing.grade == 0).all()
    holes = altitude.copy()
    holes[::7] = np.nan
    assert from_profile(x, holes).descent_m == pytest.approx(from_profile(x, altitude).descent_m, rel=0.03)


def test_dense_altitude_that_wavers_is_taken_for_gps_and_costs_no_descent_of_its_own():
    rng = np.random.default_rng(1)
    x = np.arange(0.0, 8000.0, 3.0)
    noise = np.zeros(x.size)
    for i in range(1, x.size):
        noise[i] = 0.975 * noise[i - 1] + 4.0 * np.sqrt(1 - 0.975**2) * rng.standard_normal()
    noise += 1.5 * rng.standard_normal(x.size)
    ground = from_profile(x, 500 + noise)
    assert ground.source is AltitudeSource.GPS
    assert ground.coarse
    assert (ground.grade_load == 0).all()
    assert ground.unsure_m == pytest.approx(ground.distance_m)


def test_reversed_course_swaps_descent_and_ascent():
    x, altitude = wave(7300, 12.0)
    altitude = altitude + 0.01 * x
    there, back = from_profile(x, altitude), from_profile(x[-1] - x[::-1], altitude[::-1])
    assert back.descent_m == pytest.approx(there.ascent_m, rel=0.01)
    assert back.ascent_m == pytest.approx(there.descent_m, rel=0.01)
    assert back.grade[::-1] == pytest.approx(-there.grade, abs=0.012)


def test_out_and_back_goes_down_what_it_went_up():
    x, altitude = wave(5000, 10.0)
    latitude, longitude = line(x)
    ground = from_line(
        np.concatenate([latitude, latitude[-2::-1]]),
        np.concatenate([longitude, longitude[-2::-1]]),
        np.concatenate([altitude, altitude[-2::-1]]),
    )
    assert ground.distance_m == pytest.approx(10_000, rel=0.002)
    assert ground.descent_m == pytest.approx(ground.ascent_m, rel=0.01)


def test_closed_loop_ends_at_the_height_it_began():
    turn = np.linspace(0, 2 * np.pi, 400)
    latitude, longitude = 5.0 + 0.01 * np.sin(turn), -30.0 + 0.01 * np.cos(turn)
    ground = from_line(latitude, longitude, 300 + 50 * np.sin(3 * turn))
    assert ground.distance_m == pytest.approx(2 * np.pi * 0.01 * 111_000, rel=0.01)
    assert ground.descent_m == pytest.approx(ground.ascent_m, abs=3)


def test_three_hundred_kilometres_and_fifty_thousand_points():
    x = np.linspace(0, 300_000, 50_000)
    ground = from_profile(x, 1000 + 80 * np.sin(2 * np.pi * x / 4000))
    assert ground.length_m.size == 60_000
    assert ground.descent_m == pytest.approx(75 * 160, rel=0.02)
    assert len(ground.downhills) == 75


def test_points_that_stand_still_repeat_or_are_one_do_no_harm():
    x, altitude = wave(3000, 10.0)
    doubled = from_profile(np.repeat(x, 3), np.repeat(altitude, 3))
    assert doubled.descent_m == pytest.approx(from_profile(x, altitude).descent_m, rel=0.02)
    assert from_profile(np.zeros(5), np.arange(5.0)).distance_m == 0
    assert from_profile(np.zeros(0), np.zeros(0)).distance_m == 0


def test_terrain_is_used_where_it_covers_the_course():
    x, altitude = wave(3000, 30.0)
    latitude, longitude = line(x)

    def flat_but_tilted(lat, lon):
        return 100 + 0.05 * DEGREE_M * (lat - 5.0)

    ground = from_line(latitude, longitude, altitude, terrain=flat_but_tilted)
    assert ground.source is AltitudeSource.TERRAIN
    assert ground.descent_m == pytest.approx(0, abs=0.5)
    assert ground.grade == pytest.approx(0.05, abs=0.003)
    beyond = from_line(latitude, longitude, altitude, terrain=lambda lat, lon: np.full(lat.size, np.nan))
    assert beyond.source is AltitudeSource.CORRECTED


def test_cells_of_known_grade_are_left_alone():
    ground = from_cells(np.full(10, 5.0), np.array([0.0, 0.1, -0.1, -0.2, 0.3, 0, 0, 0, 0, 0]))
    assert ground.descent_m == pytest.approx(1.5)
    assert ground.ascent_m == pytest.approx(2.0)
