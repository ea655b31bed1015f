"""Grade and descent against ground that is known: the simulation table of the science page, and glitches.

The ground is a formula of distance x [m]; the altitude is that formula plus the noise of a barometer
(white 0.25 m, drift 0.6 m over 600 s) or of a GPS (4 m over 40 s, white 0.5 m), in steps of 0.2 m. One set
of parameters for all; means of 20 seeds.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest

from kneeledger import elevation
from kneeledger.model import About, AltitudeSource, CadenceChoice

BARO, GPS = AltitudeSource.BAROMETRIC, AltitudeSource.GPS
SPEED_MPS = 3.0
SEEDS = range(20)


def flat(x):
    """z = 0"""
    return 0.0 * x


def rolling(x):
    """z = 7 sin(2 pi x / 1000) + 4 sin(2 pi x / 400 + 4.15)"""
    return 7 * np.sin(2 * np.pi * x / 1000) + 4 * np.sin(2 * np.pi * x / 400 + 4.15)


def ramps(x):
    """z = 0.1 x for 500 m, then down by 0.1 x for 500 m, and again"""
    place = np.mod(x, 1000.0)
    return np.where(place < 500, 0.1 * place, 100 - 0.1 * place)


SCENARIOS = (flat, rolling, ramps)


def slow_noise(count, sd, tau, rng):
    keep = np.exp(-1.0 / tau)
    push = (rng.normal(size=count) * sd * np.sqrt(1 - keep**2)).tolist()
    values = [rng.normal() * sd]
    for step in push[1:]:
        values.append(keep * values[-1] + step)
    return np.array(values)


def recorded(ground, kind, seed, *, count=3600, resolution=0.2, white=0.25):
    """Time, distance and altitude as a device would write them."""
    rng = np.random.default_rng(seed)
    time = np.arange(count, dtype=float)
    x = SPEED_MPS * time
    if kind == "baro":
        noise = rng.normal(size=count) * white + slow_noise(count, 0.6, 600, rng)
    else:
        noise = slow_noise(count, 4.0, 40, rng) + rng.normal(size=count) * 0.5
    return time, x, np.round((ground(x) + noise + 100) / resolution) * resolution


def slope_of(ground: Callable[[np.ndarray], np.ndarray], x):
    return ground(x + 0.5) - ground(x - 0.5)


def line(altitude, seconds):
    """A straight-line fit over a fixed number of seconds, the yardstick of the table."""
    k = np.arange(seconds) - (seconds - 1) / 2
    half = seconds // 2
    slope = np.correlate(np.pad(altitude, half, "edge"), k, "valid") / (k @ k) / SPEED_MPS
    slope[:half] = slope[-half:] = np.nan
    return slope


def worked(time, x, altitude, source=BARO, sport="running", speed=None, segment=None):
    segment = np.zeros(len(time), dtype=int) if segment is None else segment
    clean = elevation.clean_altitude(altitude, time, x, segment, source=source, sport=sport)
    speed = np.full(len(time), SPEED_MPS) if speed is None else speed
    slope = elevation.grade(clean, x, segment, speed, time, source=source)
    return clean, slope, elevation.descent(clean, x, time, source=source)


def rms(values):
    return 100 * float(np.sqrt(np.nanmean(values**2)))


def linear_gain(i):
    return np.where(i < 0, 1 + 8.0 * np.minimum(-i, 0.25), np.maximum(0.8, 1 - i))


def peak_weighted_gain(i):
    return np.where(i < 0, 1 + 5.9 * np.minimum(-i, 0.25), np.maximum(0.8, 1 - i)) ** 4


@cache
def table(ground, kind="baro", resolution=0.2, white=0.25):
    """Means of 20 seeds: RMSE of lines of 11 to 61 s and of ours [%], descent [m], load bias [%]."""
    x = SPEED_MPS * np.arange(3600)
    true = slope_of(ground, x)
    source = BARO if kind == "baro" else GPS
    rows = []
    for seed in SEEDS:
        time, x, altitude = recorded(ground, kind, seed, resolution=resolution, white=white)
        clean, slope, climb = worked(time, x, altitude, source)
        rows.append(
            {
                **{f"line_{n}": rms(line(altitude, n) - true) for n in (11, 21, 31, 61)},
                "ours": rms(slope.grade - true),
                "descent": climb.descent_m.value,
                "low": climb.descent_m.low,
                "high": climb.descent_m.high,
                "below": float(np.mean(slope.grade < -0.05)),
                "linear": 100 * (linear_gain(slope.grade_load).mean() / linear_gain(true).mean() - 1),
                "peak": 100
                * (peak_weighted_gain(slope.grade_load).mean() / peak_weighted_gain(true).mean() - 1),
                "issues": len(clean.issues),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def true_descent(ground):
    return float(-np.minimum(np.diff(ground(SPEED_MPS * np.arange(3600))), 0).sum())


def test_the_yardstick_is_the_published_table():
    got = {g.__name__: table(g) for g in SCENARIOS}
    assert got["flat"]["line_21"] == pytest.approx(0.41, abs=0.03)
    assert got["rolling"]["line_31"] == pytest.approx(0.36, abs=0.03)
    assert got["rolling"]["line_61"] == pytest.approx(0.87, abs=0.03)
    assert got["ramps"]["line_21"] == pytest.approx(1.6, abs=0.15)
    assert true_descent(rolling) == pytest.approx(246, abs=3)
    assert true_descent(ramps) == pytest.approx(528, abs=2)


@pytest.mark.parametrize("ground", SCENARIOS, ids=lambda g: f"{g.__name__}: {g.__doc__}")
def test_slope_error_is_near_the_best_line_everywhere(ground):
    got = table(ground)
    best = min(got[f"line_{n}"] for n in (11, 21, 31, 61))
    print(f"{ground.__name__}: {ground.__doc__}: {got}")
    assert got["ours"] <= 1.5 * best
    assert got["issues"] == 0


def test_slope_error_beats_the_line_of_21_seconds():
    better = [table(g)["ours"] < table(g)["line_21"] for g in SCENARIOS]
    assert sum(better) == 3


@pytest.mark.parametrize("ground", [rolling, ramps])
def test_descent_of_hilly_ground_within_5_percent(ground):
    got, true = table(ground), true_descent(ground)
    assert got["descent"] == pytest.approx(true, rel=0.05)
    assert got["low"] <= got["descent"] <= got["high"]


def test_flat_ground_has_no_descent():
    got = table(flat)
    assert got["descent"] <= 3.0
    assert got["low"] == 0.0


def test_share_of_time_below_5_percent():
    true = float(np.mean(slope_of(rolling, SPEED_MPS * np.arange(3600)) < -0.05))
    assert table(rolling)["below"] == pytest.approx(true, abs=0.02)
    assert table(flat)["below"] == 0.0


NOISES = [(0.2, 0.05), (0.2, 0.25), (0.2, 0.5), (1.0, 0.0), (1.0, 0.05), (1.0, 0.25), (1.0, 0.5)]
"""Step of the altitude and its white noise [m]: barometers as they are, and altitudes in whole metres."""


@pytest.mark.parametrize(("resolution", "white"), NOISES)
def test_noise_on_the_flat_does_not_become_load(resolution, white):
    got = table(flat, resolution=resolution, white=white)
    print(f"flat, {resolution} m, {white} m: {got['linear']:+.2f} %, peak-weighted {got['peak']:+.2f} %")
    assert abs(got["linear"]) <= 1.0
    assert abs(got["peak"]) <= 3.0


@pytest.mark.parametrize(("resolution", "white"), NOISES)
@pytest.mark.parametrize("ground", [rolling, ramps])
def test_real_slopes_keep_their_load(ground, resolution, white):
    got = table(ground, resolution=resolution, white=white)
    name = f"{ground.__name__}, {resolution} m, {white} m"
    print(f"{name}: {got['linear']:+.2f} %, peak-weighted {got['peak']:+.2f} %")
    assert abs(got["linear"]) <= 3.0
    assert abs(got["peak"]) <= 3.0


@pytest.mark.parametrize("resolution", [0.2, 1.0])
@pytest.mark.parametrize("incline", [-0.02, -0.03, -0.05, -0.10, -0.20, 0.06])
def test_a_long_slope_keeps_its_load(incline, resolution):
    def slope(x):
        return incline * x

    x = SPEED_MPS * np.arange(1200)
    bias = []
    for seed in SEEDS:
        time, x, altitude = recorded(slope, "baro", seed, count=1200, resolution=resolution)
        load = worked(time, x, altitude)[1].grade_load
        bias.append(
            [
                linear_gain(load).mean() / linear_gain(np.array([incline])).mean() - 1,
                peak_weighted_gain(load).mean() / peak_weighted_gain(np.array([incline])).mean() - 1,
            ]
        )
    assert np.all(np.abs(np.mean(bias, axis=0)) <= 0.03)


@pytest.mark.parametrize("resolution", [0.2, 1.0])
def test_gentle_hills_with_1_m_steps_keep_their_load(resolution):
    def hills(x):
        return 20 * np.sin(2 * np.pi * x / 1500)

    got = table(hills, resolution=resolution)
    assert abs(got["linear"]) <= 3.0
    assert abs(got["peak"]) <= 3.0


def test_gps_altitude_loads_as_level_and_says_so():
    time, x, altitude = recorded(flat, "gps", 1)
    _, slope, climb = worked(time, x, altitude, GPS)
    assert not slope.grade_load.any()
    assert [issue.code for issue in slope.issues] == ["grade_unknown"]
    assert np.nanmin(slope.error_sd) >= 0.03
    assert climb.hysteresis_m == 10.0
    assert climb.descent_m.low < climb.descent_m.value < climb.descent_m.high
    assert elevation.descents(worked(time, x, altitude, GPS)[0], x, time, source=GPS) == ()


def test_gps_descent_on_the_flat_is_far_below_the_naive_sum():
    naive = np.mean([-np.minimum(np.diff(recorded(flat, "gps", s)[2]), 0).sum() for s in SEEDS])
    assert naive == pytest.approx(1641, rel=0.1)
    assert table(flat, "gps")["descent"] < 0.1 * naive


def test_a_watch_with_a_barometer_changes_no_load_on_the_same_ground():
    """A history of level runs: GPS watch, then barometer. The loads differ by less than a per cent."""
    before = linear_gain(worked(*recorded(flat, "gps", 3), GPS)[1].grade_load).mean()
    after = linear_gain(worked(*recorded(flat, "baro", 3), BARO)[1].grade_load).mean()
    assert after / before == pytest.approx(1.0, abs=0.01)


# glitches ------------------------------------------------------------------------------------------


def smooth_run(count=1200):
    time = np.arange(count, dtype=float)
    x = SPEED_MPS * time
    return time, x, np.round((100 + 12 * np.sin(2 * np.pi * x / 1200)) / 0.2) * 0.2


def test_a_spike_is_cut_out_and_not_smeared():
    time, x, altitude = smooth_run()
    spiked = altitude.copy()
    spiked[600] += 107.0
    clean, slope, climb = worked(time, x, spiked)
    _, want, same = worked(time, x, altitude)
    assert np.isnan(clean.altitude_m[600])
    assert [(issue.code, issue.count) for issue in clean.issues] == [("altitude_spike", 1)]
    assert climb.descent_m.value == pytest.approx(same.descent_m.value, abs=0.5)
    assert np.nanmax(np.abs(slope.grade - want.grade)) < 0.01


@pytest.mark.parametrize("placeholder", [0.0, -500.0])
def test_placeholders_are_missing_however_long(placeholder):
    time, x, altitude = smooth_run()
    holed = altitude.copy()
    holed[500:540] = placeholder
    holed[:4] = placeholder
    clean, _, climb = worked(time, x, holed)
    assert np.isnan(clean.altitude_m[500:540]).all()
    assert np.isnan(clean.altitude_m[:4]).all()
    assert clean.part.max() == 0
    assert climb.descent_m.value == pytest.approx(worked(time, x, altitude)[2].descent_m.value, abs=2.0)


@pytest.mark.parametrize("jump", [-143.0, 124.0, 656.0])
def test_a_step_starts_a_new_level_without_gain_or_loss(jump):
    time, x, altitude = smooth_run()
    stepped = altitude.copy()
    stepped[700:] += jump
    clean, slope, climb = worked(time, x, stepped)
    _, want, same = worked(time, x, altitude)
    assert [issue.code for issue in clean.issues] == ["altitude_step"]
    assert clean.part[699] + 1 == clean.part[700]
    assert climb.descent_m.value == pytest.approx(same.descent_m.value, abs=1.5)
    assert np.nanmax(np.abs(slope.grade - want.grade)) < 0.03
    assert np.nanmin(slope.grade) > -0.10


def test_a_lift_taken_with_the_watch_paused_is_no_descent():
    time, x, altitude = smooth_run()
    segment = (np.arange(1200) >= 600).astype(int)
    moved = altitude.copy()
    moved[600:] -= 300.0
    later = time + np.where(segment == 1, 900.0, 0.0)
    clean, _, climb = worked(later, x, moved, segment=segment)
    assert climb.descent_m.value == pytest.approx(worked(time, x, altitude)[2].descent_m.value, abs=1.5)
    assert clean.part[-1] == 1


def test_a_short_pause_on_the_way_down_loses_nothing():
    time = np.arange(1200, dtype=float)
    x = SPEED_MPS * time
    altitude = 300 - 0.05 * x
    segment = (np.arange(1200) >= 600).astype(int)
    climb = worked(time + 120.0 * segment, x, altitude, segment=segment)[2]
    assert climb.descent_m.value == pytest.approx(0.05 * x[-1], rel=0.02)


def test_lifts_and_cars_are_never_counted():
    time, x, altitude = smooth_run(2400)
    lifted = altitude.copy()
    lifted[1000:1400] = altitude[1000] + 1.5 * np.arange(400)
    lifted[1400:] = altitude[1400:] - altitude[1400] + lifted[1399]
    clean, slope, climb = worked(time, x, lifted, sport="hiking")
    assert clean.carried[1050:1350].all()
    assert not clean.carried[:850].any()
    assert np.isnan(slope.grade[clean.carried]).all()
    assert not slope.grade_load[clean.carried].any()
    assert climb.ascent_m.value < 120.0

    ridden = x.copy()
    ridden[1000:1400] += 9.0 * np.arange(400)
    ridden[1400:] += 9.0 * 400
    clean, _, _ = worked(time, ridden, altitude)
    assert clean.carried[1000:1399].all()
    assert [issue.code for issue in clean.issues] == ["carried"]
    assert not worked(time, ridden, altitude, sport="cycling")[0].carried.any()


def test_travel_without_a_step_was_not_on_foot():
    time, x, altitude = smooth_run()
    cadence = np.full(1200, 170.0)
    cadence[400:700] = 0.0
    clean = elevation.clean_altitude(
        altitude, time, x, np.zeros(1200, dtype=int), source=BARO, sport="running", cadence=cadence
    )
    assert clean.carried[400:700].all()
    assert clean.carried.sum() == 300
    cadence[400:700] = np.nan
    unknown = elevation.clean_altitude(
        altitude, time, x, np.zeros(1200, dtype=int), source=BARO, sport="running", cadence=cadence
    )
    assert not unknown.carried.any()


def test_one_jump_of_the_distance_is_no_train():
    time, x, altitude = smooth_run()
    tunnel = x + np.where(time > 600, 1350.0, 0.0)
    assert not worked(time, tunnel, altitude, sport="cycling")[0].carried.any()


def test_missing_altitude_stays_unknown():
    time, x, altitude = smooth_run()
    altitude[300:500] = np.nan
    _, slope, _ = worked(time, x, altitude)
    assert np.isnan(slope.grade[320:480]).all()
    assert np.isfinite(slope.grade[:290]).all()
    assert np.isfinite(slope.altitude_smooth_m[510:]).all()


# ways of going -------------------------------------------------------------------------------------


def test_grade_is_clipped_and_stairs_are_steep():
    time = np.arange(300, dtype=float)
    x = 0.8 * time
    altitude = np.round((500 - 0.6 * x) / 0.2) * 0.2
    slope = worked(time, x, altitude, sport="hiking", speed=np.full(300, 0.8))[1]
    assert np.nanmin(slope.grade) == -0.35
    assert np.nanmin(slope.grade_load) == -0.35


def test_grade_is_null_while_standing_and_carried_on_while_creeping():
    time = np.arange(900, dtype=float)
    speed = np.full(900, 3.0)
    speed[300:360] = 0.0
    speed[600:640] = 0.4
    x = np.cumsum(speed)
    slope = worked(time, x, 400 - 0.08 * x, speed=speed)[1]
    assert np.isnan(slope.grade[305:355]).all()
    assert slope.grade[605:635] == pytest.approx(-0.08, abs=0.01)
    assert not slope.grade_load[305:355].any()


def test_edges_are_shortened_not_padded():
    time = np.arange(400, dtype=float)
    x = SPEED_MPS * time
    slope = worked(time, x, 200 - 0.06 * x)[1]
    assert slope.grade == pytest.approx(-0.06, abs=0.002)


def test_switchbacks_out_and_back_reverse():
    time, x, altitude = recorded(rolling, "baro", 5)
    there = worked(time, x, altitude)[2]
    back = worked(time, x, altitude[::-1])[2]
    assert back.descent_m.value == pytest.approx(there.ascent_m.value, abs=4.0)
    assert back.ascent_m.value == pytest.approx(there.descent_m.value, abs=4.0)


def test_treadmill_has_no_grade_but_its_own():
    time, x, altitude = smooth_run()
    zeros = np.zeros(1200, dtype=int)
    clean = elevation.clean_altitude(altitude, time, x, zeros, source=BARO, sport="running")
    speed = np.full(1200, SPEED_MPS)
    bare = elevation.grade(clean, x, zeros, speed, time, source=BARO, indoor=True)
    assert np.isnan(bare.grade).all()
    assert not bare.grade_load.any()
    told = np.full(1200, -0.03)
    told[:100] = np.nan
    machine = elevation.grade(clean, x, zeros, speed, time, source=BARO, indoor=True, incline=told)
    assert machine.grade[100:] == pytest.approx(-0.03)
    assert np.isnan(machine.grade[:100]).all()
    assert not machine.grade_load[:100].any()


@pytest.mark.parametrize("source", [AltitudeSource.NONE, AltitudeSource.UNUSABLE, AltitudeSource.VIRTUAL])
def test_no_altitude_is_null_and_never_zero(source):
    time, x, altitude = smooth_run()
    _, slope, climb = worked(time, x, altitude, source)
    assert climb.descent_m.value is None
    assert np.isnan(slope.grade).all()
    assert not slope.grade_load.any()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_very_short_tracks(count):
    time = np.arange(count, dtype=float)
    _, slope, climb = worked(time, 3 * time, 100 - 0.1 * time, speed=np.full(count, 3.0))
    assert len(slope.grade) == len(slope.grade_load) == len(climb.fall_m) == count
    assert np.isfinite(slope.grade_load).all()


def test_without_distance_there_is_descent_but_no_grade():
    time = np.arange(1200, dtype=float)
    _, slope, climb = worked(time, np.full(1200, np.nan), 300 - 0.1 * time)
    assert np.isnan(slope.grade).all()
    assert climb.descent_m.value == pytest.approx(119.9, abs=3)


def test_sparse_records_give_the_same_ground():
    time = np.arange(0, 3600, 7.0)
    x = SPEED_MPS * time
    rng = np.random.default_rng(2)
    altitude = np.round((20 * np.sin(2 * np.pi * x / 1500) + rng.normal(size=len(x)) * 0.2) / 0.2) * 0.2
    _, slope, climb = worked(time, x, altitude, speed=np.full(len(time), SPEED_MPS))
    true = 2 * np.pi / 1500 * 20 * np.cos(2 * np.pi * x / 1500)
    assert np.isfinite(slope.grade).all()
    assert rms(slope.grade - true) < 0.8
    assert climb.descent_m.value == pytest.approx(280, rel=0.04)


def test_inputs_are_not_changed():
    time, x, altitude = smooth_run()
    altitude[600] += 200
    before = [a.copy() for a in (time, x, altitude)]
    worked(time, x, altitude)
    for now, then in zip((time, x, altitude), before, strict=True):
        np.testing.assert_array_equal(now, then)


# descents ------------------------------------------------------------------------------------------


def test_single_descents_are_numbered_with_their_ends():
    time = np.arange(3600, dtype=float)
    x = SPEED_MPS * time
    altitude = np.round(ramps(x) / 0.2) * 0.2
    clean, _, climb = worked(time, x, altitude)
    found = elevation.descents(clean, x, time, source=BARO)
    assert [item.number for item in found] == list(range(1, 12))
    for item in found[:10]:
        assert item.drop_m == pytest.approx(50, abs=2)
        assert item.length_m == pytest.approx(500, abs=30)
        assert x[item.start] % 1000 == pytest.approx(500, abs=20)
    assert found[-1].drop_m == pytest.approx(30, abs=2)
    assert sum(item.drop_m for item in found) == pytest.approx(climb.descent_m.value, abs=3)


def test_shallow_and_small_descents_are_not_told():
    time = np.arange(1200, dtype=float)
    x = SPEED_MPS * time
    shallow = worked(time, x, 100 - 0.01 * x)[0]
    assert elevation.descents(shallow, x, time, source=BARO) == ()
    told = elevation.descents(shallow, x, time, source=BARO, least_grade=0.005)
    assert len(told) == 1
    valley = worked(time, x, 200 - np.clip(0.1 * (x - 500), 0, 60) - 0.002 * x)[0]
    (one,) = elevation.descents(valley, x, time, source=BARO)
    assert x[one.start] == pytest.approx(500, abs=15)
    assert one.length_m == pytest.approx(600, abs=25)
    assert one.drop_m == pytest.approx(61, abs=1.5)
    small = worked(time, x, 100 - np.clip(0.1 * (x - 500), 0, 8))[0]
    assert elevation.descents(small, x, time, source=BARO) == ()
    assert len(elevation.descents(small, x, time, source=BARO, least_drop_m=5)) == 1


def test_the_fall_of_each_record_sums_to_the_descent():
    time, x, altitude = recorded(rolling, "baro", 9)
    climb = worked(time, x, altitude)[2]
    assert climb.fall_m.sum() == pytest.approx(climb.descent_m.value, abs=1e-6)


# source --------------------------------------------------------------------------------------------


def about(**changes):
    base = {
        "start": datetime(2026, 5, 1, tzinfo=UTC),
        "end": datetime(2026, 5, 1, 1, tzinfo=UTC),
        "sport": "running",
        "sub_sport": None,
        "format": "fit",
        "decoder": "kneeledger",
        "device": None,
        "device_serial": None,
        "sha256": "",
        "path": "",
        "part": 0,
        "utc_offset_s": None,
        "utc_offset_how": "unknown",
        "altitude_source": AltitudeSource.UNKNOWN,
        "cadence": CadenceChoice(None, None, ""),
        "indoor": False,
        "virtual": False,
        "elapsed_s": None,
        "timer_s": None,
        "device_distance_m": None,
        "device_ascent_m": None,
        "device_descent_m": None,
        "file_mass_kg": None,
    }
    return About(**(base | changes))


def source_of(time, x, altitude, **changes):
    return elevation.altitude_source(
        altitude, time, x, np.zeros(len(time), dtype=int), about=about(**changes)
    )


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"virtual": True}, AltitudeSource.VIRTUAL),
        ({"device": "garmin fr255_music"}, BARO),
        ({"device": "Garmin Edge 530"}, BARO),
        ({"device": "edge_1030"}, BARO),
        ({"device": "wahoo_fitness ELEMNT BOLT"}, BARO),
        ({"device": "Suunto 9 Baro"}, BARO),
        ({"device": "fēnix 6"}, BARO),
        ({"device": "vívoactive HR"}, BARO),
        ({"device": "Garmin Forerunner 255 Music"}, BARO),
        ({"device": "Garmin Forerunner 25"}, GPS),
        ({"device": "garmin fr235"}, GPS),
        ({"device": "Garmin Forerunner 45"}, GPS),
        ({"device": "garmin fr245m_asia"}, GPS),
        ({"device": "garmin venusq"}, GPS),
        ({"facts": {"creator": "Garmin Edge 520 with barometer"}}, BARO),
        ({"device": "garmin fr235", "facts": {"barometer": True}}, BARO),
        ({"facts": {"barometer": False}}, GPS),
        ({"facts": {"altitude_corrected": True}}, AltitudeSource.CORRECTED),
    ],
)
def test_source_by_what_the_file_says(changes, want):
    source, why = source_of(*recorded(rolling, "baro", 0), **changes)
    assert source is want
    assert why
    assert why[-1] != "."


def test_source_by_noise_where_the_file_says_nothing():
    assert source_of(*recorded(rolling, "baro", 0))[0] is BARO
    assert source_of(*recorded(rolling, "baro", 0), format="gpx")[0] is AltitudeSource.CORRECTED
    assert source_of(*recorded(rolling, "gps", 0))[0] is GPS
    time, x, altitude = recorded(flat, "baro", 0, count=60)
    assert source_of(time, x, altitude)[0] is AltitudeSource.UNKNOWN


def test_flat_altitude_against_a_device_that_went_down_is_unusable():
    time, x, _ = smooth_run()
    source, why = source_of(time, x, np.full(1200, 166.0), device_descent_m=901.0, device="bryton 1901")
    assert source is AltitudeSource.UNUSABLE
    assert "901" in why
    assert source_of(time, x, np.full(1200, np.nan))[0] is AltitudeSource.NONE
