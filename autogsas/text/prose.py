"""A recipe in words, as a person would write it in the methods section."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from autogsas.model.recipe import Background, Free, Group, Recipe, Setting, Start, Step
from autogsas.text.formatting import general, interval

__all__ = ["group_words", "joined", "recipe_words", "step_words"]

_WORDS: Mapping[Group, str] = {
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


def group_words(group: Group) -> str:
    """Return what a person calls a group of parameters."""
    return _WORDS.get(group, group)


def recipe_words(recipe: Recipe) -> list[str]:
    """Return one sentence for each step; what earlier steps freed is not named again."""
    windows = any(step.limits for step in recipe.steps)
    sentences, already = [], set[Free]()
    for number, step in enumerate(recipe.steps):
        sentences.append(step_words(step, already=already, first=number == 0, windows=windows))
        fixed = {item.group for item in step.fix}
        already = {item for item in already if item.group not in fixed} | set(step.free)
    return sentences


def step_words(step: Step, *, already: Collection[Free] = (), first: bool = True, windows: bool = False) -> str:
    """Return one sentence on what a step sets, frees and fixes, and over which range.

    ``already`` is free before it; ``first`` False says "also free"; ``windows`` says "over the full range" where the
    step has no limits of its own.
    """
    clauses = _geometries(step) + [_started(start) for start in step.start]
    if step.set:
        clauses.append(f"set {joined([f'{_narrowed(item)} to {general(item.value)}' for item in step.set])}")
    fresh = [item for item in step.free if not _covered(item, already) or _described(item, step)]
    apart = [item for item in step.background if not any(_belongs(item, free) for free in fresh)]
    if apart:
        clauses.append(f"take as background {joined([_background(item) for item in apart])}")
    if fresh:
        clauses.append(f"{'free' if first else 'also free'} {joined([_freed(item, step) for item in fresh])}")
    if step.fix:
        clauses.append(f"fix {joined([_narrowed(item) for item in step.fix])}")
    if not fresh and not step.fix:
        clauses.append("refine what is free")
    sentence = "; ".join(clauses) + (_range(step) or (", over the full range" if windows else ""))
    if step.cycles is not None:
        sentence += f", at most {step.cycles} cycle{'s' if step.cycles != 1 else ''}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _geometries(step: Step) -> list[str]:
    if isinstance(step.geometry, dict):
        return [f"take {name} as {geometry}" for name, geometry in step.geometry.items()]
    return [f"take the geometry as {step.geometry}"] if step.geometry else []


def _started(start: Start) -> str:
    parts = [f"the cell {' '.join(general(value) for value in start.cell)}"] if start.cell else []
    parts += [f"{label} at {' '.join(general(value) for value in place)}" for label, place in start.sites.items()]
    parts += [f"orientation along {' '.join(map(str, start.axis))}"] if start.axis else []
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
    return f"{_narrowed(free)} ({joined(backgrounds)})" if backgrounds else _narrowed(free)


def _background(item: Background) -> str:
    terms = f"{item.function}, {item.terms} term{'s' if item.terms != 1 else ''}"
    kept = "" if item.carry else ", the old coefficients kept"
    return f"{terms}{kept} for {item.histogram}" if item.histogram else terms + kept


def _narrowed(item: Free | Setting) -> str:
    narrowed = [text for text in (item.site, item.phase, item.histogram) if text]
    return f"{group_words(item.group)} of {', '.join(narrowed)}" if narrowed else group_words(item.group)


def _range(step: Step) -> str:
    if isinstance(step.limits, dict):
        ranges = [f"{interval(limits)} ({name})" for name, limits in step.limits.items()]
        return f", over {joined(ranges)}" if ranges else ""
    return f", over {interval(step.limits)}" if step.limits else ""
