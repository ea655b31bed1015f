"""kneeledger: what each activity asked of your knees.

The front door. Names are loaded when they are first used, so that ``import kneeledger`` is quick:

``read(path)``
    Recordings of a FIT, GPX or TCX file, plain, compressed or in a zip.
``prepare(recording)``
    The track: equal units, grade, way of moving, knee load a record.
``analyze(track)``
    Metrics with intervals, bands, descents: what the ledger keeps.
``Ledger(folder)``
    The ledger of one or more athletes.
``write_report(paths, out)``
    The whole trip: scan, compare, draw.
``to_pandas(frame)``, ``from_pandas(frame)``
    The door for notebooks and statistics users.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kneeledger.analyzers import analyze
    from kneeledger.interop import from_pandas, to_pandas
    from kneeledger.ledger.store import Ledger
    from kneeledger.pipeline.front import open_cohort, write_report
    from kneeledger.preparation import prepare
    from kneeledger.readers import read

__version__ = "0.1.0"
__all__ = [
    "Ledger",
    "__version__",
    "analyze",
    "from_pandas",
    "open_cohort",
    "prepare",
    "read",
    "to_pandas",
    "write_report",
]

_DOORS = {
    "Ledger": "kneeledger.ledger.store",
    "analyze": "kneeledger.analyzers",
    "from_pandas": "kneeledger.interop",
    "open_cohort": "kneeledger.pipeline.front",
    "prepare": "kneeledger.preparation",
    "read": "kneeledger.readers",
    "to_pandas": "kneeledger.interop",
    "write_report": "kneeledger.pipeline.front",
}


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        found = getattr(import_module(_DOORS[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'kneeledger' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
