"""explain, doctor, config: where numbers come from."""

from pathlib import Path
from typing import Any

import click

from kneeledger.cli.options import (
    Words,
    echo_csv,
    echo_json,
    echo_table,
    echo_text,
    format_option,
    printable,
    text_width,
)

LABELLED = 13
"""Columns before the text of a line of a quality record."""


@click.command("explain")
@click.argument("topic", type=Words(), required=False)
@format_option("table", "json")
def explain_command(topic: str | None, form: str) -> None:
    r"""Every number: formula, unit, source, evidence, limits. Without a topic, the list of topics.

    \b
    Example:
      kneeledger explain downhill-models
    """
    from kneeledger.pipeline import explaining

    if topic is None:
        listed = explaining.topics()
        if form == "json":
            echo_json({"topics": listed})
        else:
            echo_table([{"topic": one["name"], "what": one["title"]} for one in listed])
        return
    found = explaining.explain(topic)
    if form == "json":
        echo_json(found)
    else:
        click.echo(printable(explaining.as_text(found, min(92, text_width()))))


@click.command("doctor")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--second-opinion", is_flag=True, help="Read with fitparse or gpxpy as well, and compare.")
@click.option("--tz", help="Time zone for files that do not tell.")
@format_option("table", "json")
def doctor_command(files: tuple[Path, ...], second_opinion: bool, tz: str | None, form: str) -> None:
    r"""How a file was read: decoder, repairs, cadence multiplier, altitude source, time zone.

    Without a file: this installation.

    \b
    Example:
      kneeledger doctor run.fit --second-opinion
    """
    from kneeledger.pipeline import doctor

    if not files:
        found = doctor.installation()
        if form == "json":
            echo_json(found)
        else:
            echo_table([{"what": name, "value": str(value)} for name, value in found.items()])
        return
    pages = [doctor.examine(file, second_opinion=second_opinion, tz=tz) for file in files]
    if form == "json":
        echo_json({"files": pages})
    else:
        for line in "\n\n".join(doctor.as_text(page) for page in pages).splitlines():
            lead = len(line) - len(line.lstrip())
            echo_text(line, hanging=" " * (LABELLED if lead == 2 else lead + 2))
    if any(page["outcome"] == "failed" for page in pages):
        raise click.exceptions.Exit(2)


@click.group("config")
def config_command() -> None:
    r"""Each setting, its value, and where it came from.

    \b
    Example:
      kneeledger config show
    """


@config_command.command("show")
@format_option("table", "json", "csv")
def show(form: str) -> None:
    r"""Each value in force and where it came from.

    \b
    Example:
      kneeledger config show --format json
    """
    from kneeledger.pipeline import settings

    rows: list[dict[str, Any]] = [
        {"key": s.key, "value": origin.value, "unit": s.unit, "from": origin.where, "meaning": s.meaning}
        for s, origin in settings.shown()
    ]
    if form == "json":
        echo_json({"settings": rows})
    elif form == "csv":
        echo_csv(rows)
    else:
        echo_table(
            [{**row, "value": "not set" if row["value"] in (None, "") else str(row["value"])} for row in rows]
        )


@config_command.command("init")
@click.option("--user", is_flag=True, help="Write the user's file instead of one in this folder.")
def init(user: bool) -> None:
    r"""Write a commented kneeledger.toml with every setting at its default.

    \b
    Example:
      kneeledger config init --user
    """
    from kneeledger.pipeline import settings

    click.echo(str(settings.write_template(settings.user_file() if user else Path("kneeledger.toml"))))
