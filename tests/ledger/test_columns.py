"""The copy by columns: it says what the database says, whatever happened in between."""

import random
import zlib

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kneeledger.ledger import columns, store
from kneeledger.ledger.store import Ledger

KINDS = {"speed_mps": pl.Float64, "level": pl.Boolean}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(columns, "LEAST", 2)
    monkeypatch.setattr(columns, "AT_ONCE", 3)


def activity(number, value=1.0, athlete="me"):
    """One of its own time; every seventh is a copy of another, and every second has an issue and a device."""
    tables = {"sums": f'{{"run/seconds": {value}}}'} if number % 3 else {}
    if number % 2:
        tables["stretches"] = f'{{"speed_mps": [{value}, null], "level": [true, false]}}'
    if number == 5:
        tables["sums"] = '{"walk/seconds": 3.0}'
    name = f"{athlete}-{number}"
    texts = dict.fromkeys(("about", "context", "laps", "pauses"), "{}") | dict.fromkeys(
        ("read_issues", "issues"), "[]"
    )
    if number % 2:
        texts |= {"about": '{"device": "w"}', "issues": '[{"code": "gap", "count": 1, "text": "t"}]'}
    return texts | {
        "id": name,
        "athlete": athlete,
        "path": f"{number}.fit",
        "sha256": name,
        "part": 0,
        "start_us": 1_000_000 * (number % 7),
        "end_us": 1_000_000 * (number % 7) + 5,
        "utc_offset_s": None,
        "day": "2026-05-03",
        "sport": "running",
        "way": "run",
        "device_serial": None,
        "by_hand": 0,
        "duplicate_of": None if number % 7 else "another",
        "freshness": "f",
        "segment": "",
        "metrics": [("moving_s", value, value - 1, value + 1)],
        "tables": tables,
    }


def put(ledger, *rows):
    with ledger.transaction() as db:
        for one in rows:
            ledger.put_activity(db, one)


def asked(ledger, athlete="me"):
    return (
        ledger.sums(athlete),
        ledger.metrics(athlete, ("moving_s", "never_s")),
        ledger.tables(athlete, "stretches", KINDS),
        ledger.outlines(athlete, about={"device": pl.String}, context={"title": pl.String}),
    )


def read_anew(ledger, monkeypatch, athlete="me"):
    """The same from the database alone."""
    with monkeypatch.context() as patch:
        patch.setattr(columns, "LEAST", 10**9)
        return asked(ledger, athlete)


def same(ledger, monkeypatch, athlete="me"):
    for copied, plain in zip(asked(ledger, athlete), read_anew(ledger, monkeypatch, athlete), strict=True):
        assert_frame_equal(copied.select(sorted(copied.columns)), plain.select(sorted(plain.columns)))


def copies(ledger):
    return sorted(columns.folder_of(ledger.folder).glob("*"))


def test_a_question_leaves_a_copy_that_only_its_owner_can_read(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        same(ledger, monkeypatch)
        assert len(copies(ledger)) == 4
        assert {file.stat().st_mode & 0o777 for file in copies(ledger)} == {0o600}
        assert "me" not in "".join(file.name.split("-")[0] for file in copies(ledger))
        same(ledger, monkeypatch)


def test_what_is_in_the_copy_is_not_read_from_the_database_again(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(40)))
        asked(ledger)
        put(ledger, activity(40))
        texts = []
        decoded = store._decoded
        monkeypatch.setattr(
            store, "_decoded", lambda some, *kind: texts.append(len(some)) or decoded(some, *kind)
        )
        asked(ledger)
        assert texts == [1, 0]  # number 40 has sums and no stretches


def test_whatever_is_done_between_two_questions_the_copy_agrees(small, tmp_path, monkeypatch):
    chance = random.Random(5)
    with Ledger(tmp_path) as ledger:
        for _ in range(60):
            what, number = chance.choice("aaarrdo"), chance.randrange(30)
            if what == "o":
                put(ledger, activity(number, chance.random(), athlete="other"))
            elif what == "d":
                with ledger.transaction() as db:
                    ledger.drop_activities(db, "me", f"{number}.fit")
            else:
                put(ledger, activity(number, chance.random()))
            same(ledger, monkeypatch)
            same(ledger, monkeypatch, "other")


def test_a_copy_that_is_damaged_or_of_another_layout_is_not_believed(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        asked(ledger)
        chance = random.Random(1)
        for file in copies(ledger):
            whole = file.read_bytes()
            for spot in (0, 5, 9, *(chance.randrange(len(whole)) for _ in range(20))):
                file.write_bytes(whole[:spot] + bytes([whole[spot] ^ 4]) + whole[spot + 1 :])
                same(ledger, monkeypatch)
            for size in (0, 7, 30, len(whole) - 1):
                file.write_bytes(whole[:size])
                same(ledger, monkeypatch)


def test_a_copy_taken_before_a_change_is_not_believed_after_it(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        asked(ledger)
        old = {file: file.read_bytes() for file in copies(ledger)}
        put(ledger, activity(4, 77.0))
        for file, data in old.items():
            file.write_bytes(data)  # as a slow reader would write it now
        same(ledger, monkeypatch)
        assert 77.0 in asked(ledger)[1]["moving_s"].to_list()


def test_where_no_copy_can_be_written_the_question_is_answered(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        columns.folder_of(tmp_path).write_text("in the way")
        same(ledger, monkeypatch)
        assert columns.folder_of(tmp_path).read_text() == "in the way"


def test_forgetting_an_athlete_takes_the_copy_and_the_edition(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)), *(activity(k, athlete="other") for k in range(9)))
        asked(ledger)
        asked(ledger, "other")
        ledger.forget("me")
        assert len(copies(ledger)) == 4
        assert [key for (key,) in ledger.query("select key from meta where key like 'edition:%'")] == [
            "edition:other"
        ]
        put(ledger, *(activity(k, 5.0) for k in range(9)))
        same(ledger, monkeypatch)
        same(ledger, monkeypatch, "other")


def test_a_ledger_made_anew_believes_no_copy_of_the_one_before(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        asked(ledger)
    store.rebuild(tmp_path)
    with Ledger(tmp_path) as ledger:
        assert asked(ledger)[0].height == 0
        put(ledger, *(activity(k, 9.0) for k in range(9)))
        same(ledger, monkeypatch)


def test_a_short_history_needs_no_copy(tmp_path):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        asked(ledger)
        assert not columns.folder_of(tmp_path).exists()


def test_a_folder_among_the_copies_stops_nobody(small, tmp_path):
    with Ledger(tmp_path) as ledger:
        (columns.folder_of(tmp_path) / "@eaDir").mkdir(parents=True)
        (columns.folder_of(tmp_path) / "left-behind.arrow").touch()
        ledger.sweep()
        assert [file.name for file in copies(ledger)] == ["@eaDir"]


def test_what_was_damaged_and_read_anew_is_not_taken_from_the_copy(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        asked(ledger)
        with ledger.transaction() as db:
            db.execute("update activities set sport = 'spoilt' where id = 'me-3'")
    store.rebuild(tmp_path, athlete="other")
    with Ledger(tmp_path) as ledger:
        put(ledger, activity(3, 99.0))
        same(ledger, monkeypatch)
        assert 99.0 in asked(ledger)[1]["moving_s"].to_list()


def test_beside_a_database_that_was_put_back_what_came_later_is_read_anew(small, tmp_path, monkeypatch):
    folder = tmp_path / "l"
    with Ledger(folder) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
    older = (folder / "ledger.sqlite").read_bytes()
    with Ledger(folder) as ledger:
        put(ledger, activity(9), activity(10))
        asked(ledger)
    (folder / "ledger.sqlite").write_bytes(older)
    with Ledger(folder) as ledger:
        put(ledger, *(activity(k, 99.0) | {"freshness": "later settings"} for k in (9, 10)))
        same(ledger, monkeypatch)


def test_a_copy_that_this_polars_cannot_read_is_made_anew(small, tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        asked(ledger)
        for file in copies(ledger):
            body = file.read_bytes()[8:24] + b"ARROW1\0\0 of another polars"
            file.write_bytes(columns.LAYOUT + zlib.crc32(body).to_bytes(4, "big") + body)
        same(ledger, monkeypatch)


def test_whoever_is_forgotten_while_a_question_is_answered_leaves_no_copy(small, tmp_path, monkeypatch):
    write = store.write_bytes

    def slowly(target, data):
        with monkeypatch.context() as patch, Ledger(tmp_path) as other:
            patch.setattr(store, "write_bytes", write)
            other.query("pragma busy_timeout = 1")  # to empty the journal it would wait for the reader
            other.forget("me")
        write(target, data)

    with Ledger(tmp_path) as ledger:
        put(ledger, *(activity(k) for k in range(9)))
        with ledger.snapshot(), monkeypatch.context() as patch:
            patch.setattr(store, "write_bytes", slowly)
            assert ledger.metrics("me", ("moving_s",)).height == 9
        assert copies(ledger) == []
