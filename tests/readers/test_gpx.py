from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from kneeledger.errors import CorruptFileError, EmptyActivityError
from kneeledger.model import Draft, FloatArray, Source
from kneeledger.readers import gpx, xml_points

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><gpx version="1.1" creator="Maker One" '
    'xmlns="http://www.topografix.com/GPX/1/1" '
    'xmlns:tpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">'
)


def source(data: str | bytes) -> Source:
    return Source("made.gpx", data if isinstance(data, bytes) else data.encode(), "", Path("made.gpx"))


def point(second: int, inner: str = "", *, time: str | None = None, place: str | None = None) -> str:
    when = time if time is not None else f"<time>2024-03-01T10:{second // 60:02d}:{second % 60:02d}Z</time>"
    where = place if place is not None else f'lat="{1 + second / 1e4:.4f}" lon="2.5"'
    return f"<trkpt {where}><ele>{100 + second}</ele>{when}{inner}</trkpt>"


def track(*segments: str, kind: str = "running", extra: str = "") -> str:
    pieces = "".join(f"<trkseg>{one}</trkseg>" for one in segments)
    return f"<trk><name>n</name><type>{kind}</type>{extra}{pieces}</trk>"


def read(body: str, head: str = HEAD) -> list[Draft]:
    return gpx.drafts(source(f"{head}{body}</gpx>"))


def codes(draft: Draft) -> dict[str, int]:
    return {issue.code: issue.count for issue in draft.issues}


class TestClaims:
    @pytest.mark.parametrize(
        "head",
        [
            HEAD.encode(),
            b"\xef\xbb\xbf<gpx>",
            b"  \n<gpx\n version='1.0'>",
            b"<!-- a --><x:gpx>",
            HEAD.encode("utf-16"),
            b"<!DOCTYPE gpx [<!ENTITY a 'b'>]><gpx>",
        ],
    )
    def test_head_when_gpx_then_claimed(self, head: bytes) -> None:
        assert gpx.claims(head)

    @pytest.mark.parametrize(
        "head", [b"", b"PK", b"<TrainingCenterDatabase>", b"<html><p>gpx</p>", b"\x0e\x10.FIT", b"<gpxx:a>"]
    )
    def test_head_when_other_then_not_claimed(self, head: bytes) -> None:
        assert not gpx.claims(head)


class TestRecords:
    def test_track_when_plain_then_names_units_and_facts(self) -> None:
        (draft,) = read(track(point(0) + point(1)))
        assert draft.format == "gpx"
        assert draft.sport == "running"
        assert draft.device == "Maker One"
        assert draft.facts["name"] == "n"
        assert draft.facts["planned"] is False
        assert draft.records["time"].to_list() == [
            datetime(2024, 3, 1, 10, 0, k, tzinfo=UTC) for k in range(2)
        ]
        assert draft.records["latitude_deg"].to_list() == [1.0, 1.0001]
        assert draft.records["altitude_m"].to_list() == [100.0, 101.0]
        assert draft.issues == ()

    def test_g1_extensions_when_under_any_prefix_then_one_column_each(self) -> None:
        inner = (
            "<extensions><tpx:TrackPointExtension><tpx:atemp>21</tpx:atemp><tpx:hr>140</tpx:hr><tpx:cad>82</tpx:cad>"
            "<tpx:speed>2.5</tpx:speed></tpx:TrackPointExtension></extensions>"
        )
        other = '<extensions xmlns:q="http://www.cluetrust.com/x"><q:hr>141</q:hr><q:cadence>83</q:cadence></extensions>'
        (draft,) = read(track(point(0, inner) + point(1, other) + point(2)))
        assert draft.records["heart_rate_bpm"].to_list() == [140.0, 141.0, None]
        assert draft.records["cadence:cad"].to_list() == [82.0, None, None]
        assert draft.records["cadence:cadence"].to_list() == [None, 83.0, None]
        assert draft.records["temperature_c"].to_list() == [21.0, None, None]
        assert draft.records["speed_mps"].to_list() == [2.5, None, None]

    def test_g2_prefix_when_undeclared_after_a_mark_then_read_once_and_told(self) -> None:
        inner = "<extensions><gpxdata:cadence>80</gpxdata:cadence><cadence>81</cadence></extensions>"
        (draft,) = gpx.drafts(source(b"\xef\xbb\xbf" + f"{HEAD}{track(point(0, inner))}</gpx>".encode()))
        assert draft.records["cadence:cadence"].to_list() == [80.0]
        assert codes(draft).keys() == {"xml_byte_order_mark", "xml_undeclared_prefix"}

    def test_g3_point_when_without_position_then_dropped_and_counted(self) -> None:
        body = point(0) + point(1, place="") + point(2, place='lat="x" lon="2"') + point(3)
        (draft,) = read(track(body))
        assert draft.records["altitude_m"].to_list() == [100.0, 103.0]
        assert codes(draft)["no_position"] == 2

    @pytest.mark.parametrize("cut", [3, 20, 30, 45, 60, 75])
    def test_g4_file_when_cut_then_kept_up_to_the_cut(self, cut: int) -> None:
        whole = f"{HEAD}<trk><type>run</type><trkseg>{point(0)}{point(1)}"
        (draft,) = gpx.drafts(source(whole + point(2)[:cut]))
        assert draft.records["altitude_m"].to_list()[:2] == [100.0, 101.0]
        assert draft.records.height in (2, 3)
        if draft.records.height == 3:
            assert draft.records["altitude_m"].to_list()[2] in (None, 102.0)
            assert draft.records["time"].to_list()[2] is None
        assert codes(draft)["file_cut"] == 1

    def test_g5_points_when_without_time_or_elevation_then_planned_and_null(self) -> None:
        (draft,) = read(track('<trkpt lat="1" lon="2"/><trkpt lat="1.1" lon="2"/>'))
        assert draft.facts["planned"] is True
        assert draft.records["time"].to_list() == [None, None]
        assert "altitude_m" not in draft.records.columns

    def test_g5_points_when_all_at_one_time_then_planned(self) -> None:
        same = "<time>2024-03-01T10:00:00Z</time>"
        (draft,) = read(track(point(0, time=same) + point(1, time=same)))
        assert draft.facts["planned"] is True
        assert codes(draft)["planned_with_time"] == 2

    def test_g6_segments_when_some_are_empty_then_numbered_through(self) -> None:
        (draft,) = read(track(point(0) + point(1), "", point(90)))
        assert draft.records["segment"].to_list() == [0, 0, 1]

    def test_g7_times_when_with_offset_then_utc_and_offset_kept(self) -> None:
        times = ("2024-03-01T12:00:00+02:00", "2024-03-01T12:00:01.5+02:00")
        (draft,) = read(track("".join(point(k, time=f"<time>{one}</time>") for k, one in enumerate(times))))
        assert draft.records["time"].to_list()[1] == datetime(2024, 3, 1, 10, 0, 1, 500_000, tzinfo=UTC)
        assert draft.facts["time_zone_offset_s"] == 7200
        assert "naive_time" not in draft.facts

    def test_g7_times_when_naive_then_told(self) -> None:
        times = ("2024-03-01T12:00:00", "2024-03-01 12:00:01")
        (draft,) = read(track("".join(point(k, time=f"<time>{one}</time>") for k, one in enumerate(times))))
        assert draft.facts["naive_time"] is True
        assert draft.records["time"].to_list()[1] == datetime(2024, 3, 1, 12, 0, 1, tzinfo=UTC)
        assert codes(draft)["naive_time"] == 2

    @pytest.mark.parametrize(
        ("kind", "sport", "sub_sport"),
        [
            ("9", "running", None),
            ("1", "cycling", None),
            ("Running", "running", None),
            ("trail_running", "running", "trail"),
            ("Virtual Ride", "cycling", "virtual_activity"),
            ("hiking", "hiking", None),
            ("Other", "other", None),
            ("tennis", "tennis", None),
            ("Randonnée", "hiking", None),
            ("77", "unknown", None),
            ("", "unknown", None),
            ("some words", "unknown", None),
        ],
    )
    def test_g8_type_when_number_or_word_then_sport(
        self, kind: str, sport: str, sub_sport: str | None
    ) -> None:
        (draft,) = read(track(point(0) + point(1), kind=kind))
        assert (draft.sport, draft.sub_sport) == (sport, sub_sport)

    def test_g9_segment_when_empty_then_told_to_use_the_fit(self) -> None:
        with pytest.raises(EmptyActivityError, match="FIT"):
            read("<trk><type>running</type><trkseg/></trk>")

    def test_g10_values_when_twice_or_decimal_then_first_non_empty_and_rounded(self) -> None:
        inner = (
            "<extensions><tpx:TrackPointExtension><tpx:hr></tpx:hr></tpx:TrackPointExtension>"
            "<heartrate>131.6</heartrate><power>210</power>"
            "<p:PowerInWatts xmlns:p='u'>999</p:PowerInWatts></extensions>"
        )
        (draft,) = read(track(point(0, inner)))
        assert draft.records["heart_rate_bpm"].to_list() == [132.0]
        assert draft.records["power_w"].to_list() == [210.0]

    def test_g11_accuracy_when_worse_than_30_m_then_dropped(self) -> None:
        inner = [f"<extensions><hAcc>{value}</hAcc></extensions>" for value in ("5", "30", "30.5", "4")]
        (draft,) = read(track("".join(point(k, one) for k, one in enumerate(inner))))
        assert draft.records["altitude_m"].to_list() == [100.0, 101.0, 103.0]
        assert codes(draft)["poor_accuracy"] == 1

    def test_g11_accuracy_when_poor_throughout_then_kept_and_told(self) -> None:
        (draft,) = read(
            track("".join(point(k, "<extensions><hAcc>60</hAcc></extensions>") for k in range(4)))
        )
        assert draft.records.height == 4
        assert codes(draft)["poor_accuracy_kept"] == 4

    def test_g12_doctype_when_with_entities_then_skipped_and_none_expanded(self) -> None:
        bomb = "<!ENTITY e0 'boom'>" + "".join(f"<!ENTITY e{k + 1} '{f'&e{k};' * 10}'>" for k in range(11))
        head = HEAD.replace("<gpx", f"<!DOCTYPE gpx [{bomb}<!-- ]> -->]><gpx")
        (draft,) = read(track(point(0) + point(1)).replace("<name>n<", "<name>&e11;<"), head)
        assert draft.records.height == 2
        assert draft.facts["name"] == "&e11;"
        assert codes(draft) == {"xml_doctype": 1}

    def test_g13_bytes_when_windows_1252_under_utf_8_then_only_the_name_suffers(self) -> None:
        data = f"{HEAD}{track(point(0) + point(1))}</gpx>".encode().replace(b"<name>n<", b"<name>Stra\xdfe<")
        (draft,) = gpx.drafts(source(data))
        assert draft.records.height == 2
        assert draft.facts["name"] == "Straße"
        assert codes(draft) == {"xml_encoding": 1}

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "iso-8859-1", "windows-1252"])
    def test_encoding_when_other_then_read(self, encoding: str) -> None:
        text = f"{HEAD}{track(point(0))}</gpx>".replace("UTF-8", encoding).replace("<name>n<", "<name>Küche<")
        (draft,) = gpx.drafts(source(text.encode(encoding)))
        assert draft.facts["name"] == "Küche"
        assert draft.records["latitude_deg"].to_list() == [1.0]

    def test_vendor_values_when_not_in_the_schema_then_kept_under_dev(self) -> None:
        inner = "<extensions><x:vAcc xmlns:x='u'>3.5</x:vAcc><surface>gravel</surface></extensions>"
        (draft,) = read(track(point(0, inner) + point(1)))
        assert draft.records["dev:vAcc []"].to_list() == [3.5, None]
        assert draft.records["dev:surface []"].to_list() == ["gravel", None]

    def test_distance_when_it_is_no_running_total_then_not_the_distance_column(self) -> None:
        steps = [
            f"<extensions><distance>{value}</distance></extensions>" for value in (0, 3, 2, 3, 1, 2, 3, 1)
        ]
        (draft,) = read(track("".join(point(k, one) for k, one in enumerate(steps))))
        assert "distance_m" not in draft.records.columns
        assert draft.records["dev:distance []"].sum() == 15

    @pytest.mark.parametrize("text", ["nan", "inf", "1_0", "abc", "1e999", "--1", "0x10", "1.2.3", "९"])
    def test_cell_when_no_number_then_null_and_counted(self, text: str) -> None:
        (draft,) = read(track(point(0) + point(1).replace("101", text)))
        assert draft.records["altitude_m"].to_list() == [100.0, None]
        assert codes(draft)["bad_number"] == 1

    @pytest.mark.parametrize(
        "text", ["yesterday", "2024-02-30T10:00:00Z", "2024-13-01T10:00:00Z", "2024-03-01T25:00:00Z"]
    )
    def test_time_when_none_then_null_and_counted(self, text: str) -> None:
        (draft,) = read(track(point(0) + point(1, time=f"<time>{text}</time>")))
        assert draft.records["time"].null_count() == 1
        assert codes(draft)["bad_time"] == 1

    def test_creator_when_it_names_a_barometer_then_a_fact(self) -> None:
        (draft,) = read(track(point(0)), HEAD.replace("Maker One", "Maker One with Barometer"))
        assert draft.facts["barometer"] is True

    def test_totals_when_in_the_extensions_then_one_session(self) -> None:
        extra = (
            "<extensions><g:TrackStatsExtension xmlns:g='u'><g:Distance>1234.5</g:Distance>"
            "<g:TimerTime>300</g:TimerTime>"
            "<g:Ascent>12</g:Ascent><g:Descent>11</g:Descent></g:TrackStatsExtension></extensions>"
        )
        (draft,) = read(track(point(0) + point(1), extra=extra))
        row = draft.sessions.row(0, named=True)
        assert (row["distance_m"], row["timer_s"], row["ascent_m"], row["descent_m"]) == (
            1234.5,
            300.0,
            12.0,
            11.0,
        )
        assert row["start"] == datetime(2024, 3, 1, 10, tzinfo=UTC)


class TestTracks:
    def at(self, hour: int) -> str:
        return point(0).replace("T10:", f"T{hour:02d}:") + point(9).replace("T10:", f"T{hour:02d}:")

    def test_tracks_when_they_follow_within_three_hours_then_one_draft(self) -> None:
        (draft,) = read(track(self.at(8)) + track(self.at(10)))
        assert draft.records["segment"].to_list() == [0, 0, 1, 1]
        assert codes(draft)["tracks_joined"] == 2

    def test_tracks_when_far_apart_overlapping_or_of_other_sport_then_drafts_of_their_own(self) -> None:
        assert len(read(track(self.at(8)) + track(self.at(20)))) == 2
        assert len(read(track(self.at(8)) + track(self.at(8)))) == 2
        assert [draft.sport for draft in read(track(self.at(8), kind="1") + track(self.at(9)))] == [
            "cycling",
            "running",
        ]

    def test_routes_when_beside_a_track_then_planned_drafts_in_file_order(self) -> None:
        route = '<rte><name>r</name><rtept lat="1" lon="2"><time>2024-03-01T10:00:00Z</time></rtept></rte>'
        drafts = read(route + track(point(0) + point(1)) + route)
        assert [draft.facts["planned"] for draft in drafts] == [True, False, True]
        assert [draft.facts["kind"] for draft in drafts] == ["route", "track", "route"]

    @pytest.mark.parametrize("body", ["", '<wpt lat="1" lon="2"/>', "<metadata><name>m</name></metadata>"])
    def test_file_when_without_line_then_empty(self, body: str) -> None:
        with pytest.raises(EmptyActivityError):
            read(body)

    @pytest.mark.parametrize("data", [b"", b"nope", b"\x00" * 99, b"<", b"<gpx", b"<<<<>>>>", b"</gpx>"])
    def test_file_when_nothing_legible_then_corrupt(self, data: bytes) -> None:
        with pytest.raises((CorruptFileError, EmptyActivityError)):
            gpx.drafts(source(data))


def test_kinds_of_extensions_beyond_the_bound_are_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_points, "MAX_CELLS", 600)
    many = "".join(f"<a{k}>1</a{k}>" for k in range(50))
    often = "<extensions><hr>140</hr><lap>2</lap></extensions>"
    points = [point(k, f"<extensions>{many}</extensions>" if k == 5 else often) for k in range(30)]
    (draft,) = read(track("".join(points)))
    vendor = [name for name in draft.records.columns if name.startswith("dev:")]
    assert len(vendor) == 20
    assert "dev:lap []" in vendor
    assert draft.records["heart_rate_bpm"].null_count() == 1
    assert codes(draft)["too_many_fields"] == 31


class Counting:
    """numpy, with the number of values that its functions were given."""

    def __init__(self) -> None:
        self.seen = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if not callable(found) or isinstance(found, type):
            return found

        def counted(*given: Any, **more: Any) -> Any:
            self.seen += sum(one.size for one in given if isinstance(one, np.ndarray))
            return found(*given, **more)

        return counted


def test_each_point_is_looked_at_as_often_however_many_tracks_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def seen(tracks: int) -> int:
        points = iter(range(1200))
        text = "".join(
            "<trk><trkseg>"
            + "".join(
                f'<trkpt lat="5.{k:04d}" lon="-30"><time>{2000 + track // 336}-{1 + track // 28 % 12:02d}-'
                f"{1 + track % 28:02d}T10:{k % 60:02d}:00Z</time></trkpt>"
                for k in islice(points, 1200 // tracks)
            )
            + "</trkseg></trk>"
            for track in range(tracks)
        )
        counting = Counting()
        monkeypatch.setattr(gpx, "np", counting)
        found = gpx.drafts(Source("a.gpx", f'<gpx version="1.1">{text}</gpx>'.encode(), "", Path("a.gpx")))
        assert [one.records.height for one in found] == [1200 // tracks] * tracks
        assert all(one.records["segment"].to_list() == [0] * (1200 // tracks) for one in found)
        return counting.seen

    assert seen(400) < 2 * seen(4)


def test_a_track_has_the_columns_it_has_values_of_however_many_names_the_file_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    series = xml_points._series

    def counted(name: str, values: FloatArray) -> pl.Series:
        made.append(name)
        return series(name, values)

    monkeypatch.setattr(xml_points, "_series", counted)
    tracks = "".join(
        f'<trk><trkseg><trkpt lat="1" lon="2"><time>20{10 + k // 28}-01-{1 + k % 28:02d}T10:00:00Z</time><extensions>'
        f"<n{k}>{k}</n{k}><w{k}>word</w{k}><all>1</all></extensions></trkpt></trkseg></trk>"
        for k in range(100)
    )
    found = read(tracks)
    assert [{name for name in one.records.columns if name.startswith("dev:")} for one in found] == [
        {f"dev:n{k} []", f"dev:w{k} []", "dev:all []"} for k in range(100)
    ]
    assert len(made) == 100 * 4, "a position and two columns each"
