"""The record of forecasts: coverage on made-up hills, Wilson's interval, stretching, no look ahead."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from kneeledger.forecast import Backtest, Trial, backtest, wilson
from kneeledger.model import DownhillModel

ARTICLE = DownhillModel.ARTICLE


@pytest.fixture(scope="module")
def short(runner, past_of):
    pasts, line = past_of(runner(), 1, runs=60)
    return pasts, line, backtest(pasts, line, downhill=ARTICLE, count=100)


def test_wilson_against_published_values():
    # Newcombe 1998: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(0, 0) is None


def test_every_run_with_eight_before_it_is_forecast(short):
    pasts, _, record = short
    assert [one.id for one in record.trials] == [one.id for one in pasts[8:]]
    assert record.trials[0].earlier == 8


def test_errors_are_small_and_most_runs_inside(short):
    _, _, record = short
    assert record.median_error("time") < 0.07
    assert record.median_error("load") < 0.07
    assert record.median_error("descent") < 1.0
    assert record.inside / record.n > 0.75


def test_a_forecast_does_not_know_what_came_after(short):
    pasts, line, record = short
    other = [*pasts[:30], *(replace(one, moving_s=9e4, load_bw_s=9e4) for one in pasts[30:])]
    again = backtest(other, line, downhill=ARTICLE, count=100)
    for old, new in zip(record.trials[:22], again.trials[:22], strict=True):
        assert old == new


def trial(recorded):
    return Trial("x", date(2026, 1, 1), 8, 100, 90, 110, 100, 100, 90, 110, recorded, None, None, 100)


def test_an_interval_that_held_too_few_is_stretched_until_it_holds_nine_in_ten():
    good = Backtest(tuple(trial(recorded) for recorded in [100] * 9 + [130]))
    assert (good.inside, good.n, good.stretch) == (9, 10, 1.0)
    bad = Backtest(tuple(trial(recorded) for recorded in [100] * 6 + [121, 121, 121, 300]))
    assert bad.inside == 6
    assert bad.stretch == pytest.approx(2.0, abs=1e-9)  # 1.21 is 1.1 squared
    assert Backtest(tuple(trial(300) for _ in range(5))).stretch == 1.0  # too few to say


def test_no_runs_no_record():
    empty = backtest([], lambda _: None, downhill=ARTICLE)
    assert empty.n == 0
    assert empty.median_error("time") is None


@pytest.mark.slow
@pytest.mark.parametrize("habits", [{}, {"run_sd": 0.08, "downhill": -0.5, "uphill": 0.9}])
def test_coverage_on_three_hundred_hilly_runs(runner, past_of, habits):
    pasts, line = past_of(runner(**habits), 4, runs=300)
    record = backtest(pasts, line, downhill=ARTICLE)
    assert record.n == 292
    assert 0.85 <= record.inside / record.n <= 0.95
    assert 0.85 <= record.time_inside / record.n <= 0.95
    assert record.stretch == 1.0
    assert np.isfinite([one.load_bw_s for one in record.trials]).all()
