"""Words to calls, results to words. A command parses, makes one call, prints, and exits.

Command modules are imported when their command is asked for, so that ``--help`` is quick. stdout carries
data, stderr progress and notes. Exit codes: 0 fine; 1 findings, only under ``--fail-on``; 2 usage, settings,
input or output; 141 whoever read stdout closed it early, as a shell says of other tools.
"""

import contextlib
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import click

from kneeledger import __version__, executors
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
    "pain": ("kneeledger.cli.diary", "The pain log: add, list, remove, import, export."),
    "log": ("kneeledger.cli.diary", "Note what no watch saw: add, list, remove."),
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


LONGEST = 2_000
"""Of an error's sentence [characters]: a name in it may come out of a file."""
CLOSED_PIPE = 141
"""Exit code where stdout was closed early: 128 + 13, what a shell says of a tool that SIGPIPE ended."""


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command; one that does not exist names the nearest that does."""
        near = get_close_matches(args[0], COMMANDS, 1)
        if near and args[0] not in COMMANDS:
            ctx.fail(f"There is no command {args[0]!r}. Did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """What a user can mend, or a full disk, is one sentence on stderr and exit code 2; a closed pipe is no error."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except KneeledgerError as error:
            from kneeledger.cli.options import printable

            click.echo(f"kneeledger: {printable(_sentence(error))}", err=True)
            ctx.exit(2)
        except OSError as error:
            ctx.exit(_told(error))


def _told(error: OSError) -> int:
    """The exit code of an output that takes nothing, after a sentence where one can still be written."""
    code = CLOSED_PIPE
    if not isinstance(error, BrokenPipeError):
        from kneeledger.cli.options import printable

        code = 2
        where = "The output" if error.filename is None else os.fsdecode(error.filename)
        reason = error.strerror or error
        with contextlib.suppress(OSError):
            click.echo(f"kneeledger: {printable(f'{where} cannot be written or read: {reason}.')}", err=True)
    for stream in (sys.stdout, sys.stderr):
        # what is left to be written goes nowhere; else the interpreter would complain as it leaves
        with contextlib.suppress(OSError):
            stream.flush()
            continue
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _sentence(error: KneeledgerError) -> str:
    """What went wrong, and what to do, as two sentences."""
    stop = "." if error.hint and not error.message.endswith((".", "!", "?")) else ""
    message = error.message if len(error.message) <= LONGEST else f"{error.message[:LONGEST]}…"
    return f"{message}{stop} {error.hint}".strip()


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
    epilog="Exit codes: 0 fine; 1 findings (only with --fail-on); 2 usage, settings, input or output; "
    "141 stdout was closed early.",
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
    for name, value in executors.ARITHMETIC.items():
        os.environ.setdefault(name, value)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before the start
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        cli(prog_name="kneeledger")
    except OSError as error:  # of `--help` and the like, which are told before anything is invoked
        sys.exit(_told(error))
