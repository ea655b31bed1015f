"""The same content on paper: PDF by matplotlib alone, so that no browser is needed.

A small column setter: headings, wrapped text, tables that break over pages with their heads repeated, and charts
as vectors. A chart is a figure of its own; it is drawn into the page under a scaled coordinate system, which the
PDF backend can do and which keeps lines and letters sharp. Nothing in the files tells when they were made, so the
same content gives the same bytes.
Instead of: a browser that prints, pictures of charts, or a PDF library.
"""

import io
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kneeledger.reporting import html, html_activity, html_overview, html_physio, words, writing
from kneeledger.reporting.content import ActivityPage, Report
from kneeledger.reporting.html_figures import Figure, Plates
from kneeledger.reporting.html_tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.artist import Artist

__all__ = ["write_activity", "write_overview", "write_physio"]

PAPER: Mapping[str, tuple[float, float]] = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
"""Width and height [points]."""
MARGIN = 45.0
INK, MUTED, EDGE = "#1b1f24", "#57606a", "#c3cad1"
LINE = 1.38
SHORT = 58.0
"""A column that wants no more than this is never broken [points]."""
FOLLOWING = 60.0
"""At least so much stands below a heading on its page [points]."""
LONGEST = 600
"""Letters of a paragraph or cell; nothing from a file may fill pages."""


@cache
def _face(*, bold: bool) -> Any:
    from matplotlib import font_manager, ft2font

    path = font_manager.findfont(
        font_manager.FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    )
    return ft2font.FT2Font(path)


@cache
def _advance(letter: str, *, bold: bool) -> float:
    """Width of a letter at a size of 1 point [points]."""
    face = _face(bold=bold)
    face.set_size(100, 72)
    return float(face.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


def _width(text: str, size: float, *, bold: bool = False) -> float:
    return size * sum(_advance(letter, bold=bold) for letter in text)


def _lines(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """A text broken into lines of a width; a word that is too long is cut."""
    lines, line = [], ""
    for word in text[:LONGEST].split():
        longer = f"{line} {word}".strip()
        if _width(longer, size, bold=bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while _width(word, size, bold=bold) > width and len(word) > 1:
            fits = next(
                (n for n in range(len(word) - 1, 0, -1) if _width(word[:n], size, bold=bold) <= width), 1
            )
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line] if line else lines or [""]


@dataclass(slots=True)
class Paper:
    """Pages that are filled from top to bottom."""

    width: float
    height: float
    foot: str
    pages: list[Any] = field(default_factory=list)
    at: float = 0.0
    """Points used of the page."""
    size: float = 8.5
    heads: list[tuple[str, float]] = field(default_factory=list)
    """Headings (text, size) that wait for what follows them, so that none is left alone at the foot of a page."""

    @property
    def column(self) -> float:
        """Width of the text [points]."""
        return self.width - 2 * MARGIN

    def page(self) -> Any:
        """The page in work; the first one is begun when it is asked for."""
        if not self.pages:
            self.turn()
        return self.pages[-1]

    def turn(self) -> None:
        """Begin a new page."""
        from matplotlib.figure import Figure as Sheet

        self.pages.append(Sheet(figsize=(self.width / 72, self.height / 72), dpi=72, facecolor="white"))
        self.at = MARGIN
        self._put(MARGIN, self.height - 24, f"{self.foot}", 6.5, MUTED)
        self._put(self.width - MARGIN, self.height - 24, str(len(self.pages)), 6.5, MUTED, right=True)

    def need(self, points: float) -> bool:
        """Turn the page where so much does not fit any more; whether it turned."""
        self.page()
        heads, self.heads = self.heads, []
        above = sum(size * (LINE + 0.9) + 3 for _, size in heads)
        turned = self.at + above + (max(points, FOLLOWING) if heads else points) > self.height - MARGIN
        if turned:
            self.turn()
        for text, size in heads:
            self.space(size * 0.9)
            self.text(text, size=size, bold=True)
            self.space(3)
        return turned

    def _put(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str = INK,
        *,
        bold: bool = False,
        right: bool = False,
    ) -> None:
        self.pages[-1].text(
            x / self.width,
            1 - y / self.height,
            text,
            size=size,
            color=colour,
            weight="bold" if bold else "normal",
            ha="right" if right else "left",
            va="baseline",
            parse_math=False,
        )

    def rule(self, colour: str = EDGE) -> None:
        """A line over the column."""
        from matplotlib.lines import Line2D

        y = 1 - self.at / self.height
        left, right = MARGIN / self.width, 1 - MARGIN / self.width
        self.page().add_artist(Line2D([left, right], [y, y], color=colour, linewidth=0.5))

    def space(self, points: float) -> None:
        """Leave room, but not at the top of a page."""
        if self.pages and self.at > MARGIN:
            self.at += points

    def text(self, text: str, *, size: float | None = None, colour: str = INK, bold: bool = False) -> None:
        """A paragraph."""
        size = size or self.size
        for line in _lines(text, size, self.column, bold=bold):
            self.need(size * LINE)
            self.at += size * LINE
            self._put(MARGIN, self.at - 0.3 * size, line, size, colour, bold=bold)

    def heading(self, text: str, size: float = 12.0) -> None:
        """A heading that stays with what follows: it is written when that is."""
        self.heads.append((text, size))

    def chart(self, figure: Figure, share: float = 1.0) -> None:
        """A chart over a share of the width of the column."""
        if figure.chart is None:
            return
        wide, high = (72 * inches for inches in figure.chart.figure.get_size_inches())
        scale = share * self.column / wide
        self.need(scale * high + 4)
        top = self.at
        self.page().add_artist(_placed(figure.chart.figure, scale, MARGIN, self.height - top - scale * high))
        self.at += scale * high + 6

    def table(self, shown: Table, *, caption: bool = True) -> None:
        """A table; its head is repeated on every page."""
        size = self.size - 1.3
        heads = [f"{c.label} [{c.unit}]" if c.unit else c.label for c in shown.columns]
        rows = [[f"{cell.text} {cell.evidence}".strip()[:LONGEST] for cell in row] for row in shown.rows]
        if not rows:
            return
        widths = _columns(heads, rows, size, self.column, gap=7.0)
        if caption:
            self.space(4)
        self.need(size * LINE * 4)
        if caption:
            self.text(shown.caption, bold=True)
        numbers = [column.number for column in shown.columns]
        self._row(heads, widths, numbers, size, bold=True)
        for row in rows:
            cells = [_lines(text, size, width) for text, width in zip(row, widths, strict=True)]
            if self.need(max(map(len, cells)) * size * LINE + 3):
                self._row(heads, widths, numbers, size, bold=True)
            self._row(row, widths, numbers, size)
        self.space(4)

    def _row(
        self,
        texts: Sequence[str],
        widths: Sequence[float],
        numbers: Sequence[bool],
        size: float,
        *,
        bold: bool = False,
    ) -> None:
        cells = [_lines(text, size, width, bold=bold) for text, width in zip(texts, widths, strict=True)]
        high = max(map(len, cells))
        x = MARGIN
        for lines, width, number in zip(cells, widths, numbers, strict=True):
            for index, line in enumerate(lines):
                y = self.at + (index + 1) * size * LINE - 0.3 * size
                place = x + width if number else x
                self._put(place, y, line, size, MUTED if bold else INK, bold=bold, right=number)
            x += width + 7.0
        self.at += high * size * LINE + 1.5
        self.rule()
        self.at += 1.5


def _columns(
    heads: Sequence[str], rows: Sequence[Sequence[str]], size: float, room: float, gap: float
) -> list[float]:
    """Widths of columns: what the cells want, the widest giving way until all fit."""
    room -= gap * (len(heads) - 1)
    wants, least = [], []
    for index, head in enumerate(heads):
        texts = [row[index] for row in rows[:60]]
        longest = max((word for text in (head, *texts) for word in text.split()), key=len, default="")
        wants.append(max([_width(text, size) for text in texts] + [min(_width(head, size, bold=True), 70.0)]))
        whole = wants[-1] if wants[-1] <= SHORT else 0.0
        least.append(max(min(max(_width(longest, size, bold=True), 18.0), 90.0), whole))
    spare = room - sum(least)
    more = [max(want - floor, 0.0) for want, floor in zip(wants, least, strict=True)]
    if sum(more) <= max(spare, 0.0):
        share = (spare - sum(more)) / len(heads) if spare > 0 else 0.0
        return [floor + extra + share for floor, extra in zip(least, more, strict=True)]
    factor = max(spare, 0.0) / sum(more)
    shrink = min(1.0, room / sum(least))
    return [floor * shrink + extra * factor for floor, extra in zip(least, more, strict=True)]


def _placed(figure: Any, scale: float, left: float, bottom: float) -> "Artist":
    """An artist that draws a whole figure into a PDF page, scaled, as vectors.

    The PDF backend leaves out of lines and markers what is outside the sheet it believes to draw on. That sheet is
    the page, but the figure's own size is what counts before the scaling, so it is told that one meanwhile.
    """
    from matplotlib.artist import Artist
    from matplotlib.backends.backend_pdf import Op

    class Placed(Artist):
        def draw(self, renderer: Any) -> None:
            page = renderer._renderer if hasattr(renderer, "_renderer") else renderer
            page.finalize()
            page.gc = page.new_gc()
            page.file.output(Op.gsave)
            page.file.output(scale, 0, 0, scale, left, bottom, Op.concat_matrix)
            sheet = page.file.width, page.file.height
            page.file.width, page.file.height = figure.get_size_inches()
            figure.draw(page)
            page.file.width, page.file.height = sheet
            page.finalize()
            page.gc = page.new_gc()
            page.file.output(Op.grestore)

    return Placed()


@contextmanager
def _settings() -> "Iterator[None]":
    from matplotlib import rc_context

    from kneeledger.charts.sheet import style

    with rc_context({**style(), "pdf.fonttype": 42, "pdf.compression": 6}):
        yield


def _save(paper: Paper, path: Path, title: str) -> Path:
    """Write the pages; the path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    if paper.heads:
        paper.need(0)
    about = {"Title": title, "Creator": "kneeledger", "Producer": None, "CreationDate": None}
    made = io.BytesIO()
    with PdfPages(made, metadata=about) as pages:
        for one in paper.pages:
            pages.savefig(one)
    return writing.data(path, made.getvalue())


def _paper(size: str, foot: str) -> Paper:
    width, height = PAPER[size]
    return Paper(width, height, f"{foot} · kneeledger · not a medical device")


def _cards(paper: Paper, cards: Sequence[Mapping[str, Any]]) -> None:
    for card in cards:
        paper.space(4)
        paper.text(f"{card['severity'].upper()}  {card['when']}  {card['big']}", colour=MUTED, bold=True)
        paper.text(card["head"], bold=True)
        for text in (card["rest"], card["why"] and f"Why: {card['why']}"):
            if text:
                paper.text(text)
        sure = f"How sure: {card['evidence']}. {card['sure']} {card['holds']}".strip()
        paper.text(f"{sure} {'Source: ' + card['sources'] if card['sources'] else ''}".strip(), colour=MUTED)


def write_activity(page: ActivityPage, out: Path) -> Path:
    """Write one activity as PDF (A4) beside its page; its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    with _settings():
        shown = html_activity.shown(page, Plates())
        paper = _paper("a4", page.title[:80])
        paper.heading(page.title[:120], 17)
        paper.text("   ".join(f"{name} {value}" for name, value in shown["facts"]), size=9.5)
        figures: Mapping[str, Figure] = shown["figures"]
        paper.heading("More than you are used to?")
        _chart(paper, figures, "risk")
        for one in shown["comparisons"]:
            parts = [one["text"], one["evidence"], one["tested"]]
            paper.text(" ".join(part for part in parts if part))
        _cards(paper, shown["cards"])
        paper.heading("What it asked of the knee")
        if shown["easy"]:
            paper.text(f"{shown['easy']['value']} easy-running minutes", size=20, bold=True)
            paper.text(f"{shown['easy']['range']} (90 % interval, modelled)")
        paper.text(page.easy_sentence)
        for model in shown["models"]:
            used = ", used here" if model["chosen"] else ""
            paper.text(
                f"Downhill model {model['name']} (contested{used}): {model['minutes']} minutes", colour=MUTED
            )
        for name, one in (("Descent", shown["descent"]), ("Cadence", shown["cadence"])):
            if one:
                paper.text(f"{name}: {one['value']}. {one['note']}")
        for name in ("profile", "load", "track", "parts", "cadence"):
            _chart(paper, figures, name)
        if shown["downhill_sentence"]:
            paper.text(f"{shown['downhill_sentence']} (contested)", bold=True)
        for key in (
            "parts",
            "what_if",
            "pace",
            "by_power",
            "by_grade",
            "bands",
            "descents",
            "per_km",
            "more",
        ):
            if shown[key]:
                paper.table(shown[key])
        paper.heading("Where this comes from")
        for name, value in shown["provenance"]:
            paper.text(f"{name}: {value}")
        for issue in page.issues:
            paper.text(f"– {issue.text}")
        stem = Path(html.page_name(page.id, page.day, page.about.sport)).stem
        return _save(paper, out / "activities" / f"{stem}.pdf", page.title[:120])


def _chart(paper: Paper, figures: Mapping[str, Figure], name: str, share: float = 1.0) -> None:
    if name in figures:
        paper.chart(figures[name], share)


def write_overview(report: Report, out: Path) -> Path:
    """Write the overview as PDF (A4); its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    with _settings():
        shown = html_overview.shown(report, Plates())
        paper = _paper("a4", shown["title"])
        paper.text(
            f"As of {shown['as_of']} ({shown['as_of_how']}); {shown['age']}."
            + (f" Athlete: {report.athlete[:60]}." if report.athlete else ""),
            colour=MUTED,
        )
        paper.heading("What stands out", 17)
        if not shown["cards"]:
            paper.text(shown["nothing"])
        _cards(paper, shown["cards"])
        if shown["others"]:
            paper.table(shown["others"])
        paper.heading("How much more before it is a spike")
        for room in shown["rooms"]:
            paper.text(f"{room['reading']}. {room['text']}" if room["reading"] else room["text"])
        paper.text(shown["rooms_note"], colour=MUTED)
        sections: Sequence[tuple[str, Sequence[str]]] = (
            ("The last twelve weeks", ("weeks", "calendar")),
            (
                "Each session against the most of the 30 days before it",
                ("sessions_distance_m", "sessions_knee_bw_s"),
            ),
            ("Ledger of descent", ("descent", "sessions_descent_m")),
            ("Cadence at matched pace", ("cadence",)),
            ("Pain log", ("pain",)),
        )
        for title, names in sections:
            if any(name in shown["figures"] for name in names):
                paper.heading(title)
                for name in names:
                    _chart(paper, shown["figures"], name)
            if title == "The last twelve weeks":
                paper.table(shown["weeks"])
            if title == "Ledger of descent" and shown["descents"]:
                paper.table(shown["descents"])
        paper.heading("What these numbers stand on")
        files = report.files
        paper.text(
            f"{words.count(files.read, 'file')} read, {files.skipped:,} skipped, {files.failed:,} failed,"
            f" {words.count(files.duplicates, 'copy', 'copies')} not counted twice."
        )
        for key in ("failures", "quality"):
            if shown[key]:
                paper.table(shown[key])
        _limits(paper, shown["limits"])
        return _save(paper, out / "report.pdf", shown["title"])


def _limits(paper: Paper, limits: Sequence[str]) -> None:
    paper.heading("What this cannot know")
    for text in limits:
        paper.text(f"– {text}")


def write_physio(report: Report, sheet: Mapping[str, Any], out: Path) -> list[Path]:
    """Write the physio page as PDF, for A4 and for Letter; their paths.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    return [_physio(report, sheet, out / f"physio-{size}.pdf", size) for size in PAPER]


def _physio(report: Report, sheet: Mapping[str, Any], path: Path, size: str) -> Path:
    with _settings():
        shown = html_physio.shown(report, sheet, Plates())
        paper = _paper(size, f"{shown['initials']} {words.day(report.as_of)}".strip())
        paper.size = 7.8
        who = f" Runner: {shown['initials']}" if shown["initials"] else ""
        paper.text(f"As of {shown['as_of']}.{who}", colour=MUTED)
        paper.heading(shown["title"], 14)
        if shown["referral"]:
            paper.text(shown["referral"], size=10, bold=True)
        _chart(paper, shown["figures"], "weeks", 0.68)
        paper.table(shown["weeks"], caption=False)
        paper.text(shown["cadence"])
        _chart(paper, shown["figures"], "pain", 0.68)
        for name, holds, text in shown["rules"]:
            paper.text(f"{name}: {holds}. {text}")
        paper.heading("More than usual", 10)
        if shown["spikes"]:
            paper.table(shown["spikes"], caption=False)
        else:
            paper.text(shown["no_more"])
        if shown["onset"]:
            paper.heading(f"Before the onset on {shown['onset']}", 10)
            if shown["changed"]:
                paper.table(shown["changed"], caption=False)
            else:
                paper.text(shown["changed_not"])
        paper.heading("What this stands on", 10)
        files, coverage = report.files, report.coverage
        days = coverage.known_days_of_28 + coverage.unknown_days_of_28
        unused = "; ".join(f"{count} × {reason}" for reason, count in shown["skipped"])
        paper.text(
            f"{words.count(files.read, 'file')} read, {files.skipped:,} not used, {files.failed:,} failed,"
            f" {words.count(files.duplicates, 'copy', 'copies')} not counted twice."
            f" {words.days_known(coverage.known_days_of_28, days)}"
            + (f" Not used: {unused}." if unused else "")
        )
        paper.heading("What this cannot know", 10)
        for text in shown["limits"]:
            paper.text(f"– {text}")
        return _save(paper, path, shown["title"])
