"""Every GPX and TCX of the corpus against gpxpy, against lxml, and the two paths of our own against each other."""

import gzip
import hashlib
from datetime import UTC
from pathlib import Path

import gpxpy
import gpxpy.gpx
import numpy as np
import polars as pl
import pytest
from lxml import etree

from kneeledger.errors import ReadError
from kneeledger.model import Draft, Source
from kneeledger.readers import gpx, tcx, xml, xml_repair

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
FILES = sorted(
    path for path in CORPUS.rglob("*") if path.name.lower().endswith((".gpx", ".tcx", ".gpx.gz", ".tcx.gz"))
)
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FILES, reason="the corpus of recorded files is not beside the repository"),
]
CASES = [
    pytest.param(path, marks=[pytest.mark.slow] if path.stat().st_size > 300_000 else []) for path in FILES
]
GPX_CASES = [case for case, path in zip(CASES, FILES, strict=True) if ".gpx" in path.name.lower()]
QUANTITIES = {
    "hr": "heart_rate_bpm",
    "heartrate": "heart_rate_bpm",
    "heartRate": "heart_rate_bpm",
    "atemp": "temperature_c",
    "temp": "temperature_c",
    "Temperature": "temperature_c",
    "power": "power_w",
    "PowerInWatts": "power_w",
    "speed": "speed_mps",
    "cad": "cadence:cad",
    "cadence": "cadence:cadence",
}


def source_of(path: Path) -> Source:
    data = path.read_bytes()
    if path.name.lower().endswith(".gz"):
        data = gzip.decompress(data)
    return Source(path.name, data, hashlib.sha256(data).hexdigest(), path)


def named(path: Path) -> str:
    return hashlib.sha256(str(path.relative_to(CORPUS)).encode()).hexdigest()[:8] + path.suffix.lower()


def values_by_gpxpy(point: gpxpy.gpx.GPXTrackPoint) -> dict[str, float]:
    """First non-empty value of each quantity among the extensions; text that is no number left out."""
    found: dict[str, float] = {}
    for top in point.extensions:
        for element in top.iter():
            if not isinstance(element.tag, str):
                continue
            column = QUANTITIES.get(element.tag.rpartition("}")[2])
            try:
                value = float(element.text or "")
            except ValueError:
                continue
            if column and np.isfinite(value):
                found.setdefault(column, value)
    return found


def check_points(drafts: list[Draft], points: list[gpxpy.gpx.GPXTrackPoint]) -> int:
    records = pl.concat([draft.records for draft in drafts], how="diagonal")
    assert records.height == len(points)
    assert records["latitude_deg"].to_list() == [point.latitude for point in points]
    assert records["longitude_deg"].to_list() == [point.longitude for point in points]
    height = records["altitude_m"].to_list() if "altitude_m" in records.columns else [None] * len(points)
    assert height == [point.elevation for point in points]
    times = [
        None if point.time is None else (point.time if point.time.tzinfo else point.time.replace(tzinfo=UTC))
        for point in points
    ]
    ours = records["time"].to_list()
    assert [a and a.timestamp() for a in ours] == [b and b.timestamp() for b in times]
    theirs = [values_by_gpxpy(point) for point in points]
    seen = 0
    for column in {name for one in theirs for name in one}:
        judged = [one.get(column) for one in theirs]
        if column == "heart_rate_bpm":
            judged = [None if value is None else float(np.round(value)) for value in judged]
        seen += sum(value is not None for value in judged)
        assert records[column].to_list() == judged, column
    return seen


@pytest.mark.parametrize("path", GPX_CASES, ids=named)
def test_points_when_gpxpy_reads_the_file_then_equal(path: Path) -> None:
    source = source_of(path)
    try:
        judge = gpxpy.parse(source.data.decode("utf-8"))
    except (gpxpy.gpx.GPXException, UnicodeError):
        pytest.skip("gpxpy does not read this file")
    tracks = [point for track in judge.tracks for segment in track.segments for point in segment.points]
    routes = [point for route in judge.routes for point in route.points]
    if not tracks and not routes:
        with pytest.raises(ReadError):
            gpx.drafts(source)
        return
    drafts = gpx.drafts(source)
    poor = {issue.code for draft in drafts for issue in draft.issues} & {"no_position", "poor_accuracy"}
    assert not poor, "gpxpy keeps points that are dropped here; compare them apart"
    drawn = {id(draft) for draft in drafts if draft.facts.get("kind") == "route"}
    if tracks:
        check_points([draft for draft in drafts if id(draft) not in drawn], tracks)
    if routes:
        check_points([draft for draft in drafts if id(draft) in drawn], routes)


def elements_by_lxml(data: bytes) -> list[tuple[str, int, str | None, dict[str, str]]]:
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(data, parser)
    found = []
    number: dict[etree._Element, int] = {}
    for element in root.iter(etree.Element):
        number[element] = len(found)
        parent = element.getparent()
        text = None if len(element) else (element.text or "").strip()
        attributes = {
            key.rpartition("}")[2].rpartition(":")[2]: value for key, value in element.attrib.items()
        }
        found.append(
            (
                element.tag.rpartition("}")[2].rpartition(":")[2],
                -1 if parent is None else number[parent],
                text,
                attributes,
            )
        )
    return found


@pytest.mark.parametrize("path", CASES, ids=named)
def test_elements_when_lxml_reads_the_file_then_names_parents_texts_and_attributes_equal(path: Path) -> None:
    source = source_of(path)
    try:
        doc = xml.document(source)
    except ReadError:
        return
    data = source.data.lstrip(b"\xef\xbb\xbf \r\n\t")
    judge = elements_by_lxml(data)
    assert [doc.local[k] for k in doc.name] == [one[0] for one in judge]
    assert doc.parent.tolist() == [one[1] for one in judge]
    step = max(1, len(judge) // 3000)
    for k in range(0, len(judge), step):
        _, _, text, attributes = judge[k]
        if text is not None:
            assert doc.text(k) == text
        ours = {key: value for key, value in doc.attributes(k).items() if not is_declaration(doc, k, key)}
        assert ours == attributes


def is_declaration(doc: xml.Document, element: int, key: str) -> bool:
    raw = doc.data[int(doc.tag_start[element]) : int(doc.tag_end[element])].decode("utf-8", "replace")
    return key == "xmlns" or f"xmlns:{key}" in raw


@pytest.mark.parametrize("path", CASES, ids=named)
def test_paths_when_the_tolerant_pass_writes_the_file_anew_then_drafts_equal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = gpx if ".gpx" in path.name.lower() else tcx
    source = source_of(path)
    try:
        straight = reader.drafts(source)
    except ReadError:
        return
    real = xml._indexed

    def through_repair(data: bytes, where: str) -> xml.Document | None:
        again = xml_repair.repaired(data, limit=xml.MAX_TAGS, depth=xml.MAX_DEPTH)
        assert again is not None
        assert not again.cut
        assert again.repairs == 0
        return real(again.data, where)

    monkeypatch.setattr(xml, "_indexed", through_repair)
    crooked = reader.drafts(source)
    assert len(straight) == len(crooked)
    for one, other in zip(straight, crooked, strict=True):
        assert one.records.equals(other.records)
        assert one.laps.equals(other.laps)
        assert one.sessions.equals(other.sessions)
        assert (one.sport, one.device, one.facts, one.issues) == (
            other.sport,
            other.device,
            other.facts,
            other.issues,
        )
