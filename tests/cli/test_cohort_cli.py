"""``kneeledger cohort``: what it prints, its exit codes, and where it writes."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import kneeledger
from kneeledger.pipeline import cohort_athlete

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
Call = Callable[..., Result]


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    """Two athletes: one with three files, one without any."""
    folder = tmp_path / "squad"
    (folder / "nora").mkdir(parents=True)
    (folder / "nils").mkdir()
    for number in (1, 2, 3):
        shutil.copy(FIXTURES / "export-second" / f"second-0{number}.fit", folder / "nora")
    return folder


def test_a_data_set_and_a_page(call: Call, squad: Path, tmp_path: Path) -> None:
    found = call("cohort", squad, "--athletes-by", "folder", "-o", "data", "--jobs", "1")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.split() == ["data", "data-coach.html"]
    assert "2 athletes: 2 read, 0 unchanged, 1 without an activity. 3 activities." in found.stderr
    opened = kneeledger.open_cohort(tmp_path / "work" / "data")
    assert opened.activities.collect().height == 3
    page = (tmp_path / "work" / "data-coach.html").read_text(encoding="utf-8")
    assert "nora" not in page
    assert "no recordings in the folder" in page


def test_the_salt_lies_beside_the_settings_and_stays(call: Call, squad: Path, own_home: Path) -> None:
    call("cohort", squad, "-o", "data", "--jobs", "1", "-q")
    salts = list(own_home.rglob("cohort-salt"))
    assert len(salts) == 1
    again = call("cohort", squad, "-o", "data", "--jobs", "1", "--format", "json")
    told = json.loads(again.stdout)
    assert told["schema_version"] == 1
    assert (told["athletes"], told["read"], told["unchanged"], told["activities"]) == (2, 0, 2, 3)


def test_names_only_where_they_are_asked_for(call: Call, squad: Path, tmp_path: Path) -> None:
    found = call(
        "cohort", squad, "-o", "data", "--names", "--page", "page.html", "--date", "2026-05-01", "--jobs", "1"
    )
    assert found.exit_code == 0, found.stderr
    page = (tmp_path / "work" / "page.html").read_text(encoding="utf-8")
    assert "nora" in page
    assert "Athletes as of 1 May 2026" in page
    for file in (tmp_path / "work" / "data").rglob("*"):
        assert not file.is_file() or b"nora" not in file.read_bytes(), file


def test_kept_ledgers_are_outside_the_data_set(call: Call, squad: Path, tmp_path: Path) -> None:
    assert call("cohort", squad, "-o", "data", "--ledgers", "kept", "--jobs", "1").exit_code == 0
    assert len(list((tmp_path / "work" / "kept").glob("*/ledger.sqlite"))) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cluster", "tcp://10.1.2.3:8786"), "only tls://"),
        (("--salt", "data/salt"), "must not lie in the data set"),
        (("--page", "data/page.html"), "neither"),
    ],
)
def test_what_is_refused_is_one_sentence_and_exit_code_2(
    call: Call, squad: Path, words: tuple[str, ...], said: str
) -> None:
    found = call("cohort", squad, "-o", "data", "--jobs", "1", *words)
    assert found.exit_code == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_a_folder_without_athletes(call: Call, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    found = call("cohort", tmp_path / "none", "-o", "data")
    assert found.exit_code == 2
    assert "holds no athlete" in found.stderr


def test_a_file_name_commands_no_terminal(call: Call, squad: Path) -> None:
    (squad / "ev\x1b[31mil").mkdir()
    (squad / "ev\x1b[31mil" / "x.fit").write_bytes(
        (FIXTURES / "export-second" / "second-01.fit").read_bytes()[:14] + bytes(300)
    )
    found = call("cohort", squad, "-o", "data", "--jobs", "1")
    assert found.exit_code == 0, found.stderr
    assert "\x1b" not in found.stderr


def test_help_says_who_runs_code(call: Call) -> None:
    text = " ".join(call("cohort", "--help").stdout.split())
    assert "Whoever reaches a scheduler can run code" in text
    assert "Example:" in text


def test_an_athlete_who_could_not_be_dealt_with_is_exit_code_2_and_tried_again(
    call: Call, squad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("cohort", squad, "-o", "data", "--jobs", "1")
    call(*words)
    shutil.copy(FIXTURES / "export-second" / "second-04.fit", squad / "nora")
    with monkeypatch.context() as patched:
        patched.setattr(cohort_athlete, "_in_ledger", lambda *_: 1 / 0)
        found = call(*words, "--format", "json")
    assert found.exit_code == 2
    told = json.loads(found.stdout)
    assert (told["read"], told["undone"], told["kept"], told["activities"]) == (1, 1, 1, 3)
    assert "nora: could not be dealt with (ZeroDivisionError" in found.stderr
    assert "1 athlete could not be dealt with, as told above: run the same command again." in found.stderr
    again = call(*words)
    assert again.exit_code == 0
    assert "1 read, 1 unchanged, 1 without an activity. 4 activities." in again.stderr


def test_killed_then_the_next_run_sweeps_its_ledgers(
    squad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(room))
    words = [
        "cohort",
        str(squad),
        "-o",
        str(tmp_path / "data"),
        "--salt",
        str(tmp_path / "salt"),
        "--jobs",
        "1",
        "-q",
    ]
    command = [sys.executable, "-m", "kneeledger", *words]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not list(room.rglob("ledger.sqlite")) and running.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    running.kill()
    running.wait(30)
    assert list(room.rglob("ledger.sqlite")), "it was killed while it worked"
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert not list(room.iterdir())


@pytest.mark.slow
def test_killed_while_it_writes_then_the_next_run_goes_on(squad: Path, tmp_path: Path) -> None:
    """A real process, killed without warning at several moments, ends as the undisturbed one."""
    for name in ("kim", "lou", "max", "ned", "pat"):
        shutil.copytree(squad / "nora", squad / name)
    salt = tmp_path / "salt"

    def command(out: str) -> list[str]:
        words = ["cohort", str(squad), "-o", str(tmp_path / out), "--salt", str(salt), "--jobs", "1", "-q"]
        return [sys.executable, "-m", "kneeledger", *words]

    def done() -> int:
        return len(list((tmp_path / "hurt" / "state").glob("*.json")))

    subprocess.run(command("whole"), check=True, capture_output=True, timeout=300)
    for wanted in (1, 3, 5):
        running = subprocess.Popen(command("hurt"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while running.poll() is None and time.monotonic() < until and done() < wanted:
            time.sleep(0.005)
        assert running.poll() is None, "it was killed while it worked"
        running.kill()
        running.wait(30)
        assert wanted <= done() < 7, "an athlete that was done is not undone"
    subprocess.run(command("hurt"), check=True, capture_output=True, timeout=300)
    one, other = kneeledger.open_cohort(tmp_path / "whole"), kneeledger.open_cohort(tmp_path / "hurt")
    for name in ("activities", "daily", "findings", "files"):
        assert getattr(one, name).collect().equals(getattr(other, name).collect(), null_equal=True), name
    assert one.manifest == other.manifest
    assert not list((tmp_path / "hurt").rglob("*.tmp"))


@pytest.mark.slow
def test_reports_are_linked_from_the_page(call: Call, squad: Path, tmp_path: Path) -> None:
    found = call("cohort", squad, "-o", "data", "--reports", "reports", "--jobs", "1")
    assert found.exit_code == 0, found.stderr
    work = tmp_path / "work"
    pages = list((work / "reports").glob("*/index.html"))
    assert len(pages) == 1
    text = (work / "data-coach.html").read_text(encoding="utf-8")
    assert f'href="reports/{pages[0].parent.name}/index.html"' in text
    report = pages[0].read_text(encoding="utf-8")
    assert "nora" not in report
    assert f"Knee ledger of {pages[0].parent.name}" in report
    again = call("cohort", squad, "-o", "data", "--reports", "reports", "--jobs", "1", "--format", "json")
    assert json.loads(again.stdout)["read"] == 0
    pages[0].unlink()
    again = call("cohort", squad, "-o", "data", "--reports", "reports", "--jobs", "1", "--format", "json")
    assert json.loads(again.stdout)["read"] == 1, "a report that is gone is written again"
    call("cohort", squad, "-o", "data", "--reports", "reports", "--names", "--jobs", "1")
    assert "Knee ledger of nora" in pages[0].read_text(encoding="utf-8")
