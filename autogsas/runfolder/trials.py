"""Trials as they are stored in a run folder: ``trials/NNNN.json``, written and read back as typed data."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from autogsas.errors import UserError
from autogsas.model.metrics import Metrics
from autogsas.model.quantification import MeasuredAmounts
from autogsas.model.recipe import Recipe
from autogsas.model.result import Alternative, Finding, FindingTable, Parameter, Result, Severity, StepResult
from autogsas.model.structure import Cell, Phase, Site, equivalent_u
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.plaindata import plain
from autogsas.trial.assessment import Assessment, HistogramFigures
from autogsas.trial.pool import Outcome

__all__ = [
    "Correlation",
    "StoredTrial",
    "correlations",
    "read_records",
    "read_stored_trial",
    "store_trial",
    "trial_file",
    "trial_json",
]


# Figures of a histogram that runs of older versions do not hold.
_LATER_FIGURES = ("rwp_background_subtracted", "durbin_watson", "effective_points", "esd_factor")
_AMOUNTS = TypeAdapter(tuple[MeasuredAmounts, ...])


@dataclass(frozen=True)
class Correlation:
    """The correlation of two parameters, by their names."""

    a: str
    b: str
    value: float


@dataclass(frozen=True)
class StoredTrial:
    """One finished trial with its result, as far as its JSON file holds it.

    ``same_as`` is the number of the trial whose result it took over, None if it was refined itself. ``engine_rwp`` is
    in per cent. ``phases`` have isotropic displacements, the equivalent ones for tensors, and no specimen.
    ``refined`` is False where there is no result: for a failed or pruned trial, and where ``same_as`` is given.
    ``alternatives`` are other models that were refined on the way and fit about as well.
    """

    record: TrialRecord
    same_as: int | None = None
    traceback: str = ""
    histograms: tuple[HistogramFigures, ...] = ()
    refined: bool = False
    engine_rwp: float = math.nan
    parameters: tuple[Parameter, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    phases: tuple[Phase, ...] = ()
    notes: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    amounts: tuple[MeasuredAmounts, ...] = ()

    def histogram(self, name: str) -> HistogramFigures | None:
        """Return the figures of a histogram by its name, None if there are none."""
        return next((item for item in self.histograms if item.name == name), None)


def store_trial(
    record: TrialRecord, assessment: Assessment, outcome: Outcome | None, same_as: int | None
) -> StoredTrial:
    """Return what is stored of a trial."""
    result = outcome.result if outcome is not None else None
    stored = StoredTrial(
        record=record,
        same_as=same_as,
        traceback=assessment.traceback or (outcome.traceback if outcome is not None else ""),
        histograms=assessment.histograms,
    )
    if result is None:
        return stored
    return dataclasses.replace(
        stored,
        refined=True,
        engine_rwp=result.engine_rwp,
        parameters=result.parameters,
        correlations=correlations(result),
        phases=tuple(_isotropic(phase) for phase in result.phases),
        notes=result.notes,
        alternatives=result.alternatives,
        amounts=assessment.amounts,
    )


def _isotropic(phase: Phase) -> Phase:
    sites = tuple(dataclasses.replace(site, uiso=_u(phase.cell, site), uaniso=None) for site in phase.sites)
    return Phase(phase.name, phase.space_group, phase.cell, sites)


def _u(cell: Cell, site: Site) -> float:
    return site.uiso if site.uaniso is None else equivalent_u(cell, site.uaniso)


def correlations(result: Result, above: float = 0.8, at_most: int = 50) -> tuple[Correlation, ...]:
    """Return the strongest correlations of a result, of absolute value over ``above``, strongest first."""
    matrix = np.asarray(result.correlation)
    first, second = np.triu_indices(len(result.varied), k=1)
    values = matrix[first, second]
    strong = [i for i in np.argsort(-np.abs(np.nan_to_num(values))) if abs(values[i]) > above][:at_most]
    return tuple(Correlation(result.varied[first[i]], result.varied[second[i]], float(values[i])) for i in strong)


def trial_json(trial: StoredTrial) -> dict[str, Any]:
    """Return a trial as its JSON file holds it; numbers that are not finite become None."""
    record = trial.record
    data: dict[str, Any] = {
        "schema": 1,
        **{f.name: getattr(record, f.name) for f in dataclasses.fields(record)},
        "recipe": record.recipe.plain(),
        "same_as": trial.same_as,
        "traceback": trial.traceback,
        "histograms": trial.histograms,
    }
    if trial.refined:
        data |= {
            "engine_rwp": trial.engine_rwp,
            "parameters": trial.parameters,
            "correlations": trial.correlations,
            "structure": [_phase_json(phase) for phase in trial.phases],
            "notes": trial.notes,
            "alternatives": trial.alternatives,
        }
    if trial.amounts:
        data["amounts"] = trial.amounts
    found: dict[str, Any] = plain(data)
    return found


def _phase_json(phase: Phase) -> dict[str, Any]:
    return {
        "name": phase.name,
        "space_group": phase.space_group,
        "cell": phase.cell,
        "sites": [
            {
                "label": site.label,
                "element": site.element,
                **dict(zip("xyz", site.xyz, strict=True)),
                "occupancy": site.occupancy,
                "uiso": site.uiso,
            }
            for site in phase.sites
        ],
    }


def trial_file(folder: Path, number: int) -> Path:
    """Return where the JSON of a trial is in a run folder."""
    return folder / "trials" / f"{number:04d}.json"


def read_stored_trial(folder: Path, number: int) -> StoredTrial:
    """Read one trial of a run folder. Raises UserError where its file is missing or damaged."""
    return _read(trial_file(folder, number))


def read_records(folder: Path) -> list[TrialRecord]:
    """Return the trials of a run folder in order; the run may be in progress.

    Raises UserError where a file is damaged.
    """
    return [_read(path).record for path in sorted((folder / "trials").glob("*.json"))]


def _read(path: Path) -> StoredTrial:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"the run folder is damaged: {error}", file=path) from error
    try:
        return _stored(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"the run folder is damaged: {type(error).__name__} {error}", file=path) from error


def _stored(data: Mapping[str, Any]) -> StoredTrial:
    stored = StoredTrial(
        record=_record(data),
        same_as=data["same_as"],
        traceback=data.get("traceback", ""),
        histograms=tuple(_histogram(item) for item in data.get("histograms", ())),
    )
    if "structure" not in data:
        return stored
    return dataclasses.replace(
        stored,
        refined=True,
        engine_rwp=_number(data["engine_rwp"]),
        parameters=_parameters(data["parameters"]),
        correlations=tuple(Correlation(**item) for item in data["correlations"]),
        phases=tuple(_phase(item) for item in data["structure"]),
        notes=tuple(data["notes"]),
        alternatives=tuple(
            Alternative(item["name"], _number(item["chi2"]), item["n_variables"], _parameters(item["parameters"]))
            for item in data.get("alternatives", ())
        ),
        amounts=_AMOUNTS.validate_python(data.get("amounts", ())),
    )


def _parameters(data: Sequence[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(**{**item, "value": _number(item["value"])}) for item in data)


def _record(data: Mapping[str, Any]) -> TrialRecord:
    metrics: Mapping[str, Any] | None = data["metrics"]
    return TrialRecord(
        number=data["number"],
        state=TrialState(data["state"]),
        origin=data["origin"],
        recipe=Recipe.model_validate(data["recipe"]),
        choices=data["choices"],
        score=data["score"],
        metrics=None if metrics is None else Metrics(**_filled(metrics)),
        steps=tuple(_step(step) for step in data["steps"]),
        findings=tuple(_finding(item) for item in data["findings"]),
        cause=data["cause"],
        message=data["message"],
        seconds=data["seconds"],
        ended=data.get("ended"),
    )


def _finding(data: Mapping[str, Any]) -> Finding:
    table = data.get("table")
    read = (
        None
        if table is None
        else FindingTable(table["name"], tuple(table["columns"]), tuple(tuple(row) for row in table["rows"]))
    )
    return Finding(**(dict(data) | {"severity": Severity(data["severity"]), "table": read}))


def _step(data: Mapping[str, Any]) -> StepResult:
    return StepResult(**(_filled(data) | {key: tuple(data[key]) for key in ("dropped", "at_bound")}))


def _histogram(data: Mapping[str, Any]) -> HistogramFigures:
    return HistogramFigures(
        data["name"],
        Metrics(**_filled(data["metrics"])),
        _filled(data["r_bragg"]),
        _filled(data.get("r_f", {})),
        **{key: _number(data.get(key)) for key in _LATER_FIGURES},
    )


def _phase(data: Mapping[str, Any]) -> Phase:
    cell = Cell(**data["cell"])
    return Phase(data["name"], data["space_group"], cell, tuple(_site(item) for item in data["sites"]))


def _site(data: Mapping[str, Any]) -> Site:
    x, y, z = (_number(data[axis]) for axis in "xyz")
    return Site(data["label"], data["element"], (x, y, z), _number(data["occupancy"]), _number(data["uiso"]))


def _filled(data: Mapping[str, Any]) -> dict[str, Any]:
    # Numbers that are not finite were written as null.
    return {key: math.nan if value is None else value for key, value in data.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value
