"""Isotropic and anisotropic displacement in GSAS-II's project: tensors of isotropic sites, one U_iso for several.

A site that shares its U is freed like any other; what it shares with lies in its phase's ``ties``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autogsas_gsas2.child.model import Model, PhaseModel
from autogsas_gsas2.child.tree import write
from autogsas_gsas2.protocol import Slot

__all__ = ["even_out", "make_tensors", "release", "share", "sites_of", "uiso_key"]

_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def sites_of(model: Model, slot: Slot) -> list[tuple[PhaseModel, list[int]]]:
    """Return the isotropic sites that a word means, by phase, with those at the same places; none of Le Bail phases."""
    out = []
    for phase in model.phases:
        if slot.phase not in (None, phase.name) or model.without_structure(phase, None):
            continue
        adp = model.phase(phase)["General"]["AtomPtrs"][3]
        isotropic = [i for i, atom in enumerate(model.phase(phase)["Atoms"]) if atom[adp] == "I"]
        named = [i for i in isotropic if slot.site in (None, *(phase.labels[j] for j in phase.together(i)))]
        if named:
            out.append((phase, named))
    return out


def release(model: Model, phase: PhaseModel, sites: Iterable[int]) -> None:
    """Take sites out of what they share their U with, and their U out of what is free."""
    gone = set(sites)
    phase.ties[:] = [left for tie in phase.ties if (left := tie - gone)]
    model.freed.difference_update(uiso_key(phase, site) for site in gone)


def share(
    model: Model, slot: Slot, before: dict[str, set[int]], changes: list[list[Any]]
) -> list[tuple[PhaseModel, list[int]]]:
    """Free one U for the sites that a word means; ``before`` are those of the step's words before it, by phase."""
    found = sites_of(model, slot)
    for phase, sites in found:
        together = before.setdefault(phase.name, set())
        together.update(sites)
        release(model, phase, together)
        phase.ties.append(set(together))
        model.freed.update(uiso_key(phase, site) for site in together)
    even_out(model, changes)
    return found


def even_out(model: Model, changes: list[list[Any]]) -> None:
    """Give sites that share their U the mean of it."""
    for phase in model.phases:
        adp = model.phase(phase)["General"]["AtomPtrs"][3]
        atoms = model.phase(phase)["Atoms"]
        for tie in phase.ties:
            mean = sum(float(atoms[i][adp + 1]) for i in sorted(tie)) / len(tie)
            for i in sorted(tie):
                write(model.gpx.data, ("Phases", phase.key, "Atoms", i, adp + 1), mean, changes)


def make_tensors(model: Model, slot: Slot, changes: list[list[Any]]) -> None:
    """Give the isotropic sites that a word means the tensors of their U; it is no longer free then.

    U_ij = U a*_i.a*_j/(|a*_i| |a*_j|) in CIF's convention, which is GSAS-II's (Grosse-Kunstleve & Adams, J. Appl.
    Cryst. 35, 477 (2002)); the multipliers of its window leave U13 of a monoclinic cell out.
    """
    for phase, sites in sites_of(model, slot):
        tree = model.phase(phase)
        _, _, symbol, adp = tree["General"]["AtomPtrs"]
        reciprocal = model.g2.lattice.cell2Gmat(tree["General"]["Cell"][1:7])[0]
        release(model, phase, sites)
        for i in sites:
            atom, row = tree["Atoms"][i], ("Phases", phase.key, "Atoms", i)
            uiso = float(atom[adp + 1])
            full = [uiso * reciprocal[a][b] / (reciprocal[a][a] * reciprocal[b][b]) ** 0.5 for a, b in _PAIRS]
            write(model.gpx.data, (*row, adp), "A", changes)
            write(model.gpx.data, (*row, adp + 1), 0.0, changes)
            for k, value in enumerate(_within(model, atom[symbol], full)):
                write(model.gpx.data, (*row, adp + 2 + k), value, changes)


def _within(model: Model, symbol: str, tensor: list[float]) -> list[float]:
    """Return a tensor exactly as GSAS-II has it at a site of this symmetry: rounding must not tell parts apart."""
    numbers, factors = model.g2.groups.GetCSuinel(symbol)[:2]
    first = {n: k for k, n in reversed(list(enumerate(numbers)))}
    return [float(tensor[first[n]] * factors[k] / factors[first[n]]) if n > 0 else 0.0 for k, n in enumerate(numbers)]


def uiso_key(phase: PhaseModel, site: int) -> tuple[Any, ...]:
    """Return what a site's isotropic U is kept by from step to step."""
    return ("uiso", phase.name, None, phase.labels[site])
