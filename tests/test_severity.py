import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneeledger.model import Severity
from kneeledger.severity import (
    DESCENT,
    DISTANCE,
    KNEE_LOAD,
    MEASURES,
    STUDY,
    Measure,
    Profile,
    at_most,
    beyond,
    easy_minutes,
    judge,
    limit,
    study_band,
    thresholds,
)


@pytest.mark.parametrize(
    ("ratio", "word"),
    [
        (0.5, None),
        (1.0, None),
        (1.1, None),
        (11.0 / 10.0, None),
        (1.1001, Severity.NOTE),
        (1.30, Severity.NOTE),
        (1.3001, Severity.RAISED),
        (2.0, Severity.RAISED),
        (2.0001, Severity.HIGH),
        (math.nan, None),
    ],
)
def test_the_published_bands_have_their_edges_below(ratio: float, word: Severity | None) -> None:
    assert judge(ratio, thresholds()) is word


@pytest.mark.parametrize(
    ("profile", "score", "edges"),
    [
        (Profile(), 0, (0.10, 0.30, 1.0)),
        (Profile(female=True), 1, (0.10, 0.30, 1.0)),
        (Profile(specialised_young=True), 0, (0.10, 0.30, 1.0)),
        (Profile(previous_knee_pain=True), 2, (0.05, 0.20, 1.0)),
        (Profile(previous_knee_pain=True, poor_sleep_or_low_energy=True), 3, (0.05, 0.20, 1.0)),
        (Profile(previous_knee_pain=True, current_knee_pain=True), 4, (0.05, 0.10, 1.0)),
        (Profile(True, True, True, True, True), 6, (0.05, 0.10, 1.0)),
    ],
)
def test_a_profile_lowers_thresholds_by_its_score(
    profile: Profile, score: int, edges: tuple[float, float, float]
) -> None:
    assert profile.score == score
    found = thresholds(profile)
    assert (found.note, found.raised, found.high) == edges
    assert bool(profile.sentence) == (score >= 2)


@given(
    st.sampled_from(MEASURES), st.floats(0, 1e6), st.sampled_from([0.0, 0.01, 1.0, 3.0]),
    st.sampled_from([Profile(), Profile(previous_knee_pain=True)]),
)  # fmt: skip
def test_what_is_told_begins_right_above_the_limit(
    measure: Measure, reference: float, floors: float, profile: Profile
) -> None:
    edges, least = thresholds(profile), floors * measure.floor
    ceiling = limit(measure, reference, edges.note, least)
    assert beyond(measure, ceiling, reference, edges, least) is None
    assert beyond(measure, ceiling * (1.0 + 1e-6), reference, edges, least) is not None
    assert beyond(measure, math.nan, reference, edges, least) is None


def test_the_study_keeps_its_own_bands() -> None:
    assert study_band(1.07) is None
    assert study_band(1.1) is None
    assert study_band(1.2) == STUDY[0]
    assert study_band(1.38) == STUDY[1]
    assert study_band(2.5) == STUDY[2]
    assert [band.words for band in STUDY] == [
        "10 to 30 % longer",
        "30 to 100 % longer",
        "more than twice as long",
    ]
    assert (STUDY[1].hazard_ratio, STUDY[1].low, STUDY[1].high) == (1.52, 1.16, 2.00)


def test_floors_are_a_kilometre_a_hundred_metres_and_ten_easy_minutes() -> None:
    assert DISTANCE.floor == 1000
    assert DESCENT.floor == 100
    assert easy_minutes(KNEE_LOAD.floor) == pytest.approx(10)
    assert KNEE_LOAD.show(KNEE_LOAD.floor) == "10 easy minutes"
    assert [measure.tested for measure in (DISTANCE, DESCENT, KNEE_LOAD)] == [True, False, False]


def test_a_ceiling_only_lowers() -> None:
    assert at_most(Severity.HIGH, Severity.NOTE) is Severity.NOTE
    assert at_most(Severity.NOTE, Severity.RAISED) is Severity.NOTE
