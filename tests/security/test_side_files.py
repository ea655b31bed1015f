"""Files beside the recordings that are no files: told in a sentence, never waited for, never filling the memory."""

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")

SALT = "0123456789abcdef" * 4
PLACES = {
    "athletes": ("squad/athletes.csv", ("cohort", "squad", "-o", "data", "--salt", "salt")),
    "injuries": ("squad/injuries.csv", ("cohort", "squad", "-o", "data", "--salt", "salt")),
    "salt": ("pepper", ("cohort", "squad", "-o", "data", "--salt", "pepper")),
    "manifest": ("data/manifest.json", ("cohort", "squad", "-o", "data", "--salt", "salt")),
    "course": ("course.gpx", ("forecast", "course.gpx", "--ledger", "ledger")),
    "pain": ("pain.csv", ("pain", "import", "pain.csv", "--ledger", "ledger")),
    "settings": ("kneeledger.toml", ("config", "show")),
}


@pytest.fixture
def squad(tmp_path, fixtures):
    (tmp_path / "squad" / "ann").mkdir(parents=True)
    shutil.copy(fixtures / "export-second" / "second-01.fit", tmp_path / "squad" / "ann")
    (tmp_path / "data").mkdir()
    (tmp_path / "salt").write_text(SALT, encoding="ascii")
    (tmp_path / "salt").chmod(0o600)
    return tmp_path


def run(words, folder):
    # as much room as the imports need, and none for what is read without end
    bounded = (
        "import resource, runpy, sys; sys.argv = ['kneeledger', *sys.argv[1:]];"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30));"
        "runpy.run_module('kneeledger', run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", bounded, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("kind", ["pipe", "zero", "folder"])
@pytest.mark.parametrize("which", PLACES)
def test_what_is_no_file_is_refused_in_a_sentence(which, kind, squad):
    name, words = PLACES[which]
    place = squad / name
    if kind == "pipe":
        os.mkfifo(place)
        place.chmod(0o600)
    elif kind == "zero":
        place.symlink_to("/dev/zero")
    else:
        place.mkdir()
    done = run(words, squad)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert place.name in done.stderr
    said = " ".join(done.stderr.split())
    assert any(
        why in said for why in ("it is no file but a device or a pipe", "a folder", "is a directory")
    ), said


def test_an_athlete_that_is_a_pipe_costs_nobody_else(squad):
    os.mkfifo(squad / "squad" / "bob.zip")
    done = run(("cohort", "squad", "-o", "data", "--salt", "salt", "--jobs", "1", "--no-progress"), squad)
    assert done.returncode == 0, done.stderr
    assert "2 athletes: 1 read, 0 unchanged, 1 without an activity. 1 activity." in done.stderr
