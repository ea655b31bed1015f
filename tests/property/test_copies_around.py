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


def activity(number, start_s, minutes, kilometres, sport, *, ends):
    """Totals of an export may have no end, and no duration either."""
    return TEXTS | {
        "id": f"a{number}",
        "athlete": "me",
        "path": f"{number}.fit",
        "sha256": f"s{number}",
        "part": 0,
        "start_us": start_s * 1_000_000,
        "end_us": start_s * 1_000_000 + (minutes * MINUTE_US if ends else 0),
        "utc_offset_s": None,
        "day": "2026-05-03",
        "sport": sport,
        "way": "run",
        "device_serial": None,
        "by_hand": 0,
        "duplicate_of": None,
        "freshness": "f",
        "segment": "s" if number % 3 else "",
        "metrics": [
            ("timer_s", 60.0 * minutes or None, None, None),
            ("distance_m", 1e3 * kilometres, None, None),
        ],
        "tables": {},
    }


ACTIVITIES = st.builds(
    activity,
    st.integers(0, 11),
    st.integers(0, 20).map(lambda k: k * 900) | st.integers(0, 20).map(lambda k: k * 40),
    st.sampled_from([0, 0, 5, 30, 31, 60, 150]),
    st.sampled_from([5, 5, 5.2, 11]),
    st.sampled_from(["running", "running", "cycling", "unknown"]),
    ends=st.booleans(),
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
                    ledger.drop_activities(db, "me", path)
                    if not isinstance(one, int):
                        ledger.put_activity(db, one)
            assert ledger.unsettled("me") is not None or not any(isinstance(one, dict) for one in step)
            scan._settle(ledger, "me")
            found = dict(ledger.query("select id, duplicate_of from activities"))
            wanted = duplicates.find(ledger.alike("me"))
            assert found == dict.fromkeys(found) | wanted
