"""Figures of a run and of a comparison as SVG, without a plotting library; figures for print use matplotlib."""

from autogsas.figures.fit import fit_svg, fits_svg
from autogsas.figures.history import history_svg

__all__ = ["fit_svg", "fits_svg", "history_svg"]
