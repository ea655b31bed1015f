"""What was written by hand outlives a lost journal, a damaged copy, and a copy that is older than the ledger."""

import json
import shutil
import sqlite3
from datetime import date, timedelta

import pytest

from kneeledger.errors import StoreError
from kneeledger.ledger import by_hand, store
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import diary

FIRST, SECOND, THIRD = ({"date": f"2026-05-0{day}", "during": "none"} for day in (1, 2, 3))


def pain(folder):
    with Ledger(folder) as ledger:
        return ledger.entries("pain", "me")


def add(folder, *entries, told=None):
    with Ledger(folder, tell=None if told is None else told.append) as ledger:
        for entry in entries:
            ledger.add_entry("pain", "me", entry)


@pytest.fixture
def lost(tmp_path):
    """A ledger whose journal of the last changes was lost: the copy knows of them, the database does not."""
    folder = tmp_path / "l"
    add(folder, FIRST)
    older = tmp_path / "older.sqlite"
    shutil.copy(folder / "ledger.sqlite", older)
    with Ledger(folder) as ledger:
        ledger.add_entry("pain", "me", SECOND)
        ledger.add_entry("notes", "me", {"date": "2026-05-02", "kind": "run", "minutes": 5})
        ledger.set_profile("me", {"female": True})
    for file in folder.glob("ledger.sqlite*"):
        file.unlink()
    shutil.copy(older, folder / "ledger.sqlite")
    return folder


def test_an_entry_the_database_lost_comes_back_before_the_copy_is_written_over(lost):
    assert pain(lost) == [FIRST]
    told = []
    add(lost, THIRD, told=told)
    assert pain(lost) == [FIRST, SECOND, THIRD]
    with Ledger(lost) as ledger:
        assert len(ledger.entries("notes", "me")) == 1
        assert ledger.profile("me") == {"female": True}
    saved = by_hand.read(lost / by_hand.NAME)
    assert [json.loads(text) for *_, text in saved.pain] == [FIRST, SECOND, THIRD]
    assert told == [
        f"The ledger had lost 3 things that were written by hand; the copy in {lost / by_hand.NAME} gave it back."
    ]


def test_a_scan_gives_it_back_as_well_and_says_it_once(lost):
    told = []
    for _ in range(2):
        with Ledger(lost, tell=told.append) as ledger:
            ledger.lock()
    assert pain(lost) == [FIRST, SECOND]
    assert len(told) == 1


def test_a_journal_with_turned_bits_loses_nothing_that_was_written_by_hand(tmp_path):
    folder = tmp_path / "l"
    add(folder, FIRST)
    writer = Ledger(folder)
    writer.add_entry("pain", "me", SECOND)
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken, ignore=shutil.ignore_patterns("*-shm"))
    writer.close()
    journal = broken / "ledger.sqlite-wal"
    data = bytearray(journal.read_bytes())
    data[60] ^= 1
    journal.write_bytes(data)
    assert pain(broken) == [FIRST]
    add(broken, THIRD)
    assert pain(broken) == [FIRST, SECOND, THIRD]


def test_what_was_taken_back_stays_away_when_an_old_copy_is_put_there(tmp_path):
    folder = tmp_path / "l"
    add(folder, FIRST, SECOND)
    old = (folder / by_hand.NAME).read_bytes()
    with Ledger(folder) as ledger:
        assert ledger.remove_entry("pain", "me", 1)
    (folder / by_hand.NAME).write_bytes(old)
    add(folder, THIRD)
    assert pain(folder) == [SECOND, THIRD]


def test_a_copy_of_before_changes_were_counted_takes_nothing_and_brings_nothing_back(tmp_path):
    folder = tmp_path / "l"
    add(folder, FIRST, SECOND)
    told = json.loads((folder / by_hand.NAME).read_text(encoding="utf-8"))
    del told["changes"]
    with Ledger(folder) as ledger:
        assert ledger.remove_entry("pain", "me", 1)
    (folder / by_hand.NAME).write_text(json.dumps(told), encoding="utf-8")
    add(folder, THIRD)
    assert pain(folder) == [SECOND, THIRD]


@pytest.mark.parametrize("when", ["backup", "sweep"])
def test_an_athlete_is_forgotten_in_database_and_copy_or_in_neither(when, tmp_path, monkeypatch):
    folder = tmp_path / "l"
    with Ledger(folder) as ledger:
        ledger.add_entry("pain", "ann", FIRST)
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, when, lambda _: 1 / 0)  # before all of it is kept; after that
            with pytest.raises(ZeroDivisionError):
                ledger.forget("ann")
    kept = ["ann"] if when == "backup" else []
    for file in folder.glob("ledger.sqlite*") if when == "sweep" else ():
        file.unlink()
    add(folder, SECOND)
    with Ledger(folder) as ledger:
        assert ledger.athletes() == [*kept, "me"]
        assert (b"2026-05-01" in (folder / by_hand.NAME).read_bytes()) is bool(kept)


class FullAtTheEnd:
    """A database whose disk is full when a change is to be kept."""

    def __init__(self, db):
        self.db = db

    def __getattr__(self, name):
        return getattr(self.db, name)

    def execute(self, sql, *arguments):
        if sql == "commit":
            raise sqlite3.OperationalError("database or disk is full")
        return self.db.execute(sql, *arguments)


def test_a_change_that_was_not_kept_is_not_in_the_copy_either(tmp_path):
    folder = tmp_path / "l"
    add(folder, FIRST)
    for change in (
        lambda ledger: ledger.add_entry("pain", "me", SECOND),
        lambda ledger: ledger.remove_entry("pain", "me", 1),
        lambda ledger: ledger.set_profile("me", {"female": True}),
    ):
        before = (folder / by_hand.NAME).read_bytes()
        with Ledger(folder) as ledger:
            sound = ledger._db
            ledger._db = FullAtTheEnd(sound)
            with pytest.raises(StoreError):
                change(ledger)
            ledger._db = sound
        assert (folder / by_hand.NAME).read_bytes() == before
    add(folder, SECOND)  # as the sentence about the full disk advises
    assert pain(folder) == [FIRST, SECOND]


def test_a_copy_that_lacks_what_the_database_kept_is_made_whole_again(tmp_path):
    folder = tmp_path / "l"
    add(folder, FIRST, SECOND)
    told = json.loads((folder / by_hand.NAME).read_text(encoding="utf-8"))
    told |= {"changes": 3, "pain": told["pain"][1:]}  # taken away there, and killed before the database knew
    (folder / by_hand.NAME).write_text(json.dumps(told), encoding="utf-8")
    with Ledger(folder) as ledger:
        ledger.lock()
    assert len(by_hand.read(folder / by_hand.NAME).pain) == 2


def test_an_import_is_kept_whole_or_not_at_all_and_adds_nothing_twice(tmp_path, monkeypatch):
    table, folder = tmp_path / "pain.csv", tmp_path / "l"
    table.write_text("date,during\n2026-05-01,none\n2026-05-02,none\n2026-05-03,none\n", encoding="utf-8")
    backup, saved = Ledger.backup, []

    def killed(ledger):
        if not saved:  # whoever is killed tidies nothing up
            saved.append(backup(ledger))
        raise KeyboardInterrupt

    with Ledger(folder) as ledger, monkeypatch.context() as patch:
        patch.setattr(Ledger, "backup", killed)
        with pytest.raises(KeyboardInterrupt):
            diary.import_pain(ledger, "me", table)
    assert pain(folder) == []
    assert len(by_hand.read(folder / by_hand.NAME).pain) == 3
    for _ in range(2):
        with Ledger(folder) as ledger:
            assert diary.import_pain(ledger, "me", table).added == 0
        assert len(pain(folder)) == 3


def test_a_long_import_saves_the_copy_once(tmp_path, monkeypatch):
    table, folder = tmp_path / "pain.csv", tmp_path / "l"
    days = (date(2000, 1, 1) + timedelta(days=k) for k in range(5000))
    table.write_text("date,during\n" + "".join(f"{day},none\n" for day in days), encoding="utf-8")
    backup, saved = Ledger.backup, []
    monkeypatch.setattr(Ledger, "backup", lambda ledger: saved.append(backup(ledger)))
    with Ledger(folder) as ledger:
        assert diary.import_pain(ledger, "me", table).added == 5000
    assert len(saved) == 1


def test_two_entries_alike_are_two_and_numbers_that_are_taken_are_left_alone():
    saved = by_hand.Saved(3, (("me", 1, "a"), ("me", 2, "a"), ("ann", 1, "b")))
    held = by_hand.Saved(3, (("me", 2, "a"), ("me", 1, "other")))
    assert by_hand.missing(saved, held).pain == (("me", 3, "a"), ("ann", 1, "b"))
    assert by_hand.missing(saved, saved).count == 0


def test_the_later_profile_stands():
    held = by_hand.Saved(3, athletes=(("me", "{}"),))
    for changes, found in ((3, ()), (4, (("me", '{"a": 1}'),))):
        copy = by_hand.Saved(changes, athletes=(("me", '{"a": 1}'),))
        assert by_hand.missing(copy, held).athletes == found


def whole():
    return {
        "schema": 2,
        "changes": 3,
        "pain": [["me", 1, json.dumps(FIRST)]],
        "notes": [["me", 1, '{"date": "2026-05-02", "kind": "run", "minutes": 5}']],
        "athletes": [["me", "{}"]],
    }


DAMAGES = {
    "a list": lambda told: [told],
    "no pain": lambda told: told | {"pain": None},
    "a row that is none": lambda told: told | {"pain": [5]},
    "a row too short": lambda told: told | {"notes": [["me", 1]]},
    "a number too large": lambda told: told | {"pain": [["me", 1 << 70, "{}"]]},
    "a number that is none": lambda told: told | {"pain": [["me", True, "{}"]]},
    "no name": lambda told: told | {"pain": [[None, 1, "{}"]]},
    "half a character": lambda told: told | {"athletes": [["\ud800", "{}"]]},
    "an entry that is an object": lambda told: told | {"pain": [["me", 1, {"date": "2026-05-01"}]]},
    "an entry that is a list": lambda told: told | {"pain": [["me", 1, "[1]"]]},
    "an entry that is no JSON": lambda told: told | {"notes": [["me", 1, "{"]]},
    "an entry in an entry": lambda told: told | {"pain": [["me", 1, '{"note": {}}']]},
    "a day that is none": lambda told: told | {"pain": [["me", 1, '{"date": "2026-15-01"}']]},
    "a day that is a number": lambda told: told | {"pain": [["me", 1, '{"date": 5}']]},
    "a profile that is none": lambda told: told | {"athletes": [["me", "5"]]},
    "changes that are none": lambda told: told | {"changes": "many"},
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_copy_with_odd_things_in_it_is_told_and_left_as_it_is(how, tmp_path):
    folder = tmp_path / "l"
    folder.mkdir()
    file = folder / by_hand.NAME
    text = json.dumps(DAMAGES[how](whole()))
    file.write_text(text, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(
            StoreError, match=r"by-hand\.json, the saved pain log, cannot be read.*Mend it or move"
        ):
            Ledger(folder)
    assert file.read_text(encoding="utf-8") == text
    file.write_text(json.dumps(whole()), encoding="utf-8")
    assert pain(folder) == [FIRST]


@pytest.mark.parametrize("how", DAMAGES)
def test_beside_a_sound_ledger_it_is_set_aside_and_saved_anew(how, tmp_path):
    folder, told = tmp_path / "l", []
    add(folder, FIRST)
    text = json.dumps(DAMAGES[how](whole()))
    for number in (1, 2):
        (folder / by_hand.NAME).write_text(text, encoding="utf-8")
        add(folder, SECOND, told=told)
        assert (folder / f"by-hand-damaged-{number}.json").read_text(encoding="utf-8") == text
        assert f"It is kept as by-hand-damaged-{number}.json" in told[-1]
    assert pain(folder) == [FIRST, SECOND, SECOND]
    assert len(by_hand.read(folder / by_hand.NAME).pain) == 3
    with Ledger(folder) as ledger:
        ledger.forget("me")
    assert not list(folder.glob("by-hand-damaged*"))


def test_where_both_are_damaged_the_copy_stays_where_it_is(tmp_path):
    folder = tmp_path / "l"
    add(folder, FIRST)
    (folder / by_hand.NAME).write_text("{", encoding="utf-8")
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        db.execute("update pain set entry = '['")
    db.close()
    with Ledger(folder) as ledger, pytest.raises(StoreError, match="rebuild"):
        ledger.add_entry("pain", "me", SECOND)
    assert (folder / by_hand.NAME).read_text(encoding="utf-8") == "{"
    with pytest.raises(StoreError, match="Mend it or move"):
        store.rebuild(folder)
        Ledger(folder)
    assert (folder / by_hand.NAME).read_text(encoding="utf-8") == "{"
    [kept] = folder.glob("ledger-damaged-1.sqlite")  # the only one left that may know
    with sqlite3.connect(kept) as db:
        assert db.execute("select entry from pain").fetchall() == [("[",)]
    db.close()
    (folder / by_hand.NAME).unlink()
    with Ledger(folder) as ledger:
        ledger.forget("me")
    assert not kept.exists()


@pytest.mark.parametrize("copy", [None, "{", "older"])
def test_a_damaged_database_that_knows_more_than_the_copy_saves_it_first(copy, tmp_path):
    folder = tmp_path / "l"
    add(folder, FIRST)
    older = (folder / by_hand.NAME).read_text(encoding="utf-8")
    add(folder, SECOND)
    (folder / by_hand.NAME).unlink()
    if copy is not None:
        (folder / by_hand.NAME).write_text(older if copy == "older" else copy, encoding="utf-8")
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        page, size = (
            db.execute(sql).fetchone()[0]
            for sql in (
                "select rootpage from sqlite_master where name = 'activities_device'",
                "pragma page_size",
            )
        )
    db.close()
    with (folder / "ledger.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 400)
    store.rebuild(folder)
    assert pain(folder) == [FIRST, SECOND]
    assert len(list(folder.glob("by-hand-damaged-*"))) == (copy is not None)
    assert not list(folder.glob("ledger-damaged-*"))
