"""Making the summary of a run from its trials."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from autogsas.model.metrics import Metrics
from autogsas.model.project import Histogram, Project
from autogsas.model.result import StepResult
from autogsas.model.trial import Finished, TrialRecord, TrialState
from autogsas.quantification import quantify
from autogsas.runfolder.candidates import group_candidates
from autogsas.runfolder.plaindata import plain
from autogsas.runfolder.summary import (
    BackendPart,
    ByHandPart,
    CorrelationPart,
    FindingPart,
    HistogramPart,
    HistoryPart,
    ImportancesPart,
    ParameterPart,
    PhasePart,
    ScoutPart,
    StepPart,
    Summary,
    TrialsPart,
)
from autogsas.runfolder.trials import StoredTrial
from autogsas.trial.assessment import HistogramFigures
from autogsas.version import __version__

__all__ = ["RunInfo", "build_summary"]


@dataclass(frozen=True)
class RunInfo:
    """What the summary of a run holds besides its trials; ``created`` is in ISO format, ``seconds`` its duration."""

    command: str
    created: str
    backend: BackendPart
    seed: int
    seconds: float
    finished: Finished
    scout: ScoutPart | None = None
    importances: ImportancesPart | None = None


def build_summary(project: Project, trials: Sequence[StoredTrial], best: TrialRecord | None, info: RunInfo) -> Summary:
    """Return the summary of a run; ``trials`` are all of them, in the order of their numbers."""
    found = None if best is None else trials[best.number]
    metrics = None if found is None else found.record.metrics
    records = [trial.record for trial in trials]
    candidates = group_candidates(trials)
    return Summary(
        autogsas=__version__,
        project=project.name,
        project_file=None if project.file is None else str(project.file),
        command=info.command,
        created=info.created,
        backend=info.backend,
        rwp=None if metrics is None else metrics.rwp,
        rexp=None if metrics is None else metrics.rexp,
        gof=None if metrics is None else metrics.gof,
        chi2=None if metrics is None else metrics.chi2,
        bic=None if metrics is None else metrics.bic,
        engine_rwp=None if found is None else found.engine_rwp,
        n_variables=None if metrics is None else metrics.n_variables,
        n_observations=None if metrics is None else metrics.n_observations,
        histograms=[
            _histogram(item, None if found is None else found.histogram(item.name)) for item in project.histograms
        ],
        trials=_counts(records),
        causes=dict(Counter(record.cause for record in records if record.cause).most_common()),
        best_trial=None if best is None else best.number,
        best_origin=None if best is None else best.origin,
        seconds=info.seconds,
        finished=info.finished,
        findings=[FindingPart.model_validate(plain(item)) for item in (found.record.findings if found else ())],
        candidates=candidates.found,
        elsewhere=candidates.elsewhere,
        parameters=[ParameterPart.model_validate(plain(item)) for item in (found.parameters if found else ())],
        correlations=[CorrelationPart.model_validate(plain(item)) for item in (found.correlations if found else ())],
        structure=[PhasePart.of(phase) for phase in (found.phases if found else ())],
        quantification=quantify(project, found.phases, found.amounts) if found else (),
        limits={histogram.name: histogram.limits for histogram in project.histograms},
        seed=info.seed,
        scout=info.scout,
        importances=info.importances,
        by_hand=_by_hand(project, records),
        recipe=None if found is None else found.record.recipe.plain(),
        steps=[_step(step) for step in (found.record.steps if found else ())],
        history=_history(records),
        versions={"python": platform.python_version(), "autogsas": __version__}
        | {name: version(name) for name in ("numpy", "scipy", "gemmi", "optuna")},
    )


def _counts(records: Sequence[TrialRecord]) -> TrialsPart:
    states = Counter(record.state for record in records)
    return TrialsPart(
        complete=states[TrialState.COMPLETE],
        pruned=states[TrialState.PRUNED],
        failed=states[TrialState.FAILED],
        infeasible=states[TrialState.INFEASIBLE],
        total=len(records),
    )


def _histogram(histogram: Histogram, figures: HistogramFigures | None) -> HistogramPart:
    metrics: Metrics | None = None if figures is None else figures.metrics
    instrument = histogram.instrument
    return HistogramPart(
        name=histogram.name,
        rwp=None if metrics is None else metrics.rwp,
        rexp=None if metrics is None else metrics.rexp,
        gof=None if metrics is None else metrics.gof,
        r_bragg={} if figures is None else dict(figures.r_bragg),
        n_observations=None if metrics is None else metrics.n_observations,
        limits=histogram.limits,
        excluded=list(histogram.excluded),
        radiation=instrument.radiation,
        wavelengths=list(instrument.wavelengths),
        geometry=instrument.geometry,
        weights_from=histogram.pattern.weights_from,
        notes=[*histogram.pattern.notes, *instrument.notes],
    )


def _step(step: StepResult) -> StepPart:
    return StepPart(
        title=step.title,
        rwp=step.rwp,
        n_variables=step.n_variables,
        converged=step.converged,
        cycles=step.cycles,
        shift_esd=step.shift_esd,
        dropped=list(step.dropped),
        seconds=step.seconds,
    )


def _by_hand(project: Project, records: Sequence[TrialRecord]) -> list[ByHandPart]:
    """Return the refinements made by hand: that of the project itself, and trials of whole recipes that were given."""
    held = [] if project.held_rwp is None else [ByHandPart(name=project.name, trial=None, rwp=project.held_rwp)]
    return held + [
        ByHandPart(name=record.origin, trial=record.number, rwp=_rwp(record))
        for record in records
        if not record.choices and record.origin != "search"
    ]


def _rwp(record: TrialRecord) -> float | None:
    return None if record.metrics is None else record.metrics.rwp


def _history(records: Sequence[TrialRecord]) -> list[HistoryPart]:
    history = []
    best: TrialRecord | None = None
    for record in records:
        if record.state == TrialState.COMPLETE and record.score is not None:
            best = record if best is None or best.score is None or record.score < best.score else best
        history.append(
            HistoryPart(
                number=record.number,
                state=record.state.value,
                origin=record.origin,
                rwp=_rwp(record),
                score=record.score,
                n_variables=record.metrics.n_variables if record.metrics else None,
                best_so_far=None if best is None else _rwp(best),
                seconds=record.seconds,
                ended=record.ended,
            )
        )
    return history
