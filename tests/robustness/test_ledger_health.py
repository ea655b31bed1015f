"""Ledgers that are older, newer or damaged: never a loss of what a person wrote, always a sentence."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from kneeledger.errors import NewerLedgerError, StoreError
from kneeledger.ledger import store
from kneeledger.ledger.store import SCHEMA_VERSION, Ledger
from kneeledger.pipeline import front, settings
from kneeledger.pipeline import scan as scanning

SCHEMAS = {
    int(re.fullmatch(r"v(\d+)", file.stem)[1]): file
    for file in (Path(__file__).parent / "schemas").glob("v*.sql")
}
PAIN = {"date": "2026-04-03", "during": "tolerable", "note": "stairs"}


@pytest.fixture
def released(tmp_path):
    """A ledger as a released version wrote it."""

    def make(version):
        folder = tmp_path / f"v{version}"
        (folder / "tracks").mkdir(parents=True)
        db = sqlite3.connect(folder / "ledger.sqlite")
        db.executescript(SCHEMAS[version].read_text(encoding="utf-8"))
        db.close()
        return folder

    return make


@pytest.fixture
def kept(small_export, tmp_path):
    """A ledger with activities, pain log, notes and a profile."""
    folder = tmp_path / "kept"
    front.scan([small_export], folder)
    with Ledger(folder) as ledger:
        ledger.add_entry("pain", "me", PAIN)
        ledger.add_entry("notes", "me", {"kind": "strength", "minutes": 30, "date": "2026-04-03"})
        ledger.set_profile("me", {"previous_knee_pain": True})
    return folder


def by_hand(folder):
    with Ledger(folder) as ledger:
        return ledger.entries("pain", "me"), ledger.entries("notes", "me"), ledger.profile("me")


def structure(file):
    db = sqlite3.connect(file)
    rows = db.execute(
        "select type, name, sql from sqlite_master where name not like 'sqlite_%' order by 1, 2"
    ).fetchall()
    db.close()
    return [(kind, name, re.sub(r"\s+", " ", sql).replace("if not exists ", "")) for kind, name, sql in rows]


# --- versions --------------------------------------------------------------------------------------


def test_every_released_schema_is_kept_for_these_tests():
    assert sorted(SCHEMAS) == list(range(1, SCHEMA_VERSION + 1))
    assert sorted(store.MIGRATIONS) == list(range(1, SCHEMA_VERSION))


def test_a_changed_table_needs_a_new_version_of_the_schema(released, tmp_path):
    folder = released(SCHEMA_VERSION)
    with Ledger(tmp_path / "new"):
        pass
    assert structure(folder / "ledger.sqlite") == structure(tmp_path / "new" / "ledger.sqlite")


@pytest.mark.parametrize("version", sorted(SCHEMAS))
def test_a_ledger_of_every_released_version_opens_with_all_that_was_in_it(version, released, small_export):
    folder = released(version)
    with Ledger(folder) as ledger:
        assert ledger.query("select value from meta where key = 'schema'") == [(str(SCHEMA_VERSION),)]
        rows = ledger.activities("me")
        assert rows["sport"].to_list() == ["running", "walking"]
        assert ledger.metrics("me")["distance_m"].sort().to_list() == [3500.0, 5000.0]
        scanning.refresh(ledger, athlete="me", config=settings.find({}))
    pain, notes, profile = by_hand(folder)
    assert pain == [PAIN]
    assert notes == [{"date": "2026-04-03", "kind": "strength", "minutes": 30.0}]
    assert profile == {"previous_knee_pain": True}
    assert front.scan([small_export], folder).activities == 8


def test_before_a_migration_everything_written_by_hand_is_saved(released, monkeypatch):
    folder = released(SCHEMA_VERSION)
    monkeypatch.setattr(store, "SCHEMA_VERSION", SCHEMA_VERSION + 2)
    monkeypatch.setattr(
        store,
        "MIGRATIONS",
        {
            SCHEMA_VERSION: "alter table notes add column mood text;\nupdate notes set mood = 'fine';\n",
            SCHEMA_VERSION + 1: "update pain set entry = '{}';\n",
        },
    )
    with Ledger(folder) as ledger:
        assert ledger.query("select mood from notes") == [("fine",)]
        assert ledger.entries("pain", "me") == [{}]
    saved = json.loads((folder / f"by-hand-v{SCHEMA_VERSION}.json").read_text(encoding="utf-8"))
    assert json.loads(saved["pain"][0][2]) == PAIN
    assert saved["athletes"] == [["me", '{"previous_knee_pain": true}']]
    with Ledger(folder) as ledger:
        assert ledger.query("select mood from notes") == [("fine",)]


def test_a_migration_that_fails_leaves_the_old_ledger(released, monkeypatch):
    folder = released(1)
    before = structure(folder / "ledger.sqlite")
    with monkeypatch.context() as patch:
        patch.setattr(store, "SCHEMA_VERSION", 2)
        patch.setattr(store, "MIGRATIONS", {1: "drop table pain;\nthis is no statement;\n"})
        with pytest.raises(StoreError):
            Ledger(folder)
    assert structure(folder / "ledger.sqlite") == before
    assert by_hand(folder)[0] == [PAIN]


def test_a_newer_ledger_is_neither_read_nor_emptied(kept, small_export):
    with Ledger(kept) as ledger, ledger.transaction() as db:
        db.execute("update meta set value = '99' where key = 'schema'")
        db.execute("create table future (x)")
    before = {file: file.read_bytes() for file in kept.rglob("*") if file.is_file()}
    for rebuild in (False, True):
        with pytest.raises(NewerLedgerError, match=r"newer kneeledger .schema 99.*Update kneeledger"):
            front.scan([small_export], kept, rebuild=rebuild)
    assert {file: file.read_bytes() for file in kept.rglob("*") if file.is_file()} == before


# --- damage -----------------------------------------------------------------------------------------


def spoil(folder, how):
    file = folder / "ledger.sqlite"
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)
    data = bytearray(file.read_bytes())
    if how == "text":
        data[:] = b"this is no database, however long it may be " * 200
    elif how == "cut":
        del data[len(data) // 3 :]
    elif how == "empty pages":
        data[8192:] = bytes(len(data) - 8192)
    elif how == "noise":
        data[5000 : len(data) : 97] = b"\xa5" * len(range(5000, len(data), 97))
    elif how == "header":
        data[:16] = b"SQLite format 9\0"
    file.write_bytes(data)


HOWS = ("text", "cut", "empty pages", "noise", "header")


@pytest.mark.parametrize("how", HOWS)
def test_a_damaged_ledger_is_told_or_answers_and_never_a_traceback(how, kept, small_export):
    spoil(kept, how)
    for ask in (
        lambda: front.scan([small_export], kept),
        lambda: front.forget(kept, "nobody"),
        lambda: by_hand(kept),
    ):
        told = None
        try:
            ask()
        except StoreError as error:
            told = error
        if told is not None:
            assert "--rebuild" in told.hint, told
            assert str(kept) in told.message


@pytest.mark.parametrize("how", HOWS)
def test_a_damaged_ledger_is_rebuilt_from_the_sources_with_what_was_written_by_hand(
    how, kept, small_export, ledger_dump
):
    before = ledger_dump(kept)
    spoil(kept, how)
    front.scan([small_export], kept, rebuild=True)
    after = ledger_dump(kept)
    for part in before:
        assert after[part] == before[part], part


def test_a_rebuild_never_puts_a_damaged_log_over_the_saved_one(kept, small_export):
    saved = (kept / "by-hand.json").read_bytes()
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (kept / name).unlink(missing_ok=True)
    file = kept / "ledger.sqlite"
    data = file.read_bytes()
    assert data.count(b"tolerable") >= 1
    spoilt = data.replace(b"tolerable", b"beyond...")
    at = spoilt.rindex(b"knee_load")
    page = at // 4096 * 4096
    file.write_bytes(spoilt[: page + 3] + b"\xff\xff" + spoilt[page + 5 :])
    front.scan([small_export], kept, rebuild=True)
    assert json.loads((kept / "by-hand.json").read_bytes()) == json.loads(saved)
    assert by_hand(kept)[0] == [PAIN]


def test_a_rebuild_that_is_killed_keeps_what_was_written_by_hand(kept, small_export, monkeypatch):
    spoil(kept, "text")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scanning, "scan", killed)
        with pytest.raises(KeyboardInterrupt):
            front.scan([small_export], kept, rebuild=True)
    with Ledger(kept) as ledger:
        ledger.add_entry("pain", "me", {"date": "2026-04-09"})
    assert by_hand(kept)[0] == [PAIN, {"date": "2026-04-09"}]


def test_a_lost_database_begins_again_with_what_was_written_by_hand(kept):
    before = by_hand(kept)
    for file in kept.glob("ledger.sqlite*"):
        file.unlink()
    assert by_hand(kept) == before


@pytest.mark.parametrize("text", ["", "{", '{"pain": 3}', '{"pain": [[1]], "notes": [], "athletes": []}'])
def test_a_saved_log_that_cannot_be_read_is_never_written_over(text, kept):
    for file in kept.glob("ledger.sqlite*"):
        file.unlink()
    (kept / "by-hand.json").write_text(text, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(StoreError, match="saved pain log"):
            Ledger(kept)
    assert (kept / "by-hand.json").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("how", ["missing", "cut", "noise"])
def test_a_damaged_track_file_is_told_and_rebuilt(how, kept, small_export, ledger_dump):
    before = ledger_dump(kept)
    with Ledger(kept) as ledger:
        name = ledger.query("select name from segments")[0][0]
        some = ledger.query("select id from activities where segment = ?", (name,))[0][0]
    file = kept / "tracks" / name
    data = file.read_bytes()
    if how == "missing":
        file.unlink()
    elif how == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        file.write_bytes(data[:100] + bytes(200) + data[300:-8] + b"\xff" * 8)
    with Ledger(kept) as ledger, pytest.raises(StoreError, match="rebuild"):
        ledger.records(some)
    changed = settings.find({"downhill_model": "none"})
    with Ledger(kept) as ledger, pytest.raises(StoreError, match="rebuild"):
        scanning.refresh(ledger, athlete="me", config=changed)
    front.scan([small_export], kept, rebuild=True)
    after = ledger_dump(kept)
    for part in before:
        assert after[part] == before[part], part


def test_a_rebuild_while_another_scan_writes_waits_and_then_says_so(kept, small_export, monkeypatch):
    before = (kept / "ledger.sqlite").stat().st_ino
    real = Ledger.lock
    monkeypatch.setattr(Ledger, "lock", lambda self, **how: real(self, **how | {"wait_s": 0.2}))
    with Ledger(kept) as other:
        other.lock()
        with pytest.raises(StoreError, match="Another kneeledger"):
            front.scan([small_export], kept, rebuild=True)
    assert (kept / "ledger.sqlite").stat().st_ino == before
    assert by_hand(kept)[0] == [PAIN]


def test_a_copied_ledger_folder_is_a_whole_ledger(kept, tmp_path, ledger_dump):
    before = ledger_dump(kept)
    shutil.copytree(kept, tmp_path / "copy")
    assert ledger_dump(tmp_path / "copy") == before
