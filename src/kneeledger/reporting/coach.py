"""The coach's page: a row an athlete, those who stand out and those without data first.

One printable file without script of its own: three tables in the frame and style of the report, a small bar
chart a row drawn here as SVG (a hundred drawn by the chart library would take a minute and a megabyte), each
with its numbers as text. A number never stands without what it is held against and how sure it is.
Instead of: a traffic light an athlete.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from markupsafe import Markup

from kneeledger.reporting import html_page, words, writing
from kneeledger.reporting.html_findings import first_sentence
from kneeledger.reporting.html_tables import Cell, Column, Table, table

__all__ = ["Ahead", "CoachPage", "CoachRow", "Week", "render", "write"]


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days."""

    first: date
    load_bw_s: float | None
    """Linear knee load; null where a day is unknown [BW·s]."""


@dataclass(frozen=True, slots=True)
class CoachRow:
    """One athlete as of the page's day."""

    who: str
    """Pseudonym, or the folder's name."""
    named: bool
    """Whether `who` came from outside."""
    href: str | None
    """The athlete's own report, relative to the page."""
    status: str
    code: str
    group: str
    """``stands_out``, ``no_data`` or ``other``."""
    last_day: date | None
    days_since: int | None
    covered_days: int | None
    """Known days of the last 28."""
    files_failed: int
    severity: str
    finding: str
    """The strongest finding of the last 7 days, as a sentence; empty for none."""
    finding_day: date | None
    measure: str
    evidence: str
    ratio: float | None
    low: float | None
    high: float | None
    weeks: tuple[Week, ...]
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """An athlete whose newest day is long after that of everybody else."""

    athlete: str
    """Pseudonym, or the folder's name."""
    newest: date
    others: date
    """The newest day of all others."""

    @property
    def days(self) -> int:
        """From the one to the other [days]."""
        return (self.newest - self.others).days


@dataclass(frozen=True, slots=True)
class CoachPage:
    """The whole page."""

    as_of: date | None
    as_of_how: str
    ahead: Ahead | None
    """Who sets the page's day alone, where that is suspicious."""
    rows: tuple[CoachRow, ...]
    weeks: int
    named: bool
    versions: Mapping[str, str]


GROUPS: Final = (
    ("stands_out", "Stand out", "What was said in the last seven days, strongest first."),
    ("no_data", "Without data", "No file in more than 14 days, or none that could be read."),
    ("other", "Everyone else", "Within what they are used to, or a little above."),
)
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
WHY: Final[Mapping[str, str]] = {
    "unreadable": "folder cannot be read",
    "link": "a link, not followed",
    "no_recordings": "no recordings in the folder",
    "failed_files": "none of the files can be read",
}


def write(page: CoachPage, target: Path) -> Path:
    """Write the page; its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    return writing.text(target, render(page))


def render(page: CoachPage) -> str:
    """The page as HTML."""
    groups = [
        (name, title, text, _table(name, title, [row for row in page.rows if row.group == name], page.weeks))
        for name, title, text in GROUPS
    ]
    counts = {name: sum(row.group == name for row in page.rows) for name, _, _ in GROUPS}
    return html_page.render(
        "coach.html",
        title=f"Athletes as of {words.day(page.as_of)}" if page.as_of else "Athletes",
        page=page,
        groups=groups,
        counts=counts,
    )


def _table(name: str, title: str, rows: Iterable[CoachRow], weeks: int) -> Table:
    return table(
        f"coach-{name}",
        title,
        (
            Column("Athlete", number=False),
            Column("Last file", number=False),
            Column("Days covered", unit="of 28"),
            Column("Strongest finding of 7 days", number=False),
            Column("Against the usual"),
            Column("This week", unit="easy min", evidence="modelled"),
            Column(f"Knee load, {weeks} weeks", number=False),
        ),
        [_cells(row) for row in rows],
    )


def _cells(row: CoachRow) -> tuple[Cell, ...]:
    week = row.weeks[-1].load_bw_s if row.weeks else None
    return (
        Cell(row.who, href=row.href, outside=row.named),
        Cell(_last(row), sort=row.last_day.isoformat() if row.last_day else ""),
        Cell("–" if row.covered_days is None else str(row.covered_days)),
        Cell(_finding(row)),
        Cell(_against(row), sort=row.ratio, evidence=row.evidence if row.ratio else ""),
        Cell(words.easy(week) if row.weeks else "–"),
        Cell(_bars(row.weeks) if row.weeks else "–"),
    )


def _last(row: CoachRow) -> str:
    if row.last_day is None:
        return WHY.get(row.code, f"cannot be read ({row.code})" if row.code else "no file")
    lost = ""
    if row.files_failed:
        lost = f"; {row.files_failed} file{'s' if row.files_failed > 1 else ''} cannot be read"
    if row.status == "kept":
        why = WHY.get(row.code, row.code)
        lost += f"; as an earlier run read it, since this one failed ({why})"
    return f"{words.day(row.last_day).replace(' ', NO_BREAK)}{lost}"


def _finding(row: CoachRow) -> Markup | str:
    if not row.finding:
        return "nothing to tell" if row.weeks else "–"
    head, rest = first_sentence(row.finding)
    said = Markup('<span class="sev sev-{0}">{0}</span> {1}').format(row.severity, head)
    if not rest:
        return said
    return said + Markup("<details><summary>How sure</summary>{}</details>").format(rest)


def _against(row: CoachRow) -> str:
    """The ratio as a difference, with its interval where the ends are other numbers."""
    if row.ratio is None:
        return "–"
    percent, low, high = (None if one is None else 100 * (one - 1) for one in (row.ratio, row.low, row.high))
    ends = words.signed_interval(percent, low, high)
    return f"{words.signed(percent)}{f' ({ends})' if ends else ''}".replace(" %", f"{NO_BREAK}%")


WIDTH, HEIGHT, GAP = 8, 30, 2


def _bars(weeks: tuple[Week, ...]) -> Markup:
    """A bar a week, a hollow mark where a week is not known; the numbers are its text."""
    minutes = [words.minutes(week.load_bw_s) for week in weeks]
    most = max((value for value in minutes if value), default=1.0)
    told = ", ".join("unknown" if value is None else f"{value:.0f}" for value in minutes)
    marks = []
    for at, value in enumerate(minutes):
        x = at * (WIDTH + GAP)
        if value is None:
            marks.append(
                f'<rect x="{x + 0.5}" y="{HEIGHT - 4.5}" width="{WIDTH - 1}" height="4" fill="none"'
                ' style="stroke:var(--kl-muted)"/>'
            )
            continue
        tall = max(1.0, round((HEIGHT - 2) * value / most, 1)) if value else 1.0
        colour = "load" if at == len(minutes) - 1 else "load-soft"
        marks.append(
            f'<rect x="{x}" y="{round(HEIGHT - tall, 1)}" width="{WIDTH}" height="{tall}"'
            f' style="fill:var(--kl-{colour})"/>'
        )
    wide = len(weeks) * (WIDTH + GAP) - GAP
    label = f"Easy minutes a week, oldest first: {told}"
    svg = (
        f'<svg class="spark" role="img" aria-label="{label}" width="{wide}" height="{HEIGHT}"'
        f' viewBox="0 0 {wide} {HEIGHT}"><title>{label}</title>{"".join(marks)}</svg>'
    )
    return Markup(svg)  # noqa: S704 - made of numbers only
