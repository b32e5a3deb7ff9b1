"""Reading the results of a refinement: parameters with esds, correlations, curves, reflections, structures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autogsas_gsas2.child import lebail
from autogsas_gsas2.child.covariance import Covariance, read_covariance
from autogsas_gsas2.child.errors import Failure
from autogsas_gsas2.child.model import HistogramModel, Model, PhaseModel
from autogsas_gsas2.child.parameters import ParameterGroup, parameter_groups
from autogsas_gsas2.child.refinement import calculate
from autogsas_gsas2.child.steps import DEFAULT_TOLERANCE, set_limits
from autogsas_gsas2.child.tree import get
from autogsas_gsas2.child.variable_names import constraint_variables, group_of_variable, host_names
from autogsas_gsas2.child.weight_fractions import weight_fractions
from autogsas_gsas2.protocol import (
    Change,
    CurveData,
    LeastSquares,
    ParameterData,
    PhaseResult,
    RefinementRecord,
    ReflectionData,
    ResultData,
    SiteResult,
)

__all__ = ["calculate_full_range", "read"]

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
        raise Failure("no-step", "there is no result, because no step has been refined")
    calculate_full_range(model)
    curves = [_curves(model, item) for item in model.histograms]
    found = read_covariance(model)
    if found is None:
        raise Failure("no-step", "there is no result, because GSAS-II has refined no variable")
    esds = {name: esd for name, esd in found.all_esds().items() if name not in model.dropped}
    parameters = _parameters(model, esds)
    for item in model.histograms:
        parameters += weight_fractions(model, item, found)
    parameters += _other_variables(model, found, esds, parameters)
    varied, correlation = _varied(model, found, esds, parameters)
    restraints = {phase.name: _restraints(model, phase) for phase in model.phases}
    return ResultData(
        parameters=parameters,
        varied=varied,
        correlation=correlation,
        curves=curves,
        phases=[_phase(model, phase) for phase in model.phases],
        rwp=_rwp(model, found),
        notes=[*model.notes, *_restraint_notes(restraints), *([lebail.NOTE] if model.le_bail() else [])],
        restraints=sum(sum(kinds.values()) for kinds in restraints.values()),
    )


def _host_name(names: dict[str, str], variable: str) -> str:
    return names.get(variable, f"GSAS-II {variable}")


def _other_variables(
    model: Model, found: Covariance, esds: dict[str, float], parameters: list[ParameterData]
) -> list[ParameterData]:
    """Return the refined variables that are not among ``parameters``: a .gpx may refine more than recipes can."""
    names, known, out = host_names(model), {parameter.name for parameter in parameters}, []
    for variable, value in zip(found.variables, found.values, strict=True):
        name = _host_name(names, variable)
        if variable in esds and name not in known:
            out.append(ParameterData(name, float(value), esds[variable], "", group_of_variable(variable)))
            known.add(name)
    return out


def _varied(
    model: Model, found: Covariance, esds: dict[str, float], parameters: list[ParameterData]
) -> tuple[list[str], Array]:
    """Return the names of the p varied parameters and their correlation matrix (p, p).

    With J the derivatives of the parameters by GSAS-II's variables and C the variables' covariance, the parameters'
    covariance is J C J^T. J is the identity, but for variables that GSAS-II made from constraints.
    """
    names = host_names(model)
    from_constraints = constraint_variables(model, names)
    known = {parameter.name: parameter.esd for parameter in parameters}
    varied: list[str] = []
    rows: list[Array] = []
    for variable in found.variables:
        name = _host_name(names, variable)
        if variable in esds and known[name] is not None and name not in varied:
            made = from_constraints.get(variable)
            slopes = {variable: 1.0} if made is None else made.slopes
            varied.append(name)
            rows.append([slopes.get(one, 0.0) for one in found.variables])
    jacobian = np.array(rows, dtype=float).reshape(len(varied), len(found.variables))
    return varied, _correlation(jacobian @ found.matrix @ jacobian.T)


def calculate_full_range(model: Model) -> None:
    """Calculate the pattern over the project's full limits if the last step was refined within others.

    The parameters do not change, except for the background coefficients where the background keeps its curve.
    """
    if all(model.histogram(item)["Limits"][1] == item.limits for item in model.histograms):
        return
    changes: list[Change] = []
    for item in model.histograms:
        set_limits(model, item, item.limits, None, changes)
    extracted = lebail.extract(model)
    calculate(model)
    refinements = [LeastSquares(0, DEFAULT_TOLERANCE)]
    model.record.append(RefinementRecord("calculated over the full limits", changes, refinements, extracted))
    model.recalculated = True


def _rwp(model: Model, found: Covariance) -> float:
    """Return GSAS-II's Rwp in per cent; after `calculate_full_range` that of the calculated pattern."""
    if not model.recalculated:
        return found.rwp
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
    for group in parameter_groups(model):
        if group.key.group == "cell":
            out += _cell(model, next(phase for phase in model.phases if phase.name == group.key.phase), esds)
        else:
            out += _values(model, group, esds)
    return out


def _values(model: Model, group: ParameterGroup, esds: dict[str, float]) -> list[ParameterData]:
    out = []
    for entry in group.entries:
        value = float(get(model.gpx.data, entry.path)) * entry.factor
        esd = esds.get(entry.variable)
        esd = None if esd is None or entry.factor == 0 else esd * abs(entry.factor)
        key = group.key
        out.append(
            ParameterData(
                name=entry.name,
                value=value,
                esd=esd,
                unit=group.unit,
                group=key.group,
                phase=key.phase,
                histogram=key.histogram,
                site=key.site,
                coordinate=entry.coordinate,
            )
        )
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
        # For what symmetry fixes, the propagated esd is zero or rounding noise.
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
        geometry=model.geometry(item),
    )


def _reflections(model: Model, phase: PhaseModel, item: HistogramModel) -> ReflectionData:
    found = model.histogram(item)["Reflection Lists"].get(phase.key) or {}
    table = np.asarray(found.get("RefList", np.zeros((0, 15))), dtype=float).reshape(-1, np.shape(found["RefList"])[1])
    offset = 1 if found.get("Super") else 0  # a modulated phase has a fourth index
    position = table[:, 5 + offset]
    table = table[(position >= item.limits[0]) & (position <= item.limits[1])]
    column = {
        name: table[:, 3 + offset + i] for i, name in enumerate(("m", "d", "x", "s", "g", "fo", "fc", "p", "corr"))
    }
    # GSAS-II's Gaussian variance is in centidegrees^2, its Lorentzian full width in centidegrees.
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
    """Return the full width of a pseudo-Voigt from those of its parts (n,), in their unit.

    G^5 + 2.69269 G^4 L + 2.42843 G^3 L^2 + 4.47163 G^2 L^3 + 0.07842 G L^4 + L^5 = H^5 (Thompson, Cox & Hastings,
    J. Appl. Cryst. 20, 79 (1987), eq. 6).
    """
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
    """Return the number of active restraints of each kind for a phase; GSAS-II has a dictionary of lists for a kind."""
    tree = model.gpx.data.get("Restraints", {}).get("data", {}).get(item.key, {})
    found = {
        name: sum(len(v) for k, v in one.items() if isinstance(v, list) and k not in ("wtFactor", "Range", "Use"))
        for name, one in tree.items()
        if isinstance(one, dict) and one.get("Use", True)
    }
    return {name: count for name, count in found.items() if count}


def _restraint_notes(restraints: dict[str, dict[str, int]]) -> list[str]:
    """Return a note for each phase with restraints.

    When GSAS-II is used without its window, restraints change the shifts but are not counted in chi^2.
    """
    return [
        f"{phase} has restraints ({', '.join(kinds)}): they act on the refinement, "
        "but GSAS-II does not count them in chi^2"
        for phase, kinds in restraints.items()
        if kinds
    ]
