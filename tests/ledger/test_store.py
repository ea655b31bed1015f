import json
import sqlite3
import stat
import sys

import polars as pl
import pytest

from kneeledger.errors import StoreError
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
    store.write_segment(frame, ledger.tracks, segment)
    with ledger.transaction() as db:
        ledger.put_segment(db, segment, frame.height)
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
    with Ledger(tmp_path / "l") as first, Ledger(tmp_path / "l") as second:
        first.lock()
        with pytest.raises(StoreError, match="Another kneeledger"):
            second.lock(wait_s=0.2, on_wait=lambda: told.append(1))
        first.unlock()
        second.lock(wait_s=0.2)
    assert told == [1]


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
        assert db.execute("select value from meta where key = 'schema'").fetchone() == ("1",)
    db.close()
