"""What a course asks: the vectors of constant grade, finish times, walking, cadence, intervals, ratios."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from kneeledger.errors import ConfigError
from kneeledger.forecast import (
    CadenceLine,
    Effort,
    Plan,
    Tilt,
    chosen_pace,
    drawn,
    expected,
    forecast,
    from_cells,
    from_profile,
    given_pace,
    learn,
    solved,
)
from kneeledger.forecast.pace import FlatPace
from kneeledger.forecast.speed import Hundreds
from kneeledger.knee.uncertainty import Draws, interval
from kneeledger.model import DownhillModel

ARTICLE = DownhillModel.ARTICLE


def plan(mps=3.0, **changes):
    return Plan(
        **({"pace": given_pace(mps), "habit": learn([]), "cadence": None, "downhill": ARTICLE} | changes)
    )


def test_level_ten_kilometres(ground_of):
    made = expected(ground_of((10_000, 0.0)), plan())
    assert made.seconds.sum() == pytest.approx(3333.3, abs=0.05)
    assert made.load_bw_s.sum() == pytest.approx(2422.8, abs=0.05)
    assert made.steps.sum() == pytest.approx(4668.2, abs=0.05)


@pytest.mark.parametrize(
    ("model", "load", "steps", "excess"),
    [("article", 2759.0, 7228.6, 262.3), ("mechanics", 2673.8, 6042.4, 177.1), ("none", 2496.7, 4318.6, 0.0)],
)
def test_level_up_and_down(ground_of, model, load, steps, excess):
    ground = ground_of((4000, 0.0), (3000, 0.05), (3000, -0.05))
    made = expected(ground, plan(downhill=DownhillModel(model)))
    assert made.seconds.sum() == pytest.approx(3523.0, abs=0.05)
    assert sorted(set(made.speed_mps.round(4).tolist())) == [2.3051, 3.0, 3.3775]
    assert made.load_bw_s.sum() == pytest.approx(load, abs=0.06)
    assert made.steps.sum() == pytest.approx(steps, abs=0.06)
    assert made.excess_bw_s(ground.grade) == pytest.approx(excess, abs=0.06)


def test_cells_of_like_grade_added_up_give_the_point_model(ground_of):
    x = np.arange(0, 30_000, 5.0)
    ground = from_profile(x, 500 + 90 * np.sin(x / 500) + 40 * np.sin(x / 173))
    made = expected(ground, plan(2.6))
    under = drawn(ground, plan(2.6, habit=replace_spread()), Draws.of("someone", 50))
    assert under.planned.seconds == pytest.approx(np.full(50, made.seconds.sum()), rel=2e-3)
    assert under.planned.linear.mean() == pytest.approx(made.load_bw_s.sum(), rel=0.03)


def replace_spread():
    """A habit whose curve is known for sure."""
    habit = learn([])
    return replace(habit, curve=replace(habit.curve, runs_near=np.full(10, 1e9)))


def test_finish_time_is_met_as_point_and_in_every_draw(ground_of):
    ground = ground_of((4000, 0.0), (2000, 0.08), (500, 0.25), (3000, -0.07))
    wanted = plan(pace=given_pace(finish_s=4000.0))
    made = solved(ground, wanted)
    assert expected(ground, made).seconds.sum() == pytest.approx(4000.0, rel=1e-6)
    under = drawn(ground, made, Draws.of("someone", 300))
    assert np.abs(np.log(under.planned.seconds / 4000.0)).max() < 2e-3
    assert interval(under.planned.linear)[1] > interval(under.planned.linear)[0]


def test_pace_of_the_user_has_no_doubt_but_the_slopes_have(ground_of):
    level = drawn(ground_of((5000, 0.0)), plan(), Draws.of("someone", 200))
    assert np.ptp(level.planned.seconds) < 1e-6
    hilly = drawn(ground_of((5000, -0.08)), plan(), Draws.of("someone", 200))
    assert np.std(np.log(hilly.planned.seconds)) == pytest.approx(0.10, abs=0.02)


def test_step_rate_five_per_cent_up_takes_a_twentieth_off_the_sum(ground_of):
    ground = ground_of((5000, 0.0), (1000, -0.05))
    usual, quick = expected(ground, plan()), expected(ground, plan(tilt=Tilt(cadence=1.05)))
    assert quick.load_bw_s.sum() / usual.load_bw_s.sum() == pytest.approx(1 / 1.05, rel=1e-9)
    assert quick.steps.sum() / usual.steps.sum() == pytest.approx(1.05**-6.2, rel=1e-9)
    assert (quick.seconds == usual.seconds).all()


def test_own_step_rate_is_used_from_eight_runs_on(ground_of):
    line = CadenceLine(math.log(180.0), 0.11, 0.0, 0.01, 0.002, 8)
    ground = ground_of((1000, 0.0))
    assert expected(ground, plan(cadence=line)).cadence_spm[0] == pytest.approx(180.0)
    few = replace(line, runs=7)
    assert expected(ground, plan(cadence=few)).cadence_spm[0] == pytest.approx(150.02 + 6.012 * 3)


def test_slow_slopes_are_walked_at_a_sixth_of_the_load(ground_of):
    ground = ground_of((1000, 0.20))
    made = expected(ground, plan(2.8))
    assert made.walked.all()
    assert made.load_rate_bw[0] < 0.35


def test_walking_the_steep_descents_takes_longer_and_asks_less(ground_of):
    ground = ground_of((3000, 0.0), (1000, -0.15))
    usual, walked = expected(ground, plan()), expected(ground, plan(tilt=Tilt(walk_below=-0.10)))
    assert walked.walked.sum() == 200
    assert walked.seconds.sum() > usual.seconds.sum()
    assert walked.load_bw_s.sum() < usual.load_bw_s.sum()


def test_unknown_ground_widens_the_interval_upwards_only(ground_of):
    x = np.arange(0, 10_000, 10.0)
    blind = from_profile(x, np.full(x.size, np.nan))
    level = ground_of((10_000, 0.0))
    draws = Draws.of("someone", 1000)
    assert expected(blind, plan()).load_bw_s.sum() == pytest.approx(
        expected(level, plan()).load_bw_s.sum(), rel=1e-3
    )
    unsure, sure = drawn(blind, plan(), draws).linear, drawn(level, plan(), draws).linear
    assert (unsure >= sure * 0.998).all()
    assert interval(unsure)[1] > interval(sure)[1] * 1.02


def test_ratio_to_a_run_of_the_same_kind_is_narrow(ground_of):
    draws = Draws.of("someone", 1000)
    one = drawn(
        ground_of((5000, 0.0), (2000, -0.05), (2000, 0.05)), plan(habit=replace_spread()), draws, seed=1
    )
    two = drawn(
        ground_of((10_000, 0.0), (4000, -0.05), (4000, 0.05)), plan(habit=replace_spread()), draws, seed=1
    )
    low, high = interval(two.linear / one.linear)
    assert low == pytest.approx(2.0, abs=0.02)
    assert high == pytest.approx(2.0, abs=0.02)
    ends = interval(one.linear)
    assert ends[1] / ends[0] > 1.8


def test_stretched_draws_keep_the_middle_and_widen_the_running_alone(ground_of):
    pace = FlatPace(math.log(3.0), 0.05, 20.0, 9, "")
    made = drawn(ground_of((5000, -0.03)), plan(pace=pace), Draws.of("someone", 1000))
    wide = made.stretched(2.0)
    assert np.median(wide.planned.linear) == pytest.approx(np.median(made.planned.linear))
    assert np.std(np.log(wide.planned.linear)) == pytest.approx(
        2 * np.std(np.log(made.planned.linear)), rel=1e-6
    )


def stretch(day, ln_flat, count=80):
    metres = np.full(count, 100.0)
    return Hundreds(
        f"{day}-{ln_flat}", day, metres, metres / math.exp(ln_flat), 0 * metres, 0 * metres, 0 * metres
    )


def test_usual_pace_is_that_of_recent_runs_of_like_length():
    on = date(2026, 5, 1)
    recent = [stretch(date(2026, 4, day), 1.0 + day / 100) for day in (3, 10, 17)]
    long_ago = [stretch(date(2025, 4, 1), 2.0)]
    longer = [stretch(date(2026, 4, 20), 0.5, 200)]
    habit = learn(long_ago + recent + longer)
    pace = chosen_pace(habit, 8000.0, on)
    assert pace.ln_mps == pytest.approx(1.10)
    assert pace.runs == 3
    assert chosen_pace(habit, 30_000.0, on).runs == 4  # none like it: all of 90 days
    later = chosen_pace(habit, 8000.0, date(2027, 5, 1))
    assert later.runs == 5
    assert "newest" in later.how
    assert chosen_pace(habit, 8000.0, on, Effort.EASY).ln_mps < pace.ln_mps
    assert chosen_pace(habit, 8000.0, on, Effort.RACE).ln_mps == pytest.approx(1.17)


def test_no_run_no_pace():
    with pytest.raises(ConfigError, match="--pace"):
        chosen_pace(learn([]), 8000.0, date(2026, 5, 1))
    with pytest.raises(ConfigError):
        given_pace(20.0)


def test_a_forecast_without_history_compares_with_nothing_and_says_what_it_rests_on(ground_of):
    made = forecast(
        ground_of((5000, 0.0), (1000, -0.12)), plan(), athlete="someone", on=date(2026, 5, 1), draws=200
    )
    assert made.compared == ()
    assert made.parts == ()
    assert made.load_bw_s.low < made.load_bw_s.value < made.load_bw_s.high
    assert made.bands["knee_load_bw_s"].sum() == pytest.approx(made.load_bw_s.value)
    assert made.bands["time_s"].sum() == pytest.approx(made.seconds.value)
    assert any("population" in note for note in made.notes)
    assert {one.name for one in made.changes} == {"slower_descents", "step_rate_105", "walk_steep"}
    assert sum(one.most_linear for one in made.changes) == 1


def test_slower_descents_take_force_off_and_add_time(ground_of):
    made = forecast(
        ground_of((3000, 0.0), (2000, -0.08)), plan(), athlete="someone", on=date(2026, 5, 1), draws=300
    )
    slower = next(one for one in made.changes if one.name == "slower_descents")
    assert slower.linear_change.value > 0 > slower.steps_change.value
    assert slower.seconds_change > 0


def test_same_words_give_the_same_numbers(ground_of):
    ground = ground_of((3000, 0.02), (2000, -0.06))
    first, second = (
        forecast(ground, plan(), athlete="someone", on=date(2026, 5, 1), draws=100) for _ in range(2)
    )
    assert (first.draws.linear == second.draws.linear).all()


def test_course_without_length_gives_nothing_odd():
    made = expected(from_cells(np.zeros(0), np.zeros(0)), plan())
    assert made.seconds.sum() == 0
