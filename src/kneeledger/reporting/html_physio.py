"""The page for a physiotherapist: the weeks before a day on one or two printed sides, initials only."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from kneeledger.reporting import words
from kneeledger.reporting.content import Report
from kneeledger.reporting.html_figures import Draws, Figure
from kneeledger.reporting.html_tables import Cell, Column, Table, table

__all__ = ["LIMITS", "initials", "shown"]

LIMITS = (
    (
        "Knee load is a model (patellofemoral force over time, in minutes of easy level running). Its level"
        " differs between people by about a third either way; the changes of one person are much surer."
    ),
    "How much going downhill adds is contested. No finding here has been tested against injuries.",
    "Work, stairs, strength training and days without the watch are not in here. Pain is as the runner wrote it.",
    "Not a medical device, not a diagnosis.",
)


def initials(name: str) -> str:
    """First letters of a name; ``me`` and nothing say nothing."""
    if name in ("", "me"):
        return ""
    parts = [part for part in name.replace("-", " ").replace("_", " ").replace(".", " ").split() if part]
    return " ".join(f"{part[0].upper()}." for part in parts[:3])


def shown(report: Report, sheet: Mapping[str, Any], pen: Draws) -> Mapping[str, Any]:
    """Everything the template needs; the same records serve the PDF."""
    from kneeledger import charts

    weeks: pl.DataFrame = sheet["weeks"]
    figures: dict[str, Figure] = {}
    if weeks.height:
        figures["weeks"] = pen.draw(
            "weeks", lambda narrow: charts.weeks(weeks, units=report.units, narrow=narrow)
        )
    log = pain_of(report, weeks)
    if log.height:
        figures["pain"] = pen.draw("pain", lambda narrow: charts.pain(log, weeks, narrow=narrow))
    referral = sheet.get("referral")
    return {
        "title": f"Knee load, {words.count(weeks.height, 'week')} to {words.day(report.as_of)}",
        "initials": initials(report.athlete),
        "as_of": words.day(report.as_of),
        "first": words.day(weeks["week"][0]) if weeks.height else "",
        "span": words.count(weeks.height, "week"),
        "read": words.count(report.files.read, "file"),
        "copies": words.count(report.files.duplicates, "copy", "copies"),
        "days_known": words.days_known(
            report.coverage.known_days_of_28,
            report.coverage.known_days_of_28 + report.coverage.unknown_days_of_28,
        ),
        "referral": referral.text if referral else "",
        "figures": figures,
        "weeks": weeks_table(report, sheet),
        "spikes": spikes_table(report, sheet),
        "changed": changed_table(report, sheet),
        "changed_not": _changed_not(report, sheet),
        "onset": words.day(sheet["onset"]) if sheet.get("onset") else "",
        "rules": [(_rule(rule.rule), _holds(rule.holds), rule.text) for rule in sheet.get("rules", ())],
        "cadence": cadence_sentence(report, weeks),
        "files": report.files,
        "coverage": report.coverage,
        "skipped": _skipped(report),
        "no_more": (
            "No session or week of these was more than this runner was used to."
            if report.newest
            else "Nothing is known yet: no activity is recorded up to this day."
        ),
        "limits": LIMITS,
    }


SKIPPED = 6
"""Reasons that are named; the rest are one number, so that the page stays short."""


def _skipped(report: Report) -> list[tuple[str, int]]:
    """Why files were not used, most frequent first; the numbers add up to all that were not."""
    told = [(words.quoted(reason), count) for reason, count in report.files.skipped_by_reason[:SKIPPED]]
    rest = report.files.skipped - sum(count for _, count in told)
    return [*told, ("for other reasons", rest)] if rest > 0 else told


def _changed_not(report: Report, sheet: Mapping[str, Any]) -> str:
    """Why nothing is said of the weeks before an onset; empty where there is none or something is."""
    if not sheet.get("onset") or sheet.get("changed"):
        return ""
    first = report.coverage.first_day
    begins = f" The first known day is {words.day(first)}." if first else ""
    return f"What changed before that day is unknown: too few weeks before it are known.{begins}"


def pain_of(report: Report, weeks: pl.DataFrame) -> pl.DataFrame:
    """The pain entries of the weeks shown."""
    if report.pain.is_empty() or weeks.is_empty():
        return report.pain.head(0)
    return report.pain.filter(pl.col("date").is_between(weeks["week"][0], report.as_of))


def _rule(name: str) -> str:
    return {
        "during_and_after": "During and after",
        "next_morning": "Next morning",
        "week_by_week": "Week by week",
    }.get(name, name)


def _holds(value: bool | None) -> str:
    return "not known" if value is None else "holds" if value else "does not hold"


def weeks_table(report: Report, sheet: Mapping[str, Any]) -> Table:
    """One row a week: distance, descent, knee load with interval, cadence, pain."""
    units = report.units
    matched = [(one["date"], one["matched_cadence_spm"]) for one in report.cadence.get("series", ())]
    rows = []
    for row in sheet["weeks"].to_dicts():
        first, last = row["week"], row["week"] + timedelta(days=6)
        load = words.summed(row[f"knee_{way}_bw_s"] for way in ("run", "walk", "ride"))
        spm = [value for day, value in matched if first.isoformat() <= day <= last.isoformat()]
        low, high = row.get("knee_low_bw_s"), row.get("knee_high_bw_s")
        rows.append(
            (
                Cell(f"{words.day(first, year=False)} – {words.day(last, year=False)}"),
                words.number(row["sessions"]),
                words.distance(row["run_distance_m"], units, 1),
                words.height(row["descent_run_m"], units),
                f"{words.easy(load)}" + (f" ({words.easy(low)}–{words.easy(high)})" if low else ""),
                words.number(sum(spm) / len(spm)) if spm else "–",
                _pain_word(report.pain, first, min(last, report.as_of)),
                f"{row['known_days']} of {min((report.as_of - first).days + 1, 7)}",
            )
        )
    return table(
        "weeks",
        "Week by week",
        (
            Column("Week", number=False),
            Column("Sessions"),
            Column("Running"),
            Column("Descent, running"),
            Column("Knee load", unit="easy min (90 %)"),
            Column("Cadence at matched pace"),
            Column("Pain", number=False),
            Column("Days known"),
        ),
        rows,
    )


FELT: Mapping[str, Mapping[str, str]] = {
    "during": {"none": "none", "tolerable": "tolerable", "beyond": "beyond tolerable"},
    "after": {"none": "none", "tolerable": "tolerable", "beyond": "beyond tolerable"},
    "next_morning": {"better": "better", "baseline": "unchanged", "worse": "worse"},
}
"""The words of the pain log, from least to most, and how they are written."""
TOO_MUCH = ("beyond", "worse")


def _pain_word(pain: pl.DataFrame, first: Any, last: Any) -> str:
    """A week of the pain log in the words it was noted in, the worst of each; what was not noted is not said."""
    if pain.is_empty():
        return "no log"
    week = pain.filter(pl.col("date").is_between(first, last))
    if week.is_empty():
        return "no entry"
    parts = []
    for name, order in FELT.items():
        worst = max((word for word in week[name] if word in order), key=list(order).index, default="")
        if worst:
            told = f"{name.replace('_', ' ')} {order[worst]}"
            parts.append(f"{told} on {_days(week, pl.col(name) == worst)}" if worst in TOO_MUCH else told)
    parts += [f"{name} on {_days(week, pl.col(name))}" for name in ("limp", "swelling") if week[name].any()]
    ratings = week["rating"].drop_nulls().to_list()
    if ratings:
        parts.append(f"up to {max(ratings):g}/10")
    return f"{words.count(week.height, 'entry', 'entries')}: {', '.join(parts) or 'nothing noted in words'}"


def _days(week: pl.DataFrame, which: pl.Expr) -> str:
    return words.count(week.filter(which)["date"].n_unique(), "day")


def spikes_table(report: Report, sheet: Mapping[str, Any]) -> Table | None:
    """Sessions and weeks that were more than usual."""
    found = [one for one in sheet.get("spikes", ()) if not one.code.startswith("CV")]
    if not found:
        return None
    return table(
        "spikes",
        "More than usual",
        (Column("Day", number=False), Column("How far", number=False), Column("What", number=False)),
        (
            (words.day(one.date, year=False), one.severity.value, words.in_units(one.text, report.units))
            for one in found
        ),
    )


def changed_table(report: Report, sheet: Mapping[str, Any]) -> Table | None:
    """What was unusual in the weeks before the onset."""
    found = list(sheet.get("changed", ()))
    if not found:
        return None
    return table(
        "changed",
        "What changed before the onset, most unusual first",
        (
            Column("Measure", number=False),
            Column("Weeks before"),
            Column("What", number=False),
            Column("Unusual", number=False),
        ),
        (
            (
                one.label,
                str(one.weeks),
                words.in_units(one.text, report.units),
                "yes" if one.unusual else "no",
            )
            for one in found[:12]
        ),
    )


def cadence_sentence(report: Report, weeks: pl.DataFrame) -> str:
    """Changes of cadence at matched pace in these weeks."""
    if weeks.is_empty():
        return ""
    first = weeks["week"][0].isoformat()
    told = [one for one in report.cadence.get("changes", ()) if one["date"] >= first]
    if not report.cadence.get("series"):
        return "Cadence at matched pace is not known."
    if not told:
        # where too few runs are there to look, that none was found says nothing
        return report.cadence.get("note") or "No change of cadence at matched pace in these weeks."
    return " ".join(
        f"From {words.day(date.fromisoformat(one['date']))} cadence at the same pace and grade changed by"
        f" {words.signed(one['size_pct'], 1)}"
        f" (90 % interval {words.signed(one['low_pct'], 1)} to {words.signed(one['high_pct'], 1)})."
        for one in told
    )
