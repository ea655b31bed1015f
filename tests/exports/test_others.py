import csv
import time
from datetime import UTC, datetime

import pytest

from kneeledger import exports
from kneeledger.exports import ByHand, Skipped, Source, advice, layout, sources

HEADER = (
    "Activity Id,Date,Type,Route Name,Distance ({}),Duration,Average Pace,Average Speed,Calories Burned,Climb (m),"
    "Average Heart Rate (bpm),Friend's Tagged,Notes,GPX File\n"
)


@pytest.mark.parametrize(("unit", "metres"), [("km", 5000.0), ("mi", 8046.72)])
def test_runkeeper_joins_the_gpx_and_keeps_rows_without_one(export, made, opened, unit, metres):
    rows = 'a,2020-01-02 07:00:00,Running,Park,5.00,30:15,,,,,,,"Notes, more",2020-01-02.gpx\n'
    rows += "b,2020-01-03 07:00:00,Cycling,,5.00,1:30:15,,,,,,,,\n"
    found = list(
        sources(
            [
                export(
                    {
                        "cardioActivities.csv": HEADER.format(unit) + rows,
                        "measurements.csv": "Date,Weight\n",
                        "2020-01-02.gpx": made.gpx(),
                    }
                )
            ]
        )
    )
    assert "measurements.csv" not in opened
    (read,) = [one for one in found if isinstance(one, Source)]
    assert read.context == {"layout": "runkeeper", "sport": "running", "title": "Park"}
    (ride,) = [one for one in found if isinstance(one, ByHand)]
    assert (ride.sport, ride.duration_s) == ("cycling", 5415.0)
    assert ride.distance_m == pytest.approx(metres)
    assert ride.start == datetime(2020, 1, 3, 7, tzinfo=UTC)


def test_zwift_flags_the_working_copy(export, made):
    found = list(sources([export({"a/2020.fit": made.fit(), "a/inProgressActivity.fit": made.fit(4, b"2")})]))
    assert [one.context.get("in_progress") for one in found] == [None, "1"]


def test_suunto_says_what_to_export_instead(export, made):
    found = list(sources([export({"s/a.json.gz": b"x", "s/b.fit": made.fit()})]))
    assert [type(one) for one in found] == [Skipped, Source]
    assert "FIT" in found[0].reason
    assert "Suunto" in advice([found[0]])


def test_several_exports_in_one_folder_do_not_disturb_each_other(tmp_path, made):
    members = {
        "strava/activities.csv": "Activity ID,Filename\n1,activities/1.fit\n",
        "strava/activities/1.fit": made.fit(4, b"1"),
        "strava/logins.csv": "x",
        "heap/2019-02-17-062644-ELEMNT.fit": made.fit(4, b"2"),
        "coros/x.tcx": b"<TrainingCenterDatabase><Activities/></TrainingCenterDatabase>",
        "garmin.zip": made.zipped(
            {"DI_CONNECT/U/UploadedFiles_0-_Part1.zip": made.zipped({"9_1.fit": made.fit(4, b"3")})}
        ),
    }
    for name, data in members.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    read = [one for one in sources([tmp_path]) if isinstance(one, Source)]
    assert sorted(one.context.get("layout", "") for one in read) == ["", "", "garmin", "strava"]


def test_advice_names_what_was_seen(tmp_path, made):
    assert "MTP" in advice(sources([tmp_path]))
    (tmp_path / "m.fit").write_bytes(made.fit(32))
    told = advice(list(sources([tmp_path])))
    assert "1 FIT monitoring" in told
    assert "GARMIN/Activity" in told
    (tmp_path / "m.fit").unlink()
    (tmp_path / "e.zip").write_bytes(b"PK\x03\x04")
    assert "download" in advice(list(sources([tmp_path])))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234.5", 1234.5), ("1.234,5", 1234.5), ("10,02", 10.02), ("1,234", 1234), ("1 234,5", 1234.5), ("0,123", 0.123),
     ("5", 5), ("", None), ("x", None), ("1.2.3", None), ("-3,5", -3.5), ("١٢", None), ("9" * 400, None)],
)  # fmt: skip
def test_number_reads_points_and_commas(text, value):
    assert layout.number(text) == value


@pytest.mark.parametrize(
    ("text", "hour"),
    [("Sep 12, 2018, 3:02:23 PM", 15), ("Sep 12, 2018, 12:02:23 AM", 0), ("12 Sep 2018, 15:02:23", 15),
     ("12. Sept. 2018, 15:02:23", 15), ("12.09.2018, 15:02:23", 15), ("12 set 2018, 15:02:23", 15),
     ("2018-09-12T15:02:23Z", 15), ("2018年9月12日 15:02:23", 15)],
)  # fmt: skip
def test_moment_reads_the_dates_services_write(text, hour):
    assert layout.moment(text) == datetime(2018, 9, 12, hour, 2, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "12/09/2018 10:00", "99.99.2018 10:00", "Sep 12, 2018", "Foo 12, 2018, 3:00 PM"]
)
def test_moment_when_in_doubt_is_unknown(text):
    assert layout.moment(text) is None


def test_runkeeper_when_a_date_or_a_duration_is_out_of_range_reads_the_rest(export):
    rows = "a,9999-12-31 23:00:00,Running,,5,3:00:00,,,,,,,,\nb,2020-01-03 07:00:00,Running,,5,9999:59:59,,,,,,,,\n"
    first, second = [
        one
        for one in sources([export({"cardioActivities.csv": HEADER.format("km") + rows})])
        if isinstance(one, ByHand)
    ]
    assert (first.start, first.duration_s) == (None, 10_800.0)
    assert (second.duration_s, second.distance_m) == (None, 5000.0)


@pytest.mark.parametrize("name", ["activities.csv", "cardioActivities.csv"])
def test_a_table_of_endless_rows_is_refused_with_a_sentence(export, made, name):
    path = export({name: b"a\n" * 300_000, "activities/1.gpx": made.gpx()})
    (said,) = [one for one in sources([path]) if isinstance(one, Skipped)]
    assert (said.code, said.reason) == ("limit", "holds more than 200,000 activities; not read")


def test_a_table_with_a_long_cell_is_read(export):
    rows = f'a,2020-01-02 07:00:00,Running,,5,30:15,,,,,,,"{"x" * 300_000}",\n'
    path = export({"cardioActivities.csv": HEADER.format("km") + rows})
    assert sum(isinstance(one, ByHand) for one in sources([path])) == 1
    assert csv.field_size_limit() == 131_072


@pytest.mark.parametrize(
    "mark",
    [
        "activities.csv",
        "export.xml",
        "cardioactivities.csv",
        "training-session-.json",
        "inprogressactivity.fit",
    ],
)
def test_many_exports_in_one_archive_are_told_apart_soon(tmp_path, made, mark):
    path = tmp_path / "a.zip"
    members = {f"{k:05d}/{mark}": b"" for k in range(6000)} | {f"{k:05d}/activities/x": b"" for k in range(9)}
    path.write_bytes(made.zipped(members))
    began = time.process_time()
    found = list(sources([path]))
    assert len(found) >= 6000
    assert time.process_time() - began < 30


@pytest.mark.parametrize("name", ["a/b/x.fit", "/x.fit", "x.fit", "a//x.fit", "a/", ""])
def test_the_deepest_folder_around_a_name_speaks_for_it(name):
    roots = ["", "/", "a/", "a/b/", "b/"]
    several = exports._Several({root: root or "top" for root in roots}, frozenset(map(len, roots)))
    deepest = max((root for root in roots if name.startswith(root)), key=len)
    assert several._of(name) == (deepest or "top")
