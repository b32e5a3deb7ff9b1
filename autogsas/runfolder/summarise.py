"""Making the summary of a run from its trials."""

from __future__ import annotations

import math
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from autogsas.model.metrics import Metrics
from autogsas.model.project import Histogram, Project
from autogsas.model.quantification import Quantification
from autogsas.model.result import Parameter, StepResult
from autogsas.model.trial import Finished, TrialRecord, TrialState
from autogsas.quantification import quantification_findings, quantify
from autogsas.quantification.findings import CODES
from autogsas.quantification.widening import with_printed_esds
from autogsas.runfolder.candidates import group_candidates
from autogsas.runfolder.plaindata import plain
from autogsas.runfolder.summary import (
    BackendPart,
    ByHandPart,
    CorrelationPart,
    FindingPart,
    FloorPart,
    HistogramPart,
    HistoryPart,
    ImportancesPart,
    LowestPart,
    ModelPart,
    ParameterPart,
    PhasePart,
    ScoutPart,
    StepPart,
    Summary,
    TrialsPart,
    UncertaintyPart,
)
from autogsas.runfolder.trials import StoredTrial
from autogsas.runfolder.uncertainty import Uncertainty
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
    lowest: TrialRecord | None = None
    le_bail_floor: FloorPart | None = None


def build_summary(
    project: Project,
    trials: Sequence[StoredTrial],
    best: TrialRecord | None,
    info: RunInfo,
    uncertainty: Uncertainty | None = None,
) -> Summary:
    """Return the summary of a run; ``trials`` are all of them, in the order of their numbers.

    ``uncertainty`` is that of the best trial, which has the printed esds; without it they are as computed.
    """
    found = None if best is None else trials[best.number]
    metrics = None if found is None else found.record.metrics
    records = [trial.record for trial in trials]
    candidates = group_candidates(trials)
    quantification = _quantification(project, found, uncertainty)
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
        rwp_background_subtracted=None if found is None else _background_subtracted(found.histograms),
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
        lowest=_lowest(info.lowest, best),
        seconds=info.seconds,
        finished=info.finished,
        findings=_findings_of(found, quantification),
        candidates=candidates.found,
        elsewhere=candidates.elsewhere,
        parameters=[_parameter(item, uncertainty) for item in (found.parameters if found else ())],
        uncertainty=None if uncertainty is None else _uncertainty(uncertainty),
        le_bail_floor=info.le_bail_floor,
        correlations=[CorrelationPart.model_validate(plain(item)) for item in (found.correlations if found else ())],
        structure=[PhasePart.of(phase) for phase in (found.phases if found else ())],
        quantification=quantification,
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


def _lowest(lowest: TrialRecord | None, best: TrialRecord | None) -> LowestPart | None:
    if lowest is None or lowest.metrics is None or best is None or lowest.number == best.number:
        return None
    return LowestPart(trial=lowest.number, rwp=lowest.metrics.rwp, n_variables=lowest.metrics.n_variables)


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
        r_f={} if figures is None else dict(figures.r_f),
        rwp_background_subtracted=None if figures is None else figures.rwp_background_subtracted,
        durbin_watson=None if figures is None else figures.durbin_watson,
        effective_points=None if figures is None else figures.effective_points,
        esd_factor=None if figures is None else figures.esd_factor,
        n_observations=None if metrics is None else metrics.n_observations,
        limits=histogram.limits,
        excluded=list(histogram.excluded),
        radiation=instrument.radiation,
        wavelengths=list(instrument.wavelengths),
        geometry=instrument.geometry,
        weights_from=histogram.pattern.weights_from,
        notes=[*histogram.pattern.notes, *instrument.notes],
    )


def _background_subtracted(histograms: Sequence[HistogramFigures]) -> float:
    """Return the background-subtracted Rwp, in per cent, of all histograms together, from that of each."""
    chi2 = [item.metrics.chi2 for item in histograms]
    # Rwp = 100 sqrt(chi^2/total), so each gives its total weighted intensity above the background.
    totals = [
        value / (item.rwp_background_subtracted / 100.0) ** 2
        for value, item in zip(chi2, histograms, strict=True)
        if item.rwp_background_subtracted > 0
    ]
    return 100.0 * math.sqrt(sum(chi2) / sum(totals)) if len(totals) == len(chi2) and totals else math.nan


def _parameter(parameter: Parameter, uncertainty: Uncertainty | None) -> ParameterPart:
    printed = {} if uncertainty is None else uncertainty.esds
    esds = {"esd": printed.get(parameter.name, parameter.esd), "esd_computed": parameter.esd}
    data = plain(parameter) | plain(esds)
    return ParameterPart.model_validate(data)


def _quantification(
    project: Project, found: StoredTrial | None, uncertainty: Uncertainty | None
) -> tuple[Quantification, ...]:
    """Return the amounts by what the project says now, with the printed esds."""
    if found is None:
        return ()
    printed = {} if uncertainty is None else uncertainty.esds
    return quantify(project, found.phases, with_printed_esds(found.amounts, found.parameters, printed))


def _findings_of(found: StoredTrial | None, quantification: tuple[Quantification, ...]) -> list[FindingPart]:
    """Return the findings of a trial; those on amounts with the printed esds."""
    if found is None:
        return []
    kept = [item for item in found.record.findings if item.code not in CODES]
    return [FindingPart.model_validate(plain(item)) for item in (*kept, *quantification_findings(quantification))]


def _uncertainty(found: Uncertainty) -> UncertaintyPart:
    return UncertaintyPart(
        esd_factor=found.factor,
        effective_points=found.n_points,
        models=[ModelPart.model_validate(plain(rival)) for rival in found.rivals],
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
    """Return the refinements made by hand: that of the project itself, and trials of the user's own recipes."""
    held = [] if project.held_rwp is None else [ByHandPart(name=project.name, trial=None, rwp=project.held_rwp)]
    return held + [
        ByHandPart(name=record.origin, trial=record.number, rwp=_rwp(record))
        for record in records
        if not record.choices and record.origin in project.recipe_names
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
