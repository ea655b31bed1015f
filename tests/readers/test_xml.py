"""The element index and the tolerant pass: against lxml, against damage, against bombs."""

import random
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from kneeledger.errors import CorruptFileError, LimitError, ReadError
from kneeledger.model import Source
from kneeledger.readers import gpx, tcx, xml, xml_repair
from kneeledger.readers.xml_repair import repaired
from kneeledger.readers.xml_values import moment, moments, number, numbers


def source(data: str | bytes) -> Source:
    return Source("made.xml", data if isinstance(data, bytes) else data.encode(), "", Path("made.xml"))


def shape(data: str | bytes) -> list[tuple[str, int, str]]:
    doc = xml.document(source(data))
    return [(doc.names[doc.name[k]], int(doc.parent[k]), doc.text(k)) for k in range(len(doc.name))]


NAMES = st.sampled_from(
    ["a", "b", "c", "ele", "x:hr", "averyveryverylongname:withaprefix_and_more_than_forty", "n"]
)
TEXTS = st.text(alphabet="abc 123.<>&\"'é\n\t", max_size=12)


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> etree._Element:
    element = etree.Element(draw(NAMES).replace(":", "_"))
    for key in draw(st.lists(st.sampled_from(["lat", "lon", "k"]), max_size=2, unique=True)):
        element.set(key, draw(TEXTS).replace("\n", " ").replace("\t", " "))
    children = draw(st.lists(trees(depth + 1), max_size=3)) if depth < 3 else []
    if not children:
        element.text = draw(TEXTS)
    element.extend(children)
    return element


class TestDocument:
    @pytest.mark.parametrize("sign", ["x", "&#x00410;", "\U0001f3c3", " \n<![CDATA[&]]>"])
    def test_word_when_endless_then_cut(self, sign: str) -> None:
        doc = xml.document(source(f"<a k='{'x' * 50_000}' l='&amp;'><b>{sign * 50_000}</b></a>"))
        assert [len(text) for text in doc.attributes(0).values()] == [1_000, 1]
        assert len(doc.text(1)) == 1_000

    def test_prefixes_when_many_and_long_are_undeclared_then_a_few_are_told(self) -> None:
        names = [f"p{k}{'x' * 100_000}:a" for k in range(8)]
        doc = xml.document(source("<r>" + "".join(f"<{name}>1</{name}>" for name in names) + "</r>"))
        (issue,) = doc.issues
        assert issue.count == 8
        assert len(issue.text) < 400
        assert f"p4{'x' * 38}… and 3 more is used but never declared" in issue.text

    @settings(max_examples=60, deadline=None)
    @given(trees(), st.booleans())
    def test_tree_when_written_by_lxml_then_the_same_elements(
        self, tree: etree._Element, pretty: bool
    ) -> None:
        data = etree.tostring(tree, encoding="utf-8", xml_declaration=True, pretty_print=pretty)
        doc = xml.document(source(data))
        assert doc.issues == ()
        judge = list(etree.fromstring(data).iter())
        number_of = {element: k for k, element in enumerate(judge)}
        assert [doc.names[k] for k in doc.name] == [element.tag for element in judge]
        assert doc.parent.tolist() == [number_of.get(element.getparent(), -1) for element in judge]
        for k, element in enumerate(judge):
            assert doc.attributes(k) == dict(element.attrib)
            assert doc.end[k] == k + len(list(element.iter()))
            if len(element) == 0:
                assert doc.text(k) == (element.text or "").strip()

    @settings(max_examples=60, deadline=None)
    @given(trees())
    def test_tree_when_through_the_tolerant_pass_then_the_same(self, tree: etree._Element) -> None:
        data = etree.tostring(tree, encoding="utf-8")
        again = repaired(data, limit=10_000, depth=60)
        assert again is not None
        assert (again.repairs, again.cut) == (0, False)
        assert shape(again.data) == shape(data)

    def test_text_when_character_data_comments_and_references_then_as_xml_means(self) -> None:
        data = "<a><!-- <b> --><b><![CDATA[x < y & <c>]]></b><c>&lt;&#65;&amp;lt;</c><?pi <d> ?>"
        data += "<d>p<!-- > -->q</d></a>"
        assert shape(data) == [("a", -1, ""), ("b", 0, "x < y & <c>"), ("c", 0, "<A&lt;"), ("d", 0, "pq")]

    def test_attribute_when_it_holds_angle_brackets_or_single_quotes_then_read(self) -> None:
        doc = xml.document(source('<a k=\'1 > "0"\' m="it\'s"><b/></a>'))
        assert doc.attributes(0) == {"k": '1 > "0"', "m": "it's"}

    def test_name_when_end_tags_have_blanks_then_read(self) -> None:
        assert shape("<a ><b >1</b ><c\n/></a\n>") == [("a", -1, ""), ("b", 0, "1"), ("c", 0, "")]


class TestRepair:
    def test_end_tags_when_missing_or_crossed_then_the_rest_is_kept(self) -> None:
        assert shape("<a><b><c>1</c></a>") == [("a", -1, ""), ("b", 0, ""), ("c", 1, "1")]
        assert shape("<a><b>1</c></b><d>2</d></a>")[-1] == ("d", 0, "2")
        assert shape("<a><x>1</y><z>2</z></a>")[-1][0] == "z"

    def test_points_when_one_is_left_open_then_the_next_is_its_sibling(self) -> None:
        assert shape("<trkseg><trkpt><ele>1</ele><trkpt><ele>2</ele></trkpt></trkseg>") == [
            ("trkseg", -1, ""),
            ("trkpt", 0, ""),
            ("ele", 1, "1"),
            ("trkpt", 0, ""),
            ("ele", 3, "2"),
        ]

    def test_file_when_cut_in_a_number_then_the_number_is_dropped(self) -> None:
        assert shape("<a><b>12.5</b><b>12") == [("a", -1, ""), ("b", 0, "12.5"), ("b", 0, "")]
        assert [issue.code for issue in xml.document(source("<a><b>12")).issues] == ["file_cut"]

    def test_repairs_when_made_then_counted(self) -> None:
        (issue,) = xml.document(source("<a><b>1</b></c><b>2</b></a>")).issues
        assert (issue.code, issue.count) == ("xml_repaired", 1)

    def test_salvage_when_bytes_are_damaged_then_more_points_than_lxml_recovering(self) -> None:
        point = '<trkpt lat="1.5" lon="2.5"><ele>3</ele><time>2024-01-01T00:00:%02dZ</time></trkpt>\n'
        text = (
            "<gpx><trk><trkseg>" + "".join(point.replace("%02d", f"{k % 60:02d}") for k in range(200))
        ).encode()
        text += b"</trkseg></trk></gpx>"
        chance = random.Random(1)
        ours = theirs = 0
        for _ in range(60):
            damaged = bytearray(text)
            for _ in range(chance.choice((1, 16))):
                damaged[chance.randrange(40, len(damaged))] ^= 1 << chance.randrange(8)
            ours += gpx.drafts(source(bytes(damaged)))[0].records.height
            root = etree.fromstring(bytes(damaged), etree.XMLParser(recover=True))
            theirs += len(root.findall(".//trkpt")) if root is not None else 0
        assert ours >= 0.93 * 60 * 200
        assert ours >= theirs


class TestBounds:
    @pytest.mark.parametrize(
        "data",
        [
            b"<gpx>" + b"<a>" * 200_000,
            b"<gpx>" + b"<a>" * 200 + b"</a>" * 200 + b"</gpx>",
            b"<gpx>" + b"".join(b"<n%d/>" % k for k in range(6_000)) + b"</gpx>",
        ],
        ids=["open", "deep", "names"],
    )
    def test_file_when_beyond_a_bound_then_limit_error(self, data: bytes) -> None:
        with pytest.raises(LimitError):
            xml.document(source(data))

    @pytest.mark.parametrize(
        "data",
        [
            b'<gpx><trk><trkseg><trkpt lat="' + b"1" * 5_000_000 + b'" lon="2"/></trkseg></trk></gpx>',
            b"<gpx><trk><name>"
            + b"&lt;" * 2_000_000
            + b'</name><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>',
            b"<gpx " + b'a="' * 1_000_000,
            b"<gpx " + b"a='\"" * 1_000_000,
            b"<gpx>" + b"<" * 3_000_000,
            b"<gpx>" + b">" * 3_000_000,
            b"<gpx>" + b"<!--" * 500_000,
            b"<gpx>" + b"<![CDATA[" * 300_000,
            b"<!DOCTYPE gpx [" + b"<!ENTITY a '" * 200_000,
            b"<!DOCTYPE gpx [<!ENTITY a '"
            + b"x" * 100_000
            + b"'>]><gpx><name>"
            + b"&a;" * 300_000
            + b"</name></gpx>",
            b"<gpx>" + b"<a/ " * 500_000,
            b"<gpx>" + b"<a " + b"/ " * 1_000_000,
            b"<gpx>" + b"<?x " * 500_000,
            b"<gpx" + b" " * 3_000_000 + b">",
            b"\x00" * 3_000_000,
            b"<gpx>" + b"</a>" * 500_000,
        ],
    )
    def test_file_when_a_bomb_then_bounded_in_time_and_nothing_but_read_error(self, data: bytes) -> None:
        began = time.process_time()
        for reader in (gpx, tcx):
            reader.claims(data[:4096])
            try:
                reader.drafts(source(data))
            except ReadError:
                continue
        assert time.process_time() - began < 10

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=400))
    def test_bytes_when_anything_then_nothing_but_read_error(self, data: bytes) -> None:
        for head in (b"", b"<gpx>", b"<TrainingCenterDatabase><Activity><Lap><Track><Trackpoint>"):
            for reader in (gpx, tcx):
                try:
                    reader.drafts(source(head + data))
                except ReadError:
                    continue

    @pytest.mark.parametrize("count", [120, pytest.param(10_000, marks=pytest.mark.slow)])
    def test_mutants_when_read_then_nothing_but_read_error(self, count: int) -> None:
        seeds = [GPX_SEED, TCX_SEED]
        chance = random.Random(7)
        for _ in range(count):
            data = bytearray(chance.choice(seeds))
            for _ in range(chance.choice((1, 3, 20))):
                mutate(data, chance)
            for reader in (gpx, tcx):
                try:
                    drafts = reader.drafts(source(bytes(data)))
                except ReadError:
                    continue
                for draft in drafts:
                    assert draft.records.height == 0 or draft.records["segment"].null_count() == 0


def mutate(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        del data[at : at + chance.choice((1, 10, 300))]
    elif kind == 1:
        data[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 8))))
    elif kind == 2 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 3:
        other = chance.randrange(len(data) + 1)
        data[at:at] = data[other : other + 60]
    else:
        data[at:at] = chance.choice(
            (b"<", b">", b"&", b'"', b"<!--", b"]]>", b"<![CDATA[", b"</trkpt>", b"\xff\xfe")
        )


GPX_SEED = (
    b'<?xml version="1.0"?><gpx creator="c" xmlns:t="u"><wpt lat="1" lon="2"><name>w</name></wpt>'
    b"<trk><type>9</type><trkseg>"
    + b"".join(
        b'<trkpt lat="1.%d" lon="2.5"><ele>%d.5</ele><time>2024-01-01T00:00:%02dZ</time>'
        b"<extensions><t:hr>%d</t:hr><t:cad>80</t:cad></extensions></trkpt>" % (k, k, k, 100 + k)
        for k in range(10, 30)
    )
    + b'</trkseg></trk><rte><rtept lat="1" lon="2"/></rte></gpx>'
)
TCX_SEED = (
    b'<TrainingCenterDatabase><Activities><Activity Sport="Running"><Id>a</Id><Lap StartTime="2024-01-01T00:00:00Z">'
    b"<TotalTimeSeconds>20</TotalTimeSeconds><DistanceMeters>60</DistanceMeters><Track>"
    + b"".join(
        b"<Trackpoint><Time>2024-01-01T00:00:%02dZ</Time><Position><LatitudeDegrees>1.%d</LatitudeDegrees>"
        b"<LongitudeDegrees>2</LongitudeDegrees></Position><HeartRateBpm><Value>%d</Value></HeartRateBpm></Trackpoint>"
        % (k, k, 100 + k)
        for k in range(10, 30)
    )
    + b"</Track></Lap><Creator><Name>n</Name></Creator></Activity></Activities></TrainingCenterDatabase>"
)


def leaves(texts: list[str]) -> tuple[xml.Document, xml.Ints]:
    doc = xml.document(source("<r>" + "".join(f"<v>{one}</v>" for one in texts) + "</r>"))
    return doc, np.arange(1, len(texts) + 1)


class TestValues:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.from_regex(r"-?[0-9]{1,17}(\.[0-9]{0,20})?", fullmatch=True), min_size=1, max_size=20))
    def test_numbers_when_decimal_then_the_very_double_of_float(self, texts: list[str]) -> None:
        doc, elements = leaves(texts)
        values, bad = numbers(doc, [elements])[0]
        assert values.tolist() == [float(one) for one in texts]
        assert bad == 0

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_numbers_when_written_by_repr_then_equal(self, value: float) -> None:
        doc, elements = leaves([repr(value), f" {value!r}\n"])
        assert numbers(doc, [elements])[0][0].tolist() == [value, value]

    def test_numbers_when_in_groups_then_bad_ones_are_counted_by_group(self) -> None:
        doc, elements = leaves(["1", "x", "", "2.5", "y", "z"])
        (first, one), (second, two) = numbers(doc, [elements[:3], elements[3:]])
        assert (one, two) == (1, 2)
        np.testing.assert_array_equal(first, [1, np.nan, np.nan])
        np.testing.assert_array_equal(second, [2.5, np.nan, np.nan])

    @pytest.mark.parametrize("text", ["", "nan", "Infinity", "1e400", "1_000", "+-1", ".", "-", "1,5"])
    def test_number_when_none_then_nan(self, text: str) -> None:
        assert np.isnan(number(text))

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.datetimes(), min_size=1, max_size=8),
        st.sampled_from(["Z", "+02:00", "-03:30", "+0530", ""]),
    )
    def test_moments_when_iso_then_the_same_as_one_by_one(self, times: list[object], zone: str) -> None:
        texts = [f"{one.isoformat()}{zone}" for one in times]  # type: ignore[attr-defined]
        doc, elements = leaves(texts)
        found = moments(doc, elements)
        assert found.bad == 0
        assert list(zip(found.us.tolist(), found.offset_s.tolist(), strict=True)) == [
            moment(one) for one in texts
        ]

    @pytest.mark.parametrize(
        ("text", "us", "offset"),
        [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("1970-01-01T00:00:01.25Z", 1_250_000, 0),
            ("1970-01-01T02:00:00+02:00", 0, 7200),
            ("1969-12-31T20:30:00-0330", 0, -12_600),
            ("2000-02-29T00:00:00.1234567Z", 951_782_400_123_456, 0),
            ("1970-01-01 00:00:00z", 0, 0),
        ],
    )
    def test_moments_when_known_then_by_hand(self, text: str, us: int, offset: int) -> None:
        doc, elements = leaves([text])
        found = moments(doc, elements)
        assert (found.us[0], found.offset_s[0]) == (us, offset)


def test_document_when_without_element_then_corrupt() -> None:
    with pytest.raises(CorruptFileError):
        xml.document(source("plain text"))


@pytest.mark.parametrize("sign", ["<!--", "'", "<!-- '"])
def test_signs_that_are_never_closed_in_a_document_type_take_no_second_look(sign: str) -> None:
    data = "<gpx><!DOCTYPE gpx [" + sign * 100_001 + "</gpx>"
    began = time.process_time()
    assert [issue.code for issue in xml.document(source(data)).issues][:1] == ["xml_doctype"]
    assert time.process_time() - began < 2


def test_faults_without_end_are_refused_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_repair, "MAX_REPAIRS", 1_000)
    assert shape("<a>" + "</b>" * 1_000 + "</a>") == [("a", -1, "")]
    with pytest.raises(LimitError, match="faults of XML"):
        shape("<a>" + "</b>" * 1_002 + "</a>")


def test_a_sign_left_open_in_a_document_type_hides_nothing_behind_it() -> None:
    assert shape("<!DOCTYPE gpx SYSTEM \"it's >\" [<!-- ]]> -->'] ><gpx><a>1</a></gpx>") == [
        ("gpx", -1, ""),
        ("a", 0, "1"),
    ]


@pytest.mark.parametrize(
    "encoding", ["rot13", "hex", "base64", "zip", "undefined", "punycode", "idna", "utf-7"]
)
def test_an_encoding_that_is_none_of_text_is_told_and_loses_nothing(encoding: str) -> None:
    text = "cafe\xe9 " + "abc" * 100_000
    data = f'<?xml version="1.0" encoding="{encoding}"?><gpx><name>{text}</name></gpx>'
    began = time.process_time()
    doc = xml.document(source(data.encode("cp1252")))
    assert time.process_time() - began < 2
    assert text.encode() in doc.data
    assert doc.text(1) == text[:1_000]
    assert [issue.code for issue in doc.issues] == ["xml_encoding"]


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "latin1", "Windows-1252", "cp1252", "us-ascii", "EUC-JP"])
def test_encodings_of_text_are_still_known(encoding: str) -> None:
    assert xml._TEXT_CODECS.fullmatch(encoding)


def test_a_word_after_many_blanks_is_read() -> None:
    text = " " * 30_000 + "running" + "\n" * 30_000
    assert shape(f"<gpx><type>{text}</type><name>{' ' * 30_000}</name></gpx>")[1:] == [
        ("type", 0, "running"),
        ("name", 0, ""),
    ]
