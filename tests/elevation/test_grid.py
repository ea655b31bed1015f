"""Values between places of a grid against numpy's interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneeledger.elevation.grid import Between


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=60, unique=True),
    st.lists(st.floats(-0.5, 450.0), max_size=80),
    st.integers(0, 2**31),
)
def test_between_is_numpys_interpolation(places: list[int], at: list[float], seed: int) -> None:
    known = np.array(sorted(places), dtype=np.int64)
    asked = np.array(at, dtype=np.float64)
    values = np.random.default_rng(seed).normal(0.0, 10.0, known.size)
    between = Between(asked, known)
    for series in (values, np.sin(values)):
        np.testing.assert_allclose(between(series), np.interp(asked, known, series), rtol=0, atol=1e-12)


@pytest.mark.parametrize("at", [-0.5, 0.0, 6.999])
def test_before_the_first_place_its_value_holds(at: float) -> None:
    assert Between(np.array([at]), np.array([7, 9]))(np.array([3.0, 5.0])).tolist() == [3.0]


def test_behind_the_last_place_its_value_holds() -> None:
    answer = Between(np.array([9.0, 10.0, 99.5]), np.array([7, 9]))(np.array([3.0, 5.0]))
    assert answer.tolist() == [5.0, 5.0, 5.0]
