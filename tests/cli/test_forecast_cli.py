"""forecast, as a user calls it."""

import json
import shutil

import pytest

from kneeledger.pipeline import forecasting

PLANNED = "export/strava/routes/planned-course.gpx"


@pytest.fixture
def brief(monkeypatch):
    """Few past runs are learnt from and forecast again: enough for what is asked here, and quick."""
    monkeypatch.setattr(forecasting, "RUNS", 12)
    monkeypatch.setattr(forecasting, "TRIALS", 1)


@pytest.fixture
def planned(fixtures):
    return fixtures / PLANNED


def test_table_tells_time_load_comparison_and_what_would_ease_it(ask, planned):
    found = ask("forecast", planned)
    assert found.exit_code == 0, found.stderr
    for words in (
        "15.9 km",
        "520 m down",
        "Planned for 4 May 2026",
        "moving time",
        "Against your runs",
        "1.3 times",
        "untested extension",
        "D4",
        "step rate +5 %",
        "contested",
        "Back-test",
    ):
        assert words in found.stdout.replace("\n", " "), words
    assert found.stderr == ""


def test_contract_of_the_json(ask, planned):
    found = ask("forecast", planned, "--time", "1:45:00", "--format", "json")
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["schema_version"] == 1
    assert told["time_s"]["value"] == pytest.approx(6300)
    for key in ("knee_load_bw_s", "knee_load_as_planned_bw_s", "peak_weighted_steps"):
        assert told[key]["low"] < told[key]["value"] < told[key]["high"]
    assert set(told["knee_load_by_model_bw_s"]) == {"article", "mechanics", "none"}
    by_model = told["knee_load_by_model_bw_s"]
    assert by_model["none"] < by_model["mechanics"] < by_model["article"]
    assert sum(row["knee_load_bw_s"] for row in told["bands"]) == pytest.approx(
        told["knee_load_bw_s"]["value"]
    )
    assert sum(row["descent_m"] for row in told["bands"]) == pytest.approx(
        told["course"]["descent_m"], rel=1e-6
    )
    assert [one["number"] for one in told["descents"]] == [1, 2, 3, 4]
    assert told["backtest"]["runs"] == 24
    assert told["backtest"]["wilson_low"] < 0.9 < told["backtest"]["wilson_high"]


def test_effort_and_downhill_model_change_the_numbers(brief, ask, planned):
    def load(*words):
        found = ask("forecast", planned, *words, "--format", "json")
        assert found.exit_code == 0, found.stderr
        told = json.loads(found.stdout)
        return told["time_s"]["value"], told["knee_load_bw_s"]["value"]

    easy, race = load("--effort", "easy"), load("--effort", "race")
    assert easy[0] > race[0]
    assert load("--pace", "6:00/km", "--downhill-model", "none")[1] < load("--pace", "6:00/km")[1]
    miles, kilometres = load("--pace", "9:39/mi"), load("--pace", "6:00/km")
    assert miles[0] == pytest.approx(kilometres[0], rel=2e-3)


def test_written_course_and_page_are_named_on_stderr(brief, call, season, planned, tmp_path):
    found = call(
        "forecast",
        planned,
        "--ledger",
        season,
        "--pace",
        "6:00",
        "--write",
        tmp_path / "o.gpx",
        "-o",
        tmp_path / "page",
    )
    assert found.exit_code == 0, found.stderr
    assert (tmp_path / "o.gpx").exists()
    assert "o.gpx" in found.stderr
    assert list((tmp_path / "page").glob("forecast_*.html"))


@pytest.mark.parametrize(
    "words",
    [
        ("--pace", "fast"),
        ("--pace", "0:00/km"),
        ("--time", "soon"),
        ("--cadence", "+50%"),
        ("--effort", "heroic"),
        ("--pace", "5:00/km", "--time", "1:00:00"),
        ("--pace", "1:00/km"),
    ],
)
def test_wrong_words_are_usage_errors(call, season, planned, words):
    found = call("forecast", planned, *words, "--ledger", season)
    assert found.exit_code == 2
    assert found.stdout == ""


def test_no_ledger_asks_for_a_pace_and_answers_with_one(call, planned, tmp_path):
    found = call("forecast", planned, "--ledger", tmp_path / "none")
    assert found.exit_code == 2
    assert "--pace" in found.stderr
    found = call("forecast", planned, "--ledger", tmp_path / "none", "--pace", "6:00/km")
    assert found.exit_code == 0
    assert "population" in found.stdout


def test_imperial_units(brief, ask, planned):
    found = ask("forecast", planned, "--units", "imperial")
    assert "9.9" in found.stdout
    assert " ft down" in found.stdout


def test_a_ledger_that_cannot_be_read_is_not_passed_over(brief, call, season, planned, tmp_path):
    folder = tmp_path / "ledger"
    shutil.copytree(season, folder)
    (folder / "ledger.sqlite").write_bytes(b"no database" * 400)
    found = call("forecast", planned, "--pace", "6:00/km", "--ledger", folder)
    assert found.exit_code == 2
    assert "--rebuild" in found.stderr


def test_an_athlete_without_history_is_named(call, season, planned):
    found = call("forecast", planned, "--athlete", "nobody", "--ledger", season)
    assert found.exit_code == 2
    assert "has no activity of athlete 'nobody'" in found.stderr
    found = call("forecast", planned, "--athlete", "nobody", "--pace", "6:00/km", "--ledger", season)
    assert found.exit_code == 0
