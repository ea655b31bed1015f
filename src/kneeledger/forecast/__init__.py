"""Forecast: what a planned course would ask of the knees, before it is run.

`ground` makes cells of a course, `speed` learns what the athlete does on slopes, `pace` chooses how fast,
`expectation` adds up time and knee load with draws, `backtest` shows how good that has been on the
athlete's own past, and `against` holds it against the last 30 days. Plain data in, one `Forecast` out: this
package reads no file and no ledger.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from kneeledger.forecast.against import Against, Change, Part, against, changes, parts
from kneeledger.forecast.backtest import WINDOW, Backtest, Past, Trial, backtest, past, wilson
from kneeledger.forecast.expectation import (
    BANDS,
    CadenceLine,
    Drawn,
    Expected,
    Plan,
    Planned,
    Tilt,
    drawn,
    expected,
    planned,
    solved,
)
from kneeledger.forecast.ground import Downhill, Ground, along_m, from_cells, from_line, from_profile
from kneeledger.forecast.pace import Effort, FlatPace, chosen_pace, given_pace
from kneeledger.forecast.speed import Habit, Hundreds, hundreds, learn, population_offset
from kneeledger.knee.uncertainty import Draws, valued
from kneeledger.model import DownhillModel, Value
from kneeledger.severity import FLOORS, Profile
from kneeledger.workload import History

__all__ = [
    "BANDS",
    "WINDOW",
    "Against",
    "Backtest",
    "CadenceLine",
    "Change",
    "Downhill",
    "Drawn",
    "Effort",
    "Expected",
    "FlatPace",
    "Forecast",
    "Ground",
    "Habit",
    "Hundreds",
    "Part",
    "Past",
    "Plan",
    "Planned",
    "Tilt",
    "Trial",
    "against",
    "along_m",
    "backtest",
    "changes",
    "chosen_pace",
    "drawn",
    "expected",
    "forecast",
    "from_cells",
    "from_line",
    "from_profile",
    "given_pace",
    "hundreds",
    "learn",
    "parts",
    "past",
    "planned",
    "population_offset",
    "solved",
    "wilson",
]


@dataclass(frozen=True)
class Forecast:
    """What a course would ask of one athlete on a day."""

    on: date
    ground: Ground
    plan: Plan
    made: Expected
    draws: Drawn
    by_model: dict[str, float]
    """Linear knee load under each downhill model [BW*s]."""
    excess_by_model: dict[str, float]
    """Of which the running below -2 % adds [BW*s]."""
    compared: tuple[Against, ...]
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]
    record: Backtest
    stretch: float
    notes: tuple[str, ...]

    @property
    def seconds(self) -> Value:
        """Moving time [s]."""
        return valued(float(self.made.seconds.sum()), self.draws.planned.seconds)

    @property
    def load_bw_s(self) -> Value:
        """Linear knee load with the whole interval: the running and the knee model [BW*s]."""
        return valued(float(self.made.load_bw_s.sum()), self.draws.linear)

    @property
    def load_as_planned(self) -> Value:
        """The same with the interval of the running alone, which the back-test judges [BW*s]."""
        return valued(float(self.made.load_bw_s.sum()), self.draws.planned.linear)

    @property
    def steps(self) -> Value:
        """Peak-weighted knee load [reference steps]."""
        return valued(float(self.made.steps.sum()), self.draws.steps)

    @property
    def bands(self) -> pl.DataFrame:
        """By way and grade band: ``from``, ``to``, distance, time, descent, knee load."""
        ground, made = self.ground, self.made
        place = np.searchsorted(np.array(BANDS), ground.grade, side="right")
        edges = [None, *BANDS, None]
        rows = []
        for way, chosen in (("run", ~made.walked), ("walk", made.walked)):
            for band in range(len(BANDS) + 1):
                mine = chosen & (place == band)
                if not mine.any():
                    continue
                rows.append(
                    {
                        "way": way,
                        "from": edges[band] if ground.known else None,
                        "to": edges[band + 1] if ground.known else None,
                        "distance_m": float(ground.length_m[mine].sum()),
                        "time_s": float(made.seconds[mine].sum()),
                        "descent_m": float(ground.fall_m[mine].sum()) if ground.known else None,
                        "knee_load_bw_s": float(made.load_bw_s[mine].sum()),
                        "level_knee_load_bw_s": float((made.load_rate_level_bw * made.seconds)[mine].sum()),
                    }
                )
        return pl.DataFrame(rows, infer_schema_length=None)

    @property
    def downhills(self) -> pl.DataFrame:
        """The numbered descents: where, how long, how steep, and how many times level they ask."""
        ground, made = self.ground, self.made
        start = ground.start_m
        rows = []
        for one in ground.downhills:
            mine = (start + ground.length_m > one.start_m) & (start < one.start_m + one.length_m)
            load = float(made.load_bw_s[mine].sum())
            level = float((made.load_rate_level_bw * made.seconds)[mine].sum())
            rows.append(
                {
                    "number": one.number,
                    "start_m": one.start_m,
                    "length_m": one.length_m,
                    "drop_m": one.drop_m,
                    "grade": one.grade,
                    "time_s": float(made.seconds[mine].sum()),
                    "knee_load_bw_s": load,
                    "times_level": load / level if level > 0 else None,
                }
            )
        return pl.DataFrame(rows, schema=DOWNHILLS)

    @property
    def profile(self) -> pl.DataFrame:
        """The course for a chart, at most 800 rows."""
        ground, made = self.ground, self.made
        size = ground.length_m.size
        rows = np.unique(np.linspace(0, max(size - 1, 0), min(size, 800)).round().astype(np.int64))
        along, clock = np.cumsum(ground.length_m), np.cumsum(made.seconds)
        return pl.DataFrame(
            {
                "distance_m": along[rows],
                "elapsed_s": clock[rows],
                "altitude_smooth_m": pl.Series(ground.altitude_m[rows], nan_to_null=True),
                "grade": pl.Series(
                    ground.grade[rows] if ground.known else np.full(rows.size, np.nan), nan_to_null=True
                ),
                "ground_speed_mps": made.speed_mps[rows],
                "cadence_spm": made.cadence_spm[rows],
                "load_rate_bw": made.load_rate_bw[rows],
                "load_rate_level_bw": made.load_rate_level_bw[rows],
                "way": np.where(made.walked[rows], "walk", "run"),
            }
        )


DOWNHILLS = {
    "number": pl.Int64,
    "start_m": pl.Float64,
    "length_m": pl.Float64,
    "drop_m": pl.Float64,
    "grade": pl.Float64,
    "time_s": pl.Float64,
    "knee_load_bw_s": pl.Float64,
    "times_level": pl.Float64,
}


def forecast(
    ground: Ground,
    plan: Plan,
    *,
    athlete: str,
    on: date,
    history: History | None = None,
    profile: Profile | None = None,
    record: Backtest | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Forecast:
    """What a course would ask.

    Parameters
    ----------
    ground : Ground
        The course.
    plan : Plan
        How it would be run.
    athlete : str
        Whose draws of the knee model; the same name as in the ledger.
    on : date
        The planned day.
    history : History, optional
        What it is compared with; without it nothing is.
    profile : Profile, optional
        Moves the thresholds.
    record : Backtest, optional
        How good past forecasts were; stretches the interval where it was too narrow.
    draws, seed
        How many draws, and the seed of those of pace and curve.
    """
    plan = solved(ground, plan)
    made = expected(ground, plan)
    knee = Draws.of(athlete, draws)
    record = record or Backtest(())
    # a pace that the user set has no doubt of its own: the record of guessed paces does not speak of it
    stretch = record.stretch if plan.pace.sd > 0 else 1.0
    under = drawn(ground, plan, knee, seed=seed)
    shown = under.stretched(stretch)
    by_model, excess = {}, {}
    for model in DownhillModel:
        one = expected(ground, replace(plan, downhill=model))
        by_model[model.value] = float(one.load_bw_s.sum())
        excess[model.value] = one.excess_bw_s(ground.grade_load)
    compared: tuple[Against, ...] = ()
    if history is not None:
        compared = against(
            history,
            ground,
            by_model[plan.downhill.value],
            by_model[DownhillModel.NONE.value],
            shown,
            on=on,
            profile=profile,
        )
    return Forecast(
        on=on,
        ground=ground,
        plan=plan,
        made=made,
        draws=shown,
        by_model=by_model,
        excess_by_model=excess,
        compared=compared,
        parts=parts(ground, made, compared, profile=profile, floors=history.floors if history else FLOORS),
        changes=changes(ground, plan, made, under, knee, seed=seed),
        record=record,
        stretch=stretch,
        notes=_notes(ground, plan, record, stretch),
    )


def _notes(ground: Ground, plan: Plan, record: Backtest, stretch: float) -> tuple[str, ...]:
    """What a reader of the numbers should know, one sentence each."""
    notes = [plan.pace.how]
    if not ground.known:
        notes.append(
            "The course has no elevation: it is forecast as level, its descent is unknown, and the knee load is a"
            " lower reading."
        )
    elif ground.coarse:
        notes.append(
            "The course's altitude wavers like a GPS's: low confidence; the knee load is that of level ground, and"
            " its interval takes in a mean decline of 0 to 2.5 %."
        )
    elif ground.unsure_m > 0.1 * ground.distance_m:
        notes.append(
            f"On {ground.unsure_m / 1000:.1f} km the course's points lie more than 50 m apart: grade there is of low"
            " confidence."
        )
    own = plan.habit.curve.runs_near
    if not own.any():
        notes.append("Speed on slopes is the population's: no own run tells yours.")
    elif plan.habit.curve.weight.mean() < 0.5:
        notes.append("Speed on slopes is partly the population's: few own runs hold such grades.")
    if plan.cadence is None or not plan.cadence.personal:
        notes.append("Step rate is the population's: fewer than 8 runs tell yours.")
    if record.trials:
        share = wilson(record.inside, record.n)
        assert share is not None
        time, load = record.median_error("time"), record.median_error("load")
        notes.append(
            f"Back-test on your own last {f'{record.n} runs' if record.n != 1 else 'run'}, each forecast from what came"
            f" before it: the 90 % interval held the knee load of {record.inside} of {record.n}. From so few runs the true"
            f" share may lie anywhere from {100 * share[0]:.0f} to {100 * share[1]:.0f} % (95 % interval). The median"
            f" error was {100 * (load or 0.0):.1f} % of the load, {100 * (time or 0.0):.1f} % of the time."
        )
    else:
        notes.append("No back-test yet: it needs runs with good altitude that have 8 runs before them.")
    if stretch > 1.0:
        notes.append(f"That is too few, so the interval is stretched {stretch:.1f} times.")
    return tuple(notes)
