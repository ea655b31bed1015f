import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kneeledger import readers, schema
from kneeledger.errors import CorruptFileError, EmptyActivityError, LimitError, ReadError
from kneeledger.exports import Skipped, Source, layout, polar, sources
from kneeledger.pipeline import entries

NEW = """{"startTime": "2023-05-01T10:00:00", "timezoneOffsetMinutes": 120, "name": "Loop", "deviceId": "x", "exercises": [
 {"startTime": "2023-05-01T10:00:00", "timezoneOffsetMinutes": 120, "duration": "PT0H0M5.5S", "distance": 15.5,
  "sport": {"id": "1"}, "laps": {},
  "samples": {"samples": [
    {"type": "HEART_RATE", "intervalMillis": 1000, "values": [100, NaN, 102, 103, 104]},
    {"type": "SPEED", "intervalMillis": 1000, "values": [9.0, 10.8, 10.8, NaN, 10.8]},
    {"type": "CADENCE", "intervalMillis": 1000, "values": [80, 81, 82, 83, 84]},
    {"type": "DISTANCE", "intervalMillis": 2000, "values": [0, 5, 10]},
    {"type": "RR", "values": [1]}]},
  "routes": {"route": {"startTime": "2023-05-01T10:00:01", "wayPoints": [
    {"latitude": 1.0, "longitude": 2.0, "altitude": 50, "elapsedMillis": 0},
    {"latitude": 1.1, "longitude": 2.1, "altitude": 51, "elapsedMillis": 2100}]}}},
 {"startTime": "2023-05-01T11:00:00", "timezoneOffsetMinutes": 120, "sport": "CYCLING", "samples": {}}]}"""
OLD = {
    "exercises": [
        {
            "startTime": "2016-05-01T10:00:00.000",
            "timezoneOffset": -300,
            "sport": "RUNNING",
            "duration": "PT1H2M3S",
            "samples": {
                "heartRate": [
                    {"dateTime": "2016-05-01T10:00:00.000", "value": 90},
                    {"dateTime": "2016-05-01T10:00:02.000"},
                ],
                "speed": [{"dateTime": "2016-05-01T10:00:02.000", "value": 3.6}],
                "recordedRoute": [
                    {
                        "dateTime": "2016-05-01T10:00:02.000",
                        "latitude": 1.0,
                        "longitude": 2.0,
                        "altitude": 5.0,
                    }
                ],
            },
        }
    ]
}


def source(data):
    data = data if isinstance(data, bytes) else data.encode()
    return Source("x.json", data, "", None)


def test_polar_reads_streams_with_missing_values_and_an_own_route():
    run, ride = polar.drafts(source(NEW))
    frame = run.records
    assert frame.height == 5
    assert frame["time"][0] == datetime(2023, 5, 1, 8, tzinfo=UTC)
    assert frame["heart_rate_bpm"].to_list() == [100, None, 102, 103, 104]
    assert frame["speed_mps"].to_list() == pytest.approx([2.5, 3.0, 3.0, None, 3.0])
    assert frame["cadence:cadence"].to_list() == [80, 81, 82, 83, 84]
    assert frame["distance_m"].to_list() == [0, None, 5, None, 10]
    assert frame["latitude_deg"].to_list() == [None, 1.0, None, 1.1, None]
    assert frame["altitude_m"].to_list() == [None, 50, None, 51, None]
    assert not any(frame[name].is_nan().any() for name, kind in frame.schema.items() if kind == pl.Float64)
    assert (run.sport, run.facts["time_zone_offset_s"], run.facts["name"]) == ("running", 7200, "Loop")
    assert run.sessions["timer_s"][0] == 5.5
    assert ride.sport == "cycling"
    assert ride.records.height == 0


def test_polar_reads_the_older_files():
    (run,) = polar.drafts(source(json.dumps(OLD)))
    assert run.records["time"].to_list() == [
        datetime(2016, 5, 1, 15, 0, 0, tzinfo=UTC),
        datetime(2016, 5, 1, 15, 0, 2, tzinfo=UTC),
    ]
    assert run.records["heart_rate_bpm"].to_list() == [90, None]
    assert run.records["speed_mps"].to_list() == [None, 1.0]
    assert run.records["altitude_m"].to_list() == [None, 5.0]
    assert run.sessions["elapsed_s"][0] == 3723.0


def test_polar_drafts_have_the_columns_of_a_draft():
    for draft in polar.drafts(source(NEW)):
        names = [name for name in draft.records.columns if not name.startswith("cadence:")]
        assert names == [name for name in schema.RECORDS if not name.startswith("cadence_")]
        assert draft.sessions.columns == list(schema.SESSIONS)


@pytest.mark.parametrize("data", ["", "{", "[" * 200_000, "\xff"])
def test_polar_when_it_is_no_json_says_so(data):
    with pytest.raises(CorruptFileError):
        polar.drafts(source(data))


@pytest.mark.parametrize("data", ["[]", "{}", '{"exercises": {}}', '{"exercises": [1]}', "3"])
def test_polar_when_it_is_no_session_says_so(data):
    with pytest.raises(EmptyActivityError):
        polar.drafts(source(data))


@pytest.mark.parametrize(
    "spoilt", ['"x"', "NaN", "1e400", "-1", "null", "[]", "{}", "true", "10000000000000000000000"]
)
def test_polar_when_a_value_is_nonsense_reads_the_rest(spoilt):
    for old in (
        '"2023-05-01T10:00:00"',
        "120",
        "102",
        "1000",
        "2100",
        "15.5",
        '"PT0H0M5.5S"',
        '{"id": "1"}',
        "1.0",
    ):
        drafts = polar.drafts(source(NEW.replace(old, spoilt)))
        assert len(drafts) == 2


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    data=st.data(),
    value=st.one_of(
        st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=12), st.just([]), st.just({})
    ),
)
def test_polar_when_any_part_is_replaced_raises_only_read_errors(data, value):
    session = json.loads(data.draw(st.sampled_from([NEW, json.dumps(OLD)])))
    places = []

    def visit(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                visit(node[key])

    visit(session)
    for _ in range(data.draw(st.integers(1, 3))):
        node, key = data.draw(st.sampled_from(places))
        node[key] = value
    try:
        drafts = polar.drafts(source(json.dumps(session)))
    except ReadError:
        return
    for draft in drafts:
        assert not any(
            draft.records[n].is_nan().any() for n, kind in draft.records.schema.items() if kind == pl.Float64
        )
        assert draft.records["time"].is_sorted()


def test_polar_export_leaves_daily_and_account_files_unopened(export, made, opened):
    found = list(
        sources(
            [
                export(
                    {
                        "training-session-2023-05-01-1-a.json": NEW,
                        "activity-2023-05-01-a.json": "{}",
                        "account-data-a.json": "{}",
                        "sleep_result_a.json": "{}",
                        "planned-route-a.json": "{}",
                        "old.fit": made.fit(),
                    }
                )
            ]
        )
    )
    assert sorted(set(opened) - {"export.zip"}) == ["old.fit", "training-session-2023-05-01-1-a.json"]
    read = [one for one in found if isinstance(one, Source)]
    assert len(read) == 2
    assert {one.context["layout"] for one in read} == {"polar"}
    assert {one.code for one in found if isinstance(one, Skipped)} == {"not_opened"}


def test_a_recording_beside_a_training_session_keeps_its_own_reader(export, made):
    name = "training-session-1.json"
    found = list(sources([export({name: "{}", "a.gpx": made.gpx()})]))
    given = {one.path.rpartition("/")[2]: one for one in found if isinstance(one, Source)}
    with pytest.raises(EmptyActivityError):
        entries.read(given[name])
    with pytest.raises(ReadError) as refused:
        entries.read(given["a.gpx"])
    assert "JSON" not in str(refused.value)


@pytest.mark.parametrize(
    "odd",
    [
        {"exercises": [{"startTime": "0001-01-01T00:00:00+05:00", "duration": "P9999D"}]},
        {"exercises": [{"startTime": "9999-12-31T23:59:59-05:00", "duration": 9e14}]},
    ],
)
def test_polar_when_a_moment_is_out_of_range_it_is_unknown(odd):
    (draft,) = polar.drafts(source(json.dumps(OLD | odd)))
    assert draft.sessions["start"].to_list() == draft.sessions["elapsed_s"].to_list() == [None]


def test_polar_when_a_text_holds_half_a_character_reads_the_rest():
    told = source(json.dumps(OLD | {"deviceId": "\ud800X", "name": "\ud800"}))
    (recording,) = readers.read_drafts(lambda: polar.drafts(told), "Polar", told, tz=None)
    assert "\ud800" not in f"{recording.about}"


def test_polar_when_a_session_has_too_many_parts_is_refused(export):
    path = export({"training-session-1.json": b"[" + b"[]," * 3_100_000 + b"0]"})
    (said,) = [one for one in sources([path]) if isinstance(one, Skipped)]
    assert said.code == "limit"


def test_polar_when_a_session_has_too_many_values_is_refused(export, monkeypatch):
    monkeypatch.setattr(layout, "JSON_VALUES", 1_000)
    path = export({"training-session-1.json": b"[" + b"1," * 1_001 + b"0]"})
    (said,) = [one for one in sources([path]) if isinstance(one, Skipped)]
    assert said.code == "limit"


STREAM = {"type": "SPEED", "values": [1, 2]}


@pytest.mark.parametrize(
    ("exercises", "told"),
    [
        ([{}] * 201, "more than 200 exercises"),
        ([{"samples": {"samples": [STREAM] * 201}}], "more than 200 streams"),
        ([{"samples": {"samples": [STREAM | {"values": [1] * 1_000_001}]}}], "eleven days of seconds"),
        ([{"samples": {"samples": [STREAM | {"values": [1] * 500_001}]}}] * 2, "eleven days of seconds"),
    ],
)
def test_polar_when_a_session_has_more_than_any_has_is_refused(exercises, told):
    with pytest.raises(LimitError, match=told):
        polar.drafts(source(json.dumps({"exercises": exercises})))


def test_polar_reads_as_many_exercises_and_streams_as_the_bounds_allow():
    session = {"startTime": "2023-05-01T10:00:00", "exercises": [{}] * 199}
    session["exercises"].append({"samples": {"samples": [STREAM] * 200}})
    drafts = polar.drafts(source(json.dumps(session)))
    assert len(drafts) == 200
    assert drafts[-1].records.height == 2
