"""Simulated finished refinements to compare: peaks, counting noise, and a structure with esds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from autogsas.comparison import Figures, Fit, Refinement
from autogsas.comparison.measuring import figures_over
from autogsas.comparison.refinement import Kind
from autogsas.crystal.endpoints import end_point
from autogsas.model.result import Finding, Parameter
from autogsas.model.structure import Cell, Phase, Site
from autogsas.runfolder.reader import Marks, Profile

EVIL = (
    "</script><script>window.hurt=1</script><img src=x onerror='window.hurt=1'>\"'&lt;& {{7*7}} \u202eRTL\u200f 磷灰石"
)


def refinement(
    label: str,
    *,
    off: float = 0.01,
    points: int = 800,
    limits: tuple[float, float] = (15.0, 130.0),
    excluded: tuple[tuple[float, float], ...] = (),
    histograms: Sequence[str] = ("FAP",),
    seed: int = 1,
    phase: str = "fluorapatite",
    atoms: int = 3,
    moved: float = 0.0,
    esd: float | None = 1e-4,
    fitted: bool = True,
    findings: tuple[Finding, ...] = (),
    word: str = "",
    kind: Kind = "run",
) -> Refinement:
    """Return a refinement whose curve is off by a share of its peaks and whose atoms are moved by so many esds.

    ``seed`` is that of the measurement; ``word`` stands wherever a text of a file would.
    """
    fits = tuple(_fit(name, i, off, points, limits, excluded, seed, phase) for i, name in enumerate(histograms))
    parameters, made = _structure(phase, atoms, moved, esd)
    if fitted:
        for name in histograms:
            parameters.append(Parameter(f"{name}:W", 4.4 + off, 0.3, "0.01° squared", "W", None, name))
    variables = sum(item.esd is not None for item in parameters)
    figures = figures_over([fit.profile for fit in fits], [fit.profile.counted for fit in fits], variables)
    return Refinement(
        label=label,
        kind=kind if fitted else "cif",
        source=word or f"/runs/{label}",
        engine=word or "numpy 0.1.0",
        figures=figures if fitted else Figures(None),
        fits=fits if fitted else (),
        findings=findings,
        parameters=tuple(parameters),
        end=end_point(math.nan if figures.rwp is None else figures.rwp, [made], parameters),
        groups=("scale", "cell", "positions", *(("U",) if off > 0.01 else ())) if fitted else (),
        order=(word or "Free scale and background.", "Also free cell.") if fitted else (),
        notes=(word,) if word else (),
    )


def _fit(
    name: str,
    number: int,
    off: float,
    points: int,
    limits: tuple[float, float],
    excluded: tuple[tuple[float, float], ...],
    seed: int,
    phase: str,
) -> Fit:
    random = np.random.default_rng(seed + 100 * number)
    x = np.linspace(15.0, 130.0, points)
    places = np.sort(random.uniform(16.0, 128.0, 60))
    heights = random.uniform(50.0, 4000.0, 60)
    peaks = np.sum(heights * np.exp(-0.5 * ((x[:, None] - places) / 0.12) ** 2), axis=1)
    background = 80.0 + 200.0 * np.exp(-(x - 15.0) / 30.0)
    observed = random.poisson(peaks + background).astype(float)
    calculated = (1.0 - off) * peaks + background
    weight = 1.0 / np.maximum(observed, 1.0)
    for low, high in excluded:
        weight[(x >= low) & (x <= high)] = 0.0
    inside = (x >= limits[0]) & (x <= limits[1])
    profile = Profile(name, *(column[inside] for column in (x, observed, calculated, background, weight)))
    hkl = np.column_stack([np.arange(60)] * 3)
    marks = Marks(name, phase, hkl, 1.0 + 1.0 / (1.0 + np.arange(60)), places)
    rwp = figures_over([profile], [profile.counted], None).rwp
    return Fit(profile, limits, excluded, rwp, ((phase, 100 * off),), "chebyschev-1", 6, (marks,))


def _structure(phase: str, atoms: int, moved: float, esd: float | None) -> tuple[list[Parameter], Phase]:
    random = np.random.default_rng(7)
    cell = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), (9.1, 10.2, 11.3, 81.0, 95.0, 103.0), strict=True))
    cell["a"] += moved * (esd or 1e-4)
    parameters = [
        Parameter(f"{phase}:{key}", value, esd, "Å" if len(key) == 1 else "°", "cell", phase)
        for key, value in cell.items()
    ]
    sites = []
    for number in range(atoms):
        label = f"Ca{number + 1}"
        xyz = random.uniform(0.05, 0.95, 3) + moved * (number % 5) * (esd or 1e-4) * np.array([1.0, -0.5, 0.0])
        sites.append(Site(label, "Ca", tuple(xyz.tolist()), 1.0, 0.01))
        for key, value in zip("xyz", xyz.tolist(), strict=True):
            parameters.append(Parameter(f"{phase}:{label}:{key}", value, esd, "", "positions", phase, None, label))
        parameters.append(Parameter(f"{phase}:{label}:occupancy", 1.0, None, "", "occupancy", phase, None, label))
        parameters.append(Parameter(f"{phase}:{label}:Uiso", 0.01, None, "Å²", "uiso", phase, None, label))
    return parameters, Phase(phase, "P 1", Cell(**cell), tuple(sites))
