"""spikes, headroom, downhill, cadence, before, ease: the last days against what the athlete is used to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

import click

from kneeledger import plurals
from kneeledger.cli.options import (
    Day,
    Words,
    as_of_option,
    echo_csv,
    echo_json,
    echo_table,
    echo_text,
    format_option,
    ledger_options,
    model_options,
    say,
    settings_from,
)

F = TypeVar("F", bound=Callable[..., Any])
RANKS = {"note": 0, "raised": 1, "high": 2}


class Span(click.ParamType[int]):
    """A length of time like 8w, 30d or 6m, in days."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Days, or a usage error that shows the form."""
        if isinstance(value, int):
            return value
        units = {"d": 1, "w": 7, "m": 30, "y": 365}
        text = str(value)
        if text[:-1].isdigit() and text[-1:] in units and int(text[:-1]) > 0:
            return int(text[:-1]) * units[text[-1]]
        raise click.BadParameter(f"{value!r} is no span like 8w, 30d or 6m.", ctx, param)


def reading(function: F) -> F:
    """What every reading command takes."""
    for option in (as_of_option, model_options, ledger_options, format_option()):
        function = option(function)
    return function


@contextmanager
def _known(flags: Mapping[str, Any], *, what_if: bool = False) -> Iterator[tuple[Any, Any]]:
    from kneeledger.pipeline import comparing, settings

    config = settings_from(flags)
    folder = flags["ledger_dir"] or settings.default_ledger()
    ledger, known = comparing.known(
        folder, flags["athlete"], config, flags["as_of"], what_if=what_if, tell=say
    )
    with ledger:
        yield ledger, known


def _as_of(known: Any) -> str:
    day = f"As of {known.as_of.day} {known.as_of:%B %Y}"
    if known.history.newest is None:
        return f"{day}; nothing is known up to that day."
    age = (known.as_of - known.history.newest).days
    return f"{day}; newest file {plurals.count(age, 'day')} old."


@click.command("spikes")
@reading
@click.option("--last", "last_days", type=Span(), default="8w", show_default=True, help="How far back.")
@click.option("--fail-on", type=click.Choice(list(RANKS)), help="Exit 1 when a finding is at least this.")
def spikes_command(form: str, last_days: int, fail_on: str | None, **flags: Any) -> None:
    r"""What stands out, newest first. More than you are used to, never a prediction of injury.

    \b
    Example:
      kneeledger spikes --last 8w
      kneeledger spikes --fail-on high
    """
    from kneeledger.pipeline import comparing
    from kneeledger.reporting import words

    with _known(flags) as (_, known):
        told = comparing.spikes(known, last_days=last_days)
        units = settings_from(flags)["units"]
        if form == "json":
            echo_json(told)
        elif form == "csv":
            echo_csv([{k: v for k, v in one.items() if not isinstance(v, list)} for one in told["findings"]])
        else:
            click.echo(_as_of(known))
            for one in told["findings"]:
                click.echo(f"\n{one['date']}  {one['severity'].upper()}  {one['code']}")
                echo_text(words.in_units(one["text"], units), indent="  ")
                if one["why"]:
                    echo_text(f"Why: {words.in_units(one['why'], units)}", indent="  ")
                held = f"; holds under: {', '.join(one['holds_under'])}" if one["holds_under"] else ""
                echo_text(
                    f"({one['evidence']}; {', '.join(one['sources']) or 'no source'}{held})", indent="  "
                )
            if not told["findings"] and known.history.newest is not None:
                click.echo("Nothing stands out.")
    if fail_on and any(RANKS[one["severity"]] >= RANKS[fail_on] for one in told["findings"]):
        raise click.exceptions.Exit(1)


@click.command("headroom")
@reading
@click.option("--plan", type=Words(), default="", help='Planned sessions, such as "10km,200m; 60min".')
def headroom_command(form: str, plan: str, **flags: Any) -> None:
    r"""How far, how much descent, how much knee load before it is more than you are used to.

    \b
    Example:
      kneeledger headroom --plan "10km,200m"
    """
    from kneeledger.pipeline import comparing
    from kneeledger.reporting import words

    with _known(flags) as (_, known):
        told = comparing.room(known, plan)
        if form == "json":
            echo_json(told)
            return
        rows = [
            {
                "reading": one["name"],
                "day": str(day["day"]),
                "way": c["way"],
                "measure": c["measure"],
                "usual": c["reference"],
                "up to": c["limit"],
            }
            for one in told["readings"]
            for day in one["days"]
            for c in day["ceilings"]
        ]
        if form == "csv":
            echo_csv(rows)
            return
        click.echo(_as_of(known))
        units = settings_from(flags)["units"]
        echo_text(words.in_units(told["text"], units))
        for one in told["readings"]:
            click.echo(f"\n{one['name'].capitalize()}, tomorrow ({one['days'][0]['day']}):")
            for ceiling in one["days"][0]["ceilings"]:
                echo_text(words.in_units(ceiling["text"], units), indent="  ", hanging="    ")
            echo_text(words.in_units(one["week"]["text"], units), indent="  ", hanging="    ")
            for effect in one["plan"]:
                echo_text(words.in_units(effect["text"], units), indent="  ", hanging="    ")


@click.command("downhill")
@reading
@click.option("--last", "last_days", type=Span(), default="12w", show_default=True, help="How far back.")
def downhill_command(form: str, last_days: int, **flags: Any) -> None:
    r"""The ledger of descent: weeks, grade bands, single descents.

    \b
    Example:
      kneeledger downhill --last 12w
    """
    from kneeledger.cli import comparing_text
    from kneeledger.pipeline import comparing

    with _known(flags) as (ledger, known):
        told = comparing.downhill(ledger, known, weeks=max(1, last_days // 7))
        units = settings_from(flags)["units"]
        if form == "json":
            echo_json(told)
        elif form == "csv":
            echo_csv(told["descents"])
        else:
            click.echo(_as_of(known))
            if not any(told[part] for part in ("weeks", "weeks_walking", "descents")):
                click.echo("No run and no walk in these weeks: no descent to tell.")
            echo_table([comparing_text.week_row(row, units) for row in told["weeks"]], title="Weeks, running")
            echo_table(
                [comparing_text.walking_row(row, units) for row in told["weeks_walking"]],
                title="\nWeeks, walking" if told["weeks"] else "Weeks, walking",
            )
            downs = [r for r in told["bands"] if r["to"] is not None and r["to"] <= -0.02 and r["time_s"]]
            echo_table([comparing_text.band_row(row, units) for row in downs], title="\nGrade bands")
            echo_table(
                [comparing_text.descent_row(row, units) for row in told["descents"][:15]],
                title="\nLargest single descents (above level: easy minutes of knee load that level ground spares)",
            )


@click.command("cadence")
@reading
@click.option("--last", "last_days", type=Span(), help="How far back. Default: everything.")
def cadence_command(form: str, last_days: int | None, **flags: Any) -> None:
    r"""Cadence at matched pace and grade: your line, its changes, and cues by pace.

    \b
    Example:
      kneeledger cadence --last 26w
    """
    from kneeledger.cli import comparing_text
    from kneeledger.pipeline import comparing

    with _known(flags) as (_, known):
        told = comparing.cadence(known, last_days=last_days)
        units = settings_from(flags)["units"]
        if form == "json":
            echo_json(told)
        elif form == "csv":
            echo_csv(told["series"])
        else:
            click.echo(_as_of(known))
            for line in comparing_text.cadence_lines(told, known.matched.model, units):
                echo_text(line, hanging="  ")
            if told.get("cues"):
                echo_table(
                    [comparing_text.cue_row(row, units) for row in told["cues"]],
                    title="\nStep rate by pace, on your line",
                )


@click.command("before")
@click.argument("day", type=Day())
@reading
def before_command(day: date, form: str, **flags: Any) -> None:
    r"""What changed in the weeks before a day, the most unusual first. A coincidence in time, not a cause.

    \b
    Example:
      kneeledger before 2026-05-03
    """
    from kneeledger.pipeline import comparing
    from kneeledger.reporting import words

    with _known(flags) as (_, known):
        told = comparing.before(known, day)
    if form == "json":
        echo_json(told)
    elif form == "csv":
        echo_csv(told["changes"])
    else:
        units = settings_from(flags)["units"]
        unusual = [one for one in told["changes"] if one["unusual"]]
        for one in unusual:
            echo_text(words.in_units(one["text"], units), hanging="  ")
        if not unusual:
            echo_text(_nothing_unusual(told["changes"]))
        echo_text(told["note"])


def _nothing_unusual(changes: Sequence[Mapping[str, Any]]) -> str:
    """That nothing was unusual, or that nothing is known to compare with: two things that must not sound alike."""
    lacking = {one["label"] for one in changes if one["usual"] is None}
    lacking -= {one["label"] for one in changes if one["usual"] is not None}
    if not changes:
        return "Nothing is recorded before it: there is nothing to compare."
    if len(lacking) == len({one["label"] for one in changes}):
        return (
            "Too little is recorded before it to compare with: what was unusual is unknown. It takes 2 known weeks and "
            "4 windows of 2 weeks, each moved by a week, before those."
        )
    but = f" Not known well enough to compare: {', '.join(sorted(lacking))}." if lacking else ""
    return f"Nothing unusual in the 2 and 6 weeks before it, as far as the files tell.{but}"


@click.command("ease")
@reading
@click.option("--weeks", type=click.IntRange(2, 12), default=4, show_default=True, help="How many.")
def ease_command(form: str, weeks: int, **flags: Any) -> None:
    r"""The last weeks under the article's levers, and stepwise ceilings back. Temporary, optional, not for everyone.

    \b
    Example:
      kneeledger ease --weeks 4
    """
    from kneeledger.pipeline import comparing
    from kneeledger.reporting import words

    with _known(flags, what_if=True) as (_, known):
        told = comparing.ease(known, weeks=weeks)
    units = settings_from(flags)["units"]
    if form == "json":
        echo_json(told)
    elif form == "csv":
        echo_csv([{k: v for k, v in one.items() if not isinstance(v, dict)} for one in told["levers"]])
    else:
        click.echo(_as_of(known))
        echo_text(told["text"])
        if told["levers"]:
            click.echo(f"\nOver the last {plurals.count(weeks, 'week')}, modelled")
        for lever in told["levers"]:
            echo_text(words.in_units(lever["text"], units), indent="  ", hanging="    ")
        if told["steps"]:
            rows = [
                {
                    "week": str(step["week"]),
                    "of the usual": words.percent(step["share"]),
                    "knee load up to": words.number(words.minutes(step["knee_load_bw_s"]), 0, "easy min"),
                    "running up to": words.distance(step["run_distance_m"], units, 1),
                    "longest run": words.distance(step["longest_run_m"], units, 1),
                    "now allowed": "yes" if step["allowed"] else "not yet",
                }
                for step in told["steps"]
            ]
            echo_table(rows, title="\nThe way back: ceilings, not targets")
        if told["exercise"]:
            click.echo()
            echo_text(told["exercise"])
