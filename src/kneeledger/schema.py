"""Every frame that crosses a joint of the trip: its columns, types, units and bounds.

A quantity's unit is the end of its name, because the name survives `select`, Parquet, CSV, SQL and a
notebook, and metadata does not. A frame always has all columns of its schema; what is not known is
null, never 0 and never NaN. A cell outside its bounds becomes null and is counted; its row stays,
since a second with heart rate 255 still has a good position.
Instead of: a frame subclass, or units in metadata.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.ma
import numpy.typing as npt
import polars as pl

from kneeledger.errors import SchemaError

__all__ = [
    "BANDS",
    "DESCENTS",
    "EVENTS",
    "LAPS",
    "PAUSES",
    "RECORDS",
    "SESSIONS",
    "TRACK",
    "Column",
    "Schema",
    "conform",
    "empty",
    "framed",
    "is_float",
    "kinds",
]

TIME = pl.Datetime("us", "UTC")
LARGEST = 1e300
"""Beyond it a number stands for infinity."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: type, meaning, and the bounds outside which a cell is not believed."""

    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    low: float | None = None
    high: float | None = None


Schema = dict[str, Column]
Floats = npt.NDArray[np.float64]

RECORDS: Schema = {
    "time": Column(TIME, "when the record was written, UTC; in file order, non-decreasing or null"),
    "segment": Column(pl.Int32, "number of the uninterrupted stretch, from 0; no time or distance across"),
    "latitude_deg": Column(pl.Float64, "position, WGS 84", -90, 90),
    "longitude_deg": Column(pl.Float64, "position, WGS 84", -180, 180),
    "altitude_m": Column(pl.Float64, "altitude as recorded", -499, 9000),
    "distance_m": Column(pl.Float64, "distance covered since the start, as recorded", 0, 3e6),
    "speed_mps": Column(pl.Float64, "speed as recorded", 0, 60),
    "cadence_spm": Column(pl.Float64, "steps of both feet a minute, on foot", 0, 300),
    "cadence_rpm": Column(pl.Float64, "pedal turns a minute, on a bicycle", 0, 254),
    "heart_rate_bpm": Column(pl.Float64, "heart beats a minute", 20, 250),
    "power_w": Column(pl.Float64, "power as recorded", 0, 3000),
    "temperature_c": Column(pl.Float64, "air temperature at the device", -60, 80),
    "stance_time_s": Column(pl.Float64, "ground contact of one foot", 0.05, 1.5),
    "vertical_oscillation_mm": Column(pl.Float64, "rise and fall of the trunk in a step", 5, 400),
    "step_length_mm": Column(pl.Float64, "length of one step", 50, 4000),
    "vertical_ratio_pct": Column(pl.Float64, "vertical oscillation over step length", 0.5, 60),
    "stance_time_balance_pct": Column(pl.Float64, "left share of stance time", 20, 80),
    "incline": Column(pl.Float64, "grade set on a treadmill, where the machine wrote it", -0.4, 0.6),
}
"""What a file says, second by second, after mending. Measured columns only."""

TRACK: Schema = RECORDS | {
    "elapsed_s": Column(pl.Float64, "time since the first record"),
    "dt_s": Column(pl.Float64, "time this record stands for: since the one before, 0 across a pause"),
    "ds_m": Column(pl.Float64, "distance covered in dt_s, 0 across a pause"),
    "ground_speed_mps": Column(pl.Float64, "speed used by the models: recorded, else from distance"),
    "moving": Column(pl.Boolean, "at least 0.5 m/s"),
    "way": Column(pl.String, "way of moving: run, walk, ride or other"),
    "way_sure": Column(pl.Boolean, "false where run or walk could not be told apart with confidence"),
    "altitude_smooth_m": Column(
        pl.Float64, "altitude of the local straight-line fit; null where not believed"
    ),
    "grade": Column(pl.Float64, "rise over run of that fit, downhill negative", -0.35, 0.35),
    "grade_load": Column(
        pl.Float64, "the grade used for knee load, corrected for its own error", -0.35, 0.35
    ),
    "peak_force_bw": Column(pl.Float64, "peak patellofemoral force of a step or pedal stroke, point model"),
    "load_rate_bw": Column(pl.Float64, "mean patellofemoral force per leg, point model"),
    "load_rate_level_bw": Column(pl.Float64, "the same at level grade, all else equal"),
    "knee_load_bw_s": Column(pl.Float64, "load_rate_bw x dt_s: linear knee load of this record"),
    "peak_weighted_steps": Column(pl.Float64, "reference steps per leg of this record (EQS)"),
}
"""A recording in equal units with every derived column, made once in `preparation`."""

SESSIONS: Schema = {
    "start": Column(TIME, "start of the leg"),
    "elapsed_s": Column(pl.Float64, "wall-clock time from start to end"),
    "timer_s": Column(pl.Float64, "time with the timer running"),
    "distance_m": Column(pl.Float64, "distance the device reports"),
    "ascent_m": Column(pl.Float64, "ascent the device reports"),
    "descent_m": Column(pl.Float64, "descent the device reports"),
    "sport": Column(pl.String, "sport word, in the vocabulary of model.py"),
    "sub_sport": Column(pl.String, "sub-sport word as in the FIT profile, or null"),
    "total_cycles": Column(pl.Float64, "strides or pedal turns the device counted"),
}
LAPS: Schema = {
    "start": Column(TIME, "start of the lap"),
    "elapsed_s": Column(pl.Float64, "wall-clock time"),
    "timer_s": Column(pl.Float64, "time with the timer running"),
    "distance_m": Column(pl.Float64, "distance the device reports"),
    "ascent_m": Column(pl.Float64, "ascent the device reports"),
    "descent_m": Column(pl.Float64, "descent the device reports"),
    "trigger": Column(pl.String, "what closed the lap, or null"),
}
EVENTS: Schema = {
    "time": Column(TIME, "when"),
    "event": Column(pl.String, "event word as in the FIT profile (timer, lap, session ...)"),
    "event_type": Column(pl.String, "start, stop, stop_all, stop_disable_all, marker ..."),
}
PAUSES: Schema = {
    "start": Column(TIME, "last moment before the pause"),
    "end": Column(TIME, "first moment after it"),
    "how": Column(pl.String, "timer (button or auto-pause event), gap (no records) or segment (file's own)"),
}
BANDS: Schema = {
    "way": Column(pl.String, "run, walk, ride or other"),
    "from": Column(pl.Float64, "lower edge of the grade band, null = open"),
    "to": Column(pl.Float64, "upper edge, null = open; both null = grade unknown"),
    "time_s": Column(pl.Float64, "time in the band"),
    "distance_m": Column(pl.Float64, "distance in the band"),
    "descent_m": Column(pl.Float64, "descent in the band, by the grade's own altitude"),
    "steps": Column(pl.Float64, "steps of both feet; null where cadence is unknown or on a bicycle"),
    "knee_load_bw_s": Column(pl.Float64, "linear knee load in the band; null without a model"),
}
DESCENTS: Schema = {
    "number": Column(pl.Int32, "from 1, in order of time"),
    "way": Column(pl.String, "way of moving over most of it"),
    "start_elapsed_s": Column(pl.Float64, "where it begins, in elapsed_s"),
    "start_distance_m": Column(pl.Float64, "where it begins along the route"),
    "length_m": Column(pl.Float64, "distance covered"),
    "drop_m": Column(pl.Float64, "altitude lost"),
    "duration_s": Column(pl.Float64, "time taken, pauses left out"),
    "grade_mean": Column(pl.Float64, "drop over length, negative"),
    "grade_steepest": Column(pl.Float64, "steepest grade sustained over about 50 m, negative"),
    "steps": Column(pl.Float64, "steps of both feet"),
    "cadence_spm": Column(pl.Float64, "time-weighted mean cadence on it"),
    "cadence_level_spm": Column(
        pl.Float64, "the same on level ground in this activity, at like speed where known"
    ),
    "knee_load_bw_s": Column(pl.Float64, "linear knee load"),
    "excess_knee_load_bw_s": Column(pl.Float64, "of which above what level ground would have asked"),
}


def kinds(schema: Schema) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The type of each column."""
    return {name: column.dtype for name, column in schema.items()}


def empty(schema: Schema) -> pl.DataFrame:
    """A frame of no rows with the schema's columns."""
    return pl.DataFrame(schema=kinds(schema))


def conform(
    frame: pl.DataFrame, schema: Schema, arrays: dict[str, Floats] | None = None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The frame with exactly the schema's columns, in order, and what was refused.

    Missing columns come as null. NaN, infinity and cells outside their bounds become null; those that
    held a number are counted by column. Judged on numpy's view of each column, which costs a tenth of
    an expression on frames of this size; `arrays`, if given, is filled with those views, NaN for null,
    for who would ask for them next.

    Raises
    ------
    SchemaError
        A column is of a kind that cannot be cast to its declared type.
    """
    columns: list[pl.Series] = []
    given = dict(zip(frame.columns, zip(frame.get_columns(), frame.dtypes, strict=True), strict=True))
    unknown: dict[object, pl.Series] = {}
    nothing: Floats | None = None
    refused: dict[str, int] = {}
    for name, column in schema.items():
        if name not in given:
            if column.dtype not in unknown:
                unknown[column.dtype] = _unknown(column.dtype).new_from_index(0, frame.height)
            columns.append(unknown[column.dtype].alias(name))
            if arrays is not None and is_float(column.dtype):
                arrays[name] = _nothing(frame.height) if nothing is None else nothing
                nothing = arrays[name]
            continue
        series, kind = given[name]
        wanted_float = is_float(column.dtype)
        if not (is_float(kind) if wanted_float else kind == column.dtype):
            try:
                series = series.cast(column.dtype)
            except pl.exceptions.PolarsError as error:
                raise SchemaError(f"column {name} cannot be read as {column.dtype}: {error}") from error
        if wanted_float:
            series, lost, values = _bounded(series, column)
            if arrays is not None:
                arrays[name] = values
            if lost:
                refused[name] = lost
        columns.append(series)
    return framed(columns), refused


def is_float(kind: pl.DataType | type[pl.DataType]) -> bool:
    """Whether a type is Float64, as polars' own comparison says at ten times the cost."""
    return kind is pl.Float64 or type(kind) is pl.Float64


def framed(columns: list[pl.Series]) -> pl.DataFrame:
    """A frame of finished columns of one length; polars' own constructor looks at each of them again."""
    return columns[0].to_frame().hstack(columns[1:])


@cache
def _unknown(dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
    """One null of a type."""
    return pl.Series("", [None], dtype=dtype)


def _nothing(height: int) -> Floats:
    """NaN for every row, shared by all columns that are absent and so not to be written to."""
    values = np.full(height, np.nan)
    values.flags.writeable = False
    return values


def _bounded(series: pl.Series, column: Column) -> tuple[pl.Series, int, Floats]:
    """The series without NaN and cells outside the bounds, how many numbers that took, and the rest as numpy."""
    low = -LARGEST if column.low is None else column.low
    high = LARGEST if column.high is None else column.high
    values = series.to_numpy()
    inside = (values >= low) & (values <= high)
    kept = int(np.count_nonzero(inside))
    if kept + series.null_count() == len(values):
        return series, 0, values
    lost = len(values) - kept - int(np.count_nonzero(np.isnan(values)))
    if not kept:
        return (
            _unknown(pl.Float64).new_from_index(0, len(values)).alias(series.name),
            lost,
            _nothing(len(values)),
        )
    values = np.where(inside, values, np.nan)
    return pl.Series(series.name, values, nan_to_null=True), lost, values
