import random
from datetime import UTC, datetime, timedelta

import polars as pl

from kneeledger.ledger.duplicates import find, near

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


def test_whatever_meets_no_other_in_time_is_no_copy_of_any():
    """Copies looked for among those near another are the copies that are found among all."""
    copies = 0
    for seed in range(200):
        chance = random.Random(seed)
        rows = []
        for number in range(chance.randrange(2, 14)):
            start = START + timedelta(seconds=chance.choice([1, 30, 600]) * chance.randrange(40))
            lasts = chance.choice([0, 0, 1, 60, 600, 3600, 6 * 3600])
            rows.append(
                activity(
                    f"a{number}",
                    sha256=f"{number % 9}",
                    start=start,
                    end=start + timedelta(seconds=lasts),
                    sport=chance.choice(["running", "unknown"]),
                    duration_s=chance.choice([lasts or 900, None, 60.0]),
                    distance_m=chance.choice([None, 3.0 * (lasts or 900)]),
                    records=chance.random() < 0.7,
                )
            )
        rows.sort(key=lambda row: (row["start"], row["id"]))
        spans = [
            (
                row["id"],
                1e6 * row["start"].timestamp(),
                1e6
                * (
                    row["end"].timestamp()
                    if row["end"] > row["start"]
                    else row["start"].timestamp() + (row["duration_s"] or 0)
                ),
            )
            for row in rows
        ]
        among = near(spans)
        assert len(among) == len(set(among))
        whole = find(frame(*rows))
        some = find(frame(*(row for row in rows if row["id"] in among))) if among else {}
        assert {name: some.get(name) for name in whole} == whole
        copies += sum(lead is not None for lead in whole.values())
    assert copies > 100


def test_a_long_activity_is_near_all_that_it_spans():
    assert near([("a", 0, 9e9), ("b", 1e9, 2e9), ("c", 8e9, 8.1e9), ("d", 9.2e9, 9.3e9)]) == ["a", "b", "c"]
    assert near([("a", 0, 1e6), ("b", 119e6, 120e6), ("c", 400e6, 401e6)]) == ["a", "b"]
    assert near([]) == []
