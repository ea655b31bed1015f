import json
import time
from datetime import UTC, datetime

import pytest

from kneeledger.exports import ByHand, Skipped, Source, garmin, sources
from kneeledger.sources import Listing

SUMMARY = {
    "activityId": 1,
    "name": "Evening",
    "activityType": "trail_running",
    "sportType": "RUNNING",
    "beginTimestamp": 1_700_000_000_000,
    "startTimeGmt": 1_700_000_000_000.0,
    "startTimeLocal": 1_700_003_600_000.0,
    "duration": 1_800_500.0,
    "distance": 500_000.0,
}


@pytest.fixture
def account(made):
    person = "someone@example.org"
    part = made.zipped(
        {
            f"{person}_1.fit": made.fit(4, b"1"),
            f"{person}_2.fit": made.fit(32),
            f"{person}_3.fit": made.fit(49),
            f"{person}_4.gpx": made.gpx(),
            f"{person}_5.txt": made.gpx("old"),
        }
    )
    root = "DI_CONNECT/"
    return {
        f"{root}DI-Connect-Uploaded-Files/UploadedFiles_0-_Part1.zip": part,
        f"{root}DI-Connect-Fitness/{person}_0_summarizedActivities.json": json.dumps(
            [{"summarizedActivitiesExport": [SUMMARY, {"activityId": 2}]}]
        ),
        f"{root}DI-Connect-Wellness/{person}_sleepData.json": "[]",
        f"{root}DI-Connect-User/{person}-contacts.json": "[]",
        "customer_data/customer.json": "{}",
    }


@pytest.mark.parametrize("top", ["", "some folder/"])
def test_garmin_account_reads_the_inner_archives_and_hides_the_account(export, account, top):
    path = export({top + name: data for name, data in account.items()})
    found = list(sources([path]))
    read = [one for one in found if isinstance(one, Source)]
    assert len(read) == 3
    assert all(one.context["layout"] == "garmin" for one in read)
    assert not any("@" in one.path + one.member for one in found)
    kinds = {one.kind for one in found if isinstance(one, Skipped)}
    assert {"FIT monitoring", "FIT sleep", "Garmin wellness data", "Garmin user data"} <= kinds


def test_garmin_account_opens_no_wellness_and_no_contacts(export, account, opened):
    list(sources([export(account)]))
    assert not [name for name in opened if "Wellness" in name or "contacts" in name or "customer" in name]


def test_garmin_summaries_come_as_totals_that_may_have_a_file(export, account):
    by_hand = [one for one in sources([export(account)]) if isinstance(one, ByHand)]
    assert len(by_hand) == 2
    first = by_hand[0]
    assert first.start == datetime.fromtimestamp(1_700_000_000, tz=UTC)
    assert (first.sport, first.duration_s, first.distance_m) == ("running", 1800.5, 5000.0)
    assert first.utc_offset_s == 3600
    assert first.title == "Evening"
    assert first.maybe_recorded
    assert by_hand[1].start is None


@pytest.mark.parametrize("data", ["[", '[{"summarizedActivitiesExport": [{"a":', "[" * 100_000])
def test_garmin_when_the_summaries_are_damaged_says_so(export, account, data):
    name = next(name for name in account if name.endswith("Activities.json"))
    found = list(sources([export(account | {name: data})]))
    assert sum(isinstance(one, Source) for one in found) == 3
    assert not any(isinstance(one, ByHand) for one in found)


def test_garmin_watch_leaves_health_and_places_unopened(tmp_path, made, opened):
    root = tmp_path / "GARMIN"
    for name, data in {
        "Activity/2024-01-01-10-00-00.fit": made.fit(),
        "Monitor/M1.fit": made.fit(32),
        "Location/Lctns.fit": made.fit(8),
        "Courses/c.fit": made.fit(6),
        "GarminDevice.xml": b"<Device/>",
        "History/2010.tcx": b"<TrainingCenterDatabase><Activities/></TrainingCenterDatabase>",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    for path in (tmp_path, root):
        opened.clear()
        found = list(sources([path]))
        assert sum(isinstance(one, Source) for one in found) == 2
        assert sorted(name.rpartition("/")[2] for name in opened) == ["2010.tcx", "2024-01-01-10-00-00.fit"]
        assert {one.code for one in found if isinstance(one, Skipped)} == {"not_opened", "planned"}


def test_garmin_single_download_gives_the_activity(tmp_path, made):
    file = tmp_path / "123.zip"
    file.write_bytes(made.zipped({"123_ACTIVITY.fit": made.fit(), "123_WELLNESS.fit": made.fit(32)}))
    read = [one for one in sources([file]) if isinstance(one, Source)]
    assert [one.member for one in read] == ["123_ACTIVITY.fit"]


@pytest.mark.parametrize(
    "odd",
    [
        {"activityType": {"typeKey": 5}},
        {"duration": 900_000_000_000_000},
        {"name": "\ud800x"},
        {"distance": 9e14, "startTimeGmt": 3_999_999_999_999_999},
        {"activityType": {"typeKey": None}, "name": 7},
    ],
)
def test_garmin_when_a_value_is_odd_reads_the_rest(export, account, odd):
    name = next(name for name in account if "summarized" in name)
    account[name] = json.dumps([{"summarizedActivitiesExport": [SUMMARY | odd, SUMMARY]}])
    first, second = [one for one in sources([export(account)]) if isinstance(one, ByHand)]
    assert first.duration_s in (None, 1800.5)
    assert (first.title or "").isascii()
    assert second.sport == "running"


def test_garmin_when_one_activity_is_endless_refuses_the_summaries(export, account):
    name = next(name for name in account if "summarized" in name)
    account[name] = '[{"summarizedActivitiesExport": [{"a": [' + "[]," * 3_000_000 + "0]}]}]"
    (said,) = [
        one for one in sources([export(account)]) if one.path.endswith(".json") and "Fitness" in one.path
    ]
    assert said.code == "damaged"


def test_garmin_finds_its_folder_soon_in_a_deep_path():
    deep = Listing("/x/a.zip!/" + "DI_CONNECT/" * 6000 + "k.zip!", {})
    began = time.process_time()
    assert list(garmin.guides(deep)) == []
    assert time.process_time() - began < 5
    assert [root for root, _ in garmin.guides(Listing("/x/di_connect/Uploads", {}))] == [""]
    assert [root for root, _ in garmin.guides(Listing("/x/Garmin", {}))] == [""]
