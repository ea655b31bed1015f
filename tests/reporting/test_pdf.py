"""PDF without a browser: readable, on the paper asked for, the same bytes each time."""

import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from markupsafe import Markup

from kneeledger.reporting import pdf


def pages_of(path: Path) -> list[tuple[float, float]]:
    """Size of each page [points]."""
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    found = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", data)
    return [(float(width), float(height)) for width, height in found]


def streams(path: Path) -> bytes:
    """All drawing of a file, unpacked."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    unpacked = []
    for part in parts:
        try:
            unpacked.append(zlib.decompress(part))
        except zlib.error:
            continue
    return b"\n".join(unpacked)


def test_activity_is_a4_with_charts_as_vectors(content: Any, tmp_path: Path) -> None:
    _, pages = content
    path = pdf.write_activity(pages["spike"], tmp_path)
    sizes = pages_of(path)
    assert 2 <= len(sizes) <= 8
    assert all(abs(w - 595.28) < 0.1 and abs(h - 841.89) < 0.1 for w, h in sizes)
    drawn = streams(path)
    assert drawn.count(b" cm") >= 3
    assert b"/Subtype /Image" not in path.read_bytes()


def test_physio_comes_on_both_papers_within_two_pages(content: Any, tmp_path: Path) -> None:
    report, _ = content
    sheet = {"weeks": report.weeks.tail(6), "spikes": report.findings, "changed": [], "onset": None}
    made = pdf.write_physio(report, sheet, tmp_path)
    assert [path.name for path in made] == ["physio-a4.pdf", "physio-letter.pdf"]
    a4, letter = (pages_of(path) for path in made)
    assert 1 <= len(a4) <= 2
    assert 1 <= len(letter) <= 2
    assert abs(letter[0][0] - 612) < 0.1
    assert abs(letter[0][1] - 792) < 0.1


def test_same_content_same_bytes_and_no_date(content: Any, tmp_path: Path) -> None:
    report, pages = content
    for make in (
        lambda out: pdf.write_activity(pages["hike"], out),
        lambda out: pdf.write_overview(report, out),
    ):
        first, second = make(tmp_path / "a"), make(tmp_path / "b")
        assert first.read_bytes() == second.read_bytes()
        assert b"CreationDate" not in first.read_bytes()


def test_long_names_neither_fill_pages_nor_fail(content: Any, tmp_path: Path) -> None:
    _, pages = content
    page = pages["hike"]
    bad = replace(page, title="$x^2$ " + "w" * 10_000, about=replace(page.about, device="\u202e<b>" * 3000))
    assert len(pages_of(pdf.write_activity(bad, tmp_path))) <= 8


def drawn_of(stream: bytes) -> dict[bytes, int]:
    """How often each drawing operator stands in a page."""
    return {op: len(re.findall(rb"(?:^|\s)" + op + rb"(?=\s)", stream)) for op in (b"m", b"l", b"Do", b"re")}


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_chart_on_paper_has_every_mark_of_the_chart_itself(
    content: Any, tmp_path: Path, share: float
) -> None:
    from matplotlib import rc_context

    from kneeledger import charts
    from kneeledger.reporting.html_figures import Figure

    report, pages = content
    log = pl.DataFrame({"date": [report.as_of], "during": ["beyond"], "after": ["none"]})
    made = (
        lambda: charts.weeks(report.weeks),
        lambda: charts.cadence_trend(report.cadence["series"], report.cadence["changes"]),
        lambda: charts.pain(log, report.weeks),
        lambda: charts.load(pages["spike"].profile, pages["spike"].per_km),
        lambda: charts.sessions(report.sessions),
    )
    for make in made:
        paper = pdf._paper("a4", "")
        with pdf._settings():
            alone = make()
            with rc_context({"pdf.compression": 6}):
                alone.figure.savefig(tmp_path / "alone.pdf")
            paper.page()
            empty = pdf._save(paper, tmp_path / "empty.pdf", "")
            paper = pdf._paper("a4", "")
            paper.chart(Figure("c", "", Markup(), Markup(), "", False, make()), share)
            placed = pdf._save(paper, tmp_path / "placed.pdf", "")
        expected, on_paper, nothing = (
            drawn_of(streams(path)) for path in (tmp_path / "alone.pdf", placed, empty)
        )
        assert expected[b"l"] > 0
        assert {op: on_paper[op] - nothing[op] for op in (b"m", b"l", b"Do")} == {
            op: expected[op] for op in (b"m", b"l", b"Do")
        }, alone.name


def test_a_heading_goes_with_its_chart_to_the_next_page(content: Any) -> None:
    from kneeledger import charts
    from kneeledger.reporting.html_figures import Figure

    report, _ = content
    with pdf._settings():
        paper = pdf._paper("a4", "")
        paper.text("above")
        paper.at = paper.height - 250.0
        paper.heading("Weeks")
        paper.chart(Figure("c", "", Markup(), Markup(), "", False, charts.weeks(report.weeks)))
    first, second = ([text.get_text() for text in page.texts] for page in paper.pages)
    assert "Weeks" not in first
    assert "Weeks" in second
