"""Quantiles of each kind against polars' and numpy's own, over widths, gaps and ends."""

import numpy as np
import polars as pl
import pytest

from kneeledger import quantiles


def made(length: int, missing: float) -> np.ndarray:
    rng = np.random.default_rng(length)
    values = np.round(rng.normal(170.0, 5.0, length))
    values[rng.random(length) < missing] = np.nan
    return values


@pytest.mark.parametrize("width", [1, 2, 3, 15, 20, 21, 40])
@pytest.mark.parametrize("length", [0, 1, 5, 300])
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.95])
def test_as_polars(width: int, length: int, missing: float) -> None:
    values = made(length, missing)
    series = pl.Series(values, dtype=pl.Float64, nan_to_null=True)
    median = series.rolling_median(width, min_samples=1, center=True).to_numpy()
    np.testing.assert_allclose(quantiles.rolling_median(values, width), median, rtol=1e-12)
    if width == 1:
        return
    wanted = (0.05, 0.5, 0.95)
    for quantile, found in zip(wanted, quantiles.rolling_quantiles(values, width, wanted), strict=True):
        told = series.rolling_quantile(quantile, window_size=width, min_samples=2, center=True).to_numpy()
        np.testing.assert_array_equal(found, told)


def test_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = made(500, 0.2)
    whole = quantiles.rolling_median(values, 15), *quantiles.rolling_quantiles(values, 20, (0.05, 0.95))
    monkeypatch.setattr(quantiles, "CELLS", 100)
    parts = quantiles.rolling_median(values, 15), *quantiles.rolling_quantiles(values, 20, (0.05, 0.95))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_groups_as_numpy(missing: float) -> None:
    values = made(400, missing)
    place = np.random.default_rng(1).integers(0, 9, 400)
    place[place == 4] = 5
    values[place == 7] = np.nan
    for quantile, found in zip(
        (0.2, 0.5), quantiles.grouped_quantiles(values, place, 9, (0.2, 0.5)), strict=True
    ):
        for group in range(9):
            mine = values[(place == group) & ~np.isnan(values)]
            told = np.quantile(mine, quantile) if len(mine) else np.nan
            np.testing.assert_allclose(found[group], told, rtol=1e-12)


def test_weighted() -> None:
    assert quantiles.weighted_quantiles(np.array([np.nan]), np.array([1.0]), (0.5,)) == [None]
    assert quantiles.weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.ones(3), (0.5,)) == [2.0]
    # a value twice as heavy stands as if it were there twice
    thrice = quantiles.weighted_quantiles(np.array([160.0, 170.0]), np.array([1.0, 3.0]), (0.25, 0.5))
    assert thrice == [pytest.approx(160 + 10 * 0.125 / 0.5), pytest.approx(160 + 10 * 0.375 / 0.5)]


def test_counting_and_comparing_agree() -> None:
    """Cadence is counted, anything else compared; a value that is no multiple of 1/64 changes nothing."""
    cadence = made(500, 0.2)
    weights = np.random.default_rng(2).uniform(0.5, 3.0, 500)
    counted = quantiles.weighted_quantiles(cadence, weights, (0.25, 0.5, 0.75))
    compared = quantiles.weighted_quantiles(cadence / 3.0, weights, (0.25, 0.5, 0.75))
    np.testing.assert_allclose(
        np.array(counted, dtype=float) / 3.0, np.array(compared, dtype=float), rtol=1e-12
    )


@pytest.mark.parametrize("missing", [0.0, 0.02, 0.5])
@pytest.mark.parametrize("width", [3, 4, 5, 20, 31])
def test_ends_of_a_window_by_halves_are_those_of_the_sorted_window(width: int, missing: float) -> None:
    rng = np.random.default_rng(width)
    values = np.round(rng.normal(3.0, 0.5, 400), 2)
    values[rng.random(400) < missing] = np.nan
    wanted = (1.0 / (width - 1), 1.0 - 1.0 / (width - 1))
    back = width // 2
    for found, quantile in zip(quantiles.rolling_quantiles(values, width, wanted), wanted, strict=True):
        for row in range(400):
            window = values[max(0, row - back) : row + width - back]
            told = np.sort(window[~np.isnan(window)])
            expected = told[int((len(told) - 1) * quantile + 0.5)] if len(told) >= 2 else np.nan
            np.testing.assert_equal(found[row], expected)


@pytest.mark.parametrize("step", [0.001, 1 / 64, 0.0])
def test_groups_of_numbers_in_steps_and_of_any_numbers(step: float) -> None:
    rng = np.random.default_rng(7)
    values = rng.uniform(0.0, 220.0, 500)
    if step:
        values = np.rint(values / step) / (1000.0 if step == 0.001 else 64.0)
    place = rng.integers(0, 9, 500)
    (found,) = quantiles.grouped_quantiles(values, place, 10, (0.3,))
    expected = [np.quantile(values[place == group], 0.3) for group in range(9)]
    np.testing.assert_allclose(found, [*expected, np.nan], rtol=1e-12)


def test_equal_weights_count_as_summed_ones() -> None:
    values = np.random.default_rng(3).normal(size=101)
    nearly = np.ones(101)
    nearly[0] += 1e-12
    wanted = (0.0, 0.05, 0.5, 0.75, 1.0)
    equal = quantiles.weighted_quantiles(values, np.ones(101), wanted)
    np.testing.assert_allclose(equal, quantiles.weighted_quantiles(values, nearly, wanted), rtol=1e-9)


def test_a_median_of_some_records_is_theirs_among_all() -> None:
    values = np.random.default_rng(4).normal(size=300)
    values[40:60] = np.nan
    only = np.array([0, 3, 45, 50, 60, 299])
    found = quantiles.rolling_median(values, 15, only)
    np.testing.assert_equal(found, quantiles.rolling_median(values, 15)[only])


@pytest.mark.parametrize("length", [1, 2, 3, 10, 301])
def test_the_median_is_numpys(length: int) -> None:
    values = np.random.default_rng(length).normal(170.0, 5.0, length)
    before = values.copy()
    assert quantiles.median(values) == np.median(values)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("width", [1, 2, 5, 6, 40])
@pytest.mark.parametrize("length", [0, 1, 5, 300])
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.95])
@pytest.mark.parametrize("step", [0.001, 0.0137])
def test_means_as_polars(width: int, length: int, missing: float, step: float) -> None:
    rng = np.random.default_rng(length)
    values = np.round(rng.normal(2.5, 0.5, length) / step) * step
    if step == 0.001:
        values = np.round(values, 3)
    values[rng.random(length) < missing] = np.nan
    series = pl.Series(values, dtype=pl.Float64, nan_to_null=True)
    told = series.rolling_mean(width, min_samples=1, center=True).to_numpy()
    np.testing.assert_allclose(quantiles.rolling_mean(values, width), told, rtol=1e-12)


def test_a_mean_of_thousandths_is_what_it_is_on_paper() -> None:
    # floats added one by one give 1.9999999999999998 here, and a bound of 2.0 would then not be reached
    values = np.tile([1.9, 2.1, 1.7, 2.3, 2.0], 500)
    assert set(quantiles.rolling_mean(values, 5)[2:-2].tolist()) == {2.0}
