"""Killed as the kernel kills, at any point: the ledger opens, and scanned again it is as if nothing had been.

A child is forked with everything imported and killed after a random part of the time that an undisturbed
one takes, so that the kills fall on the work and not on the imports. Each trial goes
on with the ledger as the kill left it, until a scan comes through; then everything in it is compared.
"""

import random
import shutil
import sys
import time

import pytest

from kneeledger.pipeline import front, settings
from kneeledger.pipeline import scan as scanning

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by process group are of POSIX")

SCAN = """
scanning.BATCH_FILES = {batch}
front.scan([Path({export!r})], Path({ledger!r}), jobs={jobs})
"""


@pytest.fixture(scope="module")
def undisturbed(small_export, tmp_path_factory, ledger_dump):
    folder = tmp_path_factory.mktemp("whole") / "ledger"
    front.scan([small_export], folder)
    return folder, ledger_dump(folder)


def batch_of(trial):
    """Transactions of one file, of two, of all."""
    return (1, 2, 24)[trial % 3]


def seconds(child, work):
    began = time.monotonic()
    assert child(work).wait() == 0
    return time.monotonic() - began


def kill_scans(child, export, whole, where, ledger_dump, kills, *, jobs=1, seed=1):
    """Kill so many scans; how many of them were at work when they were killed."""
    chance = random.Random(seed)
    work = {
        batch: SCAN.format(export=str(export), ledger=str(where / "timed"), jobs=jobs, batch=batch)
        for batch in (1, 2, 24)
    }
    lasts = {}
    for batch, text in work.items():
        shutil.rmtree(where / "timed", ignore_errors=True)
        lasts[batch] = seconds(child, text)
    at_work = 0
    for trial in range(kills):
        batch = batch_of(trial)
        ledger = where / f"killed-{trial % 8}"
        if trial < 8 or chance.random() < 0.5:
            shutil.rmtree(ledger, ignore_errors=True)
        one = child(SCAN.format(export=str(export), ledger=str(ledger), jobs=jobs, batch=batch))
        time.sleep(chance.uniform(0, 1.02) * lasts[batch])
        done = one.kill()
        at_work += not done
        lasts[batch] *= 0.9 if done else 1.03  # the machine is not equally busy all the time
        if (ledger / "ledger.sqlite").exists():
            again = shutil.copytree(ledger, where / "again", dirs_exist_ok=False)
            front.scan([export], again)
            found = ledger_dump(again)
            for part in whole:
                assert found[part] == whole[part], (trial, part)
            shutil.rmtree(again)
    return at_work


def test_a_scan_that_is_killed_loses_nothing(child, small_export, undisturbed, tmp_path, ledger_dump):
    kill_scans(child, small_export, undisturbed[1], tmp_path, ledger_dump, 6)


def test_a_scan_with_workers_that_is_killed_loses_nothing(
    child, small_export, undisturbed, tmp_path, ledger_dump
):
    ledger = tmp_path / "ledger"
    one = child(SCAN.format(export=str(small_export), ledger=str(ledger), jobs=2, batch=1))
    time.sleep(2.5)
    one.kill()
    front.scan([small_export], ledger)
    assert ledger_dump(ledger) == undisturbed[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_160_scans_killed_at_random_lose_nothing(child, small_export, undisturbed, tmp_path, ledger_dump):
    at_work = kill_scans(child, small_export, undisturbed[1], tmp_path, ledger_dump, 160, seed=7)
    assert at_work >= 80


@pytest.mark.parametrize("step", ["_commit", "_put_files", "_keep_by_hand", "_settle", "_write_errors"])
def test_a_scan_that_ends_before_any_step_loses_nothing(
    step, small_export, undisturbed, tmp_path, monkeypatch, ledger_dump
):
    """The places between transactions, each hit on purpose: before and after every call."""
    real = getattr(scanning, step)
    monkeypatch.setattr(scanning, "BATCH_FILES", 3)
    for after in (False, True):
        for call in range(3):
            count = [0]

            def stop(*args, after=after, call=call, count=count):
                count[0] += 1
                if count[0] == call + 1 and not after:
                    raise KeyboardInterrupt
                value = real(*args)
                if count[0] == call + 1:
                    raise KeyboardInterrupt
                return value

            ledger = tmp_path / f"{after}-{call}"
            with monkeypatch.context() as patch:
                patch.setattr(scanning, step, stop)
                try:
                    front.scan([small_export], ledger)
                except KeyboardInterrupt:
                    pass
                else:
                    continue
            front.scan([small_export], ledger)
            assert ledger_dump(ledger) == undisturbed[1], (step, after, call)


REPORT = """
front.report(
    Path({ledger!r}), Path({out!r}), config=settings.find({{"downhill_model": {model!r}}}),
    options=front.ReportOptions(formats=("html", "csv", "json"), pages="all", single_file=True),
)
"""


def contents(folder):
    """Every file of a report by name; half-written ones have names that begin with a dot."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def kill_reports(child, whole, where, ledger_dump, kills, *, seed=1):
    """Kill so many reports; how many were at work. Half of them compute the ledger again under another setting."""
    chance = random.Random(seed)
    folder, before = whole
    expected, fresh, lasts = {}, {}, {}
    for model in ("article", "mechanics"):
        ledger = shutil.copytree(folder, where / f"ledger-{model}")
        began = time.monotonic()
        work = REPORT.format(ledger=str(ledger), out=str(where / f"whole-{model}"), model=model)
        assert child(work).wait() == 0
        lasts[model] = time.monotonic() - began
        expected[model], fresh[model] = contents(where / f"whole-{model}"), ledger_dump(ledger)
    assert fresh["article"] == before
    assert fresh["mechanics"] != before
    at_work = 0
    for trial in range(kills):
        model = ("article", "mechanics")[trial % 2]
        ledger, out = where / f"killed-{trial}", where / f"out-{trial % 4}"
        shutil.copytree(folder, ledger)
        if chance.random() < 0.7:
            shutil.rmtree(out, ignore_errors=True)
        one = child(REPORT.format(ledger=str(ledger), out=str(out), model=model))
        time.sleep(chance.uniform(0, 1.02) * lasts[model])
        done = one.kill()
        at_work += not done
        lasts[model] *= 0.9 if done else 1.03
        if out.exists():
            for name, data in contents(out).items():
                if name.endswith(".html") and not name.rpartition("/")[2].startswith("."):
                    assert data.rstrip().endswith(b"</html>"), (trial, name)
        front.report(
            ledger,
            out,
            config=settings.find({"downhill_model": model}),
            options=front.ReportOptions(formats=("html", "csv", "json"), pages="all", single_file=True),
        )
        found = contents(out)
        for name, data in expected[model].items():
            assert found[name] == data, (trial, name)
        assert ledger_dump(ledger) == fresh[model], trial
        shutil.rmtree(ledger)
    return at_work


def test_a_report_that_is_killed_leaves_whole_pages_and_can_be_made_again(
    child, undisturbed, tmp_path, ledger_dump
):
    kill_reports(child, undisturbed, tmp_path, ledger_dump, 2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_40_reports_killed_at_random_leave_whole_pages(child, undisturbed, tmp_path, ledger_dump):
    assert kill_reports(child, undisturbed, tmp_path, ledger_dump, 40, seed=9) >= 20
