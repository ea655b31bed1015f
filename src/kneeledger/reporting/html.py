"""Pages from content: the overview, the method, one page an activity, all in one file, and the physio page.

Rendering computes nothing that a reader could quote; it chooses units, words and order. A page's bytes depend on
its content and this code alone, so a page is drawn again only when either changed: the pipeline keeps the keys of
activity pages in ``manifest.json``, and the overview carries its own key in its head.
Instead of: a server, or a page that fetches data (no page may ask for anything).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from kneeledger import plain_files
from kneeledger.reporting import html_activity, html_method, html_overview, html_physio, writing
from kneeledger.reporting.content import ActivityPage, Report
from kneeledger.reporting.html_figures import Pen
from kneeledger.reporting.html_page import code_key, render

__all__ = [
    "MANIFEST",
    "code_key",
    "is_anonymous",
    "page_name",
    "read_manifest",
    "write_activity",
    "write_manifest",
    "write_overview",
    "write_physio",
    "write_single",
]

MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 64_000_000
KEY = re.compile(r'<meta name="kneeledger-key" content="([0-9a-f]+)">')


def page_name(name: str, day: date, sport: str) -> str:
    """File name of an activity's page: local date, sport, the beginning of its id; the same every time."""
    return f"{day.isoformat()}_{_slug(sport) or 'activity'}_{_slug(name)[:8]}.html"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:30].strip("-")


def write_activity(page: ActivityPage, out: Path, *, png: bool = False, alone: bool = False) -> Path:
    """Write the page of one activity; its path.

    Parameters
    ----------
    png
        The charts as PNG as well.
    alone
        There is no report around it: the page goes into `out` itself and leads nowhere.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    folder = out if alone else out / "activities"
    path = folder / page_name(page.id, page.day, page.about.sport)
    pen = Pen("", (folder if alone else out / "pictures") if png else None, f"{path.stem}_")
    return writing.text(path, render("activity.html", **html_activity.shown(page, pen, alone=alone)))


def write_overview(report: Report, out: Path, *, png: bool = False) -> Path:
    """Write ``index.html`` and ``method.html``; the path of the first.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    first, key = out / "index.html", _key(report, png)
    if _key_of(first) == key and (out / "method.html").exists():
        return first
    method = html_method.shown(report, html_overview.LIMITS)
    writing.text(out / "method.html", render("method.html", **method))
    pen = Pen("", out / "pictures" if png else None, "overview_")
    return writing.text(first, render("overview.html", key=key, **html_overview.shown(report, pen)))


def write_single(report: Report, pages: Sequence[ActivityPage], out: Path) -> Path:
    """Write the overview and some activities as one file for an e-mail; its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    prefixes = {page.id: f"a{index}-" for index, page in enumerate(pages, 1)}
    inside = {name: f"#{prefix}top" for name, prefix in prefixes.items()}
    text = render(
        "single.html",
        **html_overview.shown(report, Pen("o-"), inside=inside),
        acts=[html_activity.shown(page, Pen(prefixes[page.id]), alone=True) for page in pages],
    )
    return writing.text(out / "kneeledger-report.html", text)


def write_physio(report: Report, sheet: Mapping[str, Any], out: Path) -> Path:
    """Write the page for a physiotherapist; its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    shown = html_physio.shown(report, sheet, Pen("p-"))
    return writing.text(out / "physio.html", render("physio.html", **shown))


def read_manifest(out: Path) -> dict[str, str]:
    """Page path -> key of the report in a folder; empty where there is none that can be read."""
    try:
        held = json.loads(plain_files.read(out / MANIFEST, MOST_MANIFEST_BYTES))
        return {str(path): str(key) for path, key in held["pages"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def is_anonymous(out: Path) -> bool:
    """Whether all that lies in a folder is known to come from anonymous runs."""
    try:
        held = json.loads(plain_files.read(out / MANIFEST, MOST_MANIFEST_BYTES))
        return held["anonymous"] is True
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def write_manifest(out: Path, report: Report, keys: Mapping[str, str], *, anonymous: bool = False) -> Path:
    """Write what the report was made from and the key of each page; its path.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    files = report.files
    held = {
        "schema_version": 1,
        "as_of": report.as_of.isoformat(),
        "as_of_how": report.as_of_how,
        "newest": report.newest.isoformat() if report.newest else None,
        "units": report.units,
        "redacted": report.redacted,
        "anonymous": anonymous,
        "versions": dict(sorted(report.versions.items())),
        "code": code_key(),
        "parameters": {
            key: {"value": value, "from": where} for key, value, where, _ in report.method.parameters
        },
        "files": {
            "read": files.read,
            "skipped": files.skipped,
            "failed": files.failed,
            "duplicates": files.duplicates,
        },
        "activities": report.activities.height,
        "pages": dict(sorted(keys.items())),
    }
    text = json.dumps(held, ensure_ascii=False, indent=1, default=str)
    return writing.text(out / MANIFEST, text + "\n")


def _key(report: Report, png: bool) -> str:
    digest = hashlib.sha256(f"{code_key()} {png}".encode())
    _feed(digest, report)
    return digest.hexdigest()[:16]


def _feed(digest: Any, value: Any) -> None:
    """Add content to a hash, records and frames by their values."""
    if isinstance(value, pl.DataFrame):
        digest.update(f"{value.schema}".encode())
        digest.update(value.write_ndjson().encode())
    elif is_dataclass(value):
        for one in fields(value):
            digest.update(f"{one.name}:".encode())
            _feed(digest, getattr(value, one.name))
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            digest.update(f"{key}=".encode())
            _feed(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"[{len(value)}".encode())
        for item in value:
            _feed(digest, item)
    else:
        digest.update(f"{value!r};".encode())


def _key_of(path: Path) -> str | None:
    try:
        with open(path, encoding="utf-8", opener=plain_files.opener) as stream:
            found = KEY.search(stream.read(4096))
    except (OSError, ValueError):
        return None
    return found[1] if found else None
