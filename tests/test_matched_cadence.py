"""Matched cadence: the model on made-up histories, and the change detector's error rates."""

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kneeledger import matched_cadence
from kneeledger.matched_cadence import Params, analyse, change_points, cue_table, fit, to_json

DAY = date(2026, 1, 1)


def history(runs=60, *, level=168.0, slope=0.15, sd=0.01, shift=None, seed=1, speeds=(2.6, 3.4), hilly=0.0):
    """Stretches of made-up runs: 20 steady minutes each, cadence on a line, run-to-run spread `sd`."""
    rng = np.random.default_rng(seed)
    rows = []
    for run in range(runs):
        run_level = (
            math.log(level) + rng.normal(0, sd) + (shift[2] if shift and shift[0] <= run < shift[1] else 0)
        )
        base = rng.uniform(*speeds)
        for _ in range(20):
            speed = base * math.exp(rng.normal(0, 0.03))
            grade = rng.normal(0, 0.005) if rng.random() > hilly else rng.uniform(-0.1, 0.1)
            cadence = math.exp(run_level + slope * math.log(speed / 3) - 0.3 * grade + rng.normal(0, 0.005))
            start = datetime(2026, 1, 1, 6, tzinfo=UTC) + timedelta(days=2 * run)
            rows.append(
                (
                    f"r{run}",
                    DAY + timedelta(days=2 * run),
                    start,
                    60.0,
                    speed,
                    cadence,
                    grade,
                    abs(grade) <= 0.02,
                )
            )
    names = ("id", "day", "start", "duration_s", "speed_mps", "cadence_spm", "grade", "level")
    return pl.DataFrame(rows, schema=names, orient="row")


def test_the_line_is_found_again():
    model = fit(history(hilly=0.3))
    assert model.personal
    assert math.exp(model.intercept) == pytest.approx(168, rel=0.005)
    assert model.speed_slope == pytest.approx(0.15, abs=0.04)
    assert model.grade_slope == pytest.approx(-0.3, abs=0.06)
    assert model.runs == 60
    low, high = model.speed_range_mps
    assert 2.5 < low < 2.8 < 3.2 < high < 3.5


def test_a_short_or_single_paced_history_takes_the_population_slope():
    assert fit(history(5)).speed_slope == Params().population_slope
    assert not fit(history(30, speeds=(3.0, 3.01))).personal
    assert fit(history(0)).runs == 0


def test_outliers_do_not_move_the_line():
    frame = history()
    bad = frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 9 == 0)
        .then(pl.col("cadence_spm") * 0.85)
        .otherwise("cadence_spm")
        .alias("cadence_spm")
    )
    assert fit(bad).intercept == pytest.approx(fit(frame).intercept, abs=0.006)


def test_a_fortnight_down_and_back_is_exactly_two_changes_found_within_five_runs():
    matched = analyse(history(80, shift=(50, 58, math.log(0.95)), sd=0.009))
    down, back = matched.changes
    assert down.size_pct == pytest.approx(-5, abs=1)
    assert back.size_pct == pytest.approx(5.3, abs=1.2)
    assert down.low_pct <= down.size_pct <= down.high_pct
    assert abs((down.date - (DAY + timedelta(days=100))).days) <= 2
    assert max(down.found_after_runs, back.found_after_runs) <= 5


def test_slower_runs_explain_a_fall_of_raw_cadence():
    early, late = history(30, speeds=(3.2, 3.5), seed=3), history(14, speeds=(2.4, 2.6), seed=4)
    late = late.with_columns(
        ("x" + pl.col("id")).alias("id"),
        pl.col("day") + timedelta(days=60),
        pl.col("start") + timedelta(days=60),
    )
    matched = analyse(pl.concat([early, late]))
    assert matched.changes == ()
    assert matched.explained["raw_pct"] < -2
    assert "slower" in matched.explained["text"]


def test_nothing_later_than_the_as_of_day_is_looked_at():
    frame = history(60, shift=(40, 60, math.log(0.94)))
    until = DAY + timedelta(days=70)
    seen = analyse(frame, until=until)
    assert seen.changes == ()
    alone = analyse(frame.filter(pl.col("day") <= until))
    assert to_json(seen) == to_json(alone)


def test_other_explanations_are_named():
    frame = history(50, shift=(30, 50, math.log(0.95)))
    facts = pl.DataFrame(
        {"id": [f"r{i}" for i in range(50)], "device": ["A"] * 30 + ["B"] * 20, "gear": [None] * 50},
        schema_overrides={"gear": pl.String},
    )
    assert analyse(frame, facts).changes[0].explanations == ("another watch",)


@pytest.mark.parametrize("sd", [0.008, 0.013, 0.02, 0.025])
def test_at_most_one_false_alarm_in_300_runs(sd):
    rng = np.random.default_rng(7)
    alarms = [len(change_points(rng.normal(0, sd, 300))) for _ in range(100)]
    heavy = [len(change_points(sd / 1.4 * rng.standard_t(4, 300))) for _ in range(60)]
    assert np.mean(alarms) <= 0.1
    assert np.mean(heavy) <= 0.5
    assert np.mean(np.array(alarms) > 1) <= 0.02


# size of change [%] -> longest allowed median delay [runs], at a run-to-run spread of 1.2 %
DELAYS = {-3: 9, -4: 6, -5: 4, -8: 4, 5: 4, 10: 4}


@pytest.mark.parametrize(("pct", "allowed"), DELAYS.items())
def test_detection_delay_against_size(pct, allowed):
    rng = np.random.default_rng(11)
    delays = []
    for _ in range(100):
        x = rng.normal(0, 0.012, 70)
        x[40:] += math.log1p(pct / 100)
        found = [told for _, told in change_points(x) if told >= 40]
        delays.append(found[0] - 39 if found else 99)
    print(f"{pct:+d} %: median {np.median(delays):.0f} runs, 95 % within {np.quantile(delays, 0.95):.0f}")
    assert np.median(delays) <= allowed


def test_one_odd_run_is_no_change():
    x = np.random.default_rng(3).normal(0, 0.01, 60)
    x[30] -= 0.3
    assert change_points(x) == []


def test_cues_follow_the_runners_own_line():
    model = fit(history())
    table = cue_table(model)
    assert table["own_spm"].to_list() == sorted(table["own_spm"].to_list(), reverse=True)
    assert (table["plus_5_spm"] / table["own_spm"]).to_list() == pytest.approx([1.05] * table.height)
    assert table["speed_mps"].min() >= model.speed_range_mps[0] * 0.9 - 1e-9


def test_the_counterfactual_is_more_steps_less_each():
    model = fit(history())
    plus = matched_cadence.counterfactual(model, 3.0, 0.10)
    assert plus["peak_pct"] == pytest.approx(-16, abs=1)
    assert plus["per_km_pct"] == pytest.approx(-9, abs=1)
    assert plus["peak_low_pct"] < plus["peak_pct"] < plus["peak_high_pct"] < 0


def test_empty_history_says_so():
    matched = analyse(history(0))
    assert matched.series.is_empty()
    assert matched.changes == ()
    assert to_json(matched)["model"]["intercept"] is None
    assert matched.note
