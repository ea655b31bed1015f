"""A cohort: what is in the data set and what never is, what is done again, and the coach's page."""

import errno
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import kneeledger
from kneeledger.config import Config
from kneeledger.errors import ConfigError, StoreError, WorkerError
from kneeledger.ledger.rows import activity_id
from kneeledger.pipeline import cohort as cohorts
from kneeledger.pipeline import cohort_athlete, cohort_coach, cohort_work, settings
from kneeledger.pipeline.cohort import Cohort, CohortResult, open_cohort
from kneeledger.pipeline.cohort_folders import Salt

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SECOND = sorted((FIXTURES / "export-second").glob("*.fit"), key=lambda file: (file.stat().st_size, file.name))
WATCH = sorted(
    (FIXTURES / "export" / "watch" / "GARMIN" / "Activity").glob("*.fit"),
    key=lambda file: (file.stat().st_size, file.name),
)
FACTS = """athlete;sex;birth_year;mass_kg;previous_knee_pain;Full name
Ann Example;f;1990;61,5;yes;Ann Example
bob;m;1985;;no;Bob Builder
nobody;m;1971;80;no;No Body
"""
INJURIES = """athlete,date,site,notes
Ann Example,2026-04-24,knee,private words
bob,2026-05-02,hip,
bob,2020-01-01,hip,
"""


def build(folder: Path) -> Path:
    """Six athletes: two well, one in a zip, one empty, one of damaged files, one a link."""
    ann, bob, empty, broken = (folder / name for name in ("Ann Example", "bob", "empty", "broken"))
    for one in (ann, bob, empty, broken):
        one.mkdir(parents=True)
    for file in WATCH[2:8]:
        shutil.copy(file, ann / f"Ann {file.name}")
    for file in SECOND[:4]:
        shutil.copy(file, bob / file.name)
    with zipfile.ZipFile(folder / "zoe.zip", "w") as archive:
        for file in SECOND[2:4]:
            archive.write(file, f"zoe/{file.name}")
    (broken / "secret.fit").write_bytes(SECOND[0].read_bytes()[:14] + bytes(500))
    (folder / "linked").symlink_to(bob)
    (folder / "athletes.csv").write_text(FACTS, encoding="utf-8")
    (folder / "injuries.csv").write_text(INJURIES, encoding="utf-8")
    (folder / "lost.fit").write_bytes(b"x")
    return folder


@pytest.fixture(scope="module")
def config() -> Config:
    return settings.load(settings.SETTINGS)


@pytest.fixture(scope="module")
def salt_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("salt") / "salt"
    file.write_text("0123456789abcdef" * 4, encoding="ascii")
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, config: Config, salt_file: Path
) -> tuple[Path, Cohort, CohortResult]:
    """The made-up cohort in this process; not to be changed."""
    base = tmp_path_factory.mktemp("cohort")
    folder = build(base / "in")
    result = cohorts.cohort(folder, base / "data", config=config, salt_file=salt_file)
    return folder, open_cohort(base / "data"), result


@pytest.fixture
def run(config: Config, salt_file: Path) -> Callable[..., CohortResult]:
    def go(folder: Path, dataset: Path, **more: Any) -> CohortResult:
        return cohorts.cohort(folder, dataset, **({"config": config, "salt_file": salt_file} | more))

    return go


@pytest.fixture
def key(salt_file: Path) -> Salt:
    return Salt(salt_file.read_text(encoding="ascii").encode())


def frames(dataset: Path) -> dict[str, pl.DataFrame]:
    """Everything of a data set, in one order."""
    opened = open_cohort(dataset)
    tables = {name: getattr(opened, name).collect() for name in ("activities", "daily", "findings", "files")}
    tables |= {"athletes": opened.athletes, "injuries": opened.injuries, "errors": opened.errors}
    return tables


def same(one: Path, other: Path) -> None:
    left, right = frames(one), frames(other)
    for name, frame in left.items():
        assert frame.equals(right[name], null_equal=True), name
    for name in ("codebook.csv", "errors.jsonl", "manifest.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


class TestDataSet:
    def test_bad_athletes_are_rows(self, whole: tuple[Path, Cohort, CohortResult], key: Salt) -> None:
        _, opened, result = whole
        rows = {row["athlete"]: row for row in opened.athletes.to_dicts()}
        told = {
            name: rows[key.pseudonym(name)]
            for name in ("Ann Example", "bob", "zoe", "empty", "broken", "linked")
        }
        assert [one["status"] for one in told.values()] == [
            "read", "read", "read", "no_activity", "no_activity", "failed",
        ]  # fmt: skip
        assert told["broken"]["code"] == "failed_files"
        assert told["broken"]["failed"] == 1
        assert told["linked"]["code"] == "link"
        assert told["bob"]["activities"] == 4
        assert (result.athletes, result.read, result.without_activity) == (6, 5, 3)
        assert "1 loose file " in " ".join(result.notes)

    def test_tables_are_partitioned_by_athlete_and_lazy(
        self, whole: tuple[Path, Cohort, CohortResult]
    ) -> None:
        _, opened, _ = whole
        assert isinstance(opened.activities, pl.LazyFrame)
        counted = opened.activities.group_by("athlete").len().collect()
        assert dict(counted.iter_rows()) == {
            row["athlete"]: row["activities"] for row in opened.athletes.to_dicts() if row["activities"]
        }
        assert opened.activities.select(pl.col("id").is_unique().all()).collect().item()
        assert kneeledger.open_cohort(opened.folder).manifest["complete"] is True

    def test_numbers_are_those_of_a_scan(
        self, whole: tuple[Path, Cohort, CohortResult], key: Salt, config: Config
    ) -> None:
        _, opened, _ = whole
        recording = kneeledger.read(SECOND[0])[0]
        entry = kneeledger.analyze(kneeledger.prepare(recording))
        row = (
            opened.activities.filter(
                (pl.col("athlete") == key.pseudonym("bob")) & (pl.col("start") == recording.about.start)
            )
            .collect()
            .row(0, named=True)
        )
        for name, value in entry.metrics.items():
            assert row[name] == value.value, name
            assert row.get(f"{name}_low") == value.low, name
        assert (
            row["knee_load_linear_bw_s_low"]
            < row["knee_load_linear_bw_s"]
            < row["knee_load_linear_bw_s_high"]
        )

    def test_nothing_tells_who_it_is(self, whole: tuple[Path, Cohort, CohortResult], salt_file: Path) -> None:
        folder, opened, _ = whole
        text = []
        for file in sorted(opened.folder.rglob("*")):
            text.append(file.relative_to(opened.folder).as_posix())
            if file.suffix == ".parquet":
                text.append(pl.read_parquet(file).write_ndjson())
            elif file.is_file():
                text.append(file.read_text(encoding="utf-8"))
        everything = "\n".join(text).lower()
        serials = {kneeledger.read(file)[0].about.device_serial for file in (SECOND[0], WATCH[2])}
        assert all(serials)
        names = [
            "ann example",
            "bob",
            "zoe",
            "broken",
            "linked",
            "builder",
            "secret",
            ".fit",
            ".gpx",
            "private words",
        ]
        for word in [*names, str(folder).lower(), salt_file.read_text()[:16], *map(str, serials)]:
            assert word not in everything, word

    def test_facts_and_outcomes_are_joined(self, whole: tuple[Path, Cohort, CohortResult], key: Salt) -> None:
        _, opened, result = whole
        ann = opened.athletes.filter(pl.col("athlete") == key.pseudonym("Ann Example")).row(0, named=True)
        assert (ann["sex"], ann["birth_year"], ann["mass_kg"]) == ("f", 1990, 61.5)
        assert "full name" not in opened.athletes.columns
        assert any("full name" in note for note in result.notes)
        assert opened.injuries.columns == ["athlete", "day", "site"]
        days = opened.daily.filter(pl.col("athlete") == key.pseudonym("bob")).sort("day").collect()
        assert days.filter(pl.col("injuries") > 0)["day"].to_list() == [date(2026, 5, 2)]
        assert days["day"].max() >= date(2026, 5, 2), "an outcome after the newest file has its day"
        bob = opened.athletes.filter(pl.col("athlete") == key.pseudonym("bob")).row(0, named=True)
        assert (bob["injuries"], bob["injuries_outside"]) == (1, 1)
        assert bob["last_day"] < date(2026, 5, 2)

    def test_hurt_or_not_everyone_is_followed_alike(
        self, run: Callable[..., CohortResult], tmp_path: Path, key: Salt
    ) -> None:
        for name in ("hurt", "well"):
            (tmp_path / "in" / name).mkdir(parents=True)
            shutil.copy(SECOND[0], tmp_path / "in" / name)
        run(tmp_path / "in", tmp_path / "plain")
        told = open_cohort(tmp_path / "plain").daily.collect()
        last = told["day"].max()
        assert told["days_after_last_file"].max() == 0, "without outcomes the rows end at the newest file"
        (tmp_path / "in" / "injuries.csv").write_text(
            f"athlete,date\nhurt,{last + timedelta(days=9)}\nhurt,{last + timedelta(days=93)}\n",
            encoding="utf-8",
        )
        run(tmp_path / "in", tmp_path / "told")
        opened = open_cohort(tmp_path / "told")
        hurt, well = (
            opened.daily.filter(pl.col("athlete") == key.pseudonym(name)).sort("day").collect()
            for name in ("hurt", "well")
        )
        assert hurt["day"].max() == last + timedelta(days=92)
        rest = [
            name for name in hurt.columns if name not in ("athlete", "injuries", "before_since_injury_days")
        ]
        assert hurt.select(rest).equals(well.select(rest), null_equal=True)
        assert hurt["days_after_last_file"].to_list()[-93:] == list(range(93))
        assert (hurt["injuries"].sum(), well["injuries"].sum()) == (1, 0)
        outside = dict(opened.athletes.select("athlete", "injuries_outside").iter_rows())
        assert outside == {key.pseudonym("hurt"): 1, key.pseudonym("well"): 0}
        later = hurt.filter(pl.col("days_after_last_file") > 15)
        assert later["before_7d_run_distance_m"].null_count() == later.height

    def test_the_codebook_has_every_column_once(self, whole: tuple[Path, Cohort, CohortResult]) -> None:
        _, opened, _ = whole
        book = opened.codebook
        assert book.select(pl.struct("table", "name").is_unique().all()).item()
        for name in ("activities", "daily", "findings", "files"):
            columns = set(getattr(opened, name).collect_schema().names())
            assert columns == set(book.filter(pl.col("table") == name)["name"]), name
        assert set(opened.athletes.columns) == set(book.filter(pl.col("table") == "athletes")["name"])
        assert book["meaning"].null_count() == 0
        units = dict(book.filter(pl.col("table") == "daily").select("name", "unit").iter_rows())
        assert units["before_7d_knee_load_bw_s"] == "BW·s"
        assert units["before_7d_spike_run_distance"] is None
        assert {units["steps_downhill"], units["peak_weighted_steps_run"]} == {"steps"}
        evidence = dict(book.filter(pl.col("table") == "daily").select("name", "evidence").iter_rows())
        assert {evidence["injuries"], evidence["before_since_injury_days"]} == {"reported"}
        told = dict(book.filter(pl.col("table") == "daily").select("name", "meaning").iter_rows())
        assert "half the largest of the 90 days" in told["before_7d_spike_run_distance"]
        assert "below 1000 m" in told["before_7d_spike_run_distance"]
        cadence = book.filter(pl.col("name").str.starts_with("cadence_") & (pl.col("table") == "activities"))
        assert cadence["meaning"].is_unique().all()
        of_theirs = book.filter((pl.col("table") == "athletes") & (pl.col("name") == "mass_kg"))
        assert of_theirs["unit"].to_list() == [None], "what a column of somebody's table holds is not guessed"

    def test_intervals_are_columns_where_a_metric_has_one(
        self, whole: tuple[Path, Cohort, CohortResult]
    ) -> None:
        _, opened, _ = whole
        frame = opened.activities.collect()
        ends = [name for name in frame.columns if name.endswith(("_low", "_high"))]
        empty = [name for name in ends if frame[name].null_count() == frame.height]
        assert len(ends) > 20
        assert not empty
        entry = kneeledger.analyze(kneeledger.prepare(kneeledger.read(SECOND[0])[0]))
        with_interval = {name for name, value in entry.metrics.items() if value.low is not None}
        assert with_interval <= {name.removesuffix("_low") for name in ends}

    def test_manifest_has_versions_parameters_and_inputs(
        self, whole: tuple[Path, Cohort, CohortResult]
    ) -> None:
        _, opened, _ = whole
        manifest = opened.manifest
        assert manifest["versions"]["kneeledger"] == kneeledger.__version__
        assert manifest["parameters"]["settings"]["downhill_model"] == "article"
        assert manifest["parameters"]["settings"]["terrain_dir"] is False, "whether, not where"
        assert all(len(one["inputs"]) == 64 for one in manifest["athletes"].values() if one["counts"])
        read = opened.files.filter(pl.col("outcome") == "read").collect()
        assert read["content"].str.len_chars().unique().to_list() == [64]

    def test_who_holds_a_file_cannot_find_its_athlete(
        self, whole: tuple[Path, Cohort, CohortResult], key: Salt
    ) -> None:
        _, opened, _ = whole
        about = kneeledger.read(SECOND[2])[0].about
        plain = {about.sha256, hashlib.sha256(SECOND[2].read_bytes()).hexdigest()}
        assert not plain & set(opened.files.collect()["content"])
        guesses = {activity_id(name, about.sha256, 0) for name in ("me", key.pseudonym("bob"))}
        assert not guesses & set(opened.activities.collect()["id"])
        both = opened.files.filter(pl.col("outcome") == "read").collect()
        of = {
            name: set(both.filter(pl.col("athlete") == key.pseudonym(name))["content"])
            for name in ("bob", "zoe")
        }
        assert len(of["zoe"]) == 2
        assert not of["bob"] & of["zoe"], "the same two files have another name for each athlete"

    def test_errors_are_told_by_code(self, whole: tuple[Path, Cohort, CohortResult], key: Salt) -> None:
        _, opened, result = whole
        by_athlete = {(one["athlete"], one["what"]): one["code"] for one in opened.errors.to_dicts()}
        assert by_athlete[key.pseudonym("linked"), "athlete"] == "link"
        assert (key.pseudonym("broken"), "file") in by_athlete
        assert [(name, path) for name, path, _ in result.failures] == [("broken", "broken/secret.fit")]

    def test_files_are_private(self, whole: tuple[Path, Cohort, CohortResult]) -> None:
        _, opened, result = whole
        assert result.page is not None
        for file in [opened.folder, result.page, *opened.folder.rglob("*")]:
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file

    def test_a_study_query_runs_over_athletes(self, whole: tuple[Path, Cohort, CohortResult]) -> None:
        _, opened, _ = whole
        by_sex = (
            opened.daily.filter(pl.col("before_known_28d_days") >= 1)
            .join(opened.athletes.lazy().select("athlete", "sex"), on="athlete")
            .group_by("sex")
            .agg(
                pl.len().alias("athlete_days"),
                pl.col("injuries").sum(),
                pl.col("before_7d_knee_load_bw_s")
                .filter(pl.col("days_after_last_file") == 0)
                .median()
                .alias("median_week_bw_s"),
            )
            .sort("sex", nulls_last=True)
            .collect()
        )
        assert by_sex["sex"].to_list() == ["f", "m", None]
        assert by_sex["injuries"].to_list() == [1, 1, 0]
        assert by_sex["median_week_bw_s"].drop_nulls().min() > 0


class TestSame:
    def test_names_and_order_change_no_number(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        key: Salt,
    ) -> None:
        folder, opened, _ = whole
        (tmp_path / "in").mkdir()
        shutil.copytree(folder / "bob", tmp_path / "in" / "00 first of all")
        (tmp_path / "in" / "injuries.csv").write_text(
            "athlete,date\n00 first of all,2026-05-02\n00 first of all,2020-01-01\n", encoding="utf-8"
        )
        run(tmp_path / "in", tmp_path / "data")
        other = open_cohort(tmp_path / "data")
        for name in ("activities", "daily", "findings"):
            mine = getattr(opened, name).filter(pl.col("athlete") == key.pseudonym("bob")).collect()
            theirs = getattr(other, name).collect()
            drop = [c for c in ("athlete", "id", "activity", "mass_assumed") if c in mine.columns]
            assert mine.height > 0 or name == "findings"
            assert mine.drop(drop).equals(theirs.drop(drop), null_equal=True), name

    @pytest.mark.slow
    def test_two_processes_give_the_same(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        folder, opened, _ = whole
        run(folder, tmp_path / "data", jobs=2)
        same(opened.folder, tmp_path / "data")


class TestAgain:
    def test_nothing_new_then_nothing_is_done(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult]
    ) -> None:
        folder, opened, _ = whole
        before = {
            file: file.stat().st_mtime_ns for file in opened.folder.rglob("*.parquet") if "=" in str(file)
        }
        result = run(folder, opened.folder)
        assert (result.read, result.unchanged) == (0, 5)
        assert {file: file.stat().st_mtime_ns for file in before} == before

    def test_stopped_in_the_middle_then_it_goes_on_and_ends_the_same(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder, opened, _ = whole
        seen: list[str] = []
        study = cohort_athlete.study

        def stops(job: cohort_athlete.Job) -> cohort_athlete.Done:
            if len(seen) == 2:
                raise KeyboardInterrupt
            seen.append(job.pseudonym)
            return study(job)

        monkeypatch.setattr(cohort_athlete, "study", stops)
        with pytest.raises(KeyboardInterrupt):
            run(folder, tmp_path / "data")
        with pytest.raises(StoreError, match=r"incomplete.*Run the same command again"):
            open_cohort(tmp_path / "data")
        monkeypatch.setattr(cohort_athlete, "study", study)
        result = run(folder, tmp_path / "data")
        assert (result.read, result.unchanged) == (3, 2)
        same(opened.folder, tmp_path / "data")

    def test_at_its_end_no_ledger_of_a_killed_worker_is_left(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder, _, _ = whole
        room = tmp_path / "room"
        (room / f"{cohort_work.PREFIX}x" / "ledger").mkdir(parents=True)
        (room / f"{cohort_work.PREFIX}x" / cohort_work.LOCK).touch()

        def is_killed(_job: cohort_athlete.Job) -> cohort_athlete.Done:
            raise WorkerError("A worker process was ended from outside.")

        monkeypatch.setattr(tempfile, "tempdir", str(room))
        monkeypatch.setattr(cohort_athlete, "study", is_killed)
        with pytest.raises(WorkerError):
            run(folder, tmp_path / "data")
        assert not list(room.iterdir())

    def test_a_stopped_rerun_keeps_the_list_of_athletes(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        before = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))

        def stops(_job: cohort_athlete.Job) -> cohort_athlete.Done:
            raise KeyboardInterrupt

        monkeypatch.setattr(cohort_athlete, "study", stops)
        with pytest.raises(KeyboardInterrupt):
            run(folder, tmp_path / "data", decoder="fitparse")
        after = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))
        assert after["complete"] is False
        assert after["athletes"] == before["athletes"]

    def test_who_is_gone_leaves_no_ledger_and_no_report(
        self, run: Callable[..., CohortResult], tmp_path: Path, key: Salt
    ) -> None:
        for name, file in (("ann", SECOND[0]), ("bob", SECOND[1]), ("eve", SECOND[2])):
            (tmp_path / "in" / name).mkdir(parents=True)
            shutil.copy(file, tmp_path / "in" / name)
        kept, reports = tmp_path / "kept", tmp_path / "reports"
        run(tmp_path / "in", tmp_path / "data", ledgers=kept)
        ann, bob, eve = map(key.pseudonym, ("ann", "bob", "eve"))
        for name in (ann, bob):
            (reports / name).mkdir(parents=True)
        (kept / "other").mkdir()
        shutil.rmtree(kept / eve)
        (tmp_path / "far").mkdir()
        (kept / eve).symlink_to(tmp_path / "far")
        (tmp_path / "far" / "file").write_text("x", encoding="utf-8")
        for name in ("bob", "eve"):
            shutil.rmtree(tmp_path / "in" / name)
        result = run(tmp_path / "in", tmp_path / "data", ledgers=kept, reports=reports)
        assert result.removed == 2
        assert "2 kept ledgers and reports of athletes whose folder is gone were removed." in result.notes
        assert not (kept / bob).exists()
        assert not (reports / bob).exists()
        assert (kept / ann).exists()
        assert (kept / "other").exists()
        assert (tmp_path / "far" / "file").exists(), "never outside"

    def test_an_athlete_half_written_then_they_are_done_again(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        key: Salt,
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        shutil.rmtree(tmp_path / "data" / "daily" / f"athlete={key.pseudonym('bob')}")
        (tmp_path / "data" / "state" / f"{key.pseudonym('zoe')}.json").write_text("{", encoding="utf-8")
        assert run(folder, tmp_path / "data").read == 2
        same(opened.folder, tmp_path / "data")

    def test_one_athlete_changes_then_only_theirs_is_done(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        key: Salt,
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(folder, tmp_path / "in", symlinks=True)
        shutil.copytree(opened.folder, tmp_path / "data")
        (tmp_path / "in" / "bob" / SECOND[3].name).unlink()
        shutil.rmtree(tmp_path / "in" / "empty")
        result = run(tmp_path / "in", tmp_path / "data")
        assert (result.read, result.unchanged, result.removed) == (1, 3, 1), "another place is no other file"
        (tmp_path / "in" / "bob" / SECOND[2].name).unlink()
        result = run(tmp_path / "in", tmp_path / "data")
        assert (result.read, result.unchanged) == (1, 3)
        counted = open_cohort(tmp_path / "data").activities.filter(pl.col("athlete") == key.pseudonym("bob"))
        assert counted.collect().height == 2
        assert not list((tmp_path / "data").rglob(f"*{key.pseudonym('empty')}*"))

    def test_facts_change_then_only_what_rests_on_them_is_done(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        saved = FACTS.replace("1985", "1986").replace("61,5", "62")
        try:
            (folder / "athletes.csv").write_text(saved, encoding="utf-8")
            result = run(folder, tmp_path / "data")
        finally:
            (folder / "athletes.csv").write_text(FACTS, encoding="utf-8")
        assert (result.read, result.unchanged) == (1, 4), "mass changes rides; a birth year changes no number"
        assert 1986 in open_cohort(tmp_path / "data").athletes["birth_year"].to_list()

    def test_another_place_or_spelling_then_nothing_is_read_again(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        shutil.copytree(folder, tmp_path / "in", symlinks=True)
        result = run(tmp_path / "in" / ".." / "in", tmp_path / "data")
        assert (result.read, result.unchanged) == (0, 5)
        run(tmp_path / "in", tmp_path / "fresh")
        same(tmp_path / "data", tmp_path / "fresh")

    def test_a_fault_of_ours_costs_one_athlete_and_is_tried_again(
        self,
        run: Callable[..., CohortResult],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name, file in (("ann", SECOND[0]), ("bob", SECOND[1])):
            (tmp_path / "in" / name).mkdir(parents=True)
            shutil.copy(file, tmp_path / "in" / name)
        scan = cohort_athlete.scan.scan

        def breaks(paths: list[Path], *rest: Any, **more: Any) -> Any:
            if paths[0].name == "ann":
                raise ZeroDivisionError("nothing to share")
            return scan(paths, *rest, **more)

        monkeypatch.setattr(cohort_athlete.scan, "scan", breaks)
        result = run(tmp_path / "in", tmp_path / "data")
        assert [(name, "ZeroDivisionError: nothing" in reason) for name, _, reason in result.failures] == [
            ("ann", True)
        ]
        assert sorted(open_cohort(tmp_path / "data").athletes["code"]) == ["", "internal"]
        monkeypatch.setattr(cohort_athlete.scan, "scan", scan)
        assert run(tmp_path / "in", tmp_path / "data").read == 1
        assert set(open_cohort(tmp_path / "data").athletes["status"]) == {"read"}

    def test_other_units_renew_reports_and_nothing_else(
        self, run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        (tmp_path / "in" / "bob").mkdir(parents=True)
        shutil.copy(SECOND[0], tmp_path / "in" / "bob")
        miles = settings.load(settings.SETTINGS, flags={"units": "imperial"})
        run(tmp_path / "in", tmp_path / "data")
        assert run(tmp_path / "in", tmp_path / "data", config=miles).read == 0
        run(tmp_path / "in", tmp_path / "data", reports=tmp_path / "reports")
        assert run(tmp_path / "in", tmp_path / "data", reports=tmp_path / "reports", config=miles).read == 1

    def test_kept_ledgers_then_the_same_and_a_removed_file_is_forgotten(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        folder, _, _ = whole
        (tmp_path / "in").mkdir()
        shutil.copytree(folder / "bob", tmp_path / "in" / "bob")
        gone = tmp_path / "in" / "bob" / SECOND[3].name
        run(tmp_path / "in", tmp_path / "data", ledgers=tmp_path / "ledgers")
        for file in [tmp_path / "ledgers", *(tmp_path / "ledgers").rglob("*")]:
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        gone.unlink()
        run(tmp_path / "in", tmp_path / "data", ledgers=tmp_path / "ledgers")
        run(tmp_path / "in", tmp_path / "fresh")
        same(tmp_path / "data", tmp_path / "fresh")


class Full:
    """A disk that is full from a given file name on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: Any, named: str) -> None:
        real = where.write_bytes

        def write(target: Path, data: bytes) -> None:
            if named in str(target):
                raise StoreError(f"{target} cannot be written: No space left on device.")
            real(target, data)

        monkeypatch.setattr(where, "write_bytes", write)


class TestFailing:
    @pytest.fixture
    def squad(self, run: Callable[..., CohortResult], tmp_path: Path) -> Path:
        """Ann and Bob are in the data set, and then Ann has a new file."""
        for name, files in (("ann", SECOND[:2]), ("bob", SECOND[2:3])):
            (tmp_path / "in" / name).mkdir(parents=True)
            for file in files:
                shutil.copy(file, tmp_path / "in" / name)
        run(tmp_path / "in", tmp_path / "data")
        shutil.copy(SECOND[3], tmp_path / "in" / "ann")
        return tmp_path

    def test_a_full_disk_under_a_report_keeps_the_earlier_part_and_says_so(
        self, squad: Path, run: Callable[..., CohortResult], key: Salt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = open_cohort(squad / "data").activities.collect()
        report = cohort_athlete._report

        def full(_ledger: Any, job: cohort_athlete.Job, _out: Path) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), job.report)

        monkeypatch.setattr(cohort_athlete, "_report", full)
        result = run(squad / "in", squad / "data", reports=squad / "reports")
        assert (result.undone, result.kept, result.without_activity, result.activities) == (2, 2, 0, 3)
        assert all("No space left" in reason for _, _, reason in result.failures)
        said = "\n".join(cohorts.told(result))
        assert "2 athletes could not be dealt with, as told above: run the same command again." in said
        assert "Of 2 athletes who could not be read this time" in said
        opened = open_cohort(squad / "data")
        assert opened.activities.collect().equals(before, null_equal=True)
        assert set(opened.athletes.select("status", "code").rows()) == {("kept", "disk")}
        assert {one["status"] for one in opened.manifest["athletes"].values()} == {"kept"}
        assert opened.errors.select("what", "code").rows() == [("athlete", "disk")] * 2
        page = (squad / "data-coach.html").read_text(encoding="utf-8")
        assert "as an earlier run read it, since this one failed (disk)" in page
        run(squad / "in", squad / "data", reports=squad / "reports")
        assert open_cohort(squad / "data").errors.height == 2, "told once however often it fails"
        monkeypatch.setattr(cohort_athlete, "_report", report)
        result = run(squad / "in", squad / "data")
        assert (result.read, result.undone, result.kept, result.activities) == (2, 0, 0, 4)
        run(squad / "in", squad / "fresh")
        same(squad / "data", squad / "fresh")

    def test_a_full_disk_under_a_ledger_keeps_the_earlier_part(
        self, squad: Path, run: Callable[..., CohortResult], key: Salt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise StoreError("The ledger cannot be written.")

        with monkeypatch.context() as patched:
            patched.setattr(cohort_athlete.scan, "scan", full)
            result = run(squad / "in", squad / "data", ledgers=squad / "ledgers")
        assert (result.undone, result.kept, result.unchanged, result.activities) == (1, 1, 1, 3)
        told = dict(open_cohort(squad / "data").athletes.select("athlete", "status").rows())
        assert told == {key.pseudonym("ann"): "kept", key.pseudonym("bob"): "read"}
        assert run(squad / "in", squad / "data", ledgers=squad / "ledgers").activities == 4

    @pytest.mark.parametrize("named", ["activities", "findings", "state"])
    def test_a_full_disk_under_the_data_set_leaves_every_part_of_before(
        self,
        squad: Path,
        run: Callable[..., CohortResult],
        key: Salt,
        monkeypatch: pytest.MonkeyPatch,
        named: str,
    ) -> None:
        ann = key.pseudonym("ann")
        parts = {
            file: file.read_bytes()
            for file in (squad / "data").rglob("*")
            if ann in str(file) and file.is_file()
        }
        assert len(parts) == 5
        with monkeypatch.context() as patched:
            Full(patched, cohorts, f"{os.sep}{named}{os.sep}")
            with pytest.raises(StoreError, match="No space left"):
                run(squad / "in", squad / "data")
        now = {
            file: file.read_bytes()
            for file in (squad / "data").rglob("*")
            if ann in str(file) and file.is_file()
        }
        assert now == parts
        result = run(squad / "in", squad / "data")
        assert (result.read, result.unchanged, result.activities) == (1, 1, 4)

    def test_a_folder_that_cannot_be_looked_into_keeps_its_earlier_part(
        self, squad: Path, run: Callable[..., CohortResult], key: Salt
    ) -> None:
        (squad / "in" / "ann").rename(squad / "far")
        (squad / "in" / "ann").symlink_to(squad / "far")
        result = run(squad / "in", squad / "data")
        assert (result.undone, result.kept, result.activities) == (0, 1, 3)
        told = dict(open_cohort(squad / "data").athletes.select("athlete", "code").rows())
        assert told == {key.pseudonym("ann"): "link", key.pseudonym("bob"): ""}

    def test_a_part_of_other_columns_is_not_kept(
        self, squad: Path, run: Callable[..., CohortResult], key: Salt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        part = squad / "data" / "daily" / f"athlete={key.pseudonym('ann')}" / "part-0.parquet"
        pl.read_parquet(part).drop("known").write_parquet(part)
        monkeypatch.setattr(cohort_athlete, "_in_ledger", lambda *_: 1 / 0)
        result = run(squad / "in", squad / "data")
        assert (result.undone, result.kept, result.activities) == (1, 0, 1)


BROKEN_STATES = [
    b"{}", b"[]", b"null", b"\xff", b"[" * 100_000,
    {"tables": ["../../x"]}, {"tables": [[]]}, {"tables": None}, {"counts": {"read": "x"}}, {"counts": {"read": 1e9}},
    {"counts": []}, {"first_day": "3 May"}, {"last_day": 3}, {"status": "well"}, {"status": []}, {"key": 1},
    {"errors": [{}]}, {"errors": [["athlete"]]}, {"errors": {}}, {"code": "\ud800"},
]  # fmt: skip


class TestDamaged:
    @pytest.mark.parametrize("state", BROKEN_STATES)
    def test_a_state_that_is_none_then_its_athlete_is_done_again(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        key: Salt,
        state: bytes | dict[str, Any],
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        file = tmp_path / "data" / "state" / f"{key.pseudonym('empty')}.json"
        told = json.loads(file.read_text(encoding="utf-8"))
        file.write_bytes(state if isinstance(state, bytes) else json.dumps(told | state).encode())
        result = run(folder, tmp_path / "data")
        assert (result.read, result.unchanged) == (1, 4)
        same(opened.folder, tmp_path / "data")

    def test_a_part_that_is_cut_then_its_athlete_is_done_again(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        key: Salt,
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        part = tmp_path / "data" / "daily" / f"athlete={key.pseudonym('zoe')}" / "part-0.parquet"
        part.write_bytes(part.read_bytes()[:-100])
        assert run(folder, tmp_path / "data").read == 1
        same(opened.folder, tmp_path / "data")

    @pytest.mark.parametrize(
        "manifest", [b"[]", b"{}", b"null", b'"x"', b'{"schema_version": "1"}', b"\xff\xfe", b"[" * 100_000]
    )
    def test_a_manifest_that_is_none_is_told(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        manifest: bytes,
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        (tmp_path / "data" / "manifest.json").write_bytes(manifest)
        for ask in (lambda: open_cohort(tmp_path / "data"), lambda: run(folder, tmp_path / "data")):
            with pytest.raises(StoreError, match=r"manifest\.json is damaged\. Remove the data set"):
                ask()

    @pytest.mark.parametrize("athletes", [[], None, "x", {"\ud800": 1}])
    def test_a_list_of_athletes_that_is_none_is_made_anew(
        self,
        whole: tuple[Path, Cohort, CohortResult],
        run: Callable[..., CohortResult],
        tmp_path: Path,
        athletes: Any,
    ) -> None:
        folder, opened, _ = whole
        shutil.copytree(opened.folder, tmp_path / "data")
        file = tmp_path / "data" / "manifest.json"
        file.write_text(json.dumps(dict(opened.manifest) | {"athletes": athletes}), encoding="utf-8")
        run(folder, tmp_path / "data")
        same(opened.folder, tmp_path / "data")


class TestRefused:
    def test_another_salt(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        folder, opened, _ = whole
        with pytest.raises(ConfigError, match="another salt"):
            run(folder, opened.folder, salt_file=tmp_path / "new-salt")

    def test_salt_in_the_data_set_or_open_to_others(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        folder, _, _ = whole
        with pytest.raises(ConfigError, match="must not lie in the data set"):
            run(folder, tmp_path / "data", salt_file=tmp_path / "data" / "salt")
        (tmp_path / "salt").write_text("x" * 64, encoding="ascii")
        (tmp_path / "salt").chmod(0o644)
        with pytest.raises(ConfigError, match="read by others"):
            run(folder, tmp_path / "data", salt_file=tmp_path / "salt")

    def test_places_that_would_mix(
        self, whole: tuple[Path, Cohort, CohortResult], run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        folder, _, _ = whole
        with pytest.raises(ConfigError, match="among the athletes"):
            run(folder, folder / "data")
        with pytest.raises(ConfigError, match="neither"):
            run(folder, tmp_path / "data", reports=tmp_path / "data" / "reports")
        (tmp_path / "else").mkdir()
        (tmp_path / "else" / "thesis.txt").write_text("x", encoding="utf-8")
        with pytest.raises(ConfigError, match="something else"):
            run(folder, tmp_path / "else")
        assert (tmp_path / "else" / "thesis.txt").exists()

    def test_a_newer_data_set(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.json").write_text(json.dumps({"schema_version": 99}), encoding="utf-8")
        with pytest.raises(StoreError, match="newer"):
            open_cohort(tmp_path)

    @pytest.mark.parametrize(
        ("table", "text", "said"),
        [
            ("athletes.csv", "name\nx\n", "needs a column 'athlete'"),
            ("athletes.csv", "athlete,mass_kg\nbob,900\n", "line 2: mass_kg"),
            ("athletes.csv", "athlete,mass_kg\nbob,70\nbob,71\n", "twice"),
            ("athletes.csv", "athlete,female\nbob,perhaps\n", "neither yes nor no"),
            ("athletes.csv", "athlete,status\nbob,x\n", "rename"),
            ("athletes.csv", "athlete,first_day\nbob,x\n", "'first_day' has a meaning"),
            ("athletes.csv", "athlete,findings\nbob,x\n", "'findings' has a meaning"),
            ("athletes.csv", "athlete,sex,Sex \nbob,f,m\n", "'sex' and 'Sex ' have one name"),
            ("injuries.csv", "athlete,date,day\nbob,2026-05-02,x\n", "'day' has a meaning"),
            ("injuries.csv", "athlete,date,Date\nbob,2026-05-02,x\n", "one name"),
            ("injuries.csv", "athlete,date\nbob,3 May\n", "no date"),
            (
                "athletes.csv",
                f"athlete,note\nbob,{'x' * 140_000}\n",
                "athletes.csv, line 2: .* more than 131,072",
            ),
            (
                "athletes.csv",
                f"athlete,{'x' * 140_000}\nbob,1\n",
                "athletes.csv, line 1: .* more than 131,072",
            ),
            (
                "injuries.csv",
                'athlete,date\nbob,"2026-05-02\n' + "bob,1\n" * 30_000,
                r"injuries\.csv, line .* never closed",
            ),
            (
                "athletes.csv",
                "athlete," + ",".join(f"c{k}" for k in range(1000)) + "\n",
                "more than 1,000 columns",
            ),
        ],
    )
    def test_tables_that_cannot_be_right(
        self, run: Callable[..., CohortResult], tmp_path: Path, table: str, text: str, said: str
    ) -> None:
        (tmp_path / "in" / "bob").mkdir(parents=True)
        (tmp_path / "in" / table).write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            run(tmp_path / "in", tmp_path / "data")
        assert not (tmp_path / "data").exists(), "refused before any work"

    def test_names_that_differ_only_in_how_a_letter_is_written(
        self, run: Callable[..., CohortResult], tmp_path: Path
    ) -> None:
        for name in ("Zo\u00eb", "Zoe\u0308"):
            (tmp_path / "in" / name).mkdir(parents=True)
        with pytest.raises(ConfigError, match="how a letter with an accent is written"):
            run(tmp_path / "in", tmp_path / "data")

    def test_a_worker_of_another_version(self, config: Config, tmp_path: Path) -> None:
        job = cohort_athlete.Job("a1", (str(tmp_path),), config, "kneeledger", {}, None, b"k", "another")
        with pytest.raises(StoreError, match="another version"):
            cohort_athlete.study(job)


class TestPseudonyms:
    def test_same_salt_same_pseudonym_and_no_plain_hash(self) -> None:
        one, other = Salt(b"a" * 32), Salt(b"b" * 32)
        assert one.pseudonym("Zoë") == one.pseudonym("Zoe\u0308")
        assert one.pseudonym("ann") != other.pseudonym("ann")
        assert one.fingerprint != other.fingerprint

    @pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are text there")
    def test_a_name_that_is_no_text_has_one_too(
        self, run: Callable[..., CohortResult], tmp_path: Path, key: Salt
    ) -> None:
        folder = tmp_path / "in" / os.fsdecode(b"M\xfcller")
        folder.mkdir(parents=True)
        shutil.copy(SECOND[0], folder / os.fsdecode(b"L\xe4uf.fit"))
        (folder / os.fsdecode(b"br\xf6ken.fit")).write_bytes(SECOND[0].read_bytes()[:14] + bytes(500))
        result = run(tmp_path / "in", tmp_path / "data", names=True)
        assert result.activities == 1
        assert [path for _, path, _ in result.failures] == ["M\ufffdller/br\ufffdken.fit"]
        assert open_cohort(tmp_path / "data").athletes["athlete"].to_list() == [
            key.pseudonym(os.fsdecode(b"M\xfcller"))
        ]
        assert result.page is not None
        assert "M\ufffdller" in result.page.read_text(encoding="utf-8")
        with pytest.raises(ConfigError, match="must be UTF-8"):
            run(tmp_path / "in", tmp_path / os.fsdecode(b"M\xfcnchen"))

    def test_a_salt_is_made_private_and_kept(self, run: Callable[..., CohortResult], tmp_path: Path) -> None:
        (tmp_path / "in" / "bob").mkdir(parents=True)
        file = tmp_path / "config" / "salt"
        run(tmp_path / "in", tmp_path / "data", salt_file=file)
        first = file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        run(tmp_path / "in", tmp_path / "data", salt_file=file)
        assert file.read_bytes() == first


@pytest.fixture
def named(whole: tuple[Path, Cohort, CohortResult], key: Salt, tmp_path: Path) -> str:
    _, opened, _ = whole
    called = {key.pseudonym("bob"): "<b>bob</b>", key.pseudonym("zoe"): "zoe"}
    page = cohort_coach.write(opened, tmp_path / "page.html", called, None, as_of=date(2026, 5, 3))
    return page.read_text(encoding="utf-8")


class TestCoach:
    def test_who_stands_out_and_who_has_no_data_come_first(
        self, whole: tuple[Path, Cohort, CohortResult]
    ) -> None:
        _, opened, _ = whole
        page = cohort_coach.page(opened, {}, {})
        order = [row.group for row in page.rows]
        assert order == sorted(order, key=["stands_out", "no_data", "other"].index)
        assert len(page.rows) == 6
        assert page.as_of == opened.athletes["last_day"].max()
        assert {row.code for row in page.rows if row.status != "read"} == {
            "link",
            "no_recordings",
            "failed_files",
        }

    def test_the_week_is_the_sum_of_its_days(
        self, whole: tuple[Path, Cohort, CohortResult], key: Salt
    ) -> None:
        _, opened, _ = whole
        day = opened.athletes["last_day"].max()
        page = cohort_coach.page(opened, {}, {})
        for row in page.rows:
            if row.status != "read" or (row.days_since or 0) > 14:
                continue
            week = opened.daily.filter(
                (pl.col("athlete") == row.who) & pl.col("day").is_between(day - pl.duration(days=6), day)
            ).collect()
            assert row.weeks[-1].load_bw_s == pytest.approx(week["knee_load_bw_s"].sum()), row.who
            assert 0 < (row.covered_days or 0) <= 28

    def test_long_after_then_everyone_is_without_data(self, whole: tuple[Path, Cohort, CohortResult]) -> None:
        _, opened, _ = whole
        page = cohort_coach.page(opened, {}, {}, as_of=date(2026, 9, 1))
        assert {row.group for row in page.rows} == {"no_data"}
        assert all(row.covered_days in (None, 0) for row in page.rows)

    def test_pseudonyms_unless_names_are_asked_for(
        self, whole: tuple[Path, Cohort, CohortResult], named: str
    ) -> None:
        _, _, result = whole
        assert result.page is not None
        plain = result.page.read_text(encoding="utf-8")
        assert "zoe" not in plain
        assert "zoe" in named
        assert "<b>bob</b>" not in named
        assert "&lt;b&gt;bob&lt;/b&gt;" in named

    def test_one_watch_with_a_wrong_date_is_told(
        self,
        run: Callable[..., CohortResult],
        tmp_path: Path,
        key: Salt,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name, file in (("ann", SECOND[0]), ("eve", WATCH[2])):
            (tmp_path / "in" / name).mkdir(parents=True)
            shutil.copy(file, tmp_path / "in" / name)
        plain = run(tmp_path / "in", tmp_path / "data")
        opened = open_cohort(tmp_path / "data")
        newest = max(opened.athletes["last_day"])
        late = opened.athletes.with_columns(
            last_day=pl.when(pl.col("athlete") == key.pseudonym("eve"))
            .then(newest + pl.duration(days=61))
            .otherwise(newest)
        )
        assert not [note for note in plain.notes if "--date" in note]
        monkeypatch.setattr(cohort_coach, "AHEAD_DAYS", 0)
        days = dict(zip(("ann", "eve"), sorted(opened.athletes["last_day"]), strict=True))
        assert days["ann"] < days["eve"]
        told = [note for note in run(tmp_path / "in", tmp_path / "data").notes if "--date" in note]
        assert len(told) == 1
        assert f"--date {days['ann']}" in told[0]
        monkeypatch.undo()
        late.write_parquet(tmp_path / "data" / "athletes.parquet")
        page = cohort_coach.write(
            open_cohort(tmp_path / "data"),
            tmp_path / "page.html",
            {key.pseudonym("eve"): "eve"},
            None,
            as_of=None,
        ).read_text(encoding="utf-8")
        assert "set by <bdi>eve</bdi> alone" in page
        assert f"--date {newest}" in page
        assert "61 days older" in page
        told = cohort_coach.page(open_cohort(tmp_path / "data"), {}, {}, as_of=newest)
        assert told.ahead is None, "a day that was asked for is nobody's"

    def test_no_request_and_numbers_in_words(self, named: str) -> None:
        assert "http://" not in named.replace("http://www.w3.org", "")
        assert "https://" not in named
        assert 'role="img"' in named
        assert "Easy minutes a week, oldest first:" in named

    def test_same_data_same_bytes(self, whole: tuple[Path, Cohort, CohortResult], tmp_path: Path) -> None:
        _, opened, result = whole
        again = cohort_coach.write(opened, tmp_path / "again.html", {}, None, as_of=None)
        assert result.page is not None
        assert again.read_bytes() == result.page.read_bytes()
