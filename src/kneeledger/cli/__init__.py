"""Words to calls, results to words. A command parses, makes one call, prints, and exits.

Command modules are imported when their command is asked for, so that ``--help`` is quick. stdout carries
data, stderr progress and notes. Exit codes: 0 fine; 1 findings, only under ``--fail-on``; 2 usage, settings,
input or output.
"""

import sys
from importlib import import_module

import click

from kneeledger import __version__
from kneeledger.errors import KneeledgerError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "report": ("kneeledger.cli.main_job", "Scan an export and write the report: the main job."),
    "scan": ("kneeledger.cli.main_job", "Bring the ledger up to date with an export."),
    "demo": ("kneeledger.cli.main_job", "A small made-up export and its report."),
    "activity": ("kneeledger.cli.activities", "One activity: downhill, cadence and knee load."),
    "spikes": ("kneeledger.cli.comparing", "What stands out, newest first."),
    "headroom": ("kneeledger.cli.comparing", "How much more before it is a spike."),
    "downhill": ("kneeledger.cli.comparing", "The ledger of descent, by band, week and descent."),
    "cadence": ("kneeledger.cli.comparing", "Cadence at matched pace and grade over time."),
    "forecast": ("kneeledger.cli.planning", "What a planned course would ask."),
    "pain": ("kneeledger.cli.diary", "The pain log: add, list, import, export."),
    "log": ("kneeledger.cli.diary", "Note what no watch saw."),
    "profile": ("kneeledger.cli.diary", "The opt-in personal profile."),
    "before": ("kneeledger.cli.comparing", "What changed in the weeks before a day."),
    "ease": ("kneeledger.cli.comparing", "The article's levers on the last weeks, and the way back."),
    "cohort": ("kneeledger.cli.cohorts", "Many athletes: a data set and a coach's page."),
    "export": ("kneeledger.cli.exporting", "The ledger as data files."),
    "forget": ("kneeledger.cli.main_job", "Remove everything of one athlete."),
    "explain": ("kneeledger.cli.explaining", "Every number: formula, unit, source, evidence."),
    "doctor": ("kneeledger.cli.explaining", "How a file was read, and what was repaired."),
    "config": ("kneeledger.cli.explaining", "Each setting and where it came from."),
}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[cmd_name][0]), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return _with_breaks(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list, without importing any command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Errors that a user can mend are one sentence on stderr and exit code 2."""
        try:
            return super().invoke(ctx)
        except KneeledgerError as error:
            from kneeledger.cli.options import printable

            click.echo(f"kneeledger: {printable(str(error))}", err=True)
            ctx.exit(2)


def _with_breaks(command: click.Command) -> click.Command:
    """A command whose examples keep their lines: raw docstrings write click's mark as two characters."""
    command.help = (command.help or "").replace(r"\b", "\b")
    for inner in getattr(command, "commands", {}).values():
        _with_breaks(inner)
    return command


@_with_breaks
@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine; 1 findings (only with --fail-on); 2 usage, settings, input or output.",
)
@click.version_option(__version__, prog_name="kneeledger")
def cli() -> None:
    r"""What each activity asked of your knees.

    kneeledger reads a watch export (a folder or an unopened archive of FIT, GPX and TCX files), keeps a
    ledger of knee load, downhill and cadence, and says when the last days went beyond what you are used to.
    It works offline. It is not a medical device.

    \b
    Example:
      kneeledger report ~/Downloads/export.zip --open
    """


def main() -> None:
    """Entry point of the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    cli(prog_name="kneeledger")
