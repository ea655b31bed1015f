"""Pictures of one activity and of a season: a frame in, a figure with a text alternative out.

A chart computes nothing beyond layout: every number it shows stands in the frame it was given, in SI, and what
is null there is left out of the picture and said in words. Figures are made without pyplot, which keeps state,
and matplotlib is imported when the first one is drawn, so that a command that draws nothing stays quick.
Instead of: a plotting class, or charts that read the ledger.
"""

from kneeledger.charts.cadence import cadence_pace, cadence_trend
from kneeledger.charts.chart import Bar, Chart
from kneeledger.charts.days import calendar, pain, ratios
from kneeledger.charts.distribution import cadence_histogram
from kneeledger.charts.habit import risk
from kneeledger.charts.output import to_png, to_svg
from kneeledger.charts.palette import css as palette_css
from kneeledger.charts.parts import decomposition
from kneeledger.charts.route import course, load, profile, track
from kneeledger.charts.season import descent_weeks, sessions, sparkline, weeks

__all__ = [
    "Bar",
    "Chart",
    "cadence_histogram",
    "cadence_pace",
    "cadence_trend",
    "calendar",
    "course",
    "decomposition",
    "descent_weeks",
    "load",
    "pain",
    "palette_css",
    "profile",
    "ratios",
    "risk",
    "sessions",
    "sparkline",
    "to_png",
    "to_svg",
    "track",
    "weeks",
]
