from datetime import UTC, datetime
from pathlib import Path

import gpxpy
import numpy as np
import pytest

from kneeledger.errors import EmptyActivityError, LimitError, ReadError, UnsupportedFormatError
from kneeledger.model import Source
from kneeledger.readers import course as courses
from kneeledger.readers import gpx
from kneeledger.readers.course import NAMESPACE, Waypoint, read_course, write_gpx

ROUTE = b"""<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">
<wpt lat="1.5" lon="2.5"><ele>12</ele><name>Aid</name><type>WATER</type></wpt><wpt lat="1.6" lon="2.6"/>
<rte><name>Loop</name><rtept lat="1" lon="2"><ele>10</ele></rtept><rtept lat="1.1" lon="2.1"/></rte></gpx>"""
COURSE = b"""<TrainingCenterDatabase><Courses><Course><Name>Hill</Name><Track>
<Trackpoint><Time>2020-01-01T00:00:00Z</Time><Position><LatitudeDegrees>1</LatitudeDegrees><LongitudeDegrees>2
</LongitudeDegrees></Position><AltitudeMeters>5</AltitudeMeters></Trackpoint>
<Trackpoint><Time>2020-01-01T00:01:00Z</Time><Position><LatitudeDegrees>1.1</LatitudeDegrees>
<LongitudeDegrees>2.1</LongitudeDegrees></Position></Trackpoint></Track>
<CoursePoint><Name>Top</Name><Position><LatitudeDegrees>1.1</LatitudeDegrees><LongitudeDegrees>2.1</LongitudeDegrees>
</Position><PointType>Summit</PointType></CoursePoint></Course></Courses></TrainingCenterDatabase>"""


class TestReadCourse:
    def test_route_when_read_then_line_and_waypoints(self) -> None:
        course = read_course(ROUTE)
        assert course.name == "Loop"
        assert course.latitude_deg.tolist() == [1.0, 1.1]
        assert course.altitude_m[0] == 10.0
        assert np.isnan(course.altitude_m[1])
        assert course.waypoints[0] == Waypoint("Aid", 1.5, 2.5, 12.0, "WATER")
        assert course.waypoints[1].name == ""
        assert course.waypoints[1].altitude_m is None

    def test_file_when_track_and_route_then_the_track_is_the_line(self) -> None:
        both = ROUTE.replace(b"</gpx>", b'<trk><trkseg><trkpt lat="7" lon="8"/></trkseg></trk></gpx>')
        assert read_course(both).latitude_deg.tolist() == [7.0]

    def test_path_when_given_then_read(self, tmp_path: Path) -> None:
        (tmp_path / "a.gpx").write_bytes(b"\xef\xbb\xbf" + ROUTE)
        assert read_course(tmp_path / "a.gpx").name == "Loop"

    def test_tcx_when_course_then_line_and_course_points(self) -> None:
        course = read_course(COURSE)
        assert course.name == "Hill"
        assert course.longitude_deg.tolist() == [2.0, 2.1]
        assert course.waypoints == (Waypoint("Top", 1.1, 2.1, None, "Summit"),)

    def test_gpx_when_gpxpy_refuses_a_point_then_the_forgiving_reader_takes_over(self) -> None:
        odd = ROUTE.replace(b'<rtept lat="1.1" lon="2.1"/>', b'<rtept/><rtept lat="1.1" lon="2.1"/>')
        course = read_course(odd)
        assert course.latitude_deg.tolist() == [1.0, 1.1]
        assert [place.name for place in course.waypoints] == ["Aid", ""]

    def test_gpx_when_prefix_undeclared_and_cut_then_read(self) -> None:
        odd = ROUTE.replace(
            b'<rtept lat="1.1" lon="2.1"/></rte></gpx>', b'<rtept lat="1.1" lon="2.1"><x:y>1</x:y></rtept>'
        )
        assert read_course(odd).latitude_deg.tolist() == [1.0, 1.1]

    @pytest.mark.parametrize("odd", [b"inf", b"nan", b"-inf", b"1e300", b"181"])
    def test_place_when_not_on_earth_then_dropped(self, odd: bytes) -> None:
        for place in (b'<rtept lat="1.1" lon="2.1"/>', b'<wpt lat="1.6" lon="2.6"/>'):
            data = ROUTE.replace(
                place, place[:-2].replace(b'lon="', b'lon="' + odd + b'" x="') + b"/>" + place
            )
            course = read_course(data)
            assert course.longitude_deg.tolist() == [2.0, 2.1]
            assert [place.longitude_deg for place in course.waypoints] == [2.5, 2.6]

    @pytest.mark.parametrize("odd", [b"inf", b"nan", b"1e300"])
    def test_altitude_when_impossible_then_unknown(self, odd: bytes) -> None:
        course = read_course(
            ROUTE.replace(b"<ele>10<", b"<ele>" + odd + b"<").replace(b"<ele>12<", b"<ele>" + odd + b"<")
        )
        assert np.isnan(course.altitude_m).all()
        assert course.waypoints[0].altitude_m is None

    @pytest.mark.parametrize("data", [ROUTE, COURSE])
    def test_course_when_of_more_points_than_the_bound_then_refused(
        self, data: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(courses, "MAX_POINTS", 4)
        assert read_course(data).latitude_deg.size == 2
        monkeypatch.setattr(courses, "MAX_POINTS", 2)
        with pytest.raises(LimitError, match="more than 2 points"):
            read_course(data)

    @pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04", b"{}"])
    def test_content_when_no_course_then_unsupported(self, data: bytes) -> None:
        with pytest.raises(UnsupportedFormatError):
            read_course(data)

    def test_gpx_when_only_waypoints_then_empty(self) -> None:
        with pytest.raises(EmptyActivityError):
            read_course(b'<gpx version="1.1"><wpt lat="1" lon="2"/></gpx>')

    @pytest.mark.parametrize("stop", range(0, len(ROUTE), 7))
    def test_content_when_cut_anywhere_then_a_course_or_a_read_error(self, stop: int) -> None:
        try:
            course = read_course(ROUTE[:stop])
        except ReadError:
            return
        assert len(course.latitude_deg) == len(course.longitude_deg) == len(course.altitude_m) >= 1


class TestWriteGpx:
    def test_track_when_written_then_read_back_equal(self) -> None:
        latitude, longitude = np.array([1.25, 1.26, np.nan, 1.27]), np.array([2.5, 2.51, 2.52, 2.53])
        altitude = np.array([100.0, np.nan, 5.0, 98.5])
        times = [datetime(2024, 1, 1, 0, 0, k, tzinfo=UTC) for k in range(4)]
        load = np.array([0.0, 1.5, 2.0, np.nan])
        text = write_gpx(
            latitude,
            longitude,
            altitude_m=altitude,
            time=times,
            segment=[0, 0, 0, 1],
            grade=np.array([0.0, -0.125, 0.0, np.nan]),
            knee_load_bw_s=load,
            waypoints=[Waypoint("Aid", 1.5, 2.5, None, "WATER")],
            name="A & B",
            sport="running",
        )
        draft = gpx.drafts(Source("x", text.encode(), "", Path("x")))[0]
        assert draft.sport == "running"
        assert draft.facts["name"] == "A & B"
        assert draft.issues == ()
        records = draft.records
        assert records["latitude_deg"].to_list() == [1.25, 1.26, 1.27]
        assert records["altitude_m"].to_list() == [100.0, None, 98.5]
        assert records["segment"].to_list() == [0, 0, 1]
        assert records["time"].to_list() == [times[0], times[1], times[3]]
        assert records["dev:grade []"].to_list() == [0.0, -0.125, None]
        assert records["dev:load_bw_s []"].to_list() == [0.0, 1.5, None]
        judge = gpxpy.parse(text)
        assert judge.waypoints[0].name == "Aid"
        assert judge.tracks[0].segments[0].points[1].extensions[0].tag == f"{{{NAMESPACE}}}point"

    def test_course_when_written_then_the_same_course(self) -> None:
        course = read_course(ROUTE)
        text = write_gpx(
            course.latitude_deg,
            course.longitude_deg,
            altitude_m=course.altitude_m,
            waypoints=course.waypoints,
            name=course.name,
        )
        again = read_course(text.encode())
        assert again.name == course.name
        assert again.waypoints == course.waypoints
        np.testing.assert_array_equal(again.latitude_deg, course.latitude_deg)
        np.testing.assert_array_equal(again.altitude_m, course.altitude_m)

    def test_columns_when_of_other_length_then_refused(self) -> None:
        with pytest.raises(ValueError, match="length"):
            write_gpx(np.zeros(2), np.zeros(3))

    def test_time_when_naive_then_refused(self) -> None:
        with pytest.raises(ValueError, match="zone"):
            write_gpx(np.zeros(1), np.zeros(1), time=[datetime(2024, 1, 1)])  # noqa: DTZ001
