"""The frame every page stands in: templates, one stylesheet, one script, and who may do what.

A page is one file. Its style and script are inline, its figures are inline SVG, and a policy in its head
forbids every request, so it works from a disk, from a stick and as a mail attachment and cannot tell anybody
that it was opened. The script may run because the policy names its hash; nothing that comes out of a recording
can become script, since every text is escaped and data for the script sits in a JSON block with ``<`` escaped.
All templates autoescape; only what this package drew itself (SVG, style, script, that JSON) is marked as done.
Instead of: a site generator, a chart library in the browser, or links to fonts.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kneeledger.model import Evidence
from kneeledger.reporting import words

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["EVIDENCE", "code_key", "data_block", "render"]

EVIDENCE: Mapping[str, str] = {
    Evidence.MEASURED: "as the device recorded it, or a sum of that",
    Evidence.ESTIMATED: "worked out from what was recorded, by a method with a known error",
    Evidence.MODELLED: "from the knee model; the interval says how sure",
    Evidence.CONTESTED: "the sources disagree; the alternatives stand beside it",
    Evidence.RULE: "a choice of this project, not a finding of a study",
}
"""What each evidence word means, in the words of the page."""

PERCENT = re.compile(r"(<(script|style)\b.*?</\2>)|(?<=\d) %", re.DOTALL)
"""A number and its sign stay on one line, except in what is no text."""
LONGEST = 120
"""Letters of a text from outside that a page shows; the rest is in the tooltip, up to ten times as many."""


@cache
def template(name: str) -> str:
    return _templates().joinpath(name).read_text(encoding="utf-8")


def _templates() -> Traversable:
    return resources.files("kneeledger.reporting") / "templates"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["outside"] = outside
    made.filters["day"] = words.day
    made.globals["EVIDENCE"] = {str(word): meaning for word, meaning in EVIDENCE.items()}
    return made


@cache
def _style() -> Markup:
    from kneeledger import charts

    return Markup(charts.palette_css() + template("style.css"))  # noqa: S704 - our own file


@cache
def _script() -> tuple[Markup, str]:
    """The script and its hash for the policy."""
    text = template("script.js")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"sha256-{digest}"  # noqa: S704 - our own file


def render(name: str, **shown: Any) -> str:
    """A page from a template and what it shows."""
    script, digest = _script()
    page = _environment().get_template(name).render(style=_style(), script=script, digest=digest, **shown)
    return PERCENT.sub(lambda found: found[1] or "\N{NO-BREAK SPACE}%", page)


def outside(text: object) -> Markup:
    """A text that came from a file, isolated in its direction and cut to a length."""
    whole = "".join(c for c in str(text) if c >= " " or c in "\n\t")
    if len(whole) <= LONGEST:
        return Markup("<bdi>{}</bdi>").format(whole)
    return Markup('<bdi title="{}">{}…</bdi>').format(whole[: 10 * LONGEST], whole[:LONGEST])


def data_block(value: Any) -> Markup:
    """JSON that can stand in a script element whatever it holds."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for letter, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(letter, code)
    return Markup(text)  # noqa: S704 - escaped above


@cache
def code_key() -> str:
    """Hash of everything that turns content into a page: code, templates, charts, and the libraries that draw."""
    digest = hashlib.sha256()
    for room in ("kneeledger.reporting", "kneeledger.charts"):
        for name, content in sorted(_files(resources.files(room), room)):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    for library in ("matplotlib", "jinja2"):
        digest.update(f"{library} {metadata.version(library)}\0".encode())
    return digest.hexdigest()[:16]


def _files(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found = []
    for one in folder.iterdir():
        if one.is_dir() and not one.name.startswith("__"):
            found += _files(one, f"{name}/{one.name}")
        elif one.name.endswith((".py", ".html", ".css", ".js", ".mplstyle")):
            found.append((f"{name}/{one.name}", one.read_bytes()))
    return found
