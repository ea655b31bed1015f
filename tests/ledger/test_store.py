import contextlib
import json
import sqlite3
import stat
import sys

import polars as pl
import pytest

from kneeledger.errors import DamagedLedgerError, StoreError
from kneeledger.ledger import store
from kneeledger.ledger.store import Ledger


def row(name="a1", athlete="me", segment="s.parquet", start=0, **more):
    base = {
        "id": name,
        "athlete": athlete,
        "path": f"{name}.fit",
        "sha256": name,
        "part": 0,
        "start_us": start,
        "end_us": start + 3_600_000_000,
        "utc_offset_s": 7200,
        "day": "2026-05-03",
        "sport": "running",
        "way": "run",
        "device_serial": "1",
        "by_hand": 0,
        "duplicate_of": None,
        "freshness": "f",
        "segment": segment,
        "about": "{}",
        "context": "{}",
        "laps": "{}",
        "pauses": "{}",
        "read_issues": "[]",
        "issues": "[]",
        "metrics": [("distance_m", 10_000.0, None, None), ("knee_load_linear_bw_s", 2400.0, 1500.0, 3600.0)],
        "tables": {"bands": json.dumps({"from": [None, 0.1], "time_s": [1.0, 2.0]})},
    }
    return base | more


def put(ledger, *rows, segment="s.parquet"):
    frame = pl.DataFrame({"activity": [r["id"] for r in rows], "altitude_m": [1.0] * len(rows)})
    crc = store.write_segment(frame, ledger.tracks, segment)
    with ledger.transaction() as db:
        ledger.put_segment(db, segment, frame.height, crc)
        for one in rows:
            ledger.put_activity(db, one)


def test_what_is_put_comes_back(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row(), row("a2", start=5_000_000))
        assert ledger.activities("me")["id"].to_list() == ["a1", "a2"]
        metrics = ledger.metrics("me")
        assert metrics["knee_load_linear_bw_s_low"].to_list() == [1500.0, 1500.0]
        assert "distance_m_low" not in metrics.columns
        bands = ledger.tables("me", "bands")
        assert bands["id"].to_list() == ["a1", "a1", "a2", "a2"]
        assert bands["from"].to_list() == [None, 0.1, None, 0.1]
        assert ledger.records("a2")["altitude_m"].to_list() == [1.0]


def test_a_table_of_some_activities_has_what_is_known_of_them_beside(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row(), row("a2", start=5_000_000), row("a3", start=9_000_000))
        of = pl.DataFrame({"id": ["a3", "a1", "never"], "day": [3, 1, 0]})
        bands = ledger.tables("me", "bands", of=of)
        assert bands.rows() == [
            ("a1", None, 1.0, 1),
            ("a1", 0.1, 2.0, 1),
            ("a3", None, 1.0, 3),
            ("a3", 0.1, 2.0, 3),
        ]


@pytest.mark.parametrize(
    "odd", [{"by_hand": True}, {"utc_offset_s": 3600.0}, {"part": 1.0}, {"device_serial": 77}]
)
def test_an_activity_is_summed_as_the_database_gives_it_back(odd, tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row(**odd))
        assert ledger.activities("me").height == 1


def test_small_track_files_are_put_together_without_what_was_read_again(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row("a1", segment="old.parquet"), row("a2", segment="old.parquet"), segment="old.parquet")
        put(ledger, row("a1", segment="new.parquet"), segment="new.parquet")
        assert ledger.compact(above=1) == 2
        assert len(list(ledger.tracks.iterdir())) == 1
        assert [ledger.records(name).height for name in ("a1", "a2")] == [1, 1]


def test_whatever_comes_or_goes_is_to_be_settled(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row(), row("a2", start=5_000_000))
        assert ledger.unsettled("me") == (0, 3_605_000_000)
        ledger.settle("me", [("a1", "a2")])
        assert ledger.unsettled("me") is None
        with ledger.transaction() as db:
            ledger.drop_activities(db, "me", "never.fit")
        assert ledger.unsettled("me") is None
        with ledger.transaction() as db:
            ledger.drop_activities(db, "me", "a1.fit")
        first, last = ledger.unsettled("me")
        assert first <= -120_000_000
        assert last >= 3_720_000_000
        assert ledger.alike("me", (first, last))["id"].to_list() == [
            "a2"
        ]  # it was a copy, and is looked at again
        ledger.settle("me", [])
        with ledger.transaction() as db:
            db.execute("update activities set laps = '[]' where id = 'a2'")
        ledger.drop_damaged()
        assert ledger.unsettled("me") is not None


def test_athletes_are_those_of_any_table(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.athletes() == []
        put(ledger, row(), row("a2"), row("b1", athlete="bob"))
        ledger.add_entry("pain", "eve", {"date": "2026-05-03"})
        ledger.set_profile("dan", {})
        assert ledger.athletes() == ["bob", "dan", "eve", "me"]
        assert ledger.other_owner("me", "1") == "bob"
        assert ledger.other_owner("me", "2") is None


def test_a_metric_that_was_asked_for_is_a_column_though_nobody_has_it(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row())
        metrics = ledger.metrics("me", ("distance_m", "moving_s"))
        assert metrics.rows() == [("a1", 10_000.0, None)]
        assert ledger.metrics("nobody", ("moving_s",)).columns == ["id", "moving_s"]


def test_stacked_tables_keep_what_each_activity_has(tmp_path):
    texts = ['{"from":[1,2],"way":["run","walk"]}', "{}", '{"from":[0.5],"only":[3]}', '{"from":[],"way":[]}']
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, *(row(f"a{k}", start=k, tables={"t": text}) for k, text in enumerate(texts)))
        assert ledger.tables("me", "t").rows(named=True) == [
            {"id": "a0", "from": 1.0, "way": "run", "only": None},
            {"id": "a0", "from": 2.0, "way": "walk", "only": None},
            {"id": "a2", "from": 0.5, "way": None, "only": 3},
        ]
        kinds = {"from": pl.Float64, "other": pl.Boolean}
        assert ledger.tables("me", "t", kinds).rows() == [
            ("a0", 1.0, None),
            ("a0", 2.0, None),
            ("a2", 0.5, None),
        ]
        assert ledger.tables("me", "none").schema == {"id": pl.String}
        assert ledger.tables("me", "none", kinds).schema == {"id": pl.String, **kinds}


def test_sums_are_a_row_an_activity_oldest_first(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.sums("me").schema == {"id": pl.String}
        put(
            ledger, row("b", start=2, tables={"sums": '{"seconds":60,"run/seconds":60.0}'}), row("c", start=3)
        )
        put(ledger, row("a", start=1, tables={"sums": '{"seconds":9.5}'}), segment="t.parquet")
        assert ledger.sums("me").rows(named=True) == [
            {"id": "a", "seconds": 9.5, "run/seconds": None},
            {"id": "b", "seconds": 60.0, "run/seconds": 60.0},
        ]


def test_replacing_an_activity_leaves_no_old_rows(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row())
        with ledger.transaction() as db:
            ledger.put_activity(db, row(metrics=[("moving_s", 3.0, None, None)], tables={}))
        assert ledger.metrics("me").columns == ["id", "moving_s"]
        assert ledger.tables("me", "bands").is_empty()


def test_a_failed_transaction_changes_nothing(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row())
        with pytest.raises(RuntimeError), ledger.transaction() as db:
            ledger.put_activity(db, row("a2"))
            raise RuntimeError
        assert ledger.activities("me").height == 1


def test_track_files_that_no_row_names_are_swept(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row())
        store.write_segment(pl.DataFrame({"activity": ["x"]}), ledger.tracks, "orphan.parquet")
        assert ledger.sweep() == 1
        assert ledger.records("a1").height == 1


def test_compaction_keeps_every_track(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        for i in range(40):
            put(ledger, row(f"a{i}", segment=f"s{i}.parquet", start=i), segment=f"s{i}.parquet")
        assert ledger.compact(above=8) == 40
        assert len(list(ledger.tracks.iterdir())) == 1
        assert all(ledger.records(f"a{i}").height == 1 for i in range(40))


def test_forget_removes_one_athlete_and_keeps_the_other(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row(), row("b1", athlete="ann"))
        ledger.add_entry("pain", "ann", {"date": "2026-05-03"})
        assert ledger.forget("ann") == 1
        assert ledger.athletes() == ["me"]
        assert ledger.records("a1").height == 1
        frames = [pl.read_parquet(f) for f in ledger.tracks.iterdir()]
        assert "b1" not in pl.concat(frames)["activity"].to_list()
        assert ledger.entries("pain", "ann") == []


def test_a_newer_ledger_is_refused_with_a_clear_sentence(tmp_path):
    with Ledger(tmp_path / "l") as ledger, ledger.transaction() as db:
        db.execute("update meta set value = '99' where key = 'schema'")
    with pytest.raises(StoreError, match="newer kneeledger"):
        Ledger(tmp_path / "l")


def test_a_damaged_database_is_told_and_rebuilt_with_the_pain_log(tmp_path):
    folder = tmp_path / "l"
    with Ledger(folder) as ledger:
        put(ledger, row())
        ledger.add_entry("pain", "me", {"date": "2026-05-03", "during": "none"})
        ledger.set_profile("me", {"previous_pain": True})
    for name in ("ledger.sqlite", "ledger.sqlite-wal"):
        if (folder / name).exists():
            (folder / name).write_bytes(b"this is no database, however long it may be" * 100)
    with pytest.raises(StoreError, match="rebuild"):
        Ledger(folder)
    store.rebuild(folder)
    with Ledger(folder) as ledger:
        assert ledger.activities("me").is_empty()
        assert ledger.entries("pain", "me") == [{"date": "2026-05-03", "during": "none"}]
        assert ledger.profile("me") == {"previous_pain": True}


def test_no_ledger_is_made_where_one_is_only_read(tmp_path):
    with pytest.raises(StoreError, match="no ledger"):
        Ledger(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_a_second_writer_waits_and_says_so(tmp_path):
    told = []
    with Ledger(tmp_path / "l") as first, Ledger(tmp_path / "l", tell=told.append) as second:
        first.lock()
        with pytest.raises(StoreError, match="Another kneeledger"):
            second.lock(wait_s=0.2)
        first.unlock()
        second.lock(wait_s=0.2)
    assert told == ["Another kneeledger is writing to this ledger; waiting."]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_files_are_private(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        ledger.add_entry("pain", "me", {})
    assert stat.S_IMODE((tmp_path / "l").stat().st_mode) == 0o700
    for name in ("ledger.sqlite", "by-hand.json"):
        assert stat.S_IMODE((tmp_path / "l" / name).stat().st_mode) == 0o600


def test_a_missing_track_file_is_told(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row())
        (ledger.tracks / "s.parquet").unlink()
        with pytest.raises(StoreError, match="cannot be read"):
            ledger.records("a1")


def test_the_schema_is_the_released_one(tmp_path):
    with Ledger(tmp_path / "l"):
        pass
    with sqlite3.connect(tmp_path / "l" / "ledger.sqlite") as db:
        assert db.execute("select value from meta where key = 'schema'").fetchone() == ("2",)
    db.close()


def test_a_rebuild_of_one_athlete_takes_nothing_from_another(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        put(ledger, row("a1"), row("b1", athlete="bob"))
        with ledger.transaction() as db:
            for name in ("me", "bob"):
                ledger.put_file(
                    db, name, path="x.fit", outer="x.fit", stamp="7-7", sha256="s", outcome="read"
                )
    store.rebuild(tmp_path / "l", athlete="me")
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.known_files("me") == {"x.fit": ""}
        assert ledger.known_files("bob") == {"x.fit": "7-7"}
        assert [ledger.activities(name).height for name in ("me", "bob")] == [1, 1]


def test_damaged_words_are_told_and_never_put_over_the_saved_ones(tmp_path):
    folder = tmp_path / "l"
    with Ledger(folder) as ledger:
        ledger.add_entry("pain", "me", {"date": "2026-05-03"})
        saved = (folder / "by-hand.json").read_bytes()
        with ledger.transaction() as db:
            db.execute("update pain set entry = replace(entry, '{', '[')")
        with pytest.raises(StoreError, match="rebuild"):
            ledger.entries("pain", "me")
        with pytest.raises(StoreError, match="rebuild"):
            ledger.add_entry("notes", "me", {"kind": "run"})
        assert (folder / "by-hand.json").read_bytes() == saved
    store.rebuild(folder, athlete="me")
    with Ledger(folder) as ledger:
        assert ledger.entries("pain", "me") == [{"date": "2026-05-03"}]


@pytest.mark.parametrize("change", ["value = 'x'", "key = 'sckema'"])
def test_a_version_that_is_no_number_is_damage(change, tmp_path):
    with Ledger(tmp_path / "l") as ledger, ledger.transaction() as db:
        db.execute(f"update meta set {change} where key = 'schema'")
    with pytest.raises(StoreError, match="rebuild"):
        Ledger(tmp_path / "l")
    store.rebuild(tmp_path / "l")
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.athletes() == []


def test_an_entry_whose_copy_cannot_be_saved_is_not_in_the_log(tmp_path, monkeypatch):
    def full(*_):
        raise StoreError("full")

    with Ledger(tmp_path / "l") as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(store, "write_bytes", full)
            with pytest.raises(StoreError, match="full"):
                ledger.add_entry("pain", "me", {"date": "2026-05-03"})
        assert ledger.entries("pain", "me") == []


def test_sweeping_takes_what_a_killed_process_left_and_no_folder(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        (ledger.tracks / "@eaDir").mkdir()
        (ledger.folder / ".by-hand.json.123.tmp").write_text("pain")
        ledger.sweep()
        assert [one.name for one in ledger.tracks.iterdir()] == ["@eaDir"]
        assert not list(ledger.folder.glob(".*.tmp"))


# --- damage that the database and the Parquet format do not notice ---------------------------------


def two_runs(folder):
    with Ledger(folder) as ledger:
        put(ledger, row())
        put(ledger, row("a2", start=5_000_000, segment="t.parquet"), segment="t.parquet")


def test_one_turned_bit_of_a_track_file_is_noticed_and_the_other_tracks_are_read(tmp_path):
    two_runs(tmp_path / "l")
    file = tmp_path / "l" / "tracks" / "s.parquet"
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with Ledger(tmp_path / "l") as ledger:
            with pytest.raises(StoreError, match=r"s\.parquet cannot be read: its checksum.*--rebuild"):
                ledger.records("a1")
            assert ledger.records("a2").height == 1


def test_a_track_file_without_a_sum_is_read_as_before_and_no_panic_leaves_it(tmp_path):
    two_runs(tmp_path / "l")
    with Ledger(tmp_path / "l") as ledger, ledger.transaction() as db:
        db.execute("update segments set crc = null")
    file = tmp_path / "l" / "tracks" / "s.parquet"
    whole = file.read_bytes()
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.records("a1").height == 1
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with Ledger(tmp_path / "l") as ledger, contextlib.suppress(StoreError):
            ledger.records("a1")


def test_a_panic_of_the_reader_is_a_track_that_cannot_be_read(tmp_path, monkeypatch):
    def panic(*_):
        raise pl.exceptions.PanicException("index out of bounds")

    two_runs(tmp_path / "l")
    monkeypatch.setattr(pl, "scan_parquet", panic)
    with Ledger(tmp_path / "l") as ledger, pytest.raises(StoreError, match="index out of bounds"):
        ledger.records("a1")


def test_a_compaction_merges_the_sound_ones_and_leaves_the_damaged_one_to_be_told(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        for i in range(12):
            put(ledger, row(f"a{i}", segment=f"s{i}.parquet", start=i), segment=f"s{i}.parquet")
    (tmp_path / "l" / "tracks" / "s3.parquet").write_bytes(b"PAR1")
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.compact(above=8) == 11
        assert sorted(len(one.name) for one in ledger.tracks.iterdir()) == [10, 26]
        assert ledger.records("a4").height == 1
        assert ledger.query("select count(*) from segments where crc is not null") == [(2,)]
        with pytest.raises(StoreError, match="rebuild"):
            ledger.records("a3")


SPOILT = {
    "a table cut short": "update tables set rows = substr(rows, 1, 9)",
    "a table with another number": "update tables set rows = replace(rows, '0.1', '0.7')",
    "a table that is a blob": "update tables set rows = cast('x' as blob)",
    "facts cut short": "update activities set about = '{'",
    "facts of another kind": "update activities set about = '[5]'",
    "laps of another kind": 'update activities set laps = \'{"start": [1], "end": {}}\'',
    "a day that is none": "update activities set day = '2026-05-93'",
    "a moment beyond all": "update activities set start_us = 1 << 62",
    "a number that is text": "update metrics set value = 'x1'",
    "a number beyond all": "update metrics set value = 1e300",
    "a moment that is text": "update activities set end_us = 'soon'",
}


ONLY_BY_SUM = (
    "a table with another number",
    "facts cut short",
    "facts of another kind",
    "laps of another kind",
)
"""What these reads notice by the sum alone; what makes facts and laps of the text notices the others."""


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("summed", [True, False])
def test_a_spoilt_cell_is_damage_with_a_way_out(how, summed, tmp_path):
    def ask():
        with Ledger(folder) as ledger:
            for name in ledger.activities("me")["id"]:
                ledger.written(name)
            ledger.alike("me")
            ledger.metrics("me")
            ledger.sums("me")
            return ledger.tables("me", "bands")

    folder = tmp_path / "l"
    two_runs(folder)
    statement = SPOILT[how]
    with Ledger(folder) as ledger, ledger.transaction() as db:
        db.execute(f"{statement} where {'id' if 'activities' in statement else 'activity'} = 'a1'")
        if not summed:
            db.execute("update activities set crc = null")
            db.execute("update tables set crc = null")
    if summed or how not in ONLY_BY_SUM:
        with pytest.raises(DamagedLedgerError, match="--rebuild") as told:
            ask()
        assert str(folder) in told.value.message
    store.rebuild(folder, athlete="me")
    ask()
    with Ledger(folder) as ledger:
        assert "a2" in ledger.activities("me")["id"].to_list()
