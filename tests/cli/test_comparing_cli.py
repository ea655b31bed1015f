"""headroom, downhill, cadence, before, ease."""

import csv
import io

import pytest


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

    @pytest.mark.parametrize("plan", ["ten km", "10 parsecs", "-5km", "10km,,x"])
    def test_bad_plans(self, ask, plan):
        found = ask("headroom", "--plan", plan)
        assert found.exit_code == 2
        assert found.stderr.startswith("kneeledger: ")


class TestDownhill:
    def test_keys(self, data):
        told = data("downhill", "--last", "4w")
        assert list(told) == ["schema_version", "as_of", "weeks", "bands", "descents"]
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
        assert "Nothing unusual" in found.stdout


class TestEase:
    def test_levers_and_steps(self, ask, data):
        told = data("ease")
        assert told["levers"]
        shares = [step["share"] for step in told["steps"]]
        assert shares == sorted(shares)
        shown = ask("ease").stdout
        assert "not a diagnosis" in shown
        assert "ceilings, not targets" in shown

    def test_weeks_have_bounds(self, ask):
        assert ask("ease", "--weeks", "1").exit_code == 2
        assert ask("ease", "--weeks", "8").exit_code == 0
