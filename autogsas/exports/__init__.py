"""What a refinement is handed on as: a CIF with the powder items, and tables for LaTeX."""

from autogsas.exports.cif import cif_text
from autogsas.exports.latex import latex_text

__all__ = ["cif_text", "latex_text"]
