"""One recipe step in GSAS-II: all flags, limits and backgrounds are written anew, then least squares.

GSAS-II's flags only accumulate, and its dictionaries of refinements drop keys silently; so what is free is kept here
and every flag is written at each step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from autogsas_gsas2.child import background, equivalences, lebail, starting_values
from autogsas_gsas2.child.atomic_displacements import even_out, make_tensors, release, share, sites_of, uiso_key
from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.full_range import full_rwp
from autogsas_gsas2.child.model import HistogramModel, Model, limit, thaw
from autogsas_gsas2.child.parameters import Knob, knobs, matching
from autogsas_gsas2.child.refinement import Outcome, calculate, refine_once
from autogsas_gsas2.child.tree import Path, get, write
from autogsas_gsas2.child.variable_names import ours
from autogsas_gsas2.protocol import Slot, StepData, StepReport

__all__ = ["run", "set_limits"]

CONVERGED = 0.05
"""The largest shift over esd of a converged refinement."""

_BATCH, _MOST_CYCLES = 20, 60
_TOLERANCE, _FINE_TOLERANCE, _STILL = 1e-5, 1e-6, 1e-5
_REST = 1e-4  # of chi^2 between refinements: the share of overlapping lines creeps
_USUAL_TOLERANCE = 1e-3  # GSAS-II's own

_ISOTROPIC = ("uiso", "uiso_shared")

_FLAT_SLOPE = (
    "GSAS-II's slope of an isotropic Gaussian size lacks a factor of 1/size²: a size with a mix below 1 may hardly "
    "move, and its esd is wrong; uniaxial size has the right one"
)


def run(model: Model, step: StepData) -> StepReport:
    """Apply a step and refine. Raises Failure where the refinement fails or there is nothing to refine."""
    changes: list[list[Any]] = []
    equated = model.equated
    words = _apply(model, step, changes)
    points = sum(_count(model, item, step.limits[item.name]) for item in model.histograms)
    batches: list[list[float]] = []
    extracting = bool(model.le_bail())
    entry = {
        "title": step.title,
        "changes": changes,
        "extract": lebail.extract(model),
        "refinements": batches,
        "between": lebail.BETWEEN if extracting else 0,
    }
    if model.equated != equated:
        entry["equivalent"] = [list(variables) for variables in model.equated]
    outcome, cycles, settled = _refine(model, step.cycles, batches, extracting)
    if outcome.stuck:
        # GSAS-II leaves the curve of the last parameters it tried, which are not those it kept.
        calculate(model)
        batches.append([0, _USUAL_TOLERANCE])
    model.record.append(entry)
    if points <= len(outcome.names):
        raise Failure("too-few-points", f"{points} points for {len(outcome.names)} variables")
    model.dropped, model.calculated = set(outcome.dropped), False
    names = ours(model)
    if outcome.message:
        words.append(outcome.message[:300])
    report = StepReport(
        converged=settled,
        cycles=cycles,
        n_variables=len(outcome.names) - len(outcome.dropped),
        rwp=outcome.rwp,
        shift_esd=outcome.shift_esd,
        dropped=[names.get(name, name) for name in outcome.dropped],
        at_bound=[names.get(name, name) for name in outcome.frozen],
        message="; ".join(words),
        full_rwp=full_rwp(model),
    )
    model.reports.append(report)
    return report


def _refine(
    model: Model, cycles: int | None, batches: list[list[float]], extracting: bool = False
) -> tuple[Outcome, int, bool]:
    """Refine to convergence in batches of cycles, or with at most ``cycles``.

    Intensities that are extracted are no variables: they move between cycles, and must have come to rest as well.
    """
    if cycles is not None:
        batches.append([cycles, _USUAL_TOLERANCE])
        outcome = refine_once(model, cycles, _USUAL_TOLERANCE)
        return outcome, outcome.cycles, _short(outcome)
    done, tolerance, before = 0, _TOLERANCE, np.inf
    while True:
        batches.append([_BATCH, tolerance])
        outcome = refine_once(model, _BATCH, tolerance)
        # The extractions between refinements take the time of a few cycles.
        done += max(outcome.cycles, 3 if extracting else 1)
        # Where nothing lowers chi^2 any more, it is a minimum to the noise of GSAS-II's calculation.
        still = abs(outcome.first_chi2 - outcome.chi2) <= _STILL * outcome.chi2
        moving = extracting and not abs(before - outcome.chi2) <= _REST * outcome.chi2
        if not moving and (_short(outcome) or (still and (outcome.settled or outcome.stuck))):
            return outcome, done, True
        if done >= _MOST_CYCLES:
            return outcome, done, False
        tolerance, before = _FINE_TOLERANCE, outcome.chi2
        if extracting:
            lebail.share_out(model, lebail.BETWEEN)


def _short(outcome: Outcome) -> bool:
    """Return whether the last shifts are short of their own: damped ones say nothing of convergence."""
    return outcome.shift_esd < CONVERGED and not outcome.stuck and not outcome.damped


def _apply(model: Model, step: StepData, changes: list[list[Any]]) -> list[str]:
    words: list[str] = []
    thaw(model)
    starting_values.apply(model, step, words, changes)
    for item in model.histograms:
        limits = list(step.limits[item.name])
        if _count(model, item, limits) < 1:
            raise Failure("too-few-points", f"no point of {item.name} lies within {limits[0]:g} to {limits[1]:g}")
        set_limits(model, item, limits, step.backgrounds.get(item.name), changes)
    found = knobs(model)
    for slot in step.sets:
        _set(model, found, slot, words, changes)
    even_out(model, changes)
    shared: dict[str, set[int]] = {}
    for slot in step.free:
        if slot.group == "uaniso":
            make_tensors(model, slot, changes)
            found = knobs(model)
        if not _free(model, found, slot, shared, changes):
            words.append(f"{_text(slot)} does not apply here")
    for slot in step.fix:
        if slot.group in _ISOTROPIC:
            for phase, sites in sites_of(model, slot):
                release(model, phase, sites)
        model.freed.difference_update(knob.key for knob in matching(found, slot))
    for knob in found:
        if knob.group in ("size_mix", "strain_mix") and knob.key in model.freed:
            for one in knob.entries:
                limit(model, one.variable, 0.0, 1.0)
    if _flat_slope(model):
        words.append(_FLAT_SLOPE)
        if _FLAT_SLOPE not in model.notes:
            model.notes.append(_FLAT_SLOPE)
    if not model.freed:
        raise Failure("nothing-free", f"step {step.title!r} frees no parameter")
    equivalences.write(model)
    _write_flags(model, found, changes)
    return words


def _free(model: Model, found: list[Knob], slot: Slot, shared: dict[str, set[int]], changes: list[list[Any]]) -> bool:
    """Free a group; return whether there is any such thing here."""
    if slot.group == "uiso_shared":
        return bool(share(model, slot, shared, changes))
    hit = [knob for knob in matching(found, slot) if not knob.idle]
    if slot.group == "uiso":
        for phase, sites in sites_of(model, slot):
            release(model, phase, sites)
            hit += [knob for knob in found if knob.key in {uiso_key(phase, site) for site in sites}]
    model.freed.update(knob.key for knob in hit)
    return bool(hit)


def _flat_slope(model: Model) -> bool:
    """Return whether an isotropic size varies that broadens lines by a Gaussian as well."""
    for phase in model.phases:
        for item in model.histograms:
            size = (model.pair(phase, item) or {}).get("Size")
            if size is None or size[0] != "isotropic" or ("size", phase.name, item.name, None) not in model.freed:
                continue
            if float(size[1][2]) != 1.0 or ("size_mix", phase.name, item.name, None) in model.freed:
                return True
    return False


def set_limits(
    model: Model, item: HistogramModel, limits: list[float], wanted: list[Any] | None, changes: list[list[Any]]
) -> None:
    """Set the limits of a histogram, and its background where ``wanted``: function, terms, is the curve kept."""
    present = model.histogram(item)["Background"][0]
    function, terms = (wanted[0], int(wanted[1])) if wanted else (present[0], int(present[2]))
    if wanted:
        (model.numbers_kept.discard if wanted[2] else model.numbers_kept.add)(item.name)
    known = model.backgrounds.get(item.name)
    if item.name in model.numbers_kept:
        new = background.with_its_numbers(present, function, terms)
        write(model.gpx.data, (item.key, "Background", 0), new, changes)
        model.backgrounds[item.name] = limits
    elif known != limits or (function, terms) != (present[0], present[2]):
        new = background.carried(model, item, function, terms, limits, known)
        write(model.gpx.data, (item.key, "Background", 0), new, changes)
        model.backgrounds[item.name] = limits
    write(model.gpx.data, (item.key, "Limits", 1), limits, changes)


def _set(model: Model, found: list[Knob], slot: Slot, words: list[str], changes: list[list[Any]]) -> None:
    if slot.group in ("cell", "background"):
        raise Failure("recipe", f"the {slot.group} cannot be set to one number")
    if slot.group == "uiso_shared":
        slot = replace(slot, group="uiso")
    hit = matching(found, slot)
    if not hit:
        words.append(f"{_text(slot)} does not apply here")
    assert slot.value is not None
    for knob in hit:
        for entry in knob.entries:
            write(model.gpx.data, entry.path, slot.value / entry.factor, changes)


def _write_flags(model: Model, found: list[Knob], changes: list[list[Any]]) -> None:
    wanted: dict[Path, Any] = {}
    for knob in found:
        free = knob.key in model.freed
        for path in knob.flags:
            if knob.letter:
                wanted[path] = wanted.get(path, "") + (knob.letter if free else "")
            else:
                wanted[path] = wanted.get(path, False) or free
    for item in model.histograms:
        if not model.alone(item) and not _fractions_bound(model):
            wanted[(item.key, "Sample Parameters", "Scale", 1)] = False
    for path, value in wanted.items():
        if isinstance(value, str) and "".join(sorted(value)) == "".join(sorted(get(model.gpx.data, path).strip())):
            continue
        write(model.gpx.data, path, value, changes)


def _fractions_bound(model: Model) -> bool:
    """Return whether constraints of the project tie phase fractions, so that the histogram's scale must be free."""
    constraints = model.gpx.data["Constraints"]["data"].get("HAP", [])
    return any(":Scale" in str(term[1]) for one in constraints for term in one[:-3])


def _count(model: Model, item: HistogramModel, limits: list[float]) -> int:
    x = np.ma.getdata(model.histogram(item)["data"][1][0])
    weights = np.ma.getdata(model.histogram(item)["data"][1][2])
    slack = 1e-3 * float(np.median(np.diff(x))) if x.size > 1 else 0.0
    inside = (x >= limits[0] - slack) & (x <= limits[1] + slack) & (weights > 0)
    for low, high in item.excluded:
        inside &= (x < low) | (x > high)
    return int(np.count_nonzero(inside))


def _text(slot: Slot) -> str:
    narrowed = [text for text in (slot.phase, slot.histogram, slot.site) if text]
    return f"{slot.group} ({', '.join(narrowed)})" if narrowed else slot.group
