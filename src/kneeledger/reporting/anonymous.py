"""What an anonymous report may tell: no text that a file, a device or a settings file brought along.

A device is called after its owner, a developer field after its author, and a settings file lies in somebody's
home. None of that is searched for names, which would miss some: it is left out whole.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kneeledger.model import About, Issue

__all__ = ["about", "clear", "issue_text", "issues", "parameter"]

NOT_SHOWN = "(not shown)"
PRIVATE_SETTINGS = frozenset({"terrain_dir", "tz", "mass_kg"})
ORIGINS = frozenset({"default", "command line", "athletes.csv"})
WITHOUT_FILE_TEXT = {
    "archive_damaged": "The archive is damaged; what could be read of it was kept.",
    "developer_field_used": "A quantity is taken from a developer field.",
    "fitparse_stopped": "The second decoder gave up; what came before was kept.",
    "list_field": "Fields with several values a record: the first was taken.",
    "no_model": "There is no knee model for this, so no load is made up.",
    "xml_encoding": "Some bytes are not in the encoding that the file declares.",
    "xml_undeclared_prefix": "A name prefix is used but never declared; its values were read by their local names.",
}
"""Issues whose sentence quotes the file, and what is said instead."""
QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|“[^”]*”|\[[^\]]*\]""")
OURS = (
    *(
        "index.html",
        "method.html",
        "kneeledger-report.html",
        "physio.html",
        "report.pdf",
        "physio-*.pdf",
        "report.json",
    ),
    *(
        f"{name}.{end}"
        for name in ("activities", "daily", "weeks", "downhill", "quality")
        for end in ("csv", "parquet")
    ),
    *("activities/????-??-??_*.html", "activities/????-??-??_*.pdf"),
    *("pictures/????-??-??_*.png", "pictures/overview_*.png"),
    "manifest.json",
)
"""Files that a report may write; the manifest last, so that a clearing that was stopped begins again."""


def issue_text(code: str, text: str) -> str:
    """The sentence of an issue without words of the file."""
    return WITHOUT_FILE_TEXT.get(code) or QUOTED.sub(NOT_SHOWN, text)


def issues(told: Sequence[Issue]) -> tuple[Issue, ...]:
    """Issues without words of the file."""
    return tuple(replace(one, text=issue_text(one.code, one.text)) for one in told)


def about(told: About) -> About:
    """What is known of a recording, without what tells whose it is."""
    return replace(told, path=NOT_SHOWN, device=None, device_serial=None, facts={})


def parameter(key: str, value: object, where: str) -> tuple[object, str]:
    """A setting's value and origin as an anonymous report may tell them."""
    told = NOT_SHOWN if key in PRIVATE_SETTINGS and value not in (None, "") else value
    return told, where if where in ORIGINS else "settings file"


def clear(out: Path) -> None:
    """Remove the files of an earlier report, which may name its athlete, from a folder.

    Raises
    ------
    OSError
        One cannot be removed.
    """
    for pattern in OURS:
        for file in sorted(out.glob(pattern)):
            file.unlink()
