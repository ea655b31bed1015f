"""export, as a user calls it: tables in four forms, tracks with grade and knee load."""

import csv
import io
import json
import xml.etree.ElementTree as ET

import gpxpy
import numpy as np
import polars as pl
import pytest

from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import exporting
from kneeledger.readers.course import NAMESPACE, read_course
from kneeledger.reporting import datafiles, writing

RECORDED = "export/watch/GARMIN/Activity/2026-04-30-18-05-59.fit"


@pytest.mark.parametrize("what", exporting.TABLES)
def test_every_table_is_the_same_in_every_form(call, season, tmp_path, what):
    frames = {}
    for form in ("csv", "json", "ndjson", "parquet"):
        path = tmp_path / f"{what}.{form}"
        found = call("export", "--what", what, "--format", form, "-o", path, "--ledger", season)
        assert found.exit_code == 0, found.stderr
        frames[form] = path
    parquet = pl.read_parquet(frames["parquet"])
    rows = list(csv.DictReader(io.StringIO(frames["csv"].read_text(encoding="utf-8"))))
    data = json.loads(frames["json"].read_text(encoding="utf-8"))
    lines = frames["ndjson"].read_text(encoding="utf-8").splitlines()
    assert parquet.height == len(rows) == len(data) == len(lines) > 0
    assert list(rows[0]) == parquet.columns
    assert "NaN" not in frames["json"].read_text(encoding="utf-8")


def test_stdout_carries_the_data_and_nothing_else(ask, season):
    found = ask("export", "--what", "activities")
    assert found.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(found.stdout)))
    with Ledger(season, create=False) as ledger:
        assert {row["id"] for row in rows} == set(ledger.activities("me")["id"])
    assert not any(word in name for name in rows[0] for word in ("latitude", "longitude"))


def test_metrics_are_long_with_their_intervals(season):
    from kneeledger.pipeline import settings

    data = exporting.table(season, "me", "metrics", "parquet", settings.find({}), None)
    frame = pl.read_parquet(io.BytesIO(data))
    assert frame.columns == ["id", "day", "sport", "way", "metric", "value", "low", "high"]
    load = frame.filter((pl.col("metric") == "knee_load_linear_bw_s") & pl.col("value").is_not_null())
    assert (load["low"] <= load["value"]).all()


def test_parts_of_the_load_are_those_of_the_activity_page(ask, season):
    rows = csv.DictReader(io.StringIO(ask("export", "--what", "metrics").stdout))
    value = {(row["id"], row["metric"]): row["value"] for row in rows}
    run = next(
        name for name, metric in value if metric == "load_pace_bw_s" and float(value[name, metric] or 0)
    )
    (told,) = json.loads(ask("activity", run, "--format", "json").stdout)["activities"]
    assert told["usual"]["of"] == "athlete"
    for name, key in (("load_{}_bw_s", "decomposition"), ("peak_{}_steps", "decomposition_peak_weighted")):
        for part, number in told[key].items():
            assert float(value[run, name.format(part)]) == pytest.approx(number, rel=1e-6, abs=1e-5), part
    with Ledger(season, create=False) as ledger:
        kept = ledger.metrics("me", ("load_pace_bw_s",)).row(by_predicate=pl.col("id") == run, named=True)
    assert kept["load_pace_bw_s"] != pytest.approx(told["decomposition"]["pace"], rel=1e-3)


def test_date_leaves_out_what_came_later(ask):
    found = ask("export", "--what", "descents", "--date", "2026-03-01")
    days = {row["day"] for row in csv.DictReader(io.StringIO(found.stdout))}
    assert max(days) <= "2026-03-01"


def test_a_track_needs_its_positions(call, season, tmp_path):
    found = call("export", "--format", "gpx", "--ledger", season, "-o", tmp_path)
    assert found.exit_code == 2
    assert "keep_positions" in found.stderr


def test_a_track_carries_grade_and_knee_load_and_comes_back(call, season, fixtures, tmp_path):
    found = call(
        "export",
        "--format",
        "gpx",
        "--ledger",
        season,
        "--activity",
        fixtures / RECORDED,
        "-o",
        tmp_path / "out",
    )
    assert found.exit_code == 0, found.stderr
    (path,) = (tmp_path / "out").glob("*.gpx")
    assert str(path) in found.stdout
    text = path.read_text(encoding="utf-8")
    theirs = gpxpy.parse(text)
    points = [point for segment in theirs.tracks[0].segments for point in segment.points]
    ours = read_course(path)
    assert ours.latitude_deg.size == len(points)
    assert all(point.time is not None for point in points)
    spaces = {"knee": NAMESPACE}
    loads = [float(e.text) for e in ET.fromstring(text).iterfind(".//knee:load_bw_s", spaces)]
    grades = [float(e.text) for e in ET.fromstring(text).iterfind(".//knee:grade", spaces)]
    told = json.loads(call("activity", fixtures / RECORDED, "--format", "json").stdout)["activities"][0]
    assert sum(loads) == pytest.approx(told["knee_load"]["linear_bw_s"]["value"], rel=0.01)
    assert min(grades) < -0.05
    assert np.abs(grades).max() <= 0.35


def test_kept_positions_are_exported_from_the_ledger(call, fixtures, tmp_path):
    (tmp_path / "work" / "kneeledger.toml").write_text("keep_positions = true\n", encoding="utf-8")
    ledger = tmp_path / "ledger"
    assert call("scan", fixtures / RECORDED, "--ledger", ledger, "-q").exit_code == 0
    found = call(
        "export", "--format", "gpx", "--ledger", ledger, "--activity", "last", "-o", tmp_path / "out"
    )
    assert found.exit_code == 0, found.stderr
    (path,) = (tmp_path / "out").glob("*.gpx")
    assert read_course(path).latitude_deg.size > 100


def test_unknown_activity_and_unwritable_place(call, season, tmp_path):
    assert call("export", "--format", "gpx", "--activity", "1999-01-01", "--ledger", season).exit_code == 2
    (tmp_path / "file").write_text("in the way")
    found = call("export", "-o", tmp_path / "file" / "a.csv", "--ledger", season)
    assert found.exit_code == 2
    assert "cannot be written" in found.stderr


def test_a_name_of_a_file_commands_no_terminal():
    name = "a\x1b]0;owned\x07\x9b31m\u202egnp.exe\nb"
    frame = pl.DataFrame({"name": [name], "many": [[name, "c"]]})
    told = datafiles.csv_text(frame)
    assert not [c for c in told if not (c.isprintable() or c in "\n\u202e")]
    assert "owned" in told
    told = writing.inert_json(frame.write_ndjson())
    assert not [c for c in told if not (c.isprintable() or c == "\n")]
    assert json.loads(told)["name"] == name
