"""report, scan, demo, forget: the commands that write."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kneeledger import plurals
from kneeledger.cli.options import (
    Day,
    Words,
    as_of_option,
    echo_json,
    format_option,
    jobs_option,
    ledger_options,
    model_options,
    printable,
    say,
    settings_from,
    worker_count,
)
from kneeledger.config import Config
from kneeledger.errors import ReportError

EXPORTS = click.argument("exports", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
FORMATS = ("html", "pdf", "png", "csv", "json", "parquet")


def scan_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What can be said of a scan."""
    options = (
        jobs_option,
        click.option("--cluster", help="Address of a dask scheduler; who reaches it runs code on it."),
        click.option(
            "--decoder",
            type=click.Choice(["kneeledger", "fitparse"]),
            default="kneeledger",
            show_default=True,
            help="What reads FIT files.",
        ),
        click.option("--yes", is_flag=True, help="Accept a device that another athlete used."),
        click.option("--rebuild", is_flag=True, help="Read every file again; the pain log is kept."),
        click.option("--no-progress", is_flag=True, help="No progress bar."),
        click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command("scan")
@EXPORTS
@ledger_options
@scan_options
@model_options
@click.option("--verify", help="Read such a share with the second decoder too, like 2%.")
@click.option("--dry-run", is_flag=True, help="Say what would be read; change nothing.")
@format_option("table", "json")
def scan_command(exports: tuple[Path, ...], form: str, **flags: Any) -> None:
    r"""Bring the ledger up to date with an export: folders, files, unopened archives.

    \b
    Example:
      kneeledger scan ~/Downloads/export.zip --format json
    """
    from kneeledger.pipeline import front

    if flags["dry_run"]:
        plan = front.dry_run(exports, _ledger(flags), athlete=flags["athlete"])
        click.echo("\n".join(printable(line) for line in plan))
        return
    result = _scan(exports, flags)
    if form == "json":
        echo_json(front.tally(result))
        return
    for line in front.tally_lines(result):
        click.echo(printable(line))
    if result.failed and not flags["quiet"]:
        click.echo(f"Why files failed: {_ledger(flags) / 'errors.jsonl'}", err=True)


@click.command("report")
@click.argument("exports", nargs=-1, type=click.Path(exists=True, path_type=Path))
@ledger_options
@scan_options
@model_options
@as_of_option
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="kneeledger-report",
    show_default=True,
    help="Folder to write.",
)
@click.option("--format", "formats", default="html", show_default=True, help=f"Some of: {','.join(FORMATS)}.")
@click.option("--only", is_flag=True, help="Show only activities of the given paths.")
@click.option(
    "--pages",
    type=click.Choice(["recent", "all"]),
    default="recent",
    show_default=True,
    help="Pages of the last 26 weeks and of findings, or of every activity.",
)
@click.option("--single-file", is_flag=True, help="One HTML file, for an e-mail.")
@click.option("--physio", is_flag=True, help="One or two pages for a physiotherapist, HTML and PDF.")
@click.option("--until", type=Day(), help="Last day of the physio page.")
@click.option("--weeks", type=click.IntRange(2, 26), default=6, help="Weeks of the physio page.")
@click.option("--onset", type=Day(), help="Day the pain began, for the physio page.")
@click.option("--with-map", is_flag=True, help="Draw plain tracks (needs keep_positions).")
@click.option(
    "--redact-location/--no-redact-location",
    default=None,
    help="Leave places and titles out. Default: the setting redact_location, which is true.",
)
@click.option("--anonymous", is_flag=True, help="No names, serial numbers or paths in anything written.")
@click.option("--open", "open_page", is_flag=True, help="Open the page when it is done.")
def report_command(exports: tuple[Path, ...], open_page: bool, **flags: Any) -> None:
    r"""Scan an export, then write the report of the whole ledger: the main job.

    Without a path, the report of what the ledger holds.

    \b
    Example:
      kneeledger report ~/Downloads/export.zip -o my-report --open
      kneeledger report --physio --onset 2026-05-01
    """
    from kneeledger.pipeline import front

    formats = _formats(flags["formats"])
    if not exports and (flags["only"] or flags["rebuild"]):
        raise click.UsageError("--only and --rebuild need the paths they speak of.")
    result = _scan(exports, flags) if exports else None
    if result is not None and not flags["quiet"]:
        for line in front.tally_lines(result):
            click.echo(printable(line), err=True)
    config = settings_from(flags, exports=exports)
    redact = flags["redact_location"]
    options = front.ReportOptions(
        formats=formats,
        only=tuple(exports) if flags["only"] else (),
        pages=flags["pages"],
        single_file=flags["single_file"],
        physio=flags["physio"],
        until=flags["until"],
        weeks=flags["weeks"],
        onset=flags["onset"],
        with_map=flags["with_map"],
        redact=config["redact_location"] if redact is None else redact,
        anonymous=flags["anonymous"],
    )
    if flags["with_map"]:
        _say_of_maps(config, anonymous=flags["anonymous"])
    with _bar(flags) as tell:
        page = front.report(
            _ledger(flags),
            flags["out"],
            athlete=flags["athlete"],
            config=config,
            as_of=flags["as_of"],
            options=options,
            jobs=worker_count(flags["jobs"], config),
            progress=tell,
            tell=say,
        )
    click.echo(str(page))
    if open_page:
        _open(page)


@click.command("demo")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="kneeledger-demo",
    show_default=True,
    help="Folder to write.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page when it is done.")
def demo_command(out: Path, open_page: bool) -> None:
    r"""Write a small made-up export and its report, to see what kneeledger does.

    \b
    Example:
      kneeledger demo --open
    """
    from kneeledger.pipeline import front

    try:
        page = front.demo(out)
    except OSError as error:
        raise ReportError(f"{out} cannot be written: {error.strerror or error}.") from error
    click.echo(str(page))
    if open_page:
        _open(page)


@click.command("forget")
@click.option("--athlete", type=Words(), required=True, help="Whose rows to remove.")
@click.option(
    "--ledger",
    "ledger_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the ledger. Default: a folder of this user.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget_command(athlete: str, ledger_dir: Path | None, yes: bool) -> None:
    r"""Remove everything of one athlete: activities, tracks, pain log, profile.

    \b
    Example:
      kneeledger forget --athlete ann
    """
    from kneeledger.pipeline import front

    if not yes:
        click.confirm(f"Remove everything of {athlete!r} from the ledger?", abort=True)
    count = front.forget(_ledger({"ledger_dir": ledger_dir}), athlete, tell=say)
    click.echo(f"Removed {plurals.count(count, 'activity', 'activities')} of {athlete}.")


def _open(page: Path) -> None:
    import webbrowser

    webbrowser.open(page.resolve().as_uri())


def _ledger(flags: dict[str, Any]) -> Path:
    from kneeledger.pipeline import settings

    return flags["ledger_dir"] or settings.default_ledger()


def _say_of_maps(config: Config, *, anonymous: bool) -> None:
    """Why a report that was asked for maps may have none."""
    if anonymous:
        click.echo("--with-map: an anonymous report has no maps.", err=True)
    elif not config["keep_positions"]:
        click.echo(
            "--with-map: activities that were scanned without keep_positions have no map. Set keep_positions = true "
            "in the settings file and give their files once more with --rebuild.",
            err=True,
        )


def _formats(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    odd = [word for word in words if word not in FORMATS]
    if odd or not words:
        raise click.BadParameter(f"{text!r}: choose some of {', '.join(FORMATS)}.", param_hint="--format")
    return words


def _scan(exports: tuple[Path, ...], flags: dict[str, Any]) -> Any:
    from kneeledger.pipeline import front

    def ask(serial: str, other: str) -> bool:
        del serial
        if flags["yes"]:
            return True
        return sys.stdin.isatty() and click.confirm(
            f"A device of athlete {other!r} recorded some of these. Is it {flags['athlete']!r} as well?"
        )

    config = settings_from(flags, exports=exports)
    with _bar(flags) as tell:
        return front.scan(
            exports,
            _ledger(flags),
            athlete=flags["athlete"],
            config=config,
            decoder=flags["decoder"],
            jobs=worker_count(flags["jobs"], config),
            cluster=flags["cluster"],
            rebuild=flags["rebuild"],
            verify=flags.get("verify"),
            accept_device=ask,
            progress=tell,
            tell=say,
        )


@contextmanager
def _bar(flags: dict[str, Any]) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A progress bar on stderr, in a terminal only."""
    if flags["quiet"] or flags["no_progress"] or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int, total: int | None) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield tell
