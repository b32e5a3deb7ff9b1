"""How much there is of each phase: mass fractions with esds, standards, amorphous share, microabsorption."""

from autogsas.quantification.amounts import measure_amounts
from autogsas.quantification.findings import quantification_findings
from autogsas.quantification.quantify import quantify

__all__ = ["measure_amounts", "quantification_findings", "quantify"]
