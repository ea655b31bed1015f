"""Speed by grade: the population's curve, the athlete's own, and how one becomes the other."""

from datetime import date

import numpy as np
import pytest

from kneeledger.forecast.speed import FREE, KNOTS, Hundreds, hats, learn, population_offset, tobler_mps

GRADES = np.array([-20, -15, -10, -5, -2, 2, 5, 10, 15, 20]) / 100


def run(grade, ln_flat, offset, seed=0, walk=None, name="r"):
    rng = np.random.default_rng(seed)
    speed = np.exp(ln_flat + offset(grade) + 0.02 * rng.standard_normal(grade.size))
    size = grade.size
    metres = np.full(size, 100.0)
    walked = np.zeros(size, bool) if walk is None else walk(grade)
    return Hundreds(
        name,
        date(2026, 1, 1),
        np.where(walked, 0.0, metres),
        np.where(walked, 0.0, metres / speed),
        np.where(walked, metres, 0.0),
        np.where(walked, metres / 1.1, 0.0),
        grade,
    )


def test_population_ratios_are_the_published_ones():
    ratios = [0.896, 1.043, 1.140, 1.126, 1.061, 0.898, 0.768, 0.603, 0.485, 0.400]
    assert np.exp(population_offset(GRADES)) == pytest.approx(ratios, abs=6e-4)
    fine = np.linspace(-0.3, 0.3, 6001)
    best = np.exp(population_offset(fine))
    assert best.max() == pytest.approx(1.149, abs=1e-3)
    assert fine[best.argmax()] == pytest.approx(-0.08, abs=0.005)
    assert population_offset(np.zeros(1))[0] == 0


def test_walking_speed_of_the_population_is_toblers():
    assert tobler_mps(np.array([-0.05]))[0] * 3.6 == pytest.approx(6.0)
    assert tobler_mps(np.array([0.0]))[0] * 3.6 == pytest.approx(5.036, abs=1e-3)


def test_hats_are_linear_between_knots_and_held_beyond():
    table = hats(np.array([-0.30, -0.125, 0.0, 0.01, 0.4]))
    assert table.sum(axis=1) == pytest.approx([1, 1, 0, 0.5, 1])
    assert table[0, 0] == table[4, -1] == 1
    assert table[1, 1] == table[1, 2] == pytest.approx(0.5)


def test_without_runs_the_curve_is_the_populations():
    curve = learn([]).curve
    assert curve.offset(GRADES) == pytest.approx(population_offset(GRADES))
    drawn = curve.drawn(np.random.default_rng(0), 4000)
    assert drawn.std(axis=0)[np.abs(KNOTS[FREE]) >= 0.05] == pytest.approx(0.10, abs=0.01)


def test_a_habit_is_learnt_and_drawn_back_by_how_few_runs_hold_it():
    def braking(grade):
        return np.where(grade < 0, 0.2, 1.1) * population_offset(grade)

    rng = np.random.default_rng(3)
    runs = [
        run(rng.uniform(-0.17, 0.17, 120), 1.0 + 0.1 * rng.standard_normal(), braking, k) for k in range(40)
    ]
    inside = np.array([-0.10, -0.05, -0.02, 0.02, 0.05, 0.10])
    many = learn(runs).curve
    share = 40 / 45
    wanted = population_offset(inside) + share * (braking(inside) - population_offset(inside))
    assert many.offset(inside) == pytest.approx(wanted, abs=0.012)
    few = learn(runs[:3]).curve
    wanted = population_offset(inside) + 3 / 8 * (braking(inside) - population_offset(inside))
    assert few.offset(inside) == pytest.approx(wanted, abs=0.02)


def test_fast_days_on_flat_routes_lend_the_curve_no_slope():
    flat, hilly = np.zeros(100), np.full(100, 0.05)
    runs = [run(flat, 1.3, population_offset, k) for k in range(20)] + [
        run(hilly + 0.001 * np.arange(100) / 100, 0.9, population_offset, k) for k in range(20)
    ]
    assert learn(runs).curve.offset(np.array([0.05])) == pytest.approx(
        population_offset(np.array([0.05])), abs=0.03
    )


def test_flat_pace_gives_back_the_time_of_the_run():
    grade = np.linspace(-0.15, 0.15, 200)
    habit = learn([run(grade, 1.1, population_offset, k) for k in range(12)])
    one = run(grade, 1.1, population_offset, 3)
    seconds = (100.0 / np.exp(habit.flat[3] + habit.curve.offset(grade))).sum()
    assert seconds == pytest.approx(one.run_s.sum(), rel=1e-9)


def test_single_stretches_that_are_odd_do_not_move_the_curve():
    rng = np.random.default_rng(5)
    runs = [run(rng.uniform(-0.1, 0.1, 100), 1.0, population_offset, k) for k in range(15)]
    clean = learn(runs).curve.offset(np.array([-0.05]))
    for one in runs:
        one.run_s[np.argmin(one.grade)] *= 4  # a photograph at the steepest place
    for one in runs:
        object.__setattr__(one, "__dict__", {k: v for k, v in one.__dict__.items() if k != "heard"})
    assert learn(runs).curve.offset(np.array([-0.05])) == pytest.approx(clean, abs=0.02)


def test_resampled_curves_spread_about_the_fit():
    rng = np.random.default_rng(7)
    runs = [run(rng.uniform(-0.1, 0.1, 100), 1.0, lambda g: 0.8 * population_offset(g), k) for k in range(30)]
    curve = learn(runs).curve
    drawn = curve.drawn(np.random.default_rng(0), 2000)
    near = np.isin(KNOTS[FREE], (-0.05, 0.05))
    assert drawn.mean(axis=0)[near] == pytest.approx(curve.correction[near], abs=0.01)
    assert (drawn.std(axis=0)[near] < 0.04).all()


def test_who_walks_the_steep_is_forecast_walking_there_at_their_own_speed():
    rng = np.random.default_rng(9)
    runs = [
        run(rng.uniform(-0.2, 0.2, 150), 1.0, population_offset, k, walk=lambda g: g > 0.1) for k in range(8)
    ]
    habit = learn(runs)
    speed = np.array([2.5, 2.5, 1.3])
    assert habit.walks(np.array([0.0, 0.13, 0.05]), speed).tolist() == [False, True, False]
    assert habit.walking_mps(np.array([0.13]))[0] == pytest.approx(1.1)


def test_nothing_known_slow_is_walked():
    habit = learn([])
    assert habit.walks(np.array([0.2, 0.2]), np.array([1.5, 1.7])).tolist() == [True, False]
