"""What a command or a notebook asks for, in one call each."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kneeledger import executors, plurals
from kneeledger.config import Config
from kneeledger.ledger import store
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import scan as scanning
from kneeledger.pipeline import settings
from kneeledger.pipeline.scan import ScanResult
from kneeledger.reporting import writing

if TYPE_CHECKING:
    from kneeledger.pipeline.cohort import Cohort

__all__ = [
    "ReportOptions",
    "demo",
    "dry_run",
    "forget",
    "open_cohort",
    "report",
    "scan",
    "tally",
    "tally_lines",
    "write_report",
]

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What to write, beside the defaults."""

    formats: tuple[str, ...] = ("html",)
    only: tuple[Path, ...] = ()
    pages: str = "recent"
    single_file: bool = False
    physio: bool = False
    until: date | None = None
    weeks: int = 6
    onset: date | None = None
    with_map: bool = False
    redact: bool = True
    anonymous: bool = False
    called: str = ""
    """What the athlete is called in the report; empty for the ledger's name, or none where it is anonymous."""


def scan(
    exports: Sequence[Path],
    folder: Path,
    *,
    athlete: str = "me",
    config: Config | None = None,
    decoder: str = "kneeledger",
    jobs: int = 1,
    cluster: str | None = None,
    rebuild: bool = False,
    verify: str | None = None,
    accept_device: Callable[[str, str], bool] = lambda _serial, _other: False,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> ScanResult:
    """Bring the ledger in `folder` up to date with exports.

    Raises
    ------
    KneeledgerError
        The ledger or a setting is at fault; never for a bad file.
    """
    if rebuild:
        store.rebuild(folder, athlete=athlete, tell=tell)
    config = config or settings.find({}, exports=exports)
    with Ledger(folder, tell=tell) as ledger:
        told = None
        if progress is not None:
            show = progress

            def told(result: ScanResult) -> None:
                show(f"{result.read} read, {result.failed} failed", result.files, None)

        result = scanning.scan(
            exports,
            ledger,
            athlete=athlete,
            config=config,
            decoder=decoder,
            jobs=jobs,
            cluster=cluster,
            accept_device=accept_device,
            progress=told,
        )
        scanning.refresh(ledger, athlete=athlete, config=config)
        if verify:
            from kneeledger.pipeline import verification

            result.verified = verification.sample(exports, ledger, athlete=athlete, share=verify)
    return result


def tally(result: ScanResult) -> dict[str, Any]:
    """The scan as a JSON object."""
    return {
        "files": result.files,
        "activities": result.activities,
        "read": result.read,
        "unchanged": result.unchanged,
        "skipped": result.skipped,
        "failed": result.failed,
        "duplicates": result.duplicates,
        "seconds": round(result.seconds, 3),
        "skipped_by_kind": dict(result.skipped_by_kind.most_common()),
        "failures": result.failures,
        "advice": result.advice,
        "verified": result.verified,
    }


def tally_lines(result: ScanResult) -> list[str]:
    """The scan in words, the tally last."""
    lines = [f"  {count} x {kind}" for kind, count in result.skipped_by_kind.most_common(12)]
    if lines:
        lines.insert(0, "Skipped, as they are no activities:")
    if result.failures:
        lines.append("Failed:")
        lines += [f"  {one['path']}: {one['reason']}" for one in result.failures[:10]]
        if len(result.failures) > 10:
            lines.append(f"  and {len(result.failures) - 10} more")
    if result.advice:
        lines.append(result.advice)
    lines += [f"Verified: {line}" for line in result.verified]
    copies = plurals.count(result.duplicates, "copy", "copies")
    lines.append(
        f"{plurals.count(result.files, 'file')}: {result.read} read, {result.unchanged} unchanged,"
        f" {result.skipped} skipped, {result.failed} failed."
        f" {plurals.count(result.activities, 'activity', 'activities')} in the ledger"
        + (f" ({copies} not counted twice)." if result.duplicates else ".")
    )
    return lines


def dry_run(exports: Sequence[Path], folder: Path, *, athlete: str) -> list[str]:
    """One line a file: what a scan would do with it; one a folder or archive for what is unchanged in it."""
    from kneeledger import sources
    from kneeledger.exports import sources as find

    known: sources.Known | None = None
    if (folder / "ledger.sqlite").exists():
        with Ledger(folder, create=False) as ledger:
            known = scanning.memory(ledger, athlete)
    lines = []
    for item in find(exports, known=known):
        if isinstance(item, sources.Skipped) and item.code == "unchanged":
            lines.append(
                f"pass  {item.path}: {plurals.count(item.count, 'file')} unchanged since the last scan"
            )
        elif isinstance(item, sources.Skipped):
            lines.append(f"skip  {item.path}: {item.reason}")
        elif isinstance(item, sources.ByHand):
            lines.append(f"total {item.path}: {item.sport}")
        else:
            lines.append(f"read  {item.path}")
    return lines


def report(
    folder: Path,
    out: Path,
    *,
    athlete: str = "me",
    config: Config | None = None,
    as_of: date | None = None,
    options: ReportOptions = ReportOptions(),
    jobs: int = 1,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Write the report of one athlete's ledger; the path of its first page.

    Raises
    ------
    ReportError
        The folder cannot be written, or there is nothing to show.
    StoreError
        There is no ledger.
    """
    from kneeledger.pipeline import reports

    config = config or settings.find({})
    with Ledger(folder, create=False, tell=tell) as ledger:
        scanning.refresh(ledger, athlete=athlete, config=config)
        ledger.unlock()
        return reports.write(
            ledger,
            out,
            athlete=athlete,
            config=config,
            as_of=as_of,
            options=options,
            jobs=jobs,
            progress=progress,
        )


def write_report(
    exports: Sequence[Path | str],
    out: Path | str = "kneeledger-report",
    *,
    ledger: Path | str | None = None,
    athlete: str = "me",
    as_of: date | None = None,
    **flags: Any,
) -> Path:
    """The whole trip in one call: scan `exports`, compare, draw; the path of ``index.html``.

    `flags` are settings such as ``downhill_model="mechanics"`` or ``mass_kg=70``.
    """
    paths = [Path(path) for path in exports]
    config = settings.find(flags, exports=paths)
    folder = Path(ledger) if ledger else settings.default_ledger()
    scan(paths, folder, athlete=athlete, config=config)
    return report(folder, Path(out), athlete=athlete, config=config, as_of=as_of)


def demo(out: Path) -> Path:
    """Write the made-up export that comes with kneeledger, and its report; the path of the page."""
    from kneeledger.pipeline import diary

    writing.folder(out)
    export = out / "export"
    with (
        resources.files("kneeledger.data").joinpath("demo-export.zip").open("rb") as packed,
        zipfile.ZipFile(packed) as archive,
    ):
        archive.extractall(export)
    scan([export], out / "ledger", jobs=1)
    with Ledger(out / "ledger") as ledger:
        for told in export.rglob("pain-log.csv"):
            diary.import_pain(ledger, "me", told)
    return report(out / "ledger", out / "report", jobs=executors.default_jobs())


def forget(folder: Path, athlete: str, *, tell: Callable[[str], None] | None = None) -> int:
    """Remove everything of one athlete; how many activities."""
    with Ledger(folder, create=False, tell=tell) as ledger:
        return ledger.forget(athlete)


def open_cohort(dataset: Path | str) -> "Cohort":
    """The lazy frames of a cohort data set: activities, daily, findings."""
    from kneeledger.pipeline.cohort import open_cohort as opened

    return opened(dataset)
