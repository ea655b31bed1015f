"""What must hold for any load: constants, shifts, the tie of the two rolling ratios, no look at the future."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kneeledger.workload import (
    Coverage,
    acwr_ewma,
    acwr_rolling,
    ewma,
    fitness_fatigue,
    known_days,
    longest_before,
    monotony_daily,
    percentile_of_weeks,
    session_spike,
    week_difference,
    week_to_week,
)

LOAD = st.one_of(st.just(0.0), st.floats(1e-3, 1e5))
LOADS = arrays(np.float64, st.integers(1, 120), elements=LOAD)
SERIES = {
    "ewma": lambda load: ewma(load, 7),
    "acwr_rolling": acwr_rolling,
    "acwr_rolling_uncoupled": lambda load: acwr_rolling(load, coupled=False),
    "acwr_ewma": acwr_ewma,
    "acwr_ewma_uncoupled": lambda load: acwr_ewma(load, coupled=False),
    "monotony": monotony_daily,
    "week_to_week": week_to_week,
    "week_difference": week_difference,
    "percentile": lambda load: percentile_of_weeks(load, 10, least=3),
    "balance": lambda load: fitness_fatigue(load).balance,
}
DAY0 = date(2024, 2, 1)


@given(st.floats(1e-3, 1e6), st.integers(29, 100))
def test_a_constant_load_gives_one(level: float, days: int) -> None:
    load = np.full(days, level)
    for name, coupled in (("rolling", True), ("rolling", False), ("ewma", True), ("ewma", False)):
        function = acwr_rolling if name == "rolling" else acwr_ewma
        found = function(load, coupled=coupled)
        assert np.abs(found[28:] - 1.0).max() <= 1e-12


@given(LOADS)
def test_the_coupled_ratio_is_tied_to_the_uncoupled_one(load: np.ndarray) -> None:
    coupled, uncoupled = acwr_rolling(load), acwr_rolling(load, coupled=False)
    both = np.isfinite(coupled) & np.isfinite(uncoupled)
    expected = 4 * uncoupled[both] / (uncoupled[both] + 3)
    np.testing.assert_allclose(coupled[both], expected, rtol=1e-9)
    assert (coupled[np.isfinite(coupled)] <= 4 + 1e-9).all()


@settings(max_examples=50)
@given(LOADS, st.integers(1, 20))
def test_a_day_knows_nothing_of_later_days(load: np.ndarray, cut: int) -> None:
    cut = min(cut, load.size)
    for function in SERIES.values():
        np.testing.assert_array_equal(function(load)[:cut], function(load[:cut]))


@settings(max_examples=50)
@given(arrays(np.float64, st.integers(60, 120), elements=LOAD), st.integers(0, 59))
def test_unknown_is_never_zero(load: np.ndarray, spot: int) -> None:
    rest, unknown = load.copy(), load.copy()
    rest[spot], unknown[spot] = 0.0, np.nan
    for name in ("acwr_rolling", "acwr_rolling_uncoupled", "week_difference", "monotony"):
        found = SERIES[name](unknown)
        assert np.isnan(found[spot : spot + 7]).all()
        shared = np.isfinite(found)
        np.testing.assert_array_equal(found[shared], SERIES[name](rest)[shared])
    assert np.isnan(ewma(unknown, 7)[spot : spot + 7]).all()


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 200), LOAD), min_size=1, max_size=60),
    st.integers(-4000, 4000),
)
def test_shifting_the_calendar_shifts_the_result(sessions: list[tuple[int, float]], shift: int) -> None:
    sessions = sorted(sessions, key=lambda item: item[0])
    values = [value for _, value in sessions]
    here = session_spike([DAY0 + timedelta(days=offset) for offset, _ in sessions], values)
    there = session_spike([DAY0 + timedelta(days=offset + shift) for offset, _ in sessions], values)
    np.testing.assert_array_equal(here, there)
    days = [DAY0 + timedelta(days=offset) for offset, _ in sessions]
    moved = [each + timedelta(days=shift) for each in days]
    np.testing.assert_array_equal(
        known_days(days, Coverage(), as_of=days[-1]), known_days(moved, Coverage(), as_of=moved[-1])
    )


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 120), LOAD), min_size=1, max_size=40))
def test_the_quick_window_is_the_plain_one(sessions: list[tuple[int, float]]) -> None:
    sessions = sorted(sessions, key=lambda item: item[0])
    days = [DAY0 + timedelta(days=offset) for offset, _ in sessions]
    largest, index = longest_before(days, [value for _, value in sessions])
    for now, (offset, _) in enumerate(sessions):
        window = [value for back, value in sessions[:now] if offset - 30 <= back]
        assert (index[now] < 0) == (not window)
        if window:
            assert largest[now] == max(window)
            assert sessions[index[now]][1] == max(window)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 120), min_size=1, max_size=20), st.integers(0, 130), st.integers(0, 30))
def test_what_a_closed_gap_was_does_not_change_later(files: list[int], ask: int, later: int) -> None:
    days = [DAY0 + timedelta(days=offset) for offset in sorted(files)]
    last = max((each for each in days if each <= DAY0 + timedelta(days=ask)), default=None)
    if last is None:
        return
    then = known_days(days, Coverage(), as_of=DAY0 + timedelta(days=ask))
    closed = (last - days[0]).days + 1
    now = known_days(days, Coverage(), as_of=DAY0 + timedelta(days=ask + later))
    np.testing.assert_array_equal(then[:closed], now[:closed])
