import math
import timeit

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneeledger.knee import running
from kneeledger.knee.body import pack_factor
from kneeledger.model import DownhillModel

SPEED = st.floats(1.0, 7.0)
CADENCE = st.one_of(st.none(), st.floats(100, 240))
GRADE = st.one_of(st.none(), st.floats(-0.35, 0.35))
MODEL = st.sampled_from(list(DownhillModel))


@pytest.mark.parametrize(
    ("speed", "cadence", "peak", "rate", "per_km"),
    [
        (2.0, 162.0, 4.51, 0.695, 695),
        (2.5, 165.1, 5.06, 0.711, 569),
        (3.0, 168.1, 5.55, 0.727, 485),
        (3.5, 171.1, 6.00, 0.742, 424),
        (4.0, 174.1, 6.43, 0.757, 379),
        (4.5, 177.1, 6.82, 0.772, 343),
        (5.0, 180.1, 7.20, 0.787, 315),
    ],
)
def test_reference_values_of_level_running(speed, cadence, peak, rate, per_km):
    assert running.reference_cadence_spm(speed) == pytest.approx(cadence, abs=0.06)
    assert running.peak_force_bw(speed) == pytest.approx(peak, abs=0.006)
    assert running.load_rate_bw(speed) == pytest.approx(rate, abs=0.0006)
    assert running.load_rate_bw(speed) * 2 * 1000 / speed == pytest.approx(per_km, abs=0.6)


@pytest.mark.parametrize(
    ("grade", "impulse", "peak", "impulse_mechanics", "peak_mechanics"),
    [
        (-0.02, 1.16, 1.12, 1.11, 1.08),
        (-0.03, 1.24, 1.18, 1.16, 1.12),
        (-0.05, 1.40, 1.295, 1.27, 1.20),
        (-0.07, 1.56, 1.41, 1.38, 1.28),
        (-0.10, 1.80, 1.59, 1.54, 1.40),
        (-0.15, 2.20, 1.89, 1.81, 1.60),
        (-0.20, 2.60, 2.18, 2.08, 1.80),
        (-0.25, 3.00, 2.48, 2.35, 2.00),
        (-0.33, 3.00, 2.48, 2.35, 2.00),
        (0.05, 0.95, 0.95, 0.95, 0.95),
        (0.30, 0.80, 0.80, 0.80, 0.80),
    ],
)
def test_gains_by_grade(grade, impulse, peak, impulse_mechanics, peak_mechanics):
    at = np.array([grade])
    assert running.impulse_gain(at, DownhillModel.ARTICLE)[0] == pytest.approx(impulse, abs=0.006)
    assert running.peak_gain(at, DownhillModel.ARTICLE)[0] == pytest.approx(peak, abs=0.006)
    assert running.impulse_gain(at, DownhillModel.MECHANICS)[0] == pytest.approx(impulse_mechanics, abs=0.006)
    assert running.peak_gain(at, DownhillModel.MECHANICS)[0] == pytest.approx(peak_mechanics, abs=0.006)
    none = 1.0 if grade < 0 else impulse
    assert running.impulse_gain(at, DownhillModel.NONE)[0] == pytest.approx(none)


@pytest.mark.parametrize(
    ("factor", "peak", "per_km"), [(0.90, 21, 11), (0.95, 10, 5), (1.05, -8, -5), (1.10, -16, -9)]
)
def test_cadence_at_fixed_speed(factor, peak, per_km):
    usual = running.reference_cadence_spm(3.0)
    ratio = running.peak_force_bw(3.0, usual * factor) / running.peak_force_bw(3.0, usual)
    assert 100 * (ratio - 1) == pytest.approx(peak, abs=0.8)
    ratio = running.load_rate_bw(3.0, usual * factor) / running.load_rate_bw(3.0, usual)
    assert 100 * (ratio - 1) == pytest.approx(per_km, abs=0.8)


def test_stance_time_raises_load_within_its_bounds():
    expected = running.reference_stance_time_s(3.0, None)
    assert expected == pytest.approx(0.2561)
    assert running.peak_force_bw(3.0, None, None, expected) == pytest.approx(5.55)
    assert running.peak_force_bw(3.0, None, None, expected * 1.1) == pytest.approx(5.55 * 1.1**0.57)
    assert running.impulse_per_step_bw_s(3.0, None, None, expected * 1.5) == pytest.approx(0.519 * 1.15**1.28)


def test_unknowns_are_null_and_level_and_usual():
    assert running.peak_force_bw(None) is None
    assert running.peak_force_bw(float("nan"), 170.0) is None
    assert running.load_rate_bw(3.0, 0.0, None) == running.load_rate_bw(3.0)
    assert running.load_rate_bw(3.0, None, None) == running.load_rate_bw(3.0, None, 0.0)


def test_columns_arrays_and_lists_give_arrays():
    from_series = running.peak_force_bw(
        pl.Series([3.0, None]), pl.Series([170, None]), pl.Series([None, -0.1])
    )
    from_array = running.peak_force_bw(np.array([3.0, np.nan]), np.array([170.0, np.nan]), [None, -0.1])
    assert np.isnan(from_series[1])
    np.testing.assert_array_equal(from_series, from_array)
    assert running.load_rate_bw([2.0, 3.0]).shape == (2,)


def test_model_by_plain_name():
    assert running.load_rate_bw(3.0, None, -0.05, downhill="none") == running.load_rate_bw(3.0)
    with pytest.raises(ValueError, match="steep"):
        running.load_rate_bw(3.0, None, -0.05, downhill="steep")


@given(SPEED, CADENCE, GRADE, MODEL)
def test_fast_path_is_the_public_model(speed, cadence, grade, model):
    def one(value):
        return np.array([np.nan if value is None else value])

    peak, rate, level = running.loads(one(speed), one(cadence), one(grade), downhill=model)
    assert peak[0] == pytest.approx(running.peak_force_bw(speed, cadence, grade, downhill=model), rel=1e-12)
    assert rate[0] == pytest.approx(running.load_rate_bw(speed, cadence, grade, downhill=model), rel=1e-12)
    assert level[0] == pytest.approx(running.load_rate_bw(speed, cadence, 0.0, downhill=model), rel=1e-12)


@given(SPEED, CADENCE, st.floats(-0.35, 0.35), st.floats(0, 0.35), MODEL)
def test_more_decline_never_less_load(speed, cadence, grade, more, model):
    for ask in (running.peak_force_bw, running.load_rate_bw, running.impulse_per_step_bw_s):
        steeper = ask(speed, cadence, grade - more, downhill=model)
        assert steeper >= ask(speed, cadence, grade, downhill=model) - 1e-12


@given(SPEED, st.floats(60, 250), st.floats(0, 60), GRADE)
def test_higher_cadence_never_more_peak(speed, cadence, more, grade):
    quick = running.peak_force_bw(speed, cadence + more, grade)
    assert quick <= running.peak_force_bw(speed, cadence, grade) + 1e-12
    impulse = running.impulse_per_step_bw_s(speed, cadence + more, grade)
    assert impulse <= running.impulse_per_step_bw_s(speed, cadence, grade) + 1e-12


@given(st.floats(1.6, 5.9), st.floats(0.01, 0.1))
def test_faster_is_more_peak_and_less_per_km_without_cadence(speed, more):
    assert running.peak_force_bw(speed + more) > running.peak_force_bw(speed)
    assert running.load_rate_bw(speed + more) / (speed + more) < running.load_rate_bw(speed) / speed


@given(SPEED, CADENCE, GRADE, st.floats(0, 30), st.floats(45, 110))
def test_ratios_do_not_know_the_mass(speed, cadence, grade, pack_kg, mass_kg):
    factor = pack_factor(pack_kg, mass_kg)
    ratio = running.load_rate_bw(speed, cadence, grade) / running.load_rate_bw(3.0)
    loaded = factor * running.load_rate_bw(speed, cadence, grade) / (factor * running.load_rate_bw(3.0))
    assert math.isclose(ratio, loaded, rel_tol=1e-12)


def test_a_pack_weighs_something():
    assert pack_factor(15, 75) == pytest.approx(1.2)
    with pytest.raises(ValueError, match="pack"):
        pack_factor(-1, 70)


def test_an_hour_of_records_costs_little():
    rng = np.random.default_rng(1)
    speed, cadence, grade = rng.uniform(2, 4, 3600), rng.uniform(150, 180, 3600), rng.normal(0, 0.05, 3600)
    best = min(timeit.repeat(
        lambda: running.loads(speed, cadence, grade, downhill=DownhillModel.ARTICLE), number=10, repeat=10
    ))  # fmt: skip
    assert best / 10 < 2e-3


def test_what_lies_beyond_the_fit_is_flagged():
    at = running.extrapolated(
        np.array([3.0, 1.8, 5.5, 3.0, 3.0, 3.0]),
        np.array([168.0, 168.0, 180.0, 168.0, 125.0, np.nan]),
        np.array([0.0, 0.0, 0.0, -0.12, 0.0, np.nan]),
    )
    assert at.tolist() == [0, 1, 1, 1, 1, 0]
