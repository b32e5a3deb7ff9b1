"""Recipes of the speed benchmark for GSASIIscriptable alone; runs in GSAS-II's own interpreter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Step = dict[str, Any]

BACKGROUNDS = ("chebyschev-1", "cosine", "Q^2 power series", "Q^-2 power series", "lin interpolate", "log interpolate")


@dataclass(frozen=True)
class Histogram:
    """A powder pattern of a material: data and instrument file, and the limits in degrees 2theta."""

    data: str
    instrument: str
    reader: str
    low: float
    high: float


@dataclass(frozen=True)
class Material:
    """A folder of data with one structure and one or more histograms."""

    folder: str
    structure: str
    histograms: tuple[Histogram, ...]


Y2O3 = Material("y2o3", "y2o3.cif", (Histogram("y2o3.csv", "INST_XRY.PRM", "comma/tab/semicolon", 15.0, 150.0),))
_XRAY = Histogram("PBSO4.XRA", "INST_XRY.PRM", "GSAS powder", 16.0, 158.4)
_NEUTRON = Histogram("PBSO4.CWN", "inst_d1a.prm", "GSAS powder", 19.0, 153.0)
PBSO4_NEUTRON = Material("pbso4", "pbso4.cif", (_NEUTRON,))
PBSO4_JOINT = Material("pbso4", "pbso4.cif", (_NEUTRON, _XRAY))


@dataclass(frozen=True)
class Recipe:
    """A named list of refinement steps on one material; excluded holds regions in degrees 2theta."""

    name: str
    material: Material
    steps: tuple[Step, ...]
    excluded: tuple[tuple[float, float], ...] = ()
    lebail: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


def by_hand(name: str, material: Material, background: str = "chebyschev-1", terms: int = 6) -> Recipe:
    """The seven usual steps: background, cell and zero, scale, widths, atoms, and last the whole range."""
    low = min(h.low for h in material.histograms)
    high = max(h.high for h in material.histograms)
    steps: tuple[Step, ...] = (
        {"limits": (max(40.0, low), high), "background": (background, terms)},
        {"set": {"Cell": True, "Instrument Parameters": ["Zero"]}},
        {"set": {"Sample Parameters": ["Scale", "Shift"]}},
        {"set": {"Instrument Parameters": ["U", "V", "W"]}},
        {"set": {"Instrument Parameters": ["X", "Y"]}},
        {"atoms": "XU"},
        {"limits": (low, high)},
    )
    return Recipe(name, material, steps)


def at_random(material: Material, name: str, seed: int, count: int) -> Iterator[Recipe]:
    """Yield random recipes as in a published search: limits, background and the flags of each step are random.

    Source: the search space follows Ozaki et al., npj Comput. Mater. 6, 75 (2020).
    """
    rng = random.Random(seed)

    def some(*names: str) -> list[str]:
        return [name for name in names if rng.random() < 0.5]

    low = min(h.low for h in material.histograms)
    high = max(h.high for h in material.histograms)
    for number in range(count):
        first = rng.uniform(low, 70.0)
        last = rng.uniform(first + 30.0, high)
        second = rng.uniform(low, 40.0)
        steps: tuple[Step, ...] = (
            {"limits": (first, last), "background": (rng.choice(BACKGROUNDS), rng.randint(1, 15))},
            {"set": {"Cell": rng.random() < 0.5, "Instrument Parameters": some("Zero")}},
            {"set": {"Sample Parameters": some("Scale", "Shift", "Transparency")}},
            {"set": {"Instrument Parameters": some("U", "V", "W")}},
            {"set": {"Instrument Parameters": some("X", "Y", "SH/L")}},
            {"atoms": rng.choice(("X", "U", "XU"))},
            {"limits": (second, rng.uniform(90.0, high))},
        )
        yield Recipe(f"{name} random {number + 1}", material, steps)


def short(
    name: str, material: Material, excluded: tuple[tuple[float, float], ...] = (), lebail: bool = False
) -> Recipe:
    """Three steps over a narrow range: a second or two, for tests."""
    low = min(h.low for h in material.histograms)
    steps: tuple[Step, ...] = (
        {"limits": (low, low + 32.0), "background": ("chebyschev-1", 4)},
        {"set": {"Cell": True, "Instrument Parameters": ["Zero", "W", "Y"], "Sample Parameters": ["Shift"]}},
        {"atoms": "XU"},
    )
    return Recipe(name, material, steps, excluded, lebail)


RECIPES = {
    "y2o3": by_hand("Y2O3 by hand", Y2O3),
    "pbso4-neutron": by_hand("PbSO4 neutron by hand", PBSO4_NEUTRON),
    "pbso4-joint": by_hand("PbSO4 joint by hand", PBSO4_JOINT),
    "y2o3-short": short("Y2O3 short", Y2O3),
    "y2o3-excluded": short("Y2O3 excluded regions", Y2O3, ((28.0, 30.0), (35.0, 37.0))),
    "pbso4-excluded": short("PbSO4 excluded regions", PBSO4_JOINT, ((30.0, 33.0),)),
    "y2o3-lebail": short("Y2O3 Le Bail", Y2O3, lebail=True),
}
# Here reflections leave the range of the data, and GSAS-II changes the sign of their multiplicity.
RECIPES["pbso4-lost"] = list(at_random(PBSO4_NEUTRON, "PbSO4 lost", 12, 2))[1]
RANDOM = {"y2o3": Y2O3, "pbso4-neutron": PBSO4_NEUTRON, "pbso4-joint": PBSO4_JOINT}


def run(recipe: Recipe, data: Path, folder: Path) -> dict[str, Any]:
    """Run a recipe in a folder and return all results after each step.

    Returns a dictionary with "wR" (one value a step and histogram, None where the step failed), "errors" and
    "steps": per step the names, values, esds and covariance of the variables, and per histogram the calculated
    pattern, the background and the reflections, all as bytes so that they can be compared bit by bit.
    """
    from GSASII import GSASIIscriptable as G2sc

    G2sc.SetPrintLevel("none")
    project = G2sc.G2Project(newgpx=str(folder / "trial.gpx"))
    home = data / recipe.material.folder
    histograms = []
    for histogram in recipe.material.histograms:
        histograms.append(
            project.add_powder_histogram(
                str(home / histogram.data), str(home / histogram.instrument), fmthint=histogram.reader
            )
        )
    phase = project.add_phase(
        str(home / recipe.material.structure), phasename="phase", histograms=histograms, fmthint="CIF"
    )
    for histogram in histograms:
        for low, high in recipe.excluded:
            histogram.data["Limits"].append([low, high])
    seen: dict[str, Any] = {"wR": [], "errors": [], "steps": []}
    for number, step in enumerate(recipe.steps):
        if recipe.lebail and number == 1:  # a first refinement makes the list of reflections
            for histogram in histograms:
                phase.setHAPvalues({"LeBail": True}, targethistlist=[histogram])
        _apply(step, recipe, project, phase, histograms)
        for histogram in histograms:
            histogram.data["data"][0].pop("wR", None)
        project.data["Covariance"]["data"] = {}
        try:
            project.refine()
        except Exception as error:  # noqa: BLE001  GSAS-II may raise anything; both ways must raise the same
            seen["errors"].append(f"{type(error).__name__}: {error}")
            break
        seen["wR"].append([histogram.get_wR() for histogram in histograms])
        seen["steps"].append(_visible(project, phase, histograms))
    return seen


def _apply(step: Step, recipe: Recipe, project: Any, phase: Any, histograms: list[Any]) -> None:
    for histogram, known in zip(histograms, recipe.material.histograms, strict=True):
        if "limits" in step:
            low, high = step["limits"]
            histogram.Limits("lower", max(low, known.low))
            histogram.Limits("upper", min(high, known.high))
        if "background" in step:
            function, terms = step["background"]
            histogram.set_refinements({"Background": {"type": function, "no. coeffs": terms, "refine": True}})
        if "set" in step:
            wanted = {key: value for key, value in step["set"].items() if key != "Cell"}
            if histogram.SampleParameters["Type"] != "Bragg-Brentano" and "Sample Parameters" in wanted:
                names = {"Shift": "DisplaceX", "Transparency": "DisplaceY"}
                wanted["Sample Parameters"] = [names.get(name, name) for name in wanted["Sample Parameters"]]
            histogram.set_refinements({key: value for key, value in wanted.items() if value})
    if "set" in step and "Cell" in step["set"]:
        phase.set_refinements({"Cell": step["set"]["Cell"]})
    if "atoms" in step:
        for atom in phase.atoms():
            atom.refinement_flags = step["atoms"]


def _visible(project: Any, phase: Any, histograms: list[Any]) -> dict[str, Any]:
    import numpy as np

    def exact(values: Any) -> bytes:
        return np.ma.filled(np.ma.asarray(values, dtype=float), -999.0).tobytes()

    def outcome(values: dict[str, Any]) -> dict[str, str]:
        return {name: repr(values[name]) for name in sorted(values)}

    covariance = project.data["Covariance"]["data"]
    rvals = dict(covariance.get("Rvals", {}))
    seen: dict[str, Any] = {
        "names": list(covariance.get("varyList", ())),
        "values": exact(covariance.get("variables", ())),
        "esds": exact([np.nan if s is None else s for s in covariance.get("sig", ())]),
        "covariance": exact(covariance.get("covMatrix", ())),
        "dependent": outcome(covariance.get("depSigDict", {})),
        "rvals": outcome({k: v for k, v in rvals.items() if not k.lower().startswith("time")}),
        "cell": repr(phase.get_cell_and_esd()),
    }
    for number, histogram in enumerate(histograms):
        seen[f"calculated {number}"] = exact(histogram.getdata("Ycalc"))
        seen[f"background {number}"] = exact(histogram.getdata("Background"))
        seen[f"residuals {number}"] = outcome(histogram.residuals)
        for name, reflections in histogram.reflections().items():
            seen[f"reflections {number} {name}"] = exact(reflections.get("RefList", ()))
    return seen
