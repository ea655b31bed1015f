"""Rolling medians and quantiles against polars' own, over widths, gaps and ends."""

import numpy as np
import polars as pl
import pytest

from kneeledger import rolling


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
    np.testing.assert_allclose(rolling.rolling_median(values, width), median, rtol=1e-12)
    if width == 1:
        return
    wanted = (0.05, 0.5, 0.95)
    for quantile, found in zip(wanted, rolling.rolling_quantiles(values, width, wanted), strict=True):
        told = series.rolling_quantile(quantile, window_size=width, min_samples=2, center=True).to_numpy()
        np.testing.assert_array_equal(found, told)


def test_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = made(500, 0.2)
    whole = rolling.rolling_median(values, 15), *rolling.rolling_quantiles(values, 20, (0.05, 0.95))
    monkeypatch.setattr(rolling, "CELLS", 100)
    parts = rolling.rolling_median(values, 15), *rolling.rolling_quantiles(values, 20, (0.05, 0.95))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)
