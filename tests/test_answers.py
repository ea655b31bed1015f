"""What is planted in the made-up season is found by the real scan, and nothing else is."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kneeledger import findings
from kneeledger.model import AltitudeSource
from kneeledger.pipeline import activity, comparing, contract, settings

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
WHOLE = 400
"""Days: longer than the season."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    return json.loads((FIXTURES / "answers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def planted(answers) -> dict[str, Any]:
    return answers["history"]


@pytest.fixture(scope="module")
def truth(answers) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in answers["activities"]}


@pytest.fixture(scope="module")
def opened(season):
    ledger, known = comparing.known(season, "me", settings.find({}), None)
    with ledger:
        yield ledger, known


@pytest.fixture(scope="module")
def known(opened):
    return opened[1]


@pytest.fixture(scope="module")
def told(known) -> list[Any]:
    """Every finding of the whole season."""
    return findings.spikes(known.history, known.as_of, last_days=WHOLE, profile=known.profile)


@pytest.fixture(scope="module")
def names(opened, truth) -> dict[str, list[str]]:
    """Ledger ids by key of the answers, copies left out."""
    ledger = opened[0]
    by_hash: dict[str, list[str]] = {}
    for name, digest in ledger.query(
        "select id, sha256 from activities where duplicate_of is null order by start_us"
    ):
        by_hash.setdefault(digest, []).append(name)
    return {
        key: [n for digest in one["sha256"] for n in by_hash.get(digest, [])] for key, one in truth.items()
    }


@pytest.fixture(scope="module")
def shown(opened, names):
    """The contract of an activity, by key."""
    ledger = opened[0]
    config = settings.find({})

    def show(key: str, part: int = 0) -> dict[str, Any]:
        found = activity.from_ledger(ledger, "me", names[key][part], config)
        return activity.as_json(found)

    return show


def spikes(told, measure: str) -> list[Any]:
    return [one for one in told if one.code.startswith("SP") and one.measure.startswith(measure)]


class TestCounting:
    def test_every_activity_of_the_answers_is_in_the_ledger_once(self, names, truth):
        legs = {"multisport": len(truth["multisport"].get("legs", [])) or None}
        for key, found in names.items():
            expected = legs.get(key) or (1 if key != "multisport" else len(found))
            assert len(found) == expected, key
        assert len(names["multisport"]) >= 2

    def test_the_season_is_as_long_as_it_was_made(self, known, planted):
        assert known.as_of == date.fromisoformat(planted["as_of"])
        days = known.activities["day"]
        assert days.min() == date.fromisoformat(planted["first_day"])
        assert days.max() == known.as_of

    def test_each_copy_is_kept_out_of_the_sums(self, opened, names, planted):
        ledger = opened[0]
        copies = ledger.query("select path, duplicate_of from activities where duplicate_of is not null")
        original = {one["key"]: one["files"] for one in planted["duplicates"]}
        assert [of for _, of in copies] == names["same-run-twice"]
        assert copies[0][0].endswith(Path(original["same-run-twice"][1]).name)

    def test_two_halves_of_a_restarted_watch_are_one_outing(self, known, names, planted):
        pair = {names[key][0] for key in planted["restart_pair"]}
        outing = [row for row in known.history.rows if pair & set(row["ids"])]
        assert len(outing) == 1
        assert pair <= set(outing[0]["ids"])

    def test_a_truncated_file_keeps_what_was_recorded(self, shown, truth):
        told = shown("truncated")
        assert "fit_cut" in {issue["code"] for issue in told["issues"]}
        assert told["distance_m"] == pytest.approx(truth["truncated"]["distance_m"], rel=0.01)

    def test_totals_without_records_count_as_their_time_on_the_level_and_say_so(self, shown, truth):
        told = shown("totals-only")
        assert told["by_hand"]
        assert told["downhill"]["bands"] is None
        easy = told["knee_load"]["easy_minutes"]
        assert easy["value"] == pytest.approx(truth["totals-only"]["duration_s"] / 60, rel=0.05)
        assert (easy["high"] - easy["low"]) / easy["value"] > 0.8, "rough, so its interval is wide"
        assert "load_from_duration" in {issue["code"] for issue in told["issues"]}
        assert told["distance_m"] == pytest.approx(truth["totals-only"]["distance_m"], rel=0.03)


class TestSpikes:
    def test_the_long_run(self, told, planted, names):
        want = next(one for one in planted["spikes"] if one["measure"] == "distance_m")
        (found,) = spikes(told, "distance")
        assert found.date == date.fromisoformat(want["date"])
        assert found.activity in names[want["key"]]
        assert found.ratio == pytest.approx(want["ratio"], rel=0.01)
        assert found.severity.value == "raised"
        assert "1.4 times" in found.why, (
            "the knee load of the same run is told with it, not as a second alarm"
        )

    def test_the_triple_descent(self, told, planted, names):
        want = next(one for one in planted["spikes"] if one["measure"] == "descent_m")
        (found,) = spikes(told, "descent")
        assert found.date == date.fromisoformat(want["date"])
        assert found.activity in names[want["key"]]
        assert found.value == pytest.approx(want["value"], rel=0.03)
        assert found.ratio == pytest.approx(want["ratio"], rel=0.05)

    def test_nothing_else_is_a_spike(self, told):
        assert {one.date for one in told if one.code.startswith("SP")} == {
            date(2026, 4, 26),
            date(2026, 4, 30),
        }

    def test_three_times_eight_metres_is_no_finding(self, told, planted, names):
        small = {name for key in planted["no_finding"] for name in names[key]}
        assert len(small) == 2
        assert not [one for one in told if one.activity in small]

    def test_nothing_loud_outside_what_was_planted(self, told):
        loud = {(one.date, one.code) for one in told if one.severity.value != "note"}
        assert loud == {(date(2026, 4, 26), "SP001"), (date(2026, 4, 30), "SP002")}


class TestChanges:
    def test_the_fortnight_is_two_changes_within_five_runs(self, known, planted):
        fortnight = planted["cadence_fortnight"]
        changes = comparing.cadence(known)["changes"]
        assert len(changes) == 2
        down, up = changes
        assert down["size_pct"] == pytest.approx(fortnight["size_pct"], abs=0.7)
        assert up["size_pct"] == pytest.approx(-fortnight["size_pct"], abs=0.7)
        runs = [one["date"] for one in comparing.cadence(known)["series"]]
        for change, began in ((down, fortnight["from"]), (up, fortnight["first_run_after"])):
            late = [day for day in runs if began <= day < change["date"]]
            assert change["date"] >= began
            assert len(late) <= 5

    def test_the_line_is_the_runners(self, known, planted):
        line = planted["cadence_line"]
        assert known.matched.model.personal
        assert known.matched.model.cadence_spm(3.0) == pytest.approx(line["at_3_mps_spm"], rel=0.01)

    def test_the_commute_is_told_in_its_first_week(self, told, planted):
        first = next(one for one in reversed(told) if one.code == "NS001")
        begun = date.fromisoformat(planted["commute_from"])
        assert 0 <= (first.date - begun).days < 7
        assert "cycling" in first.text

    def test_strength_is_told_by_number_and_without_load(self, told, planted):
        found = [one for one in told if one.code == "NS003"]
        begun = date.fromisoformat(planted["strength_from"])
        assert found
        assert all((one.date - begun).days >= 0 for one in found)
        assert "1 strength session" in found[-1].text
        assert "No knee load" in found[-1].text


class TestReading:
    def test_a_tall_slow_runner_is_running(self, opened, shown, names, truth):
        told = shown("tall-slow-runner")
        want = truth["tall-slow-runner"]
        found = opened[0].query("select way from activities where id = ?", (names["tall-slow-runner"][0],))
        assert found == [("run",)]
        assert told["cadence"]["median"] == pytest.approx(want["cadence"]["median"], abs=1)
        assert told["knee_load"]["linear_bw_s"]["value"] == pytest.approx(
            want["knee_load_bw_s"]["article"], rel=0.02
        )

    def test_gps_only_has_no_bands_and_says_why(self, shown):
        told = shown("gps-only-flat")
        assert told["altitude_source"] == AltitudeSource.GPS.value
        assert told["downhill"]["bands"] is None
        assert told["downhill"]["reason"] == contract.REASONS[AltitudeSource.GPS]
        assert "grade_unknown" in {issue["code"] for issue in told["issues"]}

    def test_a_treadmill_is_level_and_tells_no_grade(self, shown, truth):
        told = shown("treadmill")
        want = truth["treadmill"]
        assert told["indoor"]
        *known, unknown = told["downhill"]["bands"]
        assert unknown["from"] is None
        assert unknown["to"] is None
        assert unknown["time_s"] == told["moving_s"]
        assert not any(band["time_s"] for band in known)
        assert told["distance_m"] == pytest.approx(want["distance_m"], rel=0.01)
        assert told["knee_load"]["linear_bw_s"]["value"] == pytest.approx(
            want["knee_load_bw_s"]["none"], rel=0.02
        )

    def test_knee_load_of_every_run_and_ride_is_near_the_truth(self, opened, names, truth):
        """Sensors err by design; the model on measured data stays within 5 % of it on the true motion."""
        ledger = opened[0]
        far = {}
        for key, want in truth.items():
            load = want.get("knee_load_bw_s") or {}
            if want.get("way") != "run" or load.get("article") is None or len(names[key]) != 1:
                continue
            value = ledger.query(
                "select value from metrics where activity = ? and name = 'knee_load_article_bw_s'",
                (names[key][0],),
            )[0][0]
            if abs(value / load["article"] - 1) > 0.05:
                far[key] = value / load["article"]
        assert not far

    def test_bands_of_the_triple_descent_sum_to_its_descent(self, shown):
        told = shown("descent-tripled")
        bands = told["downhill"]["bands"]
        assert sum(band["descent_m"] or 0 for band in bands) == pytest.approx(told["descent_m"], rel=1e-3)
        assert sum(band["time_s"] for band in bands) == pytest.approx(told["moving_s"], rel=1e-6)
