import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneeledger.knee import running, walking

SPEED = st.floats(0.3, 3.0)


def test_level_walking_is_the_published_anchor():
    assert walking.peak_force_bw(1.3) == pytest.approx(0.9)
    assert walking.load_rate_bw(1.3) == pytest.approx(0.144)


def test_decline_of_the_published_study():
    ratio = walking.peak_force_bw(1.3, None, -0.193) / walking.peak_force_bw(1.3)
    assert ratio == pytest.approx(3.72, abs=0.005)
    assert 3.6 <= ratio <= 3.9


def test_uphill_reaches_the_stair_value():
    assert walking.peak_force_bw(1.3, None, 0.60) == pytest.approx(3.2, abs=0.03)


def test_bounds_of_grade_and_speed():
    assert walking.peak_force_bw(1.3, None, -0.5) == walking.peak_force_bw(1.3, None, -0.30)
    assert walking.peak_force_bw(0.1) == walking.peak_force_bw(0.6)
    assert walking.peak_force_bw(5.0) == walking.peak_force_bw(2.2)


def test_null_safe():
    assert walking.peak_force_bw(None) is None
    assert walking.peak_force_bw(1.3, None, None) == walking.peak_force_bw(1.3, 110, 0.0)


def test_impulse_times_steps_is_the_mean_force():
    assert walking.impulse_per_step_bw_s(1.3, 115.0) * 115 / 120 == pytest.approx(walking.load_rate_bw(1.3))
    usual = walking.reference_cadence_spm(1.3)
    assert walking.impulse_per_step_bw_s(1.3) * usual / 120 == pytest.approx(walking.load_rate_bw(1.3))


def test_walk_or_run_changes_the_load_three_and_a_half_fold():
    ratio = running.load_rate_bw(2.0) / walking.load_rate_bw(1.8)
    assert 3.0 < ratio < 4.0


@given(SPEED, st.floats(-0.5, 0.0), st.floats(0, 0.3))
def test_more_decline_never_less_load(speed, grade, more):
    assert walking.peak_force_bw(speed, None, grade - more) >= walking.peak_force_bw(speed, None, grade)


@given(SPEED, st.floats(-0.5, 0.8))
def test_fast_path_is_the_public_model(speed, grade):
    peak, rate, level = walking.loads(np.array([speed]), np.array([grade]))
    assert peak[0] == pytest.approx(walking.peak_force_bw(speed, None, grade))
    assert rate[0] == pytest.approx(walking.load_rate_bw(speed, None, grade))
    assert level[0] == pytest.approx(walking.load_rate_bw(speed))


def test_stairs_where_the_sport_says_so():
    peak, rate, _ = walking.stair_loads(np.array([0.0, 1.0, np.nan]))
    assert peak.tolist() == [3.2, 2.8, 3.2]
    assert rate[0] == pytest.approx(0.16 * 3.2)
