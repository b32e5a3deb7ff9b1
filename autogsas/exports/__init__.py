"""Export a refinement: a CIF with the items of the powder dictionary, and tables for LaTeX."""

from autogsas.exports.cif import cif_text
from autogsas.exports.latex import latex_text

__all__ = ["cif_text", "latex_text"]
