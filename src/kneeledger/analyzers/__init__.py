"""Track -> numbers. Each analyzer is one file and one line below; none knows another.

An analyzer has a frozen ``Params``, one pure function ``compute(track, params) -> Result``, and a card
for each metric; `explain`, the report's method page and the README table are made from the cards.
"""

from kneeledger.analyzers.cadence import CADENCE
from kneeledger.analyzers.card import Analyzer, Metric, Result
from kneeledger.analyzers.downhill import DOWNHILL
from kneeledger.analyzers.kneeload import KNEELOAD
from kneeledger.analyzers.pedalling import PEDALLING
from kneeledger.analyzers.summary import SUMMARY
from kneeledger.errors import AnalyzerError
from kneeledger.model import Entry, Track, Value
from kneeledger.tables import Tables

__all__ = ["ANALYZERS", "Analyzer", "Metric", "Result", "analyze", "cards"]

ANALYZERS: tuple[Analyzer, ...] = (SUMMARY, DOWNHILL, CADENCE, PEDALLING, KNEELOAD)


def analyze(track: Track) -> Entry:
    """What the ledger keeps of one activity: every analyzer's metrics, tables and sums.

    Raises
    ------
    AnalyzerError
        An analyzer gave other metrics than its cards declare: our bug.
    """
    metrics: dict[str, Value] = {}
    tables = Tables({"laps": track.laps})
    sums: dict[str, float] = {}
    issues = list(track.issues)
    for analyzer in ANALYZERS:
        result = analyzer.compute(track, analyzer.params)
        declared = {card.name for card in analyzer.metrics}
        if set(result.metrics) != declared:
            odd = sorted(declared ^ set(result.metrics))
            raise AnalyzerError(f"{analyzer.name} does not give what it declares: {', '.join(odd)}.")
        metrics |= result.metrics
        tables = Tables(tables, result.tables)
        sums |= result.sums
        issues += result.issues
    return Entry(track.about, metrics, tables, sums, tuple(issues))


def cards() -> dict[str, Metric]:
    """Every metric's card, by name."""
    return {card.name: card for analyzer in ANALYZERS for card in analyzer.metrics}
