"""report and demo, as far as a command goes: where things are written, what is said where, the same bytes twice."""

import shutil
from pathlib import Path

import pytest


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
