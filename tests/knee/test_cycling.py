import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneeledger.knee import cycling, running
from kneeledger.knee.peak_weighted import reference_steps


@pytest.mark.parametrize(
    ("power", "rpm", "mass", "peak", "rate"),
    [(120, 60, 71, 1.46, 0.322), (200, 85, 70, 1.75, 0.384), (100, 70, 70, 1.06, 0.233)],
)
def test_examples(power, rpm, mass, peak, rate):
    assert cycling.peak_force_bw(power, rpm, mass) == pytest.approx(peak, abs=0.006)
    assert cycling.load_rate_bw(power, rpm, mass) == pytest.approx(rate, abs=0.001)


def test_exchange_rate_depends_on_the_exponent():
    peak = cycling.peak_force_bw(200, 85, 70)
    assert cycling.load_rate_bw(200, 85, 70) / running.load_rate_bw(3.0) == pytest.approx(0.53, abs=0.005)
    turns_to_steps = 85 / (running.reference_cadence_spm(3.0) / 2)
    for power, rate in ((1, 0.32), (2, 0.10), (4, 0.010)):
        assert turns_to_steps * (peak / 5.55) ** power == pytest.approx(rate, abs=0.006)


def test_coasting_is_no_load_and_unknown_is_null():
    assert cycling.peak_force_bw(5, 80, 70) == 0
    assert cycling.peak_force_bw(200, 0, 70) == 0
    assert cycling.peak_force_bw(None, 80, 70) is None
    assert cycling.peak_force_bw(200, None, 70) == cycling.peak_force_bw(200, 80, 70)
    assert cycling.peak_force_bw(200, 3, 70) == cycling.peak_force_bw(200, 40, 70)


def test_beyond_belief_is_null():
    assert cycling.peak_force_bw(2001, 200, 70) is None
    assert cycling.peak_force_bw(1500, 60, 70) is None


def test_half_the_mass_twice_the_body_weights():
    assert cycling.peak_force_bw(150, 80, 50) == pytest.approx(2 * cycling.peak_force_bw(150, 80, 100))


@given(st.floats(20, 400), st.floats(60, 110), st.floats(1.0, 1.5))
def test_more_power_more_load_and_quicker_turning_less(power, rpm, more):
    base = cycling.peak_force_bw(power, rpm, 75)
    assert (cycling.peak_force_bw(power * more, rpm, 75) or 99) >= base - 1e-12
    assert cycling.peak_force_bw(power, rpm * more, 75) <= base + 1e-12


def test_estimated_power_on_level_and_hills():
    assert 120 < cycling.estimated_power_w(8.0, 0.0, 70) < 190
    climb = cycling.estimated_power_w(4.0, 0.08, 70)
    assert climb == pytest.approx(
        4.0 / 0.97 * (79 * 9.81 * 0.085 / np.sqrt(1 + 0.08**2) + 0.6 * 0.38 * 16), rel=1e-9
    )
    assert cycling.estimated_power_w(12.0, -0.08, 70) == 0
    assert cycling.estimated_power_w(8.0, None, 70) == cycling.estimated_power_w(8.0, 0.0, 70)
    assert cycling.estimated_power_w(None, 0.0, 70) is None


def test_average_over_five_seconds_of_time():
    elapsed = np.array([0.0, 1, 2, 3, 4, 100, 101])
    values = np.array([0.0, 10, 20, 30, np.nan, 50, 70])
    expected = [10, 15, 15, 20, 25, 60, 60]
    np.testing.assert_allclose(cycling.averaged(values, elapsed), expected)
    assert np.isnan(cycling.averaged(np.array([np.nan]), np.array([0.0])))[0]
    kept = cycling.averaged(np.array([1.0, 7.0]), np.array([0.0, np.nan]))
    assert kept.tolist() == [1.0, 7.0]


def ride(power, cadence, n=3600, speed=8.0):
    blank = np.full(n, np.nan)
    of = cycling.loads(power, cadence, np.full(n, speed), blank, np.arange(n, dtype=float), 70.0)
    return of, reference_steps(of.peak_force_bw, of.cadence_rpm, np.ones(n), per_minute=60.0)


def test_one_record_of_900_w_at_3_rpm_hardly_counts():
    power, cadence = np.full(3600, 200.0), np.full(3600, 85.0)
    _, before = ride(power, cadence)
    power[1000], cadence[1000] = 900.0, 3.0
    of, after = ride(power, cadence)
    assert of.refused == 1
    assert after.sum() == pytest.approx(before.sum(), rel=0.01)
    naive = 30 * 900 / 3 * 17 / (70 * 9.81 * 5.55)
    assert naive**4 * 3 / 60 > before.sum()


def test_no_power_meter_uses_speed_then_only_moving():
    blank = np.full(60, np.nan)
    of, _ = ride(blank, blank, 60)
    assert of.power_estimated.all()
    expected = cycling.load_rate_bw(cycling.estimated_power_w(8.0, 0.0, 70.0), 80, 70)
    np.testing.assert_allclose(of.load_rate_bw, expected)
    of, _ = ride(blank, blank, 60, speed=np.nan)
    np.testing.assert_allclose(of.load_rate_bw, 0.30)
    of, steps = ride(blank, np.zeros(60), 60, speed=np.nan)
    assert of.load_rate_bw.sum() == 0
    assert steps.sum() == 0


def test_power_basis():
    power = np.array([np.nan] * 10 + [100.0] * 5)
    speed = np.array([np.nan] * 5 + [8.0] * 10)
    basis = cycling.power_basis(power, speed, np.arange(15.0))
    assert basis.tolist() == [2] * 5 + [1] * 3 + [0] * 7
