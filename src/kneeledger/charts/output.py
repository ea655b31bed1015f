"""Figure -> inline SVG for a page, or a PNG for a slide.

Inlined SVGs share one document, so ids are renamed with a prefix and those nobody refers to are dropped.
matplotlib also writes a style element that would reach the whole page, metadata with addresses, font lists
and lengths with six decimals: all that goes, and a chart becomes a third of its size. The light colours are
replaced by the variables of the palette; a colour that is not in the palette is an error, not a surprise in
dark mode. Same chart, same bytes.
Instead of: an img with a data address (no dark mode, no text to select), or svgo.
"""

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import BinaryIO

from kneeledger.charts.chart import Chart
from kneeledger.charts.palette import LIGHT, variable
from kneeledger.charts.sheet import drawn
from kneeledger.errors import ReportError, StoreError
from kneeledger.ledger.store import write_bytes

__all__ = ["to_png", "to_svg"]

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
BY_HEX = {light: name for name, light in LIGHT.items()}
REFERENCE = re.compile(r"url\(#([^)]+)\)")
DECIMALS = re.compile(r"-?\d+\.\d+")
HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
DROPPED = ("font-family", "stroke-miterlimit")
PAINT = ("fill", "stroke")
MARGIN = 12 / 72
"""Paper around a PNG [inches of 72 px]."""
GEOMETRY = ("d", "x", "y", "width", "height", "transform", "points")


@drawn
def to_svg(chart: Chart, *, prefix: str) -> str:
    """The chart as an ``<svg>`` element to put into a page.

    Parameters
    ----------
    prefix
        Goes before every id; unique within the page. Letters, digits, ``-`` and ``_``.

    Returns
    -------
    str
        Has a ``viewBox`` and no fixed size, ``role="img"``, a title and a description from the alternative
        text, and colours only as variables of `palette_css`. A chart along a route tells where its axes are:
        ``data-plot`` (left, top, right, bottom in units of the viewBox) and ``data-x`` (the values of the x axis
        at left and right, in metres, or seconds where ``data-x-unit`` is ``s``); where there are several panels
        below each other, ``data-panels`` has top and bottom of each.

    Raises
    ------
    ReportError
        The prefix cannot be part of an id.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", prefix):
        raise ReportError(f"{prefix!r} cannot begin an id.")
    raw = io.BytesIO()
    chart.figure.savefig(raw, format="svg", metadata={"Date": None})
    made = ET.fromstring(raw.getvalue())  # noqa: S314 - written a line above
    root = ET.Element("svg", _root(chart, prefix))
    title, _, rest = chart.alt.partition(". ")
    ET.SubElement(root, "title", {"id": f"{prefix}-t"}).text = title.rstrip(".") or chart.name
    ET.SubElement(root, "desc", {"id": f"{prefix}-d"}).text = rest or chart.alt
    names = {old: f"{prefix}-{index}" for index, old in enumerate(_referenced(made))}
    for child in made:
        _take(child, root, names)
    return ET.tostring(root, encoding="unicode", short_empty_elements=True)


def _root(chart: Chart, prefix: str) -> dict[str, str]:
    width, height = (72 * size for size in chart.figure.get_size_inches())
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": f"kl-chart kl-{chart.name}",
        "viewBox": f"0 0 {width:g} {height:g}",
        "role": "img",
        "aria-labelledby": f"{prefix}-t {prefix}-d",
        "style": "stroke-linejoin:round;stroke-linecap:butt",
    }
    along = [axes for axes in chart.figure.axes if str(axes.get_gid()).startswith("route:")]
    if along:
        box, limits = [axes.get_position() for axes in along], along[0].get_xlim()
        scale = float(str(along[0].get_gid()).partition(":")[2])
        left, right = box[0].x0 * width, box[0].x1 * width
        top, bottom = (1 - max(one.y1 for one in box)) * height, (1 - min(one.y0 for one in box)) * height
        attributes["data-plot"] = f"{left:.1f} {top:.1f} {right:.1f} {bottom:.1f}"
        if len(along) > 1:
            edges = [f"{(1 - one.y1) * height:.1f} {(1 - one.y0) * height:.1f}" for one in box]
            attributes["data-panels"] = " ".join(edges)
        attributes["data-x"] = f"{limits[0] * abs(scale):.1f} {limits[1] * abs(scale):.1f}"
        attributes["data-x-unit"] = "s" if scale < 0 else "m"
    return attributes


def _referenced(root: ET.Element) -> list[str]:
    """Ids that something points to, in order of appearance."""
    found: dict[str, None] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == HREF:
                found[value.removeprefix("#")] = None
            for match in REFERENCE.finditer(value):
                found[match[1]] = None
    return list(found)


def _take(element: ET.Element, parent: ET.Element, names: dict[str, str]) -> None:
    """A copy of an element below `parent`, without what a page does not need."""
    tag = element.tag.removeprefix(SVG)
    if tag in ("metadata", "style", "title"):
        return
    attributes = _attributes(element, names)
    if tag == "path" and _unseen(attributes):
        return
    if tag in ("g", "defs") and not len(element):
        return
    if tag == "g":
        _hoist(element, attributes, names)
    if tag == "g" and not attributes:
        for child in element:
            _take(child, parent, names)
        return
    copy = ET.SubElement(parent, tag, attributes)
    copy.text = element.text if tag == "text" else None
    for child in element:
        _take(child, copy, names)
    if tag in ("g", "defs") and not len(copy):
        parent.remove(copy)


def _hoist(group: ET.Element, attributes: dict[str, str], names: dict[str, str]) -> None:
    """Give a group the style that all its markers share, and take it from each of them."""
    styles = {child.get("style") for child in group}
    style = styles.pop() if len(styles) == 1 else None
    if style and len(group) > 1 and all(child.tag == f"{SVG}use" for child in group):
        attributes["style"] = _style(style, names)
        for child in group:
            del child.attrib["style"]


def _unseen(attributes: dict[str, str]) -> bool:
    """Whether a path is neither filled, nor stroked, nor used by another."""
    style = attributes.get("style", "")
    return "id" not in attributes and "fill:none" in style and "stroke:" not in style


def _attributes(element: ET.Element, names: dict[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in element.attrib.items():
        if name == "id":
            if value in names:
                kept["id"] = names[value]
        elif name == HREF:
            kept["href"] = f"#{names[value.removeprefix('#')]}"
        elif name == "style":
            kept["style"] = ";".join(filter(None, (kept.get("style", ""), _style(value, names))))
        elif name in PAINT:
            kept["style"] = ";".join(filter(None, (_style(f"{name}:{value}", names), kept.get("style", ""))))
        elif name in GEOMETRY:
            if not (name == "transform" and value.startswith("rotate(-0 ")):
                kept[name] = DECIMALS.sub(_shorter, " ".join(value.split()))
        else:
            kept[name] = REFERENCE.sub(lambda match: f"url(#{names[match[1]]})", value)
    return {name: value for name, value in kept.items() if value}


def _style(value: str, names: dict[str, str]) -> str:
    parts = []
    for part in value.split(";"):
        name, _, what = part.strip().partition(":")
        if name and name not in DROPPED:
            what = REFERENCE.sub(lambda match: f"url(#{names[match[1]]})", what.strip())
            parts.append(f"{name}:{HEX.sub(_named, what)}")
    return ";".join(parts)


def _named(match: re.Match[str]) -> str:
    name = BY_HEX.get(match[0].lower())
    if name is None:
        raise ReportError(f"The colour {match[0]} of a chart is not in the palette.")
    return variable(name)


def _shorter(match: re.Match[str]) -> str:
    text = f"{float(match[0]):.1f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@drawn
def to_png(chart: Chart, path: Path | str | BinaryIO, scale: float = 2) -> None:
    """Write the chart as a PNG in its light colours, with a margin, since no page gives it one.

    Parameters
    ----------
    path
        Where to (a file for its owner only, whole or not at all), or something open to write bytes to.
    scale
        Pixels a CSS pixel.

    Raises
    ------
    ReportError
        The file cannot be written.
    """
    from matplotlib.transforms import Bbox

    width, height = chart.figure.get_size_inches()
    raw = io.BytesIO()
    chart.figure.savefig(
        raw,
        format="png",
        dpi=72 * scale,
        facecolor=LIGHT["paper"],
        metadata={"Software": None},
        bbox_inches=Bbox([[-MARGIN, -MARGIN], [width + MARGIN, height + MARGIN]]),
    )
    try:
        if isinstance(path, Path | str):
            write_bytes(Path(path), raw.getvalue())
        else:
            path.write(raw.getvalue())
    except StoreError as error:
        raise ReportError(error.message) from error
    except OSError as error:
        raise ReportError(f"The picture cannot be written: {error.strerror}.") from error
