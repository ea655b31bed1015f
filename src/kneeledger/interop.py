"""The one door to pandas, for notebooks and statistics users. Neither way needs pyarrow.

Out: missing stays missing (nullable dtypes), the time column becomes a zone-aware index in local time where
an offset is known, and each column's unit stands in ``frame.attrs["units"]``. In: the reverse, for frames
that go to `prepare` or `workload`.
"""

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import polars as pl

from kneeledger import schema
from kneeledger.errors import SchemaError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["from_pandas", "to_pandas", "unit"]

SUFFIXES = (
    ("_bw_s", "BW·s"),
    ("_mps", "m/s"),
    ("_spm", "steps/min"),
    ("_rpm", "rpm"),
    ("_bpm", "beats/min"),
    ("_deg", "°"),
    ("_pct", "%"),
    ("_kg", "kg"),
    ("_mm", "mm"),
    ("_bw", "BW"),
    ("_w", "W"),
    ("_c", "°C"),
    ("_m", "m"),
    ("_s", "s"),
)


def unit(column: str) -> str:
    """Unit of a column by the end of its name; empty for ratios, flags and words."""
    for suffix, word in SUFFIXES:
        if column.endswith(suffix):
            return word
    return ""


def to_pandas(frame: pl.DataFrame, *, utc_offset_s: int | None = None) -> "pd.DataFrame":
    """Any public frame as pandas.

    Parameters
    ----------
    frame
        Of polars; not changed.
    utc_offset_s
        Offset of local time; None gives UTC [s].

    Returns
    -------
    pandas.DataFrame
        Nullable dtypes; ``time`` (or ``day``) as the index where there is one; ``attrs["units"]``.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in frame.columns:
        columns[name] = _series(frame.get_column(name), utc_offset_s)
    result = pd.DataFrame(columns)
    result.attrs["units"] = {name: unit(name) for name in frame.columns if unit(name)}
    for key in ("time", "day"):
        if key in result.columns:
            return result.set_index(key)
    return result


def _series(series: pl.Series, utc_offset_s: int | None) -> Any:
    import pandas as pd

    values = series.to_list()
    if isinstance(series.dtype, pl.Datetime):
        zone = timezone(timedelta(seconds=utc_offset_s or 0))
        return pd.Series(pd.to_datetime(values, utc=True)).dt.tz_convert(zone)
    if series.dtype == pl.Date:
        return pd.Series(pd.to_datetime(values))
    if series.dtype.is_float():
        return pd.Series(values, dtype="Float64")
    if series.dtype.is_integer():
        return pd.Series(values, dtype="Int64")
    if series.dtype == pl.Boolean:
        return pd.Series(values, dtype="boolean")
    if series.dtype == pl.String:
        return pd.Series(values, dtype=pd.StringDtype("python"))
    return pd.Series(values, dtype=object)


def from_pandas(frame: "pd.DataFrame") -> pl.DataFrame:
    """A pandas frame as polars: missing becomes null, a time index becomes the column ``time`` in UTC.

    Raises
    ------
    SchemaError
        A time has no zone: local or UTC is not ours to guess.
    """
    import pandas as pd

    data = frame.reset_index() if frame.index.name is not None else frame
    columns: list[pl.Series] = []
    for label in data.columns:
        name, column = str(label), data[label]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            moments = [None if pd.isna(t) else t.to_pydatetime() for t in column.dt.tz_convert("UTC")]
            columns.append(pl.Series(name, moments, dtype=schema.TIME))
        elif pd.api.types.is_datetime64_dtype(column.dtype):
            if name != "day":
                raise SchemaError(
                    f"Column {name} has times without a zone.",
                    hint="Give them one: frame.index = frame.index.tz_localize('Europe/Berlin').",
                )
            columns.append(pl.Series(name, [None if pd.isna(t) else t.date() for t in column], dtype=pl.Date))
        elif pd.api.types.is_bool_dtype(column.dtype):
            columns.append(pl.Series(name, _listed(column, bool), dtype=pl.Boolean))
        elif pd.api.types.is_integer_dtype(column.dtype):
            columns.append(pl.Series(name, _listed(column, int), dtype=pl.Int64))
        elif pd.api.types.is_float_dtype(column.dtype):
            columns.append(pl.Series(name, _listed(column, float), dtype=pl.Float64))
        else:
            columns.append(pl.Series(name, [None if pd.isna(v) else str(v) for v in column], dtype=pl.String))
    return pl.DataFrame(columns)


def _listed(column: Any, kind: type) -> list[Any]:
    import pandas as pd

    return [None if pd.isna(value) else kind(value) for value in column]
