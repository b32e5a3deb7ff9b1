"""Parameters of a result by group, phase and histogram."""

from __future__ import annotations

from collections.abc import Iterator

from autogsas.model.project import Histogram, Project
from autogsas.model.result import Curves, Parameter, ParameterGroup, Result

__all__ = ["of_histogram", "of_phase", "value_of", "with_curves"]


def with_curves(project: Project, result: Result) -> Iterator[tuple[Histogram, Curves]]:
    """Give each histogram of a project with its curves; one without curves is left out."""
    curves = {item.histogram: item for item in result.curves}
    return ((histogram, curves[histogram.name]) for histogram in project.histograms if histogram.name in curves)


def of_histogram(result: Result, histogram: str, group: ParameterGroup) -> list[Parameter]:
    """Return a histogram's own parameters of a group, in their order."""
    return [p for p in result.parameters if p.group == group and p.histogram == histogram and p.phase is None]


def of_phase(result: Result, phase: str, histogram: str, group: ParameterGroup) -> list[Parameter]:
    """Return the parameters of a group that a phase has in a histogram, in their order."""
    return [p for p in result.parameters if p.group == group and p.histogram == histogram and p.phase == phase]


def value_of(result: Result, histogram: str, group: ParameterGroup) -> float:
    """Return the value of a histogram's first parameter of a group; 0 if there is none."""
    found = of_histogram(result, histogram, group)
    return found[0].value if found else 0.0
