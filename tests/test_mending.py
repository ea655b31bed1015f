from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kneeledger import schema
from kneeledger.mending import haversine_m, mend
from kneeledger.model import Draft

START = datetime(2024, 5, 4, 6, 0, tzinfo=UTC)
METRE_DEG = 1 / 111_195.0


def moments(seconds):
    return pl.Series(
        "time",
        [None if s is None else START + timedelta(seconds=float(s)) for s in seconds],
        dtype=schema.TIME,
    )


def run(seconds, *, speed=3.0, **columns):
    """A straight run north: position and distance by elapsed place in the list, one step a row."""
    n = len(seconds)
    place = np.arange(n) * speed
    data = {
        "time": moments(seconds),
        "latitude_deg": 40.0 + place * METRE_DEG,
        "longitude_deg": np.full(n, 10.0),
        "distance_m": place,
        "speed_mps": np.full(n, speed),
    } | columns
    return pl.DataFrame({name: values for name, values in data.items() if values is not None})


def rows(kind, **columns):
    return schema.conform(pl.DataFrame(columns), kind)[0]


def draft(records, *, sessions=None, laps=None, events=None, sport="running", **more):
    return Draft(
        format="fit",
        decoder="kneeledger",
        records=records,
        sessions=schema.empty(schema.SESSIONS) if sessions is None else sessions,
        laps=schema.empty(schema.LAPS) if laps is None else laps,
        events=schema.empty(schema.EVENTS) if events is None else events,
        sport=sport,
        sub_sport=None,
        device=None,
        device_serial=None,
        facts={},
        issues=(),
        **more,
    )


def timer(*pairs):
    return rows(
        schema.EVENTS,
        time=moments([s for s, _ in pairs]),
        event=["timer"] * len(pairs),
        event_type=[kind for _, kind in pairs],
    )


def session(start=0, elapsed=None, moving=None, distance=None, sport="running"):
    return rows(
        schema.SESSIONS,
        start=moments([start]),
        elapsed_s=[elapsed],
        timer_s=[moving],
        distance_m=[distance],
        sport=[sport],
    )


def codes(leg):
    return [issue.code for issue in leg.issues]


def offsets(leg):
    return [None if t is None else (t - START).total_seconds() for t in leg.records["time"]]


class TestHealthy:
    def test_mend_when_nothing_is_wrong_then_records_are_untouched_and_nothing_is_told(self):
        records = run(range(600))
        (leg,) = mend(draft(records, sessions=session(elapsed=599.0, moving=599.0, distance=1797.0)))
        assert leg.issues == ()
        assert leg.records.drop("segment").equals(records)
        assert leg.records["segment"].n_unique() == 1
        assert (leg.elapsed_s, leg.timer_s, leg.distance_m) == (599.0, 599.0, 1797.0)

    def test_mend_when_input_is_given_then_it_is_not_changed(self):
        records = run([0, 1, 2, 2, 1, 5])
        before = records.clone()
        mend(draft(records))
        assert records.equals(before)


class TestClock:
    def test_month_with_timer_stopped_when_mended_then_two_parts_on_their_days(self):
        month = 30 * 86_400
        seconds = [*range(100), *range(month, month + 80)]
        legs = mend(
            draft(
                run(seconds),
                sessions=session(elapsed=float(month + 80), moving=178.0, distance=537.0),
                events=timer((0, "start"), (99, "stop_all"), (month, "start"), (month + 79, "stop_all")),
            )
        )
        assert [leg.records.height for leg in legs] == [100, 80]
        assert [leg.timer_s for leg in legs] == [99.0, 79.0]
        assert [leg.distance_m for leg in legs] == [None, None]
        assert legs[1].start == START + timedelta(days=30)
        assert all("split_at_long_pause" in codes(leg) for leg in legs)

    def test_clock_set_on_the_way_when_way_goes_on_then_head_moves_to_meet_it(self):
        year = 400 * 86_400
        seconds = [*range(60), *range(year + 60, year + 360)]
        (leg,) = mend(draft(run(seconds), sessions=session(elapsed=359.0), events=timer((0, "start"))))
        assert "clock_corrected" in codes(leg)
        assert offsets(leg) == [float(year + s) for s in range(360)]
        assert leg.elapsed_s == 359.0

    def test_clock_set_back_when_it_never_returns_then_head_moves(self):
        seconds = [*range(3600, 3660), *range(60, 360)]
        (leg,) = mend(draft(run(seconds)))
        assert offsets(leg) == [float(s) for s in range(360)]
        assert "late_points_dropped" not in codes(leg)

    def test_long_gap_without_events_when_elsewhere_then_it_is_a_pause_and_no_clock(self):
        later = 20 * 3600
        records = run([*range(100), *range(later, later + 100)])
        records = records.with_columns(
            latitude_deg=pl.when(pl.int_range(pl.len()) >= 100)
            .then(pl.col("latitude_deg") + 0.5)
            .otherwise(pl.col("latitude_deg"))
        )
        assert [leg.records.height for leg in mend(draft(records))] == [100, 100]

    def test_block_two_years_ahead_when_it_comes_back_then_whole_days_are_taken_off(self):
        ahead = 791 * 86_400
        seconds = [*range(90), *range(ahead + 92, ahead + 106), *range(107, 400)]
        (leg,) = mend(draft(run(seconds)))
        assert "shifted_block" in codes(leg)
        assert offsets(leg) == [float(s) for s in [*range(90), *range(92, 106), *range(107, 400)]]

    def test_one_wild_stamp_when_decades_ahead_then_that_record_goes(self):
        seconds = [*range(50), 50 * 365 * 86_400 + 1234.5, *range(51, 200)]
        (leg,) = mend(draft(run(seconds)))
        assert codes(leg) == ["wild_stamps_dropped"]
        assert offsets(leg) == [float(s) for s in [*range(50), *range(51, 200)]]

    def test_wild_stamp_when_last_then_it_goes(self):
        (leg,) = mend(draft(run([*range(50), 64 * 365 * 86_400])))
        assert leg.records.height == 50

    def test_wild_stamp_minutes_ahead_when_one_then_the_many_stay(self):
        seconds = [*range(50), 350, *range(51, 200)]
        (leg,) = mend(draft(run(seconds)))
        assert leg.records.height == 199


class TestOrder:
    def test_late_records_when_a_second_back_then_dropped_and_never_sorted(self):
        records = run([0, 1, 2, 4, 3, 5, 6])
        (leg,) = mend(draft(records))
        assert offsets(leg) == [0, 1, 2, 4, 5, 6]
        assert (
            leg.records["latitude_deg"].to_list()
            == records["latitude_deg"].gather([0, 1, 2, 3, 5, 6]).to_list()
        )
        assert codes(leg) == ["late_points_dropped"]

    def test_pairs_when_halves_of_a_record_then_merged_by_field(self):
        seconds = [s for s in range(50) for _ in (0, 1)]
        n = len(seconds)
        half = np.arange(n) % 2 == 0
        records = run(
            seconds,
            latitude_deg=pl.Series(np.where(half, 40.0 + np.arange(n) * METRE_DEG, np.nan)).fill_nan(None),
            longitude_deg=pl.Series(np.where(half, 10.0, np.nan)).fill_nan(None),
            distance_m=pl.Series(np.where(half, np.nan, np.arange(n) * 1.0)).fill_nan(None),
            speed_mps=None,
            heart_rate_bpm=pl.Series(np.where(half, np.nan, 140.0)).fill_nan(None),
        )
        (leg,) = mend(draft(records))
        assert leg.records.height == 50
        assert leg.records["heart_rate_bpm"].null_count() == leg.records["latitude_deg"].null_count() == 0
        assert leg.records["distance_m"].to_list() == [2.0 * s + 1 for s in range(50)]
        assert codes(leg) == ["split_records_merged"]

    def test_five_a_second_when_full_records_then_spread_evenly(self):
        seconds = [s for s in range(60) for _ in range(5)]
        (leg,) = mend(draft(run(seconds, speed=1.0)))
        assert leg.records.height == 300
        assert offsets(leg)[:7] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
        assert codes(leg) == ["times_spread"]

    def test_equal_times_when_a_null_stands_between_them_then_never_behind_the_next(self):
        (leg,) = mend(draft(run([0, 0, 0, None, 0])))
        assert leg.records["time"].drop_nulls().is_sorted()

    def test_times_when_all_alike_then_not_usable_and_null(self):
        (leg,) = mend(draft(run([0, *[3600] * 40])))
        assert leg.records["time"].null_count() == 41
        assert leg.elapsed_s is None
        assert leg.start == START
        assert codes(leg) == ["times_unusable"]

    def test_null_times_when_among_good_ones_then_rows_stay(self):
        (leg,) = mend(draft(run([0, 1, None, 3, 4])))
        assert offsets(leg) == [0, 1, None, 3, 4]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9)), min_size=1, max_size=60))
    def test_any_times_when_mended_then_non_decreasing_or_null_in_file_order(self, seconds):
        records = run(seconds).with_row_index("dev:row []")
        for leg in mend(draft(records)):
            known = leg.records["time"].drop_nulls()
            assert known.is_sorted()
            assert leg.records["dev:row []"].is_sorted()
            segment = leg.records["segment"]
            assert segment.is_sorted()
            assert segment.null_count() == 0


class TestLegs:
    def sessions(self):
        return pl.concat(
            [
                session(0, 100.0, 100.0, 300.0, "swimming"),
                session(100, 20.0, 20.0, 30.0, "transition"),
                session(120, 200.0, 200.0, 600.0, "running"),
            ]
        )

    def test_multisport_when_split_then_each_leg_has_its_rows_sport_and_totals(self):
        laps = rows(schema.LAPS, start=moments([0, 100, 120, 200]), distance_m=[300.0, 30.0, 240.0, 360.0])
        legs = mend(draft(run(range(320)), sessions=self.sessions(), laps=laps, sport="multisport"))
        assert [(leg.sport, leg.records.height, leg.distance_m) for leg in legs] == [
            ("swimming", 100, 300.0),
            ("transition", 20, 30.0),
            ("running", 200, 600.0),
        ]
        assert [leg.records["distance_m"][0] for leg in legs] == [0.0, 0.0, 0.0]
        assert [leg.laps["distance_m"].to_list() for leg in legs] == [[300.0], [30.0], [240.0, 360.0]]

    def test_parent_session_when_beside_its_legs_then_left_out(self):
        parent = session(0, 320.0, 320.0, 930.0, "multisport")
        legs = mend(draft(run(range(320)), sessions=pl.concat([self.sessions(), parent])))
        assert len(legs) == 3

    def test_leg_without_records_when_totals_exist_then_kept_by_hand(self):
        sessions = pl.concat([self.sessions(), session(1000, 300.0, 300.0, 200.0, "swimming")])
        legs = mend(draft(run(range(320)), sessions=sessions))
        assert [leg.by_hand for leg in legs] == [False, False, False, True]

    def test_several_by_hand_when_laps_exist_then_each_has_its_own(self):
        laps = rows(schema.LAPS, start=moments([0, 100, 120, 200]), distance_m=[300.0, 30.0, 240.0, 360.0])
        legs = mend(draft(run([]).clear(), sessions=self.sessions(), laps=laps))
        assert [leg.laps["distance_m"].to_list() for leg in legs] == [[300.0], [30.0], [240.0, 360.0]]

    def test_totals_only_when_no_records_then_by_hand_with_totals(self):
        (leg,) = mend(draft(run([]).clear(), sessions=session(0, 1800.0, 1700.0, 5000.0)))
        assert leg.by_hand
        assert (leg.timer_s, leg.distance_m, leg.start) == (1700.0, 5000.0, START)
        assert leg.end == START + timedelta(seconds=1800)

    def test_totals_only_when_elapsed_is_zero_then_the_timer_counts(self):
        (leg,) = mend(draft(run([]).clear(), sessions=session(0, 0.0, 1700.0)))
        assert (leg.elapsed_s, leg.timer_s) == (1700.0, 1700.0)
        assert leg.end == START + timedelta(seconds=1700)

    def test_nothing_when_no_records_and_no_totals_then_no_leg(self):
        assert mend(draft(run([]).clear())) == []

    def test_generic_when_sport_then_unknown_and_not_running(self):
        (leg,) = mend(draft(run(range(20)), sessions=session(sport="generic"), sport="generic"))
        assert leg.sport == "unknown"


class TestPauses:
    def test_timer_stop_when_records_pause_then_new_segment_and_pause(self):
        seconds = [*range(100), *range(115, 200)]
        (leg,) = mend(
            draft(run(seconds), events=timer((0, "start"), (99, "stop"), (115, "start"), (199, "stop_all")))
        )
        assert leg.pauses.rows() == [(START + timedelta(seconds=99), START + timedelta(seconds=115), "timer")]
        assert leg.records["segment"].value_counts(sort=True)["count"].to_list() == [100, 85]
        assert (leg.elapsed_s, leg.timer_s) == (199.0, 183.0)

    def test_timer_stop_when_way_goes_on_then_not_believed(self):
        (leg,) = mend(draft(run(range(300)), events=timer((0, "start"), (50, "stop"), (250, "start"))))
        assert leg.pauses.height == 0
        assert codes(leg) == ["timer_events_ignored"]

    def test_gap_when_over_thirty_seconds_then_segment_ends(self):
        (leg,) = mend(draft(run([*range(100), *range(131, 200)])))
        assert leg.pauses["how"].to_list() == ["gap"]
        assert leg.records["segment"].max() == 1

    def test_gap_when_shorter_but_still_moving_then_no_pause(self):
        (leg,) = mend(draft(run([0, *range(12, 60)], speed=10.0)))
        assert leg.pauses.height == 0

    def test_gap_when_shorter_and_standing_then_pause(self):
        (leg,) = mend(draft(run([*range(50), *range(62, 100)], speed=1.0)))
        assert leg.pauses.height == 1

    def test_segment_when_the_file_begins_one_then_it_stays(self):
        segment = pl.Series([0] * 50 + [1] * 50, dtype=pl.Int32)
        (leg,) = mend(draft(run([*range(50), *range(60, 110)], segment=segment)))
        assert leg.pauses["how"].to_list() == ["segment"]
        assert leg.records["segment"].to_list() == segment.to_list()

    def test_sparse_recording_when_a_minute_a_point_then_time_is_kept(self):
        (leg,) = mend(draft(run(range(0, 3600, 60), speed=100.0)))
        assert leg.records["segment"].max() == 0

    def test_timer_when_over_elapsed_then_never_longer_than_elapsed(self):
        (leg,) = mend(draft(run(range(600)), sessions=session(elapsed=599.0, moving=5990.0)))
        assert leg.timer_s == 599.0
        assert codes(leg) == ["timer_exceeds_elapsed"]


class TestWay:
    def test_zeros_when_cold_start_then_null(self):
        records = run(range(50))
        lat, lon = records["latitude_deg"].to_list(), records["longitude_deg"].to_list()
        lat[:2], lon[:2] = [0.0, 0.0], [0.0, 0.0]
        lat[2], lon[2] = 180.0, 180.0
        (leg,) = mend(draft(records.with_columns(latitude_deg=pl.Series(lat), longitude_deg=pl.Series(lon))))
        assert leg.records["latitude_deg"].null_count() == 3
        assert leg.records["longitude_deg"].null_count() == 3
        assert leg.issues[0].count == 3

    @pytest.mark.parametrize("where", [0, 25, 49])
    def test_jump_when_one_position_is_kilometres_away_then_only_that_is_null(self, where):
        records = run(range(50))
        lat = records["latitude_deg"].to_list()
        lat[where] += 0.1
        (leg,) = mend(draft(records.with_columns(latitude_deg=pl.Series(lat))))
        assert leg.records["latitude_deg"].is_null().arg_true().to_list() == [where]
        (told,) = [issue.text for issue in leg.issues if issue.code == "position_jump"]
        assert told.startswith("1 position lies further from its neighbours than ")

    def test_distance_when_missing_then_from_positions_without_the_pause(self):
        records = run([*range(50), *range(200, 250)], distance_m=None)
        (leg,) = mend(draft(records))
        assert leg.records["distance_m"][-1] == pytest.approx(98 * 3.0, rel=1e-3)
        assert codes(leg) == ["distance_from_positions"]

    def test_distance_when_some_points_lack_it_then_interpolated(self):
        distance = [3.0 * k if k % 5 == 0 else None for k in range(51)]
        (leg,) = mend(draft(run(range(51), distance_m=pl.Series(distance))))
        assert leg.records["distance_m"].to_list() == pytest.approx([3.0 * k for k in range(51)], abs=1e-6)

    def test_distance_when_it_restarts_at_zero_then_goes_on(self):
        distance = [3.0 * k for k in range(50)] + [3.0 * k for k in range(50)]
        (leg,) = mend(draft(run(range(100), distance_m=pl.Series(distance))))
        assert leg.records["distance_m"][-1] == pytest.approx(294.0)
        assert leg.records["distance_m"].is_sorted()

    def test_distance_when_one_value_is_zero_then_only_that_is_mended(self):
        distance = [3.0 * k for k in range(50)]
        distance[20] = 0.0
        (leg,) = mend(draft(run(range(50), distance_m=pl.Series(distance))))
        assert leg.records["distance_m"].to_list() == pytest.approx([3.0 * k for k in range(50)])

    def test_distance_when_written_at_once_after_lost_satellites_then_spread_over_the_gap(self):
        distance = np.concatenate([np.arange(100) * 5.0, np.full(99, 495.0), 1000.0 + np.arange(100) * 5.0])
        hidden = (np.arange(299) >= 100) & (np.arange(299) < 199)
        lat = np.where(hidden, np.nan, 40.0 + np.arange(299) * 5.0 * METRE_DEG)
        lon = np.where(hidden, np.nan, 10.0)
        (leg,) = mend(
            draft(
                run(
                    range(299),
                    distance_m=distance,
                    speed_mps=None,
                    latitude_deg=pl.Series(lat).fill_nan(None),
                    longitude_deg=pl.Series(lon).fill_nan(None),
                )
            )
        )
        assert np.diff(leg.records["distance_m"].to_numpy()).max() < 6.0
        assert leg.records["distance_m"][-1] == distance[-1]

    def test_distance_when_it_and_positions_disagree_then_told_and_kept(self):
        records = run(range(1000)).with_columns(distance_m=pl.col("distance_m") * 1.2)
        (leg,) = mend(draft(records))
        assert codes(leg) == ["distance_disagrees"]
        assert leg.records["distance_m"][-1] == pytest.approx(999 * 3.6)

    def test_haversine_when_one_degree_north_then_the_mean_earth(self):
        one = haversine_m(np.array([0.0]), np.array([0.0]), np.array([1.0]), np.array([0.0]))
        assert one[0] == pytest.approx(111_195.08, abs=0.01)
