"""The colours of all figures and pages, and the CSS that applies them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DARK", "LIGHT", "PHASES", "SERIES", "rules", "stylesheet"]

# Curves that touch (observed and calculated) differ also for colour-blind readers; text has a contrast of 4.5:1.
LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "ink": "#1c2128",
    "muted": "#59636e",
    "grid": "#e3e7eb",
    "axis": "#7d8792",
    "observed": "#25303c",
    "calculated": "#d5431a",
    "background": "#0a8a68",
    "difference": "#2467b5",
    "shade": "#6b7785",
    "failed": "#b3261e",
    "pruned": "#8a6d3b",
    "infeasible": "#a8480f",
    "complete": "#2467b5",
    "best": "#d5431a",
    "phase0": "#7a3e9d",
    "phase1": "#a66a00",
    "phase2": "#0b7285",
    "phase3": "#a61e4d",
    "phase4": "#364fc7",
    "phase5": "#4d7c0f",
    "hand": "#8d2f8f",
    "series0": "#d5431a",
    "series1": "#2467b5",
    "series2": "#0a8a68",
    "series3": "#7a3e9d",
    "series4": "#a66a00",
    "series5": "#a61e4d",
}
DARK: Mapping[str, str] = {
    "paper": "#14181d",
    "ink": "#e8ecf0",
    "muted": "#a0abb6",
    "grid": "#2a313a",
    "axis": "#77828e",
    "observed": "#cfd8e1",
    "calculated": "#ff7a4d",
    "background": "#35cfa4",
    "difference": "#6cb2ff",
    "shade": "#8b97a5",
    "failed": "#ff8a80",
    "pruned": "#d0b27a",
    "infeasible": "#ffa25f",
    "complete": "#6cb2ff",
    "best": "#ff7a4d",
    "phase0": "#cb9bea",
    "phase1": "#e8b04a",
    "phase2": "#4cc9dd",
    "phase3": "#f783ac",
    "phase4": "#91a7ff",
    "phase5": "#a9d65c",
    "hand": "#e39be6",
    "series0": "#ff7a4d",
    "series1": "#6cb2ff",
    "series2": "#35cfa4",
    "series3": "#cb9bea",
    "series4": "#e8b04a",
    "series5": "#f783ac",
}
PHASES = 6
"""Number of phase colours; more phases use them again."""
SERIES = 6
"""Number of colours for compared refinements; more refinements use them again."""

_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif'


def rules(colours: Mapping[str, str]) -> str:
    """Return the CSS of all figures; ``colours`` maps the names of `LIGHT` to CSS colours or ``var(...)``."""
    text = [
        f".figure text{{font-family:{_FONT};font-size:12px;fill:{colours['muted']}}}",
        f".figure .strong{{fill:{colours['ink']};font-weight:600;font-size:13px}}",
        f".figure .label{{fill:{colours['ink']}}}",
        f".figure .over{{paint-order:stroke;stroke:{colours['paper']};stroke-width:5px}}",
        f".figure .axis{{stroke:{colours['axis']};fill:none}}",
        f".figure .grid{{stroke:{colours['grid']};fill:none}}",
        f".figure .shade{{fill:{colours['shade']};opacity:.16}}",
        ".figure .line{fill:none;stroke-linejoin:round}",
        ".figure .spot{fill:none;stroke-linecap:round}",
        f".figure .bar{{fill:{colours['difference']}}}",
        ".figure .faint{opacity:.4}",
        f".figure .label-line{{stroke:{colours['ink']};fill:none}}",
        f".figure .hand{{stroke:{colours['hand']};stroke-dasharray:7 4}}",
        f".figure .hand-label{{fill:{colours['hand']}}}",
        f".figure .empty{{fill:{colours['paper']}}}",
        ".figure .rim{fill:none;stroke:#10151b;stroke-opacity:.55;stroke-width:.8}",
        ".figure .shine{fill:#fff;opacity:.45}",
    ]
    text += [
        f".figure .{name}{{stroke:{colours[name]}}}" for name in LIGHT if name not in ("paper", "ink", "shade", "hand")
    ]
    return "".join(text)


def stylesheet() -> str:
    """Return the CSS for a figure in a file of its own: dark on white, for print and for any page."""
    return rules(LIGHT)
