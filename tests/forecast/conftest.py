"""A made-up runner on made-up hills: pace, slopes and step rate by known rules, at the level of 100 m stretches."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest

from kneeledger.forecast.backtest import Past
from kneeledger.forecast.expectation import CadenceLine
from kneeledger.forecast.ground import Ground, from_cells
from kneeledger.forecast.speed import Hundreds, population_offset
from kneeledger.knee import running
from kneeledger.model import DownhillModel, FloatArray

FIRST = date(2024, 1, 1)


@dataclass(frozen=True)
class Runner:
    """What is true of the made-up runner."""

    ln_flat: float = math.log(2.9)
    run_sd: float = 0.05
    stretch_sd: float = 0.06
    downhill: float = 0.6
    """How much of the population's gain downhill they take; the rest they brake."""
    uphill: float = 1.2
    """The same for what an incline takes off."""
    intercept: float = math.log(166.0)
    slope: float = 0.14
    grade_slope: float = 0.10
    cadence_sd: float = 0.012

    def offset(self, grade: FloatArray) -> FloatArray:
        usual = population_offset(grade)
        return np.where(grade < 0, self.downhill * usual, self.uphill * usual)


def hills(rng: np.random.Generator, length_m: float, steep: float) -> FloatArray:
    """Grades of 100 m stretches: slow waves of a typical steepness, back to where it began."""
    count = max(int(length_m / 100.0), 10)
    wave = np.convolve(rng.standard_normal(count + 12), np.hanning(9), "same")[6:-6]
    grade = steep * wave / wave.std()
    return np.clip(grade - grade.mean(), -0.24, 0.24)


def history(runner: Runner, seed: int, runs: int = 300) -> tuple[list[Past], Callable[[date], CadenceLine]]:
    """Runs of two years, their own courses and what was recorded; and the cadence line known on a day."""
    rng = np.random.default_rng(seed)
    pasts: list[Past] = []
    offsets: list[float] = []
    days: list[date] = []
    season = 0.0
    for number in range(runs):
        day = FIRST + timedelta(days=round(number * 730 / runs))
        season = 0.97 * season + 0.01 * rng.standard_normal()
        length = 1000.0 * (rng.uniform(5, 11) if number % 4 else rng.uniform(13, 24))
        grade = hills(rng, length, rng.choice([0.01, 0.03, 0.06]))
        size = grade.size
        ln_flat = (
            runner.ln_flat + season - 0.03 * math.log(length / 8000.0) + runner.run_sd * rng.standard_normal()
        )
        wobble = np.convolve(rng.standard_normal(size + 4), np.full(5, 1 / math.sqrt(5)), "same")[2:-2]
        speed = np.exp(ln_flat + runner.offset(grade) + runner.stretch_sd * wobble)
        away = runner.cadence_sd * rng.standard_normal()
        cadence = np.exp(
            runner.intercept + runner.slope * np.log(speed / 3.0) + runner.grade_slope * grade + away
        )
        seconds = 100.0 / speed
        load = running.loads(speed, cadence, grade, downhill=DownhillModel.ARTICLE).load_rate_bw * seconds
        metres = np.full(size, 100.0)
        nothing = np.zeros(size)
        ground = from_cells(np.full(20 * size, 5.0), np.repeat(grade, 20))
        pasts.append(
            Past(
                Hundreds(f"run-{number}", day, metres, seconds, nothing, nothing, grade),
                ground,
                float(seconds.sum()),
                100.0 * size,
                float(load.sum()),
                ground.descent_m,
            )
        )
        offsets.append(away)
        days.append(day)

    def known(on: date) -> CadenceLine:
        before = [away for away, day in zip(offsets, days, strict=True) if day < on]
        middle = float(np.median(before)) if before else 0.0
        sd = max(float(np.std(before)), 0.008) if before else 0.02
        return CadenceLine(
            runner.intercept + middle, runner.slope, runner.grade_slope, sd, 0.005, len(before)
        )

    return pasts, known


@pytest.fixture(scope="session")
def ground_of() -> Callable[..., Ground]:
    """Ground of stretches: ``ground_of((4000, 0.0), (3000, 0.05))``."""

    def made(*stretches: tuple[float, float]) -> Ground:
        length = np.concatenate([np.full(round(metres / 5.0), 5.0) for metres, _ in stretches])
        grade = np.concatenate([np.full(round(metres / 5.0), slope) for metres, slope in stretches])
        return from_cells(length, grade)

    return made


@pytest.fixture(scope="session")
def runner() -> type[Runner]:
    return Runner


@pytest.fixture(scope="session")
def past_of() -> Callable[..., tuple[list[Past], Callable[[date], CadenceLine]]]:
    """`history`, for tests."""
    return history
