"""Sizes and strains that the pattern cannot tell from none: what they add to the peak widths is too little."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autogsas.builtin.checks.limits import LIMITS
from autogsas.builtin.checks.lookup import of_phase, with_curves
from autogsas.hooks.specs import hookimpl
from autogsas.model.metrics import Metrics
from autogsas.model.project import Histogram, Project
from autogsas.model.result import Curves, Finding, Parameter, Reflections, Result, Severity
from autogsas.text.formatting import with_esd

__all__: list[str] = []

_SHARE = 0.03  # of the peak width: less is lost in what the instrument's own width is uncertain by; not measured


@hookimpl
def autogsas_check_result(project: Project, result: Result, metrics: Metrics) -> list[Finding]:
    """Note the refined sizes and strains of each phase that are not different from none."""
    findings: list[Finding] = []
    for histogram, curves in with_curves(project, result):
        for phase in result.phases:
            findings += _of_phase(histogram, curves, result, phase.name)
    return findings


def _of_phase(histogram: Histogram, curves: Curves, result: Result, phase: str) -> Iterator[Finding]:
    peaks = next((item for item in curves.reflections if item.phase == phase and item.two_theta.size), None)
    if peaks is None:
        return
    for parameter in of_phase(result, phase, histogram.name, "size"):
        if parameter.esd is not None and parameter.value > 0:
            yield from _size(parameter, peaks, histogram, phase)
    for parameter in of_phase(result, phase, histogram.name, "strain"):
        if parameter.esd is not None and parameter.value < LIMITS.distinct_esd * parameter.esd:
            shown = with_esd(parameter.value, parameter.esd)
            yield Finding(
                "not-distinct-from-bound",
                Severity.INFO,
                f"the strain {parameter.name}, {shown} x 1e-6, is not different from zero: fix it at zero",
                {"value": parameter.value, "esd": parameter.esd},
                {"phase": phase, "histogram": histogram.name},
            )


def _size(parameter: Parameter, peaks: Reflections, histogram: Histogram, phase: str) -> Iterator[Finding]:
    """Compare the broadening by a size with the peak width where it is the largest share of it.

    Width 1.8 lambda / (pi L cos(theta)) in centidegree for a size L in micrometre, as `autogsas.engine.broadening`.
    The esd of the broadening is as large relative to it as that of the size: a size of 3(2) micrometre is one that may
    be infinite. Where it makes much of the width, that does not mean that the crystallites are large.
    """
    good = (peaks.fwhm > 0) & (peaks.two_theta > 0) & (peaks.two_theta < 179.0)
    if not good.any():
        return
    cosine = np.cos(np.radians(peaks.two_theta[good] / 2.0))
    broadening = 0.018 * histogram.instrument.wavelengths[0] / (np.pi * parameter.value * cosine)
    share = broadening / peaks.fwhm[good]
    top = int(np.argmax(share))
    assert parameter.esd is not None
    infinite = parameter.value < LIMITS.distinct_esd * parameter.esd
    if not infinite and share[top] > _SHARE:
        return
    shown = with_esd(parameter.value, parameter.esd)
    much = f"{100 * share[top]:.1f} % of their width ({broadening[top]:.4f} of {peaks.fwhm[good][top]:.4f}°)"
    if share[top] > _SHARE:
        text = f"broadens the peaks by up to {much}, but is less than {LIMITS.distinct_esd:g} of its esds: "
        text += "the size is not determined"
    else:
        text = f"broadens the peaks by at most {much}: the pattern tells only that the crystallites are large, "
        text += "not how large"
    yield Finding(
        "size-beyond-instrument",
        Severity.INFO,
        f"the crystallite size {parameter.name}, {shown} µm, {text}",
        {"value": parameter.value, "esd": parameter.esd, "share": float(share[top])},
        {"phase": phase, "histogram": histogram.name},
    )
