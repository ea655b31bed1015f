"""The model against published values, recomputed each time it is asked for.

The published side ships as data with its source; the other side is computed here by the same functions
that a track uses, so the table cannot drift from the model. Rows where the two disagree stand in it like
the others. Rows marked as fitted are no test: the model was made from them.
Instead of: a table in prose that was true once.
"""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from kneeledger.knee import cycling, running, walking
from kneeledger.knee.body import GRAVITY_MPS2
from kneeledger.model import DownhillModel

__all__ = ["computed", "table"]

ROUNDING: Final = 0.005
"""A model value this share beyond the published one still agrees: what rounding may do."""


NATURAL_CADENCE_EXPONENT: Final = 0.217
"""d ln(step rate) / d ln(speed) of a runner who is free to choose it: mean within 26 runners; [RBDS]_."""


def _natural_spm(speed: float) -> float:
    """Step rate of a runner who keeps the population's at 2.5 m/s and changes speed as people do."""
    return _usual(2.5) * float((speed / 2.5) ** NATURAL_CADENCE_EXPONENT)


def _peak(speed: float, cadence: float | None = None, grade: float | None = None) -> float:
    return float(running.peak_force_bw(speed, cadence, grade) or 0.0)


def _usual(speed: float) -> float:
    return float(running.reference_cadence_spm(speed) or 0.0)


def _per_km(speed: float, cadence: float | None = None) -> float:
    return float(running.load_rate_bw(speed, cadence) or 0.0) / speed


def _percent(new: float, old: float) -> float:
    return 100.0 * (new / old - 1.0)


def _change(ask: Callable[[float, float | None], float], speed: float, base: float) -> float:
    """From one speed to another at the step rates people choose [%]."""
    return _percent(ask(speed, _natural_spm(speed)), ask(base, _natural_spm(base)))


def _step_rate(ask: Callable[[float, float | None], float], factor: float, speed: float = 3.0) -> float:
    return _percent(ask(speed, factor * _usual(speed)), ask(speed, _usual(speed)))


def _decline(model: DownhillModel, grade: float = -0.07) -> float:
    sloped, level = (running.impulse_per_step_bw_s(3.0, None, i, downhill=model) for i in (grade, 0.0))
    return _percent(float(sloped or 0.0), float(level or 1.0))


COMPUTED: Final[Mapping[str, Callable[[], float]]] = MappingProxyType(
    {
        "hart_run": lambda: (_peak(3.0) + _peak(3.5)) / 2.0,
        "rbds_peak_25": lambda: _peak(2.5, 161.7),
        "rbds_peak_35": lambda: _peak(3.5, 171.4),
        "rbds_peak_45": lambda: _peak(4.5, 184.1),
        "pfjrf_peak": lambda: _peak(3.5),
        "pfjrf_impulse": lambda: float(running.impulse_per_step_bw_s(3.5) or 0.0),
        "doyle_peak_31": lambda: _change(_peak, 3.1, 2.5),
        "doyle_peak_42": lambda: _change(_peak, 4.2, 2.5),
        "doyle_km_31": lambda: _change(_per_km, 3.1, 2.5),
        "doyle_km_42": lambda: _change(_per_km, 4.2, 2.5),
        "petersen_km": lambda: _change(_per_km, 8.02 / 3.6, 15.78 / 3.6),
        "lenhart_peak": lambda: _step_rate(_peak, 1.10),
        "willson15_peak": lambda: _step_rate(_peak, 1 / 0.9),
        "willson15_km": lambda: _step_rate(_per_km, 1 / 0.9),
        "willson14_short_step": lambda: _step_rate(_peak, 1 / 0.9, 3.7),
        "willson14_long_step": lambda: _step_rate(_peak, 1 / 1.1, 3.7),
        "willson14_short_mile": lambda: _step_rate(_per_km, 1 / 0.9, 3.7),
        "willson14_long_mile": lambda: _step_rate(_per_km, 1 / 1.1, 3.7),
        "body_borne_cadence": lambda: _peak(3.0, 1.075 * _usual(3.0)) - _peak(3.0),
        "article_decline": lambda: _decline(DownhillModel.ARTICLE, -0.05),
        "telhan_article": lambda: _decline(DownhillModel.ARTICLE),
        "telhan_mechanics": lambda: _decline(DownhillModel.MECHANICS),
        "telhan_none": lambda: _decline(DownhillModel.NONE),
        "rotation_impulse": lambda: 1.0 + _decline(DownhillModel.ARTICLE, -0.10) / 100.0,
        "rotation_peak": lambda: _peak(3.0, None, -0.10) / _peak(3.0),
        "rotation_impulse_mechanics": lambda: 1.0 + _decline(DownhillModel.MECHANICS, -0.10) / 100.0,
        "kuster_ratio": lambda: _walk(-0.193) / _walk(0.0),
        "hart_walk": lambda: _walk(0.0),
        "ericson_peak": lambda: float(cycling.peak_force_bw(120.0, 60.0, 71.0) or 0.0) * 71.0 * GRAVITY_MPS2,
        "bini_cadence": lambda: _percent(_bike(90.0), _bike(70.0)),
    }
)
"""The model's side of each comparison, by its name in ``data/validation.toml``."""


def _walk(grade: float) -> float:
    return float(walking.peak_force_bw(1.3, None, grade) or 0.0)


def _bike(rpm: float) -> float:
    return float(cycling.peak_force_bw(200.0, rpm, 70.0) or 0.0)


@cache
def _published() -> tuple[Mapping[str, Any], ...]:
    text = resources.files("kneeledger.data").joinpath("validation.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["comparison"])


def computed() -> dict[str, float]:
    """The model's value of every comparison, by name."""
    return {name: ask() for name, ask in COMPUTED.items()}


def table() -> pl.DataFrame:
    """The model against published values.

    Returns
    -------
    polars.DataFrame
        ``condition``, ``published`` and ``model`` (text), ``unit``, ``agrees`` (the model lies within
        what was published), ``fitted`` (no test: the model was made from it), ``note``, ``source``,
        ``value`` (the model's number), ``low``, ``high`` (the published range).
    """
    rows = []
    for entry in _published():
        value = COMPUTED[entry["name"]]()
        slack = ROUNDING * max(abs(entry["low"]), abs(entry["high"]))
        rows.append(
            {
                "condition": entry["condition"],
                "published": entry["published"],
                "model": _written(value, entry["unit"]),
                "unit": entry["unit"],
                "agrees": entry["low"] - slack <= value <= entry["high"] + slack,
                "fitted": bool(entry.get("fitted", False)),
                "note": entry["note"],
                "source": entry["source"],
                "value": value,
                "low": entry["low"],
                "high": entry["high"],
            }
        )
    return pl.DataFrame(rows)


def _written(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:+.1f}"
    return f"{value:.0f}" if unit == "N" else f"{value:.2f}"
