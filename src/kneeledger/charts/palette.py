"""The colours, once: their names, their light and their dark values.

Figures are drawn in the light values, which are all different, so the SVG can put the variable of that name
in the place of each of them and a page can change to dark without drawing again. The hues follow Okabe and
Ito; what has to be told apart also differs in lightness, so that a grey print and every common form of colour
blindness keep the order. There is no red for alarm anywhere: more than usual is the same blue, only solid.
Text uses ink and muted only, both above 4.5 to 1 on paper in light and dark.
Instead of: two renderings of each figure, or `currentColor` and a filter.
"""

from typing import Final

__all__ = ["DARK", "DOWN", "HEAT", "LIGHT", "PART", "css", "variable"]

COLOURS: Final[dict[str, tuple[str, str]]] = {
    "ink": ("#1b1f24", "#e8eaed"),
    "muted": ("#57606a", "#a9b1ba"),
    "grid": ("#dfe3e8", "#2d333a"),
    "edge": ("#c3cad1", "#4a525b"),
    "paper": ("#ffffff", "#15181c"),
    "ground": ("#eceff2", "#23282e"),
    "run": ("#0b5d94", "#4a98d8"),
    "run-soft": ("#b3d1e6", "#24455f"),
    "walk": ("#35a285", "#63c8a9"),
    "ride": ("#efb73e", "#f6d98f"),
    "load": ("#8c4a80", "#d79bca"),
    "load-soft": ("#e6cfe1", "#4b3347"),
    "accent": ("#b8500c", "#f2a067"),
    "level": ("#d5dbe1", "#3a4149"),
    "up": ("#a9c4d8", "#3d586d"),
    "down-1": ("#fde3c8", "#4a3a2b"),
    "down-2": ("#f7bd86", "#7d552f"),
    "down-3": ("#e58a43", "#b3702f"),
    "down-4": ("#bb5a1c", "#e39a55"),
    "down-5": ("#7d3509", "#ffd2a3"),
    "heat-0": ("#f1f3f5", "#21262c"),
    "heat-1": ("#d6e6f3", "#1d3547"),
    "heat-2": ("#a3c8e4", "#27537b"),
    "heat-3": ("#629fce", "#3579b4"),
    "heat-4": ("#2a6fab", "#6aaee3"),
    "heat-5": ("#0a3b68", "#b5dcfb"),
    "pace": ("#7dbde8", "#2b6c98"),
    "cadence": ("#b9a3d0", "#7b65a0"),
}
"""Name -> (light, dark). The variable is ``--kl-`` and the name."""

LIGHT: Final = {name: light for name, (light, _) in COLOURS.items()}
DARK: Final = {name: dark for name, (_, dark) in COLOURS.items()}

DOWN: Final = ("down-1", "down-2", "down-3", "down-4", "down-5")
HEAT: Final = ("heat-1", "heat-2", "heat-3", "heat-4", "heat-5")
PART: Final = {
    "duration": "run",
    "pace": "pace",
    "cadence": "cadence",
    "downhill": "down-3",
    "uphill": "level",
    "walking": "walk",
    "cycling": "ride",
}


def variable(name: str) -> str:
    """The CSS expression of a colour's name."""
    return f"var(--kl-{name})"


def css() -> str:
    """CSS that gives every colour its value: light, dark by the system or by ``data-theme``, light in print."""
    light = "".join(f"--kl-{name}:{value};" for name, value in LIGHT.items())
    dark = "".join(f"--kl-{name}:{value};" for name, value in DARK.items())
    return (
        f":root{{{light}}}\n"
        f'@media (prefers-color-scheme: dark){{:root:not([data-theme="light"]){{{dark}}}}}\n'
        f':root[data-theme="dark"]{{{dark}}}\n'
        f'@media print{{:root,:root:not([data-theme="light"]),:root[data-theme="dark"]{{{light}}}}}\n'
        'svg.kl-chart{display:block;width:100%;height:auto;font-family:system-ui,-apple-system,"Segoe UI",'
        'Roboto,"Noto Sans","DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}\n'
    )
