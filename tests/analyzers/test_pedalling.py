"""Pedalling tables on a made-up ride whose power and cadence are known by the minute."""

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kneeledger.analyzers.pedalling import PEDALLING, compute
from kneeledger.preparation import prepare

_spec = importlib.util.spec_from_file_location("made_up", Path(__file__).parents[1] / "test_preparation.py")
made_up = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made_up)


def ride(power, rpm):
    n = len(power)
    return prepare(
        made_up.recording(
            n,
            power_w=np.asarray(power, dtype=float),
            cadence_rpm=np.asarray(rpm, dtype=float),
            cadence_spm=np.full(n, np.nan),
            speed_mps=np.full(n, 8.0),
            distance_m=8.0 * np.arange(n),
            facts={"sport": "cycling"},
        )
    )


def test_slow_pedalling_under_load_is_told_by_share_and_bin():
    power = np.concatenate([np.full(600, 180.0), np.full(300, 220.0), np.full(300, 60.0)])
    rpm = np.concatenate([np.full(600, 90.0), np.full(300, 60.0), np.full(300, 60.0)])
    result = compute(ride(power, rpm), PEDALLING.params)
    assert result.metrics["ride_low_cadence_load_share"].value == pytest.approx(300 / 899, abs=0.002)
    table = result.tables["pedalling_by_power"]
    assert table["from"].to_list() == [50.0, 150.0, 200.0]
    assert table["cadence_rpm"].to_list() == [60.0, 90.0, 60.0]
    assert table["low_share"].to_list() == pytest.approx([1.0, 0.0, 1.0])
    minutes = result.tables["pedalling_stretches"]
    assert minutes["power_w"].to_list()[:9] == [180.0] * 9
    assert set(minutes["cadence_rpm"]) == {90.0, 60.0}


def test_no_power_no_share_and_a_run_has_no_tables():
    result = compute(ride(np.full(300, np.nan), np.full(300, 85.0)), PEDALLING.params)
    assert result.metrics["ride_low_cadence_load_share"].value is None
    assert result.tables["pedalling_stretches"].is_empty()
    run = compute(prepare(made_up.recording(300)), PEDALLING.params)
    assert all(table.is_empty() for table in run.tables.values())
    assert all(isinstance(table, pl.DataFrame) for table in run.tables.values())


def test_uneven_minutes_are_not_steady():
    rng = np.random.default_rng(1)
    power = np.where(rng.random(600) < 0.5, 80.0, 300.0)
    assert compute(ride(power, np.full(600, 85.0)), PEDALLING.params).tables["pedalling_stretches"].is_empty()
