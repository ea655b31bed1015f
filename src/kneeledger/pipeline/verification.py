"""A second opinion for a share of a scan: fitparse or gpxpy reads the same bytes, and what they say is kept.

The sample is drawn by the hash of the content, so the same export gives the same sample; every file that was
repaired is looked at as well. Results stand in ``verified.jsonl`` in the ledger, as provenance.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kneeledger import exports, plurals
from kneeledger.errors import ConfigError, ReadError
from kneeledger.ledger.store import Ledger, write_bytes
from kneeledger.model import Source
from kneeledger.pipeline.doctor import agreement
from kneeledger.readers import second_opinion

__all__ = ["sample", "share_of"]


def share_of(text: str) -> float:
    """A share like ``2%`` or ``0.02`` as a fraction.

    Raises
    ------
    ConfigError
        It is no share between 0 and 100 %.
    """
    try:
        value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise ConfigError(f"--verify {text}: no share like 2%.") from error
    if not 0 <= value <= 1:
        raise ConfigError(f"--verify {text}: a share lies between 0 and 100 %.")
    return value


def sample(paths: Sequence[Path], ledger: Ledger, *, athlete: str, share: str) -> list[str]:
    """Read a seeded share, and every repaired file, with the second decoder; one sentence a file that differs.

    The last sentence is the tally.
    """
    wanted = int(share_of(share) * 2**32)
    repaired = _repaired(ledger, athlete)
    told, lines, looked, alone = [], [], 0, 0
    for item in exports.sources(paths):
        if not isinstance(item, Source):
            continue
        if int(item.sha256[:8], 16) >= wanted and item.path not in repaired:
            continue
        found = _compare(item)
        told.append(found)
        if found["decoder"] is None:
            alone += 1
            continue
        looked += 1
        if found["agreement"] is not None and found["agreement"] < 1:
            lines.append(
                f"{item.path}: {100 * found['agreement']:.3f} % of cells agree with {found['decoder']}"
            )
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)
    write_bytes(ledger.folder / "verified.jsonl", text.encode())
    agree = plurals.count(looked - len(lines), "agrees", "agree")
    tally = f"{plurals.count(looked, 'file')} read with a second decoder, {agree} in every cell."
    if alone:
        tally += (
            f" For {alone} there is no second decoder, or it cannot read them; verified.jsonl says which."
        )
    return [*lines, tally]


def _repaired(ledger: Ledger, athlete: str) -> set[str]:
    rows = ledger.query("select path, read_issues from activities where athlete = ?", (athlete,))
    words = ("cut", "salvage", "damage", "crc", "resync", "gap")
    return {path for path, issues in rows if any(word in issues for word in words)}


def _compare(source: Source) -> dict[str, Any]:
    try:
        found = second_opinion.compare(source)
    except ReadError as error:
        return {"path": source.path, "decoder": None, "agreement": None, "reason": error.why}
    return {
        "path": source.path,
        "decoder": found["decoder"],
        "our_rows": found["our_rows"],
        "rows": found["rows"],
        "agreement": agreement(found["fields"]),
        "fields": found["fields"],
    }
