"""forecast: what a planned course would ask, before it is run."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kneeledger.cli.options import (
    Day,
    as_of_option,
    echo_json,
    echo_table,
    echo_text,
    format_option,
    ledger_options,
    model_options,
    printable,
    say,
    settings_from,
)
from kneeledger.reporting import words
from kneeledger.reporting.forecast_page import change_words, part_words, parts_of

if TYPE_CHECKING:
    from kneeledger.forecast import Forecast
    from kneeledger.pipeline.forecasting import Told

MILE_M = 1609.344


class Pace(click.ParamType[float]):
    """A pace like 5:30/km or 8:50/mi, in metres a second."""

    name = "pace"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Speed [m/s], or a usage error that shows the form."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,2}):([0-5]\d)(?:\s*/?\s*(km|mi))?", str(value).strip())
        if not found or int(found[1]) * 60 + int(found[2]) == 0:
            raise click.BadParameter(f"{value!r} is no pace like 5:30/km.", ctx, param)
        metres = MILE_M if found[3] == "mi" else 1000.0
        return metres / (int(found[1]) * 60 + int(found[2]))


class Finish(click.ParamType[float]):
    """A finish time like 2:10:00 or 45:00, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, or a usage error that shows the form."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]\d)", str(value).strip())
        seconds = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3]) if found else 0
        if not seconds:
            raise click.BadParameter(f"{value!r} is no time like 2:10:00.", ctx, param)
        return float(seconds)


class Percent(click.ParamType[float]):
    """A change like +5%, as a factor."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A factor near 1, or a usage error that shows the form."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"([+-]?\d{1,2}(?:\.\d+)?)\s*%?", str(value).strip())
        if not found or not -20.0 <= float(found[1]) <= 20.0:
            raise click.BadParameter(f"{value!r} is no change like +5%, within 20 % either way.", ctx, param)
        return 1.0 + float(found[1]) / 100.0


@click.command("forecast")
@click.argument("course", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--pace", "mps", type=Pace(), help="Your pace on the flat, such as 5:30/km.")
@click.option("--time", "finish_s", type=Finish(), help="The finish time, such as 2:10:00.")
@click.option("--effort", type=click.Choice(["easy", "race"]), help="Instead of a pace; default: as usual.")
@click.option("--cadence", type=Percent(), default="0%", help="A change of the step rate, such as +5%.")
@click.option("--on", type=Day(), help="The planned day. Default: the day after the as-of day.")
@click.option("--reverse", "back", is_flag=True, help="The course the other way round.")
@click.option(
    "--write", "gpx", type=click.Path(dir_okay=False, path_type=Path), help="GPX with its descents marked."
)
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for a page of it."
)
@ledger_options
@model_options
@as_of_option
@format_option("table", "json")
def forecast_command(
    course: Path,
    mps: float | None,
    finish_s: float | None,
    effort: str | None,
    cadence: float,
    on: date | None,
    back: bool,
    gpx: Path | None,
    out: Path | None,
    as_of: date | None,
    form: str,
    **flags: Any,
) -> None:
    r"""What a planned course would ask of your knees, against the last 30 days. GPX, TCX or FIT.

    \b
    Example:
      kneeledger forecast mountain.gpx --time 2:10:00
      kneeledger forecast mountain.gpx --effort easy --cadence +5% --write marked.gpx
    """
    from kneeledger.forecast import Effort
    from kneeledger.pipeline import forecasting, settings

    if sum(one is not None for one in (mps, finish_s, effort)) > 1:
        raise click.UsageError("Give one of --pace, --time and --effort.")
    config = settings_from(flags)
    wish = forecasting.Wish(mps, finish_s, Effort(effort) if effort else Effort.USUAL, cadence, on, back)
    folder = flags["ledger_dir"] or settings.default_ledger()
    told = forecasting.look(course, folder, flags["athlete"], config, wish, as_of, tell=say)
    if gpx is not None:
        click.echo(str(forecasting.write_course(told, gpx)), err=True)
    if out is not None:
        click.echo(str(forecasting.write_page(told, out, units=config["units"])), err=True)
    if form == "json":
        echo_json(forecasting.to_json(told))
    else:
        _echo(told, config["units"])


def _echo(told: "Told", units: str) -> None:
    made = told.made
    ground = made.ground
    name = told.course.name or "Course"
    click.echo(printable(f"{name}: {words.distance(ground.distance_m, units)}, {_climb(made, units)}"))
    if told.as_of is not None:
        click.echo(f"Planned for {words.day(made.on)}; as of {words.day(told.as_of)}.")
    echo_table(_totals(made), title="")
    if made.compared:
        click.echo("\nAgainst your runs")
        for one in made.compared:
            echo_text(words.in_units(one.text, units), indent="  ", hanging="    ")
    for part in parts_of(made):
        echo_text(part_words(part, units), indent="  ", hanging="    ")
    echo_table([_band_row(row, units) for row in made.bands.iter_rows(named=True)], title="\nGrade bands")
    downs = made.downhills.sort("knee_load_bw_s", descending=True).head(15).sort("number")
    echo_table([_down_row(row, units) for row in downs.iter_rows(named=True)], title="\nDescents")
    echo_table([_change_row(one, units) for one in made.changes], title="\nWhat would ease it")
    models = ", ".join(f"{name} {words.easy(load)}" for name, load in made.by_model.items())
    click.echo()
    echo_text(f"Knee load by downhill model (contested), easy minutes: {models}.")
    for note in made.notes:
        echo_text(words.in_units(note, units), hanging="  ")


def _climb(made: "Forecast", units: str) -> str:
    ground = made.ground
    if not ground.known:
        return "no elevation"
    return f"{words.height(ground.descent_m, units)} down, {words.height(ground.ascent_m, units)} up"


def _totals(made: "Forecast") -> list[dict[str, str]]:
    load, time, steps = made.load_bw_s, made.seconds, made.steps
    return [
        {"": "moving time", "expected": words.clock(time.value), "90 %": _between(words.clock, time)},
        {
            "": "knee load [easy min]",
            "expected": words.easy(load.value),
            "90 %": _between(words.easy, load),
        },
        {
            "": "of which what you will do",
            "expected": "",
            "90 %": _between(words.easy, made.load_as_planned),
        },
        {
            "": "peak-weighted [reference steps]",
            "expected": words.number(steps.value),
            "90 %": _between(words.number, steps),
        },
    ]


def _between(show: Any, value: Any) -> str:
    return f"{show(value.low)} to {show(value.high)}"


def _band_row(row: Mapping[str, Any], units: str) -> dict[str, str]:
    level = row["level_knee_load_bw_s"]
    return {
        "way": row["way"],
        "grade": words.band(row["from"], row["to"]),
        "distance": words.distance(row["distance_m"], units),
        "time": words.clock(row["time_s"]),
        "down": words.height(row["descent_m"], units),
        "easy min": words.easy(row["knee_load_bw_s"]),
        "x level": words.number(row["knee_load_bw_s"] / level if level else None, 2),
    }


def _down_row(row: Mapping[str, Any], units: str) -> dict[str, str]:
    return {
        "descent": f"D{row['number']}",
        "from": words.distance(row["start_m"], units, 1),
        "length": words.distance(row["length_m"], units),
        "drop": words.height(row["drop_m"], units),
        "grade": words.grade(row["grade"]),
        "time": words.clock(row["time_s"]),
        "easy min": words.easy(row["knee_load_bw_s"]),
        "x level": words.number(row["times_level"], 1),
    }


def _change_row(one: Any, units: str) -> dict[str, str]:
    best = [word for word, flag in (("linear", one.most_linear), ("peak-weighted", one.most_steps)) if flag]
    return {
        "change": words.in_units(one.label, units),
        "knee load": change_words(one.linear_change),
        "peak-weighted": change_words(one.steps_change),
        "time": words.signed(100 * one.seconds_change, 1),
        "helps most": ", ".join(best),
    }
