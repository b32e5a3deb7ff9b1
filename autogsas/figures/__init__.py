"""Pictures of a run: small SVG files that need no library, and stand in the report before it can be zoomed."""

from autogsas.figures.fit import fit_svg, fits_svg
from autogsas.figures.history import history_svg

__all__ = ["fit_svg", "fits_svg", "history_svg"]
