"""Trials and results as plain data for JSON, and back."""

from __future__ import annotations

import dataclasses
import math
from enum import Enum
from typing import Any

import numpy as np

from autogsas.model.metrics import Metrics
from autogsas.model.recipe import Recipe
from autogsas.model.result import Finding, Result, Severity, StepResult
from autogsas.model.structure import equivalent_u
from autogsas.model.trial import TrialRecord, TrialState

__all__ = ["correlations", "plain", "record_from", "structure"]


def plain(value: Any) -> Any:
    """Return data as dicts, lists, texts and finite numbers: NaN and infinity become None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool)) or value is None else str(value)


def structure(result: Result) -> list[dict[str, Any]]:
    """Return the phases of a result as plain data: cell in Angstrom and degrees, U_iso in Angstrom^2.

    Of a tensor it is the equivalent one.
    """
    return [
        {
            "name": phase.name,
            "space_group": phase.space_group,
            "cell": dataclasses.asdict(phase.cell),
            "sites": [
                {
                    "label": site.label,
                    "element": site.element,
                    **dict(zip("xyz", site.xyz, strict=True)),
                    "occupancy": site.occupancy,
                    "uiso": site.uiso if site.uaniso is None else equivalent_u(phase.cell, site.uaniso),
                }
                for site in phase.sites
            ],
        }
        for phase in result.phases
    ]


def correlations(result: Result, above: float = 0.8, at_most: int = 50) -> list[dict[str, Any]]:
    """Return the strongest correlations of a result, of absolute value over ``above``, strongest first."""
    matrix = np.asarray(result.correlation)
    first, second = np.triu_indices(len(result.varied), k=1)
    values = matrix[first, second]
    strong = [i for i in np.argsort(-np.abs(np.nan_to_num(values))) if abs(values[i]) > above][:at_most]
    return [{"a": result.varied[first[i]], "b": result.varied[second[i]], "value": float(values[i])} for i in strong]


def record_from(data: dict[str, Any]) -> TrialRecord:
    """Return the record of a trial from what its JSON holds. Raises KeyError, TypeError or ValueError."""
    metrics: dict[str, Any] | None = data["metrics"]
    return TrialRecord(
        number=data["number"],
        state=TrialState(data["state"]),
        origin=data["origin"],
        recipe=Recipe.model_validate(data["recipe"]),
        choices=data["choices"],
        score=data["score"],
        metrics=None if metrics is None else Metrics(**_filled(metrics)),
        steps=tuple(_step(step) for step in data["steps"]),
        findings=tuple(Finding(**(item | {"severity": Severity(item["severity"])})) for item in data["findings"]),
        cause=data["cause"],
        message=data["message"],
        seconds=data["seconds"],
        ended=data.get("ended"),
    )


def _step(data: dict[str, Any]) -> StepResult:
    return StepResult(**(_filled(data) | {key: tuple(data[key]) for key in ("dropped", "at_bound")}))


def _filled(data: dict[str, Any]) -> dict[str, Any]:
    # What is not finite was written as null.
    return {key: float("nan") if value is None else value for key, value in data.items()}
