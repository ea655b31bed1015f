"""Three pictures against their stored ones, with a tolerance for another version of the drawing library."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kneeledger import charts

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NAMES = ("risk", "profile", "weeks")
MEAN, SHARE = 2.0, 0.02
"""Mean difference of a channel [0-255], and share of pixels that differ clearly."""


@pytest.mark.parametrize("name", NAMES)
def test_looks_as_it_was_approved(name, tmp_path, made):
    case = next(one for one in made.CASES if one.name == name)
    stored, fresh = GOLDEN / f"{name}.png", tmp_path / f"{name}.png"
    charts.to_png(case.chart(), fresh, scale=1)
    if os.environ.get("KNEELEDGER_RENEW_GOLDEN"):
        with Image.open(fresh) as image:
            image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(
                stored, optimize=True
            )
    with Image.open(stored) as a, Image.open(fresh) as b:
        assert a.size == b.size
        difference = np.abs(np.asarray(a.convert("RGB"), float) - np.asarray(b.convert("RGB"), float))
    assert difference.mean() < MEAN
    assert (difference.max(axis=-1) > 60).mean() < SHARE


def test_the_tolerance_notices_another_chart(tmp_path, made):
    case = next(one for one in made.CASES if one.name == "risk")
    charts.to_png(charts.risk(case.others["bars"][:1], case.frames["profile"]), tmp_path / "a.png", scale=1)
    with Image.open(GOLDEN / "risk.png") as a, Image.open(tmp_path / "a.png") as b:
        difference = np.abs(np.asarray(a.convert("RGB"), float) - np.asarray(b.convert("RGB"), float))
    assert difference.mean() >= MEAN or (difference.max(axis=-1) > 60).mean() >= SHARE
