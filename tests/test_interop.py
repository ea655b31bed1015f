from datetime import UTC, date, datetime

import polars as pl
import pytest

from kneeledger.errors import SchemaError
from kneeledger.interop import from_pandas, to_pandas, unit


def frame() -> pl.DataFrame:
    times = [datetime(2026, 5, 3, 6, 0, s, tzinfo=UTC) for s in range(3)]
    return pl.DataFrame(
        {
            "time": times,
            "altitude_m": [1.5, None, 3.0],
            "segment": [0, None, 1],
            "moving": [True, None, False],
            "way": ["run", None, "walk"],
        },
        schema_overrides={"time": pl.Datetime("us", "UTC"), "segment": pl.Int32},
    )


def test_to_pandas_keeps_missing_missing_and_tells_units():
    out = to_pandas(frame(), utc_offset_s=7200)
    assert out["altitude_m"].isna().sum() == 1
    assert str(out["segment"].dtype) == "Int64"
    assert out.attrs["units"]["altitude_m"] == "m"
    assert out.index[0].hour == 8
    assert out.index.tz is not None


def test_round_trip_gives_the_same_frame():
    back = from_pandas(to_pandas(frame(), utc_offset_s=-3600))
    assert back.equals(frame().with_columns(pl.col("segment").cast(pl.Int64)))


def test_days_are_an_index():
    days = pl.DataFrame({"day": [date(2026, 5, 3)], "descent_m": [12.0]})
    assert from_pandas(to_pandas(days)).equals(days)


def test_times_without_a_zone_are_refused():
    import pandas as pd

    with pytest.raises(SchemaError, match="without a zone"):
        from_pandas(pd.DataFrame({"time": pd.to_datetime(["2026-05-03 06:00"])}))


def test_units_follow_the_end_of_the_name():
    assert unit("knee_load_bw_s") == "BW·s"
    assert unit("peak_force_bw") == "BW"
    assert unit("grade") == ""
