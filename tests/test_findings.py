"""What is said, what is not, in which order, and that a day never sees its future."""

import time
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl
import pytest

from kneeledger.findings import FAMILY, RULES, find, replay, spikes
from kneeledger.model import DownhillModel, Evidence, Finding, Severity
from kneeledger.severity import Profile
from kneeledger.symptoms import Entry, Felt, Morning, rules, to_frame
from kneeledger.workload import ACTIVITIES, CadenceChange, Coverage, History

DAY0 = date(2024, 1, 1)
FLAT_LOAD = 0.75


def day(offset: int) -> date:
    return DAY0 + timedelta(days=offset)


def act(
    offset: int, *, way: str = "run", hour: float = 8, minutes: float = 50, **more: Any
) -> dict[str, Any]:
    """A flat run at 3 m/s, or a ride or walk, with the columns the ledger would give."""
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=offset, hours=hour)
    seconds = minutes * 60
    load = {"run": FLAT_LOAD, "ride": 0.3, "walk": 0.15}.get(way, 0.0) * seconds
    row: dict[str, Any] = {
        "id": f"{way}-{offset}-{hour}",
        "day": day(offset),
        "start": start,
        "end": start + timedelta(seconds=seconds),
        "way": way,
        "sport": {"run": "running", "ride": "cycling", "walk": "hiking"}.get(way, "training"),
        "grade_known": True,
        "duration_s": seconds,
        "moving_s": seconds,
    }
    if way in ("run", "walk"):
        row |= {
            "distance_m": seconds * 3.0,
            "descent_m": 20.0,
            "descent_run_m": 20.0,
            "steep_descent_run_m": 0.0,
        }
    if way == "run":
        row |= {"run_distance_m": seconds * 3.0, "run_time_s": seconds}
    if way != "other":
        row |= {"knee_load_bw_s": load, f"knee_load_{way}_bw_s": load, "knee_load_none_bw_s": load}
        row |= {"knee_load_mechanics_bw_s": load, "peak_weighted_steps": load}
    return row | more


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in ACTIVITIES.items()}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("start")


def steady(days: int = 100, every: int = 2) -> list[dict[str, Any]]:
    return [act(offset) for offset in range(0, days, every)]


def history(rows: list[dict[str, Any]], **more: Any) -> History:
    return History(frame(rows), **more)


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


def test_a_steady_life_gives_no_finding() -> None:
    past = history(steady())
    for offset in range(40, 99):
        assert find(past, day(offset)) == []


def test_the_longest_run_leads_with_its_number_its_study_and_its_limits() -> None:
    past = history([*steady(100), act(99, minutes=72.5)])
    first = find(past, day(99))[0]
    assert first.code == "SP001"
    assert first.severity is Severity.RAISED
    assert first.ratio == pytest.approx(1.45)
    assert first.evidence is Evidence.MEASURED
    assert first.text.startswith(
        "This run (13.1 km on 9 April 2024) was 45 % longer than the longest of the 30 days"
    )
    assert "(9.0 km)" in first.text
    assert "5,205 runners" in first.text
    assert "about 1.5 times the injury rate (95 % 1.2 to 2.0)" in first.text
    assert "not a prediction for your knee" in first.text
    assert "Up to 10.0 km it would have stayed below." in first.why
    assert "72 min against 50" in first.why
    assert first.sources == ("Frandsen2025",)


def test_one_outing_is_one_cause_and_the_others_are_named_in_it() -> None:
    past = history([*steady(100), act(99, minutes=72.5)])
    found = find(past, day(99))
    assert len([item for item in found if item.cause.startswith("outing")]) == 1
    assert "knee load 1.4 times" in found[0].why or "knee load 1.5 times" in found[0].why
    every = find(past, day(99), one_a_cause=False)
    assert {"SP001", "SP003"} <= set(codes(every))


@pytest.mark.parametrize(
    ("minutes", "word"), [(54.9, None), (64, "note"), (66, "raised"), (100, "raised"), (101, "high")]
)
def test_the_bands_of_the_study(minutes: float, word: str | None) -> None:
    found = find(history([*steady(100), act(99, minutes=minutes)]), day(99), one_a_cause=False)
    mine = [item.severity.value for item in found if item.code == "SP001"]
    assert mine == ([] if word is None else [word])


def test_a_descent_of_8_m_then_24_m_is_nothing_and_three_times_the_usual_is_something() -> None:
    small = [act(k, descent_m=8.0) for k in range(0, 90, 2)]
    assert find(history([*small, act(91, descent_m=24.0)]), day(91)) == []
    usual = [act(k, descent_m=200.0) for k in range(0, 90, 2)]
    found = find(history([*usual, act(91, descent_m=600.0)]), day(91))
    assert codes(found) == ["SP002"]
    assert found[0].severity is Severity.HIGH
    assert "3.0 times as much as the most of the 30 days before (200 m)" in found[0].text
    assert "untested extension" in found[0].text
    flat = find(history([*small, act(91, descent_m=300.0)]), day(91))
    assert flat[0].ratio is None
    assert flat[0].severity is Severity.NOTE
    assert find(history([*small, act(91, descent_m=600.0)]), day(91))[0].severity is Severity.RAISED
    assert "too little for a ratio" in flat[0].text


def test_descent_that_is_not_believed_is_kept_out() -> None:
    usual = [act(k, descent_m=200.0) for k in range(0, 90, 2)]
    found = find(history([*usual, act(91, descent_m=900.0, grade_known=False)]), day(91))
    assert "SP002" not in codes(found)


def test_under_thirty_days_it_is_the_longest_of_so_many_known_days_and_at_most_a_note() -> None:
    past = history([*[act(k) for k in range(0, 20, 2)], act(20, minutes=120)])
    found = find(past, day(20), one_a_cause=False)
    mine = [item for item in found if item.code == "SP001"]
    assert mine[0].severity is Severity.NOTE
    assert "the longest of 20 known days" in mine[0].text
    assert "CV001" in codes(found)
    assert "Building baseline: 21 of 30 days" in next(item.text for item in found if item.code == "CV001")


def test_the_first_run_after_a_break_is_held_against_half_of_what_was_before_and_says_so() -> None:
    rows = [*steady(60), act(110, minutes=60)]
    found = find(history(rows), day(110), one_a_cause=False)
    mine = [item for item in found if item.code == "SP001"]
    assert mine[0].severity is Severity.NOTE
    assert mine[0].ratio == pytest.approx(60 / 25)
    assert "was 2.4 times as long as half of the longest of the 90 days before (half is" in mine[0].text
    assert (
        "; the 30 days before hold no run with a known distance. This comparison is a project" in mine[0].text
    )
    assert "): No run" not in mine[0].text
    assert "project rule" in mine[0].text
    assert mine[0].evidence is Evidence.RULE
    riding = [act(k, way="ride", minutes=40) for k in range(0, 111, 3)]
    known = find(history([*rows, *riding]), day(110), one_a_cause=False)
    assert next(item for item in known if item.code == "SP001").severity is Severity.RAISED


def test_two_files_of_one_run_are_one_run() -> None:
    parts = [act(99, minutes=25), act(99, hour=8.6, minutes=25)]
    assert find(history([*steady(98), *parts]), day(99)) == []
    more = [act(99, minutes=40), act(99, hour=8.9, minutes=40)]
    assert find(history([*steady(98), *more]), day(99))[0].ratio == pytest.approx(1.6)


def test_a_knee_load_spike_that_stands_under_the_article_alone_is_a_note() -> None:
    plain = steady(98)
    load = 50 * 60 * FLAT_LOAD
    steep = act(99, knee_load_bw_s=load * 1.6, knee_load_none_bw_s=load, knee_load_mechanics_bw_s=load * 1.05)
    found = find(history([*plain, steep]), day(99))
    assert codes(found) == ["SP003"]
    assert found[0].severity is Severity.NOTE
    assert found[0].holds_under == (DownhillModel.ARTICLE,)
    assert found[0].evidence is Evidence.CONTESTED
    firm = act(99, knee_load_bw_s=load * 1.6, knee_load_none_bw_s=load, knee_load_mechanics_bw_s=load * 1.4)
    found = find(history([*plain, firm]), day(99))
    assert found[0].severity is Severity.RAISED
    assert set(found[0].holds_under) == {DownhillModel.ARTICLE, DownhillModel.MECHANICS}
    assert "downhill +" in found[0].why


def test_the_interval_comes_from_shared_draws_and_a_wide_one_holds_down() -> None:
    rng = np.random.default_rng(4)
    level = rng.lognormal(0, 0.3, 800)
    unsaid = {"knee_load_none_bw_s": None, "knee_load_mechanics_bw_s": None}
    rows = [*steady(98), act(99, knee_load_bw_s=50 * 60 * FLAT_LOAD * 1.5, **unsaid)]
    plain = {row["id"]: (level * row["knee_load_bw_s"], level) for row in rows}
    found = find(history(rows, draws=plain), day(99))
    assert (found[0].low, found[0].high) == pytest.approx((1.5, 1.5))
    assert found[0].severity is Severity.RAISED
    assert "cancels in the ratio" in found[0].text
    wild = plain | {rows[-1]["id"]: (level * rng.lognormal(0, 0.4, 800) * rows[-1]["knee_load_bw_s"], level)}
    found = find(history(rows, draws=wild), day(99))
    assert found[0].low is not None
    assert found[0].low < 1.1
    assert "90 % interval" in found[0].text
    assert found[0].severity is Severity.NOTE


def test_the_profile_moves_thresholds_and_says_so() -> None:
    past = history([*steady(100), act(99, minutes=57)])
    assert find(past, day(99), one_a_cause=False)[0].severity is Severity.NOTE
    mine = find(past, day(99), profile=Profile(previous_knee_pain=True, current_knee_pain=True))[0]
    assert mine.severity is Severity.RAISED
    assert "does not change the load estimate" in mine.text
    slight = history([*steady(100, every=2), act(99, minutes=53)])
    assert find(slight, day(99), profile=Profile(previous_knee_pain=True)) == []


def test_a_bike_commute_is_found_in_its_first_week() -> None:
    rides = [act(k, way="ride", hour=hour, minutes=25) for k in (91, 92, 93, 94, 95) for hour in (7, 17)]
    past = history([*steady(100), *rides])
    firsts = [offset for offset in range(85, 98) if "NS001" in codes(find(past, day(offset)))]
    assert firsts
    assert 91 <= firsts[0] <= 97
    found = next(item for item in find(past, day(95)) if item.code == "NS001")
    assert "cycling" in found.text
    assert "none in the 28 days before" in found.text
    listed = [item for item in spikes(past, day(98)) if item.code == "NS001"]
    assert len(listed) == 1
    assert listed[0].date == day(firsts[0])


def test_strength_is_told_by_number_and_total_without_it() -> None:
    past = history([*steady(100), *[act(k, way="other", sub_sport="strength_training") for k in (93, 96)]])
    found = find(past, day(96))
    assert codes(found) == ["NS003"]
    assert "2 strength sessions; none in the 28 days before" in found[0].text
    seldom = [act(k, way="other", sub_sport="strength_training") for k in range(3, 99, 14)]
    assert find(history([*steady(100), *seldom]), day(90)) == []


def test_steep_descents_that_were_rare_are_new() -> None:
    past = history([*steady(98), act(99, descent_m=90.0, steep_descent_run_m=140.0)])
    found = find(past, day(99))
    assert codes(found) == ["NS004"]
    assert "140 m of descent run on slopes steeper than 10 %" in found[0].text


def test_a_high_week_is_told_with_difference_percentile_and_what_drove_it() -> None:
    extra = [act(k, hour=18, minutes=45) for k in range(200, 207)]
    past = history([*steady(207), *extra])
    found = find(past, day(206), one_a_cause=False)
    week = next(item for item in found if item.code == "WK001")
    assert week.severity in (Severity.NOTE, Severity.RAISED)
    assert "above each of your own last 26 weeks" in week.text
    assert "mean week of the 28 days before" in week.text
    assert "Most of it: run of" in week.why
    assert set(week.holds_under) == set(DownhillModel)


@pytest.mark.parametrize(
    ("mechanics", "none", "held"),
    [
        (1.0, 1.0, {DownhillModel.ARTICLE, DownhillModel.MECHANICS, DownhillModel.NONE}),
        (1.0, 0.0, {DownhillModel.ARTICLE, DownhillModel.MECHANICS}),
        (0.0, 0.0, {DownhillModel.ARTICLE}),
    ],
)
def test_a_week_says_under_which_downhill_models_it_is_high(mechanics, none, held) -> None:
    more = [act(k, hour=18, minutes=60) for k in range(200, 207)]
    for row in more:
        row["knee_load_mechanics_bw_s"] = mechanics * row["knee_load_bw_s"]
        row["knee_load_none_bw_s"] = none * row["knee_load_bw_s"]
    found = find(history([*steady(207), *more]), day(206), one_a_cause=False)
    week = next(item for item in found if item.code == "WK001")
    assert set(week.holds_under) == held
    only = held == {DownhillModel.ARTICLE}
    assert ("only if downhill loads the knee as the article says" in week.text) is only
    assert not only or week.severity is Severity.NOTE


def test_mixed_totals_are_told_by_day() -> None:
    rides = [act(k, way="ride", minutes=100) for k in range(1, 99, 4)]
    both = [act(99), act(99, way="ride", hour=14, minutes=100)]
    found = find(history([*steady(98), *rides, *both]), day(99), one_a_cause=False)
    assert "DY001" in codes(found)
    assert "DY001" not in codes(find(history([*steady(98), *rides]), day(97), one_a_cause=False))


def test_unknown_days_are_told() -> None:
    past = history(steady(100), coverage=Coverage(unreadable_days=frozenset({day(81), day(83), day(85)})))
    found = find(past, day(99))
    assert codes(found) == ["CV003"]
    assert found[0].text == "3 of the last 28 days are unknown."
    spike = history(
        [*steady(98), act(99, minutes=75)], coverage=Coverage(unreadable_days=frozenset({day(81), day(83)}))
    )
    assert "2 of the 30 days before are unknown." in find(spike, day(99))[0].text


def test_an_old_newest_file_is_told_and_weeks_wait() -> None:
    extra = [act(k, hour=18, minutes=60) for k in range(200, 207)]
    past = history([*steady(207), *extra])
    assert "WK001" not in codes(find(past, day(210), one_a_cause=False))
    assert "CV002" in codes(find(past, day(212)))


def test_pain_outranks_everything_and_a_red_flag_replaces_advice() -> None:
    rows = [*steady(100), act(99, minutes=120)]
    worse = to_frame([Entry(day(98), during=Felt.TOLERABLE, next_morning=Morning.WORSE, rating=3)])
    found = find(history(rows, pain=worse), day(99))
    assert codes(found)[0] == "PN003"
    assert "make the next load smaller" in found[0].text
    assert found[1].severity is Severity.HIGH
    swollen = to_frame([Entry(day(98), swelling=True)])
    flagged = find(history(rows, pain=swollen), day(99))
    assert codes(flagged) == ["PN001"]
    assert "physiotherapist or a sports physician" in flagged[0].text


def test_a_change_of_cadence_is_put_into_words() -> None:
    change = CadenceChange(day(97), day(90), 170.0, 161.0, 5)
    found = find(history(steady(100), cadence_changes=(change,)), day(99))
    assert codes(found) == ["CD001"]
    assert found[0].severity is Severity.RAISED
    assert "5.3 % lower" in found[0].text
    assert find(history(steady(100), cadence_changes=(change,)), day(96)) == []
    none = CadenceChange(day(97), day(90), 170.0, 168.0, 5)
    assert find(history(steady(100), cadence_changes=(none,)), day(99)) == []


def busy(rng: np.random.Generator, days: int, count: int) -> list[dict[str, Any]]:
    rows = []
    offsets = np.sort(rng.integers(0, days, count))
    for number, offset in enumerate(offsets.tolist()):
        if 0.45 * days < offset < 0.45 * days + 18:
            continue
        way = str(rng.choice(["run", "run", "run", "ride", "walk", "other"]))
        minutes = float(rng.gamma(4, 14))
        more: dict[str, Any] = {
            "id": f"a{number}",
            "hour": float(rng.choice([6.0, 12.0, 23.6]) + rng.uniform(0, 0.3)),
        }
        if way in ("run", "walk"):
            load = minutes * 60 * FLAT_LOAD * float(rng.uniform(1, 1.5))
            more |= {
                "descent_m": float(rng.gamma(2, 60)),
                "knee_load_bw_s": load,
                "steep_descent_run_m": 30.0,
            }
        if way == "other":
            more["sub_sport"] = "strength_training"
        more["grade_known"] = bool(rng.uniform() < 0.9)
        rows.append(act(int(offset), way=way, minutes=minutes, **more))
    return rows


def everything(seed: int, days: int = 150, count: int = 160) -> History:
    rng = np.random.default_rng(seed)
    rows = busy(rng, days, count)
    level = rng.lognormal(0, 0.2, 200)
    draws = {row["id"]: (level * row["knee_load_bw_s"], level) for row in rows if row.get("knee_load_bw_s")}
    felt = list(Felt)
    pain = [
        Entry(
            day(k), during=felt[k % 3], next_morning=list(Morning)[k % 3], rating=float(k % 9), limp=k == 90
        )
        for k in range(20, days, 6)
    ]
    changes = (CadenceChange(day(70), day(60), 170, 162, 4), CadenceChange(day(120), day(110), 162, 171, 4))
    coverage = Coverage(unreadable_days=frozenset({day(30), day(100)}), no_altitude_days=frozenset({day(50)}))
    return History(frame(rows), coverage, draws, to_frame(pain), changes)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_replayed_day_says_what_would_have_been_said_with_only_what_was_known(seed: int) -> None:
    whole = everything(seed)
    said = 0
    for offset in range(3, 165, 9):
        mine = find(whole, day(offset), one_a_cause=False)
        assert mine == find(whole.until(day(offset)), day(offset), one_a_cause=False), offset
        said += len(mine)
    assert said > 25


def test_every_finding_keeps_its_contract() -> None:
    known = {code for rule in RULES for code in rule.codes}
    assert len(known) == sum(len(rule.codes) for rule in RULES)
    seen: set[str] = set()
    for seed in range(3):
        whole = everything(seed)
        for items in replay(whole, [day(k) for k in range(165)], one_a_cause=False).values():
            for item in items:
                seen.add(item.code)
                assert item.code in known
                assert item.code[:2] in FAMILY
                assert item.text.endswith(".")
                assert "nan" not in f"{item.text} {item.why}".lower().replace("finance", "")
                assert "  " not in f"{item.text} {item.why}"
                assert all(
                    value is None or np.isfinite(value)
                    for value in (item.value, item.reference, item.ratio, item.low, item.high)
                )
                for verdict in ("danger", "you will", "safe", "unsafe"):
                    assert verdict not in f"{item.text} {item.why}".lower()
    assert len(seen) >= 14, seen


def test_the_overview_is_short() -> None:
    whole = everything(2)
    for offset in range(40, 160, 10):
        top = find(whole, day(offset), limit=3)
        assert len([item for item in top if not item.code.startswith("CV")]) <= 3
        causes = [item.cause for item in top]
        assert len(causes) == len(set(causes))


def test_a_year_of_six_hundred_activities_is_replayed_in_seconds() -> None:
    whole = everything(5, days=400, count=620)
    begin = time.process_time()
    said = replay(whole, [day(k) for k in range(30, 395)])
    spent = time.process_time() - begin
    assert len(said) == 365
    assert spent < 15, spent


def test_an_empty_ledger_says_nothing() -> None:
    assert find(History(frame([])), day(0)) == []
    assert spikes(History(frame([])), day(0)) == []


def test_a_worse_morning_is_told_for_a_week_even_after_a_better_one() -> None:
    log = [Entry(day(95), Felt.TOLERABLE, next_morning=Morning.WORSE)]
    log += [Entry(day(97), Felt.NONE, Felt.NONE, Morning.BASELINE)]
    past = history(steady(120), pain=to_frame(log))
    found = find(past, day(98))
    assert codes(found) == ["PN003"]
    assert "Since then: the morning after 7 April 2024 was back at baseline." in found[0].text
    assert codes(find(past, day(103))) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_finding_is_the_same_however_far_back_is_asked(seed: int) -> None:
    past = everything(seed)
    whole = {last: spikes(past, day(140), last_days=last) for last in (1, 3, 8, 30, 140)}
    told = {(item.code, item.measure, item.date, item.text) for item in whole[140]}
    for last, listed in whole.items():
        first = day(141 - last)
        short = {(item.code, item.measure, item.date, item.text) for item in listed}
        assert short <= told
        assert {one for one in told if one[2] >= first} <= short
        for item in listed:
            assert item.date >= first or item.code[:2] in ("NS", "WK", "PN"), "only states begin before"


def test_a_state_that_began_before_the_days_asked_for_keeps_its_day() -> None:
    rides = [act(k, way="ride", minutes=60) for k in range(90, 100)]
    past = history([*steady(100), *rides])
    (long,) = [item for item in spikes(past, day(99), last_days=56) if item.code == "NS001"]
    (short,) = [item for item in spikes(past, day(99), last_days=3) if item.code == "NS001"]
    assert short == long
    assert short.date < day(97)


def test_pain_is_dated_alike_in_the_overview_and_in_the_list() -> None:
    log = [Entry(day(k), Felt.TOLERABLE, Felt.TOLERABLE, rating=3) for k in range(70, 96, 3)]
    log += [Entry(day(96), Felt.TOLERABLE, next_morning=Morning.WORSE, rating=4)]
    past = history(steady(100), pain=to_frame(log))
    now = {item.code: item for item in find(past, day(99)) if item.code.startswith("PN")}
    listed = {item.code: item for item in spikes(past, day(99)) if item.code.startswith("PN")}
    assert now["PN003"].date == listed["PN003"].date == day(96)
    assert rules(past.pain, day(99))[2].holds is False
    assert now["PN004"].date == listed["PN004"].date < day(96)
    swollen = history(steady(100), pain=to_frame([Entry(day(95), swelling=True)]))
    assert find(swollen, day(99))[0].date == spikes(swollen, day(99))[0].date == day(95)


def test_the_week_by_week_rule_is_told_exactly_while_it_is_broken() -> None:
    log = [Entry(day(k), Felt.TOLERABLE, Felt.TOLERABLE, rating=3) for k in range(40, 66, 3)]
    past = history(steady(100), pain=to_frame(log))
    for k in range(45, 100):
        broken = rules(past.pain, day(k))[2].holds is False
        assert ("PN004" in codes(find(past, day(k), days=1))) is broken
    assert rules(past.pain, day(99))[2].holds is None


def test_a_new_stimulus_of_one_outing_is_told_once_with_it() -> None:
    rides = [act(k, way="ride", minutes=100) for k in (40, 95)]
    listed = spikes(history([*steady(100), *rides]), day(99))
    assert [item.activity for item in listed if item.code == "NS001"] == ["ride-40-8"]
    assert [item.activity for item in listed if item.code == "SP003"] == ["ride-95-8"]
    assert not [item for item in listed if "  " in f"{item.text} {item.why}"]


def test_every_source_is_in_the_literature() -> None:
    literature = tomllib.loads((files("kneeledger") / "data" / "references.toml").read_text(encoding="utf-8"))
    for items in replay(everything(1), [day(k) for k in range(0, 165, 5)], one_a_cause=False).values():
        for item in items:
            assert set(item.sources) <= set(literature), item.sources


def test_a_ride_with_estimated_power_is_at_most_a_note_and_says_why() -> None:
    rides = [act(k, way="ride", minutes=60) for k in range(1, 98, 4)]
    long = {"way": "ride", "minutes": 150.0}
    firm = find(history([*steady(98), *rides, act(99, **long)]), day(99))
    assert (firm[0].code, firm[0].severity) == ("SP003", Severity.HIGH)
    rough = find(history([*steady(98), *rides, act(99, power_estimated=True, **long)]), day(99))
    assert (rough[0].code, rough[0].severity) == ("SP003", Severity.NOTE)
    assert "Cycling power or body mass was estimated" in rough[0].text


def test_slower_runs_explain_an_apparent_fall_of_cadence_only_on_the_day_it_was_found_for():
    empty_history = History(activities=pl.DataFrame(schema={n: c.dtype for n, c in ACTIVITIES.items()}))
    day = date(2026, 5, 3)
    noted = replace(
        empty_history, cadence_note=(day, "Your average cadence fell 3.0 %, but your runs were slower.")
    )
    assert [f.text for f in find(noted, day) if f.code == "CD002"] == [noted.cadence_note[1]]
    assert not [f for f in find(noted, day - timedelta(days=1)) if f.code == "CD002"]
