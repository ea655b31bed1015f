"""Our FIT decoder against the official SDK and against fitparse: every message, every field, every value.

A judge's value and ours must agree within one part in a million (all are integers over a scale, so this is
far below one step of resolution). What does not agree is listed in KNOWN with the reason; anything else fails.
Marked slow, the SDK judges the whole corpus; fitparse, which needs ten minutes of computing for that, judges
every file up to 150 kB and every sixth of the larger ones, and all of them with KNEELEDGER_FULL=1.
"""

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from fit_judges import FILES, judged_by_fitparse, judged_by_sdk

pytestmark = pytest.mark.corpus
SAMPLE = sorted(FILES, key=lambda path: path.stat().st_size)[5 : int(len(FILES) * 0.35) : 4]
FULL = os.environ.get("KNEELEDGER_FULL") == "1"


@pytest.mark.skipif(not FILES, reason="the shared corpus is not here")
@pytest.mark.parametrize("path", SAMPLE[::3], ids=lambda path: path.name)
def test_every_value_equals_the_sdk(path: Path) -> None:
    assert judged_by_sdk(path)[1] == Counter()


@pytest.mark.skipif(not FILES, reason="the shared corpus is not here")
@pytest.mark.parametrize("path", SAMPLE[1::4], ids=lambda path: path.name)
def test_every_value_equals_fitparse(path: Path) -> None:
    assert judged_by_fitparse(path)[1] == Counter()


def chosen(*, everything: bool) -> list[Path]:
    """Largest first; without `everything` all files up to 150 kB and every sixth of the others."""
    by_size = sorted(FILES, key=lambda path: (-path.stat().st_size, str(path)))
    if everything or FULL:
        return by_size
    large = [path for path in by_size if path.stat().st_size > 150_000]
    return large[3::6] + by_size[len(large) :]


@pytest.mark.slow
@pytest.mark.timeout(3600 if FULL else 600)
@pytest.mark.skipif(not FILES, reason="the shared corpus is not here")
@pytest.mark.parametrize("judge", [judged_by_sdk, judged_by_fitparse])
def test_every_value_equals_the_judge_over_the_corpus(
    judge: Callable[[Path], tuple[str, Counter[tuple[str, str]]]],
) -> None:
    context = multiprocessing.get_context("spawn")
    files = chosen(everything=judge is judged_by_sdk)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = {name: dict(counts) for name, counts in pool.map(judge, files, chunksize=2) if counts}
    assert found == {}
