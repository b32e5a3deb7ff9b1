"""Friedel mates: GSAS-II calculates one of each pair, while a powder pattern holds both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from autogsas.crystal.phases import PhaseState
from autogsas.crystal.scattering import Scatterers
from autogsas.crystal.symmetry import cell_to_metric, quadratic_form
from autogsas.model.project import Histogram, Project
from autogsas.model.result import Finding, Result, Severity
from autogsas.model.structure import Phase, equivalent_u

__all__ = ["friedel_difference", "friedel_findings"]

_SAID = 0.005
"""Share of the intensities from which the difference is worth a warning; not measured. Zincite with Cu radiation has
0.0076, and its oxygen ends 0.002 of the c axis from its place."""


def friedel_findings(project: Project, result: Result) -> Iterator[Finding]:
    """Warn of X-ray patterns of phases without a centre of symmetry whose Friedel mates differ.

    GSAS-II 5.7.9 (GSASIIstrMath.StructureFactor2) adds the real parts before squaring, for powders too.
    """
    for phase in result.phases:
        for histogram in project.histograms:
            if histogram.instrument.radiation != "xray" or phase.intensities == "Le Bail":
                continue
            share = friedel_difference(phase, histogram)
            if share >= _SAID:
                yield Finding(
                    "friedel",
                    Severity.WARNING,
                    f"{phase.name} has no centre of symmetry, and by anomalous scattering its Friedel mates differ by "
                    f"{share:.1%} of the intensities of {histogram.name}: GSAS-II calculates one of each pair, though "
                    "a powder pattern has the mean of both, so that positions come out displaced",
                    {"share": share},
                    {"phase": phase.name, "histogram": histogram.name},
                    advice="the numpy engine takes the mean: compare its positions",
                )
                break


def friedel_difference(phase: Phase, histogram: Histogram) -> float:
    """Return by how much |F|^2 of one Friedel mate differs from the mean of both, as a share of all intensities.

    With E the geometric part of each site and f = f0 + f' + if'', |F(h)|^2 - |F(-h)|^2 =
    4 (sum (f0+f') sin sum f'' cos - sum (f0+f') cos sum f'' sin) over all atoms.
    """
    state = PhaseState.of(phase)
    if state.symmetry.centric:
        return 0.0
    metric = cell_to_metric(phase.cell.values())
    wavelength = histogram.instrument.wavelengths[0]
    d_min = wavelength / (2.0 * np.sin(np.radians(min(histogram.limits[1], 179.0)) / 2.0))
    hkl = state.symmetry.reflections(metric, d_min)
    if not len(hkl):
        return 0.0
    s2 = (quadratic_form(hkl) @ metric) / 4.0
    scatterers = Scatterers.xray(tuple(site.element for site in phase.sites), wavelength)
    f0, _ = scatterers.factors(s2)
    turned = np.einsum("ki,nij->knj", hkl, state.symmetry.rotations)
    xyz = np.array([site.xyz for site in phase.sites])
    angle = 2.0 * np.pi * (turned @ xyz.T + (hkl @ state.symmetry.translations.T)[..., None])
    occupancy = np.array([site.occupancy / one.order for site, one in zip(phase.sites, state.sites, strict=True)])
    uiso = [equivalent_u(phase.cell, one.uaniso) if one.uaniso else one.uiso for one in phase.sites]
    damped = occupancy * np.exp(-8.0 * np.pi**2 * np.outer(s2, uiso))
    real, imaginary = (f0 + scatterers.anomalous.real) * damped, scatterers.anomalous.imag * damped
    even, odd = np.cos(angle).sum(axis=1), np.sin(angle).sum(axis=1)
    a, b, c, d = ((part * wave).sum(axis=1) for part in (real, imaginary) for wave in (even, odd))
    mean = a**2 + b**2 + c**2 + d**2
    multiplicity = state.symmetry.multiplicities(hkl)
    return float(np.sum(multiplicity * np.abs(2.0 * (b * c - a * d))) / np.sum(multiplicity * mean))
