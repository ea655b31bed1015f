import time

import numpy as np
import polars as pl
import pytest

from kneeledger.knee import running, sums, uncertainty
from kneeledger.model import DownhillModel, Way

ARTICLE = DownhillModel.ARTICLE


@pytest.fixture(scope="module")
def draws():
    return uncertainty.Draws.of("someone", 1000)


def brute(track, draws, downhill=ARTICLE):
    """Every record under every draw: what the sums must reproduce."""
    of, drawn = track.array, draws.run
    v, c, i = of("ground_speed_mps")[:, None], of("cadence_spm")[:, None], of("grade_load")[:, None]
    rows = np.isnan(c)
    ratio = np.where(rows, 1.0, np.clip(c / (150.02 + 6.012 * v), 0.8, 1.25))
    steps = np.where(rows, 150.02 + 6.012 * v, c) * of("dt_s")[:, None] / 120
    gain, peak_gain = uncertainty.gains(drawn, downhill)
    down, up = np.clip(-i, 0, 0.25), np.maximum(0.8, 1 - np.clip(i, 0, 1))
    more = np.where(rows, drawn.no_cadence_impulse, 1.0)
    impulse = 0.519 * (v / 3) ** (0.02 + drawn.speed) * ratio ** (-2.0 + drawn.impulse_cadence)
    linear = (impulse * steps * np.where(i < 0, 1 + gain * down, up) * more).sum(0) * drawn.level_impulse
    more = np.where(rows, drawn.no_cadence_peak, 1.0)
    peak = 5.55 * (v / 3) ** (0.51 + drawn.speed) * ratio ** (-1.8 + drawn.peak_cadence) * drawn.level_peak
    peak = peak * np.where(i < 0, 1 + peak_gain * down, up) * more
    return linear, (steps * (peak / 5.55) ** 4).sum(0)


@pytest.mark.parametrize("downhill", list(DownhillModel))
def test_sums_agree_with_a_draw_for_every_record(make_track, draws, downhill):
    rng = np.random.default_rng(5)
    t = np.arange(2400)
    grade = 0.06 * np.sin(t / 170.0) + 0.02 * np.sin(t / 31.0)
    speed = 3.0 - 6.0 * np.clip(grade, 0, None) + 3.0 * np.clip(-grade, 0, None) + rng.normal(0, 0.12, 2400)
    cadence = np.where(t < 600, np.nan, np.round(165.0 + 5.0 * (speed - 3.0) + rng.normal(0, 3.0, 2400)))
    track = make_track(speed, cadence, grade, downhill=downhill)
    linear, peak = uncertainty.load_draws(sums.sums(track), draws, downhill=downhill)
    want_linear, want_peak = brute(track, draws, downhill)
    for got, want in ((linear, want_linear), (peak, want_peak)):
        ends, expected = uncertainty.interval(got), uncertainty.interval(want)
        assert ends == pytest.approx(expected, rel=0.01)
        assert np.median(np.abs(got / want - 1)) < 0.003
        assert np.quantile(np.abs(got / want - 1), 0.95) < 0.02


def test_sums_give_the_point_model_under_each_downhill_model(hilly, make_track):
    found = sums.sums(hilly)
    columns = (hilly.array(name) for name in ("ground_speed_mps", "cadence_spm", "grade_load"))
    speed, cadence, grade = columns
    for model in DownhillModel:
        other = make_track(speed, cadence, grade, downhill=model)
        linear, peak = sums.point(found, model)
        assert linear == pytest.approx(other.array("knee_load_bw_s").sum(), rel=1e-12)
        assert peak == pytest.approx(other.array("peak_weighted_steps").sum(), rel=1e-12)


def test_sums_of_parts_are_the_sums_of_the_whole(make_track, hilly):
    speed, cadence, grade = (hilly.array(n) for n in ("ground_speed_mps", "cadence_spm", "grade_load"))
    whole = sums.sums(hilly)
    cut = [sums.sums(make_track(speed[s], cadence[s], grade[s])) for s in (slice(0, 911), slice(911, None))]
    together = sums.added(cut)
    for key, value in whole.items():
        if "prolonged" not in key:
            assert together[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key


def test_intervals_of_the_level_are_the_published_ones(make_track):
    many = uncertainty.Draws.of("many", 20000)
    found = sums.sums(make_track(np.full(600, 3.0), 168.056 * 1.0001, 0.0))
    linear, peak = uncertainty.load_draws(found, many, downhill=ARTICLE)
    point = sums.point(found, ARTICLE)
    low, high = uncertainty.interval(linear / point[0])
    assert (low, high) == pytest.approx((0.69, 1.45), abs=0.02)
    low, high = uncertainty.interval((peak / point[1]) ** 0.25)
    assert (low, high) == pytest.approx((0.74, 1.36), abs=0.02)


def test_gain_interval_at_five_and_ten_per_cent():
    drawn = uncertainty.Draws.of("many", 20000).run.gain
    assert (drawn >= 0).all()
    low, high = uncertainty.interval(drawn)
    assert (low, high) == pytest.approx((3.2, 12.9), abs=0.25)
    assert uncertainty.interval(1 + 0.05 * drawn) == pytest.approx((1.16, 1.65), abs=0.02)
    assert uncertainty.interval(1 + 0.10 * drawn / 1.35) == pytest.approx((1.23, 1.96), abs=0.02)


def test_gain_is_fixed_under_the_other_models(draws):
    for model, impulse, peak in ((DownhillModel.MECHANICS, 5.4, 4.0), (DownhillModel.NONE, 0.0, 0.0)):
        of_impulse, of_peak = uncertainty.gains(draws.run, model)
        assert set(of_impulse) == {impulse}
        assert set(of_peak) == {peak}


def test_level_cancels_in_ratios_and_not_in_absolutes(make_track, draws):
    rng = np.random.default_rng(2)
    short = make_track(rng.normal(3.0, 0.1, 1800), rng.normal(166, 3, 1800), rng.normal(0, 0.005, 1800))
    long = make_track(rng.normal(2.9, 0.1, 2600), rng.normal(166, 3, 2600), rng.normal(0, 0.005, 2600))
    (a, _), (b, _) = (uncertainty.load_draws(sums.sums(t), draws, downhill=ARTICLE) for t in (long, short))
    low, high = uncertainty.ratio_interval(a, b)
    ratio = sums.point(sums.sums(long), ARTICLE)[0] / sums.point(sums.sums(short), ARTICLE)[0]
    assert low <= ratio <= high
    assert high / low < 1.05
    assert uncertainty.interval(a)[1] / uncertainty.interval(a)[0] > 1.8
    low, high = uncertainty.difference_interval(a, b)
    assert 0 < low < high


def test_missing_cadence_does_not_cancel_against_known(make_track, draws):
    known = sums.sums(make_track(np.full(600, 3.0), 166.0, 0.0))
    blind = sums.sums(make_track(np.full(600, 3.0), np.nan, 0.0))
    (a, _), (b, _) = (uncertainty.load_draws(s, draws, downhill=ARTICLE) for s in (blind, known))
    low, high = uncertainty.ratio_interval(a, b)
    assert high / low > 1.4
    assert uncertainty.interval(a)[1] > uncertainty.interval(b)[1]


def test_unknown_grade_widens_upwards_only_outdoors(make_track, draws):
    outdoors = sums.sums(make_track(np.full(600, 3.0), 166.0, np.nan))
    treadmill = sums.sums(make_track(np.full(600, 3.0), 166.0, np.nan, indoor=True))
    (out, _), (into, _) = (uncertainty.load_draws(s, draws, downhill=ARTICLE) for s in (outdoors, treadmill))
    assert sums.point(outdoors, ARTICLE) == sums.point(treadmill, ARTICLE)
    assert (out >= into).all()
    assert uncertainty.interval(out)[1] > 1.03 * uncertainty.interval(into)[1]


def test_doubtful_way_widens_the_interval_towards_the_other(make_track, draws):
    speed, n = np.full(1200, 1.9), 1200
    sure = sums.sums(make_track(speed, 138.0, 0.0))
    doubt = sums.sums(make_track(speed, 138.0, 0.0, sure=np.arange(n) < 600))
    (a, _), (b, _) = (uncertainty.load_draws(s, draws, downhill=ARTICLE) for s in (sure, doubt))
    assert sums.point(sure, ARTICLE) == sums.point(doubt, ARTICLE)
    assert (b <= a + 1e-9).all()
    assert uncertainty.interval(b)[0] < 0.9 * uncertainty.interval(a)[0]
    walked = sums.sums(make_track(speed, 134.0, 0.0, way="walk", sure=False))
    linear, _ = uncertainty.load_draws(walked, draws, downhill=ARTICLE)
    assert uncertainty.interval(linear)[1] > 2 * sums.point(walked, ARTICLE)[0]


def test_walking_and_cycling_have_intervals_of_their_own(make_track, draws):
    walk = sums.sums(make_track(np.full(600, 1.4), 112.0, -0.15, way="walk"))
    ride = sums.sums(make_track(np.full(600, 8.0), way="ride", power=180.0, rpm=85.0))
    assumed = sums.sums(make_track(np.full(600, 8.0), way="ride", power=180.0, rpm=85.0, mass_assumed=True))
    guessed = sums.sums(make_track(np.full(600, 8.0), 0, 0.0, way="ride", mass_assumed=True))
    widths = []
    for found in (walk, ride, assumed, guessed):
        linear, peak = uncertainty.load_draws(found, draws, downhill=ARTICLE)
        low, high = uncertainty.interval(linear)
        assert low < sums.point(found, ARTICLE)[0] < high
        assert uncertainty.interval(peak)[1] / uncertainty.interval(peak)[0] > high / low
        widths.append(high / low)
    assert widths[1] < widths[2] < widths[3]


def test_no_model_is_nan_not_nought(make_track, draws):
    swim = sums.sums(make_track(np.full(60, 1.0), way="other"))
    assert swim == {}
    assert sums.point(swim, ARTICLE) is None
    linear, peak = uncertainty.load_draws([swim, {"seconds": 10.0}], draws, downhill=ARTICLE)
    assert np.isnan(linear[0]).all()
    assert np.isnan(peak[0]).all()
    assert (linear[1] == 0).all()
    assert uncertainty.interval(linear[0]) is None
    assert uncertainty.ratio_interval(linear[1], linear[1]) is None


def test_draws_are_seeded_by_athlete_and_way(hilly):
    first, again = uncertainty.Draws.of("a", 200), uncertainty._drawn.__wrapped__("a", 200)
    np.testing.assert_array_equal(first.run.gain, again.run.gain)
    assert not np.array_equal(first.run.gain, uncertainty.Draws.of("b", 200).run.gain)
    assert abs(np.corrcoef(first.run.level_peak, first.walk.level_peak)[0, 1]) < 0.2
    with pytest.raises(ValueError, match="two draws"):
        uncertainty.Draws.of("a", 1)


def test_frame_list_and_one_agree(hilly, make_track, draws):
    found = [
        sums.sums(hilly),
        sums.sums(make_track(np.full(300, 8.0), way="ride", power=150.0, rpm=90.0)),
        {},
    ]
    frame = pl.DataFrame(found, infer_schema_length=None)
    several = uncertainty.load_draws(found, draws, downhill=ARTICLE)
    framed = uncertainty.load_draws(frame, draws, downhill=ARTICLE)
    np.testing.assert_allclose(several[0], framed[0])
    np.testing.assert_allclose(several[0][0], uncertainty.load_draws(found[0], draws, downhill=ARTICLE)[0])
    ways = uncertainty.load_draws_by_way(found, draws, downhill=ARTICLE)
    assert np.isnan(ways[Way.RIDE][0][0]).all()
    np.testing.assert_allclose(ways[Way.RIDE][1][1], several[1][1])


def test_week_of_sums_is_the_sum_of_draws(make_track, draws):
    rng = np.random.default_rng(8)
    days = [
        sums.sums(make_track(rng.normal(v, 0.15, 900), rng.normal(165, 3, 900), rng.normal(0, 0.03, 900)))
        for v in (2.7, 3.0, 3.4)
    ]
    each, each_peak = uncertainty.load_draws(days, draws, downhill=ARTICLE)
    week, week_peak = uncertainty.load_draws(sums.added(days), draws, downhill=ARTICLE)
    np.testing.assert_allclose(uncertainty.interval(week), uncertainty.interval(each.sum(0)), rtol=0.005)
    np.testing.assert_allclose(
        uncertainty.interval(week_peak), uncertainty.interval(each_peak.sum(0)), rtol=0.02
    )


def test_own_cadence_line_without_records(make_track):
    rng = np.random.default_rng(4)
    speed = rng.normal(3.1, 0.25, 1500).clip(2.0, 4.2)
    grade = rng.normal(0, 0.03, 1500)
    intercept, slope = np.log(158.0), 0.18
    own = np.exp(intercept + slope * np.log(speed / 3.0))
    blind, known = (sums.sums(make_track(speed, c, grade)) for c in (np.nan, own))
    lined = sums.with_cadence_line(blind, intercept, slope)
    for model in DownhillModel:
        assert sums.point(lined, model)[0] == pytest.approx(sums.point(known, model)[0], rel=2e-3)
        assert sums.point(lined, model)[1] == pytest.approx(sums.point(known, model)[1], rel=1e-2)
    draws = uncertainty.Draws.of("x", 500)
    for got, want in zip(
        uncertainty.load_draws(lined, draws, downhill=ARTICLE),
        uncertainty.load_draws(known, draws, downhill=ARTICLE),
        strict=True,
    ):
        np.testing.assert_allclose(uncertainty.interval(got), uncertainty.interval(want), rtol=0.02)
    assert sums.with_cadence_line(known, intercept, slope) == known


def test_a_pack_is_read_back(make_track):
    plain = make_track(np.full(300, 3.0), 170.0, -0.02)
    packed = make_track(np.full(300, 3.0), 170.0, -0.02, pack=1.2)
    a, b = sums.sums(plain), sums.sums(packed)
    assert sums.point(b, ARTICLE)[0] == pytest.approx(1.2 * sums.point(a, ARTICLE)[0])
    assert sums.point(b, ARTICLE)[1] == pytest.approx(1.2**4 * sums.point(a, ARTICLE)[1])
    assert b["run/pack_seconds"] == pytest.approx(360)
    assert b["run/cadence/linear/0/r"] / b["run/cadence/linear/0/w"] == pytest.approx(np.log(170 / 168.056))
    assert sums.extrapolated_load_bw_s(b) == pytest.approx(sums.point(b, ARTICLE)[0])


def test_two_thousand_activities_in_seconds(hilly, make_track):
    rng = np.random.default_rng(0)
    base = sums.added([sums.sums(hilly), sums.sums(make_track(np.full(99, 3.0), np.nan, -0.02))])
    many = [{key: value * scale for key, value in base.items()} for scale in rng.uniform(0.5, 2, 2000)]
    draws = uncertainty.Draws.of("someone", 1000)
    begun = time.process_time()  # of this process: the machine may be busy with others
    uncertainty.load_draws(many, draws, downhill=ARTICLE)
    assert time.process_time() - begun < 20


def test_valued_keeps_the_point(draws):
    value = uncertainty.valued(1.0, np.array([2.0, 3.0]))
    assert value.low == 1.0
    assert uncertainty.valued(None, np.array([2.0, 3.0])).low is None
    assert uncertainty.valued(1.0, np.array([np.nan])).high is None


def test_band_of_a_record_is_the_closed_form_of_the_draws(make_track):
    many = uncertainty.Draws.of("many", 20000)
    for speed, grade in ((3.0, 0.0), (4.5, 0.0), (2.4, -0.10)):
        found = sums.sums(
            make_track(np.full(60, speed), running.reference_cadence_spm(speed) * 1.0001, grade)
        )
        linear, _ = uncertainty.load_draws(found, many, downhill=ARTICLE)
        sd = uncertainty.band_log_sd(Way.RUN, np.array([speed]), np.array([-grade]), cadence_known=np.ones(1))
        low, high = uncertainty.interval(linear / sums.point(found, ARTICLE)[0])
        assert np.log(high / low) == pytest.approx(2 * 1.645 * sd[0], rel=0.05)


def test_draws_by_activity_are_those_of_all_whatever_is_asked_for_first(make_track, draws):
    found = {
        f"a{k}": sums.sums(make_track(np.full(300, 2.5 + 0.01 * k), 165.0, -0.03)) for k in range(100)
    } | {"football": {}}
    linear, peak = uncertainty.load_draws(list(found.values()), draws, downhill=ARTICLE)
    table = sums.Sums(
        pl.DataFrame([{"id": name} | one for name, one in found.items()], infer_schema_length=None)
    )
    assert table["football"] == {}
    assert table["a3"] == found["a3"]
    first = uncertainty.DrawnLoads(table, draws, downhill=ARTICLE)
    second = uncertainty.DrawnLoads(table, draws, downhill=ARTICLE)
    assert "football" not in first
    assert first.get("football") is None
    assert list(first) == [f"a{k}" for k in range(100)]
    assert len(first) == 100
    for number in reversed(range(100)):
        mine, twin = first[f"a{number}"], second[f"a{99 - number}"]
        np.testing.assert_allclose(mine[0], linear[number], rtol=1e-12)
        np.testing.assert_allclose(twin[1], peak[99 - number], rtol=1e-12)
    for name in first:
        assert (first[name][0] == second[name][0]).all()
