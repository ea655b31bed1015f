import json

import numpy as np
import polars as pl
import pytest

from kneeledger.ledger import rows
from kneeledger.model import AltitudeSource, CadenceChoice, Entry
from kneeledger.tables import Columns, Tables


def test_a_number_that_is_none_becomes_null_and_the_text_stays_json(about):
    odd = about(facts={"creator": "x", "odd": [1.0, float("inf")]}, elapsed_s=float("nan"))
    told = json.loads(rows.about_json(odd), parse_constant=pytest.fail)
    assert told["elapsed_s"] is None
    assert told["facts"]["odd"] == [1.0, None]
    assert pl.Series([rows.about_json(odd)]).str.json_decode(pl.Struct({"sport": pl.String}))[0] == {
        "sport": "running"
    }


def test_stored_tables_and_sums_hold_no_nan(about):
    bands = Columns(
        {"from": np.array([np.nan, 0.1]), "odd": [float("inf"), 2.0]}, {"from": pl.Float64, "odd": pl.Float64}
    )
    entry = Entry(about(), {}, Tables({"bands": bands}), {"seconds": float("nan")}, ())
    row = rows.activity_row(
        "me", entry, freshness="f", segment="", context={}, pauses=pl.DataFrame({"start": [float("nan")]})
    )
    assert json.loads(row["tables"]["bands"]) == {"from": [None, 0.1], "odd": [None, 2.0]}
    assert json.loads(row["tables"]["sums"]) == {"seconds": None}
    assert json.loads(row["pauses"]) == {"start": [None]}


def test_facts_come_back_as_they_were(about):
    once = about(altitude_source=AltitudeSource.GPS, cadence=CadenceChoice("cadence", 2, "why"))
    assert rows.about_from_json(rows.about_json(once)) == once
