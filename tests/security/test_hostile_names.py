"""Names made to command a terminal, a page or a spreadsheet; and a report that names nobody."""

import csv
import gzip
import io
import json
import re
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser

import polars as pl
import pytest

from kneeledger.config import load
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import front, settings
from kneeledger.pipeline.front import ReportOptions

pytestmark = pytest.mark.slow
ESCAPE = "\x1b]0;owned\x07\x1b[31m"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"
FORMULAS = ('=HYPERLINK("http://x")', "+1+cmd|'/c calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1")
HEADERS = ("Activity ID", "Activity Date", "Activity Name", "Activity Type", "Elapsed Time", "Distance")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="such names are possible on POSIX only")


def clean(text):
    """Whether a terminal would show it and do nothing."""
    return all(c.isprintable() or c == "\n" for c in text)


class Parts(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.scripts, self.handlers, self.links = 0, [], []

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        for name, value in attrs:
            if name.startswith("on"):
                self.handlers.append((tag, name, value))
            if name in ("src", "href", "action", "data", "srcset", "poster"):
                self.links.append(value or "")


@pytest.fixture
def hostile(new_export):
    """An export whose names and titles are made to harm."""
    export = new_export()
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(
        [
            "Activity ID",
            "Activity Date",
            "Activity Name",
            "Activity Type",
            "Elapsed Time",
            "Distance",
            "Activity Gear",
            "Filename",
        ]
    )
    for number, title in enumerate((*FORMULAS, MARKUP, ESCAPE, "\u202egnp.exe", "</script><!--")):
        day = f"Apr {number + 1}, 2026, 8:05:06 PM"
        writer.writerow([number, day, title, "Run", 1800 + number, 5.0, title, ""])
    writer.writerow(["99", "Apr 20, 2026, 8:05:06 PM", MARKUP, "Run", 1, 1, MARKUP, "activities/2.fit.gz"])
    (export / "strava" / "activities.csv").write_text(table.getvalue(), encoding="utf-8")
    for number, name in enumerate(
        (f"{ESCAPE}.fit", "<img src=x onerror=alert(1)>.fit", "=cmd().fit", "a\nb.gpx")
    ):
        source = export / "loose" / ("a.fit" if number % 2 else "damaged.gpx")
        (export / "loose" / name).write_bytes(source.read_bytes() + bytes([number]))
    return export


def run(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "kneeledger", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
        check=False,
    )


@POSIX
def test_no_name_commands_the_terminal(hostile, tmp_path):
    ledger = ("--ledger", tmp_path / "l")
    for words in (
        ("scan", hostile, "--dry-run"),
        ("scan", hostile, "--jobs", 1),
        ("scan", hostile, "--format", "json"),
        ("spikes",),
        ("downhill",),
        ("activity", "2026-04-07"),
        ("activity", "2026-04-07", "--format", "csv"),
        ("activity", hostile / "loose" / f"{ESCAPE}.fit"),
        ("export", "--what", "quality"),
    ):
        done = run(*words, *ledger, cwd=tmp_path)
        assert "Traceback" not in done.stderr, done.stderr
        assert clean(done.stdout), (words, done.stdout)
        assert clean(done.stderr), (words, done.stderr)
    done = run("doctor", hostile, cwd=tmp_path)
    assert clean(done.stdout)
    assert clean(done.stderr)
    assert all(
        clean(line) for line in (tmp_path / "l" / "errors.jsonl").read_text(encoding="utf-8").split("\n")
    )


@POSIX
def test_no_cell_of_a_data_file_is_a_formula(hostile, tmp_path):
    front.scan([hostile], tmp_path / "l")
    front.report(
        tmp_path / "l", tmp_path / "out", options=ReportOptions(formats=("csv",), redact=False, pages="all")
    )
    texts = [file.read_text(encoding="utf-8") for file in (tmp_path / "out").rglob("*.csv")]
    asked = [("export", "--what", what) for what in ("activities", "quality", "daily", "bands")]
    asked.append(("activity", "2026-04-07", "--format", "csv"))
    texts += [run(*words, "--ledger", tmp_path / "l", cwd=tmp_path).stdout for words in asked]
    seen = 0
    for text in texts:
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                seen += 1
                if cell[:1] in "=+-@\t\r" and cell:
                    float(cell)
    assert seen > 500


@POSIX
def test_no_name_becomes_a_part_of_a_page(hostile, tmp_path):
    front.scan([hostile], tmp_path / "l")
    with Ledger(tmp_path / "l") as ledger:
        ledger.add_entry("pain", "me", {"date": "2026-04-03", "during": "none", "note": MARKUP})
    for redact in (True, False):
        out = tmp_path / f"out-{redact}"
        for physio in (False, True):
            options = ReportOptions(
                redact=redact, pages="all", single_file=not physio, physio=physio, weeks=8
            )
            front.report(tmp_path / "l", out, options=options)
        pages = sorted(out.rglob("*.html"))
        assert len(pages) > 5
        for page in pages:
            text = page.read_text(encoding="utf-8")
            parts = Parts()
            parts.feed(text)
            assert parts.handlers == [], page
            assert not [one for one in parts.links if re.match(r"(?i)\s*(https?:|//|javascript:|file:)", one)]
            assert "<img src=x" not in text
            assert "<script>alert" not in text
            assert "\x1b" not in text


@pytest.fixture
def named(new_export):
    """An export whose owner can be known by many things."""
    export = new_export()
    shutil.move(export, export.parent / "Zaphodia-Beeblebrox-export")
    export = export.parent / "Zaphodia-Beeblebrox-export"
    (export / "loose" / "a.fit").rename(export / "loose" / "Zaphodia home run.fit")
    return export


def everything(folder):
    """Text of every file below a folder: packed parts of PDF and PNG, cells of Parquet and names included."""
    for file in sorted(folder.rglob("*")):
        yield file, file.relative_to(folder).as_posix()
        if not file.is_file():
            continue
        data = file.read_bytes()
        yield file, data.decode("utf-8", "replace")
        if file.suffix == ".parquet":
            yield file, pl.read_parquet(file).write_json()
        elif file.suffix == ".gz":
            yield file, gzip.decompress(data).decode("utf-8", "replace")
        elif file.suffix == ".pdf":
            for packed in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
                try:
                    yield file, zlib.decompress(packed).decode("latin-1")
                except zlib.error:
                    continue


def test_an_anonymous_report_names_nobody(named, tmp_path):
    ledger = tmp_path / "l"
    front.scan([named], ledger, athlete="Zaphodia")
    with Ledger(ledger) as opened:
        opened.add_entry("pain", "Zaphodia", {"date": "2026-04-24", "during": "none", "note": "by Zaphodia"})
        rows = opened.activities("Zaphodia", duplicates=True)
        paths = [row[0] for row in opened.query("select path from files")]
        abouts = [json.loads(text) for text in rows["about"]]
        contexts = [json.loads(text) for text in rows["context"]]
    out = tmp_path / "report"
    for physio in (False, True):
        options = ReportOptions(
            formats=("html", "pdf", "png", "csv", "json", "parquet"),
            pages="all",
            single_file=not physio,
            physio=physio,
            weeks=8,
            anonymous=True,
            redact=False,
        )
        front.report(ledger, out, athlete="Zaphodia", options=options)
    serials = {str(one["device_serial"]) for one in abouts if one["device_serial"]}
    titles = {one[key] for one in contexts for key in ("title", "gear", "activity_id") if one.get(key)}
    names = {path.rpartition("/")[2] for path in paths} | {
        str(named),
        str(tmp_path),
        "Zaphodia",
        "Beeblebrox",
    }
    assert serials
    assert {"By the harbour", "Old shoes"} <= titles
    ours = {"activities.csv"}
    forbidden = {word for word in (*serials, *titles, *names) if len(word) > 3} - ours
    files = set()
    for file, text in everything(out):
        files.add(file.suffix)
        for word in forbidden:
            assert word not in text, (file.name, word)
    assert {".html", ".pdf", ".png", ".csv", ".json", ".parquet"} <= files


def test_a_report_has_no_coordinates(named, tmp_path):
    ledger = tmp_path / "l"
    front.scan([named], ledger)
    front.report(
        ledger,
        tmp_path / "report",
        options=ReportOptions(formats=("html", "csv", "json"), pages="all", single_file=True),
    )
    gpx = (named / "loose" / "run.gpx").read_text(encoding="utf-8")
    degrees = set(re.findall(r'lon="(-\d+\.\d{4})', gpx))
    assert len(degrees) > 20
    for folder in (tmp_path / "report", ledger):
        for file, text in everything(folder):
            if file.suffix in (".sqlite", ".html", ".csv", ".json"):
                assert not [one for one in degrees if one in text], file.name
    for file in (ledger / "tracks").iterdir():
        kept = pl.read_parquet(file)
        assert kept["latitude_deg"].null_count() == kept["longitude_deg"].null_count() == kept.height


def test_a_whole_trip_asks_for_no_socket(small_export, tmp_path):
    work = """
import sys
asked = []
NETWORK = ("socket.", "urllib.", "http.client", "ftplib.", "smtplib.")
def hook(event, told):
    if event.startswith(NETWORK) and event != "socket.gethostname":
        asked.append(event)
sys.addaudithook(hook)
from pathlib import Path
from kneeledger.pipeline import front, settings
if __name__ == "__main__":
    front.scan([Path(sys.argv[1])], Path("l"), jobs=1)
    front.report(Path("l"), Path("r"))
    sys.exit(f"asked for {asked}" if asked else 0)
"""
    script = tmp_path / "work.py"
    script.write_text(work)
    done = subprocess.run(
        [sys.executable, script, small_export], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_anonymous_report_tells_no_settings_no_device_and_no_words_of_a_file(fixtures, tmp_path):
    run = (fixtures / "export" / "watch" / "GARMIN" / "Activity" / "2026-04-30-18-05-59.fit").read_bytes()
    points = "".join(
        f'<trkpt lat="{5 + k * 3e-5:.6f}" lon="-30"><zaphprefix:x>3</zaphprefix:x><ele>10</ele>'
        f"<time>2026-04-30T08:{k // 60:02d}:{k % 60:02d}Z</time></trkpt>"
        for k in range(600)
    )
    export, ledger, out = tmp_path / "e", tmp_path / "l", tmp_path / "out"
    export.mkdir()
    (export / "a.fit").write_bytes(run)
    (export / "b.gpx").write_text(
        f'<gpx creator="Zaphod\'s iPhone SN4242424"><trk><trkseg>{points}</trkseg></trk></gpx>',
        encoding="utf-8",
    )
    toml = tmp_path / "kneeledger.toml"
    toml.write_text(
        f'terrain_dir = "{(tmp_path / "Zaphterrain").as_posix()}"\ntz = "America/Mexico_City"\nmass_kg = 71.4837\n',
        encoding="utf-8",
    )
    (tmp_path / "Zaphterrain").mkdir()
    config = load(settings.SETTINGS, files=[toml], flags={})
    front.scan([export], ledger, athlete="Zaphodia", config=config)
    formats = ("html", "pdf", "png", "csv", "json", "parquet")

    def write(**how):
        options = ReportOptions(formats=how.pop("formats", formats), pages="all", **how)
        front.report(ledger, out, athlete="Zaphodia", config=config, options=options)
        return [(file.name, text) for file, text in everything(out)]

    words = ("Zaph", "zaphprefix", "SN4242424", "Mexico_City", "71.4837", tmp_path.as_posix())
    named = write(single_file=True)
    assert [word for word in words if not any(word in text for _, text in named)] == []
    write(physio=True)
    (out / "mine.txt").write_text("kept", encoding="utf-8")
    plain = write(anonymous=True, formats=("html", "csv"))
    assert [(name, word) for name, text in plain for word in words if word in text] == []
    assert (out / "mine.txt").exists()
    write(physio=True)
    again = write(anonymous=True, single_file=True)
    assert [(name, word) for name, text in again for word in words if word in text] == []
