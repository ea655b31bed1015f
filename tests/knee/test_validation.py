import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kneeledger.knee import running, sums, validation
from kneeledger.model import DownhillModel

PEOPLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "rbds_pfj_subject_speed.csv"

# the model's side of the published table, to the digits it was first worked out to
EXPECTED = {
    "rbds_peak_25": (5.25, 0.006), "rbds_peak_35": (5.98, 0.006), "rbds_peak_45": (6.36, 0.006),
    "pfjrf_peak": (6.0, 0.05), "pfjrf_impulse": (0.52, 0.005),
    "doyle_peak_31": (6.7, 0.06), "doyle_peak_42": (18.5, 0.06), "doyle_km_31": (-19.3, 0.06),
    "doyle_km_42": (-39.4, 0.06), "petersen_km": (93, 0.6), "lenhart_peak": (-15.8, 0.06),
    "willson15_peak": (-17.3, 0.06), "willson15_km": (-10.0, 0.06), "willson14_short_step": (-17.3, 0.06),
    "willson14_long_step": (18.7, 0.06), "willson14_short_mile": (-10, 0.1), "willson14_long_mile": (10, 0.1),
    "body_borne_cadence": (-0.67, 0.01), "article_decline": (40, 0.01), "telhan_article": (56, 0.01),
    "telhan_mechanics": (38, 0.3), "telhan_none": (0, 1e-9), "rotation_impulse": (1.80, 0.001),
    "rotation_peak": (1.59, 0.001), "rotation_impulse_mechanics": (1.54, 0.001), "kuster_ratio": (3.72, 0.005),
    "ericson_peak": (1020, 0.5), "bini_cadence": (-22, 0.3),
}  # fmt: skip
DISAGREES = {
    "pfjrf_impulse", "doyle_peak_31", "doyle_km_31", "doyle_km_42", "petersen_km", "willson14_short_step",
    "willson14_long_step", "willson14_short_mile", "willson14_long_mile", "telhan_article", "telhan_mechanics",
    "rotation_impulse", "rotation_peak", "ericson_peak", "bini_cadence", "lenhart_peak", "body_borne_cadence",
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_model_side_of_the_published_table(name):
    value, tolerance = EXPECTED[name]
    assert validation.computed()[name] == pytest.approx(value, abs=tolerance)


def test_rows_that_disagree_are_shown_as_such():
    table = validation.table()
    assert table.height == len(validation.COMPUTED)
    names = [entry["name"] for entry in validation._published()]
    disagreeing = {name for name, agrees in zip(names, table["agrees"], strict=True) if not agrees}
    assert disagreeing == DISAGREES
    assert table.filter(~pl.col("agrees"))["note"].str.len_chars().min() > 0
    assert {"condition", "published", "model", "unit", "agrees", "note", "source"} <= set(table.columns)


def test_what_is_held_against_is_what_was_published():
    """Nothing widens a published number but the slack for rounding."""
    for entry in validation._published():
        number = r"[-+]?\d+(?:\.\d+)?"
        if found := re.fullmatch(rf"({number})±({number})", entry["published"]):
            mean, sd = map(float, found.groups())
            assert (entry["low"], entry["high"]) == pytest.approx((mean - sd, mean + sd)), entry["name"]
        elif found := re.match(rf"({number})(?: \(|$)", entry["published"]):
            assert entry["low"] == entry["high"] == float(found[1]), entry["name"]


@pytest.fixture(scope="module")
def people():
    if not PEOPLE.exists():
        pytest.skip("the per-runner data set is not shipped; it stands in the shared folder of the project")
    return pl.read_csv(PEOPLE)


@pytest.mark.parametrize(
    ("column", "ask", "with_stance", "spread", "within"),
    [
        ("pfj_peak_bw", running.peak_force_bw, False, 0.105, 0.044),
        ("pfj_impulse_bws_per_step", running.impulse_per_step_bw_s, False, 0.168, 0.055),
        ("pfj_peak_bw", running.peak_force_bw, True, 0.097, None),
        ("pfj_impulse_bws_per_step", running.impulse_per_step_bw_s, True, 0.140, None),
    ],
)
def test_residuals_on_people(people, column, ask, with_stance, spread, within):
    stance = people["contact_time_s"] if with_stance else None
    model = ask(people["speed_mps"], people["cadence_spm"], 0.0, stance)
    residual = np.log(people[column].to_numpy() / model)
    assert residual.std(ddof=1) == pytest.approx(spread, abs=0.0006)
    assert abs(residual.mean()) < 0.02
    if within is not None:
        runner = people["rbds_subject"].to_numpy()
        own = residual - np.array([residual[runner == one].mean() for one in runner])
        assert own.std() == pytest.approx(within, abs=0.0006)


def speed_ratio(i):
    """Population speed by grade: Minetti's cost uphill, the heart-rate curve where it asks for less."""
    cost = 155.4 * i**5 - 30.4 * i**4 - 43.3 * i**3 + 46.3 * i**2 + 19.5 * i + 3.6
    g = 100 * i
    effort = (
        -5.294439830640173e-7 * g**4 - 3.989571857841264e-6 * g**3
        + 2.0535661142752205e-3 * g**2 + 3.265674125152065e-2 * g + 1
    )  # fmt: skip
    return min(3.6 / cost, 1 / effort)


def test_level_ten_kilometres(make_track):
    track = make_track(np.array([3.0]), np.nan, 0.0, seconds=10000 / 3.0)
    linear, peak = sums.point(sums.sums(track), DownhillModel.ARTICLE)
    assert linear == pytest.approx(2422.8, abs=0.05)
    assert peak == pytest.approx(4668.2, abs=0.05)


def test_course_with_a_hill(make_track):
    grade = np.array([0.0, 0.05, -0.05])
    speed = np.array([3.0 * min(1.0 if i == 0 else 9.0, speed_ratio(i)) for i in grade])
    assert speed == pytest.approx([3.0, 2.3051, 3.3775], abs=5e-5)
    seconds = np.array([4000.0, 3000.0, 3000.0]) / speed
    assert seconds.sum() == pytest.approx(3523.0, abs=0.06)
    found = sums.sums(make_track(speed, np.nan, grade, seconds=seconds))
    for model, linear, peak, excess in (
        ("article", 2759.0, 7228.6, 262.3), ("mechanics", 2673.8, 6042.4, 177.1), ("none", 2496.7, 4318.6, 0.0),
    ):  # fmt: skip
        total = sums.point(found, DownhillModel(model))
        assert total[0] == pytest.approx(linear, abs=0.06)
        assert total[1] == pytest.approx(peak, abs=0.3)
        assert total[0] - sums.point(found, DownhillModel.NONE)[0] == pytest.approx(excess, abs=0.06)
