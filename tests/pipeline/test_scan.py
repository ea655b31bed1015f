"""What a scan reads, keeps, passes over and computes again."""

import json
import os
import shutil
import sqlite3
from dataclasses import replace

import polars as pl
import pytest

from kneeledger import analyzers
from kneeledger.errors import StoreError
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import entries, front, settings
from kneeledger.pipeline import scan as scanning


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def undisturbed(small_export, tmp_path_factory, ledger_dump):
    """The small export scanned once: its tally, its ledger, and all that is in it."""
    folder = tmp_path_factory.mktemp("undisturbed") / "ledger"
    result = front.scan([small_export], folder)
    return result, folder, ledger_dump(folder)


@pytest.fixture
def parsed(monkeypatch):
    """Paths of the files that are read while the test runs."""
    names = []
    real = entries.read

    def read(source, **how):
        names.append(source.path.rpartition("/")[2])
        return real(source, **how)

    monkeypatch.setattr(entries, "read", read)
    return names


def outcomes(folder, athlete="me"):
    with Ledger(folder, create=False) as ledger:
        return {
            path.rpartition("/")[2]: (outcome, code)
            for path, outcome, code in ledger.query(
                "select path, outcome, code from files where athlete = ?", (athlete,)
            )
        }


def activities(folder, athlete="me", *, duplicates=True):
    with Ledger(folder, create=False) as ledger:
        return ledger.activities(athlete, duplicates=duplicates)


def comparable(found, *without):
    """A dump without what rightly differs from scan to scan."""
    return {name: rows for name, rows in found.items() if name not in without}


# --- what a scan does ---------------------------------------------------------------------------


def test_a_scan_tells_what_came_of_every_file(undisturbed):
    result, folder, _ = undisturbed
    told = outcomes(folder)
    assert told["a.fit"] == ("read", "")
    assert told["b2.fit"] == ("read", "same_content")
    assert told["damaged.gpx"][0] in ("failed", "skipped")
    assert told["notes.txt"][0] == "skipped"
    assert told["activities.csv"] == ("skipped", "table")
    assert told["UploadedFiles_0-_Part1.zip"] == ("skipped", "archive")
    assert result.files == result.read + result.unchanged + result.skipped + result.failed
    assert result.activities == 7
    rows = activities(folder)
    assert rows.height == 8
    assert rows["by_hand"].sum() == 1
    assert rows["duplicate_of"].drop_nulls().len() == 1


def test_a_scan_of_unchanged_files_parses_nothing_and_changes_nothing(
    undisturbed, small_export, tmp_path, parsed, ledger_dump
):
    _, folder, before = undisturbed
    copy = tmp_path / "ledger"
    shutil.copytree(folder, copy)
    again = front.scan([small_export], copy)
    assert parsed == []
    assert (again.read, again.skipped, again.failed) == (0, 0, 0)
    assert again.unchanged == again.files
    assert ledger_dump(copy) == before


def test_no_question_of_a_days_scan_reads_every_row(new_export, tmp_path, monkeypatch):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    shutil.copy(export / "loose" / "run.fit", export / "loose" / "one-more.fit")
    (export / "loose" / "run.fit").write_bytes((export / "loose" / "run.fit").read_bytes() + b"\0")
    asked = {}

    class Traced(sqlite3.Connection):
        def execute(self, sql, *given):
            asked[sql] = given
            return super().execute(sql, *given)

    with monkeypatch.context() as patch:
        real = sqlite3.connect
        patch.setattr(sqlite3, "connect", lambda *told, **how: real(*told, factory=Traced, **how))
        front.scan([export], folder)
    with Ledger(folder) as ledger:
        plans = {
            # older versions say "SCAN TABLE files"
            sql: [
                step.replace("TABLE ", "") for *_, step in ledger.query(f"explain query plan {sql}", *given)
            ]
            for sql, given in asked.items()
            if sql.lstrip().startswith(("select", "with", "delete", "update"))
        }
    large = ("SCAN activities", "SCAN files", "SCAN metrics", "SCAN tables")
    assert [
        (sql, steps) for sql, steps in plans.items() if any(step.startswith(large) for step in steps)
    ] == []
    [content] = [
        steps for sql, steps in plans.items() if "sha256 = ?" in sql and sql.startswith("select path")
    ]
    assert "USING INDEX files_content" in content[0]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    "data", [b"<gpx><trk><trkseg><trkpt lat='x'", b"\x0e\x10\x3b\x06\xff\xff\x00\x00.FIT"]
)
def test_a_damaged_file_alone_was_found_and_leads_to_the_doctor(data, again, tmp_path):
    file = tmp_path / "export" / "damaged.gpx"
    file.parent.mkdir()
    file.write_bytes(data)
    result = front.scan([file.parent], tmp_path / "ledger")
    if again:
        result = front.scan([file.parent], tmp_path / "ledger")
    assert result.advice == f"1 file was found and gave no activity; `kneeledger doctor {file}` says why."


def test_workers_make_the_same_ledger(undisturbed, small_export, tmp_path, ledger_dump):
    front.scan([small_export], tmp_path / "ledger", jobs=2)
    assert ledger_dump(tmp_path / "ledger") == undisturbed[2]


def test_small_batches_make_the_same_ledger(undisturbed, small_export, tmp_path, monkeypatch, ledger_dump):
    monkeypatch.setattr(scanning, "BATCH_FILES", 1)
    front.scan([small_export], tmp_path / "ledger")
    assert ledger_dump(tmp_path / "ledger") == undisturbed[2]


@pytest.mark.parametrize("batch", [1, 24])
def test_files_that_change_names_are_no_copies_of_each_other(
    batch, new_export, tmp_path, monkeypatch, ledger_dump
):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    before, held = activities(folder), outcomes(folder)
    monkeypatch.setattr(scanning, "BATCH_FILES", batch)
    one, two = export / "loose" / "a.fit", export / "loose" / "run.fit"
    texts = one.read_bytes(), two.read_bytes()
    one.write_bytes(texts[1])
    two.write_bytes(texts[0])
    front.scan([export], folder)
    after, now = activities(folder), outcomes(folder)
    assert now == held
    assert after["id"].to_list() == before["id"].to_list()
    changed = {path.rpartition("/")[2] for path in set(after["path"]) ^ set(before["path"])}
    assert changed == set()
    of = dict(zip(after["id"], after["path"], strict=True))
    swapped = {name for name, path in zip(before["id"], before["path"], strict=True) if of[name] != path}
    assert len(swapped) == sum(path.endswith(("loose/a.fit", "loose/run.fit")) for path in before["path"])


def test_a_changed_file_is_read_again_and_its_old_rows_go(new_export, tmp_path, parsed):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    before = activities(folder)
    parsed.clear()
    shutil.copy(export / "loose" / "run.fit", export / "loose" / "a.fit")
    (export / "loose" / "run.fit").unlink()
    front.scan([export], folder)
    assert parsed == []  # the same bytes under another name are no new content
    cut = (export / "loose" / "b.fit").read_bytes()[:-400]
    (export / "loose" / "a.fit").write_bytes(cut)
    front.scan([export], folder)
    assert parsed == ["a.fit"]
    after = activities(folder)
    assert after.height == before.height
    assert not after["id"].is_duplicated().any()
    with Ledger(folder) as ledger:
        assert all(ledger.records(name) is not None for name in after.filter(~pl.col("by_hand"))["id"])


def test_a_file_whose_time_alone_changed_leaves_the_same_rows(new_export, tmp_path, parsed, ledger_dump):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    before = ledger_dump(folder)
    parsed.clear()
    os.utime(export / "loose" / "a.fit", ns=(0, 0))
    front.scan([export], folder)
    assert parsed == ["a.fit"]
    assert comparable(ledger_dump(folder), "files") == comparable(before, "files")


def test_what_a_changed_file_held_stays_with_a_copy_of_it(new_export, tmp_path):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    with Ledger(folder) as ledger:
        held = ledger.query("select id from activities where path like '%/b.fit'")[0][0]
    (export / "loose" / "b.fit").write_bytes((export / "loose" / "a.fit").read_bytes()[:-900])
    front.scan([export], folder)
    with Ledger(folder) as ledger:
        paths = dict(ledger.query("select id, path from activities"))
        about = json.loads(ledger.query("select about from activities where id = ?", (held,))[0][0])
        assert ledger.records(held).height
    assert paths[held].endswith("b2.fit")
    assert about["path"] == paths[held]
    assert outcomes(folder)["b2.fit"] == ("read", "")
    assert len(paths) == 9


@pytest.mark.parametrize("batch", [1, 24])
def test_a_renamed_file_whose_old_name_is_used_again_stays(batch, fixtures, tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "BATCH_FILES", batch)
    runs = fixtures / "export" / "watch" / "GARMIN" / "Activity"
    folder = tmp_path / "export"
    folder.mkdir()
    shutil.copy(runs / "2026-04-28-18-05-04.fit", folder / "a.fit")
    front.scan([folder], tmp_path / "ledger")
    (folder / "a.fit").rename(folder / "z.fit")
    shutil.copy(runs / "2026-04-30-18-05-59.fit", folder / "a.fit")
    for _ in range(2):
        assert front.scan([folder], tmp_path / "ledger").activities == 2
    with Ledger(tmp_path / "ledger") as ledger:
        held = {
            path.rpartition("/")[2]: day.isoformat()
            for path, day in ledger.activities("me").select("path", "day").rows()
        }
    assert held == {"a.fit": "2026-04-30", "z.fit": "2026-04-28"}


def test_a_changed_file_that_cannot_be_read_keeps_what_was_known_of_it(new_export, tmp_path):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    before = activities(folder)["id"].to_list()
    (export / "loose" / "a.fit").write_bytes(b"<html>please sign in</html>")
    again = front.scan([export], folder)
    assert again.failed == 1
    assert activities(folder)["id"].to_list() == before


def test_a_removed_file_keeps_its_rows(new_export, tmp_path):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    before = activities(folder)["id"].to_list()
    shutil.rmtree(export / "loose")
    front.scan([export], folder)
    assert activities(folder)["id"].to_list() == before


def test_a_moved_export_is_told_as_the_same_content(new_export, tmp_path):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    before = activities(folder)["id"].to_list()
    export.rename(tmp_path / "moved")
    result = front.scan([tmp_path / "moved"], folder)
    assert activities(folder)["id"].to_list() == before
    assert result.duplicates >= 7


def test_an_archive_is_remembered_only_after_what_it_held_was_committed(new_export, tmp_path, monkeypatch):
    export, folder = new_export(), tmp_path / "ledger"
    calls = []
    real = scanning._commit

    def commit(*args):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(1)
        real(*args)

    monkeypatch.setattr(scanning, "BATCH_FILES", 1)
    monkeypatch.setattr(scanning, "_commit", commit)
    with pytest.raises(KeyboardInterrupt):
        front.scan([export], folder)
    told = outcomes(folder)
    assert told
    assert "UploadedFiles_0-_Part1.zip" not in told
    assert "activities.csv" not in told
    monkeypatch.setattr(scanning, "_commit", real)
    result = front.scan([export], folder)
    assert result.activities == 7
    assert activities(folder)["by_hand"].sum() == 1


def test_a_table_is_read_again_when_the_scan_ended_before_its_entries_were_kept(
    new_export, tmp_path, monkeypatch
):
    export, folder = new_export(), tmp_path / "ledger"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scanning, "_keep_by_hand", killed)
        with pytest.raises(KeyboardInterrupt):
            front.scan([export], folder)
    front.scan([export], folder)
    assert activities(folder)["by_hand"].sum() == 1


def test_copies_are_told_when_the_scan_before_ended_without_looking_for_them(
    new_export, tmp_path, monkeypatch, parsed
):
    export, folder = new_export(), tmp_path / "ledger"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scanning, "_settle", killed)
        with pytest.raises(KeyboardInterrupt):
            front.scan([export], folder)
    parsed.clear()
    result = front.scan([export], folder)
    assert parsed == []
    assert result.activities == 7
    assert activities(folder)["duplicate_of"].drop_nulls().len() == 1


# --- whose -----------------------------------------------------------------------------------


def test_a_device_of_another_athlete_stops_the_scan_with_a_question(new_export, tmp_path):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder, athlete="ann")
    ann = activities(folder, "ann")
    with pytest.raises(StoreError, match=r"'ann'.*--yes"):
        front.scan([export / "loose" / "a.fit"], folder, athlete="bob")
    assert activities(folder, "bob").is_empty()
    asked = []

    def accept(serial, other):
        asked.append((serial, other))
        return True

    front.scan([export / "loose"], folder, athlete="bob", accept_device=accept)
    assert {other for _, other in asked} == {"ann"}
    assert len(asked) == len(set(asked))
    assert activities(folder, "bob").height >= 3
    assert activities(folder, "ann").equals(ann)


def test_two_athletes_who_share_files_have_their_own_tracks(new_export, tmp_path, ledger_dump):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder, athlete="ann")
    alone = ledger_dump(folder)
    front.scan([export], folder, athlete="bob", accept_device=lambda _serial, _other: True)
    both = ledger_dump(folder)
    assert len(both["tracks"]) == 2 * len(alone["tracks"])
    assert all(both["tracks"][name] == track for name, track in alone["tracks"].items())


def test_forget_removes_everything_of_one_and_nothing_of_the_other(new_export, tmp_path, ledger_dump):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder, athlete="ann")
    with Ledger(folder) as ledger:
        ledger.add_entry("pain", "ann", {"date": "2026-04-03", "during": "none"})
    before = ledger_dump(folder)
    front.scan([export], folder, athlete="bob", accept_device=lambda _serial, _other: True)
    with Ledger(folder) as ledger:
        ledger.lock()
        ledger.compact(above=1)
        ledger.add_entry("pain", "bob", {"date": "2026-04-03", "during": "beyond"})
        ledger.set_profile("bob", {"previous_knee_pain": True})
        gone = set(ledger.activities("bob", duplicates=True)["id"])
    assert front.forget(folder, "bob") == 8
    assert comparable(ledger_dump(folder), "meta") == comparable(before, "meta")
    for file in folder.rglob("*"):
        if file.suffix == ".parquet":
            assert not gone & set(pl.read_parquet(file)["activity"])
        elif file.is_file():
            assert b"beyond" not in file.read_bytes()
            assert not any(name.encode() in file.read_bytes() for name in gone)


def test_forget_takes_the_tracks_of_files_that_were_replaced_too(new_export, tmp_path):
    export, folder = new_export(), tmp_path / "ledger"
    front.scan([export], folder)
    shutil.copy(export / "loose" / "b.fit", export / "loose" / "a.fit")
    front.scan([export], folder)
    front.forget(folder, "me")
    assert list((folder / "tracks").iterdir()) == []


def test_rebuild_reads_everything_again_and_keeps_what_was_written_by_hand(
    undisturbed, small_export, tmp_path, parsed, ledger_dump
):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[1], folder)
    with Ledger(folder) as ledger:
        ledger.add_entry("pain", "me", {"date": "2026-04-03", "during": "tolerable"})
        ledger.add_entry("notes", "me", {"kind": "strength", "minutes": 30, "date": "2026-04-03"})
        ledger.set_profile("me", {"previous_knee_pain": True})
    before = ledger_dump(folder)
    front.scan([small_export], folder, rebuild=True)
    assert len(parsed) >= 7
    assert ledger_dump(folder) == before


# --- what the numbers rest on -------------------------------------------------------------------


def test_refresh_after_a_changed_setting_equals_a_fresh_scan(
    undisturbed, small_export, tmp_path, parsed, ledger_dump
):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[1], folder)
    changed = settings.find({"downhill_model": "mechanics", "mass_kg": 80.0, "pack_kg": 6.0})
    with Ledger(folder) as ledger:
        count = scanning.refresh(ledger, athlete="me", config=changed)
        assert scanning.refresh(ledger, athlete="me", config=changed) == 0
    assert parsed == []
    assert count == 8
    front.scan([small_export], tmp_path / "fresh", config=changed)
    refreshed, fresh = ledger_dump(folder), ledger_dump(tmp_path / "fresh")
    for part in refreshed:
        assert refreshed[part] == fresh[part], part
    assert refreshed["metrics"] != undisturbed[2]["metrics"]


def test_refresh_back_again_gives_the_first_ledger(undisturbed, tmp_path, ledger_dump):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[1], folder)
    with Ledger(folder) as ledger:
        scanning.refresh(ledger, athlete="me", config=settings.find({"downhill_model": "none"}))
        scanning.refresh(ledger, athlete="me", config=settings.find({}))
    assert ledger_dump(folder) == undisturbed[2]


def test_refresh_asks_again_after_it_waited_for_another_writer(undisturbed, tmp_path, monkeypatch):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[1], folder)
    lock = Ledger.lock

    def waited(ledger, **how):
        monkeypatch.setattr(Ledger, "lock", lock)
        with Ledger(folder) as other, other.transaction() as db:
            [(path,)] = db.execute("select path from activities limit 1").fetchall()
            other.drop_activities(db, "me", path)
        return lock(ledger, **how)

    monkeypatch.setattr(Ledger, "lock", waited)
    with Ledger(folder) as ledger:
        assert scanning.refresh(ledger, athlete="me", config=settings.find({"mass_kg": 81.0})) == 7


def test_refresh_after_a_new_analyzer_version_needs_no_source(
    undisturbed, tmp_path, monkeypatch, parsed, ledger_dump
):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[1], folder)
    newer = tuple(
        replace(one, version=one.version + 1) if one.name == "summary" else one for one in analyzers.ANALYZERS
    )
    monkeypatch.setattr(analyzers, "ANALYZERS", newer)
    with Ledger(folder) as ledger:
        assert scanning.refresh(ledger, athlete="me", config=settings.find({})) == 8
    assert parsed == []
    after = ledger_dump(folder)
    assert after["metrics"] == undisturbed[2]["metrics"]
    assert after["tables"] == undisturbed[2]["tables"]
    assert after["activities"] != undisturbed[2]["activities"]


def test_a_new_reader_version_reads_every_file_again(
    undisturbed, small_export, tmp_path, monkeypatch, parsed
):
    folder = tmp_path / "ledger"
    shutil.copytree(undisturbed[1], folder)
    monkeypatch.setattr(scanning, "READER_VERSION", "another")
    front.scan([small_export], folder)
    assert {"a.fit", "b.fit", "run.fit", "run.gpx", "2.fit.gz"} <= set(parsed)
    assert activities(folder).height == 8


def test_an_entry_by_hand_has_totals_and_no_track(undisturbed):
    _, folder, _ = undisturbed
    with Ledger(folder) as ledger:
        row = ledger.activities("me").filter(pl.col("by_hand")).row(0, named=True)
        metrics = ledger.metrics("me").filter(pl.col("id") == row["id"]).row(0, named=True)
        assert ledger.records(row["id"]) is None
    assert row["sport"] == "running"
    assert metrics["distance_m"] == pytest.approx(5000)
    assert metrics["timer_s"] == pytest.approx(1800)
    assert json.loads(row["context"])["title"] == "By the harbour"
    assert "by_hand" in row["issues"]


def test_settings_inside_an_export_are_not_read(new_export, tmp_path, monkeypatch, ledger_dump):
    export = new_export()
    (export / "kneeledger.toml").write_text('downhill_model = "none"\n', encoding="utf-8")
    (export / "loose" / "kneeledger.toml").write_text("this = is no setting\n", encoding="utf-8")
    monkeypatch.chdir(export / "loose")
    front.scan([export], tmp_path / "inside")
    assert settings.find({}, exports=[export])["downhill_model"] == "article"
    monkeypatch.chdir(tmp_path)
    front.scan([export], tmp_path / "outside")
    inside, outside = ledger_dump(tmp_path / "inside"), ledger_dump(tmp_path / "outside")
    assert inside == outside


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("GARMIN/Activity/2026-05-03-18-05-59.fit", "2026-05-03"),
        ("x.zip!/20260503_run.fit", "2026-05-03"),
        ("2026-13-41.fit", None),
        ("activity_17000209458.fit", None),
    ],
)
def test_the_day_of_an_unreadable_file_is_taken_from_its_name(name, day):
    found = scanning.day_of_name(name)
    assert (found.isoformat() if found else None) == day
