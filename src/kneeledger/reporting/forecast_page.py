"""The page of a planned course: what it would ask, against the last 30 days, and where.

The page says first how it compares, then what it would ask with its interval, then where on the course; the
back-test stands beside the forecast because a forecast without its record is an opinion.
Instead of: a map, which would need a network and would show where somebody runs.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kneeledger.reporting import words, writing
from kneeledger.reporting.html_figures import Figure, Pen
from kneeledger.reporting.html_page import data_block, render
from kneeledger.reporting.html_tables import Cell, Column, Table, table

if TYPE_CHECKING:
    from kneeledger.forecast import Against, Change, Forecast, Part
    from kneeledger.model import Value

__all__ = ["change_words", "part_words", "parts_of", "shown", "write"]

BARS = ("distance_m", "descent_m", "knee_load_bw_s")
FIRST = "the first edge (+10 %, less with a profile) or floor, whichever is more"
EVIDENCE = {"distance_m": "measured", "descent_m": "estimated", "knee_load_bw_s": "modelled"}


def write(
    made: "Forecast", name: str | None, out: Path, *, units: str = "metric", comparable: bool = True
) -> Path:
    """Write the page of a course into a folder; its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", (name or "").lower())[:40].strip("-") or "course"
    page = render("forecast.html", **shown(made, name, Pen(""), units=units, comparable=comparable))
    return writing.text(out / f"forecast_{slug}.html", page)


def shown(
    made: "Forecast", name: str | None, pen: Pen, *, units: str = "metric", comparable: bool = True
) -> Mapping[str, Any]:
    """What the template lays out.

    Parameters
    ----------
    made, name
        The forecast and what the course is called.
    pen
        Draws the charts.
    units
        ``metric`` or ``imperial``.
    comparable
        Whether there was a ledger, so that the planned day means something.
    """
    ground = made.ground
    facts = [
        ("Distance", words.distance(ground.distance_m, units)),
        ("Descent", words.height(ground.descent_m, units)),
        ("Ascent", words.height(ground.ascent_m, units)),
        ("Pace on the flat", words.pace(made.plan.pace.mps, units)),
    ]
    if comparable:
        facts.insert(0, ("Planned for", words.day(made.on)))
    return {
        "title": name or "Planned course",
        "facts": facts,
        "figures": _figures(made, pen, units),
        "readout": _readout(made, units),
        "comparisons": [_comparison(one, units) for one in made.compared],
        "parts": [part_words(one, units) for one in parts_of(made)],
        "easy": words.easy(made.load_bw_s.value),
        "easy_range": _between(made.load_bw_s, words.easy),
        "totals": _totals(made),
        "models": [
            {"name": model, "minutes": words.easy(load), "chosen": model == made.plan.downhill.value}
            for model, load in made.by_model.items()
        ],
        "changes": _changes(made) if made.changes else None,
        "bands": _bands(made, units),
        "descents": _descents(made, units) if ground.downhills else None,
        "notes": made.notes,
    }


def parts_of(made: "Forecast") -> "list[Part]":
    """The parts worth a sentence: one where both are the same."""
    return [one for at, one in enumerate(made.parts) if at == 0 or one.start_m > 0]


def part_words(part: "Part", units: str = "metric") -> str:
    """The largest usual part of a course as a sentence."""
    if part.whole:
        return f"All of it stays within {FIRST}."
    length = words.distance(part.length_m, units, 1)
    span = f"{words.distance(part.start_m, units, 1)} to {words.distance(part.end_m, units, 1)}"
    where = (
        f"From the start, the first {length} stay"
        if part.start_m == 0
        else f"Anywhere on it, at most {length} ({span}) stay"
    )
    bound = {"distance_m": "distance", "descent_m": "descent", "knee_load_bw_s": "knee load"}[part.bound_by]
    return f"{where} within {FIRST}; {bound} is what bounds it."


def change_words(value: "Value") -> str:
    """A change in per cent with its interval."""
    if value.value is None:
        return "unknown"
    told = words.signed(100 * value.value)
    if value.low is None or value.high is None:
        return told
    return f"{told} ({words.signed(100 * value.low)} to {words.signed(100 * value.high)})"


def _between(value: "Value", show: Any) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"{show(value.low)} to {show(value.high)}"


def _figures(made: "Forecast", pen: Pen, units: str) -> dict[str, Figure]:
    from kneeledger import charts

    profile = made.profile
    bars = [
        charts.Bar(
            one.measure,
            one.value,
            one.reference,
            one.ratio,
            one.low,
            one.high,
            one.severity.value if one.severity else None,
            one.tested,
            one.window_empty and one.reference is not None,
        )
        for one in made.compared
        if one.measure in BARS
    ]
    found = {
        "course": pen.draw(
            "course",
            lambda narrow: charts.course(profile, units=units, narrow=narrow),
            route=made.ground.known,
        )
    }
    if bars:
        found["risk"] = pen.draw(
            "risk",
            lambda narrow: charts.risk(
                bars, profile, units=units, narrow=narrow, what="course", sloped=made.ground.known
            ),
            route=True,
        )
    return found


def _comparison(one: "Against", units: str) -> Mapping[str, Any]:
    return {
        "severity": one.severity.value if one.severity else None,
        "text": words.in_units(one.text, units),
        "evidence": EVIDENCE.get(one.measure, "contested"),
    }


def _totals(made: "Forecast") -> Table:
    record = made.record
    held = f"; it held {record.inside} of your last {words.count(record.n, 'run')}" if record.n else ""
    rows: list[list[Cell | str]] = [
        [
            "Moving time, without stops",
            words.clock(made.seconds.value),
            _between(made.seconds, words.clock),
            "",
        ],
        [
            "Knee load",
            f"{words.easy(made.load_bw_s.value)} easy min",
            _between(made.load_bw_s, words.easy),
            "your running and the knee model",
        ],
        [
            "",
            "",
            _between(made.load_as_planned, words.easy),
            f"your running alone, which a back-test can judge{held}",
        ],
        [
            "Peak-weighted load",
            f"{words.number(made.steps.value)} reference steps",
            _between(made.steps, words.number),
            "your running and the knee model",
        ],
    ]
    columns = (
        Column("", number=False),
        Column("Expected", evidence="modelled"),
        Column("90 % interval"),
        Column("Of what", number=False),
    )
    return table("totals", "What it would ask", columns, rows)


def _changes(made: "Forecast") -> Table:
    columns = (
        Column("Change", number=False),
        Column("Knee load", evidence="modelled"),
        Column("Peak-weighted", evidence="modelled"),
        Column("Time"),
        Column("Helps most", number=False),
    )
    return table(
        "changes", "What would ease it, each forecast anew", columns, [_change(one) for one in made.changes]
    )


def _change(one: "Change") -> list[Cell | str]:
    most = [word for word, flag in (("linear", one.most_linear), ("peak-weighted", one.most_steps)) if flag]
    return [
        one.label,
        change_words(one.linear_change),
        change_words(one.steps_change),
        words.signed(100 * one.seconds_change, 1),
        ", ".join(most),
    ]


def _bands(made: "Forecast", units: str) -> Table:
    columns = (
        Column("Grade", number=False),
        Column("Way", number=False),
        Column("Distance"),
        Column("Time", evidence="estimated"),
        Column("Down", evidence="estimated"),
        Column("Knee load", evidence="contested", unit="easy min"),
        Column("Times level", evidence="contested"),
    )
    rows = [
        [
            words.band(row["from"], row["to"]),
            row["way"],
            words.distance(row["distance_m"], units),
            words.clock(row["time_s"]),
            words.height(row["descent_m"], units),
            words.easy(row["knee_load_bw_s"]),
            words.number(_times(row["knee_load_bw_s"], row["level_knee_load_bw_s"]), 2),
        ]
        for row in made.bands.iter_rows(named=True)
    ]
    return table("bands", "Descent and knee load by grade band", columns, rows)


def _times(load: float, level: float) -> float | None:
    return load / level if level > 0 else None


def _descents(made: "Forecast", units: str) -> Table:
    columns = (
        Column("Descent", number=False),
        Column("From"),
        Column("Length"),
        Column("Drop", evidence="estimated"),
        Column("Grade", evidence="estimated"),
        Column("Time", evidence="estimated"),
        Column("Knee load", evidence="contested", unit="easy min"),
        Column("Times level", evidence="contested"),
    )
    rows = [
        [
            Cell(f"D{row['number']}", row["number"]),
            Cell(words.distance(row["start_m"], units, 1), row["start_m"]),
            Cell(words.distance(row["length_m"], units), row["length_m"]),
            Cell(words.height(row["drop_m"], units), row["drop_m"]),
            Cell(words.grade(row["grade"]), row["grade"]),
            Cell(words.clock(row["time_s"]), row["time_s"]),
            Cell(words.easy(row["knee_load_bw_s"]), row["knee_load_bw_s"]),
            Cell(words.number(row["times_level"], 1), row["times_level"]),
        ]
        for row in made.downhills.iter_rows(named=True)
    ]
    return table("descents", "Descents, as numbered on the written course", columns, rows, sortable=True)


def _readout(made: "Forecast", units: str) -> Any:
    """The profile as columns of rounded numbers, for the script; None where there is no elevation."""
    frame = made.profile
    if frame.height < 2 or not made.ground.known:
        return None
    columns = {
        "x": ("distance_m", 1.0, 0),
        "t": ("elapsed_s", 1.0, 0),
        "a": ("altitude_smooth_m", 1.0, 1),
        "g": ("grade", 100.0, 1),
        "v": ("ground_speed_mps", 1.0, 2),
        "c": ("cadence_spm", 1.0, 0),
        "k": ("load_rate_bw", 1.0, 2),
    }
    data: dict[str, Any] = {"units": units, "way": "run", "along": "m"}
    for key, (name, scale, digits) in columns.items():
        values = (frame[name] * scale).round(digits).to_list()
        data[key] = [None if v is None else int(v) if digits == 0 else v for v in values]
    return data_block(data)
