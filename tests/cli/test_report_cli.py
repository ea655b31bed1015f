"""report and demo, as far as a command goes: where things are written, what is said where, the same bytes twice."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kneeledger import executors
from kneeledger.pipeline import front
from kneeledger.reporting import writing


@pytest.fixture
def export(tmp_path, fixtures) -> Path:
    """One run."""
    folder = tmp_path / "export"
    folder.mkdir()
    shutil.copy(fixtures / "export" / "watch" / "GARMIN" / "Activity" / "2026-04-30-18-05-59.fit", folder)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_page_on_stdout_tally_on_stderr_and_the_same_bytes_for_a_day(call, export, tmp_path):
    words = ("report", export, "--ledger", tmp_path / "ledger", "--jobs", "1", "--date", "2026-05-10")
    first = call(*words, "-o", tmp_path / "one")
    assert first.exit_code == 0, first.stderr
    assert first.stdout == f"{tmp_path / 'one' / 'index.html'}\n"
    assert first.stderr.endswith("in the ledger.\n")
    page = (tmp_path / "one" / "index.html").read_text(encoding="utf-8")
    assert "10 May 2026" in page
    assert "newest file 10 days old" in page
    assert {"activities.csv", "daily.csv", "manifest.json"} <= set(files(tmp_path / "one"))
    second = call(*words, "-o", tmp_path / "two", "-q")
    assert second.stderr == ""
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert str(tmp_path) not in page


def test_data_alone(call, export, tmp_path):
    found = call(
        "report",
        export,
        "--ledger",
        tmp_path / "ledger",
        "--jobs",
        "1",
        "--format",
        "csv,json",
        "-o",
        tmp_path / "out",
    )
    assert found.exit_code == 0, found.stderr
    assert not list((tmp_path / "out").rglob("*.html"))
    assert (tmp_path / "out" / "activities.csv").exists()


def test_only_the_given_paths_however_they_are_written(call, export, fixtures, tmp_path, monkeypatch):
    other = tmp_path / "export2"
    other.mkdir()
    shutil.copy(fixtures / "export" / "watch" / "GARMIN" / "Activity" / "2026-04-28-18-05-04.fit", other)
    told = ("--ledger", tmp_path / "ledger", "--jobs", "1", "--format", "csv", "-o", tmp_path / "out")
    assert call("scan", other, "--ledger", tmp_path / "ledger").exit_code == 0
    monkeypatch.chdir(tmp_path)
    for place in ("export", "./export/", export, export / "2026-04-30-18-05-59.fit"):
        assert call("report", place, "--only", *told).exit_code == 0
        table = (tmp_path / "out" / "activities.csv").read_text(encoding="utf-8").splitlines()
        assert len(table) == 2, place
        assert "2026-04-30" in table[1]
    (tmp_path / "empty").mkdir()
    nothing = call("report", "empty", "--only", *told)
    assert nothing.exit_code == 2
    assert "No activity in the ledger comes from empty" in nothing.stderr


def test_a_folder_that_cannot_be_written_is_a_sentence(call, export, tmp_path):
    (tmp_path / "taken").write_text("x", encoding="utf-8")
    for out in (tmp_path / "taken", tmp_path / "taken" / "deeper"):
        found = call("report", export, "--ledger", tmp_path / "ledger", "--jobs", "1", "-o", out)
        assert found.exit_code == 2
        assert "taken" in found.stderr


def test_activity_writes_a_page(call, export, tmp_path):
    found = call("activity", export / "2026-04-30-18-05-59.fit", "-o", tmp_path / "pages")
    assert found.exit_code == 0, found.stderr
    (page,) = found.stdout.splitlines()
    assert Path(page).exists()


@pytest.mark.slow
def test_demo(call, tmp_path):
    found = call("demo", "-o", tmp_path / "demo")
    assert found.exit_code == 0, found.stderr
    page = Path(found.stdout.strip())
    assert page.exists()
    assert "What stands out" in page.read_text(encoding="utf-8")


def test_without_a_path_the_ledger_as_it_is(call, season, tmp_path):
    found = call("report", "--ledger", season, "--physio", "--format", "html", "-o", tmp_path / "page")
    assert found.exit_code == 0
    assert (tmp_path / "page" / "physio.html").exists()
    assert "files" not in found.stderr  # nothing was scanned, so there is no tally


def test_without_a_path_nothing_is_made_of_nothing(call, tmp_path):
    found = call("report", "--ledger", tmp_path / "none", "-o", tmp_path / "page")
    assert found.exit_code == 2
    assert "There is no ledger" in found.stderr
    assert call("report", "--ledger", tmp_path / "none", "--only").exit_code == 2


@pytest.mark.parametrize(
    ("setting", "flag", "redact"),
    [
        ("", (), True),
        ("redact_location = false", (), False),
        ("redact_location = false", ("--redact-location",), True),
        ("", ("--no-redact-location",), False),
    ],
)
def test_places_are_shown_where_the_settings_or_the_flag_say_so(
    call, season, tmp_path, monkeypatch, setting, flag, redact
):
    told = {}
    monkeypatch.setattr(front, "report", lambda *_, **more: told.update(more) or tmp_path)
    (tmp_path / "work" / "kneeledger.toml").write_text(setting, encoding="utf-8")
    assert call("report", "--ledger", season, *flag).exit_code == 0
    assert told["options"].redact is redact


@pytest.mark.parametrize(
    ("setting", "flag", "jobs"),
    [
        ("jobs = 3", (), 3),
        ("jobs = 3", ("--jobs", "2"), 2),
        ("jobs = 3", ("--jobs", "0"), executors.default_jobs()),
        ("", (), executors.default_jobs()),
    ],
)
def test_worker_processes_as_the_settings_or_the_flag_say(
    call, season, tmp_path, monkeypatch, setting, flag, jobs
):
    told = {}
    monkeypatch.setattr(front, "report", lambda *_, **more: told.update(more) or tmp_path)
    (tmp_path / "work" / "kneeledger.toml").write_text(setting, encoding="utf-8")
    assert call("report", "--ledger", season, *flag).exit_code == 0
    assert told["jobs"] == jobs


def test_maps_without_positions_are_said_to_be_missing(call, season, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "report", lambda *_, **__: tmp_path)
    assert "keep_positions = true" in call("report", "--with-map", "--ledger", season).stderr
    assert "no maps" in call("report", "--with-map", "--anonymous", "--ledger", season).stderr
    (tmp_path / "work" / "kneeledger.toml").write_text("keep_positions = true", encoding="utf-8")
    assert call("report", "--with-map", "--ledger", season).stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no UTF-8")
def test_a_folder_whose_name_is_no_utf8(call, export, tmp_path):
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/l\xe9-out"))
    words = (
        "report",
        export,
        "--ledger",
        tmp_path / "ledger",
        "--jobs",
        "1",
        "--format",
        "html,png,pdf,parquet",
    )
    command = [sys.executable, "-m", "kneeledger", *map(str, words), "-o", str(out)]
    found = subprocess.run(command, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr
    assert (out / "activities.parquet").exists()
    assert (out / "report.pdf").exists()
    assert list((out / "pictures").glob("*.png"))


def test_a_full_disk_is_a_sentence_for_pages_and_demonstration(call, export, tmp_path, monkeypatch):
    def full(*_told, **_how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writing, "data", full)
    for words in (
        ("activity", export / "2026-04-30-18-05-59.fit", "-o", tmp_path / "pages"),
        (
            "report",
            export,
            "--ledger",
            tmp_path / "l",
            "--jobs",
            "1",
            "--format",
            "png",
            "-o",
            tmp_path / "o",
        ),
    ):
        found = call(*words)
        assert found.exit_code == 2
        assert "cannot be written" in found.stderr
        assert "No space left" in found.stderr
    monkeypatch.setattr(front, "demo", full)
    found = call("demo", "-o", tmp_path / "demo")
    assert found.exit_code == 2
    assert "No space left" in found.stderr
