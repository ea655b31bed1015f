"""activity."""

import csv
import io
import json
import re
import shutil

import pytest

GPS = "export/loose/gps-only-flat.fit"
TOP = {
    "sport", "start", "utc_offset_s", "duration_s", "elapsed_s", "timer_s", "moving_s", "distance_m", "ascent_m",
    "descent_m", "altitude_source", "cadence", "downhill", "knee_load", "issues",
}  # fmt: skip


@pytest.fixture
def one(call, fixtures):
    """The object of one file."""

    def run(name, *words):
        found = call("activity", fixtures / "export" / name, *words, "--format", "json")
        assert found.exit_code == 0, found.stderr
        (told,) = json.loads(found.stdout)["activities"]
        return told

    return run


def test_contract_of_a_file(one):
    told = one("watch/GARMIN/Activity/2026-04-30-18-05-59.fit")
    assert set(told) >= TOP
    assert re.fullmatch(r"2026-04-30T20:05:59Z", told["start"])
    assert told["utc_offset_s"] == -7200
    assert {"median", "unit", "multiplier", "field", "reason"} <= set(told["cadence"])
    load = told["knee_load"]
    for key in ("linear_bw_s", "easy_minutes", "peak_weighted_steps"):
        assert load[key]["low"] < load[key]["value"] < load[key]["high"]
    assert load["interval"] == 0.90
    assert (
        set(load["by_downhill_model"])
        == set(told["downhill"]["excess_knee_load_bw_s"])
        == {
            "article",
            "mechanics",
            "none",
        }
    )
    assert load["by_downhill_model"][load["downhill_model"]] == pytest.approx(load["linear_bw_s"]["value"])


def test_bands_go_from_steepest_down_to_unknown_and_sum_to_the_whole(one):
    told = one("watch/GARMIN/Activity/2026-04-30-18-05-59.fit")
    bands = told["downhill"]["bands"]
    edges = [(band["from"], band["to"]) for band in bands if band["way"] == "run"]
    assert edges[0][0] is None
    assert edges[-1] == (None, None)
    assert edges[-2][1] is None
    assert [a[1] for a in edges[:-2]] == [b[0] for b in edges[1:-1]]
    assert sum(band["time_s"] for band in bands) == pytest.approx(told["moving_s"])
    assert sum(band["distance_m"] for band in bands) == pytest.approx(told["distance_m"], rel=1e-3)
    assert sum(band["descent_m"] or 0 for band in bands) == pytest.approx(told["descent_m"], rel=1e-3)
    assert sum(band["knee_load_bw_s"] for band in bands) == pytest.approx(
        told["knee_load"]["linear_bw_s"]["value"]
    )


@pytest.mark.parametrize("model", ["article", "mechanics", "none"])
def test_downhill_model_is_followed(one, model):
    load = one("watch/GARMIN/Activity/2026-04-30-18-05-59.fit", "--downhill-model", model)["knee_load"]
    assert load["downhill_model"] == model
    assert load["linear_bw_s"]["value"] == pytest.approx(load["by_downhill_model"][model])


def test_gps_only_has_a_reason_instead_of_bands(one):
    downhill = one("loose/gps-only-flat.fit")["downhill"]
    assert downhill["bands"] is None
    assert "GPS" in downhill["reason"]


@pytest.mark.parametrize("word", ["last", "2026-05-03", "id"])
def test_words_for_an_activity(ask, data, word):
    (last,) = data("activity", "last")["activities"]
    word = last["id"][:8] if word == "id" else word
    assert last in data("activity", word)["activities"]


def test_last_as_of_a_day(data):
    (told,) = data("activity", "last", "--date", "2026-04-26")["activities"]
    assert told["start"].startswith("2026-04-26")


def test_several_at_once_and_one_that_is_nothing(ask):
    found = ask("activity", "last", "nosuch", "2026-04-30")
    assert found.exit_code == 2
    assert found.stdout.count("Knee load") == 4
    assert found.stderr.count("\n") == 1
    assert "nosuch" in found.stderr


def test_nothing_found_prints_nothing(ask):
    found = ask("activity", "nosuch")
    assert found.exit_code == 2
    assert found.stdout == ""


def test_text_tells_local_time_load_descent_and_model(ask):
    told = ask("activity", "2026-04-30").stdout
    assert "2026-04-30 18:05 running / trail: 11.80 km" in told
    assert re.search(r"Knee load  \d+ easy-running minutes \(\d+ to \d+, 90 %, modelled\)", told)
    assert "'article' (contested)" in told
    assert re.search(r"run +steeper than −20 % +2:13 +0\.31 km +67 m down", told)


def test_what_if(ask, data):
    (told,) = data("activity", "2026-04-26", "--what-if")["activities"]
    names = [lever["name"] for lever in told["what_if"]]
    assert len(names) == len(set(names)) >= 3
    assert "step rate +5 % at the same speed" in ask("activity", "2026-04-26", "--what-if").stdout


def test_both_decoders_say_the_same(one):
    name = "watch/GARMIN/Activity/2026-04-30-18-05-59.fit"
    ours, theirs = one(name), one(name, "--decoder", "fitparse")
    assert theirs["decoder"] == "fitparse"
    same = {k: v for k, v in ours.items() if k not in ("decoder", "path")}
    for key, value in same.items():
        assert theirs[key] == pytest.approx(value) if isinstance(value, float) else theirs[key] == value, key


def test_csv_is_flat(ask):
    rows = list(csv.DictReader(io.StringIO(ask("activity", "2026-04-30", "--format", "csv").stdout)))
    assert len(rows) == 3
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("{", "["))]


def test_hostile_names_do_not_command_the_terminal(call, fixtures, tmp_path):
    hostile = tmp_path / "a\x1b[31mred\x07\u202e.fit"
    hostile.write_bytes(b"nothing")
    found = call("activity", hostile)
    assert found.exit_code == 2
    assert "\x1b" not in found.stderr
    assert "\x07" not in found.stderr
    assert "\u202e" not in found.stderr


def test_formulas_are_quoted_in_csv(call, fixtures, tmp_path, monkeypatch):
    shutil.copy(fixtures / "export" / "loose" / "gps-only-flat.fit", tmp_path / "work" / "=cmd()")
    found = call("activity", "=cmd()", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(found.stdout))
    assert row["path"] == "'=cmd()"


def test_truncated_file_is_read_and_says_so(call, fixtures):
    found = call("activity", fixtures / "export" / "loose" / "truncated.fit")
    assert found.exit_code == 0
    assert "The file ends before its declared end" in found.stdout


@pytest.mark.parametrize("name", ["strava/routes/planned-course.gpx", "loose/readme-from-the-coach.txt"])
def test_what_is_no_activity_is_said(call, fixtures, name):
    found = call("activity", fixtures / "export" / name)
    assert found.exit_code == 2
    assert found.stdout == ""


def test_an_activity_of_the_ledger_is_against_the_athletes_usual_a_file_against_the_populations(data, one):
    (mine,) = data("activity", "last")["activities"]
    alone = one("watch/GARMIN/Activity/2026-04-30-18-05-59.fit")
    assert mine["usual"]["of"] == "athlete"
    assert mine["usual"]["speed_mps"] != 3.0
    assert alone["usual"] == {"speed_mps": 3.0, "cadence_ratio": 1.0, "of": "population"}
    assert sum(mine["decomposition"].values()) == pytest.approx(mine["knee_load"]["linear_bw_s"]["value"])


def test_text_says_no_zero_where_downhill_is_not_known():
    from kneeledger.cli import activity_text

    told = {
        "issues": [],
        "decomposition": {"downhill": 0.0},
        "knee_load": {"linear_bw_s": {"value": 900.0}, "by_way": {"run": 900.0, "walk": 0.0}},
    }
    assert activity_text._downhill_share(told) == "0 % of it came from going downhill"
    unknown = {**told, "issues": [{"code": "grade_unknown"}]}
    assert "is unknown" in activity_text._downhill_share(unknown)
    walk = {**told, "knee_load": {**told["knee_load"], "by_way": {"run": 0.0, "walk": 900.0}}}
    assert "not modelled apart for walking" in activity_text._downhill_share(walk)


def test_the_axis_of_the_profile_ends_where_the_activity_does():
    import polars as pl

    from kneeledger.cli import activity_text

    along = pl.DataFrame(
        {
            "distance_m": [100.0 * n for n in range(180)],
            "altitude_smooth_m": [5.0 * (n % 9) for n in range(180)],
        }
    )
    axis = activity_text._picture(along, "metric", 17_980.0)[1]
    assert axis.startswith("0 ")
    assert axis.endswith(" 17.98 km")
    assert len(axis) == 72


def test_a_page_of_the_ledgers_own_stands_beside_the_days_before_it_and_a_files_does_not(
    call, season, fixtures, data, tmp_path
):
    spike = next(one for one in data("spikes", "--last", "60d")["findings"] if one["code"] == "SP002")
    assert call("activity", spike["activity"], "-o", tmp_path / "own", "--ledger", season).exit_code == 0
    (page,) = (tmp_path / "own").glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "There is no history here" not in text
    assert "most of the 30 days before" in text
    assert "went down 2.9 times as much" in text
    assert call("activity", fixtures / GPS, "-o", tmp_path / "file", "--ledger", season).exit_code == 0
    (page,) = (tmp_path / "file").glob("*.html")
    assert "There is no history here" in page.read_text(encoding="utf-8")
