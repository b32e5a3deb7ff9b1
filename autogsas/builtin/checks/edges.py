"""Peaks at the end of a pattern whose reflection lies beyond it, where an engine that leaves such out has nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.reasons import Reason
from autogsas.builtin.checks.residual_peaks import ResidualPeak
from autogsas.crystal.phases import PhaseState
from autogsas.crystal.symmetry import cell_to_metric, quadratic_form
from autogsas.model.result import Reflections
from autogsas.model.structure import Phase

__all__ = ["edge_reasons"]

Array = npt.NDArray[np.float64]

_REACH = 4.0  # widths from the end of the pattern within which a peak may belong to a reflection beyond; not measured
_CLEAR = 6.0  # widths below such a reflection up to which its tail is in the pattern; not measured
_LISTED = 1e-5  # relative: a spacing that the engine's list has


def edge_reasons(
    peaks: Sequence[ResidualPeak],
    phases: Sequence[Phase],
    reflections: Sequence[Reflections],
    end: float,
    wavelength: float,
) -> Iterator[Reason]:
    """Yield the reflections just above ``end`` (degrees 2theta) that a list lacks and a peak there shows.

    GSAS-II calculates no reflection beyond the upper limit, whose tails the pattern has all the same.
    """
    near = [i for i, peak in enumerate(peaks) if peak.two_theta > end - _REACH * peak.fwhm]
    if not near:
        return
    width = max(peaks[i].fwhm for i in near)
    listed = {item.phase: item.d for item in reflections}
    for phase in phases:
        beyond = _missing(phase, listed.get(phase.name, np.zeros(0)), (end, end + _REACH * width), wavelength)
        if beyond:
            yield Reason(
                f"a reflection of {phase.name} at {min(beyond):.2f}°, beyond the end of the pattern, which the engine "
                f"leaves out: set the upper limit to {min(beyond) - _CLEAR * width:.1f}°",
                tuple(near),
            )
            return


def _missing(phase: Phase, listed: Array, span: tuple[float, float], wavelength: float) -> list[float]:
    """Return 2theta of the reflections of a phase in a span that are not among the spacings ``listed``."""
    try:
        symmetry = PhaseState.of(phase).symmetry
    except ValueError:
        return []
    low, high = (wavelength / (2.0 * np.sin(np.radians(min(angle, 180.0) / 2.0))) for angle in span)
    metric = cell_to_metric(phase.cell.values())
    hkl = symmetry.reflections(metric, high)
    if not len(hkl):
        return []
    d = 1.0 / np.sqrt(quadratic_form(hkl) @ metric)
    d = d[(d >= high) & (d < low)]
    new = [value for value in d if not np.any(np.abs(listed - value) < _LISTED * value)]
    return [float(2.0 * np.degrees(np.arcsin(wavelength / (2.0 * value)))) for value in new]
