"""Reading a refined project: parameters with esds, correlations, curves, reflections, structures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autogsas_gsas2.child import lebail
from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.parameters import Knob, knobs
from autogsas_gsas2.child.refinement import calculate
from autogsas_gsas2.child.steps import set_limits
from autogsas_gsas2.child.tree import get
from autogsas_gsas2.child.variable_names import generated, ours, strange_group
from autogsas_gsas2.child.weight_fractions import weight_fractions
from autogsas_gsas2.protocol import CurveData, ParameterData, PhaseResult, ReflectionData, ResultData, SiteResult

__all__ = ["read", "whole_range"]

Array = Any

_CELL = (
    ("a", "length_a", "Å"),
    ("b", "length_b", "Å"),
    ("c", "length_c", "Å"),
    ("alpha", "angle_alpha", "°"),
    ("beta", "angle_beta", "°"),
    ("gamma", "angle_gamma", "°"),
    ("volume", "volume", "Å³"),
)


def read(model: Model) -> ResultData:
    """Return the state after the last step, over the project's full limits. Raises Failure before any step."""
    if not model.reports:
        raise Failure("no-step", "no step has been refined")
    whole_range(model)
    curves = [_curves(model, item) for item in model.histograms]
    found = model.gpx.data["Covariance"]["data"]
    esds = {name: float(esd) for name, esd in zip(found["varyList"], found["sig"], strict=True) if esd is not None}
    esds.update({name: float(pair[1]) for name, pair in found.get("depSigDict", {}).items() if pair[1] is not None})
    esds = {name: esd for name, esd in esds.items() if np.isfinite(esd) and esd > 0 and name not in model.dropped}
    parameters = _parameters(model, esds)
    for item in model.histograms:
        parameters += weight_fractions(model, item, found)
    varied, correlation = _varied(model, found, esds, parameters)
    acting = {phase.name: _restraints(model, phase) for phase in model.phases}
    return ResultData(
        parameters=parameters,
        varied=varied,
        correlation=correlation,
        curves=curves,
        phases=[_phase(model, phase) for phase in model.phases],
        rwp=_rwp(model, found),
        notes=[*model.notes, *_notes(acting), *([lebail.NOTE] if model.le_bail() else [])],
        restraints=sum(sum(kinds.values()) for kinds in acting.values()),
    )


def _varied(
    model: Model, found: dict[str, Any], esds: dict[str, float], parameters: list[ParameterData]
) -> tuple[list[str], Array]:
    """Return the names of what was varied, and its correlation (p, p); what no word is for joins ``parameters``."""
    words = ours(model)
    made = generated(model, words)
    known = {parameter.name: parameter.esd for parameter in parameters}
    names: list[str] = []
    rows: list[Array] = []
    for index, variable in enumerate(found["varyList"]):
        if variable not in esds:
            continue
        name = words.get(variable, f"GSAS-II {variable}")
        if name not in known:
            value = float(found["variables"][index])
            parameters.append(ParameterData(name, value, esds[variable], "", strange_group(variable)))
            known[name] = esds[variable]
        if known[name] is not None and name not in names:
            slopes = made[variable][1] if variable in made else {variable: 1.0}
            names.append(name)
            rows.append([slopes.get(one, 0.0) for one in found["varyList"]])
    directions = np.array(rows, dtype=float).reshape(len(names), len(found["varyList"]))
    covariance = np.asarray(found["covMatrix"], dtype=float)
    return names, _correlation(directions @ covariance @ directions.T)


def whole_range(model: Model) -> None:
    """Calculate over the project's full limits where the last step was refined in others; nothing else changes."""
    if all(model.histogram(item)["Limits"][1] == item.limits for item in model.histograms):
        return
    changes: list[list[Any]] = []
    for item in model.histograms:
        set_limits(model, item, item.limits, None, changes)
    entry = {"title": "calculated over the full limits", "changes": changes, "extract": lebail.extract(model)}
    calculate(model)
    model.record.append(entry | {"refinements": [[0, 1e-3]]})
    model.calculated = True


def _rwp(model: Model, found: dict[str, Any]) -> float:
    if not model.calculated:
        return float(found["Rvals"]["Rwp"])
    squares, total = 0.0, 0.0
    for item in model.histograms:
        tree = model.histogram(item)
        inside = model.points(item, item.limits)
        y, weights, calculated = (np.ma.getdata(array)[inside] for array in tree["data"][1][1:4])
        squares += float(np.sum(weights * (y - calculated) ** 2))
        total += float(np.sum(weights * y**2))
    return 100.0 * math.sqrt(squares / total) if total > 0 else math.nan


def _correlation(covariance: Array) -> Array:
    esds = np.sqrt(np.diag(covariance))
    safe = np.where(esds > 0, esds, 1.0)
    correlation = np.clip(covariance / np.outer(safe, safe), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return (correlation + correlation.T) / 2.0


def _parameters(model: Model, esds: dict[str, float]) -> list[ParameterData]:
    out: list[ParameterData] = []
    for knob in knobs(model):
        if knob.group == "cell":
            out += _cell(model, next(phase for phase in model.phases if phase.name == knob.phase), esds)
        else:
            out += _numbers(model, knob, esds)
    return out


def _numbers(model: Model, knob: Knob, esds: dict[str, float]) -> list[ParameterData]:
    out = []
    for entry in knob.entries:
        value = float(get(model.gpx.data, entry.path)) * entry.factor
        esd = esds.get(entry.variable)
        esd = None if esd is None or entry.factor == 0 else esd * abs(entry.factor)
        out.append(ParameterData(entry.name, value, esd, knob.unit, knob.group, knob.phase, knob.histogram, knob.site))
    return out


def _cell(model: Model, item: PhaseModel, esds: dict[str, float]) -> list[ParameterData]:
    phase = model.gpx.phase(item.key)
    values = phase.get_cell()
    refined = any(f"{item.number}::A{i}" in esds for i in range(6))
    errors = phase.get_cell_and_esd()[1] if refined else {}
    out = []
    for name, key, unit in _CELL:
        value = float(values[key])
        esd = float(errors.get(key) or 0.0)
        # What symmetry fixes comes out of the propagation as nothing or as rounding noise.
        shown = esd if np.isfinite(esd) and esd > 1e-9 * abs(value) else None
        out.append(ParameterData(f"{item.name}:{name}", value, shown, unit, "cell", item.name))
    return out


def _curves(model: Model, item: HistogramModel) -> CurveData:
    tree = model.histogram(item)
    inside = model.points(item, item.limits)
    x, y, weights, calculated, background = (np.ma.getdata(array)[inside] for array in tree["data"][1][:5])
    counted = weights * float(tree["data"][0].get("wtFactor", 1.0))
    for low, high in item.excluded:
        counted = np.where((x >= low) & (x <= high), 0.0, counted)
    return CurveData(
        histogram=item.name,
        x=x,
        observed=y,
        calculated=calculated,
        background=background,
        weights=counted,
        reflections=[_reflections(model, phase, item) for phase in model.phases if model.pair(phase, item) is not None],
        background_function=str(tree["Background"][0][0]),
    )


def _reflections(model: Model, phase: PhaseModel, item: HistogramModel) -> ReflectionData:
    found = model.histogram(item)["Reflection Lists"].get(phase.key) or {}
    table = np.asarray(found.get("RefList", np.zeros((0, 15))), dtype=float).reshape(-1, np.shape(found["RefList"])[1])
    more = 1 if found.get("Super") else 0
    place = table[:, 5 + more]
    table = table[(place >= item.limits[0]) & (place <= item.limits[1])]
    column = {name: table[:, 3 + more + i] for i, name in enumerate(("m", "d", "x", "s", "g", "fo", "fc", "p", "corr"))}
    # GSAS-II's variance is in centidegree^2, its Lorentzian full width in centidegree.
    sigma = np.sqrt(np.maximum(column["s"], 0.0)) / 100.0
    gamma = np.maximum(column["g"], 0.0) / 100.0
    return ReflectionData(
        phase=phase.name,
        hkl=table[:, :3],
        multiplicity=column["m"],
        d=column["d"],
        two_theta=column["x"],
        f2_calculated=column["fc"],
        f2_observed=column["fo"],
        intensity=column["fc"] * column["corr"],
        fwhm=_full_width(math.sqrt(8.0 * math.log(2.0)) * sigma, gamma),
        sigma=sigma,
        gamma=gamma,
    )


def _full_width(gauss: Array, lorentz: Array) -> Array:
    """Return the full width of a pseudo-Voigt (Thompson, Cox & Hastings, J. Appl. Cryst. 20, 79 (1987), eq. 6)."""
    g, s = gauss, lorentz
    fifth = g**5 + 2.69269 * g**4 * s + 2.42843 * g**3 * s**2 + 4.47163 * g**2 * s**3 + 0.07842 * g * s**4 + s**5
    return fifth**0.2


def _phase(model: Model, item: PhaseModel) -> PhaseResult:
    tree = model.phase(item)
    x, _, _, adp = tree["General"]["AtomPtrs"]
    sites = [
        SiteResult(
            label=label,
            xyz=[float(v) for v in atom[x : x + 3]],
            occupancy=float(atom[x + 3]),
            uiso=float(atom[adp + 1]),
            uaniso=[float(v) for v in atom[adp + 2 : adp + 8]] if atom[adp] == "A" else None,
        )
        for label, atom in zip(item.labels, tree["Atoms"], strict=True)
    ]
    return PhaseResult(item.name, [float(v) for v in tree["General"]["Cell"][1:7]], sites)


def _restraints(model: Model, item: PhaseModel) -> dict[str, int]:
    """Return how many restraints of each kind act on a phase: each kind is a dict with a switch and lists."""
    tree = model.gpx.data.get("Restraints", {}).get("data", {}).get(item.key, {})
    found = {
        name: sum(len(v) for k, v in one.items() if isinstance(v, list) and k not in ("wtFactor", "Range", "Use"))
        for name, one in tree.items()
        if isinstance(one, dict) and one.get("Use", True)
    }
    return {name: count for name, count in found.items() if count}


def _notes(acting: dict[str, dict[str, int]]) -> list[str]:
    """Say where restraints act: without its window GSAS-II leaves them out of chi^2, not out of the shifts."""
    return [
        f"{phase} has restraints ({', '.join(kinds)}): they act on the refinement, "
        "but GSAS-II leaves them out of chi^2 here"
        for phase, kinds in acting.items()
        if kinds
    ]
