import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kneeledger.knee import decomposition, running, sums
from kneeledger.knee.decomposition import Usual
from kneeledger.model import DownhillModel

ARTICLE = DownhillModel.ARTICLE


def by_record(track, usual, model=ARTICLE):
    """Decisions 21 written out, record by record, in both views."""
    v, c, i, dt = (track.array(n) for n in ("ground_speed_mps", "cadence_spm", "grade_load", "dt_s"))
    low, high = running.CADENCE_RATIO_BOUNDS
    ratio = min(max(usual.cadence_ratio, low), high)
    v0 = np.full_like(v, usual.speed_mps)
    zero = np.zeros_like(v)
    steps_at = [running.steps_spm(v0, np.full_like(v, np.nan)) * ratio]
    steps_at += [running.steps_spm(v, np.full_like(v, np.nan)) * ratio, running.steps_spm(v, c)]
    stages = [(v0, steps_at[0], zero), (v, steps_at[1], zero), (v, steps_at[2], zero)]
    stages += [(v, steps_at[2], np.minimum(i, 0)), (v, steps_at[2], i)]
    linear, peak = [0.0], [0.0]
    for speed, cadence, grade in stages:
        of = running.loads(speed, cadence, grade, downhill=model)
        linear.append(float((of.load_rate_bw * dt).sum()))
        peak.append(float((cadence * dt / 120 * (of.peak_force_bw / 5.55) ** 4).sum()))
    return np.diff(linear), np.diff(peak)


@pytest.mark.parametrize("usual", [Usual(), Usual(2.8, 0.96), Usual(3.4, 1.05)])
def test_parts_are_those_of_every_record(hilly, usual):
    parts = decomposition.of_track(hilly, usual)
    linear, peak = by_record(hilly, usual)
    assert [p.name for p in parts] == list(decomposition.PARTS)
    np.testing.assert_allclose([p.linear_bw_s for p in parts[:5]], linear, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([p.peak_weighted_steps for p in parts[:5]], peak, rtol=1e-9, atol=1e-7)
    assert parts[3].linear_bw_s > 0 > parts[4].linear_bw_s


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.floats(1.7, 5.0), st.floats(0.82, 1.2), st.sampled_from(list(DownhillModel))
)
def test_parts_sum_to_the_whole(make_track, seed, speed, ratio, model):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    ways = rng.choice(np.array(["run", "walk", "ride"], dtype=object), n)
    cadence = np.where(rng.random(n) < 0.2, np.nan, rng.uniform(140, 200, n))
    track = make_track(
        rng.uniform(1.0, 6.5, n), cadence, rng.uniform(-0.3, 0.3, n), way=ways, power=rng.uniform(0, 300, n),
        rpm=rng.uniform(50, 110, n), downhill=model, pack=float(rng.choice([1.0, 1.1])),
    )  # fmt: skip
    parts = decomposition.of_track(track, Usual(speed, ratio))
    linear, peak = (np.nansum(track.array(n)) for n in ("knee_load_bw_s", "peak_weighted_steps"))
    assert sum(p.linear_bw_s for p in parts) == pytest.approx(linear, rel=1e-9)
    assert sum(p.peak_weighted_steps for p in parts) == pytest.approx(peak, rel=1e-9)


def test_week_is_the_sum_of_its_activities(hilly, make_track):
    other = make_track(np.full(900, 8.0), way="ride", power=150.0, rpm=85.0)
    found = [sums.sums(hilly), sums.sums(other)]
    week = decomposition.from_sums(sums.added(found), downhill=ARTICLE)
    each = [decomposition.from_sums(one, downhill=ARTICLE) for one in found]
    for k, part in enumerate(week):
        assert part.linear_bw_s == pytest.approx(sum(one[k].linear_bw_s for one in each), rel=1e-12, abs=1e-9)


def test_pace_changes_its_sign_between_the_views(make_track):
    fast = make_track(np.full(600, 4.0), running.reference_cadence_spm(4.0), 0.0)
    slow = make_track(np.full(600, 2.2), running.reference_cadence_spm(2.2) * 0.93, 0.0)
    assert "pace" not in decomposition.changed_sign(decomposition.of_track(fast))
    mixed = (decomposition.Part("duration", 100.0, 100.0), decomposition.Part("pace", -5.0, 40.0))
    assert decomposition.changed_sign(mixed) == ("pace",)
    parts = {p.name: p for p in decomposition.of_track(slow)}
    assert parts["cadence"].linear_bw_s > 0
    assert parts["pace"].peak_weighted_steps < 0


def test_no_model_no_parts(make_track):
    assert decomposition.of_track(make_track(np.full(60, 1.0), way="other")) == ()


def test_many_at_once_are_as_each_alone(hilly, make_track):
    ride = make_track(np.full(900, 8.0), way="ride", power=150.0, rpm=85.0)
    found = {"run": sums.sums(hilly), "ride": sums.sums(ride), "football": {}}
    table = sums.Sums(
        pl.DataFrame([{"id": name} | one for name, one in found.items()], infer_schema_length=None)
    )
    usual = Usual(2.9, 1.02)
    many = decomposition.running_linear(table, usual, downhill=ARTICLE)
    assert list(many) == list(decomposition.PARTS[:5])
    for place, name in enumerate(("run", "ride")):
        alone = {p.name: p.linear_bw_s for p in decomposition.from_sums(found[name], usual, downhill=ARTICLE)}
        assert {part: values[place] for part, values in many.items()} == {part: alone[part] for part in many}
    assert all(np.isnan(values[2]) for values in many.values())
    nobody = sums.Sums(pl.DataFrame({"id": []}, schema={"id": pl.String}))
    assert all(
        len(values) == 0 for values in decomposition.running_linear(nobody, usual, downhill=ARTICLE).values()
    )
