import gzip
import io
import zipfile
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from kneeledger import readers, schema
from kneeledger.errors import (
    ConfigError,
    CorruptFileError,
    EmptyActivityError,
    LimitError,
    ReadError,
    UnsupportedFormatError,
)
from kneeledger.model import AltitudeSource, Draft, Source

START = datetime(2024, 5, 4, 6, 0, tzinfo=UTC)


def gpx(points=60, *, kind="running", time=True, lat=48.0):
    made = []
    for k in range(points):
        stamp = f"<time>{(START + timedelta(seconds=k)):%Y-%m-%dT%H:%M:%SZ}</time>" if time else ""
        made.append(
            f'<trkpt lat="{lat + k * 3 / 111_195:.7f}" lon="16.0"><ele>{200 + k / 10}</ele>{stamp}</trkpt>'
        )
    return (
        '<?xml version="1.0"?><gpx version="1.1" creator="made up" xmlns="http://www.topografix.com/GPX/1/1">'
        f"<trk><type>{kind}</type><trkseg>{''.join(made)}</trkseg></trk></gpx>"
    ).encode()


def source(data, path="made-up"):
    return Source(path, data, "0" * 64, None)


def drafted(records, **changes):
    given = {
        "format": "fit",
        "decoder": "kneeledger",
        "records": records,
        "sessions": schema.empty(schema.SESSIONS),
        "laps": schema.empty(schema.LAPS),
        "events": schema.empty(schema.EVENTS),
        "sport": "running",
        "sub_sport": None,
        "device": None,
        "device_serial": None,
        "facts": {},
        "issues": (),
    }
    return Draft(**(given | changes))


def through(monkeypatch, draft):
    """Recordings of a draft that the FIT reader is made to give."""
    monkeypatch.setattr(readers.fit, "drafts", lambda _source, decoder: [draft])
    head = b"\x0e\x10\x00\x00\x00\x00\x00\x00.FIT\x00\x00"
    return readers.read_source(source(head))


def seconds(n=60, **columns):
    time = pl.Series([START + timedelta(seconds=k) for k in range(n)], dtype=schema.TIME)
    return pl.DataFrame({"time": time, **{name: [value] * n for name, value in columns.items()}})


class TestRead:
    def test_plain_gz_and_zip_when_read_then_equal(self, tmp_path):
        data = gpx()
        (tmp_path / "a.gpx").write_bytes(data)
        (tmp_path / "b.txt").write_bytes(gzip.compress(data))
        with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
            archive.writestr("inner/run.gpx", data)
            archive.writestr("inner/run.gpx.gz", gzip.compress(data))
            archive.writestr("__MACOSX/inner/._run.gpx", b"\x00\x05\x16\x07")
            archive.writestr("readme.txt", "hello")
        plain, zipped = readers.read(tmp_path / "a.gpx"), readers.read(str(tmp_path / "c.zip"))
        packed = readers.read(tmp_path / "b.txt")
        assert len(plain) == len(packed) == 1
        assert len(zipped) == 2
        for one in (*packed, *zipped):
            assert one.records.equals(plain[0].records)
            assert one.about.sha256 == plain[0].about.sha256
        assert zipped[0].about.path.endswith("c.zip!/inner/run.gpx")

    def test_recording_when_read_then_it_keeps_the_contract(self, tmp_path):
        (tmp_path / "a.gpx").write_bytes(gpx())
        (one,) = readers.read(tmp_path / "a.gpx", tz="Europe/Vienna")
        assert one.records.schema == schema.empty(schema.RECORDS).schema
        assert one.laps.schema == schema.empty(schema.LAPS).schema
        assert one.pauses.schema == schema.empty(schema.PAUSES).schema
        assert (one.about.start, one.about.end) == (START, START + timedelta(seconds=59))
        assert one.about.altitude_source is AltitudeSource.UNKNOWN
        assert (one.about.utc_offset_s, one.about.utc_offset_how) == (7200, "config")
        assert one.about.elapsed_s == one.about.timer_s == 59.0
        assert one.sport == "running"

    def test_missing_file_when_read_then_a_read_error(self, tmp_path):
        with pytest.raises(ReadError, match="No such file"):
            readers.read(tmp_path / "none.fit")

    def test_decoder_when_unknown_then_refused(self, tmp_path):
        with pytest.raises(ValueError, match="kneeledger, fitparse"):
            readers.read(tmp_path / "a.fit", decoder="magic")

    def test_zone_when_unknown_then_a_config_error_and_no_corrupt_file(self, tmp_path):
        (tmp_path / "a.gpx").write_bytes(gpx())
        with pytest.raises(ConfigError):
            readers.read(tmp_path / "a.gpx", tz="Mars/Olympus")

    def test_bomb_when_gzip_unpacks_beyond_the_ratio_then_refused(self, tmp_path):
        (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"\0" * (16 << 20)))
        with pytest.raises(LimitError, match="200 times"):
            readers.read(tmp_path / "bomb.gz")

    def test_cut_gzip_when_read_then_what_is_there_counts(self, tmp_path):
        packed = gzip.compress(gpx(4000), compresslevel=1)
        (tmp_path / "cut.gz").write_bytes(packed[: len(packed) * 2 // 3])
        (one,) = readers.read(tmp_path / "cut.gz")
        assert one.records.height > 1000

    def test_zip_in_zip_when_read_then_found_and_bounded_in_depth(self, tmp_path):
        packed = gpx()
        for depth in range(1, 5):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("run.gpx" if depth == 1 else f"{depth}.zip", packed)
            packed = buffer.getvalue()
            (tmp_path / f"{depth}.zip").write_bytes(packed)
        (one,) = readers.read(tmp_path / "3.zip")
        assert one.about.path.endswith("3.zip!/3.zip!/2.zip!/run.gpx")
        with pytest.raises(LimitError, match="deep"):
            readers.read(tmp_path / "4.zip")

    def test_bomb_in_a_zip_when_read_then_refused_and_the_rest_counts(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.gpx", b"<gpx>" + b" " * (32 << 20))
        with pytest.raises(LimitError, match="200 times"):
            readers.read(tmp_path / "a.zip")
        with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("run.gpx", gpx())
            archive.writestr("bomb.gpx", b"<gpx>" + b" " * (32 << 20))
        assert len(readers.read(tmp_path / "b.zip")) == 1

    def test_cut_zip_when_read_then_what_is_there_counts_and_it_is_told(self, tmp_path):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.gpx", gpx(4000))
        (tmp_path / "a.zip").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
        (one,) = readers.read(tmp_path / "a.zip")
        assert one.records.height > 100
        assert "archive_damaged" in {issue.code for issue in one.issues}

    def test_damaged_zip_when_read_then_corrupt(self, tmp_path):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.gpx", gpx())
        (tmp_path / "a.zip").write_bytes(buffer.getvalue()[:200])
        with pytest.raises(CorruptFileError, match="zip"):
            readers.read(tmp_path / "a.zip")


class TestRefusal:
    @pytest.mark.parametrize(
        ("data", "error", "words"),
        [
            (b"", UnsupportedFormatError, "empty"),
            (b"\0" * 500, UnsupportedFormatError, "zeros"),
            (b"<!DOCTYPE html><html><body>Sign in</body></html>", UnsupportedFormatError, "web page"),
            (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ", EmptyActivityError, "macOS metadata"),
            (b"%PDF-1.7", UnsupportedFormatError, "PDF"),
            (b'{"a": 1}', UnsupportedFormatError, "JSON"),
            (b"just words\n", UnsupportedFormatError, "plain text"),
            (b'<?xml version="1.0"?><kml><x/></kml>', UnsupportedFormatError, "<kml>"),
            (bytes(range(128, 256)) + bytes(range(8)) * 9, UnsupportedFormatError, "no kind"),
        ],
    )
    def test_content_when_no_activity_then_its_true_kind_is_named(self, data, error, words):
        with pytest.raises(error, match=words):
            readers.read_source(source(data))

    def test_planned_track_when_read_then_forecast_is_the_hint(self):
        with pytest.raises(EmptyActivityError) as caught:
            readers.read_source(source(gpx(time=False)))
        assert "forecast" in caught.value.hint

    @pytest.mark.parametrize(
        "error", [RuntimeError("odd"), pl.exceptions.ComputeError("odd"), RecursionError("odd")]
    )
    def test_decoder_when_it_raises_anything_then_corrupt_with_the_cause(self, monkeypatch, error):
        def broken(_source, decoder):
            raise error

        monkeypatch.setattr(readers.fit, "drafts", broken)
        with pytest.raises(CorruptFileError, match="odd") as caught:
            readers.read_source(source(b"\x0e\x10\x00\x00\x00\x00\x00\x00.FIT\x00\x00"))
        assert caught.value.__cause__ is error

    @pytest.mark.parametrize(
        ("head", "kind"),
        [
            (b"\x0e\x10\x00\x00\x00\x00\x00\x00.FIT", "fit"),
            (b"\xef\xbb\xbf <gpx version='1.1'>", "gpx"),
            (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><x:gpx version='1.1'>", "gpx"),
            ("<gpx version='1.1'>".encode("utf-16"), "gpx"),
            (b"          <?xml version='1.0'?><TrainingCenterDatabase xmlns='x'>", "tcx"),
            (b"PK\x03\x04", "zip"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"", "empty"),
        ],
    )
    def test_kind_when_asked_then_by_content(self, head, kind):
        assert readers.file_kind(head) == kind


class TestAbout:
    def test_refused_cells_when_out_of_bounds_then_null_and_told_by_column(self, monkeypatch):
        (one,) = through(monkeypatch, drafted(seconds(heart_rate_bpm=255.0, speed_mps=3.0)))
        assert one.records["heart_rate_bpm"].null_count() == 60
        (issue,) = [issue for issue in one.issues if issue.code == "out_of_bounds"]
        assert issue.count == 60
        assert "heart_rate_bpm" in issue.text

    def test_cadence_when_one_leg_then_both_feet_in_the_records(self, monkeypatch):
        (one,) = through(monkeypatch, drafted(seconds(speed_mps=3.0, **{"cadence:cadence": 83.5})))
        assert set(one.records["cadence_spm"]) == {167.0}
        assert one.records["cadence_rpm"].null_count() == 60
        assert one.about.cadence.multiplier == 2

    def test_cadence_when_riding_then_pedal_turns(self, monkeypatch):
        records = seconds(speed_mps=8.0, **{"cadence:cadence": 90.0})
        (one,) = through(monkeypatch, drafted(records, sport="cycling"))
        assert set(one.records["cadence_rpm"]) == {90.0}
        assert one.records["cadence_spm"].null_count() == 60

    def test_developer_fields_when_native_is_missing_then_used_by_unit_and_kept(self, monkeypatch):
        records = seconds(
            speed_mps=3.0,
            power_w=250.0,
            **{
                "dev:Ground Time [Milliseconds]": 240.0,
                "dev:Vertical Oscillation [Centimeters]": 8.5,
                "dev:Power [Watts]": 300.0,
            },
        )
        (one,) = through(monkeypatch, drafted(records))
        assert one.records["stance_time_s"][0] == pytest.approx(0.24)
        assert one.records["vertical_oscillation_mm"][0] == pytest.approx(85.0)
        assert one.records["power_w"][0] == 250.0
        assert one.extra.columns == [
            "Ground Time [Milliseconds]",
            "Vertical Oscillation [Centimeters]",
            "Power [Watts]",
        ]
        assert one.extra.height == one.records.height

    @pytest.mark.parametrize(
        ("changes", "altitude", "indoor", "virtual"),
        [
            ({"sub_sport": "treadmill"}, False, True, False),
            ({"sub_sport": "treadmill"}, True, True, True),
            ({"sport": "cycling", "sub_sport": "virtual_activity"}, True, True, True),
            ({"sport": "cycling", "facts": {"manufacturer": "zwift"}}, True, True, True),
            ({"sport": "cycling", "sub_sport": "indoor_cycling"}, False, True, False),
            ({"sub_sport": "trail"}, True, False, False),
        ],
    )
    def test_indoor_and_virtual_when_the_file_says_then_marked(
        self, monkeypatch, changes, altitude, indoor, virtual
    ):
        records = seconds(speed_mps=3.0, **({"altitude_m": 10.0} if altitude else {}))
        (one,) = through(monkeypatch, drafted(records, **changes))
        assert (one.about.indoor, one.about.virtual) == (indoor, virtual)

    def test_mass_when_in_the_file_then_in_its_own_field_only(self, monkeypatch):
        (one,) = through(monkeypatch, drafted(seconds(), facts={"mass_kg": 61.5, "name": "x"}))
        assert one.about.file_mass_kg == 61.5
        assert dict(one.about.facts) == {"name": "x"}

    def test_totals_only_when_by_hand_then_empty_records_and_totals(self, monkeypatch):
        sessions = schema.conform(
            pl.DataFrame(
                {"start": [START], "timer_s": [1800.0], "distance_m": [5000.0], "sport": ["running"]}
            ),
            schema.SESSIONS,
        )[0]
        (one,) = through(monkeypatch, drafted(seconds(0), sessions=sessions))
        assert one.about.by_hand
        assert one.records.height == 0
        assert one.records.schema == schema.empty(schema.RECORDS).schema
        assert (one.about.timer_s, one.about.device_distance_m) == (1800.0, 5000.0)
        assert one.about.end == START + timedelta(seconds=1800)

    def test_nothing_when_neither_records_nor_totals_then_empty_activity(self, monkeypatch):
        with pytest.raises(EmptyActivityError):
            through(monkeypatch, drafted(seconds(0)))

    def test_sport_when_the_file_names_none_then_inferred_and_told(self, monkeypatch):
        records = seconds(200, speed_mps=3.2, **{"cadence:cadence": 84.0})
        (one,) = through(monkeypatch, drafted(records, sport="unknown"))
        assert one.sport == "running"
        assert "sport_inferred" in [issue.code for issue in one.issues]

    def test_parts_when_several_drafts_then_numbered_through(self, monkeypatch):
        monkeypatch.setattr(readers.fit, "drafts", lambda _source, decoder: [drafted(seconds())] * 3)
        found = readers.read_source(source(b"\x0e\x10\x00\x00\x00\x00\x00\x00.FIT\x00\x00"))
        assert [one.about.part for one in found] == [0, 1, 2]


class TestDates:
    @pytest.mark.parametrize(
        ("year", "said"), [(9999, 9999), (9998, 9998), (1, 1), (1975, 1975), (2150, 2150)]
    )
    def test_file_when_all_its_times_are_of_no_watch_then_refused_with_the_year(self, year, said):
        data = gpx().replace(b"2024-05-04", b"%04d-05-04" % year)
        with pytest.raises(CorruptFileError, match=f"its times are of the year {said}$"):
            readers.read_source(source(data))

    def test_times_when_a_few_are_of_no_watch_then_they_alone_are_lost(self):
        data = gpx().replace(b"2024-05-04T06:00:30", b"9999-12-31T23:59:59")
        (one,) = readers.read_source(source(data.replace(b"2024-05-04T06:00:20", b"0001-01-01T00:00:00")))
        assert one.about.end == START + timedelta(seconds=59)
        assert one.records["time"].null_count() == 2
        assert {issue.code: issue.count for issue in one.issues}["bad_time"] == 2

    def test_totals_when_they_last_for_ages_then_the_recording_ends_where_it_starts(self, monkeypatch):
        row = {name: [None] for name in schema.SESSIONS} | {"start": [START], "elapsed_s": [1e14]}
        types = {name: column.dtype for name, column in schema.SESSIONS.items()}
        sessions = pl.DataFrame(row, schema=types)
        (one,) = through(monkeypatch, drafted(schema.empty(schema.RECORDS), sessions=sessions))
        assert (one.about.start, one.about.end) == (START, START)
