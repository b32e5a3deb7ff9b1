"""The amounts of the phases, with what a project says about standards and particles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from autogsas.model.project import Histogram, Project
from autogsas.model.quantification import (
    MeasuredAmounts,
    Method,
    Microabsorption,
    PhaseAmount,
    Quantification,
    QuantificationSettings,
    Regime,
    Share,
)
from autogsas.model.structure import Phase
from autogsas.quantification.attenuation import density, linear_absorption
from autogsas.quantification.brindley import particle_factors, regime_of
from autogsas.quantification.standards import Absolute, crystalline_shares, with_external, with_internal

__all__ = ["quantify"]


def quantify(
    project: Project, phases: Sequence[Phase], measured: Sequence[MeasuredAmounts]
) -> tuple[Quantification, ...]:
    """Return the amounts of the refined ``phases`` for each histogram that tells something about them.

    That is several phases, or one phase and an external standard. Microabsorption is corrected where the project gives
    the radius of the particles of each phase, and no powder is coarser than Brindley's factors hold for.
    """
    known = {phase.name: phase for phase in phases}
    histograms = {histogram.name: histogram for histogram in project.histograms}
    found = (
        _of_histogram(project.quantification, histograms[one.histogram], known, one)
        for one in measured
        if one.histogram in histograms and all(name in known for name in one.phases)
    )
    return tuple(one for one in found if one is not None)


def _of_histogram(
    settings: QuantificationSettings, histogram: Histogram, known: Mapping[str, Phase], measured: MeasuredAmounts
) -> Quantification | None:
    external = settings.external_standard
    if external is not None and external.histogram not in (None, histogram.name):
        external = None
    if len(measured.phases) < 2 and external is None:
        return None
    amounts, covariance = np.array(measured.amounts), np.array(measured.covariance)
    particles = _particles(settings, histogram, known, measured)
    corrected = any(item.factor != 1.0 for item in particles)
    if corrected:
        amounts = amounts / np.array([item.factor for item in particles])
    shares: Sequence[Share] = measured.shares
    if corrected or not shares:
        shares = crystalline_shares(amounts, covariance)
    found = Quantification(
        histogram.name,
        tuple(
            PhaseAmount(name, share, microabsorption=particles[i] if particles else None)
            for i, (name, share) in enumerate(zip(measured.phases, shares, strict=True))
        ),
        corrected=corrected,
    )
    internal = settings.internal_standard
    if internal is not None and internal.phase in measured.phases:
        absolute = with_internal(amounts, covariance, measured.phases.index(internal.phase), internal)
        return replace(
            _with(found, absolute),
            method=Method.INTERNAL,
            standard=internal.phase,
            standard_share=Share(internal.weight_fraction, internal.weight_fraction_esd or None),
            standard_crystallinity=Share(internal.crystallinity, internal.crystallinity_esd or None),
        )
    if external is not None:
        return replace(
            _with(found, with_external(amounts, covariance, external)),
            method=Method.EXTERNAL,
            g=Share(external.g, external.g_esd or None),
            mass_attenuation=external.mass_attenuation,
        )
    return found


def _with(found: Quantification, absolute: Absolute) -> Quantification:
    phases = tuple(
        replace(amount, specimen=specimen, original=original)
        for amount, specimen, original in zip(found.phases, absolute.specimen, absolute.original, strict=True)
    )
    return replace(found, phases=phases, amorphous=absolute.amorphous, amorphous_specimen=absolute.amorphous_specimen)


def _particles(
    settings: QuantificationSettings, histogram: Histogram, known: Mapping[str, Phase], measured: MeasuredAmounts
) -> list[Microabsorption]:
    """Return the absorption in the particles of each phase; an empty list where nothing is said about them."""
    radii = settings.particle_radius
    phases = [known[name] for name in measured.phases]
    if histogram.instrument.radiation != "xray" or not all(phase.name in radii for phase in phases):
        return []
    try:
        absorption = [linear_absorption(phase, histogram.instrument) for phase in phases]
        densities = [density(phase) for phase in phases]
    except ValueError:
        return []
    sizes = [radii[phase.name] for phase in phases]
    through = [2e-4 * mu * radius for mu, radius in zip(absorption, sizes, strict=True)]
    regimes = [regime_of(value) for value in through]
    factors = np.ones(len(phases))
    if all(regime in (Regime.FINE, Regime.MEDIUM) for regime in regimes):
        factors = particle_factors(measured.amounts, densities, absorption, sizes)
    return [
        Microabsorption(mu, value, regime, float(factor))
        for mu, value, regime, factor in zip(absorption, through, regimes, factors, strict=True)
    ]
