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
    after = activity("b", start=START + minutes(61), end=START + minutes(121))
    assert set(find(frame(activity("a"), after)).values()) == {None}


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


def minutes(count):
    return timedelta(minutes=count)


def test_intervals_recorded_one_by_one_are_not_one_activity():
    reps = [
        activity(
            str(k),
            start=START + timedelta(seconds=100 * k),
            end=START + timedelta(seconds=100 * k + 70),
            duration_s=70.0,
            distance_m=400.0,
        )
        for k in range(8)
    ]
    assert set(find(frame(*reps)).values()) == {None}


def test_two_devices_started_minutes_apart_are_one_outing():
    watch = activity(
        "watch", end=START + minutes(182), duration_s=10_500.0, distance_m=80_100.0, sport="cycling"
    )
    computer = activity(
        "computer",
        start=START + minutes(6),
        end=START + minutes(180),
        duration_s=10_100.0,
        distance_m=81_000.0,
        sport="cycling",
        device_serial="8",
    )
    assert set(find(frame(watch, computer)).values()) == {None, "computer"}
    assert set(find(frame(watch, computer | {"sport": "running"})).values()) == {None}
    assert set(find(frame(watch, computer | {"start": START + minutes(60)})).values()) == {None}


def triathlon():
    spans = [("swimming", 0, 30, 1_500.0), ("cycling", 33, 100, 40_000.0), ("running", 102, 150, 10_000.0)]
    return [
        activity(
            sport,
            sha256="parent",
            part=part,
            sport=sport,
            start=START + minutes(first),
            end=START + minutes(last),
            duration_s=60.0 * (last - first),
            distance_m=metres,
        )
        for part, (sport, first, last, metres) in enumerate(spans)
    ]


def test_a_multisport_parent_in_one_piece_yields_to_its_legs():
    whole = activity(
        "whole",
        format="tcx",
        sport="other",
        end=START + minutes(150),
        duration_s=9_000.0,
        distance_m=51_500.0,
    )
    found = find(frame(*triathlon(), whole))
    assert found == {"swimming": None, "cycling": None, "running": None, "whole": "swimming"}


def test_legs_exported_one_by_one_are_copies_of_the_parents_legs():
    copies = [leg | {"id": f"{leg['id']} gpx", "sha256": leg["id"], "format": "gpx"} for leg in triathlon()]
    found = find(frame(*triathlon(), *copies))
    assert {name: lead for name, lead in found.items() if lead} == {
        "swimming gpx": "swimming",
        "cycling gpx": "cycling",
        "running gpx": "running",
    }


def test_what_does_not_fill_an_outing_is_no_leg_of_it():
    whole = activity(
        "walk", sport="walking", end=START + minutes(240), duration_s=14_400.0, distance_m=12_000.0
    )
    assert set(find(frame(*triathlon(), whole)).values()) == {None}
    short = activity(
        "short", sport="other", end=START + minutes(150), duration_s=9_000.0, distance_m=20_000.0
    )
    assert set(find(frame(*triathlon(), short)).values()) == {None}


def test_legs_by_hand_yield_to_the_recording_of_the_whole():
    hand = [leg | {"sha256": leg["id"], "records": False} for leg in triathlon()]
    whole = activity(
        "whole", sport="other", end=START + minutes(150), duration_s=9_000.0, distance_m=51_500.0
    )
    found = find(frame(*hand, whole))
    assert found == {"whole": None, "swimming": "whole", "cycling": "whole", "running": "whole"}


def test_a_working_copy_yields_to_every_finished_one():
    working = activity("working", in_progress=True)
    finished = activity("finished", format="gpx", device_serial=None, in_progress=False)
    assert find(frame(working, finished)) == {"finished": None, "working": "finished"}
    assert find(frame(working)) == {"working": None}


def test_an_hour_of_zone_error_is_no_copy():
    assert set(
        find(
            frame(activity("a"), activity("b", start=START + minutes(60), end=START + minutes(120)))
        ).values()
    ) == {None}
