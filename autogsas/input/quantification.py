"""Check what a project file says about the amounts of the phases against its phases and patterns."""

from __future__ import annotations

from collections.abc import Sequence

from autogsas.input.yamlfile import Document
from autogsas.model.project import Histogram
from autogsas.model.quantification import QuantificationSettings
from autogsas.model.structure import Phase

__all__ = ["check_quantification"]

_KEY = "quantification"


def check_quantification(
    settings: QuantificationSettings, histograms: Sequence[Histogram], phases: Sequence[Phase], document: Document
) -> None:
    """Raise UserError for an unknown phase or histogram, and for settings that cannot have an effect."""
    names = [phase.name for phase in phases]
    standard, external, radii = settings.internal_standard, settings.external_standard, settings.particle_radius
    if standard is not None:
        key = f"{_KEY}.internal_standard.phase"
        if standard.phase not in names:
            raise document.error("no such phase", key, found=standard.phase, allowed=names)
        if len(phases) < 2:
            raise document.error("a standard alone says nothing; the sample has to be a phase too", key)
    if external is not None:
        key, known = f"{_KEY}.external_standard.histogram", [histogram.name for histogram in histograms]
        if external.histogram is not None and external.histogram not in known:
            raise document.error("no such histogram", key, found=external.histogram, allowed=known)
        if external.histogram is None and len(known) > 1:
            raise document.error("is needed: G belongs to one of several histograms", key, allowed=known)
    if standard is not None or external is not None or radii:
        free = [phase.name for phase in phases if phase.intensities == "Le Bail"]
        if free:
            raise document.error("Le Bail intensities say nothing about the amount of a phase", _KEY, found=free[0])
    for name in radii:
        if name not in names:
            raise document.error("no such phase", f"{_KEY}.particle_radius.{name}", found=name, allowed=names)
    if radii:
        key = f"{_KEY}.particle_radius"
        missing = [name for name in names if name not in radii]
        if missing:
            raise document.error(f"needs the radius of each phase; missing: {', '.join(missing)}", key)
        if all(histogram.instrument.radiation != "xray" for histogram in histograms):
            raise document.error("the correction of microabsorption is for X-rays", key, found="neutron")
