"""The ledger of descent, on tracks whose answers can be worked out by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kneeledger import schema
from kneeledger.analyzers import downhill
from kneeledger.analyzers.downhill import DOWNHILL, Params, compute
from kneeledger.knee import running
from kneeledger.model import (
    EMPTY_EXTRA,
    EMPTY_LAPS,
    EMPTY_PAUSES,
    About,
    AltitudeSource,
    CadenceChoice,
    DownhillModel,
    Recording,
    Value,
)
from kneeledger.preparation import Settings, prepare

SETTINGS = Settings(mass_kg=70.0)
START = datetime(2026, 5, 1, 6, tzinfo=UTC)


def recording(altitude, *, speed=3.0, cadence=170.0, sport="running", incline=None, distance=None, **changes):
    """A 1 Hz activity; `altitude` per second, the rest scalars or arrays."""
    count = len(altitude)
    pace = np.broadcast_to(np.asarray(speed, dtype=float), (count,))
    columns = {
        "time": [START + timedelta(seconds=s) for s in range(count)],
        "segment": np.zeros(count, dtype=int),
        "altitude_m": altitude,
        "distance_m": np.cumsum(pace) - pace[0] if distance is None else distance,
        "speed_mps": pace,
        "cadence_spm": np.broadcast_to(np.asarray(cadence, dtype=float), (count,)),
        "incline": np.full(count, np.nan) if incline is None else np.full(count, incline),
    }
    records, refused = schema.conform(pl.DataFrame(columns, nan_to_null=True), schema.RECORDS)
    assert not refused
    facts = {
        "start": START,
        "end": START + timedelta(seconds=count),
        "sport": sport,
        "sub_sport": None,
        "format": "fit",
        "decoder": "kneeledger",
        "device": "garmin fr255",
        "device_serial": None,
        "sha256": "0" * 64,
        "path": "made-up.fit",
        "part": 0,
        "utc_offset_s": 0,
        "utc_offset_how": "config",
        "altitude_source": AltitudeSource.UNKNOWN,
        "cadence": CadenceChoice("cadence", 2, ""),
        "indoor": False,
        "virtual": False,
        "elapsed_s": float(count),
        "timer_s": float(count),
        "device_distance_m": None,
        "device_ascent_m": None,
        "device_descent_m": None,
        "file_mass_kg": None,
    }
    return Recording(About(**(facts | changes)), records, EMPTY_LAPS, EMPTY_PAUSES, EMPTY_EXTRA, ())


def result_of(altitude, settings=SETTINGS, **changes):
    track = prepare(recording(np.asarray(altitude, dtype=float), **changes), settings)
    return track, compute(track, Params())


def hill(level_s=400, down_s=400, grade=-0.08, speed=3.0):
    """Level, then down, then level again [m]."""
    x = speed * np.arange(level_s + down_s + level_s)
    return 300 + grade * np.clip(x - speed * level_s, 0, speed * down_s)


def test_it_gives_what_it_declares():
    _, result = result_of(hill())
    assert set(result.metrics) == {card.name for card in DOWNHILL.metrics}
    assert set(result.tables) == set(DOWNHILL.tables)
    for name, wanted in (("bands", schema.BANDS), ("descents", schema.DESCENTS)):
        assert dict(result.tables[name].schema) == {n: c.dtype for n, c in wanted.items()}


def test_cards_say_what_they_are():
    for card in DOWNHILL.metrics:
        assert card.meaning
        assert card.formula
        assert card.unit
        assert card.name.isascii()
    contested = {card.name for card in DOWNHILL.metrics if card.evidence == "contested"}
    assert contested == {card.name for card in DOWNHILL.metrics if card.name.startswith("excess")}


def test_a_hill_of_8_percent():
    _, result = result_of(hill())
    metrics = {name: value.value for name, value in result.metrics.items()}
    assert metrics["descent_m"] == pytest.approx(96, abs=1)
    assert metrics["descent_run_m"] == metrics["descent_m"]
    assert metrics["ascent_m"] == pytest.approx(0, abs=0.5)
    assert metrics["downhill_run_time_s"] == pytest.approx(400, abs=15)
    assert metrics["downhill_run_distance_m"] == pytest.approx(1200, abs=45)
    assert metrics["steps_downhill_run"] == pytest.approx(400 * 170 / 60, rel=0.03)
    assert metrics["braking_energy_j_per_kg"] == pytest.approx(9.81 * 96, rel=0.02)
    assert metrics["steep_descent_run_m"] == 0
    assert metrics["longest_descent_m"] == metrics["longest_descent_run_m"] == pytest.approx(95, abs=2)


def test_bands_sum_to_the_whole():
    track, result = result_of(hill())
    bands = result.tables["bands"]
    edges = [-0.20, -0.15, -0.10, -0.05, -0.02, 0.02, 0.05, 0.10]
    assert bands.get_column("from").to_list() == [None, *edges, None]
    assert bands.get_column("to").to_list() == [*edges, None, None]
    for column, whole in (("time_s", "dt_s"), ("distance_m", "ds_m"), ("knee_load_bw_s", "knee_load_bw_s")):
        assert bands.get_column(column).sum() == pytest.approx(track.frame.get_column(whole).sum(), rel=1e-9)
    assert bands.get_column("steps").sum() == pytest.approx(1199 * 170 / 60, rel=1e-3)
    steep = bands.filter((pl.col("from") == -0.10) & (pl.col("to") == -0.05))
    assert steep.get_column("time_s").item() == pytest.approx(400, abs=25)
    assert steep.get_column("descent_m").item() == pytest.approx(96, abs=4)


def test_excess_by_the_three_models_is_worked_out_by_hand():
    _, result = result_of(hill())
    level = float(running.load_rate_bw(3.0, 170.0, 0.0, downhill=DownhillModel.NONE))
    seconds = result.metrics["downhill_run_time_s"].value
    article = result.metrics["excess_knee_load_article_bw_s"]
    assert article.value == pytest.approx(level * 8.0 * 0.08 * 400, rel=0.03)
    assert article.value == pytest.approx(level * 8.0 * 0.08 * seconds, rel=0.05)
    mechanics = result.metrics["excess_knee_load_mechanics_bw_s"].value
    assert mechanics == pytest.approx(article.value * 5.4 / 8.0, rel=1e-6)
    assert result.metrics["excess_knee_load_none_bw_s"].value == 0.0
    assert result.metrics["excess_knee_load_bw_s"] == article
    assert article.low < article.value < article.high


def test_excess_follows_the_model_in_force():
    _, result = result_of(hill(), Settings(mass_kg=70.0, downhill_model=DownhillModel.MECHANICS))
    assert result.metrics["excess_knee_load_bw_s"] == result.metrics["excess_knee_load_mechanics_bw_s"]


def test_excess_is_the_tracks_own_difference():
    track, result = result_of(hill())
    below = track.array("grade_load") < -0.02
    own = (track.array("load_rate_bw") - track.array("load_rate_level_bw")) * track.array("dt_s")
    assert result.metrics["excess_knee_load_bw_s"].value == pytest.approx(own[below].sum(), rel=1e-9)


def test_the_row_of_a_single_descent():
    cadence = np.concatenate([np.full(400, 168.0), np.full(400, 176.0), np.full(400, 168.0)])
    track, result = result_of(hill(), cadence=cadence)
    (row,) = result.tables["descents"].to_dicts()
    assert row["number"] == 1
    assert row["way"] == "run"
    assert row["start_elapsed_s"] == pytest.approx(400, abs=6)
    assert row["start_distance_m"] == pytest.approx(1200, abs=18)
    assert row["length_m"] == pytest.approx(1200, abs=30)
    assert row["drop_m"] == pytest.approx(95, abs=2)
    assert row["duration_s"] == pytest.approx(400, abs=12)
    assert row["grade_mean"] == pytest.approx(-0.08, abs=0.002)
    assert row["grade_steepest"] == pytest.approx(-0.08, abs=0.003)
    assert row["steps"] == pytest.approx(400 * 176 / 60, rel=0.03)
    assert row["cadence_spm"] == pytest.approx(176, abs=0.5)
    assert row["cadence_level_spm"] == pytest.approx(168, abs=1)
    load = track.array("knee_load_bw_s")[400:800].sum()
    assert row["knee_load_bw_s"] == pytest.approx(load, rel=0.04)
    assert row["excess_knee_load_bw_s"] == pytest.approx(
        result.metrics["excess_knee_load_article_bw_s"].value, rel=0.03
    )


def test_walking_down_is_apart_from_running():
    speed = np.concatenate([np.full(600, 3.0), np.full(600, 1.3)])
    cadence = np.concatenate([np.full(600, 170.0), np.full(600, 110.0)])
    x = np.cumsum(speed)
    _, result = result_of(500 - 0.06 * x, speed=speed, cadence=cadence)
    bands = result.tables["bands"]
    assert bands.get_column("way").unique(maintain_order=True).to_list() == ["run", "walk"]
    assert bands.height == 20
    run, whole = result.metrics["descent_run_m"].value, result.metrics["descent_m"].value
    assert whole == pytest.approx(0.06 * (1800 + 780), rel=0.02)
    assert run == pytest.approx(0.06 * 1800, rel=0.03)
    assert result.metrics["downhill_run_time_s"].value == pytest.approx(600, abs=20)


def test_a_ride_has_descent_but_no_steps_and_no_running_excess():
    x = 8.0 * np.arange(1200)
    _, result = result_of(900 - 0.05 * x, speed=8.0, cadence=np.nan, sport="cycling")
    assert result.metrics["descent_m"].value == pytest.approx(480, rel=0.02)
    assert result.metrics["descent_run_m"].value == 0.0
    assert result.metrics["excess_knee_load_bw_s"].value is None
    assert result.metrics["longest_descent_m"].value == pytest.approx(480, rel=0.02)
    assert result.metrics["longest_descent_run_m"].value == 0.0
    bands = result.tables["bands"]
    assert bands.get_column("way").unique().to_list() == ["ride"]
    assert bands.get_column("steps").null_count() == 10


def test_gps_altitude_has_no_bands_and_says_why():
    _, result = result_of(hill(), device="garmin fr235")
    assert result.tables["bands"].height == 0
    assert result.tables["descents"].height == 0
    assert "bands_unknown" in [issue.code for issue in result.issues]
    assert result.metrics["excess_knee_load_bw_s"].value is None
    assert result.metrics["steps_downhill_run"].value is None
    assert result.metrics["longest_descent_m"].value is None
    assert result.metrics["descent_m"].value == pytest.approx(96, abs=2)


def test_treadmill_is_unknown_unless_it_says_its_incline():
    _, bare = result_of(hill(), indoor=True)
    bands = bare.tables["bands"]
    assert bands.get_column("time_s").to_list()[:-1] == [0.0] * 9
    assert bands.get_column("time_s")[-1] == pytest.approx(1199)
    assert bare.metrics["descent_m"].value is None
    _, told = result_of(hill(), indoor=True, incline=-0.04)
    bands = told.tables["bands"].filter(pl.col("time_s") > 0)
    assert bands.get_column("from").to_list() == [-0.05]
    assert told.metrics["excess_knee_load_bw_s"].value > 0


@pytest.mark.parametrize(
    "changes",
    [{"virtual": True, "sub_sport": "virtual_activity"}, {"sport": "alpine_skiing"}, {"sport": "swimming"}],
)
def test_what_no_leg_braked_is_never_counted(changes):
    _, result = result_of(hill(), **changes)
    assert result.metrics["descent_m"].value is None
    assert result.metrics["excess_knee_load_bw_s"].value is None
    assert result.tables["descents"].height == 0
    bands = result.tables["bands"]
    assert (
        bands.filter(pl.col("to").is_not_null() | pl.col("from").is_not_null()).get_column("time_s").sum()
        == 0
    )


@pytest.mark.parametrize(("device", "told"), [(96.0, False), (85.0, False), (150.0, True), (60.0, True)])
def test_a_device_that_counts_otherwise_is_told(device, told):
    _, result = result_of(hill(), device_descent_m=device)
    codes = [issue.code for issue in result.issues]
    assert ("descent_differs" in codes) is told


def test_no_cadence_no_steps():
    _, result = result_of(hill(), cadence=np.nan)
    assert result.metrics["steps_downhill_run"].value is None
    assert result.tables["bands"].get_column("steps").null_count() == 10
    (row,) = result.tables["descents"].to_dicts()
    assert row["steps"] is None
    assert row["cadence_spm"] is None
    assert row["knee_load_bw_s"] > 0


def test_no_altitude_is_null_not_zero():
    _, result = result_of(np.full(1200, np.nan))
    assert result.metrics["descent_m"] == Value(None)
    assert result.metrics["excess_knee_load_bw_s"] == Value(None)
    assert result.tables["bands"].get_column("time_s")[-1] == pytest.approx(1199)


def test_no_nan_leaves():
    for changes in ({}, {"cadence": np.nan}, {"sport": "cycling"}, {"indoor": True}, {"device": "fr235"}):
        _, result = result_of(hill(), **changes)
        for value in result.metrics.values():
            assert value.value is None or np.isfinite(value.value)
        for frame in result.tables.values():
            for column in frame.select(pl.col(pl.Float64)).iter_columns():
                assert not column.is_nan().any()


def test_a_flat_run_has_a_ledger_of_zeros():
    _, result = result_of(np.full(1200, 50.0) + 0.2 * (np.arange(1200) % 2))
    assert result.metrics["descent_m"].value == 0
    assert result.metrics["longest_descent_m"].value == 0
    assert result.metrics["excess_knee_load_bw_s"].value == 0
    assert result.metrics["steps_downhill_run"].value == 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_very_short_tracks(count):
    _, result = result_of(np.full(count, 100.0))
    assert set(result.metrics) == {card.name for card in downhill.METRICS}
