"""Small tables as plain columns: what they hold, as lists and as a frame, and that nothing is made unasked."""

import numpy as np
import polars as pl
import pytest

from kneeledger.tables import Columns, Tables

KINDS = {"way": pl.String, "time_s": pl.Float64, "count": pl.Int64}


def made() -> Columns:
    return Columns(
        {"way": ["run", None], "time_s": np.array([1.5, np.nan]), "count": np.array([3, 4])}, KINDS
    )


def test_lists_have_none_for_unknown_and_plain_numbers() -> None:
    lists = made().lists()
    assert lists == {"way": ["run", None], "time_s": [1.5, None], "count": [3, 4]}
    assert [type(cell) for cell in lists["count"]] == [int, int]
    assert list(lists) == list(KINDS)


def test_a_frame_has_the_declared_types_and_null_for_unknown() -> None:
    frame = made().frame()
    assert frame.schema == pl.Schema(KINDS)
    assert frame.rows() == [("run", 1.5, 3), (None, None, 4)]
    assert frame.to_dict(as_series=False) == made().lists()


def test_no_rows_keep_their_columns() -> None:
    none = Columns.empty(KINDS)
    assert none.lists() == {"way": [], "time_s": [], "count": []}
    assert none.frame().schema == pl.Schema(KINDS)
    assert none.frame().height == 0


def test_a_table_is_made_when_it_is_asked_for_and_once() -> None:
    calls: list[str] = []

    def late() -> Columns:
        calls.append("made")
        return made()

    tables = Tables({"late": late, "frame": pl.DataFrame({"a": [1, None]})})
    assert (list(tables), len(tables), "late" in tables, "other" in tables) == (
        ["late", "frame"],
        2,
        True,
        False,
    )
    assert calls == []
    assert tables.lists("late") == made().lists()
    assert tables["late"].equals(made().frame())
    assert tables["late"] is tables["late"]
    assert calls == ["made"]
    assert tables.lists("frame") == {"a": [1, None]}
    with pytest.raises(KeyError):
        tables["other"]


def test_tables_put_together_stay_unmade_and_the_later_one_counts() -> None:
    def unasked() -> Columns:
        raise AssertionError("nobody asked")

    first = Tables({"a": unasked, "b": made()})
    both = Tables(first, {"b": Columns.empty(KINDS), "c": made()})
    assert list(both) == ["a", "b", "c"]
    assert both["b"].height == 0
    assert first["b"].height == 2
