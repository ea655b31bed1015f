"""Many athletes: a folder of folders to a data set for studies, and a page for the coach.

An athlete is the unit of work (`cohort_athlete`): a worker reads the files where they lie and gives back
finished Parquet, and only this process writes, one athlete whole or not at all. So a run that was killed goes
on with the athletes that are missing, the largest are begun first so that nobody waits for one at the end, and
the numbers are the same in this process, in several, and on a cluster that loses a worker on the way (tests
compare the frames and the manifest byte by byte). The data set holds no clock, so the same files give it again.

A study asks it like this, without loading it::

    cohort = kneeledger.open_cohort("season-data")
    (
        cohort.daily.filter(pl.col("before_known_28d_days") == 28)
        .join(cohort.athletes.lazy().select("athlete", "sex"), on="athlete")
        .with_columns(spiked=pl.col("before_7d_spike_run_distance") > 1.1)
        .group_by("sex", "spiked")
        .agg(pl.len().alias("athlete_days"), pl.col("injuries").sum())
        .collect()
    )

**Measured** on 3 athletes x 100 generated activities (``write_history(athletes=3, activities=100, seed=3)``: 1 Hz,
3,450 records and 110 kB of FIT each), one process, while other work filled both cores of a small machine: an
activity costs 1.9 kB of data set (1,315 bytes of activities, 435 of daily, 70 of findings, 52 of files) and as much
on the way from the worker; 57 ms of processor, of which 52 are the scan that `kneeledger scan` makes too, 2.2
gathering the history, 1.6 findings of every past day, 1.0 days and exposures, 0.3 the table of activities; and no
memory of this process. A worker takes 140 MB at its peak, 74 of them the imports. An athlete of 1,000 activities
(seed 5) took 52 ms and 0.9 kB an activity and 220 MB: beside the scan's few batches a worker holds one athlete's
history and draws, about 90 kB an activity. (With tracks kept, as ``ledgers`` and ``reports`` need, it was 59 ms, 58 kB
of disk an activity, and 700 MB, because track files are then merged in pieces of two million records.)

**300 athletes** of 300 activities are 90,000: 1.5 hours of one such busy core, 170 MB of data set. They need no
cluster, and the next night only who has new files is done (with ``ledgers``, only the new files).

**A million activities, on paper** (3,300 athletes x 300; multiplied from the above, not run): 110 GB to read, 17
hours of processor, so about half an hour on 32 cores, each reading 2 MB a second; 1.9 GB of data set in 13,000 files;
the parent writes 1.1 MB a second. What breaks first, in this order. (1) Opening: a lazy scan reads 3,300 footers of
200 columns, about 40 kB each, before the first answer; then parts should hold some fifty athletes, at the price of
rewriting fifty for one. (2) ``manifest.json`` and the start of a run, which keep one record an athlete in memory and
walk every folder: fine to some 100,000 athletes. (3) One athlete of 10,000 activities: about 1 GB and ten minutes
at the end of a run on one core, as an athlete is not divided. (4) The workers' file system: they must see the folders
under the same paths. Reading through this process instead would move all 110 GB through one core.
Instead of: one ledger of all athletes, or a table of names beside the data.
"""

import csv
import hashlib
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from kneeledger import __version__, analyzers, executors, mending, preparation
from kneeledger.config import Config, Origin
from kneeledger.errors import ConfigError, StoreError
from kneeledger.ledger.store import write_bytes
from kneeledger.model import Evidence
from kneeledger.pipeline import cohort_athlete, cohort_coach
from kneeledger.pipeline.cohort_athlete import ACTIVITY, DAY, FINDING, INPUT, Done, Job
from kneeledger.pipeline.cohort_folders import Facts, Member, Salt, facts_table, injuries_table, members, salt
from kneeledger.schema import Schema

__all__ = ["Cohort", "CohortResult", "cohort", "default_salt", "open_cohort", "tally", "told"]

SCHEMA_VERSION: Final = 1
TABLES: Final[Mapping[str, Schema]] = {
    "activities": ACTIVITY,
    "daily": DAY,
    "findings": FINDING,
    "files": INPUT,
}
"""Tables partitioned by athlete."""
PART: Final = "part-0.parquet"

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
        """One row an input file, by its hash."""
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
        return pl.read_csv(self.folder / "codebook.csv", infer_schema=False)

    @cached_property
    def errors(self) -> pl.DataFrame:
        """What could not be read, by athlete and code."""
        text = (self.folder / "errors.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
        return pl.DataFrame(rows, schema=dict.fromkeys(("athlete", "what", "file", "code"), pl.String))

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
        The folder holds none, or one from a newer version.
    """
    folder = Path(dataset)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder} holds no cohort data set.", hint="`kneeledger cohort DIR -o DATASET` makes one."
        ) from error
    if manifest.get("schema_version", 0) > SCHEMA_VERSION:
        raise StoreError(f"{folder} was written by a newer kneeledger.", hint="Update kneeledger.")
    return Cohort(folder, manifest)


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
    table, facts, more = facts_table(folder, key, known)
    injuries, hurt, still_more = injuries_table(folder, key, known)
    result = CohortResult(athletes=len(there), notes=notes + more + still_more)
    store = _DataSet(dataset, key)
    try:
        store.begin(base, decoder)
        result.removed = store.drop_others(known)
        work = [_job(one, base, decoder, facts, hurt, ledgers, reports, anonymous=not names) for one in there]
        _run(store, there, work, result, jobs=jobs, cluster=cluster, progress=progress)
        store.finish(there, table, injuries, base, decoder)
    except OSError as error:
        raise StoreError(f"The data set {dataset} cannot be written: {error.strerror or error}.") from error
    opened = open_cohort(dataset)
    result.without_activity = opened.athletes.filter(pl.col("status") != "read").height
    result.activities = int(opened.athletes["activities"].sum())
    called = {one.pseudonym: one.name for one in there} if names else {}
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
        lines.append(f"and {len(result.failures) - 10} more files that could not be read")
    removed = f", {result.removed} removed as their folder is gone" if result.removed else ""
    lines.append(
        f"{result.athletes} athletes: {result.read} read, {result.unchanged} unchanged{removed},"
        f" {result.without_activity} without an activity. {result.activities} activities."
    )
    return lines


def _apart(folder: Path, dataset: Path, others: Mapping[str, Path | None]) -> None:
    """What is written must lie neither among the athletes nor, where it may hold names, in the data set."""
    inside = dataset.resolve()
    if folder.resolve() in (inside, *inside.parents):
        raise ConfigError(f"-o {dataset}: the data set must not lie among the athletes.")
    for option, path in others.items():
        above = () if path is None else (path.resolve(), *path.resolve().parents)
        if inside in above or folder.resolve() in above:
            raise ConfigError(f"{option} {path}: must lie neither in the data set nor among the athletes.")


def _job(
    member: Member,
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
        code=cohort_athlete.code_digest(),
        ledger=str((ledgers / member.pseudonym).resolve()) if ledgers else None,
        report=str((reports / member.pseudonym).resolve()) if reports else None,
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
    todo = []
    by_pseudonym = {one.pseudonym: one for one in there}
    for member, job in zip(there, work, strict=True):
        if member.trouble:
            store.commit(Done(member.pseudonym, "failed", member.trouble), "")
        elif store.is_fresh(job, member.stamp):
            result.unchanged += 1
        else:
            todo.append((member, job))
    todo.sort(key=lambda pair: (-pair[0].size, pair[0].pseudonym))
    done = executors.run(cohort_athlete.study, (job for _, job in todo), jobs=jobs, cluster=cluster)
    for (member, job), outcome in zip(todo, done, strict=True):
        store.commit(outcome, _key(job, member.stamp))
        result.read += 1
        name = by_pseudonym[outcome.pseudonym].name
        result.failures += [(name, path, f"{reason}") for path, _, reason in outcome.failures]
        if progress is not None:
            progress("athletes", result.read, len(todo))


def _key(job: Job, stamp: str) -> str:
    """Changes with all that an athlete's part of the data set rests on."""
    rests_on = {
        "stamp": stamp,
        "code": job.code,
        "decoder": job.decoder,
        "settings": _parameters(job.config),
        "profile": dict(job.profile),
        "injuries": None if job.injuries is None else [day.isoformat() for day in job.injuries],
        "report": None if job.report is None else [job.report, job.anonymous],
    }
    return hashlib.sha256(json.dumps(rests_on, sort_keys=True).encode()).hexdigest()


def _parameters(config: Config) -> dict[str, Any]:
    return {
        name: origin.value for name, origin in sorted(config.values.items()) if name not in ("jobs", "units")
    }


class _DataSet:
    """The writer of a data set: one athlete is in it whole or not at all.

    An athlete's tables are written first and ``state/<pseudonym>.json`` last; without it they are not there. So a run
    that is killed leaves whole athletes, and the next one goes on with the others.
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
        if self.folder.exists() and any(self.folder.iterdir()):
            try:
                old = open_cohort(self.folder).manifest
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
        self._manifest(config, decoder, complete=False, athletes={})

    def drop_others(self, present: set[str]) -> int:
        """Remove athletes whose folder is gone."""
        gone = {file.stem for file in (self.folder / "state").glob("*.json")} - present
        for name in gone:
            self._drop(name)
        return len(gone)

    def _drop(self, name: str) -> None:
        (self.folder / "state" / f"{name}.json").unlink(missing_ok=True)
        for table in TABLES:
            shutil.rmtree(self.folder / table / f"athlete={name}", ignore_errors=True)

    def is_fresh(self, job: Job, stamp: str) -> bool:
        """Whether an athlete is there and rests on the same as before."""
        state = self.state(job.pseudonym)
        if state is None or state["key"] != _key(job, stamp):
            return False
        if any(not self._part(table, job.pseudonym).exists() for table in state["tables"]):
            return False
        return job.report is None or state["status"] != "read" or (Path(job.report) / "index.html").exists()

    def state(self, name: str) -> dict[str, Any] | None:
        """What is known of an athlete that is there whole."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "state" / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def _part(self, table: str, name: str) -> Path:
        return self.folder / table / f"athlete={name}" / PART

    def commit(self, done: Done, key: str) -> None:
        """Replace an athlete."""
        self._drop(done.pseudonym)
        for table, data in sorted(done.parts.items()):
            part = self._part(table, done.pseudonym)
            for room in (part.parent.parent, part.parent):
                room.mkdir(exist_ok=True, mode=0o700)
            write_bytes(part, data)
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
        state = {
            "key": key,
            "status": done.status,
            "code": done.code,
            "tables": sorted(done.parts),
            "counts": done.counts,
            "first_day": done.first_day and done.first_day.isoformat(),
            "last_day": done.last_day and done.last_day.isoformat(),
            "inputs_sha256": done.inputs_sha256,
            "errors": sorted(
                map(dict, {tuple(one.items()) for one in errors}), key=lambda one: tuple(one.values())
            ),
        }
        (self.folder / "state").mkdir(exist_ok=True, mode=0o700)
        write_bytes(self.folder / "state" / f"{done.pseudonym}.json", _json(state))

    def finish(
        self,
        there: Sequence[Member],
        facts: pl.DataFrame,
        injuries: pl.DataFrame,
        config: Config,
        decoder: str,
    ) -> None:
        """Write what speaks of all athletes."""
        states = {one.pseudonym: self.state(one.pseudonym) or {} for one in there}
        athletes = _athletes(states).join(facts, on="athlete", how="left", maintain_order="left")
        self._frame("athletes", athletes)
        self._frame("injuries", injuries)
        lines = [json.dumps(error) for state in states.values() for error in state["errors"]]
        write_bytes(self.folder / "errors.jsonl", "".join(f"{line}\n" for line in lines).encode())
        write_bytes(self.folder / "codebook.csv", _codebook(facts, injuries).encode())
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
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode()


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


COUNTS: Final[Mapping[str, str]] = {
    "read": "files read",
    "skipped": "files that are no recordings",
    "failed": "files that could not be read",
    "duplicates": "copies of the same activity, not counted twice",
    "activities": "activities",
    "days": "athlete-days",
    "findings": "findings over the whole history",
    "injuries": "outcomes on an athlete-day",
    "injuries_outside": "outcomes before the first file or more than 92 days after the newest: on no athlete-day",
}
ATHLETE: Final[Mapping[str, str]] = {
    "athlete": "pseudonym: a keyed hash of the folder's name",
    "status": "read, no_activity or failed",
    "code": "why there is nothing, as a word",
    "first_day": "day of the first file",
    "last_day": "day of the newest activity",
    **COUNTS,
}

UNITS: Final = (
    ("_bw_s_per_km", "BW·s/km"),
    ("_bw_s", "BW·s"),
    ("_bw", "BW"),
    ("_mps", "m/s"),
    ("_spm", "steps/min"),
    ("_rpm", "rpm"),
    ("_steps", "steps"),
    ("_days", "d"),
    ("_mm", "mm"),
    ("_m", "m"),
    ("_s", "s"),
)


def _unit(name: str) -> str:
    return next((unit for suffix, unit in UNITS if name.endswith(suffix)), "")


def _evidence(name: str) -> str:
    """Evidence word of a daily or exposure column, by what it sums."""
    if any(word in name for word in ("knee_load", "peak_weighted")):
        return Evidence.MODELLED.value
    if any(word in name for word in ("descent", "downhill")):
        return Evidence.ESTIMATED.value
    return Evidence.MEASURED.value


def _codebook(facts: pl.DataFrame, injuries: pl.DataFrame) -> str:
    """Every column of every table: name, unit, meaning, evidence, sources."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "name", "unit", "type", "evidence", "sources", "meaning"))
    cards = analyzers.cards()
    for table, name, dtype, meaning in _columns(facts, injuries):
        card = cards.get(name.removesuffix("_low").removesuffix("_high")) if table == "activities" else None
        evidence = card.evidence.value if card else _evidence(name) if table == "daily" else ""
        unit = card.unit if card else _unit(name)
        writer.writerow((table, name, unit, dtype, evidence, ";".join(card.sources) if card else "", meaning))
    return out.getvalue()


def _columns(facts: pl.DataFrame, injuries: pl.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    for table, columns in TABLES.items():
        yield table, "athlete", "String", ATHLETE["athlete"]
        for name, column in columns.items():
            yield table, name, str(column.dtype), column.meaning
    dates = {"first_day": "Date", "last_day": "Date"}
    for name, meaning in ATHLETE.items():
        yield "athletes", name, dates.get(name, "Int64" if name in COUNTS else "String"), meaning
    for name in facts.columns[1:]:
        yield "athletes", name, str(facts[name].dtype), "as told in athletes.csv"
    for name in injuries.columns:
        meaning = {"athlete": ATHLETE["athlete"], "day": "day of the outcome"}.get(
            name, "as told in injuries.csv"
        )
        yield "injuries", name, str(injuries[name].dtype), meaning
