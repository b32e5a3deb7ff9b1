"""Comparing finished refinements: figures, parameters with esds, and a verdict by fixed rules.

The command is in `autogsas.commands.compare`, its output in `autogsas.commands.comparison_terminal` and
`autogsas.comparepage`.
"""

from __future__ import annotations

from autogsas.comparison.build import Comparison, Pair, build_comparison
from autogsas.comparison.measuring import Common
from autogsas.comparison.overlays import Growth, Overlay, overlays
from autogsas.comparison.refinement import Figures, Fit, Refinement
from autogsas.comparison.rows import Cell, Gap, Row
from autogsas.comparison.verdict import Verdict
from autogsas.crystal.endpoints import Difference

__all__ = [
    "Cell",
    "Common",
    "Comparison",
    "Difference",
    "Figures",
    "Fit",
    "Gap",
    "Growth",
    "Overlay",
    "Pair",
    "Refinement",
    "Row",
    "Verdict",
    "build_comparison",
    "overlays",
]
