"""Course files of each format in, forecasts and marked courses out, over the ledger of the made-up season."""

import struct
from dataclasses import replace
from datetime import date

import gpxpy
import gpxpy.gpx
import numpy as np
import pytest

from kneeledger.errors import ConfigError, ReadError
from kneeledger.pipeline import forecasting, settings, terrain
from kneeledger.pipeline.forecasting import Wish
from kneeledger.readers import course as courses
from kneeledger.severity import DESCENT, KNEE_LOAD

PLANNED = "export/strava/routes/planned-course.gpx"
DEGREE_M = 110_600.0


@pytest.fixture(scope="module")
def config():
    return settings.find({})


@pytest.fixture(scope="module")
def told(season, fixtures, config):
    return forecasting.look(fixtures / PLANNED, season, "me", config, Wish(), None)


@pytest.fixture
def brief(monkeypatch):
    """Few past runs are learnt from and forecast again: enough for what is asked here, and quick."""
    monkeypatch.setattr(forecasting, "RUNS", 12)
    monkeypatch.setattr(forecasting, "TRIALS", 1)


def gpx_of(altitude, step_m=20.0, route=False):
    """A course straight to the north."""
    out = gpxpy.gpx.GPX()
    kind = gpxpy.gpx.GPXRoutePoint if route else gpxpy.gpx.GPXTrackPoint
    points = [
        kind(5.0 + k * step_m / DEGREE_M, -30.0, None if a is None else float(a))
        for k, a in enumerate(altitude)
    ]
    if route:
        out.routes.append(gpxpy.gpx.GPXRoute(name="made up"))
        out.routes[0].points.extend(points)
    else:
        out.tracks.append(gpxpy.gpx.GPXTrack(name="made up"))
        out.tracks[0].segments.append(gpxpy.gpx.GPXTrackSegment(points))
    return out.to_xml()


def test_the_planned_course_of_the_fixtures(told):
    ground = told.made.ground
    assert ground.distance_m == pytest.approx(16_000, rel=0.005)
    assert ground.descent_m == pytest.approx(520, rel=0.02)
    assert ground.ascent_m == pytest.approx(520, rel=0.02)
    assert len(ground.downhills) == 4
    assert told.made.on == date(2026, 5, 4)
    assert told.as_of == date(2026, 5, 3)


def test_compared_with_the_runs_that_stand_out_in_the_fixtures(told):
    by = {one.measure: one for one in told.made.compared}
    assert by["distance_m"].reference == pytest.approx(17_976, rel=0.01)
    assert by["distance_m"].severity is None
    assert by["descent_m"].reference == pytest.approx(402, rel=0.02)
    assert by["descent_m"].ratio == pytest.approx(520 / 402, rel=0.03)
    assert by["descent_m"].severity.value == "note"
    assert by["descent_m"].reference_day == date(2026, 4, 30)
    assert "1.3 times the most of any run" in by["descent_m"].text
    load = by["knee_load_bw_s"]
    assert load.low < load.ratio < load.high
    assert load.high - load.low < 0.5  # the level cancels
    whole = told.made.load_bw_s
    assert whole.high / whole.low > 1.8  # and does not in the load itself
    assert sum(load.shares.values()) == pytest.approx(1.0)


def test_the_part_that_stays_usual_is_bounded_by_the_edge_and_the_floor(told):
    first, anywhere = told.made.parts
    assert first.start_m == 0
    assert not first.whole
    assert first.bound_by == "knee_load_bw_s"
    along = np.cumsum(told.made.ground.length_m)
    most = next(one.reference for one in told.made.compared if one.measure == "knee_load_bw_s")
    load = np.interp(first.end_m, along, np.cumsum(told.made.made.load_bw_s))
    assert load == pytest.approx(max(1.1 * most, most + KNEE_LOAD.floor), rel=0.02)
    fallen = np.interp(first.end_m, along, np.cumsum(told.made.ground.fall_m))
    assert 1.1 * 402 < fallen < 402 + DESCENT.floor  # told of descent from the floor on, not from the edge
    assert anywhere.length_m >= first.length_m


def test_record_stands_beside_the_forecast(told):
    record = told.made.record
    assert record.n == forecasting.TRIALS
    assert record.inside / record.n > 0.8
    assert record.median_error("load") < 0.05
    assert record.median_error("descent") < 2.0
    assert any("Back-test" in note for note in told.made.notes)


def test_a_longer_course_is_more_than_usual(brief, tmp_path, season, config):
    x = np.arange(0, 30_000, 20.0)
    path = tmp_path / "long.gpx"
    path.write_text(gpx_of(300 + 60 * np.sin(x / 400)))
    made = forecasting.look(path, season, "me", config, Wish(), None).made
    by = {one.measure: one for one in made.compared}
    assert by["distance_m"].severity.value == "raised"
    assert "5,205 runners" in by["distance_m"].text
    assert by["descent_m"].severity.value == "high"
    assert by["descent_m"].shares["high"] == 1.0


def test_the_planned_day_moves_the_window(brief, fixtures, season, config):
    later = forecasting.look(fixtures / PLANNED, season, "me", config, Wish(on=date(2026, 6, 15)), None).made
    by = {one.measure: one for one in later.compared}
    assert by["descent_m"].window_empty  # 30 days without a run: half of the largest of 90
    assert by["descent_m"].reference == pytest.approx(201, rel=0.02)
    assert "half of the largest" in by["descent_m"].text


def test_finish_time_pace_and_step_rate_of_the_user(brief, fixtures, season, config):
    timed = forecasting.look(fixtures / PLANNED, season, "me", config, Wish(finish_s=6000.0), None).made
    assert timed.seconds.value == pytest.approx(6000.0, rel=1e-6)
    assert timed.stretch == 1.0
    slow = forecasting.look(fixtures / PLANNED, season, "me", config, Wish(mps=2.5), None).made
    quick = forecasting.look(fixtures / PLANNED, season, "me", config, Wish(mps=2.5, cadence=1.05), None).made
    assert quick.load_bw_s.value / slow.load_bw_s.value == pytest.approx(1 / 1.05, rel=1e-3)


def test_the_other_way_round_swaps_up_and_down(brief, fixtures, season, config, tmp_path):
    x = np.arange(0, 9000, 20.0)
    path = tmp_path / "up.gpx"
    path.write_text(gpx_of(100 + 0.05 * x))
    there = forecasting.look(path, season, "me", config, Wish(mps=2.8), None).made
    back = forecasting.look(path, season, "me", config, Wish(mps=2.8, back=True), None).made
    assert there.ground.descent_m == pytest.approx(0, abs=1)
    assert back.ground.descent_m == pytest.approx(450, rel=0.01)
    assert back.load_bw_s.value / back.seconds.value > 1.2 * there.load_bw_s.value / there.seconds.value


def test_without_elevation_it_says_so(brief, tmp_path, season, config):
    path = tmp_path / "flat.gpx"
    path.write_text(gpx_of([None] * 400, route=True))
    told = forecasting.look(path, season, "me", config, Wish(), None)
    assert any("no elevation" in note for note in told.made.notes)
    shown = forecasting.to_json(told)
    assert shown["course"]["descent_m"] is None
    assert shown["excess_by_model_bw_s"] is None
    assert [one["measure"] for one in shown["compared"]] == ["distance_m", "knee_load_bw_s"]
    assert shown["descents"] == []


def test_marked_course_comes_back_through_gpxpy_and_through_our_reader(told, tmp_path):
    path = forecasting.write_course(told, tmp_path / "deep" / "out.gpx")
    theirs = gpxpy.parse(path.read_text(encoding="utf-8"))
    ours = courses.read_course(path)
    names = [place.name for place in theirs.waypoints]
    assert names == [place.name for place in ours.waypoints]
    marked = [name for name in names if name.startswith("D")]
    assert len(marked) == 4
    assert marked[3].startswith("D4 0.8 km -1")
    assert "knee load 2." in marked[3]
    assert marked[3].endswith(" x level")
    points = theirs.tracks[0].segments[0].points
    assert len(points) == told.course.latitude_deg.size == ours.latitude_deg.size
    assert ours.latitude_deg == pytest.approx(told.course.latitude_deg, abs=1e-9)
    assert ours.altitude_m == pytest.approx(told.course.altitude_m, abs=1e-6)
    # each waypoint stands on the course, at the top of its descent
    for place, down in zip(ours.waypoints[-4:], told.made.ground.downhills, strict=True):
        near = np.hypot(
            ours.latitude_deg - place.latitude_deg, ours.longitude_deg - place.longitude_deg
        ).min()
        assert near * DEGREE_M < 30
        assert place.altitude_m > np.interp(
            down.start_m + down.length_m,
            np.cumsum(told.made.ground.length_m),
            told.made.ground.altitude_m,
        )


def test_a_marked_course_marked_again_keeps_both(told, tmp_path):
    path = forecasting.write_course(told, tmp_path / "one.gpx")
    again = replace(told, course=courses.read_course(path))
    assert len(forecasting.with_waypoints(again)) == len(told.course.waypoints) + 8


def test_a_tcx_course_and_a_recorded_fit_give_what_their_line_holds(
    brief, tmp_path, season, config, fixtures
):
    points = "".join(
        f"<Trackpoint><Position><LatitudeDegrees>{5 + k * 20 / DEGREE_M:.7f}</LatitudeDegrees>"
        "<LongitudeDegrees>-30.0</LongitudeDegrees></Position>"
        f"<AltitudeMeters>{500 - k * 1.0}</AltitudeMeters></Trackpoint>"
        for k in range(200)
    )
    path = tmp_path / "down.tcx"
    path.write_text(
        '<?xml version="1.0"?><TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/'
        'TrainingCenterDatabase/v2"><Courses><Course><Name>down</Name>'
        f"<Track>{points}</Track></Course></Courses></TrainingCenterDatabase>"
    )
    made = forecasting.look(path, season, "me", config, Wish(mps=3.0), None).made
    assert made.ground.descent_m == pytest.approx(199, abs=2)
    fit = fixtures / "export/watch/GARMIN/Activity/2026-04-30-18-05-59.fit"
    again = forecasting.look(fit, season, "me", config, Wish(mps=3.0), None).made
    assert again.ground.descent_m == pytest.approx(402, rel=0.05)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.gpx", b""),
        ("text.gpx", b"this is no course"),
        ("point.gpx", b'<gpx><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>'),
        (
            "same.gpx",
            b'<gpx><trk><trkseg><trkpt lat="1" lon="2"/><trkpt lat="1" lon="2"/></trkseg></trk></gpx>',
        ),
        ("places.gpx", b'<gpx><wpt lat="1" lon="2"/></gpx>'),
    ],
)
def test_what_is_no_course_is_refused_in_words(tmp_path, season, config, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ReadError):
        forecasting.look(path, season, "me", config, Wish(mps=3.0), None)


def test_without_a_ledger_a_pace_is_asked_for(tmp_path, fixtures, config):
    with pytest.raises(ConfigError, match="--pace"):
        forecasting.look(fixtures / PLANNED, tmp_path / "none", "me", config, Wish(), None)
    told = forecasting.look(fixtures / PLANNED, tmp_path / "none", "me", config, Wish(mps=3.0), None)
    assert told.as_of is None
    assert told.made.compared == ()
    assert not (tmp_path / "none").exists()


def hgt(path, side, of):
    rows = np.array([[of(r / (side - 1), c / (side - 1)) for c in range(side)] for r in range(side)])
    path.write_bytes(rows.astype(">i2").tobytes())


class TestTerrain:
    def test_values_between_the_posts_are_bilinear(self, tmp_path):
        hgt(tmp_path / "N05W030.hgt", 1201, lambda south, east: 1000 * (1 - south) + 200 * east)
        tiles = terrain.tiles(str(tmp_path))
        found = tiles.altitude_m(np.array([5.25, 5.9999, 6.5]), np.array([-29.5, -29.0001, -29.5]))
        assert found[:2] == pytest.approx([350, 1199.9], abs=1.0)
        assert np.isnan(found[2])

    def test_unknown_posts_give_no_altitude(self, tmp_path):
        hgt(tmp_path / "S01E000.hgt", 1201, lambda south, east: -32768 if south < 0.5 else 100)
        found = terrain.tiles(str(tmp_path)).altitude_m(np.array([-0.25, -0.75]), np.array([0.5, 0.5]))
        assert np.isnan(found[0])
        assert found[1] == 100

    def test_a_course_takes_its_altitude_from_the_tiles(self, brief, tmp_path, season):
        hgt(tmp_path / "N05W030.hgt", 1201, lambda south, east: 5530 * (1 - south))
        path = tmp_path / "flat.gpx"
        path.write_text(gpx_of([None] * 400).replace('lon="-30.0"', 'lon="-29.9"'))
        config = settings.find({"terrain_dir": str(tmp_path)})
        told = forecasting.look(path, season, "me", config, Wish(mps=3.0, back=True), None)
        assert forecasting.to_json(told)["course"]["altitude_source"] == "terrain"
        assert told.made.ground.descent_m == pytest.approx(0.05 * 399 * 20, rel=0.02)

    def test_a_file_of_another_size_and_a_missing_folder_are_told(self, tmp_path):
        (tmp_path / "N05W030.hgt").write_bytes(struct.pack(">4h", 1, 2, 3, 4))
        with pytest.raises(ConfigError, match="SRTM"):
            terrain.tiles(str(tmp_path)).altitude_m(np.array([5.5]), np.array([-29.5]))
        with pytest.raises(ConfigError):
            terrain.tiles(str(tmp_path / "none"))
        assert terrain.tiles("") is None


def test_page_holds_the_course_the_bars_and_the_tables(told, tmp_path):
    path = forecasting.write_page(told, tmp_path / "page")
    text = path.read_text(encoding="utf-8")
    assert text.count("<svg") >= 4
    for words in ("More than you are used to?", "What would ease it", "D4", "Back-test", "mechanics"):
        assert words in text
    assert "latitude" not in text
    assert not any(
        f"{degrees:.3f}" in text for degrees in (told.course.longitude_deg[0], told.course.longitude_deg[-1])
    )
    assert "http://" not in text.replace("http://www.w3.org", "")
    again = forecasting.write_page(told, tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()
