"""One step of a recipe in GSAS-II: all flags, limits and backgrounds are written, then GSAS-II refines.

GSAS-II's flags accumulate from step to step, and its dictionaries of refinements ignore unknown keys. So the model
knows what is free, and every flag is written at each step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autogsas_gsas2.child import background, lebail
from autogsas_gsas2.child.atomic_displacements import (
    isotropic_sites,
    make_tensors,
    set_shared_to_mean,
    share_uiso,
    stop_sharing,
    uiso_key,
)
from autogsas_gsas2.child.broadening import coefficients_of
from autogsas_gsas2.child.equivalences import update_equivalences
from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.full_range import full_rwp
from autogsas_gsas2.child.model import HistogramModel, Model, ParameterKey, set_limits_of_variable, unfreeze
from autogsas_gsas2.child.parameters import COEFFICIENT_UNIT, ParameterGroup, parameter_groups, selected
from autogsas_gsas2.child.refinement import Outcome, calculate, refine_once
from autogsas_gsas2.child.starting_values import apply_starting_values
from autogsas_gsas2.child.tree import Path, get, write
from autogsas_gsas2.child.variable_names import host_names
from autogsas_gsas2.protocol import (
    BackgroundData,
    Change,
    GroupSelection,
    LeastSquares,
    RefinementRecord,
    StepData,
    StepReport,
    VariableLimits,
)

__all__ = ["DEFAULT_TOLERANCE", "run", "set_limits"]

CONVERGED = 0.05
"""The largest shift/esd of a converged refinement; checkCIF (SHFSU01) gives an alert above it."""

_BATCH, _MOST_CYCLES = 20, 60
"""Cycles of one call of GSAS-II, and of one step; chosen so that slow refinements end, not tuned."""

DEFAULT_TOLERANCE = 1e-3
"""GSAS-II's own default for the relative change of chi^2 that ends a refinement, used where a recipe gives cycles."""

_TOLERANCE, _FINE_TOLERANCE = 1e-5, 1e-6
"""The same for the first and for later calls of a step that goes to convergence: at the default the shifts are still
above `CONVERGED`."""

_UNCHANGED = 1e-5
"""Relative change of chi^2 below which a further call of GSAS-II has not improved the fit."""

_EXTRACTION_UNCHANGED = 1e-4
"""The same for Le Bail intensities, which change slowly where peaks overlap."""

_ISOTROPIC = ("uiso", "uiso_shared")

_GAUSSIAN_SIZE_NOTE = (
    "GSAS-II's derivative of an isotropic Gaussian size lacks a factor of 1/size²: a size with a mix below 1 may "
    "hardly move, and its esd is wrong; uniaxial size is correct"
)


@dataclass
class _StepLog:
    """What writing a step into the project collects: changes for the script, messages for the user."""

    changes: list[Change] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


def run(model: Model, step: StepData) -> StepReport:
    """Apply a step and refine. Raises Failure if the refinement fails or nothing is free."""
    log = _StepLog()
    equivalences = model.equivalences
    _apply(model, step, log)
    points = sum(_count_points(model, item, step.limits[item.name]) for item in model.histograms)
    refinements: list[LeastSquares] = []
    extracting = bool(model.le_bail())
    record = RefinementRecord(
        title=step.title,
        changes=log.changes,
        refinements=refinements,
        extracted=lebail.extract(model),
        extractions_between=lebail.BETWEEN if extracting else 0,
        equivalences=[list(group) for group in model.equivalences] if model.equivalences != equivalences else None,
    )
    outcome, cycles, converged = _refine(model, step.cycles, refinements, extracting)
    if outcome.stuck:
        # GSAS-II leaves the curve of its last attempt, which belongs to parameters that it has not kept.
        calculate(model)
        refinements.append(LeastSquares(0, DEFAULT_TOLERANCE))
    model.record.append(record)
    if points <= len(outcome.names):
        raise Failure("too-few-points", f"{points} points for {len(outcome.names)} variables; use wider limits")
    model.dropped, model.recalculated = set(outcome.dropped), False
    if outcome.message:
        log.messages.append(outcome.message[:300])
    report = _report(model, outcome, cycles, converged, log.messages)
    model.reports.append(report)
    return report


def _report(model: Model, outcome: Outcome, cycles: int, converged: bool, messages: list[str]) -> StepReport:
    names = host_names(model)
    return StepReport(
        converged=converged,
        cycles=cycles,
        n_variables=len(outcome.names) - len(outcome.dropped),
        rwp=outcome.rwp,
        shift_esd=outcome.shift_esd,
        dropped=[names.get(name, name) for name in outcome.dropped],
        at_bound=[names.get(name, name) for name in outcome.frozen],
        message="; ".join(messages),
        full_rwp=full_rwp(model),
    )


def _refine(
    model: Model, cycles: int | None, refinements: list[LeastSquares], extracting: bool = False
) -> tuple[Outcome, int, bool]:
    """Refine with at most ``cycles``, or to convergence if None; return the outcome, the cycles, and if it converged.

    Le Bail intensities are not variables of the least squares: they change between the cycles, and must not change any
    more at convergence.
    """
    if cycles is not None:
        refinements.append(LeastSquares(cycles, DEFAULT_TOLERANCE))
        outcome = refine_once(model, cycles, DEFAULT_TOLERANCE)
        return outcome, outcome.cycles, _small_shifts(outcome)
    done, tolerance, before = 0, _TOLERANCE, np.inf
    while True:
        refinements.append(LeastSquares(_BATCH, tolerance))
        outcome = refine_once(model, _BATCH, tolerance)
        # The extractions between refinements take the time of a few cycles.
        done += max(outcome.cycles, 3 if extracting else 1)
        # If nothing lowers chi^2 any more, it is at a minimum within the noise of GSAS-II's calculation.
        unchanged = abs(outcome.first_chi2 - outcome.chi2) <= _UNCHANGED * outcome.chi2
        intensities_change = extracting and not abs(before - outcome.chi2) <= _EXTRACTION_UNCHANGED * outcome.chi2
        at_minimum = _small_shifts(outcome) or (unchanged and (outcome.converged or outcome.stuck))
        if at_minimum and not intensities_change:
            return outcome, done, True
        if done >= _MOST_CYCLES:
            return outcome, done, False
        tolerance, before = _FINE_TOLERANCE, outcome.chi2
        if extracting:
            lebail.extract_intensities(model, lebail.BETWEEN)


def _small_shifts(outcome: Outcome) -> bool:
    """Return whether the last shifts show convergence; shifts that are small because of damping do not."""
    return outcome.shift_esd < CONVERGED and not outcome.stuck and not outcome.damped


def _apply(model: Model, step: StepData, log: _StepLog) -> None:
    """Write a step into the project: starting values, limits, backgrounds, values, flags and constraints."""
    unfreeze(model)
    apply_starting_values(model, step, log.messages, log.changes)
    for item in model.histograms:
        limits = list(step.limits[item.name])
        if _count_points(model, item, limits) < 1:
            raise Failure("too-few-points", f"{item.name} has no point between {limits[0]:g} and {limits[1]:g}")
        set_limits(model, item, limits, step.backgrounds.get(item.name), log.changes)
    groups = parameter_groups(model)
    for selection in step.sets:
        _set(model, groups, selection, log)
    set_shared_to_mean(model, log.changes)
    groups = _free_and_fix(model, step, groups, log)
    for group in groups:
        if group.key.group in ("size_mix", "strain_mix") and group.key in model.freed:
            for entry in group.entries:
                set_limits_of_variable(model, entry.variable, VariableLimits(0.0, 1.0))
    if _refines_gaussian_size(model):
        log.messages.append(_GAUSSIAN_SIZE_NOTE)
        if _GAUSSIAN_SIZE_NOTE not in model.notes:
            model.notes.append(_GAUSSIAN_SIZE_NOTE)
    if not model.freed:
        raise Failure("nothing-free", f"no parameter is free after step {step.title!r}; free at least one group")
    update_equivalences(model)
    _write_flags(model, groups, log.changes)


def _free_and_fix(model: Model, step: StepData, groups: list[ParameterGroup], log: _StepLog) -> list[ParameterGroup]:
    """Free and fix what the step selects; return the parameter groups, which tensors of isotropic sites change."""
    shared: dict[str, set[int]] = {}
    for selection in step.free:
        if selection.group == "uaniso":
            make_tensors(model, selection, log.changes)
            groups = parameter_groups(model)
        if not _free(model, groups, selection, shared, log.changes):
            log.messages.append(f"{_text(selection)} does not apply here")
    for selection in step.fix:
        if selection.group in _ISOTROPIC:
            for phase, sites in isotropic_sites(model, selection):
                stop_sharing(model, phase, sites)
        model.freed.difference_update(group.key for group in selected(groups, selection))
    return groups


def _free(
    model: Model,
    groups: list[ParameterGroup],
    selection: GroupSelection,
    shared: dict[str, set[int]],
    changes: list[Change],
) -> bool:
    """Free what is selected; return whether the project has such parameters."""
    if selection.group == "uiso_shared":
        return bool(share_uiso(model, selection, shared, changes))
    found = [group for group in selected(groups, selection) if not group.inactive]
    if selection.group == "uiso":
        for phase, sites in isotropic_sites(model, selection):
            stop_sharing(model, phase, sites)
            found += [group for group in groups if group.key in {uiso_key(phase, site) for site in sites}]
    model.freed.update(group.key for group in found)
    return bool(found)


def _refines_gaussian_size(model: Model) -> bool:
    """Return whether an isotropic size with a Gaussian part is refined (see `_GAUSSIAN_SIZE_NOTE`)."""
    for phase in model.phases:
        for item in model.histograms:
            size = (model.pair(phase, item) or {}).get("Size")
            if size is None or size[0] != "isotropic":
                continue
            if ParameterKey("size", phase.name, item.name) not in model.freed:
                continue
            if float(size[1][2]) != 1.0 or ParameterKey("size_mix", phase.name, item.name) in model.freed:
                return True
    return False


def set_limits(
    model: Model, item: HistogramModel, limits: list[float], wanted: BackgroundData | None, changes: list[Change]
) -> None:
    """Set the limits of a histogram, and its background function and terms if ``wanted`` gives them."""
    present = model.histogram(item)["Background"][0]
    function, terms = (wanted.function, wanted.terms) if wanted else (present[0], int(present[2]))
    if wanted:
        (model.coefficients_kept.discard if wanted.keep_curve else model.coefficients_kept.add)(item.name)
    known = model.background_limits.get(item.name)
    if item.name in model.coefficients_kept:
        new = background.same_coefficients(present, function, terms)
        write(model.gpx.data, (item.key, "Background", 0), new, changes)
        model.background_limits[item.name] = limits
    elif known != limits or (function, terms) != (present[0], present[2]):
        new = background.same_curve(model, item, function, terms, limits, known)
        write(model.gpx.data, (item.key, "Background", 0), new, changes)
        model.background_limits[item.name] = limits
    write(model.gpx.data, (item.key, "Limits", 1), limits, changes)


def _set(model: Model, groups: list[ParameterGroup], selection: GroupSelection, log: _StepLog) -> None:
    if selection.group in ("cell", "background"):
        raise Failure("recipe", f"the {selection.group} cannot be set to one number; use `start` for a cell")
    if selection.group == "uiso_shared":
        selection = replace(selection, group="uiso")
    found = selected(groups, selection)
    if not found:
        log.messages.append(f"{_text(selection)} does not apply here")
    assert selection.value is not None
    for group in found:
        phase = next((phase for phase in model.phases if phase.name == group.key.phase), None)
        numbers = [selection.value] * len(group.entries)
        if group.unit == COEFFICIENT_UNIT and phase is not None:
            # Not all the same number where the strain is the same in all directions.
            numbers = coefficients_of(model, phase, selection.value)
        for entry, number in zip(group.entries, numbers, strict=True):
            write(model.gpx.data, entry.path, number / entry.factor, log.changes)


def _write_flags(model: Model, groups: list[ParameterGroup], changes: list[Change]) -> None:
    wanted: dict[Path, Any] = {}
    for group in groups:
        free = group.key in model.freed
        for path in group.flags:
            if group.letter:
                wanted[path] = wanted.get(path, "") + (group.letter if free else "")
            else:
                wanted[path] = wanted.get(path, False) or free
    for item in model.histograms:
        if not model.single_phase(item) and not _fractions_constrained(model):
            wanted[(item.key, "Sample Parameters", "Scale", 1)] = False
    for path, value in wanted.items():
        if isinstance(value, str) and "".join(sorted(value)) == "".join(sorted(get(model.gpx.data, path).strip())):
            continue
        write(model.gpx.data, path, value, changes)


def _fractions_constrained(model: Model) -> bool:
    """Return whether constraints of the project tie phase fractions, so that the histogram's scale must be free."""
    constraints = model.gpx.data["Constraints"]["data"].get("HAP", [])
    return any(":Scale" in str(term[1]) for one in constraints for term in one[:-3])


def _count_points(model: Model, item: HistogramModel, limits: list[float]) -> int:
    """Return the number of points with a weight within limits and outside the excluded regions."""
    x = np.ma.getdata(model.histogram(item)["data"][1][0])
    weights = np.ma.getdata(model.histogram(item)["data"][1][2])
    slack = 1e-3 * float(np.median(np.diff(x))) if x.size > 1 else 0.0
    inside = (x >= limits[0] - slack) & (x <= limits[1] + slack) & (weights > 0)
    for low, high in item.excluded:
        inside &= (x < low) | (x > high)
    return int(np.count_nonzero(inside))


def _text(selection: GroupSelection) -> str:
    narrowed = [text for text in (selection.phase, selection.histogram, selection.site) if text]
    return f"{selection.group} ({', '.join(narrowed)})" if narrowed else selection.group
