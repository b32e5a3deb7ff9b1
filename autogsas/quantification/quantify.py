"""The amounts of the phases from a result of any engine."""

from __future__ import annotations

from autogsas.model.project import Project
from autogsas.model.quantification import PhaseAmount, Quantification, Share
from autogsas.model.result import Result

__all__ = ["quantify"]


def quantify(project: Project, result: Result) -> tuple[Quantification, ...]:
    """Return the amounts of the phases for each histogram that shows several.

    The engine gives the shares of the crystalline mass, W = S M/sum S M with the scale S per unit cell and the mass M
    of the cell (Hill & Howard, J. Appl. Cryst. 20, 467 (1987)), and their esds from its whole covariance matrix: the
    scales of a mixture are correlated.
    """
    out = []
    for histogram in project.histograms:
        own = {
            parameter.phase: parameter
            for parameter in result.parameters
            if parameter.group == "weight_fraction" and parameter.histogram == histogram.name
        }
        amounts = tuple(
            PhaseAmount(phase.name, Share(own[phase.name].value, own[phase.name].esd))
            for phase in result.phases
            if phase.name in own
        )
        if len(amounts) > 1:
            out.append(Quantification(histogram.name, amounts))
    return tuple(out)
