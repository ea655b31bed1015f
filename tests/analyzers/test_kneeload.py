from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kneeledger import schema
from kneeledger.analyzers import kneeload
from kneeledger.analyzers.kneeload import KNEELOAD, PER_KM, PROFILE, compute
from kneeledger.knee import cycling, running, walking
from kneeledger.knee.peak_weighted import reference_steps
from kneeledger.model import About, AltitudeSource, CadenceChoice, DownhillModel, Evidence, Track

START = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
ABOUT = About(
    start=START, end=START + timedelta(hours=1), sport="running", sub_sport=None, format="fit",
    decoder="kneeledger", device=None, device_serial=None, sha256="0" * 64, path="a.fit", part=0,
    utc_offset_s=0, utc_offset_how="file", altitude_source=AltitudeSource.BAROMETRIC,
    cadence=CadenceChoice("cadence", 2, "test"), indoor=False, virtual=False, elapsed_s=None, timer_s=None,
    device_distance_m=None, device_ascent_m=None, device_descent_m=None, file_mass_kg=None,
)  # fmt: skip


def track(columns=None, *, model=DownhillModel.ARTICLE, **about):
    frame = (
        schema.empty(schema.TRACK)
        if columns is None
        else schema.conform(pl.DataFrame(columns), schema.TRACK)[0]
    )
    return Track(
        replace(ABOUT, **about), frame, schema.empty(schema.LAPS), schema.empty(schema.PAUSES), (), 70.0, False,
        model,
    )  # fmt: skip


def run_columns(speed, cadence, grade, model=DownhillModel.ARTICLE, **more):
    speed, cadence, grade = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(speed, cadence, grade))
    n, dt = len(speed), np.ones(len(speed))
    of = running.loads(speed, cadence, grade, downhill=model)
    return {
        "elapsed_s": np.arange(n) * 1.0, "dt_s": dt, "ds_m": speed, "ground_speed_mps": speed,
        "cadence_spm": cadence, "grade": grade, "grade_load": grade, "moving": [True] * n, "way": ["run"] * n,
        "way_sure": [True] * n, "peak_force_bw": of.peak_force_bw, "load_rate_bw": of.load_rate_bw,
        "load_rate_level_bw": of.load_rate_level_bw, "knee_load_bw_s": of.load_rate_bw * dt,
        "peak_weighted_steps": reference_steps(of.peak_force_bw, running.steps_spm(speed, cadence), dt),
        "altitude_smooth_m": 100 + np.cumsum(speed * np.nan_to_num(grade)),
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def hour():
    rng = np.random.default_rng(1)
    grade = 0.05 * np.sin(np.arange(3600) / 200)
    columns = run_columns(rng.normal(3.0, 0.1, 3600), rng.normal(166, 2, 3600), grade)
    of = track(columns)
    return of, compute(of, KNEELOAD.params)


def test_both_views_are_the_sums_of_the_records_with_an_interval(hour):
    of, result = hour
    linear = result.metrics["knee_load_linear_bw_s"]
    assert linear.value == pytest.approx(of.array("knee_load_bw_s").sum(), rel=1e-9)
    assert linear.low < linear.value < linear.high
    assert 1.8 < linear.high / linear.low < 2.6
    easy = result.metrics["knee_load_easy_minutes"]
    assert easy.value == pytest.approx(linear.value / 0.727 / 60)
    peak = result.metrics["knee_load_peak_weighted_steps"]
    assert peak.value == pytest.approx(of.array("peak_weighted_steps").sum(), rel=1e-9)
    assert peak.high / peak.low > linear.high / linear.low


def test_declares_what_it_gives(hour):
    _, result = hour
    assert set(result.metrics) == {card.name for card in KNEELOAD.metrics}
    assert set(result.tables) == set(KNEELOAD.tables)
    assert len({card.name for card in KNEELOAD.metrics}) == len(KNEELOAD.metrics)
    for card in KNEELOAD.metrics:
        assert card.sources, card.name
        if "downhill" in card.name:
            assert card.evidence is Evidence.CONTESTED


def test_three_downhill_models_side_by_side(hour):
    of, result = hour
    speed, cadence, grade = (of.array(n) for n in ("ground_speed_mps", "cadence_spm", "grade"))
    for model in DownhillModel:
        other = running.loads(speed, cadence, grade, downhill=model).load_rate_bw.sum()
        assert result.metrics[f"knee_load_{model}_bw_s"].value == pytest.approx(other, rel=1e-9)
    article, mechanics, none = (result.metrics[f"knee_load_{m}_bw_s"] for m in DownhillModel)
    assert article.value > mechanics.value > none.value
    assert article.high / article.low > mechanics.high / mechanics.low
    assert result.metrics["knee_load_linear_bw_s"] == article


def test_parts_sum_and_the_downhill_share_is_one_of_them(hour):
    _, result = hour
    for prefix, suffix, whole in (
        ("load", "bw_s", "knee_load_linear_bw_s"), ("peak", "steps", "knee_load_peak_weighted_steps"),
    ):  # fmt: skip
        names = ("duration", "pace", "cadence", "downhill", "uphill", "walking", "cycling")
        parts = {name: result.metrics[f"{prefix}_{name}_{suffix}"].value for name in names}
        assert sum(parts.values()) == pytest.approx(result.metrics[whole].value, rel=1e-9)
    share = result.metrics["downhill_share"].value
    assert share == pytest.approx(
        result.metrics["load_downhill_bw_s"].value / result.metrics["knee_load_linear_bw_s"].value
    )
    assert result.metrics["downhill_share_peak_weighted"].value > share > 0.05


def test_profile_and_per_km(hour):
    of, result = hour
    profile, per_km = result.tables["profile"], result.tables["per_km"]
    assert profile.columns == list(PROFILE)
    assert per_km.columns == list(PER_KM)
    assert 300 < profile.height <= 400
    assert profile["distance_m"].is_sorted()
    assert profile["knee_load_bw_s"][-1] == pytest.approx(of.array("knee_load_bw_s").sum())
    assert (profile["load_rate_low_bw"] < profile["load_rate_bw"]).all()
    assert (profile["load_rate_bw"] < profile["load_rate_high_bw"]).all()
    assert per_km["distance_m"].sum() == pytest.approx(of.array("ds_m").sum())
    assert per_km["knee_load_bw_s"].sum() == pytest.approx(of.array("knee_load_bw_s").sum())
    assert per_km["time_s"].sum() == pytest.approx(3600)
    assert per_km["km"].to_list() == list(range(1, per_km.height + 1))
    assert per_km["distance_m"][0] == pytest.approx(1000, abs=4)


def test_kilometres_of_a_ride_tell_turns_of_the_pedals_without_coasting():
    rpm = np.where(np.arange(600) % 4 == 0, 0.0, 84.0)
    ridden = run_columns(np.full(600, 10.0), np.nan, 0.0) | {"way": ["ride"] * 600}
    ridden |= {"cadence_rpm": rpm}
    per_km = compute(track(ridden, sport="cycling"), KNEELOAD.params).tables["per_km"]
    assert per_km["cadence_rpm"].to_list() == pytest.approx([84.0] * per_km.height)
    assert per_km["cadence_spm"].null_count() == per_km.height
    without = compute(track(ridden | {"cadence_rpm": np.zeros(600)}, sport="cycling"), KNEELOAD.params)
    assert without.tables["per_km"]["cadence_rpm"].null_count() == per_km.height > 0


def test_extrapolated_share():
    speed = np.where(np.arange(1000) < 500, 3.0, 1.7)
    result = compute(track(run_columns(speed, 166.0, 0.0)), KNEELOAD.params)
    slow, fast = running.load_rate_bw(1.7, 166.0), running.load_rate_bw(3.0, 166.0)
    assert result.metrics["extrapolated_share"].value == pytest.approx(slow / (slow + fast))


def test_steps_apart_by_way_add_up():
    run = run_columns(np.full(300, 3.0), 166.0, 0.0)
    walk = walking.loads(np.full(100, 1.5), np.zeros(100))
    ride = cycling.loads(
        np.full(200, 180.0), np.full(200, 85.0), np.full(200, 8.0), np.zeros(200), np.arange(200.0), 70.0
    )
    more = {
        "way": ["walk"] * 100 + ["ride"] * 200,
        "load_rate_bw": np.concatenate([walk.load_rate_bw, ride.load_rate_bw]),
        "peak_force_bw": np.concatenate([walk.peak_force_bw, ride.peak_force_bw]),
        "ground_speed_mps": [1.5] * 100 + [8.0] * 200,
        "peak_weighted_steps": [0.01] * 300,
        "power_w": [None] * 100 + [180.0] * 200,
    }
    rest = pl.DataFrame(more).with_columns(
        pl.lit(1.0).alias("dt_s"), pl.col("ground_speed_mps").alias("ds_m"),
        pl.col("load_rate_bw").alias("knee_load_bw_s"), pl.lit(value=True).alias("moving"),
        pl.int_range(300, 600).cast(pl.Float64).alias("elapsed_s"), pl.lit(value=True).alias("way_sure"),
    )  # fmt: skip
    both = pl.concat([pl.DataFrame(run), rest], how="diagonal_relaxed")
    metrics = compute(track(both), KNEELOAD.params).metrics
    parts = [metrics[f"knee_load_{way}_bw_s"].value for way in ("run", "walk", "ride")]
    assert min(parts) > 0
    assert sum(parts) == pytest.approx(metrics["knee_load_linear_bw_s"].value, rel=1e-9)
    assert metrics["load_walking_bw_s"].value == parts[1]
    assert metrics["load_cycling_bw_s"].value == parts[2]
    steps = [metrics[f"peak_weighted_{way}_steps"].value for way in ("run", "walk", "ride")]
    assert sum(steps) == pytest.approx(metrics["knee_load_peak_weighted_steps"].value)


@pytest.mark.parametrize("sport", ["swimming", "training", "rowing", "alpine_skiing"])
def test_no_load_is_made_up(sport):
    n = 60
    columns = {"elapsed_s": np.arange(n) * 1.0, "dt_s": np.ones(n), "ds_m": np.ones(n), "way": ["other"] * n}
    result = compute(track(columns, sport=sport), KNEELOAD.params)
    assert {value.value for value in result.metrics.values()} == {None}
    assert result.sums == {}
    assert result.tables["profile"]["load_rate_bw"].null_count() == result.tables["profile"].height
    assert result.tables["profile"]["knee_load_bw_s"].null_count() == result.tables["profile"].height


def test_nothing_at_all():
    result = compute(track(), KNEELOAD.params)
    assert result.metrics["knee_load_linear_bw_s"].value is None
    assert result.tables["profile"].height == result.tables["per_km"].height == 0


def test_entered_by_hand_is_the_load_of_its_time_and_wide(hour):
    entered = track(by_hand=True, timer_s=3600.0, device_distance_m=10800.0)
    result = compute(entered, KNEELOAD.params)
    load = result.metrics["knee_load_linear_bw_s"]
    assert load.value == pytest.approx(3600 * running.load_rate_bw(3.0), rel=1e-9)
    measured = hour[1].metrics["knee_load_linear_bw_s"]
    assert load.high / load.low > 1.15 * measured.high / measured.low
    assert [issue.code for issue in result.issues] == ["load_from_duration"]
    ride = compute(track(by_hand=True, timer_s=3600.0, sport="cycling"), KNEELOAD.params)
    assert ride.metrics["knee_load_ride_bw_s"].value == pytest.approx(0.30 * 3600)
    walk = compute(track(by_hand=True, elapsed_s=1800.0, sport="hiking"), KNEELOAD.params)
    assert walk.metrics["knee_load_walk_bw_s"].value == pytest.approx(1800 * walking.load_rate_bw(1.3))
    swim = compute(track(by_hand=True, timer_s=3600.0, sport="swimming"), KNEELOAD.params)
    assert swim.metrics["knee_load_linear_bw_s"].value is None
    assert [issue.code for issue in swim.issues] == ["no_model"]


def test_stance_time_is_a_second_estimate():
    speed = np.full(600, 3.0)
    stance = float(running.reference_stance_time_s(3.0, 166.0))
    plain = run_columns(speed, 166.0, 0.0)
    assert compute(track(plain), KNEELOAD.params).metrics["knee_load_with_stance_bw_s"].value is None
    sensed = compute(track(plain | {"stance_time_s": np.full(600, 1.1 * stance)}), KNEELOAD.params)
    first = sensed.metrics["knee_load_linear_bw_s"].value
    assert sensed.metrics["knee_load_with_stance_bw_s"].value == pytest.approx(first * 1.1**1.28)


def test_no_nan_leaves(hour):
    _, result = hour
    for table in result.tables.values():
        for name, kind in table.schema.items():
            if kind == pl.Float64:
                assert not table[name].is_nan().any(), name
    assert all(np.isfinite(value) for value in result.sums.values())
    for value in result.metrics.values():
        for number in (value.value, value.low, value.high):
            assert number is None or np.isfinite(number)


def test_same_input_same_numbers(hour):
    of, result = hour
    again = kneeload.compute(of, KNEELOAD.params)
    assert again.metrics == result.metrics
    assert again.sums == result.sums
