"""Under which downhill models an excess of knee load stands, and whether both sides of it know their slopes.

A run whose altitude is not believed is loaded as level. Held against runs with a barometer, it would make a
spike of a new watch: then only what stands without any gain of the downhill counts.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from kneeledger.model import DownhillModel, Way
from kneeledger.severity import KNEE_LOAD
from kneeledger.workload import History

__all__ = ["MODEL_COLUMN", "ONLY_ARTICLE", "held_by", "one_sided"]

ONLY_ARTICLE: Final = "It holds only if downhill loads the knee as the article says, so it is at most a note."

MODEL_COLUMN: Final = {
    DownhillModel.NONE: "knee_load_none_bw_s",
    DownhillModel.MECHANICS: "knee_load_mechanics_bw_s",
}
ON_FOOT: Final = (Way.RUN.value, Way.WALK.value)

Row = Mapping[str, object]


def held_by(history: History, stands: Callable[[str], bool]) -> tuple[DownhillModel, ...]:
    """The models under whose column of the linear load an excess `stands`; the chosen model's is the load itself."""
    known = MODEL_COLUMN | {DownhillModel(history.downhill_model): KNEE_LOAD.name}
    return tuple(model for model in DownhillModel if model in known and stands(known[model]))


def one_sided(rows: Iterable[Row]) -> bool:
    """Whether some of the runs and walks know their slopes and others were loaded as level for want of an altitude."""
    outdoors = [row for row in rows if row["way"] in ON_FOOT and not _indoors(row) and row[KNEE_LOAD.name]]
    return len({bool(row["grade_known"]) for row in outdoors}) > 1


def _indoors(row: Row) -> bool:
    return any(word in str(row["sub_sport"] or "") for word in ("treadmill", "indoor"))
