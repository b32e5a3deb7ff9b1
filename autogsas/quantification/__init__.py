"""How much there is of each phase: mass fractions with esds from the scales of a refinement."""

from autogsas.quantification.quantify import quantify

__all__ = ["quantify"]
