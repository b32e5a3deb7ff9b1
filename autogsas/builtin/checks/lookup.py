"""Parameters of a result by group, phase and histogram."""

from __future__ import annotations

from autogsas.model.result import Parameter, ParameterGroup, Result

__all__ = ["of_histogram", "of_phase", "value_of"]


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
