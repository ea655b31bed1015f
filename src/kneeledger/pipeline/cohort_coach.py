"""Data set -> what the coach's page shows: a row an athlete as of one day.

Made from the data set alone, so that the page can be made again without a file of any athlete, and all
athletes are seen as of one day: the newest of the cohort, unless another is asked for. Only what would have
been said in the last seven days up to that day counts as standing out.
Instead of: running the rules again, which would need every athlete's ledger.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from kneeledger import workload
from kneeledger.errors import ReportError
from kneeledger.model import Severity
from kneeledger.reporting import coach
from kneeledger.reporting.coach import Ahead, CoachPage, CoachRow, Week
from kneeledger.severity import rank
from kneeledger.workload import GAP_DAYS, Coverage

if TYPE_CHECKING:
    from kneeledger.pipeline.cohort import Cohort

__all__ = ["far_ahead", "page", "write"]

WEEKS: Final = 12
RECENT_DAYS: Final = 7
COVERED_DAYS: Final = 28
AHEAD_DAYS: Final = 60
"""One athlete's newest day so long after everybody else's is told: it may be a watch with a wrong date [days]."""


def write(
    cohort: "Cohort", target: Path, called: Mapping[str, str], reports: Path | None, *, as_of: date | None
) -> Path:
    """Write the coach's page to a file.

    Parameters
    ----------
    cohort
    target
    called
        Folder name by pseudonym; empty for a page of pseudonyms.
    reports
        Folder with a report an athlete, to link to.
    as_of

    Raises
    ------
    ReportError
        The file cannot be written.
    """
    links = _links(cohort, target, reports)
    try:
        return coach.write(page(cohort, called, links, as_of=as_of), target)
    except OSError as error:
        raise ReportError(
            f"The coach's page cannot be written to {target}: {error.strerror or error}."
        ) from error


def far_ahead(cohort: "Cohort") -> Ahead | None:
    """Whose newest day is long after that of everybody else, and would make the page's day; None for no one."""
    told = cohort.athletes.filter(pl.col("last_day").is_not_null()).sort("last_day", descending=True)
    if told.height < 2:
        return None
    newest, others = told["last_day"][0], told["last_day"][1]
    if (newest - others).days <= AHEAD_DAYS:
        return None
    return Ahead(told["athlete"][0], newest, others)


def _links(cohort: "Cohort", target: Path, reports: Path | None) -> dict[str, str]:
    if reports is None:
        return {}
    found = {}
    for name in cohort.athletes["athlete"]:
        first = reports / name / "index.html"
        if first.exists():
            found[name] = Path(os.path.relpath(first.resolve(), target.parent.resolve())).as_posix()
    return found


def page(
    cohort: "Cohort", called: Mapping[str, str], links: Mapping[str, str], *, as_of: date | None = None
) -> CoachPage:
    """Everything the page shows, in order: who stands out, who has no data, all others."""
    athletes = cohort.athletes
    newest = athletes["last_day"].max()
    day = as_of or (newest if isinstance(newest, date) else None)
    loads = _loads(cohort, day)
    strongest = _strongest(cohort, day)
    rows = [
        _row(one, day, loads.get(one["athlete"], {}), strongest.get(one["athlete"]), called, links)
        for one in athletes.to_dicts()
    ]
    ahead = None if as_of else far_ahead(cohort)
    return CoachPage(
        as_of=day,
        as_of_how="date" if as_of else "newest",
        ahead=ahead and replace(ahead, athlete=called.get(ahead.athlete, ahead.athlete)),
        rows=tuple(sorted(rows, key=_order)),
        weeks=WEEKS,
        named=bool(called),
        versions={str(k): str(v) for k, v in cohort.manifest["versions"].items()},
    )


def _order(row: CoachRow) -> tuple[int, int, float, str]:
    group = {"stands_out": 0, "no_data": 1, "other": 2}[row.group]
    severity = rank(Severity(row.severity)) if row.severity else -1
    return group, -severity, -(row.ratio or 0.0), row.who


def _loads(cohort: "Cohort", day: date | None) -> dict[str, dict[date, float | None]]:
    """Linear knee load of each day with a file, by athlete."""
    found: dict[str, dict[date, float | None]] = {}
    if day is None:
        return found
    frame = (
        cohort.daily.filter((pl.col("sessions") > 0) & (pl.col("day") <= day))
        .select("athlete", "day", "knee_load_bw_s")
        .collect()
    )
    for athlete, when, load in frame.iter_rows():
        found.setdefault(athlete, {})[when] = load
    return found


def _strongest(cohort: "Cohort", day: date | None) -> dict[str, dict[str, Any]]:
    """The strongest finding of the last days, by athlete; what is not known is told in its own columns."""
    if day is None:
        return {}
    since = day - timedelta(days=RECENT_DAYS - 1)
    frame = cohort.findings.filter(
        pl.col("day").is_between(since, day) & ~pl.col("code").str.starts_with("CV")
    ).collect()
    found: dict[str, dict[str, Any]] = {}
    for one in frame.iter_rows(named=True):
        key = (rank(Severity(one["severity"])), one["ratio"] or 0.0, one["day"])
        have = found.get(one["athlete"])
        if have is None or key > have["key"]:
            found[one["athlete"]] = one | {"key": key}
    return found


def _row(
    athlete: Mapping[str, Any],
    day: date | None,
    loads: Mapping[date, float | None],
    told: Mapping[str, Any] | None,
    called: Mapping[str, str],
    links: Mapping[str, str],
) -> CoachRow:
    name = athlete["athlete"]
    last = max(loads, default=None)
    covered, weeks = (None, ()) if day is None or last is None else _weeks(loads, day)
    quiet = last is None or day is None or (day - last).days > GAP_DAYS
    severity = told["severity"] if told else ""
    group = "stands_out" if severity in ("raised", "high") else "no_data" if quiet else "other"
    return CoachRow(
        who=called.get(name, name),
        named=name in called,
        href=links.get(name),
        status=athlete["status"],
        code=athlete["code"],
        group=group,
        last_day=last,
        days_since=None if last is None or day is None else (day - last).days,
        covered_days=covered,
        files_failed=athlete["failed"],
        severity=severity,
        finding=told["text"] if told else "",
        finding_day=told["day"] if told else None,
        measure=told["measure"] if told else "",
        evidence=told["evidence"] if told else "",
        ratio=told["ratio"] if told else None,
        low=told["low"] if told else None,
        high=told["high"] if told else None,
        weeks=weeks,
    )


def _weeks(loads: Mapping[date, float | None], day: date) -> tuple[int, tuple[Week, ...]]:
    """Known days of the last 28, and the load of each of the last weeks of seven days up to the day."""
    known = workload.known_days(loads, Coverage(), as_of=day)
    first = day - timedelta(days=len(known) - 1)

    def of(when: date) -> float | None:
        at = (when - first).days
        if at < 0 or not known[at]:
            return None
        return loads.get(when, 0.0)

    weeks = []
    for back in range(WEEKS - 1, -1, -1):
        days = [of(day - timedelta(days=7 * back + k)) for k in range(7)]
        known_loads = [load for load in days if load is not None]
        total = sum(known_loads) if len(known_loads) == len(days) else None
        weeks.append(Week(day - timedelta(days=7 * back + 6), total))
    return int(known[-COVERED_DAYS:].sum()), tuple(weeks)
