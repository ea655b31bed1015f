from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kneeledger.errors import ConfigError
from kneeledger.findings import find
from kneeledger.headroom import Planned, headroom, parse_plan
from kneeledger.model import Severity, Way
from kneeledger.severity import KNEE_LOAD, Profile
from kneeledger.workload import ACTIVITIES, Coverage, History

DAY0 = date(2024, 1, 1)


def day(offset: int) -> date:
    return DAY0 + timedelta(days=offset)


def act(offset: int, *, minutes: float = 50, way: str = "run", **more: Any) -> dict[str, Any]:
    start = datetime(2024, 1, 1, 8, tzinfo=UTC) + timedelta(days=offset)
    load = minutes * 60 * (0.75 if way == "run" else 0.3)
    return {
        "id": f"{way}{offset}",
        "day": day(offset),
        "start": start,
        "end": start + timedelta(minutes=minutes),
        "way": way,
        "sport": "running",
        "grade_known": True,
        "distance_m": minutes * 180,
        "run_distance_m": minutes * 180 if way == "run" else None,
        "run_time_s": minutes * 60 if way == "run" else None,
        "ride_time_s": minutes * 60 if way == "ride" else None,
        "duration_s": minutes * 60,
        "descent_m": 120.0,
        "descent_run_m": 120.0,
        "knee_load_bw_s": load,
        "knee_load_none_bw_s": load * 0.9,
        "knee_load_mechanics_bw_s": load * 0.97,
    } | more


def history(rows: list[dict[str, Any]], **more: Any) -> History:
    schema = {name: column.dtype for name, column in ACTIVITIES.items()}
    return History(pl.DataFrame(rows, schema=schema, orient="row").sort("start"), **more)


STEADY = [act(k) for k in range(0, 99, 2)]


def test_the_room_is_ten_per_cent_above_the_thirty_day_longest() -> None:
    found = headroom(history(STEADY), day(98))
    assert [reading.name for reading in found.readings] == ["as recorded"]
    first = found.readings[0].days[0]
    assert first.day == day(99)
    assert first.known_days == 30
    limits = {item.measure: item.limit for item in first.ceilings}
    assert limits == pytest.approx(
        {"distance_m": 10000, "descent_m": 220, "knee_load_bw_s": 2250 + KNEE_LOAD.floor}
    )
    assert len(found.readings[0].days) == 8
    assert found.readings[0].days[-1].known_days == 23


@settings(max_examples=20, deadline=None)
@given(
    st.floats(4, 200), st.sampled_from([1.0, 1.5, 3.0, 30.0]), st.sampled_from(["distance_m", "descent_m"])
)
def test_a_session_at_the_ceiling_is_no_finding_and_one_above_it_is(
    minutes: float, steep: float, measure: str
) -> None:
    rows = [act(k, minutes=minutes, descent_m=steep * minutes) for k in range(60, 99, 3)]
    past = history(rows)
    limit = next(
        i.limit for i in headroom(past, day(98)).readings[0].days[0].ceilings if i.measure == measure
    )
    assert limit is not None
    for value, told in ((limit, False), (limit * (1.0 + 1e-6), True)):
        more = {"distance_m": 100.0, "descent_m": 1.0} | {measure: value}
        found = find(history([*rows, act(99, minutes=minutes, **more)]), day(99), days=1)
        assert bool([item for item in found if item.measure == measure]) is told
        effects = headroom(past, day(98), plan=(Planned(more["distance_m"], more["descent_m"]),))
        words = {item.measure: item.severity for item in effects.readings[0].plan}
        assert (words[measure] is not None) is told


def test_a_long_run_takes_its_room_with_it_when_it_leaves_the_window() -> None:
    found = headroom(history([*STEADY, act(71, minutes=100)]), day(98)).readings[0]
    lengths = [
        next(item.limit for item in room.ceilings if item.measure == "distance_m") for room in found.days
    ]
    assert lengths == pytest.approx([19800] * 3 + [10000] * 5)


def test_an_old_newest_file_gives_both_readings() -> None:
    found = headroom(history([*STEADY, act(71, minutes=100)]), day(105))
    assert [reading.name for reading in found.readings] == ["rested", "as usual"]
    assert "7 days old" in found.text
    rested, usual = found.readings
    longest = [reading.days[0].ceilings[0].limit for reading in (rested, usual)]
    assert longest == pytest.approx([10000, 19800])
    assert rested.week.usual_bw_s is not None
    assert usual.week.usual_bw_s is not None
    assert rested.week.usual_bw_s < usual.week.usual_bw_s
    assert len(headroom(history(STEADY), day(101)).readings) == 1


def test_the_week_is_told_in_the_usual_mix() -> None:
    rides = [act(k, way="ride", minutes=60, descent_m=None) for k in range(1, 99, 7)]
    week = headroom(history([*STEADY, *rides]), day(98)).readings[0].week
    assert week.usual_bw_s == pytest.approx(2250 * 14 / 4 + 1080, rel=0.02)
    assert week.limit_bw_s == pytest.approx(1.1 * week.usual_bw_s)
    assert week.mix["ride_time_s"] == pytest.approx(3600 * 1.1)
    assert "min of cycling" in week.text


def test_unknown_days_are_told_in_the_week() -> None:
    past = history(STEADY, coverage=Coverage(unreadable_days=frozenset({day(91), day(93)})))
    assert "2 of the last 28 days are unknown" in headroom(past, day(98)).readings[0].week.text
    many = frozenset(day(k) for k in range(80, 90))
    assert (
        headroom(history(STEADY, coverage=Coverage(unreadable_days=many)), day(98))
        .readings[0]
        .week.limit_bw_s
        is None
    )


def test_the_profile_lowers_the_ceiling_by_its_thresholds() -> None:
    long = [act(k, minutes=200) for k in range(0, 99, 2)]
    found = headroom(history(long), day(98), profile=Profile(previous_knee_pain=True))
    assert found.readings[0].days[0].ceilings[0].limit == pytest.approx(37800)
    assert "does not change the load estimate" in found.text


@pytest.mark.parametrize(
    ("text", "sessions"),
    [
        ("10km,200m", (Planned(10000, 200),)),
        ("10 km, 200 m; 60min", (Planned(10000, 200), Planned(duration_s=3600))),
        ("10km,12km", (Planned(10000), Planned(12000))),
        ("6.2mi", (Planned(pytest.approx(9977.9, abs=0.1)),)),
        ("1.5h,500ft", (Planned(descent_m=pytest.approx(152.4), duration_s=5400),)),
    ],
)
def test_plans_are_read(text: str, sessions: tuple[Planned, ...]) -> None:
    assert parse_plan(text) == sessions


@pytest.mark.parametrize("text", ["", ";", "10", "10 parsecs", "-3km", "0km", "km"])
def test_a_plan_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="plan"):
        parse_plan(text)


def test_a_plan_says_what_each_session_would_be() -> None:
    reading = headroom(history(STEADY), day(98), plan="14km,400m;8km").readings[0]
    first = {effect.measure: effect for effect in reading.plan if effect.session.distance_m == 14000}
    assert first["distance_m"].severity is Severity.RAISED
    assert "+56 %" in first["distance_m"].text
    assert "5,205 runners" in first["distance_m"].text
    assert first["descent_m"].severity is Severity.HIGH
    assert first["knee_load_bw_s"].estimated
    expected = 14000 * 0.9 * 2250 / 9000 + 400 * 225 / 120
    assert first["knee_load_bw_s"].value == pytest.approx(expected)
    second = [effect for effect in reading.plan if effect.session.distance_m == 8000]
    assert {effect.severity for effect in second} == {None}
    timed = headroom(history(STEADY), day(98), plan="80min").readings[0].plan[0]
    assert (timed.measure, timed.estimated, timed.value) == ("distance_m", True, pytest.approx(14400))


def test_after_a_break_it_is_half_of_the_ninety_days() -> None:
    room = headroom(history(STEADY), day(140)).readings[0].days[0]
    assert room.ceilings[0].window_empty
    assert room.ceilings[0].limit == pytest.approx(5500)
    gone = headroom(history(STEADY), day(300)).readings[0].days[0]
    assert gone.ceilings[0].limit is None


def test_rides_have_their_own_ceiling() -> None:
    rows = [*STEADY, act(97, way="ride", minutes=60)]
    found = headroom(history(rows), day(98)).readings[0].days[0]
    assert next(item.limit for item in found.ceilings if item.way is Way.RIDE) == pytest.approx(
        1080 + KNEE_LOAD.floor
    )


def test_a_referral_replaces_every_ceiling_and_nothing_gives_nothing() -> None:
    found = headroom(history(STEADY), day(98), referral="See someone.")
    assert (found.readings, found.text) == ((), "See someone.")
    assert headroom(history([]), day(0)).readings == ()


def test_nothing_later_is_looked_at() -> None:
    later = history([*STEADY, act(110, minutes=300)])
    assert headroom(later, day(98)) == headroom(history(STEADY), day(98))
