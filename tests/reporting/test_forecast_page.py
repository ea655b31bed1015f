"""Sentences of the page of a course."""

import pytest

from kneeledger.forecast.against import Part
from kneeledger.reporting.forecast_page import part_words


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (Part("from the start", 0.0, 12_000.0, "distance_m", whole=True), "All of it stays within "),
        (
            Part("from the start", 0.0, 8_000.0, "descent_m", whole=False),
            "From the start, the first 8.0 km stay within ",
        ),
        (
            Part("anywhere", 2_000.0, 11_000.0, "knee_load_bw_s", whole=False),
            "Anywhere on it, at most 9.0 km (2.0 km to 11.0 km) stay within ",
        ),
    ],
)
def test_a_part_names_the_floor_beside_the_edge_as_the_ceiling_has_both(part: Part, text: str) -> None:
    told = part_words(part)
    assert told.startswith(text)
    assert "the first edge (+10 %, less with a profile) or floor, whichever is more" in told
    assert ("knee load is what bounds it" in told) is (part.bound_by == "knee_load_bw_s")
