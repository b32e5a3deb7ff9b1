"""Atomic displacement parameters in GSAS-II's project: tensors for isotropic sites, one U_iso for several sites.

A site that shares its U is refined like any other; the phase's ``shared_uiso`` lists the sites it shares it with.
"""

from __future__ import annotations

from collections.abc import Iterable

from autogsas_gsas2.child.model import Model, ParameterKey, PhaseModel
from autogsas_gsas2.child.tree import write
from autogsas_gsas2.protocol import Change, GroupSelection

__all__ = ["isotropic_sites", "make_tensors", "set_shared_to_mean", "share_uiso", "stop_sharing", "uiso_key"]

_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def isotropic_sites(model: Model, selection: GroupSelection) -> list[tuple[PhaseModel, list[int]]]:
    """Return the isotropic sites that a selection means, with those at the same positions; none of Le Bail phases."""
    out = []
    for phase in model.phases:
        if selection.phase not in (None, phase.name) or model.without_structure(phase, None):
            continue
        adp = model.phase(phase)["General"]["AtomPtrs"][3]
        isotropic = [i for i, atom in enumerate(model.phase(phase)["Atoms"]) if atom[adp] == "I"]
        named = [
            i for i in isotropic if selection.site in (None, *(phase.labels[j] for j in phase.sites_at_position_of(i)))
        ]
        if named:
            out.append((phase, named))
    return out


def stop_sharing(model: Model, phase: PhaseModel, sites: Iterable[int]) -> None:
    """Fix the isotropic U of sites and remove the sites from those that share one."""
    removed = set(sites)
    phase.shared_uiso[:] = [left for shared in phase.shared_uiso if (left := shared - removed)]
    model.freed.difference_update(uiso_key(phase, site) for site in removed)


def share_uiso(
    model: Model, selection: GroupSelection, before: dict[str, set[int]], changes: list[Change]
) -> list[tuple[PhaseModel, list[int]]]:
    """Free one common U for the selected sites and those in ``before``, and return the selected sites.

    ``before`` are, by phase, the sites of the step's earlier selections; the selected ones are added to it.
    """
    found = isotropic_sites(model, selection)
    for phase, sites in found:
        shared = before.setdefault(phase.name, set())
        shared.update(sites)
        stop_sharing(model, phase, shared)
        phase.shared_uiso.append(set(shared))
        model.freed.update(uiso_key(phase, site) for site in shared)
    set_shared_to_mean(model, changes)
    return found


def set_shared_to_mean(model: Model, changes: list[Change]) -> None:
    """Set the U of sites that share one to the mean of their values."""
    for phase in model.phases:
        adp = model.phase(phase)["General"]["AtomPtrs"][3]
        atoms = model.phase(phase)["Atoms"]
        for shared in phase.shared_uiso:
            mean = sum(float(atoms[i][adp + 1]) for i in sorted(shared)) / len(shared)
            for i in sorted(shared):
                write(model.gpx.data, ("Phases", phase.key, "Atoms", i, adp + 1), mean, changes)


def make_tensors(model: Model, selection: GroupSelection, changes: list[Change]) -> None:
    """Replace the isotropic U of the selected sites by the equal tensor; the isotropic U is no longer refined.

    U_ij = U a*_i.a*_j/(|a*_i| |a*_j|) in the convention of CIF and GSAS-II (Grosse-Kunstleve & Adams, J. Appl. Cryst.
    35, 477 (2002)). GSAS-II's own window leaves U13 of a monoclinic cell at zero, which changes the pattern.
    """
    for phase, sites in isotropic_sites(model, selection):
        tree = model.phase(phase)
        _, _, symbol, adp = tree["General"]["AtomPtrs"]
        reciprocal = model.g2.lattice.cell2Gmat(tree["General"]["Cell"][1:7])[0]
        stop_sharing(model, phase, sites)
        for i in sites:
            atom, row = tree["Atoms"][i], ("Phases", phase.key, "Atoms", i)
            uiso = float(atom[adp + 1])
            full = [uiso * reciprocal[a][b] / (reciprocal[a][a] * reciprocal[b][b]) ** 0.5 for a, b in _PAIRS]
            write(model.gpx.data, (*row, adp), "A", changes)
            write(model.gpx.data, (*row, adp + 1), 0.0, changes)
            for k, value in enumerate(_symmetrised(model, atom[symbol], full)):
                write(model.gpx.data, (*row, adp + 2 + k), value, changes)


def _symmetrised(model: Model, symbol: str, tensor: list[float]) -> list[float]:
    """Return a tensor with components that symmetry makes equal exactly equal, as GSAS-II has them at such a site."""
    numbers, factors = model.g2.groups.GetCSuinel(symbol)[:2]
    first = {n: k for k, n in reversed(list(enumerate(numbers)))}
    return [float(tensor[first[n]] * factors[k] / factors[first[n]]) if n > 0 else 0.0 for k, n in enumerate(numbers)]


def uiso_key(phase: PhaseModel, site: int) -> ParameterKey:
    """Return the key of a site's isotropic U."""
    return ParameterKey("uiso", phase.name, site=phase.labels[site])
