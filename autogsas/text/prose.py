"""A recipe as sentences, as in the methods section of a paper."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from autogsas.model.recipe import Background, Free, Group, Recipe, Setting, Start, Step
from autogsas.text.formatting import general, interval

__all__ = [
    "describe_esds",
    "describe_floor",
    "describe_lowest",
    "describe_recipe",
    "describe_step",
    "group_name",
    "joined",
]

_NAMES: Mapping[Group, str] = {
    "zero": "zero of 2θ",
    "displacement": "sample displacement",
    "transparency": "sample transparency",
    "SH/L": "axial divergence (SH/L)",
    "size": "crystallite size",
    "strain": "microstrain",
    "size_mix": "Lorentzian share of size broadening",
    "strain_mix": "Lorentzian share of strain broadening",
    "positions": "atomic positions",
    "uiso": "U_iso",
    "uiso_shared": "one U_iso for all sites",
    "uaniso": "anisotropic U",
    "occupancy": "occupancies",
    "preferred_orientation": "preferred orientation (March-Dollase)",
}


def joined(parts: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def describe_esds(factor: float, models: int) -> str:
    """Return one sentence about what the esds include.

    ``factor`` is that of serial correlation, ``models`` the number of models that they cover, the best one included.
    """
    correlated = f"serial correlation of the residuals (factor {general(factor, 3)}, after Bérar and Lelann)"
    spread = f"the spread over {models} models that the evidence cannot tell apart"
    parts = [text for text, said in ((correlated, factor > 1), (spread, models > 1)) if said]
    if not parts:
        return "The esds are as computed: residuals are not correlated, and no other model tried fits about as well."
    return f"The esds include {joined(parts)}."


def describe_floor(rwp: float | None, note: str) -> str:
    """Return one sentence about the Le Bail floor: Rwp in per cent with free intensities, or why there is none."""
    if rwp is None:
        return f"Le Bail floor {note}."
    return f"With free intensities and the same profile Rwp is {rwp:.2f} % (Le Bail floor)."


def describe_lowest(trial: int, rwp: float | None, n_variables: int) -> str:
    """Return one sentence about a trial with a lower Rwp than the best one, in per cent."""
    reached = "" if rwp is None else f" ({rwp:.3f} %)"
    return f"Trial {trial} has a lower Rwp{reached} with {n_variables} variables, but less evidence."


def group_name(group: Group) -> str:
    """Return the name of a group of parameters in a sentence."""
    return _NAMES.get(group, group)


def describe_recipe(recipe: Recipe) -> list[str]:
    """Return one sentence for each step; groups that are free already are not named again."""
    windows = any(step.limits for step in recipe.steps)
    sentences, already = [], set[Free]()
    for number, step in enumerate(recipe.steps):
        sentences.append(describe_step(step, already=already, first=number == 0, windows=windows))
        fixed = {item.group for item in step.fix}
        already = {item for item in already if item.group not in fixed} | set(step.free)
    return sentences


def describe_step(step: Step, *, already: Collection[Free] = (), first: bool = True, windows: bool = False) -> str:
    """Return one sentence about a step: values it sets, groups it frees and fixes, its range.

    ``already`` are the groups free before it. Unless ``first``, the sentence says "also free". With ``windows`` it
    says "over the full range" if the step has no limits of its own.
    """
    clauses = _geometry_clauses(step) + [_start_clause(start) for start in step.start]
    if step.intensities:
        clauses.append("take the intensities from the pattern (Le Bail)")
    if step.set:
        clauses.append(f"set {joined([f'{_restricted(item)} to {general(item.value)}' for item in step.set])}")
    new = [item for item in step.free if not _covered(item, already) or _described(item, step)]
    separate = [item for item in step.background if not any(_belongs(item, free) for free in new)]
    if separate:
        clauses.append(f"use as background {joined([_background(item) for item in separate])}")
    if new:
        clauses.append(f"{'free' if first else 'also free'} {joined([_freed(item, step) for item in new])}")
    if step.fix:
        clauses.append(f"fix {joined([_restricted(item) for item in step.fix])}")
    if not new and not step.fix:
        clauses.append("refine the free parameters")
    sentence = "; ".join(clauses) + (_range(step) or (", over the full range" if windows else ""))
    if step.cycles is not None:
        sentence += f", at most {step.cycles} cycle{'s' if step.cycles != 1 else ''}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _geometry_clauses(step: Step) -> list[str]:
    if isinstance(step.geometry, dict):
        return [f"treat {name} as {geometry}" for name, geometry in step.geometry.items()]
    return [f"use the geometry {step.geometry}"] if step.geometry else []


def _start_clause(start: Start) -> str:
    parts = [f"the cell {' '.join(general(value) for value in start.cell)}"] if start.cell else []
    parts += [f"{label} at {' '.join(general(value) for value in place)}" for label, place in start.sites.items()]
    parts += [f"orientation along {' '.join(map(str, start.axis))}"] if start.axis else []
    for what, wanted in (("size", start.size), ("strain", start.strain)):
        if wanted is not None:
            along = f" along {' '.join(map(str, wanted.axis))}" if wanted.model == "uniaxial" else ""
            parts.append(f"{wanted.model} {what}{along}")
    return f"start {start.phase} with {joined(parts)}"


def _covered(free: Free, already: Collection[Free]) -> bool:
    return free in already or Free(group=free.group) in already


def _described(free: Free, step: Step) -> bool:
    return any(_belongs(item, free) for item in step.background)


def _belongs(background: Background, free: Free) -> bool:
    return free.group == "background" and (
        None in (free.histogram, background.histogram) or free.histogram == background.histogram
    )


def _freed(free: Free, step: Step) -> str:
    backgrounds = [_background(item) for item in step.background if _belongs(item, free)]
    return f"{_restricted(free)} ({joined(backgrounds)})" if backgrounds else _restricted(free)


def _background(item: Background) -> str:
    terms = f"{item.function}, {item.terms} term{'s' if item.terms != 1 else ''}"
    kept = "" if item.carry else ", with the old coefficients"
    return f"{terms}{kept} for {item.histogram}" if item.histogram else terms + kept


def _restricted(item: Free | Setting) -> str:
    restrictions = [text for text in (item.site, item.phase, item.histogram) if text]
    return f"{group_name(item.group)} of {', '.join(restrictions)}" if restrictions else group_name(item.group)


def _range(step: Step) -> str:
    if isinstance(step.limits, dict):
        ranges = [f"{interval(limits)} ({name})" for name, limits in step.limits.items()]
        return f", over {joined(ranges)}" if ranges else ""
    return f", over {interval(step.limits)}" if step.limits else ""
