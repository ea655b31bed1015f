"""scan, report as far as it scans, forget, demo."""

import json
import os
import shutil

import pytest

KEYS = [
    "schema_version",
    "files",
    "activities",
    "read",
    "unchanged",
    "skipped",
    "failed",
    "duplicates",
    "seconds",
]


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger"


def scan(call, export, ledger, *words):
    return call("scan", export, "--ledger", ledger, "--jobs", "1", *words)


def test_every_file_is_accounted_for(call, new_export, ledger):
    export = new_export()
    (export / "loose" / "cut.fit").write_bytes(b"\x0e\x10\xd9\x07\x00\x00\x00\x00.FIT")
    first = json.loads(scan(call, export, ledger, "--format", "json").stdout)
    assert list(first)[: len(KEYS)] == KEYS
    assert first["files"] == first["read"] + first["unchanged"] + first["skipped"] + first["failed"]
    assert first["failed"] == 1
    assert first["duplicates"] >= 1
    failures = [json.loads(line) for line in (ledger / "errors.jsonl").read_text("utf-8").splitlines()]
    assert len(failures) == 1
    assert {"path", "code", "reason"} <= set(failures[0])
    assert failures[0]["path"].endswith("cut.fit")
    second = json.loads(scan(call, export, ledger, "--format", "json").stdout)
    assert second["read"] == 0
    assert second["activities"] == first["activities"]


def test_the_last_line_is_the_tally(call, new_export, ledger):
    export = new_export()
    (export / "loose" / "cut.fit").write_bytes(b"\x0e\x10\xd9\x07\x00\x00\x00\x00.FIT")
    found = scan(call, export, ledger)
    assert found.exit_code == 0
    assert "failed." in found.stdout.splitlines()[-1]
    assert "errors.jsonl" in found.stderr


def test_a_name_that_is_no_text_is_read_like_any_other(call, fixtures, ledger, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    run = fixtures / "export" / "watch" / "GARMIN" / "Activity" / "2026-04-30-18-05-59.fit"
    try:
        (folder / os.fsdecode(b"L\xe4uf.fit")).write_bytes(run.read_bytes())
    except OSError:
        pytest.skip("this file system keeps names as text")
    assert "1 file: 1 read" in call("scan", folder, "--ledger", ledger).stdout
    assert "1 unchanged" in call("scan", folder, "--ledger", ledger).stdout
    assert call("activity", "last", "--ledger", ledger).exit_code == 0


def test_quiet_says_nothing_on_stderr(call, new_export, ledger):
    assert scan(call, new_export(), ledger, "-q").stderr == ""


def test_dry_run_changes_nothing(call, new_export, ledger):
    found = scan(call, new_export(), ledger, "--dry-run")
    assert found.exit_code == 0
    assert not ledger.exists()
    assert "read  " in found.stdout
    assert "skip  " in found.stdout


def test_nothing_is_written_beside_the_input(call, new_export, ledger):
    export = new_export()
    before = sorted(path.relative_to(export) for path in export.rglob("*"))
    scan(call, export, ledger)
    assert sorted(path.relative_to(export) for path in export.rglob("*")) == before


@pytest.mark.parametrize("words", [("scan",), ("scan", "no-such-folder"), ("report",), ("report", "no-such")])
def test_usage_errors(call, words):
    assert call(*words).exit_code == 2


def test_a_ledger_that_is_a_file(call, new_export, tmp_path):
    (tmp_path / "taken").write_text("x", encoding="utf-8")
    found = scan(call, new_export(), tmp_path / "taken")
    assert found.exit_code == 2


def test_a_folder_with_nothing_in_it(call, tmp_path, ledger):
    (tmp_path / "empty").mkdir()
    found = scan(call, tmp_path / "empty", ledger, "--format", "json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["files"] == 0


def test_another_athletes_watch_is_a_question(call, fixtures, ledger, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    for name in ("second-01.fit", "second-02.fit"):
        shutil.copy(fixtures / "export-second" / name, one / name)
    assert scan(call, one, ledger, "--athlete", "ann").exit_code == 0
    refused = scan(call, one, ledger, "--athlete", "ben")
    assert refused.exit_code == 2
    assert "ann" in refused.stderr
    assert scan(call, one, ledger, "--athlete", "ben", "--yes").exit_code == 0


def test_forget_removes_one_athlete(call, fixtures, ledger, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    shutil.copy(fixtures / "export-second" / "second-01.fit", one)
    scan(call, one, ledger, "--athlete", "ann")
    stopped = call("forget", "--athlete", "ann", "--ledger", ledger, stdin="n\n")
    assert stopped.exit_code == 1
    assert call("spikes", "--athlete", "ann", "--ledger", ledger).exit_code == 0
    found = call("forget", "--athlete", "ann", "--ledger", ledger, "--yes")
    assert found.exit_code == 0
    assert "ann" in found.stdout
    assert call("spikes", "--athlete", "ann", "--ledger", ledger).exit_code == 2


def test_report_formats_are_checked_before_anything_is_read(call, new_export, ledger):
    found = call("report", new_export(), "--ledger", ledger, "--format", "html,docx")
    assert found.exit_code == 2
    assert "docx" in found.stderr
    assert not ledger.exists()
