"""Days and weeks against what the athlete is used to: measures, daily series, outings, comparisons.

`measures` are functions on plain daily arrays, `days` decides what is known and what is one outing, `history` holds an
athlete's past and every session against it. Everything here is a pure function of the past: history can be
replayed, and "what would have been said that day" is the same code on shorter input. Ratios are descriptors with
their variant in the name; in the largest study of runners the ratio related negatively to injury
([Frandsen2025]_), so nothing is coloured by them.
Instead of: a dashboard of ratios.
"""

from kneeledger.workload.days import (
    ACTIVITIES,
    ALL,
    DAILY,
    GAP_DAYS,
    PAIN,
    Coverage,
    daily,
    is_strength,
    known_days,
    outings,
    workload,
)
from kneeledger.workload.history import (
    BACK_DAYS,
    BACK_SHARE,
    CadenceChange,
    Comparison,
    History,
    Series,
)
from kneeledger.workload.measures import (
    WINDOW_DAYS,
    FitnessFatigue,
    acwr_ewma,
    acwr_rolling,
    ewma,
    fitness_fatigue,
    longest_before,
    monotony,
    monotony_daily,
    percentile_of_weeks,
    ratio_interval,
    session_spike,
    strain,
    week_difference,
    week_to_week,
)

__all__ = [
    "ACTIVITIES",
    "ALL",
    "BACK_DAYS",
    "BACK_SHARE",
    "DAILY",
    "GAP_DAYS",
    "PAIN",
    "WINDOW_DAYS",
    "CadenceChange",
    "Comparison",
    "Coverage",
    "FitnessFatigue",
    "History",
    "Series",
    "acwr_ewma",
    "acwr_rolling",
    "daily",
    "ewma",
    "fitness_fatigue",
    "is_strength",
    "known_days",
    "longest_before",
    "monotony",
    "monotony_daily",
    "outings",
    "percentile_of_weeks",
    "ratio_interval",
    "session_spike",
    "strain",
    "week_difference",
    "week_to_week",
    "workload",
]
