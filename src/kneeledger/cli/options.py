"""Options that many commands share, and how results are printed."""

import csv
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from kneeledger.config import Config
from kneeledger.reporting import writing

__all__ = [
    "SCHEMA_VERSION",
    "Words",
    "as_of_option",
    "echo_csv",
    "echo_json",
    "echo_table",
    "echo_text",
    "format_option",
    "jobs_option",
    "ledger_options",
    "model_options",
    "printable",
    "say",
    "settings_from",
    "text_width",
    "worker_count",
    "wrapped",
]

SCHEMA_VERSION = 1
"""Of every JSON object printed; raised when a key changes its meaning or goes away."""

DOWNHILL_MODELS = ("article", "mechanics", "none")
"""The values of ``model.DownhillModel`` (a test keeps them equal), without importing the frames for ``--help``."""

F = TypeVar("F", bound=Callable[..., Any])


FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2100, 12, 31)
"""No watch recorded before, and nobody plans beyond; weeks are counted on both sides of a day."""


class Day(click.ParamType[date]):
    """A day like 2026-05-03."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date, or a usage error that shows the form or the range."""
        try:
            day = value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            raise click.BadParameter(f"{value!r} is no day like 2026-05-03.", ctx, param) from None
        if not FIRST_DAY <= day <= LAST_DAY:
            raise click.BadParameter(f"{value!r} is no day from {FIRST_DAY} to {LAST_DAY}.", ctx, param)
        return day


class Words(click.ParamType[str]):
    """Words that can be written down: a terminal may hand over bytes that are no letters."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The words, or a usage error."""
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise click.BadParameter(f"{printable(text)!r} is no text in UTF-8.", ctx, param) from None
        return text


def ledger_options(function: F) -> F:
    """``--ledger DIR`` and ``--athlete NAME``."""
    function = click.option(
        "--athlete", type=Words(), default="me", show_default=True, help="Whose ledger rows."
    )(function)
    return click.option(
        "--ledger",
        "ledger_dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the ledger. Default: a folder of this user.",
    )(function)


def say(sentence: str) -> None:
    """What the ledger has to tell while it is opened and written: on stderr, beside the data."""
    click.echo(printable(sentence), err=True)


def as_of_option(function: F) -> F:
    """``--date DAY``: the day that every statement about "now" is made as of."""
    return click.option(
        "--date",
        "as_of",
        type=Day(),
        help="The day to look from. Default: the local day of the newest activity.",
    )(function)


def format_option(*names: str) -> Callable[[F], F]:
    """``--format``: table for people, the others for machines."""
    choices = names or ("table", "json", "csv")
    return click.option(
        "--format",
        "form",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="table for people, the others for machines.",
    )


def model_options(function: F) -> F:
    """Settings that are often given on the command line."""
    options = (
        click.option(
            "--downhill-model",
            type=click.Choice(DOWNHILL_MODELS),
            help="How much a decline adds to knee load; contested.",
        ),
        click.option("--weight", "mass_kg", type=float, help="Body mass [kg]; matters for cycling only."),
        click.option(
            "--use-file-weight",
            is_flag=True,
            default=None,
            help="Take body mass from a foot pod's field where nothing better is known.",
        ),
        click.option("--pack", "pack_kg", type=float, help="Load carried [kg]."),
        click.option("--incline", type=float, help="Grade of treadmill runs, as a fraction: 0.01 is 1 %."),
        click.option("--tz", help="Time zone for files that do not tell, such as Europe/Berlin."),
        click.option("--units", type=click.Choice(["metric", "imperial"]), help="What is shown."),
    )
    for option in reversed(options):
        function = option(function)
    return function


MODEL_FLAGS = ("downhill_model", "mass_kg", "use_file_weight", "pack_kg", "incline", "tz", "units")


def jobs_option(function: F) -> F:
    """``--jobs``; see `worker_count`."""
    return click.option(
        "--jobs",
        type=click.IntRange(0, 256),
        help="Worker processes; 0 for all cores. Default: the setting jobs, which is 0.",
    )(function)


def worker_count(asked: int | None, config: Config) -> int:
    """Worker processes: the flag, else the setting; 0 of either is as many as there are cores."""
    from kneeledger import executors

    return (config["jobs"] if asked is None else asked) or executors.default_jobs()


def settings_from(flags: Mapping[str, Any], *, exports: Sequence[Path] = ()) -> Config:
    """The settings in force, with the flags of `model_options` on top."""
    from kneeledger.pipeline import settings

    return settings.find({k: flags.get(k) for k in MODEL_FLAGS if k in flags}, exports=exports)


def echo_json(data: Mapping[str, Any]) -> None:
    """One JSON object with its ``schema_version`` first; NaN is impossible, and nothing in it moves a terminal."""
    text = json.dumps(
        {"schema_version": SCHEMA_VERSION, **data},
        ensure_ascii=False,
        indent=2,
        default=str,
        allow_nan=False,
    )
    click.echo(writing.inert_json(text))


def echo_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as CSV; text that a spreadsheet would run as a formula is quoted with an apostrophe."""
    if not rows:
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(map(plain_cell, columns))
    writer.writerows([plain_cell(row.get(name, "")) for name in columns] for row in rows)


def plain_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula, and no terminal for a command."""
    return writing.cell(value) if isinstance(value, str) else value


def echo_table(rows: Sequence[Mapping[str, str]], *, title: str = "") -> None:
    """Rows as a table for people; columns that look like numbers stand to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    if title:
        click.echo("\n" * title.startswith("\n"), nl=False)
        echo_text(title.strip())
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        numbers = all(str(r[name])[:1].isdigit() or str(r[name])[:1] in "+-−–" for r in rows if r[name])
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(value))) for value in row.values()))
    console = Console(width=text_width(), highlight=False)
    with console.capture() as drawn:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))


NUMBER_AND_UNIT = re.compile(r"(?<=\d) (?=(?:%|k?m|mi|ft|min|s|h|d|x)(?![^\W\d_]))")
"""The space between a number and its unit, where no line may break."""


def echo_text(text: str, *, indent: str = "", hanging: str | None = None) -> None:
    """A sentence or more, broken at words to the width of the terminal."""
    click.echo(wrapped(printable(text), indent=indent, hanging=hanging))


def wrapped(text: str, *, indent: str = "", hanging: str | None = None) -> str:
    """A text broken at words; `indent` before its first line, `hanging` (the same if None) before the others."""
    return textwrap.fill(
        NUMBER_AND_UNIT.sub("\N{NO-BREAK SPACE}", text),
        text_width(),
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace("\N{NO-BREAK SPACE}", " ")


def text_width() -> int:
    """Columns to write in: those of the terminal (or of ``COLUMNS``), 60 to 120; 120 in a pipe."""
    return max(60, min(120, shutil.get_terminal_size((120, 24)).columns))


def printable(text: str) -> str:
    """Text without control characters: a file name must not command a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
