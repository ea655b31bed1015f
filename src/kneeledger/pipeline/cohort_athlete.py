"""The unit of work of a cohort: one athlete from files to tables, the same wherever it runs.

A worker is given paths, not bytes, and gives back finished Parquet columns, a few hundred kilobytes: what is
read stays where it is read, nothing large goes between processes, and the parent that commits the results is
idle almost always. Inside, an athlete is scanned like any other, in batches of a few megabytes into a ledger
that is thrown away (or kept, where asked for, so that one new file costs one file); memory is that of one scan
however many athletes there are. The ledger's athlete is always called ``me``: the draws behind the intervals
are seeded by that name, so a folder's name or its place among others changes no number.
Instead of: sending each file's bytes through the parent, which reads, unpacks and hashes them all and becomes
the limit with a dozen workers.
"""

import hashlib
import hmac
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import polars as pl

from kneeledger import analyzers, findings, workload
from kneeledger.config import Config
from kneeledger.errors import KneeledgerError, StoreError
from kneeledger.ledger import store
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import cohort_work, diary, history, scan
from kneeledger.pipeline.cohort_exposures import EXPOSURES, exposures
from kneeledger.pipeline.history import Known
from kneeledger.schema import Column, Schema
from kneeledger.sources import names

__all__ = ["ACTIVITY", "DAY", "FINDING", "INPUT", "Done", "Job", "code_digest", "study"]

ME: Final = "me"
FOLLOW_DAYS: Final = 92
"""Where outcomes are told, every athlete is followed so long after the newest file, hurt or not: rows that only
an outcome adds would make a risk set out of its future [days]."""

_FACTS: Final[Schema] = {
    "id": Column(pl.String, "activity, unique in the data set: a keyed hash"),
    "day": Column(pl.Date, "local day of the start"),
    "start": Column(
        pl.Datetime("us", "UTC"),
        "first moment, UTC: exact, so it links to whoever published the same activity",
    ),
    "utc_offset_s": Column(pl.Int64, "local clock minus UTC, null where unknown"),
    "way": Column(pl.String, "run, walk, ride or other, of the activity as a whole"),
    "sport": Column(pl.String, "sport word"),
    "sub_sport": Column(pl.String, "sub-sport word, or null"),
    "format": Column(pl.String, "fit, gpx or tcx, or the layout that told totals"),
    "decoder": Column(pl.String, "which decoder read it"),
    "watch": Column(pl.Int64, "which of the athlete's devices, numbered in order of first use"),
    "altitude_source": Column(pl.String, "where the altitude comes from"),
    "indoor": Column(pl.Boolean, "indoors"),
    "virtual": Column(pl.Boolean, "virtual world: its altitude is not believed"),
    "by_hand": Column(pl.Boolean, "totals only"),
    "mass_assumed": Column(pl.Boolean, "body mass was not known: matters for cycling only"),
    "issues": Column(pl.List(pl.String), "codes of what reading, mending and preparing had to say"),
}


def _activity_schema() -> Schema:
    columns: Schema = dict(_FACTS)
    for name, card in analyzers.cards().items():
        columns[name] = Column(pl.Float64, card.meaning)
        if card.interval:
            columns[f"{name}_low"] = Column(pl.Float64, f"lower end of the 90 % interval of {name}")
            columns[f"{name}_high"] = Column(pl.Float64, f"upper end of the 90 % interval of {name}")
    return columns


ACTIVITY: Final[Schema] = _activity_schema()
"""One row an activity, duplicates left out."""
DAY: Final[Schema] = {
    **workload.DAILY,
    "days_after_last_file": Column(
        pl.Int64,
        "0 up to the newest file, then counted: for censoring, as exposures there rest on the assumption that nothing"
        " was recorded because nothing was done, and become null once more than 14 days have passed without a file",
    ),
    "injuries": Column(pl.Int64, "outcomes on this day, told by injuries.csv; null where there is none"),
    "before_since_injury_days": Column(
        pl.Int64, "days since the newest outcome before this day told by injuries.csv, null for none"
    ),
    **EXPOSURES,
}
"""One row an athlete-day: what was done on it, the outcome on it, and what was carried into it.

The rows of every athlete end on the day of the newest file, or `FOLLOW_DAYS` later where there is an injuries.csv.
"""
FINDING: Final[Schema] = {
    "day": Column(pl.Date, "the day on which it would have been said"),
    "code": Column(pl.String, "which rule"),
    "severity": Column(pl.String, "note, raised or high: how far beyond the usual, not a risk"),
    "activity": Column(pl.String, "id of the activity it speaks of, null for a day or week"),
    "measure": Column(pl.String, "what is compared"),
    "value": Column(pl.Float64, "the measure, in its stored unit"),
    "reference": Column(pl.Float64, "what it is held against, in the same unit"),
    "ratio": Column(pl.Float64, "value over reference"),
    "low": Column(pl.Float64, "lower end of the 90 % interval of the ratio"),
    "high": Column(pl.Float64, "upper end of the 90 % interval of the ratio"),
    "evidence": Column(pl.String, "measured, estimated, modelled, contested or project rule"),
    "sources": Column(pl.List(pl.String), "keys of the literature"),
    "holds_under": Column(pl.List(pl.String), "downhill models under which it holds"),
    "text": Column(pl.String, "the sentence"),
}
"""One row a finding, as it would have been said on its day."""
INPUT: Final[Schema] = {
    "content": Column(
        pl.String,
        "keyed hash of the decompressed bytes, another for each athlete; null where none could be read",
    ),
    "outcome": Column(pl.String, "read, skipped or failed"),
    "code": Column(pl.String, "why, as a word"),
}
"""One row a file."""


@dataclass(frozen=True, slots=True)
class Job:
    """One athlete for a worker. The paths go no further than the worker."""

    pseudonym: str
    paths: tuple[str, ...]
    config: Config
    decoder: str
    profile: Mapping[str, bool]
    injuries: tuple[date, ...] | None
    """Days of outcomes; None where the cohort has no table of them."""
    key: bytes
    """Under which this athlete's files and activities are named."""
    code: str
    """`code_digest` of the parent."""
    ledger: str | None = None
    """Folder of a ledger to keep, or None for one that is thrown away."""
    report: str | None = None
    """Folder for the athlete's own report, or None."""
    called: str = ""
    """Whose report its title says it is: the pseudonym, or the folder's name where names were asked for."""
    anonymous: bool = True


@dataclass(slots=True)
class Done:
    """What came of an athlete."""

    pseudonym: str
    status: str = "read"
    """``read``, ``no_activity`` or ``failed``."""
    code: str = ""
    parts: dict[str, bytes] = field(default_factory=dict)
    """Parquet by table; none where there is no activity."""
    counts: dict[str, int] = field(default_factory=dict)
    first_day: date | None = None
    last_day: date | None = None
    inputs: str = ""
    """Keyed hash over the sorted hashes of what was read."""
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    """(path below the cohort's folder, code, reason): for the person who runs it, never for the data set."""


def keyed(key: bytes, purpose: str, text: str) -> str:
    """A name that only the holder of the key can make again from what it names."""
    return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def study(job: Job) -> Done:
    """Everything of one athlete. An athlete that cannot be dealt with is an outcome, not an exception.

    Raises
    ------
    StoreError
        The worker runs other code than the parent, or does not see the athlete's files.
    """
    if job.code != code_digest():
        raise StoreError(
            "A worker runs another version of kneeledger than this process.",
            hint="Install the same version everywhere: numbers of one data set must be of one version.",
        )
    missing = [path for path in job.paths if not Path(path).exists()]
    if missing:
        raise StoreError(
            "A worker does not see an athlete's files.",
            hint="All workers need the folder under the same path.",
        )
    done = Done(job.pseudonym)
    try:
        if job.ledger is not None:
            _in_ledger(job, Path(job.ledger), done)
        else:
            with cohort_work.folder() as folder:
                _in_ledger(job, folder, done)
    except KneeledgerError as error:
        return Done(job.pseudonym, "failed", error.slug, failures=[("", error.slug, str(error))])
    except OSError as error:
        return Done(job.pseudonym, "failed", "disk", failures=[("", "disk", str(error))])
    except Exception as error:  # a fault of ours in one athlete must not cost the others
        reason = f"could not be dealt with ({type(error).__name__}: {error}); please report it"
        return Done(job.pseudonym, "failed", "internal", failures=[("", "internal", reason[:500])])
    return done


def _in_ledger(job: Job, folder: Path, done: Done) -> None:
    if _gone(folder):
        store.rebuild(folder)
    with Ledger(folder) as ledger:
        scan.scan(
            [Path(path) for path in job.paths],
            ledger,
            athlete=ME,
            config=job.config,
            decoder=job.decoder,
            keep_tracks=job.ledger is not None or job.report is not None,
        )
        if job.ledger is not None:
            scan.refresh(ledger, athlete=ME, config=job.config)
        diary.set_profile(ledger, ME, job.profile)
        _files(ledger, job, done)
        if not ledger.query("select 1 from activities where duplicate_of is null limit 1"):
            done.status, done.code = (
                "no_activity",
                "failed_files" if done.counts["failed"] else "no_recordings",
            )
            return
        known = history.gather(ledger, ME, job.config)
        _tables(job, ledger, known, done)
        if job.report is not None:
            _report(ledger, job, Path(job.report))


def _gone(folder: Path) -> bool:
    """Whether a kept ledger remembers files that are no longer there: then it is made anew."""
    if not (folder / "ledger.sqlite").exists():
        return False
    with Ledger(folder, create=False) as ledger:
        return any(not Path(outer).exists() for (outer,) in ledger.query("select distinct outer from files"))


def _files(ledger: Ledger, job: Job, done: Done) -> None:
    rows = ledger.query(
        "select path, nullif(sha256, ''), outcome, code, reason from files where athlete = ? and code <> 'archive'",
        (ME,),
    )
    inputs = sorted(
        (keyed(job.key, "content", sha) if sha else "", outcome, code) for _, sha, outcome, code, _ in rows
    )
    frame = pl.DataFrame(inputs, schema={n: c.dtype for n, c in INPUT.items()}, orient="row")
    done.parts["files"] = _parquet(frame.with_columns(pl.col("content").replace("", None)))
    read = sorted({name for name, outcome, _ in inputs if outcome == "read" and name})
    done.inputs = keyed(job.key, "inputs", "\n".join(read))
    outcomes = [outcome for _, outcome, _ in inputs]
    done.counts |= {word: outcomes.count(word) for word in ("read", "skipped", "failed")}
    copies = ledger.query("select count(*) from activities where duplicate_of is not null")[0][0]
    done.counts["duplicates"] = int(copies) + sum(code == "same_content" for *_, code in inputs)
    above = Path(job.paths[0]).parent
    done.failures = [
        (_below(path, above), code, reason) for path, _, outcome, code, reason in rows if outcome == "failed"
    ]


def _below(path: str, above: Path) -> str:
    """A path of the ledger from the cohort's folder on, which the ledger writes with as many parts as it has."""
    anchor = above.anchor.replace("\\", "/")
    inner = above.relative_to(above.anchor).as_posix()
    depth = 0 if inner == "." else len(names.clean(inner).split("/"))
    return "/".join(path.removeprefix(anchor).split("/")[depth:])


def _tables(job: Job, ledger: Ledger, known: Known, done: Done) -> None:
    ids = {name: keyed(job.key, "activity", name)[:12] for name in known.activities["id"]}
    last = known.as_of
    until = last if job.injuries is None else last + timedelta(days=FOLLOW_DAYS)
    # with what the rest of kneeledger has no use for
    rows = ledger.activities(ME)
    found = known.activities.drop(*(set(rows.columns) - {"id"}), strict=False)
    every = rows.join(found, on="id", how="inner", maintain_order="left").join(
        ledger.metrics(ME), on="id", how="left", maintain_order="left"
    )
    activities = _activities(every, ids)
    daily = _daily(known, job.injuries, until)
    told = _findings(known, ids)
    done.parts |= {
        "activities": _parquet(activities),
        "daily": _parquet(daily),
        "findings": _parquet(told),
    }
    injuries = job.injuries or ()
    placed = int(daily["injuries"].sum() or 0)
    done.counts |= {
        "activities": activities.height,
        "days": daily.height,
        "findings": told.height,
        "injuries": placed,
        "injuries_outside": len(injuries) - placed,
    }
    done.first_day, done.last_day = daily["day"][0], last


def _activities(frame: pl.DataFrame, ids: Mapping[str, str]) -> pl.DataFrame:
    about = [json.loads(text) for text in frame["about"]]
    issues = [sorted({one["code"] for one in json.loads(text)}) for text in frame["issues"]]
    watches: dict[tuple[Any, Any], int] = {}
    watch = [
        watches.setdefault((one["device"], one["device_serial"]), len(watches) + 1)
        if one["device"] or one["device_serial"]
        else None
        for one in about
    ]
    told = {
        "id": pl.Series([ids[name] for name in frame["id"]], dtype=pl.String),
        "watch": pl.Series(watch, dtype=pl.Int64),
        "issues": pl.Series(issues, dtype=pl.List(pl.String)),
        "mass_assumed": pl.Series(["mass_assumed" in some for some in issues], dtype=pl.Boolean),
    }
    for name in ("sub_sport", "format", "decoder", "altitude_source"):
        told[name] = pl.Series([one[name] for one in about], dtype=pl.String)
    for name in ("indoor", "virtual"):
        told[name] = pl.Series([bool(one[name]) for one in about], dtype=pl.Boolean)
    return _shaped(frame.with_columns(**told), ACTIVITY)


def _daily(known: Known, injuries: tuple[date, ...] | None, until: date) -> pl.DataFrame:
    coverage = replace(known.history.coverage, last_day=until)
    activities = known.history.activities
    daily = workload.daily(activities, as_of=until, coverage=coverage)
    carried = exposures(activities, coverage, until=until)
    days = daily["day"].to_list()
    hurt = sorted(injuries or ())
    at = 0
    since: list[int | None] = []
    for day in days:
        while at < len(hurt) and hurt[at] < day:
            at += 1
        since.append((day - hurt[at - 1]).days if at else None)
    outcomes = [None] * len(days) if injuries is None else [hurt.count(day) for day in days]
    after = (pl.col("day") - known.as_of).dt.total_days().clip(lower_bound=0)
    daily = daily.with_columns(
        after.alias("days_after_last_file"),
        pl.Series("injuries", outcomes, dtype=pl.Int64),
        pl.Series("before_since_injury_days", since, dtype=pl.Int64),
    ).join(carried, on="day", how="left", maintain_order="left")
    return _shaped(daily, DAY)


def _findings(known: Known, ids: Mapping[str, str]) -> pl.DataFrame:
    """What would have been said on each day of the whole history, oldest first."""
    first = known.history.coverage.first_day or known.as_of
    told = findings.spikes(
        known.history,
        known.as_of,
        last_days=(known.as_of - first).days + 1,
        profile=known.profile,
    )
    rows = [
        {
            "day": one.date,
            "code": one.code,
            "severity": one.severity.value,
            "activity": ids.get(one.activity) if one.activity else None,
            "measure": one.measure,
            "value": one.value,
            "reference": one.reference,
            "ratio": one.ratio,
            "low": one.low,
            "high": one.high,
            "evidence": one.evidence.value,
            "sources": list(one.sources),
            "holds_under": [model.value for model in one.holds_under],
            "text": one.text,
        }
        for one in told
    ]
    return _shaped(pl.DataFrame(rows, schema={n: c.dtype for n, c in FINDING.items()})[::-1], FINDING)


def _report(ledger: Ledger, job: Job, out: Path) -> None:
    from kneeledger.pipeline import reports
    from kneeledger.pipeline.front import ReportOptions

    options = ReportOptions(anonymous=job.anonymous, called=job.called)
    reports.write(ledger, out, athlete=ME, config=job.config, as_of=None, options=options)


def _shaped(frame: pl.DataFrame, columns: Schema) -> pl.DataFrame:
    """The declared columns in their order, null where the frame has none, NaN nowhere."""
    have = set(frame.columns)
    return frame.select(
        (pl.col(name).cast(column.dtype) if name in have else pl.lit(None, dtype=column.dtype).alias(name))
        for name, column in columns.items()
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def _parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, compression="zstd")
    return out.getvalue()


@cache
def code_digest() -> str:
    """Hash of the package's code and data: results of another one are not mixed with these."""
    digest = hashlib.sha256()
    for name, content in sorted(_sources(resources.files("kneeledger"), "")):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _sources(folder: Traversable, at: str) -> list[tuple[str, bytes]]:
    found = []
    for one in folder.iterdir():
        name = f"{at}/{one.name}"
        if one.is_dir():
            if one.name not in ("__pycache__", "cli", "charts", "reporting"):
                found += _sources(one, name)
        elif one.name.endswith((".py", ".toml")):
            found.append((name, one.read_bytes().replace(b"\r\n", b"\n")))
    return found
