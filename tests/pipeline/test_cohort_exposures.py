"""Exposures of an athlete-day: known answers, and nothing from the day itself or later."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kneeledger import schema, workload
from kneeledger.pipeline.cohort_exposures import EXPOSURES, SUMMED, exposures
from kneeledger.workload import Coverage, History

FIRST = date(2025, 3, 1)


def frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Activities from day number, minute of the day, way and size."""
    made = []
    for number, row in enumerate(rows):
        day = FIRST + timedelta(days=int(row["day"]))  # type: ignore[call-overload]
        start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=int(row["minute"]))  # type: ignore[call-overload]
        way = str(row["way"])
        km = float(row["km"])  # type: ignore[arg-type]
        descent = row.get("descent", 10.0 * km)
        made.append(
            {
                "id": f"id-{number:03d}",
                "day": day,
                "start": start,
                "end": start + timedelta(minutes=6 * km),
                "way": way,
                "sport": {"run": "running", "ride": "cycling"}.get(way, "walking"),
                "distance_m": 1000 * km,
                "duration_s": 360 * km,
                "run_distance_m": 1000 * km if way == "run" else 0.0,
                "run_time_s": 360 * km if way == "run" else 0.0,
                "ride_time_s": 360 * km if way == "ride" else 0.0,
                "walk_time_s": 0.0,
                "descent_m": descent,
                "descent_run_m": descent if way == "run" else 0.0,
                "steep_descent_run_m": 0.0,
                "steps_downhill": 0.0,
                "knee_load_bw_s": 261.7 * km,
                "knee_load_run_bw_s": 261.7 * km if way == "run" else 0.0,
                "knee_load_walk_bw_s": 0.0,
                "knee_load_ride_bw_s": 261.7 * km if way == "ride" else 0.0,
                "peak_weighted_steps": 300.0 * km,
                "grade_known": True,
            }
        )
    data = pl.DataFrame(made, infer_schema_length=None)
    return schema.conform(data, workload.ACTIVITIES)[0].sort("start", "id")


def daily_runs(days: int, km: float = 5.0) -> list[dict[str, object]]:
    return [{"day": day, "minute": 480, "way": "run", "km": km} for day in range(days)]


def row(table: pl.DataFrame, day: int) -> dict[str, object]:
    return table.row(day, named=True)


class TestKnown:
    def test_even_training_then_sums_are_weeks_and_ratios_one(self) -> None:
        table = exposures(frame(daily_runs(60)), Coverage(), until=FIRST + timedelta(days=59))
        last = row(table, 59)
        assert last["before_7d_run_distance_m"] == 35_000.0
        assert last["before_28d_week_run_distance_m"] == 35_000.0
        assert last["before_acwr_uncoupled_7_21_run_distance"] == pytest.approx(1.0, abs=1e-12)
        assert last["before_7d_spike_run_distance"] == 1.0
        assert last["before_30d_longest_run_distance_m"] == 5000.0
        assert last["before_known_28d_days"] == 28
        assert last["before_since_activity_days"] == 1
        assert last["before_history_days"] == 59

    def test_the_first_day_then_nothing_is_carried(self) -> None:
        first = row(exposures(frame(daily_runs(3)), Coverage(), until=FIRST + timedelta(days=2)), 0)
        assert first.pop("day") == FIRST
        assert first.pop("before_history_days") == 0
        assert first.pop("before_known_28d_days") == 0
        assert set(first.values()) == {None}

    def test_a_long_run_then_it_is_carried_from_the_next_day_for_a_week(self) -> None:
        runs = daily_runs(60)
        runs[50]["km"] = 10.0
        table = exposures(frame(runs), Coverage(), until=FIRST + timedelta(days=59))
        spike = table["before_7d_spike_run_distance"].to_list()
        assert spike[50] == 1.0
        assert spike[51:58] == [2.0] * 7
        assert spike[58] == 0.5 or spike[58] == 1.0
        assert table["before_30d_longest_run_distance_m"].to_list()[50:53] == [5000.0, 10_000.0, 10_000.0]

    def test_a_gap_then_rest_for_fourteen_days_and_unknown_after(self) -> None:
        runs = [
            *daily_runs(40),
            *({"day": day, "minute": 480, "way": "run", "km": 5.0} for day in range(60, 65)),
        ]
        table = exposures(frame(runs), Coverage(), until=FIRST + timedelta(days=64))
        week = table["before_7d_run_distance_m"].to_list()
        assert week[40] == 35_000.0
        assert week[47] == 0.0
        assert week[54] == 0.0, "evening of day 53: 14 days without a file are rest"
        assert week[55] is None, "evening of day 54: 15 days without a file are unknown"
        known = table["before_known_28d_days"].to_list()
        assert known[54] == 28
        assert known[55] == 13

    def test_a_run_over_midnight_then_only_its_first_part_is_known_before(self) -> None:
        runs = daily_runs(40)
        runs += [
            {"day": 40, "minute": 23 * 60 + 20, "way": "run", "km": 5.0},
            {"day": 41, "minute": 1, "way": "run", "km": 5.0},
        ]
        table = exposures(frame(runs), Coverage(), until=FIRST + timedelta(days=42))
        assert table["before_30d_longest_run_distance_m"].to_list()[41] == 5000.0

    def test_unknown_descent_then_its_window_is_unknown_and_others_are_not(self) -> None:
        runs = daily_runs(60)
        runs[55]["descent"] = None
        last = row(exposures(frame(runs), Coverage(), until=FIRST + timedelta(days=59)), 59)
        assert last["before_7d_descent_m"] is None
        assert last["before_7d_run_distance_m"] == 35_000.0

    def test_flying_east_over_the_date_line_then_nothing_breaks(self) -> None:
        flown = frame(daily_runs(40)).with_columns(
            pl.when(pl.col("id") == "id-020").then(FIRST + timedelta(days=21)).otherwise("day").alias("day"),
        )
        flown = flown.with_columns(
            pl.when(pl.col("id") == "id-021").then(FIRST + timedelta(days=20)).otherwise("day").alias("day"),
        )
        assert flown["day"].to_list() != sorted(flown["day"].to_list())
        table = exposures(flown, Coverage(), until=FIRST + timedelta(days=39))
        assert table["before_7d_spike_run_distance"].to_list()[-1] == 1.0
        assert {item.ratio for item in History(flown).compared.values() if item.measure == "distance_m"} >= {
            1.0
        }

    def test_no_activity_then_an_empty_table(self) -> None:
        table = exposures(schema.empty(workload.ACTIVITIES), Coverage(), until=FIRST)
        assert table.is_empty()
        assert table.columns == ["day", *EXPOSURES]


SESSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "day": st.integers(0, 90),
            "minute": st.sampled_from([5, 400, 430, 700, 1200, 1425]),
            "way": st.sampled_from(["run", "run", "run", "ride", "walk"]),
            "km": st.sampled_from([1.0, 4.2, 7.77, 12.1, 21.1]),
            "descent": st.sampled_from([None, 0.0, 33.3, 310.0]),
        }
    ),
    min_size=1,
    max_size=40,
)
LOST = st.frozensets(st.integers(0, 95), max_size=4)


class TestNoLookAhead:
    @settings(max_examples=25, deadline=None)
    @given(SESSIONS, LOST, st.integers(1, 110))
    def test_a_day_is_the_same_whatever_came_after_the_evening_before(
        self, sessions: list[dict[str, object]], lost: frozenset[int], cut: int
    ) -> None:
        whole = frame(sessions)
        coverage = Coverage(unreadable_days=frozenset(FIRST + timedelta(days=day) for day in lost))
        until = FIRST + timedelta(days=110)
        day = FIRST + timedelta(days=cut)
        evening = day - timedelta(days=1)
        told = exposures(whole, coverage, until=until).filter(pl.col("day") == day)
        earlier = whole.filter(pl.col("day") < day)
        then = exposures(earlier, coverage.until(evening), until=day).filter(pl.col("day") == day)
        if earlier.is_empty() and not coverage.until(evening).unreadable_days:
            return
        assert told.equals(then, null_equal=True)

    @settings(max_examples=15, deadline=None)
    @given(SESSIONS, LOST, st.integers(1, 110))
    def test_sums_agree_with_the_history_as_it_was_known_that_evening(
        self, sessions: list[dict[str, object]], lost: frozenset[int], cut: int
    ) -> None:
        whole = frame(sessions)
        coverage = Coverage(unreadable_days=frozenset(FIRST + timedelta(days=day) for day in lost))
        day = FIRST + timedelta(days=cut)
        evening = day - timedelta(days=1)
        table = exposures(whole, coverage, until=FIRST + timedelta(days=110)).filter(pl.col("day") == day)
        # Beside a walk without altitude the daily table calls the steep descent of runs unknown, the series 0.
        names = [name for name in SUMMED if name not in ("sessions", "steep_descent_run_m")]
        series = History(whole, coverage).until(evening).series(evening, names)
        if series is None or table.is_empty():
            return
        assert table["before_known_28d_days"][0] == int(series.known[-28:].sum())
        for name, values in series.values.items():
            week = values[-7:]
            want = None if len(week) < 7 or week.sum() != week.sum() else float(week.sum())
            got = table[f"before_7d_{name}"][0]
            assert got == (None if want is None else pytest.approx(want, abs=1e-9)), name
