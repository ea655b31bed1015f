"""Vectors of science.md 7.1-7.3, start-up, gaps, and outings."""

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kneeledger.workload import (
    ACTIVITIES,
    DAILY,
    Coverage,
    History,
    acwr_ewma,
    acwr_rolling,
    daily,
    ewma,
    fitness_fatigue,
    known_days,
    longest_before,
    monotony,
    monotony_daily,
    outings,
    percentile_of_weeks,
    ratio_interval,
    session_spike,
    strain,
    week_difference,
    week_to_week,
    workload,
)

A1 = [30.0] * 21 + [50.0] * 7
A2 = [15, 15, 20, 20, 20, 25, 25, 25, 25, 30, 30, 30, 35, 35, 35, 35, 35, 40, 45, 45, 45, 40, 40, 45]
A2 += [45, 50, 60, 70]
A3 = [55, 50, 40, 60, 45, 50, 50, 20, 30, 80, 25, 10, 30, 15, 20, 15, 5, 5, 15, 5, 5, 5, 5, 15, 45, 90]
A3 += [95, 95]
DAY0 = date(2024, 1, 1)


def day(offset: int) -> date:
    return DAY0 + timedelta(days=offset)


def activity(offset: int, *, hour: float = 8, minutes: float = 50, **more: object) -> dict[str, object]:
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=offset, hours=hour)
    way = str(more.get("way", "run"))
    row: dict[str, object] = {
        "id": f"{way}-{offset}-{hour}",
        "day": day(offset),
        "start": start,
        "end": start + timedelta(minutes=minutes),
        "way": way,
        "sport": {"run": "running", "ride": "cycling", "walk": "hiking"}.get(way, "training"),
        "grade_known": True,
    }
    if way == "run":
        row |= {
            "distance_m": minutes * 180.0,
            "run_distance_m": minutes * 180.0,
            "run_time_s": minutes * 60.0,
            "descent_m": 50.0,
            "descent_run_m": 50.0,
            "steep_descent_run_m": 0.0,
            "steps_downhill": 900.0,
        }
    if way != "other":
        load = minutes * 60 * (0.727 if way == "run" else 0.3)
        row |= {"knee_load_bw_s": load, f"knee_load_{way}_bw_s": load, "peak_weighted_steps": load}
    return row | more


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(
        list(rows), schema={name: column.dtype for name, column in ACTIVITIES.items()}, orient="row"
    )


@pytest.mark.parametrize(
    ("load", "acute", "chronic", "ratio", "zero"),
    [
        (A1, 47.330322, 37.871967, 1.249746, 1.3994),
        (A2, 53.673012, 38.168765, 1.406202, 1.4850),
        (A3, 62.124188, 40.061418, 1.550724, 1.9037),
    ],
)
def test_the_worked_example_of_williams(
    load: list[float], acute: float, chronic: float, ratio: float, zero: float
) -> None:
    assert ewma(load, 7)[-1] == pytest.approx(acute, abs=5e-7)
    assert ewma(load, 28)[-1] == pytest.approx(chronic, abs=5e-7)
    assert acwr_ewma(load)[-1] == pytest.approx(ratio, abs=5e-7)
    assert acwr_ewma(load, seed=0.0)[-1] == pytest.approx(zero, abs=5e-5)
    assert acwr_rolling(load)[-1] == pytest.approx(1.428571, abs=5e-7)
    assert acwr_rolling(load, coupled=False)[-1] == pytest.approx(1.666667, abs=5e-7)


@pytest.mark.parametrize(("load", "ratio"), [(A1, 1.1153846), (A2, 1.3376668), (A3, 0.33145833)])
def test_day_22_of_the_reference_package(load: list[float], ratio: float) -> None:
    assert acwr_ewma(load)[21] == pytest.approx(ratio, abs=5e-8)


def test_the_uncoupled_ratio_does_not_repeat_the_error_of_the_reference_package() -> None:
    assert acwr_rolling([30.0] * 40, coupled=False)[28:] == pytest.approx(1.0, abs=1e-12)
    load = [30.0] * 35 + [60.0] * 7
    assert acwr_rolling(load, coupled=False)[-1] == pytest.approx(2.0, abs=1e-12)
    assert acwr_rolling(load)[-1] == pytest.approx(1.6, abs=1e-12)


@pytest.mark.parametrize(
    ("load", "fitness", "fatigue", "balance"),
    [
        (A1, 17.6679, 42.0929, -24.4251),
        (A2, 18.1682, 46.2905, -28.1223),
        (A3, 17.1454, 44.3012, -27.1558),
    ],
)
def test_fitness_and_fatigue(load: list[float], fitness: float, fatigue: float, balance: float) -> None:
    found = fitness_fatigue(load, 42, 7)
    assert found.fitness[-1] == pytest.approx(fitness, abs=6e-5)
    assert found.fatigue[-1] == pytest.approx(fatigue, abs=6e-5)
    assert found.balance[-1] == pytest.approx(balance, abs=6e-5)


def test_foster_by_days_and_as_printed() -> None:
    week = [940, 50, 840 + 280, 180, 390, 50, 390 + 280]
    workouts = [940, 50, 840, 280, 180, 390, 50, 390, 280]
    assert monotony(week) == pytest.approx(1.12172, abs=5e-6)
    assert strain(week) == pytest.approx(3813.86, abs=5e-3)
    assert monotony(week, ddof=0) == pytest.approx(1.212, abs=5e-4)
    assert monotony(workouts, ddof=0) == pytest.approx(1.265, abs=5e-4)
    assert monotony_daily(week)[-1] == pytest.approx(monotony(week))
    assert math.isnan(monotony([30.0] * 7))
    assert math.isnan(monotony([0.1 + 0.2, 0.3, 0.3, 0.3, math.nan]))


def test_no_rolling_ratio_before_day_28_and_none_over_nothing() -> None:
    assert np.isnan(acwr_rolling(A1)[:27]).all()
    assert np.isnan(acwr_rolling([0.0] * 40)).all()
    assert np.isnan(acwr_ewma([0.0] * 40)).all()
    assert np.isnan(week_to_week([0.0] * 7 + [5.0] * 7)).all()


def test_rest_and_unknown_are_not_alike() -> None:
    rest, unknown = np.full(80, 10.0), np.full(80, 10.0)
    rest[40], unknown[40] = 0.0, np.nan
    assert acwr_rolling(rest)[46] == pytest.approx((60 / 7) / (270 / 28))
    assert np.isnan(acwr_rolling(unknown)[40:68]).all()
    assert acwr_rolling(unknown)[68] == pytest.approx(1.0)
    assert ewma(rest, 7)[40] == pytest.approx(7.5)
    assert np.isnan(ewma(unknown, 7)[40:47]).all()
    assert ewma(unknown, 7)[47] == pytest.approx(10.0)
    assert np.isnan(fitness_fatigue(unknown).fitness[40:82]).all()


def test_difference_and_percentile_look_at_the_28_days_before_the_last_7() -> None:
    load = np.concatenate((np.full(200, 10.0), np.full(7, 20.0)))
    assert week_difference(load)[-1] == pytest.approx(70.0)
    assert week_difference(load)[-8] == pytest.approx(0.0)
    assert percentile_of_weeks(load)[-1] == 100.0
    assert percentile_of_weeks(load)[-8] == 50.0
    assert math.isnan(percentile_of_weeks(load[:50])[-1])
    load[-40] = 1000.0
    assert percentile_of_weeks(load)[-1] == pytest.approx(100 * 25 / 26)


def test_a_session_is_held_against_the_thirty_days_before_it_and_never_itself() -> None:
    days = [day(0), day(30), day(61), day(61)]
    assert session_spike(days, [10.0, 12.0, 18.0, 27.0]) == pytest.approx(
        [math.nan, 1.2, math.nan, 1.5], nan_ok=True
    )
    largest, index = longest_before([day(0), day(1), day(2)], [5.0, math.nan, 4.0])
    assert index.tolist() == [-1, 0, 0]
    assert largest[2] == 5.0
    with pytest.raises(ValueError, match="order"):
        session_spike([day(3), day(1)], [1.0, 1.0])


def test_days_before_the_first_file_in_long_gaps_and_of_broken_files_are_unknown() -> None:
    files = [day(0), day(15), day(31)]
    known = known_days(files, Coverage(unreadable_days=frozenset({day(33)})), as_of=day(35))
    assert known[:16].all()
    assert not known[16:31].any()
    assert known[31:].tolist() == [True, True, False, True, True]
    assert not known_days(files, Coverage(complete=False), as_of=day(20))[1:15].any()
    assert known_days([], Coverage(), as_of=day(0)).size == 0
    early = known_days([day(20)], Coverage(first_day=day(0)), as_of=day(20))
    assert early.size == 21
    assert early.tolist() == [False] * 20 + [True]


def test_a_gap_is_rest_until_it_is_too_long() -> None:
    assert known_days([day(0)], Coverage(), as_of=day(14)).all()
    assert known_days([day(0)], Coverage(), as_of=day(15)).tolist() == [True] + [False] * 15


def test_daily_is_null_where_it_is_not_known_and_zero_only_at_rest() -> None:
    rows = frame(
        activity(0),
        activity(2, way="other", sub_sport="strength_training"),
        activity(3, grade_known=False),
        activity(4, sub_sport="treadmill", descent_m=None, descent_run_m=None, grade_known=False),
        activity(5, knee_load_bw_s=None, knee_load_run_bw_s=None),
    )
    days = daily(rows, as_of=day(7), coverage=Coverage(unreadable_days=frozenset({day(6)})))
    assert days.columns == list(DAILY)
    assert days.height == 8
    assert days["known"].to_list() == [True] * 6 + [False, True]
    assert days["run_distance_m"].to_list() == [9000, 0, 0, 9000, 9000, 9000, None, 0]
    assert days["descent_m"].to_list() == [50, 0, 0, None, 0, 50, None, 0]
    assert days["altitude_known"].to_list() == [True, True, True, False, True, True, False, True]
    assert days["knee_load_bw_s"][2] == 0
    assert days["sessions_without_load"].to_list() == [0, 0, 1, 0, 0, 0, None, 0]
    assert days["sessions_strength"][2] == 1
    assert days["knee_load_bw_s"][5] is None
    assert days["longest_run_m"].to_list() == [9000, 0, 0, 9000, 9000, 9000, None, 0]


def test_daily_and_the_quick_series_are_the_same_numbers() -> None:
    rng = np.random.default_rng(3)
    rows = frame(
        *[
            activity(int(offset), hour=float(hour), minutes=float(minutes), way=way)
            for offset, hour, minutes, way in zip(
                np.sort(rng.integers(0, 90, 60)),
                rng.uniform(5, 20, 60),
                rng.uniform(20, 90, 60),
                rng.choice(["run", "ride", "walk", "other"], 60),
                strict=True,
            )
        ]
    )
    coverage = Coverage(unreadable_days=frozenset({day(30), day(80)}), no_altitude_days=frozenset({day(20)}))
    history = History(rows, coverage)
    for as_of in (day(10), day(45), day(100), day(130)):
        days = daily(rows, as_of=as_of, coverage=coverage)
        names = ["run_distance_m", "descent_m", "knee_load_bw_s", "sessions", "knee_load_ride_bw_s"]
        series = history.series(as_of, names)
        assert series is not None
        for name in names:
            slow = days[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            np.testing.assert_allclose(series.values[name], slow, rtol=1e-12)


def test_parts_less_than_half_an_hour_apart_are_one_outing_of_their_way() -> None:
    rows = frame(
        activity(0, hour=8, minutes=30),
        activity(0, hour=8.75, minutes=30),
        activity(0, hour=9.1, minutes=5, way="ride"),
        activity(0, hour=10.0, minutes=30),
        activity(0, hour=12, minutes=20, way="other"),
        activity(0, hour=12.4, minutes=20, way="other"),
    )
    joined = outings(rows)
    assert joined["ids"].list.len().to_list() == [2, 1, 1, 1, 1]
    assert joined["distance_m"][0] == pytest.approx(10800)
    assert joined["way"].to_list() == ["run", "ride", "run", "other", "other"]
    none = outings(rows[:2].with_columns(pl.Series("knee_load_bw_s", [1.0, None])))
    assert none["knee_load_bw_s"][0] is None


def test_an_outing_past_midnight_is_one() -> None:
    noted = activity(2, hour=12) | {"end": activity(2, hour=12)["start"]}
    apart = outings(frame(activity(2, hour=11.2, minutes=40), noted, activity(2, hour=12.1, minutes=30)))
    assert apart["ids"].to_list() == [["run-2-11.2", "run-2-12.1"], ["run-2-12"]]
    joined = outings(frame(activity(0, hour=23, minutes=50), activity(1, hour=0.1, minutes=30)))
    assert joined.height == 1
    assert (joined["day"][0], joined["last_day"][0]) == (day(0), day(1))


def test_ratio_intervals_cancel_what_is_common() -> None:
    rng = np.random.default_rng(1)
    level = rng.lognormal(0, 0.3, 1000)
    interval = ratio_interval(level * 130, level * 100)
    assert interval == pytest.approx((1.3, 1.3))
    assert ratio_interval(level, level[:10]) is None
    assert ratio_interval(level, level * 0) is None


def test_comparison_names_its_window_its_reference_and_what_it_does_not_know() -> None:
    rows = frame(
        *[activity(k * 3) for k in range(20)],
        activity(61, minutes=80),
        activity(100, minutes=40),
    )
    found = History(rows).compared
    assert len(found) == len(list(found.values()))
    spike = found[20, "distance_m"]
    assert spike.ratio == pytest.approx(1.6)
    assert spike.known_days == 30
    assert not spike.window_empty
    back = found[21, "distance_m"]
    assert back.window_empty
    assert back.reference == pytest.approx(0.5 * 80 * 180)
    assert back.known_days == 0
    assert found[0, "distance_m"].reference is None
    assert found[20, "descent_m"].ratio is None
    assert (20, "no_such_m") not in found
    assert found.get((22, "distance_m")) is None


def test_what_is_asked_for_first_changes_no_comparison() -> None:
    rows = frame(*[activity(k, minutes=30 + k % 7) for k in range(40)])
    forwards, backwards = History(rows).compared, History(rows).compared
    assert {key: forwards[key] for key in forwards} == {
        key: backwards[key] for key in reversed(list(backwards))
    }


def test_workload_waits_for_day_28_and_names_every_ratio() -> None:
    rows = frame(*[activity(k) for k in range(60)])
    table = workload(daily(rows, as_of=day(59)), ["run_distance_m", "descent_m"])
    run = table.filter(pl.col("measure") == "run_distance_m")
    assert run.height == 60
    for name in [name for name in table.columns if name.startswith("acwr")]:
        assert run[name][:27].null_count() == 27
        assert run[name][-1] == pytest.approx(1.0, abs=1e-12)
    assert run["monotony"].null_count() == 60
    assert not any(run[name].is_nan().any() for name in run.columns if run[name].dtype == pl.Float64)


def test_an_empty_history_is_no_error() -> None:
    assert daily(frame(), as_of=day(0)).height == 0
    history = History(frame())
    assert history.series(day(0), ["sessions"]) is None
    assert dict(history.compared) == {}
    assert outings(frame()).height == 0
