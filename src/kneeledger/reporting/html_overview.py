"""What the overview shows: what stands out first, then room, weeks, sessions, descent, cadence, activities, quality."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from kneeledger.reporting import html_findings, words
from kneeledger.reporting.content import Report
from kneeledger.reporting.html_figures import Draws, Figure
from kneeledger.reporting.html_tables import Cell, Column, Table, table

__all__ = ["LIMITS", "shown"]

LIMITS = (
    (
        "No finding here has been tested against injuries. The bands of running distance come from one study of"
        " overuse injuries of all kinds; for descent, knee load and weeks they are an untested extension."
    ),
    (
        "Knee load is a model of the force between kneecap and thigh bone, fitted to published measurements. Its"
        " level differs between people by about a third either way; comparisons of a person with themself are"
        " much surer, since that error is common to both sides."
    ),
    "How much running downhill adds is contested, so three models stand side by side.",
    "What no watch recorded (a day without it, work, stairs, strength training) is not in here.",
    (
        "This is not a medical device and says nothing about the state of a knee. A swollen kneecap, locking,"
        " giving way or pain at night belong to a physiotherapist or physician."
    ),
)

MATCHED_AT_MPS = 3.0
"""Speed that the series of matched cadence is told for, as `matched_cadence` has it."""


def shown(report: Report, pen: Draws, *, inside: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Everything the overview's template needs.

    Parameters
    ----------
    inside
        In a single file: ledger id -> anchor of an activity that is part of it. None where pages are files.
    """
    pages = _pages(report) if inside is None else inside
    units = report.units
    leading = html_findings.lead(report.findings)
    return {
        "title": _title(report),
        "report": report,
        "athlete": report.athlete,
        "as_of": words.day(report.as_of),
        "as_of_how": "the day you named" if report.as_of_how == "date" else "the newest activity",
        "age": f"newest file {words.count(report.file_age_days, 'day')} old"
        if report.newest
        else "no file up to this day",
        "nothing": NOTHING if report.newest is None else NO_MORE,
        "days_known": _days_known(report),
        "cards": [html_findings.card(one, units, pages) for one in leading],
        "others": _others(report, pages),
        "rooms": _rooms(report),
        "rooms_note": words.in_units(report.rooms_note, units),
        "levers": [words.in_units(text, units) for text in report.levers],
        "figures": _figures(report, pen),
        "weeks": _weeks(report),
        "descents": _descents(report, pages),
        "measures": _measures(report),
        "cadence": _cadence(report, pages),
        "activities": _activities(report, pages),
        "sports": sorted({_sport(row) for row in report.activities.select("sport").to_dicts()}),
        "span": _span(report),
        "files": report.files,
        "skipped": _counted("skipped", "Skipped, as they are no activities", report.files.skipped_by_reason),
        "failures": _failures(report),
        "quality": _quality(report),
        "coverage": report.coverage,
        "notes": report.notes,
        "limits": LIMITS,
        "versions": ", ".join(f"{name} {number}" for name, number in sorted(report.versions.items())),
    }


NOTHING = "Nothing is known yet: no activity is recorded up to this day."
NO_MORE = "Nothing of the last days was more than you are used to."


def _days_known(report: Report) -> str:
    known, unknown = report.coverage.known_days_of_28, report.coverage.unknown_days_of_28
    return f"{known} of the last {known + unknown}" if known + unknown else "none yet"


def _title(report: Report) -> str:
    whose = f" of {report.athlete[:40]}" if report.athlete else ""
    return f"Knee ledger{whose}, {words.day(report.as_of)}"


def _pages(report: Report) -> dict[str, str]:
    frame = report.activities
    if "page" not in frame.columns:
        return {}
    return {name: page for name, page in zip(frame["id"], frame["page"], strict=True) if page}


def _others(report: Report, pages: Mapping[str, str]) -> Table | None:
    others = html_findings.rest(report.findings)
    return html_findings.told(others, report.units, pages) if others else None


ROOM_NAMES = {
    "distance_m": "Longest run",
    "descent_m": "Descent of a run",
    "knee_load_bw_s": "Knee load of a run",
    "ride_knee_load_bw_s": "Knee load of a ride",
    "week": "Knee load of the next 7 days",
}
READINGS = {"rested": "Rested since the newest file", "as usual": "As usual since the newest file"}


def _rooms(report: Report) -> list[dict[str, Any]]:
    made = []
    for room in report.rooms:
        if room.measure == "distance_m":
            most = words.distance(room.room, report.units, 1)
        elif room.measure == "descent_m":
            most = words.height(room.room, report.units)
        else:
            most = words.easy(room.room)
        made.append(
            {
                "name": ROOM_NAMES.get(room.measure, room.measure),
                "reading": READINGS.get(room.reading, ""),
                "known": room.room is not None,
                "most": most,
                "unit": "easy min" if room.measure not in ("distance_m", "descent_m") and room.room else "",
                "text": words.in_units(room.text, report.units),
                "evidence": "measured" if room.measure == "distance_m" else "project rule",
            }
        )
    return made


def _figures(report: Report, pen: Draws) -> dict[str, Figure]:
    from kneeledger import charts

    units, made = report.units, {}
    mondays = report.weeks["week"].to_list() if report.weeks.height else []
    span = (mondays[0], mondays[-1]) if mondays else None
    days = (mondays[0], max(mondays[-1], report.as_of)) if mondays else None
    if report.weeks.height:
        made["weeks"] = pen.draw(
            "weeks", lambda narrow: charts.weeks(report.weeks, units=units, narrow=narrow)
        )
    for measure in ("distance_m", "knee_bw_s", "descent_m"):
        if report.sessions.height and report.sessions[measure].drop_nulls().len():
            made[f"sessions_{measure}"] = pen.draw(
                f"sessions-{measure.split('_')[0]}",
                lambda narrow, measure=measure: charts.sessions(  # type: ignore[misc]
                    report.sessions, measure=measure, units=units, narrow=narrow, span=days
                ),
            )
    if report.descent_weeks.height:
        made["descent"] = pen.draw(
            "descent",
            lambda narrow: charts.descent_weeks(report.descent_weeks, units=units, narrow=narrow, span=span),
        )
    if report.cadence.get("series"):
        made["cadence"] = pen.draw(
            "cadence",
            lambda narrow: charts.cadence_trend(
                report.cadence["series"], report.cadence.get("changes", ()), narrow=narrow
            ),
        )
    if report.stretches.height:
        made["cadence_pace"] = pen.draw(
            "cadence-pace",
            lambda narrow: charts.cadence_pace(
                pl.DataFrame(),
                report.personal_line,
                stretches=report.stretches,
                units=units,
                narrow=narrow,
            ),
        )
    if report.daily.height:
        made["calendar"] = pen.draw(
            "calendar", lambda narrow: charts.calendar(report.daily, measure="knee_load_bw_s", narrow=narrow)
        )
    if report.ratios.height:
        made["ratios"] = pen.draw("ratios", lambda narrow: charts.ratios(report.ratios, narrow=narrow))
    if report.pain.height:
        made["pain"] = pen.draw("pain", lambda narrow: charts.pain(report.pain, report.weeks, narrow=narrow))
    return made


def _weeks(report: Report) -> Table:
    units = report.units
    rows = []
    for row in reversed(report.weeks.to_dicts()):
        total = words.summed(row[f"knee_{way}_bw_s"] for way in ("run", "walk", "ride"))
        low, high = row.get("knee_low_bw_s"), row.get("knee_high_bw_s")
        note = [] if row.get("complete", True) else ["not over yet"]
        if not row["known_days"]:
            note.append("no day of it is known")
        elif row["known_days"] < 7 and row.get("complete", True):
            note.append(f"{row['known_days']} of 7 days known")
        if row.get("strength"):
            note.append(f"without {words.count(row['strength'], 'strength session')}")
        if row.get("noted_run_bw_s"):
            note.append(f"{words.easy(row['noted_run_bw_s'])} easy min of it noted by hand, without interval")
        rows.append(
            (
                Cell(words.day(row["week"], year=False), row["week"].isoformat()),
                words.number(row["sessions"]),
                words.distance(row["run_distance_m"], units, 1),
                words.height(row["descent_run_m"], units),
                f"{words.easy(total)}{_between(low, high)}",
                words.easy(row["knee_run_bw_s"]),
                words.easy(row["knee_walk_bw_s"]),
                words.easy(row["knee_ride_bw_s"]),
                Cell("; ".join(note), muted=True),
            )
        )
    return table(
        "weeks",
        "The last weeks, newest first",
        (
            Column("Week of", number=False),
            Column("Sessions"),
            Column("Running"),
            Column("Descent, running", evidence="estimated"),
            Column("Knee load", evidence="modelled", unit="easy min"),
            Column("running"),
            Column("walking"),
            Column("cycling"),
            Column("Note", number=False),
        ),
        rows,
    )


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({words.easy(low)}–{words.easy(high)})"


def _descents(report: Report, pages: Mapping[str, str]) -> Table | None:
    frame = report.descent_events
    if frame.is_empty():
        return None
    units = report.units
    return table(
        "descents",
        "The longest single descents of the last 12 weeks",
        (
            Column("Day", number=False),
            Column("Drop", evidence="estimated"),
            Column("Length"),
            Column("Mean grade"),
            Column("Time"),
            Column("Cadence", unit="steps/min"),
            Column("Knee load", evidence="modelled", unit="easy min"),
            Column("more than level", evidence="contested", unit="easy min"),
        ),
        (
            (
                Cell(words.day(row["day"]), row["day"].isoformat(), pages.get(row["id"])),
                words.height(row["drop_m"], units),
                words.distance(row["length_m"], units),
                words.grade(row["grade_mean"], 1),
                words.clock(row["duration_s"]),
                words.number(row["cadence_spm"]),
                words.number(words.minutes(row["knee_load_bw_s"]), 1),
                words.number(words.minutes(row["excess_knee_load_bw_s"]), 1),
            )
            for row in frame.to_dicts()
        ),
    )


def _measures(report: Report) -> Table | None:
    frame = report.workload
    if frame.is_empty():
        return None
    return table(
        "measures",
        f"Workload measures as of {words.day(report.as_of)}",
        (Column("Of", number=False), Column("Measure", number=False), Column("Value")),
        ((row["of"], row["name"], _measure(row, report.units)) for row in frame.to_dicts()),
    )


LEVELS = {"fitness_42": " a day", "fatigue_7": " a day", "balance": " a day", "strain": ""}
"""Measures that are amounts, and of which time; those that are neither these nor sums of a week are ratios."""


def _measure(row: Mapping[str, Any], units: str) -> str:
    value, unit = row["value"], row["unit"]
    if value is None:
        return "not meaningful or not known"
    if unit == "percentile":
        return words.number(value, 0)
    if row["key"] in LEVELS:
        return f"{_amount(value, row['measure'], units)}{LEVELS[row['key']]}"
    if not unit:
        return f"{words.number(value, 2)} ×"
    return _amount(value, row["measure"], units)


def _amount(value: float, measure: str, units: str) -> str:
    """A number of a measure with the unit that people read it in."""
    if measure == "descent_run_m":
        return words.height(value, units)
    if measure.endswith("_m"):
        return words.distance(value, units, 1)
    if measure == "run_time_s":
        return words.clock(value) if value >= 0 else f"{words.MINUS}{words.clock(-value)}"
    return f"{words.number(words.minutes(value), 1)} easy min"


def _cadence(report: Report, pages: Mapping[str, str]) -> Mapping[str, Any]:
    told = report.cadence
    model = told.get("model") or {}
    sentence = ""
    if model.get("runs") and told.get("series"):
        last = told["series"][-1]["matched_cadence_spm"]
        at = words.pace(MATCHED_AT_MPS, report.units)
        sentence = f"The newest run: {last:.0f} steps a minute, taken to a pace of {at} on level ground."
    return {
        "sentence": sentence,
        "note": told.get("note", ""),
        "personal": model.get("personal"),
        "runs": model.get("runs", 0),
        "changes": _changes(told, pages),
        "rides": _changes(report.pedalling, pages),
    }


def _changes(told: Mapping[str, Any], pages: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Changes of matched cadence as sentences' parts."""
    return [
        {
            "when": words.day(date.fromisoformat(change["date"])),
            "href": pages.get(change["activity"]),
            "size": words.signed(change["size_pct"], 1),
            "between": f"{words.signed(change['low_pct'], 1)} to {words.signed(change['high_pct'], 1)}",
            "class": change["class"],
            "runs": change["found_after_runs"],
            "explanations": "; ".join(change["explanations"]),
        }
        for change in told.get("changes") or ()
    ]


def _sport(row: Mapping[str, Any]) -> str:
    return str(row["sport"] or "unknown").replace("_", " ")


def _activities(report: Report, pages: Mapping[str, str]) -> Table:
    units = report.units
    named = "name" in report.activities.columns and report.activities["name"].drop_nulls().len() > 0
    columns = [
        Column("Day", number=False),
        Column("Sport", number=False),
        *([Column("Title", number=False)] if named else []),
        Column("Distance"),
        Column("Time"),
        Column("Pace or speed"),
        Column("Descent", evidence="estimated"),
        Column("Knee load", evidence="modelled", unit="easy min"),
        Column("Cadence, running", unit="steps/min"),
    ]
    return table(
        "activities",
        f"{words.count(report.activities.height, 'activity', 'activities')}, newest first",
        columns,
        (_activity(row, units, pages, named=named) for row in report.activities.to_dicts()),
        sortable=True,
    )


def _activity(row: Mapping[str, Any], units: str, pages: Mapping[str, str], *, named: bool) -> list[Cell]:
    distance, moving = row["distance_m"], row["moving_s"] or row["duration_s"]
    speed = distance / moving if distance and moving else None
    low, high = row.get("knee_load_linear_bw_s_low"), row.get("knee_load_linear_bw_s_high")
    load = row["knee_load_bw_s"]
    cadence = row.get("cadence_run_median_spm")
    cells = [
        Cell(words.day(row["day"]), str(row["local_start"] or row["day"]), pages.get(row["id"])),
        Cell(_sport(row) + (", indoors" if row.get("indoor") else ""), outside=True),
    ]
    if named:
        cells.append(Cell(row["name"] or "", outside=True))
    return [
        *cells,
        Cell(_dash(distance, words.distance(distance, units, 1)), _key(distance)),
        Cell(_dash(moving, words.clock(moving)), _key(moving)),
        Cell(_dash(speed, words.speed_word(speed, row["way"], units)), _key(speed, 3)),
        Cell(_dash(row["descent_m"], words.height(row["descent_m"], units)), _key(row["descent_m"])),
        Cell(_dash(load, f"{words.easy(load)}{_between(low, high)}"), _key(load)),
        Cell(_dash(cadence, words.number(cadence)), _key(cadence)),
    ]


def _dash(value: float | None, text: str) -> str:
    """A dash for what is not known; no zero is made of it."""
    return "–" if value is None else text


def _key(value: float | None, digits: int = 0) -> float | str:
    return "" if value is None else round(value, digits) if digits else round(value)


def _span(report: Report) -> tuple[str, str]:
    days = report.activities["day"].drop_nulls()
    if not days.len():
        return "", ""
    return str(days.min()), str(days.max())


def _counted(name: str, caption: str, rows: Any) -> Table | None:
    if not rows:
        return None
    return table(
        name,
        caption,
        (Column("Reason", number=False), Column("Files")),
        ((Cell(words.quoted(reason), outside=True), words.number(count)) for reason, count in rows),
    )


def _failures(report: Report) -> Table | None:
    if not report.files.failures:
        return None
    return table(
        "failures",
        "Files that could not be read",
        (Column("File", number=False), Column("Reason", number=False)),
        (
            (Cell(path, outside=True), Cell(reason, outside=True))
            for path, reason in report.files.failures[:200]
        ),
    )


def _quality(report: Report) -> Table | None:
    frame: pl.DataFrame = report.quality
    if frame.is_empty():
        return None
    return table(
        "quality",
        "What was repaired or is doubtful, with an example",
        (Column("What", number=False), Column("Activities"), Column("An example", number=False)),
        (
            (
                row["code"].replace("_", " "),
                words.number(row["activities"]),
                Cell(words.quoted(row["text"]), outside=True),
            )
            for row in frame.to_dicts()
        ),
    )
