"""Aligning two refinements: matching histograms, phases and sites, and renaming those of the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import gemmi
import numpy as np
from scipy.optimize import linear_sum_assignment

from autogsas.comparison.measuring import same_data
from autogsas.comparison.refinement import Fit, Refinement
from autogsas.crystal.endpoints import EndPoint, PhaseEnd, superposed
from autogsas.model.result import Parameter

__all__ = ["Alignment", "align"]


@dataclass(frozen=True)
class Alignment:
    """A refinement aligned with a reference.

    ``other`` uses the reference's names of histograms, phases and sites; a phase without a counterpart keeps its own.
    ``pairs`` are fits of the same data. ``obstacles`` say why fits cannot be compared, ``changes`` why structures
    cannot.
    """

    other: Refinement
    pairs: tuple[tuple[Fit, Fit], ...]
    obstacles: tuple[str, ...]
    changes: tuple[str, ...]


def align(reference: Refinement, other: Refinement) -> Alignment:
    """Align ``other`` with ``reference``: histograms by their data, phases by name or content, sites by position."""
    pairs, obstacles = _match_fits(reference, other)
    phases = _match_phases(reference.end.phases, other.end.phases)
    changes = [
        _alone(phase.name, reference.label, other.label)
        for i, phase in enumerate(reference.end.phases)
        if i not in phases
    ]
    ends: list[PhaseEnd] = []
    names: dict[str, str] = {}
    labels: dict[tuple[str, str], str] = {}
    for i, phase in enumerate(reference.end.phases):
        if i not in phases:
            continue
        found = other.end.phases[phases[i]]
        names[found.name] = phase.name
        laid, renamed, reasons = _align_phase(phase, found)
        ends.append(laid)
        changes += reasons
        labels.update({(found.name, old): new for old, new in renamed.items()})
    for j, phase in enumerate(other.end.phases):
        if j not in phases.values():
            changes.append(_alone(phase.name, other.label, reference.label))
            ends.append(phase)
    histograms = {second.name: first.name for first, second in pairs}
    matched = {id(second): _renamed(second, first.name, names) for first, second in pairs}
    return Alignment(
        other=replace(
            other,
            fits=tuple(matched.get(id(fit)) or _renamed(fit, fit.name, names) for fit in other.fits),
            parameters=_renamed_parameters(other.parameters, histograms, names, labels),
            end=EndPoint(other.end.rwp, tuple(ends)),
        ),
        pairs=tuple((first, matched[id(second)]) for first, second in pairs),
        obstacles=tuple(obstacles),
        changes=tuple(changes),
    )


def _renamed(fit: Fit, histogram: str, phases: Mapping[str, str]) -> Fit:
    return replace(
        fit,
        profile=replace(fit.profile, histogram=histogram),
        r_bragg=tuple((phases.get(phase, phase), value) for phase, value in fit.r_bragg),
        marks=tuple(replace(mark, histogram=histogram, phase=phases.get(mark.phase, mark.phase)) for mark in fit.marks),
    )


def _alone(phase: str, having: str, lacking: str) -> str:
    return f"{having} has the phase {phase}, {lacking} does not"


def _match_fits(one: Refinement, two: Refinement) -> tuple[tuple[tuple[Fit, Fit], ...], list[str]]:
    pairs = []
    left = list(two.fits)
    # Fits of the same name first, so that a pattern that is there twice keeps its order.
    for fit in one.fits:
        for other in sorted(left, key=lambda item: item.name != fit.name):
            if same_data(fit.profile, other.profile):
                pairs.append((fit, other))
                left.remove(other)
                break
    obstacles = []
    if not one.fits or not two.fits:
        obstacles += [f"{item.label} has no fit" for item in (one, two) if not item.fits]
    elif not pairs:
        obstacles.append(f"{one.label} and {two.label} are not refinements of the same measurement")
    elif len(pairs) < max(len(one.fits), len(two.fits)):
        lone = [
            f"only {item.label} has {fit.name}"
            for side, item in enumerate((one, two))
            for fit in item.fits
            if all(fit is not pair[side] for pair in pairs)
        ]
        obstacles.append("some patterns are in one refinement only: " + ", ".join(lone))
    return tuple(pairs), obstacles


def _match_phases(one: Sequence[PhaseEnd], two: Sequence[PhaseEnd]) -> dict[int, int]:
    """Return the index in ``two`` of each phase of ``one``; chosen by elements, name, group and cell."""
    if not one or not two:
        return {}
    never = 1e6
    price = np.full((len(one), len(two)), never)
    for i, first in enumerate(one):
        for j, second in enumerate(two):
            named = 0.0 if first.name.casefold() == second.name.casefold() else 0.5
            group = 0.0 if _number(first) == _number(second) else 0.5
            if not _elements(first) & _elements(second) and first.labels and second.labels:
                continue
            volumes = [gemmi.UnitCell(*phase.cell).volume for phase in (first, second)]
            apart = abs(np.log(volumes[0] / volumes[1])) if min(volumes) > 0 else 1.0
            foreign = len(_elements(first) ^ _elements(second))
            price[i, j] = apart + foreign + named + group
    rows, columns = linear_sum_assignment(price)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if price[i, j] < 2.5}


def _elements(phase: PhaseEnd) -> set[str]:
    return set(_bare(phase))


def _bare(phase: PhaseEnd) -> tuple[str, ...]:
    # One program uses ions as scatterers, another atoms; the sites are the same.
    return tuple(element.rstrip("0123456789+-") for element in phase.elements)


def _number(phase: PhaseEnd) -> int:
    found = gemmi.find_spacegroup_by_name(phase.space_group)
    return 0 if found is None else int(found.number)


def _align_phase(one: PhaseEnd, two: PhaseEnd) -> tuple[PhaseEnd, dict[str, str], list[str]]:
    """Return ``two`` in the setting and with the labels of ``one``, its new labels by the old, and obstacles."""
    kept = replace(two, name=one.name)
    if _number(one) != _number(two):
        return kept, {}, [f"{one.name}: the space group is {one.space_group} in one, {two.space_group} in the other"]
    transformed = _in_setting_of(one, two)
    if transformed is None:
        return (
            kept,
            {},
            [f"{one.name}: {two.space_group} could not be transformed to the setting {one.space_group}"],
        )
    bare = [replace(phase, elements=_bare(phase)) for phase in (one, transformed)]
    if sorted(bare[0].elements) != sorted(bare[1].elements):
        only = [label for label in (*one.labels, *two.labels) if (label in one.labels) != (label in two.labels)]
        names = f": {', '.join(only)}" if only else ""
        return kept, {}, [f"{one.name}: the atoms are not the same{names}"]
    laid, order = superposed(bare[0], bare[1])
    return replace(laid, name=one.name), {two.labels[j]: one.labels[i] for i, j in enumerate(order)}, []


def _in_setting_of(one: PhaseEnd, two: PhaseEnd) -> PhaseEnd | None:
    """Return a phase of the same space group in the other's setting, with its esds transformed; None if impossible."""
    here, there = (gemmi.find_spacegroup_by_name(phase.space_group) for phase in (one, two))
    if here is None or there is None or here.xhm() == there.xhm():
        return two
    change = here.basisop * there.basisop.inverse()  # each transforms coordinates from the reference setting to its own
    try:
        cell = gemmi.UnitCell(*two.cell).changed_basis_forward(change, False)
    except (RuntimeError, ValueError):
        return None
    turn = np.array(change.rot, dtype=np.float64) / change.DEN
    shift = np.array(change.tran, dtype=np.float64) / change.DEN
    values = np.array(cell.parameters)
    same = np.isclose(values[:, None], two.cell[None, :], rtol=1e-6)
    esds = np.where(same.any(axis=1), two.cell_esd[np.argmax(same, axis=1)], np.nan)
    xyz_esd = np.sqrt(np.nan_to_num(two.xyz_esd) ** 2 @ (turn**2).T)
    return replace(
        two,
        space_group=one.space_group,
        cell=values,
        cell_esd=esds,
        xyz=two.xyz @ turn.T + shift,
        xyz_esd=np.where(xyz_esd > 0, xyz_esd, np.nan),
    )


def _renamed_parameters(
    parameters: Sequence[Parameter],
    histograms: Mapping[str, str],
    phases: Mapping[str, str],
    labels: Mapping[tuple[str, str], str],
) -> tuple[Parameter, ...]:
    out = []
    for item in parameters:
        site = None if item.site is None else labels.get((item.phase or "", item.site), item.site)
        names = {
            old: new
            for old, new in (
                (item.phase, phases.get(item.phase or "")),
                (item.histogram, histograms.get(item.histogram or "")),
                (item.site, site),
            )
            if old and new
        }
        parts = _split(item.name, [part for part in (item.phase, item.histogram, item.site) if part])
        out.append(
            replace(
                item,
                name=":".join(names.get(part, part) for part in parts),
                phase=names.get(item.phase or "", item.phase),
                histogram=names.get(item.histogram or "", item.histogram),
                site=site,
            )
        )
    return tuple(out)


def _split(name: str, owners: Sequence[str]) -> list[str]:
    """Return the parts of a parameter's name; names of owners may contain colons."""
    parts: list[str] = []
    rest = name
    for owner in owners:
        if rest.startswith(f"{owner}:"):
            parts.append(owner)
            rest = rest[len(owner) + 1 :]
    return [*parts, rest]
