import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kneeledger.errors import CorruptFileError, EmptyActivityError, LimitError
from kneeledger.model import Draft, Source
from kneeledger.readers import tcx

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><TrainingCenterDatabase '
    'xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2" '
    'xmlns:ns3="http://www.garmin.com/xmlschemas/ActivityExtension/v2">'
)
TAIL = "</TrainingCenterDatabase>"


def source(data: str | bytes) -> Source:
    return Source("made.tcx", data if isinstance(data, bytes) else data.encode(), "", Path("made.tcx"))


def point(second: int, inner: str = "", *, position: bool = True) -> str:
    where = (
        f"<Position><LatitudeDegrees>{1 + second / 1e4:.4f}</LatitudeDegrees>"
        "<LongitudeDegrees>-2.5</LongitudeDegrees></Position>"
        if position
        else ""
    )
    return f"<Trackpoint><Time>2024-03-01T10:{second // 60:02d}:{second % 60:02d}Z</Time>{where}{inner}</Trackpoint>"


def lap(*tracks: str, start: int = 0, inner: str = "") -> str:
    pieces = "".join(f"<Track>{one}</Track>" for one in tracks)
    return (
        f'<Lap StartTime="2024-03-01T10:{start // 60:02d}:{start % 60:02d}Z">'
        "<TotalTimeSeconds>60.5</TotalTimeSeconds>"
        f"<DistanceMeters>200</DistanceMeters><TriggerMethod>Manual</TriggerMethod>{pieces}{inner}</Lap>"
    )


def activity(*laps: str, sport: str = "Running", inner: str = "") -> str:
    return f'<Activity Sport="{sport}"><Id>2024-03-01T10:00:00Z</Id>{"".join(laps)}{inner}</Activity>'


def read(*activities: str) -> list[Draft]:
    return tcx.drafts(source(f"{HEAD}<Activities>{''.join(activities)}</Activities>{TAIL}"))


def codes(draft: Draft) -> dict[str, int]:
    return {issue.code: issue.count for issue in draft.issues}


class TestClaims:
    @pytest.mark.parametrize(
        "head", [HEAD.encode(), b"          <?xml?><TrainingCenterDatabase>", b"<Activities>"]
    )
    def test_head_when_tcx_then_claimed(self, head: bytes) -> None:
        assert tcx.claims(head)

    @pytest.mark.parametrize("head", [b"", b"<gpx>", b".FIT", b"<html>"])
    def test_head_when_other_then_not_claimed(self, head: bytes) -> None:
        assert not tcx.claims(head)


class TestActivities:
    def test_activity_when_plain_then_records_laps_session_and_device(self) -> None:
        inner = (
            "<AltitudeMeters>99.5</AltitudeMeters><DistanceMeters>3.5</DistanceMeters>"
            "<HeartRateBpm><Value>141</Value></HeartRateBpm>"
            "<Extensions><ns3:TPX><ns3:Speed>2.75</ns3:Speed><ns3:RunCadence>84</ns3:RunCadence><ns3:Watts>250</ns3:Watts>"
            "</ns3:TPX></Extensions>"
        )
        creator = "<Creator><Name>Watch</Name><UnitId>0</UnitId></Creator>"
        steps = "<Extensions><ns3:LX><ns3:Steps>170</ns3:Steps></ns3:LX></Extensions>"
        (draft,) = read(activity(lap(point(0, inner), inner=steps), inner=creator))
        row = draft.records.row(0, named=True)
        assert row == {
            "time": datetime(2024, 3, 1, 10, tzinfo=UTC),
            "segment": 0,
            "latitude_deg": 1.0,
            "longitude_deg": -2.5,
            "altitude_m": 99.5,
            "distance_m": 3.5,
            "speed_mps": 2.75,
            "heart_rate_bpm": 141.0,
            "power_w": 250.0,
            "cadence:RunCadence": 84.0,
        }
        assert draft.laps.select("timer_s", "distance_m", "trigger").row(0) == (60.5, 200.0, "manual")
        assert draft.laps["start"][0] == datetime(2024, 3, 1, 10, tzinfo=UTC)
        session = draft.sessions.row(0, named=True)
        assert (session["timer_s"], session["distance_m"], session["total_cycles"]) == (60.5, 200.0, 85.0)
        assert (draft.device, draft.device_serial, draft.sport) == ("Watch", None, "running")

    def test_x1_file_when_blanks_and_mark_before_the_declaration_then_read_and_told(self) -> None:
        text = f"{HEAD}<Activities>{activity(lap(point(0)))}</Activities>{TAIL}".encode()
        assert codes(tcx.drafts(source(b" " * 10 + text))[0]) == {"xml_leading_blanks": 10}
        assert codes(tcx.drafts(source(b"\xef\xbb\xbf" + text))[0]) == {"xml_byte_order_mark": 1}

    @pytest.mark.parametrize(
        ("inner", "column"),
        [
            ("<Extensions><TPX><RunCadence>84</RunCadence></TPX></Extensions>", "cadence:RunCadence"),
            (
                "<Extensions><x:TPX xmlns:x='u'><x:RunCadence>84</x:RunCadence></x:TPX></Extensions>",
                "cadence:RunCadence",
            ),
            ("<Cadence>84</Cadence>", "cadence:Cadence"),
        ],
    )
    def test_x2_cadence_when_under_any_name_then_raw_under_its_own(self, inner: str, column: str) -> None:
        (draft,) = read(activity(lap(point(0, inner))))
        assert draft.records[column].to_list() == [84.0]

    def test_x3_multisport_when_read_then_split_with_transition(self) -> None:
        body = (
            f"<MultiSportSession><Id>x</Id><FirstSport>{activity(lap(point(0)), sport='Other')}</FirstSport>"
            f"<NextSport><Transition StartTime='2024-03-01T10:01:00Z'><TotalTimeSeconds>9</TotalTimeSeconds>"
            f"<Track>{point(60)}</Track></Transition>{activity(lap(point(70)), sport='Biking')}</NextSport>"
            f"<NextSport>{activity(lap(point(80)))}</NextSport></MultiSportSession>"
        )
        drafts = read(body)
        assert [draft.sport for draft in drafts] == ["other", "transition", "cycling", "running"]
        assert [draft.records.height for draft in drafts] == [1, 1, 1, 1]
        assert drafts[1].sessions["timer_s"].to_list() == [9.0]

    def test_x4_lap_boundary_when_point_comes_twice_then_both_kept_for_mending(self) -> None:
        (draft,) = read(activity(lap(point(0) + point(60)), lap(point(60) + point(61), start=60)))
        assert draft.records["time"].dt.second().to_list() == [0, 0, 0, 1]
        assert draft.records["segment"].to_list() == [0, 0, 0, 0]
        assert draft.laps.height == 2

    def test_segments_when_a_lap_holds_a_second_track_or_a_gap_then_a_new_one(self) -> None:
        (draft,) = read(activity(lap(point(0), point(9)), lap(point(10), start=10), lap(point(80), start=80)))
        assert draft.records["segment"].to_list() == [0, 1, 1, 2]

    def test_x5_distance_when_missing_in_some_points_then_null_and_told(self) -> None:
        body = (
            point(0, "<DistanceMeters>0</DistanceMeters>")
            + point(1)
            + point(2, "<DistanceMeters>6</DistanceMeters>")
        )
        (draft,) = read(activity(lap(body)))
        assert draft.records["distance_m"].to_list() == [0.0, None, 6.0]
        assert codes(draft)["distance_missing"] == 1

    @pytest.mark.parametrize(
        ("word", "sport"),
        [
            ("running", "running"),
            ("BIKING", "cycling"),
            ("Other", "other"),
            ("", "unknown"),
            ("Walking", "walking"),
        ],
    )
    def test_x6_sport_when_in_any_case_then_folded(self, word: str, sport: str) -> None:
        assert read(activity(lap(point(0)), sport=word))[0].sport == sport

    def test_x7_file_when_courses_only_then_planned(self) -> None:
        body = f"<Courses><Course><Name>Hill</Name><Track>{point(0)}{point(60)}</Track></Course></Courses>"
        (draft,) = tcx.drafts(source(f"{HEAD}{body}{TAIL}"))
        assert draft.facts["planned"] is True
        assert draft.facts["name"] == "Hill"

    def test_x8_points_when_without_position_then_kept(self) -> None:
        (draft,) = read(activity(lap(point(0, position=False) + point(1, position=False))))
        assert draft.records["latitude_deg"].to_list() == [None, None]
        assert draft.facts["planned"] is False

    def test_x9_altitude_when_zero_between_good_values_then_left_to_mending(self) -> None:
        inner = [f"<AltitudeMeters>{value}</AltitudeMeters>" for value in (50, 0, 51)]
        (draft,) = read(activity(lap("".join(point(k, one) for k, one in enumerate(inner)))))
        assert draft.records["altitude_m"].to_list() == [50.0, 0.0, 51.0]

    def test_x10_root_when_activities_and_prefix_undeclared_then_read(self) -> None:
        creator = '<xsi:Creator xsi:type="Device_t"/>'
        body = f"<Activities>{activity(lap(point(0)), inner=creator)}"
        (draft,) = tcx.drafts(source(body + "</Activities>"))
        assert draft.records.height == 1
        assert codes(draft) == {"xml_undeclared_prefix": 1}

    def test_x11_activities_when_several_in_any_order_then_each_with_its_own_start(self) -> None:
        drafts = read(activity(lap(point(600), start=600)), activity(lap(point(0))))
        assert [draft.records["time"][0].minute for draft in drafts] == [10, 0]
        assert [draft.sessions["start"][0].minute for draft in drafts] == [10, 0]

    def test_x12_times_when_backward_then_file_order_kept(self) -> None:
        (draft,) = read(activity(lap(point(5) + point(4) + point(6))))
        assert draft.records["time"].dt.second().to_list() == [5, 4, 6]

    def test_activity_when_without_points_but_with_totals_then_kept(self) -> None:
        (draft,) = read(activity(lap()))
        assert draft.records.height == 0
        assert draft.sessions["timer_s"].to_list() == [60.5]

    @pytest.mark.parametrize(
        "body",
        ["", "<Activities/>", "<Workouts><Workout Sport='Running'><Name>w</Name></Workout></Workouts>"],
    )
    def test_file_when_without_activity_then_empty(self, body: str) -> None:
        with pytest.raises(EmptyActivityError):
            tcx.drafts(source(f"{HEAD}{body}{TAIL}"))

    def test_file_when_nothing_legible_then_corrupt(self) -> None:
        with pytest.raises(CorruptFileError):
            tcx.drafts(source(b"\x00\x01"))


def test_steps_outside_of_all_laps_cost_nothing_an_activity() -> None:
    made = "".join(activity(lap(point(k) + point(k + 1))) for k in range(300))
    data = f"<TrainingCenterDatabase><Activities>{made}</Activities>{'<Steps>1</Steps>' * 60_000}"
    began = time.process_time()
    assert len(tcx.drafts(source(data + "</TrainingCenterDatabase>"))) == 300
    assert time.process_time() - began < 5


def test_a_file_of_nothing_but_laps_is_refused() -> None:
    text = "<TrainingCenterDatabase><Activities><Activity>{}</Activity></Activities></TrainingCenterDatabase>"
    data = text.format("<Lap/>" * (tcx.MAX_LAPS + 1)).encode()
    with pytest.raises(LimitError, match="more than 20000 laps"):
        tcx.drafts(Source("a.tcx", data, "", Path("a.tcx")))
