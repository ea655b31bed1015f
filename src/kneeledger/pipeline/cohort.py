"""Many athletes: a folder of folders to a data set for studies, and a page for the coach.

An athlete is the unit of work (`cohort_athlete`): a worker reads the files where they lie and gives back
finished Parquet, and only this process writes, one athlete whole or not at all. So a run that was killed goes
on with the athletes that are missing, the largest are begun first so that nobody waits for one at the end, each
is written as soon as it is done, and the numbers are the same in this process, in several, and on a cluster that
loses a worker on the way (tests compare the frames and the manifest byte by byte). The data set holds no clock, so
the same files give it again. Pseudonyms and the names of files and activities are keyed hashes; the exact UTC starts
are in it, though, and link an activity to the same one wherever it was published: shift or round them before a data
set is given away.

A study asks it like this, without loading it::

    cohort = kneeledger.open_cohort("season-data")
    (
        cohort.daily.filter((pl.col("days_after_last_file") == 0) & (pl.col("before_known_28d_days") == 28))
        .join(cohort.athletes.lazy().select("athlete", "sex"), on="athlete")
        .with_columns(spiked=pl.col("before_7d_spike_run_distance") > 1.1)
        .group_by("sex", "spiked")
        .agg(pl.len().alias("athlete_days"), pl.col("injuries").sum())
        .collect()
    )

**Measured** on 3 athletes x 100 generated activities (``write_history(athletes=3, activities=100, seed=3)``: 1 Hz,
3,450 records and 110 kB of FIT each), one process, while other work filled both cores of a small machine: an
activity costs 1.8 kB of data set (1,143 bytes of activities, 438 of daily, 70 of findings, 53 of files) and as much
on the way from the worker; 14.4 to 15.2 ms of processor, of which 9.9 are the scan that `kneeledger scan` makes too,
2.0 findings of every past day, 0.4 gathering the history, 0.4 days and exposures. The process took 177 MB at its peak,
87 of them the imports; with ``--jobs 2`` all processes together took 18.8 ms an activity, 3 athletes being too few to
pay for two starts. One athlete of 1,000 activities (seed 5) took 12 ms and 0.9 kB an activity and 235 MB: beside the
scan's few batches a worker holds one athlete's history, about 65 kB an activity. Kept ``ledgers`` cost 15.4 ms and 70 kB
of disk an activity and 187 MB; ``reports``, with a page an activity, 390 ms and 206 kB: the drawing is all of it.

**300 athletes** of 300 activities are 90,000: 22 minutes of one such busy core, 165 MB of data set; with reports ten
hours. They need no cluster, and the next night only who has new files is done (with ``ledgers``, only the new files).

**A million activities, on paper** (3,300 athletes x 300; multiplied from the above, not run): 110 GB to read, 4 hours
of processor, so 8 minutes on 32 cores; 1.8 GB of data set in 16,500 files; this process writes an athlete in 14 ms,
which is 47 seconds in all. What breaks first, in this order. (1) Reading: 32 cores want 240 MB a second between them,
twice what a line of 1 Gbit/s carries; from such a line it is a quarter of an hour. The workers must see the folders
under the same paths; reading through this process instead would move all 110 GB through one core. (2) Opening: a lazy
scan reads 3,300 footers, 29 kB each for the 145 columns of the activities, before the first answer; then parts should
hold some fifty athletes, at the price of rewriting fifty for one. (3) ``manifest.json`` and the start of a run, which
keep one record an athlete in memory and walk every folder: fine to some 100,000 athletes. (4) One athlete of 10,000
activities: 0.8 GB and two minutes at the end of a run on one core, as an athlete is not divided.
Instead of: one ledger of all athletes, or a table of names beside the data.
"""

import hashlib
import io
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from kneeledger import __version__, analyzers, executors, mending, plain_files, plurals, preparation
from kneeledger.config import Config, Origin
from kneeledger.errors import ConfigError, StoreError
from kneeledger.ledger.store import write_bytes
from kneeledger.pipeline import cohort_athlete, cohort_coach, cohort_work
from kneeledger.pipeline.cohort_athlete import Done, Job
from kneeledger.pipeline.cohort_codebook import COUNTS, TABLES, codebook
from kneeledger.pipeline.cohort_folders import Member, Salt, members, salt
from kneeledger.pipeline.cohort_tables import Facts, facts_table, injuries_table
from kneeledger.reporting import writing

__all__ = ["Cohort", "CohortResult", "cohort", "default_salt", "open_cohort", "tally", "told"]

SCHEMA_VERSION: Final = 1
PART: Final = "part-0.parquet"
NEW: Final = ".new"
"""Ending of what waits for the rest of its athlete."""
ERROR: Final = ("athlete", "what", "file", "code")
MOST_JSON_BYTES: Final = 256_000_000
AGAIN: Final = "Run the same command again."
PSEUDONYM: Final = re.compile("a[0-9a-f]{12}")

Progress = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class CohortResult:
    """The tally of one run."""

    athletes: int = 0
    read: int = 0
    """Athletes dealt with in this run."""
    unchanged: int = 0
    removed: int = 0
    """Athletes whose folder is gone: their part of the data set is gone too."""
    without_activity: int = 0
    undone: int = 0
    """Athletes who could not be dealt with, for want of room or through a fault of ours; the next run tries again."""
    kept: int = 0
    """Athletes who could not be dealt with or looked into, and of whom an earlier run's part stays."""
    activities: int = 0
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    """(athlete's folder, path, reason) of what could not be read in this run; never in the data set."""
    notes: list[str] = field(default_factory=list)
    page: Path | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Cohort:
    """A data set, opened lazily: nothing is read until a query is collected."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def activities(self) -> pl.LazyFrame:
        """One row an activity: every metric, and its interval where it is not plainly measured."""
        return self._scan("activities")

    @property
    def daily(self) -> pl.LazyFrame:
        """One row an athlete-day: the day, its outcome, and exposures (``before_...``) from earlier days only."""
        return self._scan("daily")

    @property
    def findings(self) -> pl.LazyFrame:
        """One row a finding, as it would have been said on its day."""
        return self._scan("findings")

    @property
    def files(self) -> pl.LazyFrame:
        """One row an input file, by a keyed hash of what it holds."""
        return self._scan("files")

    @cached_property
    def athletes(self) -> pl.DataFrame:
        """One row an athlete: status, counts, and the facts of ``athletes.csv``."""
        return pl.read_parquet(self.folder / "athletes.parquet")

    @cached_property
    def injuries(self) -> pl.DataFrame:
        """The rows of ``injuries.csv``."""
        return pl.read_parquet(self.folder / "injuries.parquet")

    @cached_property
    def codebook(self) -> pl.DataFrame:
        """Name, unit, meaning and evidence of every column."""
        told = pl.read_csv(self.folder / "codebook.csv", infer_schema=False)
        names = [writing.unquoted(name) for name in told["name"]]
        return told.with_columns(pl.Series("name", names, dtype=pl.String))

    @cached_property
    def errors(self) -> pl.DataFrame:
        """What could not be read, by athlete and code."""
        text = (self.folder / "errors.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
        return pl.DataFrame(rows, schema=dict.fromkeys(ERROR, pl.String))

    def _scan(self, table: str) -> pl.LazyFrame:
        files = sorted((self.folder / table).glob(f"athlete=*/{PART}"))
        if not files:
            columns = {name: column.dtype for name, column in TABLES[table].items()}
            return pl.LazyFrame(schema=columns | {"athlete": pl.String})
        return pl.scan_parquet(files, hive_partitioning=True, hive_schema={"athlete": pl.String})


def open_cohort(dataset: Path | str) -> Cohort:
    """A data set that `cohort` wrote.

    Raises
    ------
    StoreError
        The folder holds none, one from a newer version, or one whose run was stopped.
    """
    folder = Path(dataset)
    manifest = _read_manifest(folder)
    if not manifest.get("complete"):
        raise StoreError(f"{folder} is incomplete: its run was stopped.", hint=AGAIN)
    return Cohort(folder, manifest)


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / "manifest.json"
    try:
        manifest = json.loads(plain_files.read(file, MOST_JSON_BYTES))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(
            f"{folder} holds no cohort data set.", hint="`kneeledger cohort DIR -o DATASET` makes one."
        ) from error
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("schema_version"), int):
        raise StoreError(
            f"{file} is damaged.",
            hint="Remove the data set, or choose a new one, and run the same command: it is made anew of the files.",
        )
    if manifest["schema_version"] > SCHEMA_VERSION:
        raise StoreError(f"{folder} was written by a newer kneeledger.", hint="Update kneeledger.")
    return manifest


def default_salt() -> Path:
    """Where the salt lives when nobody says otherwise: beside the user's settings."""
    from kneeledger.pipeline import settings

    return settings.user_file().with_name("cohort-salt")


def cohort(
    folder: Path,
    dataset: Path,
    *,
    config: Config,
    salt_file: Path | None = None,
    decoder: str = "kneeledger",
    jobs: int = 1,
    cluster: str | None = None,
    ledgers: Path | None = None,
    reports: Path | None = None,
    page: Path | None = None,
    names: bool = False,
    as_of: date | None = None,
    progress: Progress | None = None,
) -> CohortResult:
    """Bring a data set up to date with a folder of athletes, and write the coach's page.

    Parameters
    ----------
    folder
        One folder or zip an athlete; ``athletes.csv`` and ``injuries.csv`` beside them where there are any.
    dataset
        Made where it is missing. Athletes that are in it and did not change are left alone.
    config
        Its body mass is not used: the athletes' comes from ``athletes.csv``.
    salt_file
        Key of the pseudonyms; `default_salt` where none is given.
    jobs, cluster
        As for `executors.run`.
    ledgers
        Keep each athlete's ledger below this folder, so that a new file costs only itself.
    reports
        Write each athlete's own report below this folder.
    page
        File of the coach's page; ``<dataset>-coach.html`` beside the data set where none is given.
    names
        Folder names on the coach's page and in the reports, instead of pseudonyms; never in the data set.
    as_of
        Day of the coach's page; the newest activity of the cohort where none is given.

    Raises
    ------
    KneeledgerError
        Settings, tables, salt or data set are at fault; never for an athlete's files.
    """
    began = time.monotonic()
    page = page or dataset.with_name(f"{dataset.name}-coach.html")
    _apart(folder, dataset, {"--reports": reports, "--ledgers": ledgers, "--page": page})
    key = salt(salt_file or default_salt(), dataset)
    base = Config({**config.values, "mass_kg": Origin(None, "athletes.csv")})
    there, notes = members(folder, key)
    known = {one.pseudonym for one in there}
    table, facts, more = facts_table(folder, key, there)
    injuries, hurt, still_more = injuries_table(folder, key, there)
    result = CohortResult(athletes=len(there), notes=notes + more + still_more)
    store = _DataSet(dataset, key)
    try:
        store.begin(base, decoder)
        if ledgers is not None:
            writing.folder(ledgers)  # private, where the first of them would make it as the system does
        result.removed, folders = store.drop_others(known, [one for one in (ledgers, reports) if one])
        if folders:
            kinds = [word for word, one in (("ledger", ledgers), ("report", reports)) if one]
            result.notes.append(
                plurals.count(
                    folders,
                    f"kept {' or '.join(kinds)} of an athlete whose folder is gone was removed.",
                    f"kept {' and '.join(f'{kind}s' for kind in kinds)} of athletes whose folder is gone were removed.",
                )
            )
        work = [
            _job(one, key, base, decoder, facts, hurt, ledgers, reports, anonymous=not names) for one in there
        ]
        try:
            _run(store, there, work, result, jobs=jobs, cluster=cluster, progress=progress)
        finally:
            cohort_work.sweep()  # a worker that was killed could not tidy up
        store.finish(there, table, injuries, base, decoder)
    except OSError as error:
        raise StoreError(f"The data set {dataset} cannot be written: {error.strerror or error}.") from error
    opened = open_cohort(dataset)
    result.without_activity = opened.athletes.filter(~pl.col("status").is_in(["read", "kept"])).height
    result.activities = int(opened.athletes["activities"].sum())
    called = {one.pseudonym: one.shown for one in there} if names else {}
    if as_of is None and (ahead := cohort_coach.far_ahead(opened)):
        of = {one.pseudonym: one.shown for one in there}
        result.notes.append(
            f"The newest activity, {ahead.newest} of {of[ahead.athlete]}, is {ahead.days} days after everybody else's:"
            f" if that date is wrong, give the page's day with --date {ahead.others}."
        )
    result.page = cohort_coach.write(opened, page, called, reports, as_of=as_of)
    result.seconds = time.monotonic() - began
    return result


def tally(result: CohortResult) -> dict[str, Any]:
    """The run as a JSON object."""
    return {
        "athletes": result.athletes,
        "read": result.read,
        "unchanged": result.unchanged,
        "removed": result.removed,
        "without_activity": result.without_activity,
        "undone": result.undone,
        "kept": result.kept,
        "activities": result.activities,
        "failed_files": len(result.failures),
        "page": str(result.page),
        "notes": result.notes,
        "seconds": round(result.seconds, 3),
    }


def told(result: CohortResult) -> list[str]:
    """The run in words, the tally last."""
    lines = list(result.notes)
    lines += [f"{name}: {path + ': ' if path else ''}{reason}" for name, path, reason in result.failures[:10]]
    if len(result.failures) > 10:
        more = plurals.count(len(result.failures) - 10, "more file", "more files")
        lines.append(f"and {more} that could not be read")
    if result.undone:
        who = plurals.count(result.undone, "athlete")
        lines.append(f"{who} could not be dealt with, as told above: run the same command again.")
    if result.kept:
        whom = plurals.count(result.kept, "athlete")
        lines.append(
            f"Of {whom} who could not be read this time, what an earlier run read stays in the data set."
        )
    removed = f", {result.removed} removed as their folder is gone" if result.removed else ""
    lines.append(
        f"{plurals.count(result.athletes, 'athlete')}: {result.read} read, {result.unchanged} unchanged{removed},"
        f" {result.without_activity} without an activity. {plurals.count(result.activities, 'activity', 'activities')}."
    )
    return lines


def _apart(folder: Path, dataset: Path, others: Mapping[str, Path | None]) -> None:
    """What is written must lie neither among the athletes nor, where it may hold names, in the data set."""
    inside = dataset.resolve()
    if any("\ud800" <= char <= "\udfff" for char in str(inside)):  # what scans the parts takes only text
        raise ConfigError(
            f"-o {dataset}: the path of a data set must be UTF-8.", hint="Choose another place."
        )
    if folder.resolve() in (inside, *inside.parents):
        raise ConfigError(f"-o {dataset}: the data set must not lie among the athletes.")
    for option, path in others.items():
        above = () if path is None else (path.resolve(), *path.resolve().parents)
        if inside in above or folder.resolve() in above:
            raise ConfigError(f"{option} {path}: must lie neither in the data set nor among the athletes.")


def _job(
    member: Member,
    key: Salt,
    base: Config,
    decoder: str,
    facts: Mapping[str, Facts],
    hurt: Mapping[str, tuple[date, ...]] | None,
    ledgers: Path | None,
    reports: Path | None,
    *,
    anonymous: bool,
) -> Job:
    told = facts.get(member.pseudonym, Facts())
    mass = Origin(told.mass_kg, "athletes.csv")
    return Job(
        pseudonym=member.pseudonym,
        paths=tuple(str(path.resolve()) for path in member.paths if not path.is_symlink()),
        config=Config({**base.values, "mass_kg": mass}),
        decoder=decoder,
        profile=dict(told.profile or {}),
        injuries=None if hurt is None else hurt.get(member.pseudonym, ()),
        key=key.of_files(member.pseudonym),
        code=cohort_athlete.code_digest(),
        ledger=str((ledgers / member.pseudonym).resolve()) if ledgers else None,
        report=str((reports / member.pseudonym).resolve()) if reports else None,
        called=member.pseudonym if anonymous else member.shown,
        anonymous=anonymous,
    )


def _run(
    store: "_DataSet",
    there: Sequence[Member],
    work: Sequence[Job],
    result: CohortResult,
    *,
    jobs: int,
    cluster: str | None,
    progress: Progress | None,
) -> None:
    """Deal with every athlete that is new or changed, the largest first, so that no one is waited for at the end."""
    todo: list[tuple[Member, Job]] = []
    for member, job in zip(there, work, strict=True):
        if member.trouble:
            result.kept += store.keep(Done(member.pseudonym, "failed", member.trouble))
        elif store.is_fresh(job, member.stamp):
            result.unchanged += 1
        else:
            todo.append((member, job))
    todo.sort(key=lambda pair: (-pair[0].size, pair[0].pseudonym))
    under_way = {member.pseudonym: (member, job) for member, job in todo}
    work_of = (job for _, job in todo)
    for outcome in executors.run(cohort_athlete.study, work_of, jobs=jobs, cluster=cluster, in_order=False):
        member, job = under_way[outcome.pseudonym]
        if outcome.status == "failed":
            result.undone += 1
            result.kept += store.keep(outcome)
        else:
            store.commit(outcome, _key(job, member.stamp))
        result.read += 1
        result.failures += [(member.name, path, reason) for path, _, reason in outcome.failures]
        if progress is not None:
            progress("athletes", result.read, len(todo))
    result.failures.sort()


def _key(job: Job, stamp: str) -> str:
    """Changes with all that an athlete's part of the data set rests on."""
    rests_on = {
        "stamp": stamp,
        "code": job.code,
        "decoder": job.decoder,
        "settings": _values(job.config),
        "profile": dict(job.profile),
        "injuries": None if job.injuries is None else [day.isoformat() for day in job.injuries],
        "report": None
        if job.report is None
        else [job.report, job.anonymous, job.called, job.config["units"]],
    }
    return hashlib.sha256(json.dumps(rests_on, sort_keys=True).encode()).hexdigest()


SHOWN: Final = ("jobs", "units")
"""Settings that change no number."""
PLACES: Final = ("terrain_dir",)
"""Settings that tell how somebody's disk is laid out."""


def _values(config: Config) -> dict[str, Any]:
    return {name: origin.value for name, origin in sorted(config.values.items()) if name not in SHOWN}


def _parameters(config: Config) -> dict[str, Any]:
    """The settings for the data set; of a place only whether there is one."""
    return {name: bool(value) if name in PLACES else value for name, value in _values(config).items()}


class _DataSet:
    """The writer of a data set: one athlete is in it whole or not at all.

    An athlete's tables are written first and ``state/<pseudonym>.json`` last; without it they are not there. So a run
    that is killed leaves whole athletes, and the next one goes on with the others. All is written beside what was
    there before anything of that goes, so that a disk that is full costs nobody their earlier part.
    """

    def __init__(self, folder: Path, key: Salt) -> None:
        self.folder = folder
        self.key = key

    def begin(self, config: Config, decoder: str) -> None:
        """Look at what is there.

        Raises
        ------
        ConfigError
            It is another thing than a data set, or one with another salt.
        """
        old: dict[str, Any] = {}
        # what a killed process was writing when it began is nothing
        if self.folder.exists() and any(one.suffix != ".tmp" for one in self.folder.iterdir()):
            try:
                old = _read_manifest(self.folder)
            except StoreError as error:
                if (self.folder / "manifest.json").exists():
                    raise
                raise ConfigError(
                    f"-o {self.folder}: the folder holds something else.",
                    hint="Choose an empty or a new one.",
                ) from error
            if old.get("salt_fingerprint") != self.key.fingerprint:
                raise ConfigError(
                    f"{self.folder} was made with another salt: its pseudonyms would not match.",
                    hint="Give that salt with --salt, or choose a new data set.",
                )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for pattern in (f"*{NEW}", ".*.tmp"):
            for left in self.folder.rglob(pattern):
                left.unlink(missing_ok=True)
        # the athletes of before stay told until the new list is whole: a run that is stopped must not lose them
        before = old.get("athletes")
        athletes = before if isinstance(before, dict) else {}
        self._manifest(config, decoder, complete=False, athletes=athletes)

    def drop_others(self, present: set[str], kept: Sequence[Path]) -> tuple[int, int]:
        """Remove athletes whose folder is gone.

        Parameters
        ----------
        present
            Pseudonyms of who is there.
        kept
            Folders with a folder an athlete (ledgers, reports), from which theirs is removed too.

        Returns
        -------
        int, int
            How many athletes, and how many of their folders below `kept`.
        """
        have = {file.stem for file in (self.folder / "state").glob("*.json")}
        # a run that was stopped while it removed somebody left tables without a state
        have |= {part.name.removeprefix("athlete=") for part in self.folder.glob("*/athlete=*")}
        gone = {name for name in have - present if PSEUDONYM.fullmatch(name)}
        folders = 0
        for name in gone:
            for above in kept:
                theirs = above / name
                if theirs.is_dir() and not theirs.is_symlink():
                    shutil.rmtree(theirs)
                    folders += 1
            self._drop(name)
        return len(gone), folders

    def _drop(self, name: str) -> None:
        self._state(name).unlink(missing_ok=True)
        for table in TABLES:
            shutil.rmtree(self.folder / table / f"athlete={name}", ignore_errors=True)

    def is_fresh(self, job: Job, stamp: str) -> bool:
        """Whether an athlete is there and rests on the same as before."""
        state = self.state(job.pseudonym)
        if state is None or state["key"] != _key(job, stamp):
            return False
        if not all(self._is_whole(table, job.pseudonym) for table in state["tables"]):
            return False
        return job.report is None or state["status"] != "read" or (Path(job.report) / "index.html").exists()

    def state(self, name: str) -> dict[str, Any] | None:
        """What is known of an athlete that is there whole; None where nothing is, or what is there is no state."""
        try:
            found: dict[str, Any] = json.loads(plain_files.read(self._state(name), MOST_JSON_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        return found if _is_state(found) else None

    def _state(self, name: str) -> Path:
        return self.folder / "state" / f"{name}.json"

    def _part(self, table: str, name: str) -> Path:
        return self.folder / table / f"athlete={name}" / PART

    def _is_whole(self, table: str, name: str) -> bool:
        """Whether a part is there to its end (where Parquet keeps its columns), with the columns of today."""
        try:
            found = pl.read_parquet_schema(self._part(table, name))
        except (OSError, pl.exceptions.PolarsError):
            return False
        return dict(found) == {column: one.dtype for column, one in TABLES[table].items()}

    def commit(self, done: Done, key: str) -> None:
        """Replace an athlete.

        Raises
        ------
        StoreError
            The data set cannot be written; what was there of the athlete stands.
        """
        name = done.pseudonym
        parts = {self._part(table, name): data for table, data in sorted(done.parts.items())}
        written = {**parts, self._state(name): _json(self._told(done, key))}
        try:
            for file, data in written.items():
                for room in (file.parent.parent, file.parent):
                    room.mkdir(exist_ok=True, mode=0o700)
                write_bytes(_new(file), data)
        except BaseException:
            for file in written:
                _new(file).unlink(missing_ok=True)
            raise
        self._state(name).unlink(missing_ok=True)
        for table in TABLES.keys() - done.parts.keys():
            shutil.rmtree(self._part(table, name).parent, ignore_errors=True)
        for file in written:
            _new(file).replace(file)

    def keep(self, done: Done) -> bool:
        """Take note that an athlete could not be dealt with: an earlier part stays, told to be one; whether there is.

        It is tried again the next time: a full disk or a fault of ours is no property of the files.
        """
        old = self.state(done.pseudonym)
        if (
            old is None
            or "activities" not in old["tables"]
            or not all(self._is_whole(table, done.pseudonym) for table in old["tables"])
        ):
            self.commit(done, "")
            return False
        errors = [one for one in old["errors"] if one["what"] == "file"] + self._told(done, "")["errors"]
        kept = old | {"key": "", "status": "kept", "code": done.code, "errors": _sorted(errors)}
        write_bytes(self._state(done.pseudonym), _json(kept))
        return True

    def _told(self, done: Done, key: str) -> dict[str, Any]:
        """What is told of an athlete beside the tables."""
        errors = [
            {
                "athlete": done.pseudonym,
                "what": "file" if path else "athlete",
                "file": self.key.file(done.pseudonym, path) if path else "",
                "code": code,
            }
            for path, code, _ in done.failures
        ]
        if done.status != "read":
            errors.append({"athlete": done.pseudonym, "what": "athlete", "file": "", "code": done.code})
        return {
            "key": key,
            "status": done.status,
            "code": done.code,
            "tables": sorted(done.parts),
            "counts": done.counts,
            "first_day": done.first_day and done.first_day.isoformat(),
            "last_day": done.last_day and done.last_day.isoformat(),
            "inputs": done.inputs,
            "errors": _sorted(errors),
        }

    def finish(
        self,
        there: Sequence[Member],
        facts: pl.DataFrame,
        injuries: pl.DataFrame,
        config: Config,
        decoder: str,
    ) -> None:
        """Write what speaks of all athletes."""
        states = {}
        for one in there:
            state = self.state(one.pseudonym)
            if state is None:
                raise StoreError(f"Something else changed {self.folder} meanwhile.", hint=AGAIN)
            states[one.pseudonym] = state
        athletes = _athletes(states).join(facts, on="athlete", how="left", maintain_order="left")
        self._frame("athletes", athletes)
        self._frame("injuries", injuries)
        lines = [json.dumps(error) for state in states.values() for error in state["errors"]]
        write_bytes(self.folder / "errors.jsonl", "".join(f"{line}\n" for line in lines).encode())
        write_bytes(self.folder / "codebook.csv", codebook(facts, injuries).encode())
        kept = {name: {k: v for k, v in state.items() if k != "errors"} for name, state in states.items()}
        self._manifest(config, decoder, complete=True, athletes=kept)

    def _frame(self, name: str, frame: pl.DataFrame) -> None:
        out = io.BytesIO()
        frame.write_parquet(out, compression="zstd")
        write_bytes(self.folder / f"{name}.parquet", out.getvalue())

    def _manifest(self, config: Config, decoder: str, *, complete: bool, athletes: Mapping[str, Any]) -> None:
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "complete": complete,
            "versions": {
                "kneeledger": __version__,
                "code": cohort_athlete.code_digest(),
                "decoder": decoder,
                "mending": mending.VERSION,
                "preparation": preparation.VERSION,
                **{f"analyzer {one.name}": one.version for one in analyzers.ANALYZERS},
            },
            "parameters": {
                "settings": _parameters(config),
                **{one.name: asdict(one.params) for one in analyzers.ANALYZERS},
            },
            "salt_fingerprint": self.key.fingerprint,
            "athletes": athletes,
        }
        write_bytes(self.folder / "manifest.json", _json(manifest))


def _json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str)
    return text.encode("utf-8", "replace")


def _new(file: Path) -> Path:
    """Where a file waits until everything that belongs to it is written."""
    return file.with_name(f"{file.name}{NEW}")


def _sorted(errors: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Each error once, in one order."""
    return sorted(map(dict, {tuple(one.items()) for one in errors}), key=lambda one: tuple(one.values()))


def _is_state(found: Any) -> bool:
    """Whether what was read has all that is asked of a state, of the right kinds."""

    def is_word(one: Any) -> bool:
        return isinstance(one, str) and one.isascii()

    def is_day(one: Any) -> bool:
        try:
            return one is None or date.fromisoformat(one).isoformat() == one
        except (TypeError, ValueError):
            return False

    return (
        isinstance(found, dict)
        and all(is_word(found.get(name)) for name in ("key", "code", "inputs"))
        and found.get("status") in ("read", "kept", "no_activity", "failed")
        and all(name in found and is_day(found[name]) for name in ("first_day", "last_day"))
        and isinstance(found.get("tables"), list)
        and all(is_word(one) and one in TABLES for one in found["tables"])
        and isinstance(found.get("counts"), dict)
        and all(isinstance(one, int) and abs(one) < 2**53 for one in found["counts"].values())
        and isinstance(found.get("errors"), list)
        and all(
            isinstance(one, dict) and one.keys() == set(ERROR) and all(map(is_word, one.values()))
            for one in found["errors"]
        )
    )


def _athletes(states: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """One row an athlete, in order of pseudonym."""
    rows = [
        {
            "athlete": name,
            "status": state["status"],
            "code": state["code"],
            "first_day": state["first_day"],
            "last_day": state["last_day"],
            **{word: state["counts"].get(word, 0) for word in COUNTS},
        }
        for name, state in states.items()
    ]
    schema: dict[str, Any] = dict.fromkeys(("athlete", "status", "code", "first_day", "last_day"), pl.String)
    frame = pl.DataFrame(rows, schema=schema | dict.fromkeys(COUNTS, pl.Int64))
    return frame.with_columns(pl.col("first_day", "last_day").str.to_date())
