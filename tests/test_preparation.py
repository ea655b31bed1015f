"""Preparation on made-up tracks whose every number is known by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kneeledger import schema
from kneeledger.analyzers import analyze
from kneeledger.model import About, AltitudeSource, CadenceChoice, DownhillModel, Recording
from kneeledger.preparation import Settings, prepare

START = datetime(2026, 5, 3, 6, tzinfo=UTC)


def about(**more):
    base = {
        "start": START,
        "end": START + timedelta(hours=1),
        "sport": "running",
        "sub_sport": None,
        "format": "fit",
        "decoder": "made up",
        "device": "garmin fenix6",
        "device_serial": "1",
        "sha256": "0" * 64,
        "path": "made-up.fit",
        "part": 0,
        "utc_offset_s": 7200,
        "utc_offset_how": "file",
        "altitude_source": AltitudeSource.UNKNOWN,
        "cadence": CadenceChoice("cadence", 2, "made up"),
        "indoor": False,
        "virtual": False,
        "elapsed_s": None,
        "timer_s": None,
        "device_distance_m": None,
        "device_ascent_m": None,
        "device_descent_m": None,
        "file_mass_kg": None,
        "facts": {"barometer": True},
    }
    return About(**(base | more))


def recording(n=600, *, facts=None, **columns):
    """`n` seconds at 1 Hz; columns override 3 m/s, 168 steps/min, level at 100 m."""
    seconds = columns.pop("seconds", np.arange(n, dtype=float))
    base = {
        "time": [START + timedelta(seconds=float(s)) for s in seconds],
        "segment": np.zeros(n, dtype=np.int32),
        "distance_m": 3.0 * seconds,
        "speed_mps": np.full(n, 3.0),
        "cadence_spm": np.full(n, 168.0),
        "altitude_m": np.full(n, 100.0),
    }
    frame = pl.DataFrame(base | columns, nan_to_null=True)
    records, _ = schema.conform(frame, schema.RECORDS)
    return Recording(
        about(**(facts or {})),
        records,
        schema.empty(schema.LAPS),
        schema.empty(schema.PAUSES),
        pl.DataFrame(),
        (),
    )


def test_a_level_run_asks_what_the_model_says():
    frame = prepare(recording(3601)).frame
    assert set(frame.columns) == set(schema.TRACK)
    assert frame["way"].unique().to_list() == ["run"]
    assert frame["dt_s"].sum() == pytest.approx(3600)
    assert frame["ds_m"].sum() == pytest.approx(10_800)
    # science 2.2: 0.727 BW a leg at 3 m/s; 2617 BW s an hour
    assert frame["knee_load_bw_s"].sum() == pytest.approx(2617, rel=0.002)


def test_a_slope_of_10_per_cent_down_weighs_1_8_times_level():
    n = 1200
    down = recording(n, altitude_m=500 - 0.3 * np.arange(n))
    level = recording(n)
    by = {m: prepare(down, Settings(downhill_model=m)).frame["knee_load_bw_s"].sum() for m in DownhillModel}
    flat = prepare(level).frame["knee_load_bw_s"].sum()
    assert prepare(down).about.altitude_source is AltitudeSource.BAROMETRIC
    assert by[DownhillModel.ARTICLE] / flat == pytest.approx(1.80, rel=0.02)
    assert by[DownhillModel.MECHANICS] / flat == pytest.approx(1.54, rel=0.02)
    assert by[DownhillModel.NONE] == pytest.approx(flat, rel=1e-9)


def test_nothing_is_counted_across_a_pause():
    n = 600
    seconds = np.concatenate([np.arange(300.0), 1000.0 + np.arange(300.0)])
    segment = np.repeat(np.array([0, 1], dtype=np.int32), 300)
    distance = 3.0 * np.concatenate([np.arange(300.0), 299 + np.arange(300.0) + 50])
    frame = prepare(recording(n, seconds=seconds, segment=segment, distance_m=distance)).frame
    assert frame["dt_s"].sum() == pytest.approx(598)
    assert frame["ds_m"].sum() == pytest.approx(3 * 598)


def test_standing_still_asks_nothing_of_the_knee():
    speed = np.concatenate([np.full(300, 3.0), np.zeros(300)])
    frame = prepare(recording(600, speed_mps=speed, distance_m=np.cumsum(speed))).frame
    standing = frame[320:]
    assert standing["knee_load_bw_s"].sum() == 0
    assert not standing["moving"].any()


@pytest.mark.parametrize(
    ("speed", "cadence", "sport", "way"),
    [
        (2.6, 138, "running", "run"),  # the tall slow runner
        (1.7, 155, "running", "run"),  # a slow jog
        (1.6, 110, "running", "walk"),  # a walking break
        (1.5, 112, "hiking", "walk"),
        (2.8, 165, "hiking", "run"),  # someone runs on a hike
        (2.4, np.nan, "running", "run"),
        (1.8, np.nan, "running", "walk"),
        (3.0, 168, "alpine_skiing", "other"),
        (3.0, 168, "unknown", "other"),
    ],
)
def test_run_or_walk_is_told_by_cadence_first(speed, cadence, sport, way):
    n = 300
    made = recording(
        n,
        speed_mps=np.full(n, speed),
        distance_m=speed * np.arange(n),
        cadence_spm=np.full(n, float(cadence)),
        facts={"sport": sport},
    )
    assert prepare(made).frame["way"].unique().to_list() == [way]


def test_half_rate_and_drop_out_spells_are_no_walk():
    cadence = np.full(900, 164.0)
    cadence[300:345] = 82.0
    cadence[500:520] = 0.0
    slow = np.full(900, 2.0)
    frame = prepare(
        recording(900, cadence_spm=cadence, speed_mps=slow, distance_m=2.0 * np.arange(900))
    ).frame
    assert frame["way"].unique().to_list() == ["run"]


def test_gps_altitude_gives_level_load_and_says_so():
    rng = np.random.default_rng(1)
    noise = np.zeros(1800)
    for i in range(1, 1800):
        noise[i] = 0.975 * noise[i - 1] + rng.normal(0, 0.9)
    made = recording(
        1800, altitude_m=100 + noise, facts={"device": "some phone", "facts": {"barometer": False}}
    )
    track = prepare(made)
    assert track.about.altitude_source in (AltitudeSource.GPS, AltitudeSource.UNKNOWN)
    assert "grade_unknown" in {issue.code for issue in track.issues}
    flat = prepare(recording(1800)).frame["knee_load_bw_s"].sum()
    assert track.frame["knee_load_bw_s"].sum() == pytest.approx(flat, rel=1e-6)


def test_a_treadmill_is_level_unless_an_incline_is_given():
    made = recording(600, facts={"indoor": True, "sub_sport": "treadmill"})
    level, down = prepare(made), prepare(made, Settings(incline=-0.05))
    assert level.frame["grade"].null_count() == 600
    ratio = down.frame["knee_load_bw_s"].sum() / level.frame["knee_load_bw_s"].sum()
    assert ratio == pytest.approx(1.40, rel=0.01)


def test_mass_matters_for_cycling_only():
    ride = recording(
        600,
        cadence_spm=np.full(600, np.nan),
        cadence_rpm=np.full(600, 85.0),
        power_w=np.full(600, 200.0),
        speed_mps=np.full(600, 8.0),
        distance_m=8.0 * np.arange(600),
        facts={"sport": "cycling"},
    )
    light, heavy, unknown = (prepare(ride, Settings(mass_kg=m)) for m in (60.0, 80.0, None))
    loads = [t.frame["knee_load_bw_s"].sum() for t in (light, heavy)]
    assert loads[0] / loads[1] == pytest.approx(80 / 60, rel=1e-6)
    assert "mass_assumed" in {i.code for i in unknown.issues}
    assert unknown.mass_assumed
    # science 2.4: 200 W, 85 rpm, 70 kg: 1.75 BW and 0.384 BW a leg
    seventy = prepare(ride, Settings(mass_kg=70.0)).frame
    assert seventy["peak_force_bw"].median() == pytest.approx(1.75, abs=0.01)
    assert seventy["load_rate_bw"].median() == pytest.approx(0.384, abs=0.003)
    run = recording()
    totals = [prepare(run, Settings(mass_kg=m)).frame["knee_load_bw_s"].sum() for m in (50.0, 90.0)]
    assert totals[0] == pytest.approx(totals[1], rel=1e-12)


def test_a_pack_adds_its_share_of_body_mass():
    bare = prepare(recording(), Settings(mass_kg=70.0)).frame["knee_load_bw_s"].sum()
    laden = prepare(recording(), Settings(mass_kg=70.0, pack_kg=7.0)).frame["knee_load_bw_s"].sum()
    assert laden / bare == pytest.approx(1.1, rel=1e-9)


def test_an_e_bike_and_a_ski_day_have_no_load_made_up():
    for sport in ("e_biking", "alpine_skiing", "swimming", "training"):
        track = prepare(recording(facts={"sport": sport}))
        assert track.frame["knee_load_bw_s"].null_count() == 600
        assert "no_model" in {i.code for i in track.issues}


def test_speed_comes_from_distance_where_there_is_none():
    frame = prepare(recording(speed_mps=np.full(600, np.nan))).frame
    assert frame["ground_speed_mps"][5:-5].to_list() == pytest.approx([3.0] * 590, rel=1e-6)


def test_the_recording_is_not_changed():
    made = recording()
    before = made.records.clone()
    prepare(made)
    assert made.records.equals(before)


def test_empty_and_one_row_recordings_are_fine():
    for n in (0, 1, 2):
        frame = prepare(recording(n)).frame
        assert frame.height == n
        assert frame["knee_load_bw_s"].sum() == pytest.approx(0, abs=3)


def test_stairs_are_known_by_the_sport_and_ask_3_2_body_weights_up():
    still = np.zeros(300)
    made = recording(
        300,
        speed_mps=still,
        distance_m=still,
        cadence_spm=np.full(300, 95.0),
        facts={"sport": "fitness_equipment", "sub_sport": "stair_climbing", "indoor": True},
    )
    frame = prepare(made).frame
    assert frame["way"].unique().to_list() == ["walk"]
    assert frame["peak_force_bw"].median() == pytest.approx(3.2)
    assert frame["knee_load_bw_s"].sum() == pytest.approx(299 * 0.16 * 3.2, rel=0.01)


def test_a_change_from_gps_altitude_to_a_barometer_does_not_move_the_load():
    """On a flat run the noise of either must not become load."""
    rng = np.random.default_rng(5)
    gps = np.zeros(3600)
    for i in range(1, 3600):
        gps[i] = 0.975 * gps[i - 1] + rng.normal(0, 0.9)
    baro = 0.2 * np.round((100 + rng.normal(0, 0.25, 3600)) / 0.2)
    by_gps = prepare(
        recording(3600, altitude_m=100 + gps, facts={"device": "phone", "facts": {"barometer": False}})
    )
    by_baro = prepare(recording(3600, altitude_m=baro))
    assert by_baro.about.altitude_source is AltitudeSource.BAROMETRIC
    loads = [t.frame["knee_load_bw_s"].sum() for t in (by_gps, by_baro)]
    steps = [t.frame["peak_weighted_steps"].sum() for t in (by_gps, by_baro)]
    assert loads[1] / loads[0] == pytest.approx(1, abs=0.01)
    assert steps[1] / steps[0] == pytest.approx(1, abs=0.03)
    # the same load, known less well: it may have gone down unseen (decisions 17)
    guessed, measured = (analyze(t).metrics["knee_load_linear_bw_s"] for t in (by_gps, by_baro))
    assert guessed.high / guessed.value > 1.02 * measured.high / measured.value
    treadmill = prepare(recording(3600, altitude_m=None, facts={"indoor": True}))
    indoors = analyze(treadmill).metrics["knee_load_linear_bw_s"]
    assert indoors.high / indoors.value == pytest.approx(measured.high / measured.value, rel=0.01)


def test_a_round_that_comes_back_higher_each_time_is_told_and_kept():
    n, round_s = 3600, 600
    turn = 2 * np.pi * np.arange(n) / round_s
    made = recording(
        n,
        altitude_m=50 + 20 * np.sin(turn) + 30 * np.arange(n) / n,
        latitude_deg=-30 + 0.002 * np.sin(turn),
        longitude_deg=-20 + 0.002 * np.cos(turn),
    )
    track = prepare(made)
    (told,) = [issue for issue in track.issues if issue.code == "altitude_drift"]
    assert told.count > 20
    assert "up to " in told.text
    assert track.frame["altitude_smooth_m"].null_count() == 0


@pytest.mark.parametrize(
    ("facts", "asked", "assumed"),
    [
        ({"pod_mass_kg": 82.0}, False, True),
        ({"pod_mass_kg": 82.0}, True, False),
        ({}, True, True),
        ({"pod_mass_kg": 82.0, "file_mass_kg": 60.0}, True, False),
    ],
)
def test_a_foot_pod_s_body_mass_is_taken_only_when_asked(facts, asked, assumed):
    ride = recording(
        facts={"sport": "cycling", **facts}, power_w=np.full(600, 200.0), cadence_rpm=np.full(600, 80.0)
    )
    track = prepare(ride, Settings(use_file_weight=asked))
    assert ("mass_assumed" in [issue.code for issue in track.issues]) is assumed
    known = 70.0 if assumed else facts.get("file_mass_kg", 82.0)
    plain = prepare(ride, Settings(mass_kg=known))
    assert track.frame["load_rate_bw"].equals(plain.frame["load_rate_bw"])
