"""Simulated refinements: one measured pattern, fitted better or worse, and a structure that can be changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from autogsas.comparison import Figures, Fit, Refinement
from autogsas.comparison.measuring import figures_over
from autogsas.crystal.endpoints import end_point
from autogsas.model.result import Finding, Parameter, Severity
from autogsas.model.structure import Cell, Phase, Site
from autogsas.runfolder.reader import Profile

CELL = {"a": 9.37, "b": 9.37, "c": 6.88, "alpha": 90.0, "beta": 90.0, "gamma": 120.0}
SITES: tuple[tuple[str, str, float, float, float, float], ...] = (
    ("Ca1", "Ca", 1 / 3, 2 / 3, 0.0010, 0.0130),
    ("Ca2", "Ca", -0.0076, 0.2418, 0.25, 0.0120),
    ("P1", "P", 0.3674, 0.3968, 0.25, 0.0110),
    ("O1", "O", 0.4852, 0.3250, 0.25, 0.0150),
    ("F1", "F", 0.0, 0.0, 0.25, 0.0220),
)
X = np.round(np.arange(15.0, 130.001, 0.02), 6)


@cache
def observed(seed: int = 1) -> np.ndarray:
    """Counts of a pattern of lines on a background, at all of `X`."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(7).uniform(16.0, 129.0, 120)
    y = 200.0 + 3e3 * np.exp(-(((X[:, None] - centres) / 0.08) ** 2)).sum(axis=1)
    return random.poisson(y).astype(float)


def make_fit(
    name: str = "FAP",
    *,
    off: float = 0.05,
    seed: int = 1,
    limits: tuple[float, float] = (15.0, 130.0),
    shift: float = 0.0,
    scale: float = 1.0,
) -> Fit:
    """A fit whose calculated curve is ``off`` by this share of the square root of the counts' spread."""
    inside = (limits[0] - 1e-9 <= X) & (limits[1] + 1e-9 >= X)
    x, y = X[inside] + shift, observed(seed)[inside] * scale
    wave = np.sin(np.arange(x.size) * 0.7)
    calculated = y + wave * off * y
    profile = Profile(name, x, y, calculated, np.full(x.size, 200.0), 1.0 / np.maximum(y, 1.0))
    rwp = figures_over([profile], [profile.counted], 30).rwp
    return Fit(profile, limits, rwp=rwp, r_bragg=(("apatite", 4.0),), background="chebyschev-1", terms=6)


def parameters(
    phase: str, cell: Mapping[str, float], sites: Sequence[Sequence[Any]], esds: bool = True
) -> list[Parameter]:
    """The parameters of a phase, refined with usual esds or held."""
    out = []
    for key in ("a", "b", "c"):
        out.append(Parameter(f"{phase}:{key}", cell[key], 1e-4 if esds else None, "Å", "cell", phase))
    for label, _, x, y, z, u in sites:
        for axis, value in zip("xyz", (x, y, z), strict=True):
            out.append(
                Parameter(f"{phase}:{label}:{axis}", value, 3e-4 if esds else None, "", "positions", phase, None, label)
            )
        out.append(Parameter(f"{phase}:{label}:Uiso", u, 5e-4 if esds else None, "Å²", "uiso", phase, None, label))
    return out


def make_refinement(
    label: str,
    *,
    fits: Sequence[Fit] | None = None,
    off: float = 0.05,
    variables: int = 30,
    phase: str = "apatite",
    space_group: str = "P 63/m",
    cell: Mapping[str, float] = CELL,
    sites: Sequence[Sequence[Any]] = SITES,
    errors: Sequence[str] = (),
    esds: bool = True,
) -> Refinement:
    """A refinement of the made-up pattern."""
    own = tuple(fits) if fits is not None else (make_fit(off=off),)
    figures = (
        figures_over([fit.profile for fit in own], [fit.profile.counted for fit in own], variables)
        if own
        else Figures(None)
    )
    made = Phase(
        phase, space_group, Cell(**cell), tuple(Site(s[0], s[1], (s[2], s[3], s[4]), 1.0, s[5]) for s in sites)
    )
    found = parameters(phase, cell, sites, esds)
    return Refinement(
        label=label,
        kind="run",
        source=f"/made/up/{label}",
        engine="none",
        figures=figures,
        fits=own,
        findings=tuple(Finding(code, Severity.ERROR, f"{code} said so") for code in errors),
        parameters=tuple(found),
        end=end_point(math.nan if figures.rwp is None else figures.rwp, [made], found),
        groups=("scale", "cell"),
    )


def moved(label: str, axis: int, by: float) -> tuple[tuple[Any, ...], ...]:
    """The sites with one of them moved along an axis, in fractions of it."""
    return tuple(
        tuple(value + by if site[0] == label and i == 2 + axis else value for i, value in enumerate(site))
        for site in SITES
    )
