"""Bits turned in a ledger, where the database itself does not notice: a sentence and a way out, never a traceback."""

import contextlib
import random
import shutil
import sqlite3
import struct
from datetime import date

import pytest

from kneeledger.errors import KneeledgerError, StoreError
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import activity, comparing, diary, exporting, front, gathering, history, settings

PARTS = ("files", "segments", "activities", "metrics", "tables", "pain", "notes", "athletes", "meta")
ODD = ("x", b"\xff\x00", 5, -1, 1e300, "", "[]", "{}", "null", '{"a": 1}', 1 << 62)


@pytest.fixture(scope="module")
def sound(small_export, tmp_path_factory):
    """A ledger of the small export with something written by hand."""
    folder = tmp_path_factory.mktemp("sound") / "ledger"
    front.scan([small_export], folder)
    with Ledger(folder) as ledger:
        ledger.add_entry("pain", "me", {"date": "2026-04-03", "during": "tolerable", "note": "stairs"})
        diary.add_note(ledger, "me", "strength", 30, date(2026, 4, 3))
        ledger.set_profile("me", {"previous_knee_pain": True})
    return folder


def turned(chance, cell):
    """A cell with one bit turned, or something else altogether."""
    if chance.random() < 0.2:
        return chance.choice(ODD)
    if isinstance(cell, str) and cell:
        data = bytearray(cell.encode())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(7)
        return data[: chance.randrange(len(data)) if chance.random() < 0.2 else None].decode(
            "utf-8", "replace"
        )
    if isinstance(cell, float):
        (bits,) = struct.unpack("<Q", struct.pack("<d", cell))
        return struct.unpack("<d", struct.pack("<Q", bits ^ 1 << chance.randrange(64)))[0]
    if isinstance(cell, int):
        return cell ^ 1 << chance.randrange(62)
    return chance.choice(ODD)


def spoil_cell(chance, file, *, summed):
    """One cell of one table; without the sums, as in a ledger of schema 1, where `summed` is false."""
    db = sqlite3.connect(file)
    if not summed:
        for part in ("segments", "activities", "tables"):
            db.execute(f"update {part} set crc = null")
    part = chance.choice(PARTS)
    name = chance.choice([column[1] for column in db.execute(f"pragma table_info({part})")])
    cell = chance.choice(db.execute(f"select {name} from {part}").fetchall())[0]
    with contextlib.suppress(sqlite3.IntegrityError):  # what the database would not have
        db.execute(f"update {part} set {name} = ? where {name} is ?", (turned(chance, cell), cell))
    db.commit()
    db.close()


def spoil_file(chance, file):
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def spikes(folder, export):
    del export
    ledger, known = comparing.known(folder, "me", settings.find({}), None, what_if=True)
    with ledger:
        comparing.spikes(known)
        comparing.room(known)


def overview(folder, export):
    del export
    with Ledger(folder, create=False) as ledger:
        gathering.overview(ledger, history.gather(ledger, "me", settings.find({})), settings.find({}), {})


def last(folder, export):
    del export
    with Ledger(folder, create=False) as ledger:
        for (name,) in ledger.query("select id from activities order by start_us desc limit 2"):
            activity.from_ledger(ledger, "me", name, settings.find({}))


def tables(folder, export):
    del export
    for what in exporting.TABLES:
        exporting.table(folder, "me", what, "csv", settings.find({}), None)


def written(folder, export):
    del export
    with Ledger(folder) as ledger:
        diary.rows(ledger, "pain", "me")
        diary.rows(ledger, "notes", "me")
        diary.profile(ledger, "me")
        diary.export_pain(ledger, "me")


def scan(folder, export):
    front.scan([export], folder)


def add(folder, export):
    del export
    with Ledger(folder) as ledger:
        diary.add_note(ledger, "me", "run", 5, date(2026, 5, 1))


ASKED = (spikes, overview, last, tables, written, scan, add)


def ask_all(folder, export):
    """Ask everything; whether something was told of. Any other error than our own is a failure."""
    told = []
    for ask in ASKED:
        try:
            ask(folder, export)
        except KneeledgerError as error:
            told.append(error)
    assert all(error.hint for error in told)
    return bool(told)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", "cell", "cell without sums"])
@pytest.mark.parametrize("seed", range(8))
def test_turned_bits_are_told_or_do_no_harm_and_a_rebuild_mends_them(
    how, seed, sound, small_export, tmp_path
):
    chance = random.Random(f"{how}{seed}")
    folder = tmp_path / "ledger"
    shutil.copytree(sound, folder)
    if how == "file":
        spoil_file(chance, folder / "ledger.sqlite")
    else:
        spoil_cell(chance, folder / "ledger.sqlite", summed=how == "cell")
    if not ask_all(folder, small_export):
        return
    front.scan([small_export], folder, rebuild=True)
    left = ""
    try:
        spikes(folder, small_export)
    except StoreError as error:
        left = error.hint
    assert not left or "takes it away" in left  # the words of an entry: only the athlete knows them


@pytest.mark.parametrize(
    "statement",
    [
        "update meta set key = 'sxhema' where key = 'schema'",
        "update activities set about = substr(about, 1, 40)",
        "update activities set issues = '[5]', crc = null",
        'update activities set laps = \'{"start": [1, 2], "end": [1]}\', crc = null',
        "update tables set rows = '[]'",
        'update tables set rows = \'{"grade": ["x"]}\', crc = null',
        "update metrics set value = x'ff'",
        "update pain set entry = '5'",
        "update pain set athlete = x'ff'",
        "update athletes set name = x'00'",
        "update notes set number = 'one'",
        'update notes set entry = \'{"kind": "run"}\'',
        "update files set day = 'x', outcome = 'failed'",
    ],
)
def test_a_spoilt_cell_is_told_by_everything_that_reads_it(statement, sound, small_export, tmp_path):
    folder = tmp_path / "ledger"
    shutil.copytree(sound, folder)
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        db.execute(statement)
    db.close()
    assert ask_all(folder, small_export)


@pytest.mark.parametrize(
    "entry", ['{"date": "2026-04-03", "during": "nonf"}', '{"dcte": 5}', '{"date": 5, "rating": 99}']
)
def test_an_entry_whose_words_are_none_is_told_with_the_way_to_take_it_away(
    entry, sound, small_export, tmp_path
):
    folder = tmp_path / "ledger"
    shutil.copytree(sound, folder)
    for kind, command in (("pain", "pain"), ("notes", "log")):
        (folder / "by-hand.json").unlink()  # else the copy would give the right words back
        with sqlite3.connect(folder / "ledger.sqlite") as db:
            db.execute(f"update {kind} set entry = ?", (entry,))
        db.close()
        with pytest.raises(
            StoreError, match=f"Entry 1 of .kneeledger {command} list.*kneeledger {command} remove 1"
        ):
            spikes(folder, small_export)
        with Ledger(folder) as ledger:
            assert [row["number"] for row in diary.rows(ledger, kind, "me")] == [1]
            diary.remove(ledger, kind, "me", 1)
    spikes(folder, small_export)
