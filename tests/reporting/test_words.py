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


def test_no_number_is_a_negative_zero() -> None:
    assert words.height(-0.3) == "0 m"
    assert words.height(-12.0) == "−12 m"
    assert words.number(-0.04, 1) == "0.0"
    assert words.distance(-0.1) == "0.00 km"
    assert words.percent(-0.001) == "0 %"
    assert words.signed(-0.4) == "0 %"
    assert words.grade(-0.0004) == "0 %"


@pytest.mark.parametrize(
    ("known", "days", "told"),
    [
        (0, 0, "No day is known yet."),
        (1, 1, "1 of 1 day is known."),
        (1, 28, "1 of the last 28 days is known."),
        (27, 28, "27 of the last 28 days are known."),
    ],
)
def test_days_that_are_known(known: int, days: int, told: str) -> None:
    assert words.days_known(known, days) == told
