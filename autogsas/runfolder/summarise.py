"""From what a run folder holds to its summary."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from autogsas.model.metrics import bic
from autogsas.model.project import Project
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.candidates import group_candidates
from autogsas.runfolder.records import plain
from autogsas.runfolder.summary import StepPart, Summary
from autogsas.version import __version__

__all__ = ["build_summary"]


def build_summary(
    project: Project,
    trials: Sequence[Mapping[str, Any]],
    records: Sequence[TrialRecord],
    best: TrialRecord | None,
    **about: Any,
) -> Summary:
    """Return the summary of a run.

    ``trials`` are what the trials' JSON files hold, in the order of ``records``; ``about`` gives ``command``,
    ``created``, ``backend`` (name and version), ``seconds``, ``finished`` and ``seed``.
    """
    found: Mapping[str, Any] = trials[best.number] if best is not None else {}
    metrics = found.get("metrics") or {}
    states = Counter(record.state for record in records)
    candidates = group_candidates(trials)
    causes = Counter(record.cause for record in records if record.cause)
    data = {
        "schema": 1,
        "autogsas": __version__,
        "project": project.name,
        "project_file": None if project.file is None else str(project.file),
        **{key: metrics.get(key) for key in ("rwp", "rexp", "gof", "chi2", "n_variables", "n_observations")},
        "bic": bic(metrics["chi2"], metrics["n_observations"], metrics["n_variables"]) if metrics else None,
        "engine_rwp": found.get("engine_rwp"),
        "histograms": _histograms(project, found),
        "trials": {
            **{state.value: states[state] for state in TrialState},
            "total": len(records),
        },
        "causes": dict(causes.most_common()),
        "best_trial": None if best is None else best.number,
        "best_origin": None if best is None else best.origin,
        "findings": found.get("findings", []),
        "candidates": candidates.found,
        "elsewhere": candidates.elsewhere,
        **{key: found.get(key, []) for key in ("parameters", "correlations", "structure")},
        "limits": {histogram.name: histogram.limits for histogram in project.histograms},
        "recipe": found.get("recipe"),
        "steps": [{key: step[key] for key in StepPart.model_fields} for step in found.get("steps", [])],
        "by_hand": _by_hand(project, records),
        "history": _history(records),
        "versions": {"python": platform.python_version(), "autogsas": __version__}
        | {name: version(name) for name in ("numpy", "scipy", "gemmi", "optuna")},
        **about,
    }
    return Summary.model_validate(plain(data))


def _histograms(project: Project, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    figures = {item["name"]: item for item in found.get("histograms", ())}
    out = []
    for histogram in project.histograms:
        item = figures.get(histogram.name, {})
        metrics = item.get("metrics", {})
        out.append(
            {
                "name": histogram.name,
                **{key: metrics.get(key) for key in ("rwp", "rexp", "gof", "n_observations")},
                "r_bragg": item.get("r_bragg", {}),
                "limits": histogram.limits,
                "excluded": histogram.excluded,
                "radiation": histogram.instrument.radiation,
                "wavelengths": histogram.instrument.wavelengths,
                "geometry": histogram.instrument.geometry,
                "weights_from": histogram.pattern.weights_from,
                "notes": [*histogram.pattern.notes, *histogram.instrument.notes],
            }
        )
    return out


def _by_hand(project: Project, records: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """Return the refinements made by hand: what the project held, and whole recipes, which the search did not make."""
    held = [] if project.held_rwp is None else [{"name": project.name, "trial": None, "rwp": project.held_rwp}]
    return held + [
        {"name": record.origin, "trial": record.number, "rwp": record.metrics.rwp if record.metrics else None}
        for record in records
        if not record.choices and record.origin != "search"
    ]


def _history(records: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    out = []
    best: TrialRecord | None = None
    for record in records:
        if record.state == TrialState.COMPLETE and record.score is not None:
            best = record if best is None or best.score is None or record.score < best.score else best
        out.append(
            {
                "number": record.number,
                "state": record.state,
                "origin": record.origin,
                "rwp": record.metrics.rwp if record.metrics else None,
                "score": record.score,
                "n_variables": record.metrics.n_variables if record.metrics else None,
                "best_so_far": best.metrics.rwp if best is not None and best.metrics else None,
                "seconds": record.seconds,
                "ended": record.ended,
            }
        )
    return out
