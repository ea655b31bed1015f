"""Colours keep their order in grey and in dark, and words keep their contrast."""

import re
from itertools import pairwise

import pytest

from kneeledger.charts import palette_css
from kneeledger.charts.palette import DARK, DOWN, HEAT, LIGHT, PART


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def lightness(colour: str) -> float:
    """CIE L*."""
    y = luminance(colour)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def contrast(one: str, other: str) -> float:
    a, b = sorted((luminance(one), luminance(other)))
    return (b + 0.05) / (a + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_is_readable(theme):
    for ground in ("paper", "ground"):
        for text in ("ink", "muted"):
            assert contrast(theme[text], theme[ground]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_marks_stand_out(theme):
    for mark in ("run", "load", "accent"):
        assert contrast(theme[mark], theme["paper"]) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_ramps_are_steps_of_grey(theme):
    for ramp in (DOWN, HEAT):
        steps = [lightness(theme[name]) for name in ramp]
        assert steps == sorted(steps, reverse=theme is LIGHT)
        assert min(abs(a - b) for a, b in pairwise(steps)) >= 7
    ways = sorted(lightness(theme[name]) for name in ("run", "walk", "ride"))
    assert min(b - a for a, b in pairwise(ways)) >= 12
    assert abs(lightness(theme["run"]) - lightness(theme["run-soft"])) >= 25


def test_light_colours_are_all_different():
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert set(PART.values()) <= set(LIGHT)
    assert len(set(PART.values())) == len(PART)


def test_css_gives_every_variable_in_both_themes():
    css = palette_css()
    for name in LIGHT:
        assert len(re.findall(rf"--kl-{name}:#", css)) == 4
    assert css.count("{") == css.count("}")
    assert "url(" not in css
