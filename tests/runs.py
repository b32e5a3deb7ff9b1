"""A synthetic run folder like that of a search: peaks of fluorapatite, counting noise, and a history of trials."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.runfolder.summary import Summary

Array = npt.NDArray[np.float64]

# Published structure (Hughes, Cameron & Crowley, Am. Mineral. 74, 870 (1989)), rounded.
CELL = {"a": 9.397, "b": 9.397, "c": 6.878, "alpha": 90.0, "beta": 90.0, "gamma": 120.0}
SITES = [
    ("Ca1", "Ca", 1 / 3, 2 / 3, 0.0010, 0.0085),
    ("Ca2", "Ca", 0.9930, 0.2420, 0.25, 0.0078),
    ("P1", "P", 0.3690, 0.3985, 0.25, 0.0062),
    ("O1", "O", 0.4849, 0.3273, 0.25, 0.0102),
    ("O2", "O", 0.4667, 0.5875, 0.25, 0.0115),
    ("O3", "O", 0.2575, 0.3421, 0.0705, 0.0124),
    ("F1", "F", 0.0, 0.0, 0.25, 0.0201),
]
KALPHA = (1.5405, 1.5443)

PATTERN = ["histogram", "two_theta", "observed", "calculated", "background", "difference", "weight"]
REFLECTIONS = [
    "histogram",
    "phase",
    "h",
    "k",
    "l",
    "multiplicity",
    "d",
    "two_theta",
    "fwhm",
    "f2_observed",
    "f2_calculated",
]


def reflections(wavelength: float = KALPHA[0], upper: float = 130.0) -> list[tuple[int, int, int, int, float, float]]:
    """h, k, l, multiplicity, d in Angstrom and squared structure factor of fluorapatite."""
    group = gemmi.SpaceGroup("P 63/m")
    structure = gemmi.SmallStructure()
    structure.cell = gemmi.UnitCell(*CELL.values())
    for label, element, x, y, z, uiso in SITES:
        site = gemmi.SmallStructure.Site()
        site.label, site.element, site.u_iso, site.occ = label, gemmi.Element(element), uiso, 1.0
        site.type_symbol = element
        site.fract = gemmi.Fractional(x, y, z)
        structure.add_site(site)
    structure.spacegroup = group
    structure.setup_cell_images()
    structure.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    smallest = wavelength / 2 / np.sin(np.radians(upper / 2))
    operations = group.operations()
    found = []
    for hkl in gemmi.make_miller_array(structure.cell, group, smallest):
        h, k, el = (int(index) for index in hkl)
        factor = abs(calculator.calculate_sf_from_small_structure(structure, [h, k, el])) ** 2
        equivalents = {tuple(op.apply_to_hkl([h, k, el])) for op in operations.sym_ops}
        equivalents |= {tuple(-index for index in item) for item in equivalents}
        found.append((h, k, el, len(equivalents), structure.cell.calculate_d([h, k, el]), factor))
    return sorted(found, key=lambda item: -item[4])


def pattern(x: Array, peaks: list[tuple[int, int, int, int, float, float]], scale: float, shift: float = 0.0) -> Array:
    """Pseudo-Voigt peaks of a K-alpha doublet, without background."""
    y = np.zeros_like(x)
    for *_, multiplicity, d, factor in peaks:
        for wavelength, share in zip(KALPHA, (1.0, 0.5), strict=True):
            sine = wavelength / 2 / d
            if sine >= 0.999:
                continue
            theta = np.arcsin(sine)
            centre = np.degrees(2 * theta) + shift * np.cos(theta)
            width = 0.06 + 0.05 * np.tan(theta) ** 2
            lorentz = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
            near = np.abs(x - centre) < 40 * width
            u = (x[near] - centre) / width
            shape = 0.5 / (1 + 4 * u**2) + 0.5 * np.exp(-4 * np.log(2) * u**2)
            y[near] += scale * share * multiplicity * factor * lorentz * shape / width
    return y


def write_run(
    folder: Path,
    *,
    points: int = 5751,
    trials: int = 40,
    name: str = "Fluorapatite, laboratory Cu Kα",
    phase: str = "fluorapatite",
    histograms: tuple[str, ...] = ("FAP",),
    excluded: tuple[tuple[float, float], ...] = (),
    findings: tuple[dict[str, Any], ...] = (),
    second_phase: str | None = None,
    usable: bool = True,
    seed: int = 3,
) -> dict[str, Any]:
    """Write summary.json, pattern.csv and reflections.csv into ``folder`` and return the summary."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    if usable:
        peaks = reflections()
        with (
            (folder / "pattern.csv").open("w", newline="", encoding="utf-8") as curves,
            (folder / "reflections.csv").open("w", newline="", encoding="utf-8") as marks,
        ):
            curve_rows, mark_rows = csv.writer(curves), csv.writer(marks)
            curve_rows.writerow(PATTERN)
            mark_rows.writerow(REFLECTIONS)
            for histogram in histograms:
                entries.append(_histogram(random, histogram, phase, points, excluded, peaks, curve_rows))
                _marks(mark_rows, histogram, phase, peaks)
                if second_phase is not None:
                    _marks(mark_rows, histogram, second_phase, peaks[::7])
    history = _history(random, trials, entries[0]["rwp"] if entries else None)
    summary = _summary(name, phase, entries, history, findings, usable, seed)
    Summary.model_validate(summary)
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return summary


def _histogram(
    random: np.random.Generator,
    histogram: str,
    phase: str,
    points: int,
    excluded: tuple[tuple[float, float], ...],
    peaks: list[tuple[int, int, int, int, float, float]],
    rows: Any,
) -> dict[str, Any]:
    x = np.linspace(15.0, 130.0, points)
    background = 130 + 420 * np.exp(-(x - 15) / 22) + 60 * np.exp(-(((x - 32) / 16) ** 2))
    unit = pattern(x, peaks, 1.0)
    scale = 11_000 / unit.max()
    observed = random.poisson(scale * unit + background).astype(float)
    # A peak shape a little off leaves the differences on the flanks that real refinements show.
    calculated = pattern(x, peaks, scale * 0.985, 0.004) + background * (1 + 0.01 * np.sin(x / 9))
    weight = 1 / np.maximum(observed, 1.0)
    for low, high in excluded:
        weight[(x >= low) & (x <= high)] = 0.0
    for index in range(points):
        rows.writerow(
            [
                histogram,
                f"{x[index]:.5f}",
                observed[index],
                f"{calculated[index]:.3f}",
                f"{background[index]:.3f}",
                f"{observed[index] - calculated[index]:.3f}",
                f"{weight[index]:.8g}",
            ]
        )
    total = np.sum(weight * observed**2)
    rwp = 100 * float(np.sqrt(np.sum(weight * (observed - calculated) ** 2) / total))
    used = int(np.count_nonzero(weight))
    rexp = 100 * float(np.sqrt((used - 37) / total))
    return {
        "name": histogram,
        "rwp": rwp,
        "rexp": rexp,
        "gof": rwp / rexp,
        "r_bragg": {phase: 2.8134},
        "r_f": {phase: 1.6521},
        "rwp_background_subtracted": 1.37 * rwp,
        "durbin_watson": 1.284,
        "effective_points": 0.4739 * used,
        "esd_factor": 1.247,
        "n_observations": used,
        "limits": [15.0, 130.0],
        "excluded": [list(item) for item in excluded],
        "radiation": "xray",
        "wavelengths": list(KALPHA),
        "geometry": "Bragg-Brentano",
        "weights_from": "counting statistics",
        "notes": [],
    }


def _marks(rows: Any, histogram: str, phase: str, peaks: list[tuple[int, int, int, int, float, float]]) -> None:
    for h, k, el, multiplicity, d, factor in peaks:
        two_theta = np.degrees(2 * np.arcsin(min(KALPHA[0] / 2 / d, 1.0)))
        rows.writerow(
            [
                histogram,
                phase,
                h,
                k,
                el,
                multiplicity,
                f"{d:.6f}",
                f"{two_theta:.5f}",
                0.09,
                f"{factor * 1.02:.3f}",
                f"{factor:.3f}",
            ]
        )


def _history(random: np.random.Generator, trials: int, reached: float | None) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = []
    best = None
    for number in range(trials):
        draw = 0.5 if number == trials * 3 // 4 else random.random()
        state = "failed" if reached is None or draw < 0.08 else "pruned" if draw < 0.17 else "complete"
        rwp = None
        if reached is not None and state == "complete":
            above = 1.4 * np.exp(-number / 9) + random.gamma(1.1, 3.0 / (1 + number / 8))
            rwp = reached + (0.0 if number == trials * 3 // 4 else 0.01 + float(above))
        if rwp is not None and draw > 0.93:
            rwp += 28.0
        if rwp is not None and 0.17 < draw < 0.3:
            state = "infeasible"
            rwp -= 0.15
        if state == "complete" and rwp is not None:
            best = rwp if best is None else min(best, rwp)
        origin = ("careful", "hand-made", "sequential")[number] if number < 3 else "search"
        history.append(
            {
                "number": number,
                "state": state,
                "origin": origin,
                "rwp": rwp,
                "score": rwp,
                "n_variables": None if rwp is None else 30 + number % 9,
                "best_so_far": best,
                "seconds": 4.2,
            }
        )
    return history


def _parameters(phase: str) -> list[dict[str, Any]]:
    def row(name: str, value: float, esd: float | None, unit: str, group: str, **owner: str) -> dict[str, Any]:
        owners = {key: owner.get(key) for key in ("phase", "histogram", "site")}
        computed = None if esd is None else esd / 1.3
        given = {"name": name, "value": value, "esd": esd, "esd_computed": computed, "unit": unit, "group": group}
        return given | owners

    rows = [
        row(f"{phase}:a", 9.36842, 0.00014, "Å", "cell", phase=phase),
        row(f"{phase}:c", 6.88523, 0.00011, "Å", "cell", phase=phase),
    ]
    for label, _, x, y, z, uiso in SITES:
        own = {"phase": phase, "site": label}
        if label not in ("Ca1", "F1"):
            rows.append(row(f"{phase}:{label}:x", x, 0.00041, "", "positions", **own))
            rows.append(row(f"{phase}:{label}:y", y, 0.00052, "", "positions", **own))
        if label in ("Ca1", "O3"):
            rows.append(row(f"{phase}:{label}:z", z, 0.0005, "", "positions", **own))
        rows.append(row(f"{phase}:{label}:Uiso", uiso, 0.0006, "Å²", "uiso", **own))
    for name, value, esd, unit, group in (
        ("scale", 14.732, 0.061, "", "scale"),
        ("zero", -0.0123, None, "°", "zero"),
        ("displacement", -113.4, 2.7, "µm", "displacement"),
        ("U", 2.13, 0.31, "0.01° squared", "U"),
        ("V", -3.62, 0.44, "0.01° squared", "V"),
        ("W", 4.881, 0.096, "0.01° squared", "W"),
        ("X", 2.45, 0.19, "0.01°", "X"),
        ("SH/L", 0.02411, 0.00032, "", "SH/L"),
    ):
        rows.append(row(f"FAP:{name}", value, esd, unit, group, histogram="FAP"))
    for term in range(12):
        rows.append(row(f"FAP:background {term}", 420.0 / (term + 1), 3.1, "", "background", histogram="FAP"))
    return rows


def _summary(
    name: str,
    phase: str,
    entries: list[dict[str, Any]],
    history: list[dict[str, Any]],
    findings: tuple[dict[str, Any], ...],
    usable: bool,
    seed: int,
) -> dict[str, Any]:
    states = [item["state"] for item in history]
    best = min((item for item in history if item["state"] == "complete"), key=lambda item: item["rwp"], default=None)
    first = entries[0] if entries else None
    return {
        "schema": 1,
        "autogsas": "0.1.0",
        "project": name,
        "project_file": "projects/fluorapatite/project.yaml",
        "command": "autogsas run projects/fluorapatite --backend numpy --trials 40 --seed 1",
        "created": "2026-03-05T14:22:10+00:00",
        "backend": {"name": "numpy", "version": "0.1.0"},
        "rwp": first and first["rwp"],
        "rexp": first and first["rexp"],
        "gof": first and first["gof"],
        "chi2": 16342.7 if usable else None,
        "bic": 6324.2 if usable else None,
        "engine_rwp": first and first["rwp"],
        "n_variables": 37 if usable else None,
        "n_observations": sum(entry["n_observations"] for entry in entries) if usable else None,
        "histograms": entries,
        "trials": {
            "complete": states.count("complete"),
            "pruned": states.count("pruned"),
            "failed": states.count("failed"),
            "infeasible": states.count("infeasible"),
            "total": len(states),
        },
        "causes": {
            "timeout": states.count("failed") - states.count("failed") // 2,
            "singular": states.count("failed") // 2,
        }
        if "failed" in states
        else {},
        "best_trial": best and best["number"],
        "best_origin": best and best["origin"],
        "seconds": 168.4,
        "finished": "complete",
        "findings": list(findings),
        "candidates": [
            {"trial": best["number"], "rwp": best["rwp"], "count": 11, "findings": [], "differs": []},
            {
                "trial": 5,
                "rwp": best["rwp"] + 0.21,
                "count": 3,
                "findings": ["uiso-large"],
                "differs": [f"{phase}:c", f"{phase}:O3:x"],
                "infeasible": 2,
                "differences": [
                    {
                        "name": f"{phase}:O3",
                        "kind": "position",
                        "phase": phase,
                        "atom": "O3",
                        "shift": 0.314,
                        "unit": "Å",
                        "esds": 45.3,
                    },
                    {
                        "name": f"{phase}:c",
                        "kind": "cell",
                        "phase": phase,
                        "atom": None,
                        "shift": -0.0213,
                        "unit": "Å",
                        "esds": None,
                    },
                ],
            },
        ]
        if best
        else [],
        "elsewhere": 1 if best else 0,
        "parameters": _parameters(phase) if usable else [],
        "rwp_background_subtracted": first and first["rwp_background_subtracted"],
        "le_bail_floor": {"rwp": 0.913 * first["rwp"], "engine": "numpy", "seconds": 3.2, "note": ""}
        if first
        else None,
        "uncertainty": {
            "esd_factor": 1.247,
            "effective_points": sum(entry["effective_points"] for entry in entries),
            "models": [
                {"trial": best and best["number"], "name": "", "n_variables": 37, "delta_bic": 0.0, "weight": 0.8176},
                {
                    "trial": 7,
                    "name": "zero in place of displacement",
                    "n_variables": 37,
                    "delta_bic": 3.0,
                    "weight": 0.1824,
                },
            ],
        }
        if best
        else None,
        "correlations": [
            {"a": f"{phase}:a", "b": "FAP:displacement", "value": 0.953},
            {"a": "FAP:U", "b": "FAP:V", "value": -0.982},
        ]
        if usable
        else [],
        "structure": [
            {
                "name": phase,
                "space_group": "P 63/m",
                "cell": {**CELL, "a": 9.36842, "b": 9.36842, "c": 6.88523},
                "sites": [
                    {"label": label, "element": element, "x": x, "y": y, "z": z, "occupancy": 1.0, "uiso": uiso}
                    for label, element, x, y, z, uiso in SITES
                ],
            }
        ]
        if usable
        else [],
        "limits": {entry["name"]: entry["limits"] for entry in entries},
        "seed": seed,
        "recipe": {
            "schema": 1,
            "name": "careful",
            "steps": [
                {
                    "title": "Scale and background",
                    "limits": [40.0, 130.0],
                    "free": ["scale", "background"],
                    "background": {"function": "log interpolate", "terms": 12},
                },
                {"title": "Cell", "free": ["cell", "displacement"]},
                {"title": "Peak shape", "free": ["U", "V", "W", "X", "SH/L"], "set": {"W": 5.0}},
                {"title": "Structure", "free": ["positions", "uiso"]},
            ],
        }
        if usable
        else None,
        "steps": [
            {
                "title": title,
                "rwp": rwp,
                "n_variables": n,
                "converged": n != 15,
                "cycles": 4 + n // 9,
                "shift_esd": 0.004 * n,
                "dropped": ["FAP:V"] if n == 20 else [],
                "seconds": 0.07 * n,
            }
            for title, rwp, n in (
                ("Scale and background", 38.2, 13),
                ("Cell", 24.9, 15),
                ("Peak shape", 12.37, 20),
                ("Structure", first["rwp"] if first else None, 37),
            )
        ]
        if usable
        else [],
        "history": history,
        "versions": {"python": "3.11.2", "autogsas": "0.1.0", "numpy": "2.3.1", "scipy": "1.16.0", "optuna": "5.0.0"},
    }
