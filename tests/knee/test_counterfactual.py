import numpy as np
import pytest

from kneeledger.knee import counterfactual, sums, uncertainty
from kneeledger.model import DownhillModel

ARTICLE = DownhillModel.ARTICLE


@pytest.fixture(scope="module")
def draws():
    return uncertainty.Draws.of("someone", 1000)


def columns(track):
    return tuple(track.array(name) for name in ("ground_speed_mps", "cadence_spm", "grade_load"))


@pytest.mark.parametrize("factor", [1.05, 1.10])
def test_step_rate_is_the_same_run_computed_anew(hilly, make_track, draws, factor):
    speed, cadence, grade = columns(hilly)
    again = make_track(speed, cadence * factor, grade)
    lever = counterfactual.step_rate(sums.sums(hilly), factor, draws, downhill=ARTICLE)
    assert lever.linear.value == pytest.approx(again.array("knee_load_bw_s").sum(), rel=1e-9)
    assert lever.peak.value == pytest.approx(again.array("peak_weighted_steps").sum(), rel=1e-9)
    assert lever.linear_change.value == pytest.approx(1 / factor - 1)
    assert lever.step_force_change.value == pytest.approx(factor**-1.8 - 1)
    low, high = lever.step_force_change.low, lever.step_force_change.high
    assert low < lever.step_force_change.value < high < 0
    assert lever.linear_change.high - lever.linear_change.low < 0.15
    assert lever.linear.high / lever.linear.low > 1.8


def test_ten_per_cent_more_steps_is_sixteen_off_the_peak_and_nine_off_the_sum(hilly, draws):
    lever = counterfactual.step_rate(sums.sums(hilly), 1.10, draws, downhill=ARTICLE)
    assert 100 * lever.step_force_change.value == pytest.approx(-15.8, abs=0.1)
    assert 100 * lever.linear_change.value == pytest.approx(-9.1, abs=0.1)


@pytest.mark.parametrize("model", list(DownhillModel))
def test_without_steep_descents(make_track, draws, model):
    rng = np.random.default_rng(3)
    grade = rng.uniform(-0.22, 0.10, 1200)
    speed, cadence = rng.normal(2.9, 0.1, 1200), rng.normal(166, 3, 1200)
    before = make_track(speed, cadence, grade, downhill=model)
    after = make_track(speed, cadence, np.where(grade < -0.10, 0.0, grade), downhill=model)
    lever = counterfactual.without(sums.sums(before), "steep", draws, downhill=model)
    assert lever.linear.value == pytest.approx(after.array("knee_load_bw_s").sum(), rel=1e-9)
    assert lever.peak.value == pytest.approx(after.array("peak_weighted_steps").sum(), rel=1e-9)
    if model is DownhillModel.NONE:
        assert lever.linear_change.value == pytest.approx(0.0)
    else:
        assert lever.linear_change.low < lever.linear_change.value <= lever.linear_change.high < 0


def test_prolonged_descents_bridge_short_breaks(make_track, draws):
    grade = np.full(1000, 0.01)
    grade[100:200], grade[210:320] = -0.05, -0.05
    grade[600:700] = -0.08
    track = make_track(np.full(1000, 3.0), 168.0, grade)
    found = sums.sums(track)
    assert found["run/prolonged/linear/1"] == pytest.approx(0.05 * 210 * track.array("load_rate_level_bw")[0])
    longer = make_track(np.full(1000, 3.0), 168.0, np.where(np.arange(1000) < 200, grade, 0.01))
    assert "run/prolonged/linear/1" not in sums.sums(longer)
    assert counterfactual.without(sums.sums(longer), "prolonged", draws, downhill=ARTICLE) is None
    lever = counterfactual.without(found, "prolonged", draws, downhill=ARTICLE)
    assert lever.linear_change.value < 0


def test_shorter_takes_its_share(hilly, draws):
    lever = counterfactual.shorter(sums.sums(hilly), 0.25, draws, downhill=ARTICLE)
    assert lever.linear_change.value == pytest.approx(-0.25)
    assert (lever.linear_change.low, lever.linear_change.high) == pytest.approx((-0.25, -0.25))
    with pytest.raises(ValueError, match="share"):
        counterfactual.shorter(sums.sums(hilly), 1.0, draws, downhill=ARTICLE)


def test_swapped_for_rest_or_for_a_ride(hilly, make_track, draws):
    run = sums.sums(hilly)
    ride = sums.sums(make_track(np.full(2400, 8.0), way="ride", power=150.0, rpm=85.0))
    week = sums.added([run, run, ride])
    rest = counterfactual.swapped(week, run, draws, downhill=ARTICLE)
    assert rest.linear.value == pytest.approx(sums.point(run, ARTICLE)[0] + sums.point(ride, ARTICLE)[0])
    ridden = counterfactual.swapped(week, run, draws, downhill=ARTICLE, instead=ride)
    assert rest.linear.value < ridden.linear.value < sums.point(week, ARTICLE)[0]
    assert counterfactual.swapped(week, {}, draws, downhill=ARTICLE) is None


def test_all_levers_that_apply(hilly, make_track, draws):
    names = [lever.name for lever in counterfactual.levers(sums.sums(hilly), draws, downhill=ARTICLE)]
    assert names[:2] == ["step_rate_105", "step_rate_110"]
    assert names[-1] == "shorter_20"
    assert "without_prolonged" in names
    ride = sums.sums(make_track(np.full(600, 8.0), way="ride", power=150.0, rpm=85.0))
    assert [one.name for one in counterfactual.levers(ride, draws, downhill=ARTICLE)] == ["shorter_20"]
    assert counterfactual.levers({}, draws, downhill=ARTICLE) == ()
