"""Write a report: decide which pages are needed, make what they show, and hand it to be drawn.

A page is drawn again only when what it shows, the settings, or the code that draws it changed; the keys are
kept in ``manifest.json``. Pages are drawn in worker processes, since a figure costs more than its data.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from kneeledger import executors, findings, plurals, symptoms
from kneeledger.config import Config
from kneeledger.errors import ReportError
from kneeledger.ledger.store import Ledger
from kneeledger.model import Finding
from kneeledger.pipeline import activity, gathering, history
from kneeledger.pipeline.history import Known
from kneeledger.reporting import anonymous, datafiles, html, pdf, writing
from kneeledger.reporting.content import ActivityPage
from kneeledger.sources import names

if TYPE_CHECKING:
    from kneeledger.pipeline.front import ReportOptions

__all__ = ["PageJob", "draw", "write"]

RECENT_DAYS = 26 * 7
INDEX = "index.html"
FEW_PAGES = 8
"""Up to so many pages are drawn in this process: starting workers would take longer."""


@dataclass(frozen=True, slots=True)
class PageJob:
    """A few pages for one worker to draw."""

    pages: tuple[ActivityPage, ...]
    out: str
    png: bool
    pdf: bool


def draw(job: PageJob) -> list[tuple[str, str]]:
    """Draw the pages of a job: ledger id and, where a page could not be drawn, why.

    A fault of ours in one page must not cost the others, nor the overview.
    """
    told = []
    for one in job.pages:
        try:
            html.write_activity(one, Path(job.out), png=job.png)
            if job.pdf:
                pdf.write_activity(one, Path(job.out))
        except OSError:
            raise
        except Exception as error:
            told.append((one.id, f"{type(error).__name__}: {error}"))
        else:
            told.append((one.id, ""))
    return told


def write(
    ledger: Ledger,
    out: Path,
    *,
    athlete: str,
    config: Config,
    as_of: date | None,
    options: "ReportOptions",
    jobs: int = 1,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Path:
    """The report of one athlete as of a day; the path of its first page.

    Raises
    ------
    ReportError
        The folder cannot be written.
    StoreError
        There is no activity.
    """
    key = _report_key(ledger, athlete, config, as_of, options)
    if not options.physio and html.read_manifest(out).get(INDEX) == key and _complete(out):
        return out / INDEX
    known = history.gather(ledger, athlete, config, as_of=as_of, only=_only(ledger, athlete, options.only))
    try:
        writing.folder(out)
        if options.anonymous and not options.physio and not html.is_anonymous(out):
            # pages, pictures and tables of another run stay where this one does not write them again
            anonymous.clear(out)
        if options.physio:
            return _write_physio(ledger, known, out, config, options)
        return _write_pages(ledger, known, out, config, options, jobs, progress, key)
    except OSError as error:
        raise ReportError(f"The report cannot be written to {out}: {error.strerror or error}.") from error


def _report_key(
    ledger: Ledger, athlete: str, config: Config, as_of: date | None, options: "ReportOptions"
) -> str:
    """Hash of all that a report rests on, read without computing anything."""
    rests_on = [
        ledger.query(
            "select id, freshness, duplicate_of, context from activities where athlete = ? order by id",
            (athlete,),
        ),
        ledger.query(
            "select path, outcome, code, reason from files where athlete = ? order by path", (athlete,)
        ),
        ledger.entries("pain", athlete),
        ledger.entries("notes", athlete),
        ledger.profile(athlete),
        {key: origin.value for key, origin in config.values.items()},
        as_of,
        asdict(options),
        html.code_key(),
    ]
    return hashlib.sha256(json.dumps(rests_on, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _complete(out: Path) -> bool:
    return all((out / name).exists() for name in html.read_manifest(out))


def _write_pages(
    ledger: Ledger,
    known: Known,
    out: Path,
    config: Config,
    options: "ReportOptions",
    jobs: int,
    progress: Callable[[str, int, int | None], None] | None,
    key: str,
) -> Path:
    told = findings.spikes(known.history, known.as_of, last_days=RECENT_DAYS, profile=known.profile)
    wanted = _wanted(known, told, options)
    drawn_as = bool({"html", "png", "pdf"} & set(options.formats))
    pages = {
        name: f"activities/{html.page_name(name, day, sport)}" for name, day, sport in wanted if drawn_as
    }
    content = gathering.overview(
        ledger,
        known,
        config,
        pages,
        redacted=options.redact,
        anonymous=options.anonymous,
        called=options.called,
    )
    old = html.read_manifest(out)
    keys = {page: _key(ledger, known, name, told, config, options) for name, page in pages.items()}
    stale = [name for name, page in pages.items() if old.get(page) != keys[page] or not (out / page).exists()]
    first = out / "activities.csv"
    datafiles.write(content, out, formats=options.formats, anonymous=options.anonymous)
    if drawn_as:
        # The overview first: it is what people wait for, and pages take the longest.
        first = html.write_overview(content, out, png="png" in options.formats)
        if "pdf" in options.formats:
            pdf.write_overview(content, out)
    if options.single_file:
        lead = [one for one in dict.fromkeys(f.activity for f in content.findings) if one in pages][:5]
        made = [_page(ledger, known, name, told, config, options) for name in lead if name]
        first = html.write_single(content, made, out)
    # Told before the pages are drawn, with the keys of those that stand: a killed report goes on from there.
    standing = {page: k for page, k in keys.items() if old.get(page) == k}
    html.write_manifest(out, content, standing, anonymous=options.anonymous)
    done = 0
    failed: list[tuple[str, str]] = []
    for some in executors.run(
        draw,
        _jobs_of(ledger, known, stale, told, out, config, options),
        jobs=jobs if len(stale) > FEW_PAGES else 1,
    ):
        failed += [(name, why) for name, why in some if why]
        done += len(some)
        if progress is not None:
            progress("drawing pages", done, len(stale))
    for name, _ in failed:
        del keys[pages[name]]
    keys |= {INDEX: key} if drawn_as and not failed else {}
    html.write_manifest(out, content, keys, anonymous=options.anonymous)
    if failed:
        name, why = failed[0]
        raise ReportError(
            f"{len(failed)} of {plurals.count(len(stale), 'page')} could not be drawn (activity {name}: {why}).",
            hint=f"Everything else is in {out}. Please report it.",
        )
    return first


def _only(ledger: Ledger, athlete: str, paths: Sequence[Path]) -> set[str] | None:
    """Ids of the activities that came from the given paths; None for all.

    Raises
    ------
    ReportError
        None came from there.
    """
    if not paths:
        return None
    # as `sources.walk` takes an argument: whole, links as given
    roots = [names.storable(Path(os.path.abspath(path))) for path in paths]  # noqa: PTH100
    rows = ledger.query(
        "select a.id, a.path, f.outer from activities a left join files f on f.athlete = a.athlete"
        " and f.path = a.path where a.athlete = ?",
        (athlete,),
    )
    found = {
        name
        for name, path, outer in rows
        if any(_within(place, root) for root in roots for place in (path, outer) if place)
    }
    if not found:
        raise ReportError(
            f"No activity in the ledger comes from {', '.join(map(str, paths))}.",
            hint="Without --only the report shows the whole ledger.",
        )
    return found


def _within(place: str, root: str) -> bool:
    """Whether a path, perhaps one inside an archive, is `root` or below it."""
    return place == root or place.startswith((f"{root.rstrip(os.sep)}{os.sep}", f"{root}!/"))


def _wanted(known: Known, told: Sequence[Finding], options: "ReportOptions") -> list[tuple[str, date, str]]:
    """Activities that get a page: the last 26 weeks and everything a finding speaks of, or all."""
    spoken = {one.activity for one in told}
    first = known.as_of - timedelta(days=RECENT_DAYS)
    frame = known.activities
    if options.pages != "all":
        frame = frame.filter((pl.col("day") > first) | pl.col("id").is_in([s for s in spoken if s]))
    return list(zip(frame["id"], frame["day"], frame["sport"], strict=True))


def _key(
    ledger: Ledger,
    known: Known,
    name: str,
    told: Sequence[Finding],
    config: Config,
    options: "ReportOptions",
) -> str:
    """Hash of all that a page shows, without making it."""
    shown = {
        "activity": ledger.query(
            "select id, freshness, issues, context, duplicate_of from activities where id = ?", (name,)
        ),
        "comparisons": [asdict(one) for one in activity.comparisons(name, known)],
        "findings": [asdict(one) for one in told if one.activity == name],
        "usual": asdict(history.usual(known.matched)),
        "line": asdict(known.matched.model),
        "settings": {key: origin.value for key, origin in config.values.items()},
        "options": [
            options.redact,
            options.anonymous,
            options.with_map,
            "png" in options.formats,
            "pdf" in options.formats,
        ],
        "code": html.code_key(),
    }
    return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _jobs_of(
    ledger: Ledger,
    known: Known,
    names: Sequence[str],
    told: Sequence[Finding],
    out: Path,
    config: Config,
    options: "ReportOptions",
    size: int = 4,
) -> Iterator[PageJob]:
    for start in range(0, len(names), size):
        made = tuple(
            _page(ledger, known, name, told, config, options) for name in names[start : start + size]
        )
        yield PageJob(made, str(out), "png" in options.formats, "pdf" in options.formats)


def _page(
    ledger: Ledger,
    known: Known,
    name: str,
    told: Sequence[Finding],
    config: Config,
    options: "ReportOptions",
) -> ActivityPage:
    examined = activity.from_ledger(ledger, known.athlete, name, config, known)
    copies = ledger.query("select path from activities where duplicate_of = ? order by path", (name,))
    made = activity.page(
        examined,
        config,
        known=known,
        findings=[one for one in told if one.activity == name],
        copies=[] if options.anonymous else [row[0] for row in copies],
        redacted=options.redact or options.anonymous,
        with_map=options.with_map and not options.anonymous,
    )
    if not options.anonymous:
        return made
    return replace(made, about=anonymous.about(made.about), issues=anonymous.issues(made.issues))


def _write_physio(ledger: Ledger, known: Known, out: Path, config: Config, options: "ReportOptions") -> Path:
    """The page for a physiotherapist: the weeks before a day, HTML and PDF."""
    until = options.until or known.as_of
    then = history.gather(ledger, known.athlete, config, as_of=until)
    content = gathering.overview(
        ledger, then, config, {}, redacted=True, anonymous=options.anonymous, called=options.called
    )
    changed = symptoms.before(then.history, options.onset) if options.onset else []
    sheet: dict[str, Any] = {
        "weeks": gathering.weeks(then, options.weeks),
        "spikes": findings.spikes(then.history, until, last_days=7 * options.weeks, profile=then.profile),
        "changed": changed,
        "onset": options.onset,
        "rules": symptoms.rules(then.history.pain, until) if then.history.pain.height else (),
        "referral": symptoms.referral(then.history.pain, until),
    }
    if not options.anonymous and html.is_anonymous(out):
        # the folder names its athlete from here on; the next anonymous report must clear it
        (out / html.MANIFEST).unlink()
    pdf.write_physio(content, sheet, out)
    return html.write_physio(content, sheet, out)
