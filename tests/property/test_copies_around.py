"""Copies are looked for only around what came or went, and found as if all of a history were looked at."""

import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from kneeledger.ledger import duplicates
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import scan

TEXTS = dict.fromkeys(("about", "context", "laps", "pauses"), "{}") | dict.fromkeys(
    ("read_issues", "issues"), "[]"
)
MINUTE_US = 60_000_000


def activity(number, start_min, minutes, sport, *, timed):
    span = minutes if timed else 0
    return TEXTS | {
        "id": f"a{number}",
        "athlete": "me",
        "path": f"{number}.fit",
        "sha256": f"s{number}",
        "part": 0,
        "start_us": start_min * MINUTE_US,
        "end_us": (start_min + span) * MINUTE_US,
        "utc_offset_s": None,
        "day": "2026-05-03",
        "sport": sport,
        "way": "run",
        "device_serial": None,
        "by_hand": 0,
        "duplicate_of": None,
        "freshness": "f",
        "segment": "s" if number % 3 else "",
        "metrics": [("timer_s", 60.0 * minutes, None, None), ("distance_m", 160.0 * minutes, None, None)],
        "tables": {},
    }


ACTIVITIES = st.builds(
    activity,
    st.integers(0, 11),
    st.integers(0, 40).map(lambda k: k * 7) | st.integers(0, 4),
    st.sampled_from([1, 5, 30, 31, 60, 150]),
    st.sampled_from(["running", "cycling", "unknown"]),
    timed=st.booleans(),
)
STEPS = st.lists(st.lists(ACTIVITIES | st.integers(0, 11), min_size=1, max_size=4), min_size=1, max_size=8)


@given(STEPS)
@settings(max_examples=60)
def test_copies_are_found_around_what_changed_as_in_all(steps):
    with tempfile.TemporaryDirectory() as folder, Ledger(folder) as ledger:
        for step in steps:
            with ledger.transaction() as db:
                for one in step:
                    path = f"{one}.fit" if isinstance(one, int) else one["path"]
                    scan._unsettle(ledger, db, "me", ledger.drop_activities(db, "me", path))
                    if not isinstance(one, int):
                        ledger.put_activity(db, one)
                        scan._unsettle(ledger, db, "me", [(one["start_us"], one["end_us"])])
            scan._settle(ledger, "me")
            found = dict(ledger.query("select id, duplicate_of from activities"))
            wanted = duplicates.find(ledger.alike("me"))
            assert found == dict.fromkeys(found) | wanted
