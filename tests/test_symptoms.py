from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneeledger.errors import ConfigError
from kneeledger.symptoms import (
    LEVERS,
    Entry,
    Felt,
    Morning,
    baseline,
    before,
    ease,
    entries,
    read_csv,
    referral,
    rules,
    to_frame,
    trend,
    write_csv,
)
from kneeledger.workload import ACTIVITIES, PAIN, Coverage, History

DAY0 = date(2024, 1, 1)


def day(offset: int) -> date:
    return DAY0 + timedelta(days=offset)


def act(offset: int, *, minutes: float = 50, way: str = "run", **more: Any) -> dict[str, Any]:
    start = datetime(2024, 1, 1, 8, tzinfo=UTC) + timedelta(days=offset)
    load = minutes * 60 * 0.75
    run = way == "run"
    return {
        "id": f"{way}{offset}",
        "day": day(offset),
        "start": start,
        "end": start + timedelta(minutes=minutes),
        "way": way,
        "sport": "running" if run else "training",
        "sub_sport": None if run else "strength_training",
        "grade_known": True,
        "distance_m": minutes * 180 if run else None,
        "run_distance_m": minutes * 180 if run else None,
        "run_time_s": minutes * 60 if run else None,
        "descent_m": 100.0 if run else None,
        "descent_run_m": 100.0 if run else None,
        "steep_descent_run_m": 10.0 if run else None,
        "knee_load_bw_s": load if run else None,
        "knee_load_run_bw_s": load if run else None,
        "peak_weighted_steps": load * 2 if run else None,
        "matched_cadence_spm": 168.0 + (offset % 5) * 0.3 if run else None,
        "whatif_cadence5_bw_s": load * 0.95 if run else None,
        "whatif_cadence5_steps": load * 2 * 0.74 if run else None,
        "whatif_no_steep_bw_s": load * 0.97 if run else None,
        "whatif_no_steep_steps": load * 2 * 0.9 if run else None,
    } | more


def history(rows: list[dict[str, Any]], **more: Any) -> History:
    schema = {name: column.dtype for name, column in ACTIVITIES.items()}
    return History(pl.DataFrame(rows, schema=schema, orient="row").sort("start"), **more)


def varied(days: int = 260) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return [act(k, minutes=float(rng.uniform(40, 60))) for k in range(0, days, 2)]


def test_a_csv_is_read_in_the_articles_words() -> None:
    text = (
        "\ufeffDate,during,after,next_morning,limp,swelling,sitting,stairs,side,rating,note\n"
        '2024-03-02,Tolerable,none,worse,no,,yes,0,left,3.5,"stairs, mostly"\n'
        "\n"
        "2024-03-01,none,none,baseline,,,,,,0,\n"
    )
    first, second = read_csv(text)
    assert first == Entry(date(2024, 3, 1), Felt.NONE, Felt.NONE, Morning.BASELINE, rating=0.0)
    assert (second.during, second.next_morning, second.side) == (Felt.TOLERABLE, Morning.WORSE, "left")
    assert (second.rating, second.sitting, second.note) == (3.5, True, "stairs, mostly")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when\n2024-01-01\n", "column 'date'"),
        ("date,mood\n2024-01-01,good\n", "no column mood"),
        ("date\n1.2.2024\n", "line 2"),
        ("date,during\n2024-01-01,awful\n", "during"),
        ("date,rating\n2024-01-01,11\n", "outside 0 to 10"),
        ("date,rating\n2024-01-01,nan\n", "not a number"),
        ("date,limp\n2024-01-01,maybe\n", "neither yes nor no"),
        ("date,side\n2024-01-01,both\n", "side"),
    ],
)
def test_a_csv_that_cannot_be_read_says_where(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_csv(text)


ENTRY = st.builds(
    Entry,
    date=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    during=st.none() | st.sampled_from(Felt),
    after=st.none() | st.sampled_from(Felt),
    next_morning=st.none() | st.sampled_from(Morning),
    limp=st.booleans(),
    swelling=st.booleans(),
    sitting=st.booleans(),
    stairs=st.booleans(),
    side=st.none() | st.sampled_from(["left", "right"]),
    rating=st.none() | st.integers(0, 20).map(lambda half: half / 2),
    note=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30).map(
        str.strip
    ),
)


@given(st.lists(ENTRY, max_size=8))
def test_csv_and_frame_give_the_same_entries_back(log: list[Entry]) -> None:
    log = sorted(log, key=lambda entry: entry.date)
    assert read_csv(write_csv(log)) == log
    frame = to_frame(log)
    assert frame.columns == list(PAIN)
    assert entries(frame) == log


def test_the_words_decide_and_the_rating_does_not() -> None:
    log = to_frame([Entry(day(5), Felt.TOLERABLE, Felt.NONE, Morning.BASELINE, rating=9)])
    felt, morning, weekly = rules(log, day(6))
    assert (felt.holds, morning.holds, weekly.holds) == (True, True, None)
    log = to_frame([Entry(day(5), Felt.BEYOND, Felt.NONE, Morning.WORSE, rating=0)])
    felt, morning, _ = rules(log, day(6))
    assert (felt.holds, morning.holds) == (False, False)
    assert rules(log, day(30))[0].holds is None


def test_week_by_week_needs_three_weeks_and_a_trend() -> None:
    def log(ratings: list[float], felt: Felt = Felt.TOLERABLE) -> pl.DataFrame:
        return to_frame(
            [
                Entry(day(7 * week + k), felt, rating=rating)
                for week, rating in enumerate(ratings)
                for k in (0, 3)
            ]
        )

    assert rules(log([5, 4]), day(13))[2].holds is None
    assert rules(log([5, 4, 3]), day(20))[2].holds is True
    assert trend(log([5, 4, 3]), day(20)) == pytest.approx(-1.0)
    assert rules(log([3, 4, 4]), day(20))[2].holds is False
    assert rules(log([0, 0, 0], Felt.NONE), day(20))[2].holds is True
    assert trend(log([5, 4]), day(13)) is None


def test_the_baseline_is_the_median_of_the_seven_days_before() -> None:
    log = to_frame([Entry(day(k), rating=float(k)) for k in range(10)])
    assert baseline(log, day(9)) == 5.0
    assert baseline(log, day(40)) is None


def test_a_red_flag_stands_until_later_entries_clear_it() -> None:
    log = [Entry(day(10), swelling=True, limp=True)]
    flag = referral(to_frame(log), day(12))
    assert flag is not None
    assert flag.what == "swelling and a limp"
    assert "physiotherapist" in flag.text
    assert referral(to_frame(log), day(9)) is None
    assert referral(to_frame(log), day(39)) is None
    assert referral(to_frame([*log, Entry(day(13))]), day(20)) is not None
    assert referral(to_frame([*log, Entry(day(18))]), day(20)) is None


def test_before_ranks_what_was_unusual_and_uses_nothing_of_the_day_itself() -> None:
    rows = varied()
    rows += [act(k, way="other") for k in (249, 252, 255, 258)]
    for row in rows:
        if row["way"] == "run" and (row["day"] - DAY0).days >= 246:
            row["descent_run_m"] = 400.0
    past = history(rows)
    found = before(past, day(260))
    unusual = [(item.measure, item.weeks) for item in found if item.unusual]
    assert ("descent_run_m", 2) in unusual
    assert ("sessions_strength", 2) in unusual
    assert ("matched_cadence_spm", 2) not in unusual
    assert [item.unusual for item in found] == sorted((item.unusual for item in found), reverse=True)
    descent = next(item for item in found if (item.measure, item.weeks) == ("descent_run_m", 2))
    assert descent.value == pytest.approx(1400)
    assert descent.usual == pytest.approx(350, rel=0.02)
    assert descent.percentile == 100.0
    assert before(history([*rows, act(260, minutes=600)]), day(260)) == found


def test_before_may_answer_nothing_unusual_and_tells_its_coverage() -> None:
    rows = [act(k) for k in range(0, 260, 2)]
    coverage = Coverage(unreadable_days=frozenset({day(251), day(253)}))
    found = before(history(rows, coverage=coverage), day(260))
    assert not [item for item in found if item.unusual]
    two = next(item for item in found if item.weeks == 2 and item.measure == "run_distance_m")
    assert (two.known_days, two.days) == (12, 14)
    assert "2 of these 14 days are unknown." in two.text
    assert before(history([act(0)]), day(0)) == []
    young = before(history([act(k) for k in range(0, 20, 2)]), day(20))
    assert all(item.percentile is None for item in young)


def test_the_levers_take_off_what_the_runs_would_have_lost() -> None:
    rng = np.random.default_rng(2)
    level = rng.lognormal(0, 0.3, 400)
    rows = [act(k) for k in range(0, 100, 2)]
    draws = {row["id"]: (level * row["knee_load_bw_s"], level) for row in rows}
    found = ease(history(rows, draws=draws), day(99))
    levers = {lever.name: lever for lever in found.levers}
    assert list(levers) == [*LEVERS, "together"]
    assert found.usual_week_bw_s == pytest.approx(2250 * 14 / 4)
    assert levers["cadence_5"].linear_share == pytest.approx(0.05)
    assert levers["cadence_5"].peak_share == pytest.approx(0.26)
    assert levers["no_steep"].linear_share == pytest.approx(0.03)
    assert levers["fewer_km"].linear_share == pytest.approx(0.10)
    assert levers["swap_one_run"].linear_share == pytest.approx(4 / 14)
    assert levers["cadence_10"].linear_share is None
    assert "not known" in levers["cadence_10"].text
    together = 1 - (1 - 4 / 14) * 0.9 * 0.97 * 0.95
    assert levers["together"].linear_share == pytest.approx(together)
    saved = levers["cadence_5"].linear_bw_s
    assert saved.value == pytest.approx(2250 * 14 / 4 * 0.05)
    assert saved.low is not None
    assert saved.high is not None
    assert saved.low < saved.value < saved.high


def test_the_steps_lead_back_and_wait_for_the_rules() -> None:
    rows = [act(k) for k in range(0, 100, 2)]
    fine = to_frame([Entry(day(98), Felt.TOLERABLE, Felt.NONE, Morning.BASELINE)])
    found = ease(history(rows, pain=fine), day(99))
    shares = [step.share for step in found.steps]
    assert shares[-1] == 1.0
    assert all(b <= a * 1.1 + 1e-12 for a, b in pairwise(shares))
    assert all(step.allowed for step in found.steps)
    sore = to_frame([Entry(day(98), Felt.TOLERABLE, Felt.NONE, Morning.WORSE)])
    held = ease(history(rows, pain=sore), day(99))
    assert [step.allowed for step in held.steps][:3] == [True, False, False]
    assert not any(step.allowed for step in ease(history(rows), day(99)).steps[1:])
    assert "Temporary relief" in found.text


def test_a_red_flag_leaves_no_plan() -> None:
    rows = [act(k) for k in range(0, 100, 2)]
    found = ease(history(rows, pain=to_frame([Entry(day(97), swelling=True)])), day(99))
    assert found.referral is not None
    assert (found.levers, found.steps) == ((), ())
    assert "sports physician" in found.text
    assert found.exercise == ""
    empty = ease(history([]), day(99))
    assert empty.levers == ()
    assert "nothing to ease" in empty.text


def test_a_week_is_not_made_of_less_than_four() -> None:
    one = ease(history([act(0, minutes=48)]), day(0))
    assert (one.usual_week_bw_s, one.levers, one.steps) == (None, (), ())
    assert "there is 1" in one.text
    assert ease(history([act(k) for k in range(0, 27, 2)]), day(26)).steps == ()
    assert ease(history([act(k) for k in range(0, 28, 3)]), day(27)).steps
    gaps = Coverage(unreadable_days=frozenset(day(k) for k in range(85, 93)))
    assert "21 known days" in ease(history([act(k) for k in range(0, 100, 2)], coverage=gaps), day(99)).text


def test_weeks_before_it_began_do_not_count_against_the_trend() -> None:
    calm = [Entry(day(k), Felt.NONE, rating=0) for k in range(0, 21, 3)]
    sore = [Entry(day(22), Felt.TOLERABLE, rating=4), Entry(day(29), Felt.TOLERABLE, rating=3)]
    assert rules(to_frame([*calm, *sore]), day(30))[2].holds is None
    later = [*calm, *sore, Entry(day(36), Felt.TOLERABLE, rating=2)]
    assert rules(to_frame(later), day(36))[2].holds is True
    assert rules(to_frame(calm), day(20))[2].holds is True


def test_a_cell_without_end_is_told_with_its_line() -> None:
    text = 'date,note\n2026-05-01,ok\n2026-05-02,"' + "x" * 140_000
    with pytest.raises(ConfigError, match=r"line 3: a cell is too long"):
        read_csv(text)
    with pytest.raises(ConfigError, match="line 1"):
        read_csv("date," + "x" * 140_000)
