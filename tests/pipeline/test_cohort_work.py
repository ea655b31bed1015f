"""Ledgers that workers need for a while: gone at the end, and swept where a worker was killed."""

import stat
import sys
import tempfile
from pathlib import Path

import pytest

from kneeledger.ledger import store
from kneeledger.ledger.store import held
from kneeledger.pipeline import cohort_work


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_by_a_killed_worker(temporary: Path) -> Path:
    place = Path(tempfile.mkdtemp(prefix=cohort_work.PREFIX))
    (place / cohort_work.LOCK).touch()
    (place / "ledger").mkdir()
    (place / "ledger" / "ledger.sqlite").write_text("/home/ann", encoding="utf-8")
    return place


def test_it_is_private_and_gone_at_the_end(temporary: Path) -> None:
    with cohort_work.folder() as place:
        place.mkdir()
        assert place.is_relative_to(temporary)
        if sys.platform != "win32":
            assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert not list(temporary.iterdir())
    with pytest.raises(ZeroDivisionError), cohort_work.folder():
        raise ZeroDivisionError
    assert not list(temporary.iterdir())


def test_what_a_killed_worker_left_goes_and_what_is_in_use_stays(temporary: Path) -> None:
    old = left_by_a_killed_worker(temporary)
    busy = left_by_a_killed_worker(temporary)
    with held(busy / cohort_work.LOCK) as mine:
        assert mine
        with cohort_work.folder():
            assert not old.exists()
            assert (busy / "ledger" / "ledger.sqlite").exists()
    cohort_work.sweep()
    assert not busy.exists()


def test_nothing_of_anybody_else_is_removed(temporary: Path) -> None:
    far = temporary / "far"
    far.mkdir()
    (far / cohort_work.LOCK).touch()
    (far / "ledger").mkdir()
    if sys.platform != "win32":
        (temporary / f"{cohort_work.PREFIX}link").symlink_to(far)
    (temporary / f"{cohort_work.PREFIX}data").mkdir()
    (temporary / f"{cohort_work.PREFIX}data" / "thesis.txt").touch()
    cohort_work.sweep()
    assert (far / "ledger").exists()
    assert (temporary / f"{cohort_work.PREFIX}data" / "thesis.txt").exists()


def test_another_worker_that_sweeps_just_now_does_not_stop_this_one(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def private(file: Path) -> Path:
        made.append(store.private(file))
        if len(made) == 1:
            cohort_work.sweep()
        return file

    monkeypatch.setattr(cohort_work, "private", private)
    with cohort_work.folder() as place:
        assert place.parent == made[1].parent
    assert not list(temporary.iterdir())
