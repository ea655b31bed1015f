"""Scalars, arrays and frames' columns to numpy and back, once for every model.

A notebook asks for one number, a track for ten thousand; the models are written for arrays only. `lift`
turns whatever was given into float arrays in which NaN stands for unknown, and hands back the function
that undoes it: plain numbers in give a float or None out, anything longer gives an array.
Instead of: a scalar and an array version of each formula, or numpy scalars that leak NaN to a caller.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from kneeledger.model import FloatArray

__all__ = ["Answer", "Number", "Numbers", "Quantity", "lift"]

Number = float | None
Numbers = FloatArray | pl.Series | Sequence[float | None]
Quantity = Number | Numbers
Answer = float | None | FloatArray


def lift(*values: Quantity) -> tuple[list[FloatArray], Callable[[FloatArray], Answer]]:
    """Float arrays with NaN for unknown, and the way back to what the caller used.

    Returns
    -------
    arrays : list of FloatArray
        One for each value; infinities count as unknown.
    lower : callable
        Gives a float or None where every value was a plain number, else the array.
    """
    plain = all(value is None or np.ndim(value) == 0 for value in values)  # type: ignore[arg-type]
    arrays = [_array(value) for value in values]

    def lower(result: FloatArray) -> Answer:
        if not plain:
            return np.asarray(result, dtype=np.float64)
        number = float(result)
        return number if np.isfinite(number) else None

    return arrays, lower


def _array(value: Quantity) -> FloatArray:
    if isinstance(value, pl.Series):
        array: FloatArray = value.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    else:
        array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        array = np.where(np.isfinite(array), array, np.nan)
    return array
