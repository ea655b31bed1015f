"""pain, log, profile: what the athlete tells."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from kneeledger import plurals
from kneeledger.cli.options import (
    Day,
    Words,
    echo_csv,
    echo_json,
    echo_table,
    echo_text,
    format_option,
    ledger_options,
    say,
)

FELT = click.Choice(["none", "tolerable", "beyond"])


def _open(flags: dict[str, Any]) -> Any:
    from kneeledger.ledger.store import Ledger
    from kneeledger.pipeline import settings

    return Ledger(flags["ledger_dir"] or settings.default_ledger(), tell=say)


def _today() -> date:
    """The clock's day: an entry is about now, unlike any statement about the ledger."""
    from datetime import datetime

    return datetime.now().astimezone().date()


@click.group("pain")
def pain_command() -> None:
    r"""The pain log, in words: during, after, next morning. The words decide; a rating is for the trend.

    \b
    Example:
      kneeledger pain add --during tolerable --after none --next-morning baseline
    """


@pain_command.command("add")
@click.option("--during", type=FELT, help="How it felt during the activity.")
@click.option("--after", type=FELT, help="How it felt after it.")
@click.option(
    "--next-morning", type=click.Choice(["baseline", "better", "worse"]), help="Against usual mornings."
)
@click.option("--limp", is_flag=True, help="It made you limp.")
@click.option("--swelling", is_flag=True, help="The kneecap is visibly swollen or puffy.")
@click.option("--sitting", is_flag=True, help="Pain after sitting.")
@click.option("--stairs", is_flag=True, help="Pain on stairs.")
@click.option("--side", type=click.Choice(["left", "right"]), help="Which knee.")
@click.option("--rating", type=click.FloatRange(0, 10), help="0 to 10, for the trend only.")
@click.option("--date", "day", type=Day(), help="Day of the activity. Default: today.")
@click.option("--note", type=Words(), default="", help="Your own words.")
@ledger_options
def pain_add(day: date | None, **flags: Any) -> None:
    r"""Add an entry. What is not said stays unknown.

    \b
    Example:
      kneeledger pain add --during tolerable --after none --next-morning baseline
    """
    from kneeledger import symptoms
    from kneeledger.pipeline import diary

    words = {k: flags[k] for k in ("limp", "swelling", "sitting", "stairs", "side", "rating", "note")}
    entry = symptoms.Entry(
        date=day or _today(),
        during=symptoms.Felt(flags["during"]) if flags["during"] else None,
        after=symptoms.Felt(flags["after"]) if flags["after"] else None,
        next_morning=symptoms.Morning(flags["next_morning"]) if flags["next_morning"] else None,
        **words,
    )
    with _open(flags) as ledger:
        first = diary.add_pain(ledger, flags["athlete"], entry)
    click.echo(f"Noted for {entry.date.isoformat()}.")
    if symptoms.plain_note(entry.note) != entry.note.strip():
        click.echo("The note was kept without its control characters.", err=True)
    if entry.red_flag:
        flag = symptoms.referral([entry], entry.date)
        assert flag is not None
        echo_text(flag.text)
    elif first:
        click.echo(f"What changed before it: kneeledger before {entry.date.isoformat()}", err=True)


@pain_command.command("list")
@format_option("table", "json", "csv")
@ledger_options
def pain_list(form: str, **flags: Any) -> None:
    r"""The log, oldest first, with the numbers that `pain remove` takes.

    \b
    Example:
      kneeledger pain list
    """
    _list("pain", form, "The pain log is empty.", flags)


def _list(kind: str, form: str, empty: str, flags: dict[str, Any]) -> None:
    """Show all entries of a kind, or the sentence `empty`."""
    from kneeledger.pipeline import diary

    with _open(flags) as ledger:
        rows = diary.rows(ledger, kind, flags["athlete"])
    if form == "json":
        echo_json({"entries": rows})
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = [{name: row.get(name, "") for name in names} for row in rows]
    if form == "csv":
        echo_csv(table)
    elif not table:
        click.echo(empty)
    else:
        echo_table([{k: "yes" if v is True else str(v) for k, v in row.items()} for row in table])


@pain_command.command("remove")
@click.argument("number", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@ledger_options
def pain_remove(number: int, yes: bool, **flags: Any) -> None:
    r"""Take back one entry, by the number `pain list` shows.

    \b
    Example:
      kneeledger pain remove 3
    """
    _remove("pain", number, yes, flags)


def _remove(kind: str, number: int, yes: bool, flags: dict[str, Any]) -> None:
    """Show an entry, ask, remove it."""
    from kneeledger.pipeline import diary

    with _open(flags) as ledger:
        for row in diary.rows(ledger, kind, flags["athlete"]):
            if row["number"] == number:
                told = ", ".join(
                    k.replace("_", " ") if v is True else f"{k.replace('_', ' ')} {v}"
                    for k, v in row.items()
                    if k not in ("number", "date")
                )
                echo_text(f"{row['date']}: {told}.", hanging="  ")
                if not yes:
                    click.confirm("Remove this entry?", abort=True)
        diary.remove(ledger, kind, flags["athlete"], number)
    click.echo("Removed.")


@pain_command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@ledger_options
def pain_import(file: Path, **flags: Any) -> None:
    r"""Add the entries of a CSV with the columns of `pain export`.

    \b
    Example:
      kneeledger pain import pain-log.csv
    """
    from kneeledger.pipeline import diary

    with _open(flags) as ledger:
        done = diary.import_pain(ledger, flags["athlete"], file)
    added, there = plurals.count(done.added, "entry", "entries"), plurals.count(done.there, "was", "were")
    click.echo(f"{added} added, {there} there already.")
    if done.cleaned:
        click.echo(f"Kept without their control characters: {plurals.count(done.cleaned, 'note')}.", err=True)


@pain_command.command("export")
@ledger_options
def pain_export(**flags: Any) -> None:
    r"""The log as CSV on stdout.

    \b
    Example:
      kneeledger pain export > pain-log.csv
    """
    from kneeledger.pipeline import diary
    from kneeledger.reporting import writing

    with _open(flags) as ledger:
        click.echo(writing.inert(diary.export_pain(ledger, flags["athlete"])), nl=False)


@click.group("log")
def log_command() -> None:
    r"""Note what no watch saw, so that it counts for the days.

    \b
    Example:
      kneeledger log add strength --minutes 40
    """


@log_command.command("add")
@click.argument("kind", type=click.Choice(["strength", "run", "ride", "other"]))
@click.option("--minutes", type=click.FloatRange(0, 1440, min_open=True), required=True, help="How long.")
@click.option("--date", "day", type=Day(), help="Default: today.")
@ledger_options
def log_add(kind: str, minutes: float, day: date | None, **flags: Any) -> None:
    r"""Note one session.

    \b
    Example:
      kneeledger log add strength --minutes 40 --date 2026-05-02
    """
    from kneeledger.pipeline import diary

    with _open(flags) as ledger:
        diary.add_note(ledger, flags["athlete"], kind, minutes, day or _today())
    click.echo(f"Noted: {kind}, {minutes:g} min, {(day or _today()).isoformat()}.")


@log_command.command("list")
@format_option("table", "json", "csv")
@ledger_options
def log_list(form: str, **flags: Any) -> None:
    r"""What was noted, oldest first, with the numbers that `log remove` takes.

    \b
    Example:
      kneeledger log list
    """
    _list("notes", form, "Nothing is noted.", flags)


@log_command.command("remove")
@click.argument("number", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@ledger_options
def log_remove(number: int, yes: bool, **flags: Any) -> None:
    r"""Take back one session, by the number `log list` shows.

    \b
    Example:
      kneeledger log remove 2
    """
    _remove("notes", number, yes, flags)


@click.command("profile")
@click.option("--previous-knee-pain/--no-previous-knee-pain", default=None)
@click.option("--current-knee-pain/--no-current-knee-pain", default=None)
@click.option("--female/--not-female", default=None)
@click.option("--poor-sleep-or-low-energy/--slept-and-ate-well", default=None, help="This week.")
@click.option("--specialised-young/--not-specialised-young", default=None, help="Information only.")
@format_option("table", "json")
@ledger_options
def profile_command(form: str, ledger_dir: Path | None, athlete: str, **changes: bool | None) -> None:
    r"""The opt-in personal profile: it moves thresholds, never the load estimate; it is not a diagnosis.

    \b
    Example:
      kneeledger profile --previous-knee-pain
    """
    from kneeledger.pipeline import diary

    with _open({"ledger_dir": ledger_dir}) as ledger:
        if any(v is not None for v in changes.values()):
            diary.set_profile(ledger, athlete, changes)
        made, told = diary.profile(ledger, athlete), diary.told_profile(ledger, athlete)
    if form == "json":
        echo_json({"profile": told, "score": made.score, "effect": made.sentence})
        return
    spoken = {True: "yes", False: "no", None: "not told"}
    echo_table([{"what": k.replace("_", " "), "told": spoken[v]} for k, v in told.items()])
    click.echo(made.sentence or "The usual thresholds hold.")
