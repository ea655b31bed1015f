from datetime import UTC, datetime, timedelta

import polars as pl

from kneeledger.ledger.duplicates import find

START = datetime(2026, 5, 3, 6, tzinfo=UTC)


def activity(name, **more):
    base = {
        "id": name,
        "sha256": name,
        "part": 0,
        "start": START,
        "end": START + timedelta(hours=1),
        "sport": "running",
        "format": "fit",
        "device_serial": "7",
        "duration_s": 3600.0,
        "distance_m": 10_000.0,
        "records": True,
    }
    return base | more


def frame(*rows):
    return pl.DataFrame(rows, infer_schema_length=None)


def test_the_original_fit_is_kept_over_tcx_and_gpx():
    found = find(
        frame(
            activity("gpx", format="gpx", start=START + timedelta(seconds=30), sport="unknown"),
            activity("tcx", format="tcx", start=START + timedelta(seconds=3)),
            activity("fit"),
            activity("again", device_serial=None),
        )
    )
    assert found == {"fit": None, "tcx": "fit", "gpx": "fit", "again": "fit"}


def test_two_real_activities_close_together_are_kept():
    later = START + timedelta(seconds=100)
    assert set(
        find(frame(activity("a"), activity("b", start=later, distance_m=2000.0, duration_s=700.0))).values()
    ) == {None}
    assert set(find(frame(activity("a"), activity("b", start=later, sport="cycling"))).values()) == {None}
    assert set(find(frame(activity("a"), activity("b", start=START + timedelta(minutes=5)))).values()) == {
        None
    }


def test_a_stop_watch_entry_yields_to_the_recording():
    found = find(frame(activity("a", records=False), activity("z", format="gpx", distance_m=None)))
    assert found == {"a": "z", "z": None}


def test_legs_of_one_file_are_never_copies_of_each_other():
    one = activity("a", sha256="x", part=0, duration_s=60.0)
    two = activity("b", sha256="x", part=1, duration_s=60.0, start=START + timedelta(seconds=60))
    assert set(find(frame(one, two)).values()) == {None}


def test_order_of_rows_does_not_matter():
    rows = [
        activity("fit"),
        activity("tcx", format="tcx"),
        activity("other", start=START + timedelta(hours=5)),
    ]
    assert find(frame(*rows)) == find(frame(*reversed(rows)))
