"""The nastiest files of formats.md 9, each by its expected outcome, and every other file: read or refused with a reason."""

import csv
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from kneeledger import readers, schema
from kneeledger.errors import CorruptFileError, EmptyActivityError, ReadError, UnsupportedFormatError
from kneeledger.local_time import local_day

CORPUS = Path(__file__).resolve().parents[2] / ".." / "shared" / "corpus"
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recorded files is not here"),
]


@cache
def files():
    found = {}
    for path in CORPUS.rglob("*"):
        if path.is_file():
            found.setdefault(path.name, path)
    return found


def read(name):
    return readers.read(files()[name])


def one(name):
    (recording,) = read(name)
    return recording


def codes(recording):
    return {issue.code for issue in recording.issues}


def kilometres(recording):
    return recording.records["distance_m"].max() / 1000.0


def hours(recording):
    return (recording.about.end - recording.about.start) / timedelta(hours=1)


class TestNastiest:
    @pytest.mark.parametrize(
        ("name", "records", "length_km", "span_h"),
        [("2018-04-15-09-18-20.fit", 10_856, 92.7, 6.5), ("2018-02-24-10-04-10.fit", 4_882, 43.7, 1.7)],
    )
    def test_n01_size_zero_when_read_then_all_of_the_ride(self, name, records, length_km, span_h):
        ride = one(name)
        assert ride.records.height == records
        assert kilometres(ride) == pytest.approx(length_km, abs=0.05)
        assert hours(ride) == pytest.approx(span_h, abs=0.06)
        assert "fit_size_zero" in codes(ride)
        longest = sorted((ride.pauses["end"] - ride.pauses["start"]).to_list())[-2:]
        if records > 10_000:
            assert [round(gap / timedelta(minutes=1)) for gap in longest] == [55, 91]

    def test_n02_zwift_without_size_when_read_then_virtual(self):
        ride = one("empty-activities.fit")
        assert ride.records.height == 2_319
        assert kilometres(ride) == pytest.approx(18.3, abs=0.05)
        assert ride.about.virtual
        assert local_day(ride.about.start, ride.about.utc_offset_s) == date(2016, 1, 16)

    def test_n03_damaged_run_when_read_then_the_whole_hour_and_never_years(self):
        run = one("strava-android-app-201.10-b1218918.fit")
        assert run.records.height >= 2_600
        assert kilometres(run) == pytest.approx(11.27404, abs=0.001)
        assert hours(run) * 3600 == pytest.approx(3558, abs=2)
        assert {"fit_cut", "fit_hole", "split_records_merged"} <= codes(run)

    def test_n04_hole_when_read_then_all_but_its_seconds(self):
        run = one("8CS90646.FIT")
        assert run.records.height == 4_041
        assert kilometres(run) == pytest.approx(8.6, abs=0.05)
        assert hours(run) * 60 == pytest.approx(74, abs=1)
        assert {"fit_crc_wrong", "fit_hole"} <= codes(run)

    def test_n05_junk_after_the_end_when_read_then_one_day(self):
        ride = one("lezyne_super_gps-garmin_fit-sample-bad-endian.fit")
        merged = sum(issue.count for issue in ride.issues if issue.code == "split_records_merged")
        assert ride.records.height + merged == 804
        assert kilometres(ride) == pytest.approx(8.07, abs=0.01)
        assert set(ride.records["time"].dt.date()) == {date(2019, 8, 18)}

    def test_n06_month_between_two_parts_when_read_then_each_on_its_day(self):
        parts = read("31-days-activity.fit")
        assert len(parts) == 2
        days = [local_day(part.about.start, part.about.utc_offset_s) for part in parts]
        assert days == [date(2018, 4, 10), date(2018, 5, 10)]
        assert sum(part.about.timer_s for part in parts) == pytest.approx(1_477, abs=5)
        assert sum(part.records["distance_m"].max() for part in parts) == pytest.approx(9_997, abs=25)

    def test_n07_altitude_sentinel_when_read_then_missing(self):
        ride = one("tomtom-runner3-ride.fit")
        assert ride.records["altitude_m"].min() > -400
        for name in (
            "mini-enduro.fit",
            "326579880.fit",
            "4108490848.gpx",
            "cross-country-skiing_activity_1.tcx",
        ):
            assert one(name).records.height > 400

    def test_n08_skiing_when_read_then_its_sport_stands_and_no_steps(self):
        assert one("134444588.fit").sport == "alpine_skiing"
        skied = one("test2.fit")
        assert skied.sport == "cross_country_skiing"
        assert skied.records["cadence_spm"].null_count() == skied.records.height

    def test_n09_swim_run_when_read_then_nineteen_legs(self):
        legs = read("77F73023.FIT")
        runs = [leg for leg in legs if leg.sport == "running"]
        assert (len(legs), len(runs)) == (19, 10)
        assert sum(leg.sport == "swimming" for leg in legs) == 9
        assert sum(leg.about.device_distance_m for leg in runs) / 1000 == pytest.approx(37.6, abs=0.05)
        assert sum(leg.records["distance_m"].max() for leg in runs) / 1000 == pytest.approx(37.6, abs=0.1)
        assert sum(leg.about.device_descent_m for leg in runs) == 2_935
        assert {leg.about.cadence.multiplier for leg in runs if leg.records.height > 20} == {2}

    def test_n11_late_samples_when_read_then_file_order_and_never_sorted(self):
        walk = one("sports-tracker.gpx")
        late = sum(issue.count for issue in walk.issues if issue.code == "late_points_dropped")
        assert 7_785 - late == pytest.approx(2_700, abs=10)
        assert kilometres(walk) == pytest.approx(12.3, abs=0.35)
        assert walk.records["time"].is_sorted()

    @pytest.mark.parametrize(
        ("name", "points", "raw", "repair"),
        [
            ("6037744996.gpx", 4_040, 80, "xml_undeclared_prefix"),
            ("6281425038.tcx", 1_545, 83, "xml_leading_blanks"),
        ],
    )
    def test_n12_broken_xml_when_read_then_cadence_of_one_leg_doubled(self, name, points, raw, repair):
        run = one(name)
        assert run.records.height == points
        assert run.about.cadence.multiplier == 2
        cadence, moved = run.records["cadence_spm"], run.records["distance_m"].diff()
        assert cadence.filter((cadence > 0) & (moved > 0.5)).median() / 2 == pytest.approx(raw, abs=1.5)
        assert repair in codes(run)

    def test_n13_one_time_on_all_points_when_read_then_planned(self):
        with pytest.raises(EmptyActivityError) as caught:
            read("cptr006.gpx")
        assert "forecast" in caught.value.hint

    def test_n14_duplicate_times_when_read_then_merged_spread_or_not_used(self):
        merged, spread, unusable = one("test2.fit"), one("broken-dates.fit"), one("dead_end.tcx")
        assert merged.records.height == 3_913 - 924
        assert "split_records_merged" in codes(merged)
        assert spread.records.height == 3_279
        step = spread.records["time"].diff().dt.total_milliseconds().drop_nulls()
        assert step.median() == 200
        assert step.min() > 0
        assert "times_unusable" in codes(unusable)
        assert unusable.records["time"].null_count() == unusable.records.height

    def test_n15_days_between_pause_and_restart_when_read_then_two_rides(self):
        first, second = read("52469386.fit")
        assert [local_day(part.about.start, part.about.utc_offset_s).day for part in (first, second)] == [
            21,
            25,
        ]
        assert kilometres(first) == pytest.approx(0.41, abs=0.02)
        assert kilometres(second) == pytest.approx(31.3, abs=0.06)
        assert first.about.timer_s + second.about.timer_s <= 4_387
        assert hours(second) < 3

    def test_n16_resource_fork_when_read_then_named(self):
        with pytest.raises(EmptyActivityError, match="macOS metadata"):
            read("._empty.fit")

    @pytest.mark.parametrize("name", ["huez.fit", "310xt-bike.fit"])
    def test_n17_header_crc_zero_when_read_then_no_warning(self, name):
        assert not {"fit_crc_wrong", "fit_crc_absent"} & codes(one(name))

    @pytest.mark.parametrize(
        ("name", "error", "words"),
        [
            ("invalid_empty.gpx", UnsupportedFormatError, "empty"),
            ("invalid_bad_xml.gpx", UnsupportedFormatError, "<foo>"),
            ("invalid_truncated.fit", EmptyActivityError, "planned course"),
        ],
    )
    def test_n18_nothing_to_read_when_read_then_the_reason_is_clear(self, name, error, words):
        with pytest.raises(error, match=words):
            read(name)

    def test_n19_records_two_years_ahead_when_read_then_one_ride_of_one_day(self):
        ride = one("2013-04-11-17-32-50.fit")
        assert hours(ride) == pytest.approx(1.96, abs=0.03)
        assert local_day(ride.about.start, ride.about.utc_offset_s) == date(2013, 4, 11)
        assert {issue.code: issue.count for issue in ride.issues}["shifted_block"] == 14


class TestOthers:
    def test_gps_lost_when_distance_comes_at_once_then_spread_and_whole(self):
        ride = one("406298715.fit")
        assert kilometres(ride) == pytest.approx(ride.about.device_distance_m / 1000, abs=0.01)
        assert np.nanmax(np.diff(ride.records["distance_m"].to_numpy())) < 300

    def test_chained_file_when_read_then_five_activities(self):
        found = read("sample_mulitple_header.fit")
        assert [one.sport for one in found] == ["swimming", "transition", "cycling", "transition", "running"]
        assert [one.about.part for one in found] == [0, 1, 2, 3, 4]

    def test_stryd_when_beside_native_then_native_counts(self):
        run = one("Fr955v19.28andStryd-saved.fit")
        assert run.about.cadence.field == "cadence:cadence"
        assert "Cadence [RPM]" in run.about.cadence.reason


@pytest.mark.slow
class TestEveryFile:
    def test_all_when_read_then_recordings_that_hold_the_contract_or_a_reason(self):
        with (CORPUS / "INDEX.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        refused, corrupt, checked = {}, [], 0
        for row in rows:
            name = row["path"]
            try:
                found = readers.read(CORPUS / name)
            except ReadError as error:
                refused[name] = error
                if isinstance(error, CorruptFileError):
                    corrupt.append(name)
                continue
            assert found, name
            for recording in found:
                holds_contract(recording, name)
                checked += 1
        assert len(rows) == 520
        assert corrupt == []
        assert checked >= 500
        for name, error in refused.items():
            assert len(error.why) > 10, name
        unexpected = [
            row["path"]
            for row in rows
            if row["path"] in refused
            and row["expected"] in ("parse", "parse; no elevation, so no downhill load")
        ]
        # planned: no time (testcourse), one time on all points (cptr006); moxy.fit says of no record what it is
        assert {path.rsplit("/", 1)[-1] for path in unexpected} <= {
            "testcourse.gpx",
            "cptr006.gpx",
            "moxy.fit",
        }


def holds_contract(recording, name):
    records, about = recording.records, recording.about
    assert records.schema == schema.empty(schema.RECORDS).schema, name
    known = records["time"].drop_nulls()
    assert known.is_sorted(), name
    assert records["segment"].null_count() == 0, name
    assert records["segment"].is_sorted(), name
    assert about.start <= about.end, name
    assert about.end - about.start < timedelta(days=3), name
    for column in ("cadence_spm", "distance_m", "latitude_deg"):
        values = records[column].drop_nulls()
        assert values.is_finite().all(), (name, column)
    distance = records["distance_m"].drop_nulls()
    assert (distance.diff().drop_nulls() >= -1.001).all(), name
    assert recording.extra.height in (0, records.height), name
    for clock in (about.elapsed_s, about.timer_s):
        assert clock is None or clock >= 0, name
    if about.elapsed_s is not None and about.timer_s is not None:
        assert about.timer_s <= about.elapsed_s + 1.0, name
    assert (recording.pauses["end"] >= recording.pauses["start"]).all(), name
