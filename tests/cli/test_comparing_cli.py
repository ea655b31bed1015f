"""headroom, downhill, cadence, before, ease."""

import csv
import io
import json
from datetime import date

import polars as pl
import pytest

from kneeledger.ledger.store import Ledger


class TestHeadroom:
    def test_keys_and_limits(self, data):
        told = data("headroom")
        assert {"readings", "text"} <= set(told)
        for one in told["readings"]:
            for ceiling in one["days"][0]["ceilings"]:
                assert ceiling["limit"] is None or ceiling["limit"] >= ceiling["reference"]

    def test_a_plan_is_held_against_the_room(self, ask):
        told = ask("headroom", "--plan", "10km,200m; 30km").stdout
        assert "10 km, 200 m down: distance 10.0 km" in told
        assert "within the room" in told
        assert "30 km" in told

    def test_a_ceiling_is_the_one_findings_go_by(self, ask, data):
        shown = " ".join(ask("headroom", "--date", "2026-04-29", "--plan", "8km,200m").stdout.split())
        assert "Descent of a run: up to 236 m" in shown
        assert "Up to 100 m beyond it is never told" in shown
        assert "descent 200 m, against 136 m as the 30-day largest (+47 %): within the room" in shown
        (finding,) = [one for one in data("spikes")["findings"] if one["code"] == "SP002"]
        assert "Up to 236 m it would have stayed below" in finding["why"]

    @pytest.mark.parametrize("plan", ["ten km", "10 parsecs", "-5km", "10km,,x"])
    def test_bad_plans(self, ask, plan):
        found = ask("headroom", "--plan", plan)
        assert found.exit_code == 2
        assert found.stderr.startswith("kneeledger: ")


class TestDownhill:
    def test_keys(self, data):
        told = data("downhill", "--last", "4w")
        assert list(told) == ["schema_version", "as_of", "weeks", "weeks_walking", "bands", "descents"]
        assert [week["week"] for week in told["weeks"]] == [
            "2026-04-06",
            "2026-04-13",
            "2026-04-20",
            "2026-04-27",
        ]
        assert {"way", "from", "to", "time_s", "distance_m", "descent_m", "steps", "knee_load_bw_s"} == set(
            told["bands"][0]
        )
        assert told["descents"][0]["drop_m"] == max(one["drop_m"] for one in told["descents"])

    def test_the_big_descent_leads_the_last_week(self, data):
        week = data("downhill", "--last", "1w")["weeks"][-1]
        assert week["largest_activity_m"] == pytest.approx(402, rel=0.03)

    def test_weeks_of_running_are_of_runs(self, data, season):
        told = data("downhill", "--last", "12w")
        assert all(week["largest_activity_m"] <= week["descent_run_m"] + 1e-9 for week in told["weeks"])
        with Ledger(season, create=False) as ledger:
            since = pl.col("day") >= date.fromisoformat(told["weeks"][0]["week"])
            ways = ledger.activities("me").filter(since)["way"]
        assert sum(week["activities"] for week in told["weeks"]) == (ways == "run").sum()
        assert sum(week["activities"] for week in told["weeks_walking"]) == (ways == "walk").sum() > 0

    def test_where_nobody_went_on_foot_it_is_said(self, ask):
        assert "No run and no walk in these weeks" in ask("downhill", "--date", "2020-01-01").stdout

    def test_bands_without_time_are_not_listed(self, ask):
        assert "0:00" not in ask("downhill").stdout

    @pytest.mark.parametrize(("columns", "shown"), [("80", False), ("120", True)])
    def test_narrow_terminals_get_fewer_columns(self, ask, monkeypatch, columns, shown):
        monkeypatch.setenv("COLUMNS", columns)
        table = ask("downhill").stdout.split("Largest single descents")[1]
        assert ("cadence" in table) is shown


class TestCadence:
    def test_keys(self, data):
        told = data("cadence")
        assert {
            "model",
            "usual_speed_mps",
            "series",
            "changes",
            "explained",
            "note",
            "as_of",
            "cues",
            "what_if",
        } <= set(told)
        assert set(told["series"][0]) == {
            "date",
            "activity",
            "matched_cadence_spm",
            "low",
            "high",
            "at_usual_pace_spm",
        }
        for one in told["changes"]:
            assert {"date", "size_pct", "low_pct", "high_pct", "class", "explanations", "meaning"} <= set(one)

    def test_last_cuts_the_series_and_not_the_model(self, data):
        short, whole = data("cadence", "--last", "4w"), data("cadence")
        assert 0 < len(short["series"]) < len(whole["series"])
        assert short["model"] == whole["model"]

    def test_kilometres_are_miles_where_those_were_asked_for(self, ask):
        assert "knee load a km" in ask("cadence").stdout
        shown = ask("cadence", "--units", "imperial").stdout
        assert "knee load a mile" in shown
        assert "km" not in shown

    def test_csv_is_the_series(self, ask, data):
        rows = list(csv.DictReader(io.StringIO(ask("cadence", "--format", "csv").stdout)))
        assert [row["activity"] for row in rows] == [one["activity"] for one in data("cadence")["series"]]


class TestBefore:
    def test_ranked_and_called_a_coincidence(self, ask, data):
        told = data("before", "2026-05-01")
        assert told["onset"] == "2026-05-01"
        assert told["unusual"] > 0
        shown = ask("before", "2026-05-01").stdout
        assert "Running distance in the 2 weeks before" in shown
        assert shown.rstrip().endswith("An association in time, not a cause.")

    def test_bad_day(self, ask):
        found = ask("before", "last-week")
        assert found.exit_code == 2
        assert "2026-05-03" in found.stderr

    def test_day_before_anything_was_recorded(self, ask):
        found = ask("before", "2020-01-01")
        assert found.exit_code == 0
        assert "Nothing unusual" not in found.stdout
        assert "Nothing is recorded before it" in found.stdout

    def test_too_little_to_compare_with_is_not_called_usual(self, ask, data):
        assert all(one["usual"] is None for one in data("before", "2025-09-20")["changes"])
        shown = ask("before", "2025-09-20").stdout
        assert "Nothing unusual" not in shown
        assert "what was unusual is unknown" in shown

    def test_both_numbers_are_told_in_the_units_that_were_asked_for(self, ask, data):
        told = next(
            one
            for one in data("before", "2026-05-01")["changes"]
            if one["measure"] == "run_distance_m" and one["unusual"]
        )
        shown = " ".join(ask("before", "2026-05-01", "--units", "imperial").stdout.split())
        assert f"{told['value'] / 1.609344:,.1f} mi a week" in shown
        assert f"usually {told['usual'] / 1.609344:,.1f} mi a week" in shown


class TestEase:
    def test_levers_and_steps(self, ask, data):
        told = data("ease")
        assert told["levers"]
        shares = [step["share"] for step in told["steps"]]
        assert shares == sorted(shares)
        shown = ask("ease").stdout
        assert "not a diagnosis" in shown
        assert "ceilings, not targets" in shown

    def test_one_run_is_no_week(self, call, tmp_path, new_export):
        ledger = tmp_path / "ledger"
        call("scan", new_export(), "--ledger", ledger, "--jobs", "1")
        found = call("ease", "--ledger", ledger)
        assert found.exit_code == 0
        assert (
            "A usual week, and so what to take off it and the ceilings of the way back, is told from"
            in " ".join(found.stdout.split())
        )
        assert "ceilings, not targets" not in found.stdout

    def test_a_red_flag_stands_in_place_of_every_advice(self, call, tmp_path, new_export):
        ledger = tmp_path / "ledger"
        call("scan", new_export(), "--ledger", ledger, "--jobs", "1")
        day = json.loads(call("spikes", "--ledger", ledger, "--format", "json").stdout)["as_of"]
        call("pain", "add", "--limp", "--date", day, "--ledger", ledger)
        shown = call("ease", "--ledger", ledger).stdout
        assert "no load advice is given" in shown
        assert "hip" not in shown

    def test_weeks_have_bounds(self, ask):
        assert ask("ease", "--weeks", "1").exit_code == 2
        assert ask("ease", "--weeks", "8").exit_code == 0


def test_one_run_whose_altitude_is_not_believed_went_down_an_unknown_way_and_shows_no_lack_of_change(
    call, fixtures, tmp_path
):
    ledger = tmp_path / "ledger"
    assert call("scan", fixtures / "export/loose/gps-only-flat.fit", "--ledger", ledger).exit_code == 0
    (week,) = json.loads(call("downhill", "--format", "json", "--ledger", ledger).stdout)["weeks"]
    assert week["without_altitude"] == week["activities"] == 1
    assert week["descent_run_m"] is week["steep_descent_run_m"] is week["steps_downhill"] is None
    shown = call("cadence", "--ledger", ledger).stdout
    assert "1 run: too few" in shown
    assert "No change of step rate" not in shown
    assert "peak force −8 %" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("before", "0001-01-01"),
        ("spikes", "--date", "0001-01-01"),
        ("headroom", "--date", "9999-12-31"),
        ("report", "--date", "9999-12-31"),
        ("report", "--physio", "--until", "0001-01-01"),
        ("report", "--physio", "--onset", "9999-12-31"),
    ],
)
def test_a_day_out_of_all_range_is_a_usage_error(call, tmp_path, words):
    found = call(*words, "--ledger", tmp_path / "none")
    assert found.exit_code == 2
    assert "is no day from 1970-01-01 to 2100-12-31" in found.stderr
