"""spikes."""

import csv
import io
from pathlib import Path

import pytest

KEYS = [
    "code",
    "severity",
    "date",
    "activity",
    "measure",
    "value",
    "reference",
    "ratio",
    "text",
    "evidence",
    "sources",
]


def test_contract(data):
    told = data("spikes")
    assert told["as_of"] == "2026-05-03"
    assert told["as_of_how"] == "newest"
    for one in told["findings"]:
        assert set(KEYS) <= set(one)
        assert one["severity"] in ("note", "raised", "high")
        assert one["text"].endswith((".", "?"))
        assert one["sources"]
    days = [one["date"] for one in told["findings"]]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize(("level", "code"), [("note", 1), ("raised", 1), ("high", 1)])
def test_fail_on(ask, level, code):
    assert ask("spikes", "--fail-on", level).exit_code == code


def test_fail_on_a_quiet_time(ask):
    found = ask("spikes", "--date", "2026-03-01", "--last", "2w", "--fail-on", "high")
    assert found.exit_code == 0


def test_findings_alone_do_not_fail(ask):
    assert ask("spikes").exit_code == 0


def test_last_is_a_window(data):
    week = data("spikes", "--last", "7d")["findings"]
    assert week
    assert min(one["date"] for one in week) >= "2026-04-27"
    assert len(data("spikes", "--last", "1y")["findings"]) > len(week)


@pytest.mark.parametrize("span", ["8", "w", "0d", "-3w", "8 weeks", "1e3d"])
def test_bad_spans(ask, span):
    found = ask("spikes", f"--last={span}")
    assert found.exit_code == 2
    assert "8w, 30d or 6m" in found.stderr


def test_table_says_day_severity_evidence_and_source(ask):
    told = ask("spikes").stdout
    assert told.startswith("As of 3 May 2026; newest file 0 days old.\n")
    assert "2026-04-26  RAISED  SP001" in told
    assert "(measured; Frandsen2025)" in told


def test_age_of_the_newest_file(ask):
    assert "As of 22 May 2026; newest file 19 days old." in ask("spikes", "--date", "2026-05-22").stdout


def test_nothing_stands_out(ask):
    assert "Nothing stands out." in ask("spikes", "--date", "2025-09-30", "--last", "3d").stdout


def test_csv_rows_are_the_findings(ask, data):
    rows = list(csv.DictReader(io.StringIO(ask("spikes", "--format", "csv").stdout)))
    told = data("spikes")["findings"]
    assert [row["text"] for row in rows] == [one["text"] for one in told]


def test_before_the_first_file_nothing_is_known(ask):
    told = ask("spikes", "--date", "2020-01-01").stdout
    assert told == "As of 1 January 2020; nothing is known up to that day.\n"


def ceilings(data):
    day = data("headroom")["readings"][0]["days"][0]
    return {one["measure"]: one for one in day["ceilings"] if one["way"] == "run"}


def test_the_least_excess_that_is_told_is_a_setting_for_spikes_and_headroom_alike(data):
    told = {one["code"] for one in data("spikes", "--last", "8w")["findings"]}
    assert {"SP001", "SP002"} <= told
    before = ceilings(data)
    Path("kneeledger.toml").write_text(
        "floor_distance_m = 9000\nfloor_descent_m = 900\nfloor_easy_minutes = 500\n", encoding="utf-8"
    )
    told = {one["code"] for one in data("spikes", "--last", "8w")["findings"]}
    assert not told & {"SP001", "SP002", "SP003", "DY001", "WK001", "NS004"}
    for measure, least in (("distance_m", 9000.0), ("descent_m", 900.0)):
        assert ceilings(data)[measure]["limit"] == pytest.approx(before[measure]["reference"] + least)
