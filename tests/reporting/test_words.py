"""Numbers as people read them."""

from datetime import date

import pytest

from kneeledger.reporting import words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("This run (18.0 km on 26 April 2026)", "This run (11.2 mi on 26 April 2026)"),
        ("went down 1,402 m", "went down 4,600 ft"),
        ("at 6:01 against 6:30 a kilometre", "at 9:41 against 10:28 a mile"),
        ("108 min against 75", "108 min against 75"),
        ("at 2.7 m/s", "at 2.7 m/s"),
        ("-8 % on 2026-04-26", "\u22128 % on 2026-04-26"),
        ("45 % longer, 3 months", "45 % longer, 3 months"),
    ],
)
def test_sentences_in_miles_and_feet(text: str, told: str) -> None:
    assert words.in_units(text, "imperial") == told


def test_metric_sentences_keep_their_numbers() -> None:
    assert words.in_units("402 m, 18.0 km, -3 %", "metric") == "402 m, 18.0 km, \u22123 %"


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (None, -0.2, "steeper than \u221220 %"),
        (-0.05, -0.02, "\u22125 to \u22122 %"),
        (-0.02, 0.02, "\u22122 to 2 %"),
        (0.1, None, "above 10 %"),
        (None, None, "grade not known"),
    ],
)
def test_grade_bands(low: float | None, high: float | None, told: str) -> None:
    assert words.band(low, high) == told


def test_signs() -> None:
    assert words.signed(-0.3) == "0 %"
    assert words.signed(-4.6, 1) == "\u22124.6 %"
    assert words.signed(31) == "+31 %"
    assert words.signed(None) == "unknown"


def test_days_have_no_locale() -> None:
    assert words.day(date(2026, 5, 3)) == "3 May 2026"
    assert words.day(date(2026, 12, 31), year=False) == "31 December"
    assert words.day(None) == "unknown"
