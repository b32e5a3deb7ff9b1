"""The inventory of a project that the host itself has read, such as that of a project.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autogsas.model.inventory import Entry, HistogramContent, Inventory, Kind, PhaseContent
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import GROUPS
from autogsas.model.structure import Phase
from autogsas.text.formatting import general, interval

__all__ = ["project_inventory"]

_RADIATION = {"xray": "X-ray", "neutron": "neutron"}
_NOT_CHOSEN = "not a choice of this search; list the group in search.groups.offer or search.groups.always"


def project_inventory(project: Project, source: Path) -> Inventory:
    """Return what a project holds. Its parameters have no flags of an author: the search decides on all of them."""
    entries = [entry for histogram in project.histograms for entry in _of_histogram(histogram)]
    entries += [entry for phase in project.phases for entry in _of_phase(phase, project)]
    entries += [Entry(Kind.OTHER, "recipe", recipe.name, reason="tried first") for recipe in project.recipes]
    return Inventory(
        source,
        "project file",
        tuple(_histogram(histogram) for histogram in project.histograms),
        tuple(_phase(phase, project) for phase in project.phases),
        tuple(entries),
    )


def _histogram(item: Histogram) -> HistogramContent:
    x, instrument = item.pattern.x, item.instrument
    steps = np.diff(x)
    return HistogramContent(
        item.name,
        f"{_RADIATION[instrument.radiation]}, constant wavelength",
        x.size,
        low=float(x[0]),
        high=float(x[-1]),
        steps=(float(steps.min()), float(steps.max())),
        limits=item.limits,
        excluded=item.excluded,
        constants=tuple(f"λ {general(value)} Å" for value in instrument.wavelengths),
        geometry=instrument.geometry or "",
    )


def _phase(item: Phase, project: Project) -> PhaseContent:
    return PhaseContent(
        item.name,
        item.space_group,
        item.cell.values(),
        len(item.sites),
        intensities=item.intensities,
        histograms=tuple(histogram.name for histogram in project.histograms),
    )


def _of_histogram(item: Histogram) -> Iterator[Entry]:
    name = item.name
    yield Entry(Kind.LIMITS, "limits", interval(item.limits), histogram=name)
    for region in item.excluded:
        yield Entry(Kind.EXCLUDED, "excluded region", interval(region), histogram=name)
    for peak in item.background_peaks:
        yield Entry(Kind.BACKGROUND_PEAK, "background peak", f"at {general(peak.position)}°", histogram=name)
    for group, info in GROUPS.items():
        absent = "transparency" if item.instrument.geometry == "Debye-Scherrer" else "absorption"
        if info.of == "histogram" and group != absent:
            yield Entry(Kind.FLAG, group, histogram=name, groups=(group,), reason=_NOT_CHOSEN)


def _of_phase(item: Phase, project: Project) -> Iterator[Entry]:
    extracted = item.intensities == "Le Bail"
    if extracted:
        yield Entry(Kind.INTENSITIES, "Le Bail intensities", phase=item.name)
    for one in item.occupancy_sums:
        text = f"{' + '.join(one.sites)} = {general(one.total)}"
        yield Entry(Kind.CONSTRAINT, "sum of occupancies", text, phase=item.name)
    for group, info in GROUPS.items():
        if info.of in ("phase", "site") and not (extracted and group != "cell"):
            yield Entry(Kind.FLAG, group, phase=item.name, groups=(group,), reason=_NOT_CHOSEN)
        elif info.of == "phase and histogram":
            for histogram in project.histograms:
                yield Entry(
                    Kind.FLAG, group, phase=item.name, histogram=histogram.name, groups=(group,), reason=_NOT_CHOSEN
                )
