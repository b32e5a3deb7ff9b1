"""The nearest miss of a run without a usable trial: which trial, why it is not usable, what to try."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autogsas.model.project import Project
from autogsas.model.result import Severity
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.runfolder.summarise import RunInfo, build_summary
from autogsas.runfolder.summary import NearestMissPart, Summary
from autogsas.runfolder.trials import StoredTrial

__all__ = ["as_shown", "nearest_trial", "with_nearest_miss"]

# What a nearest miss has in place of the summary's own, and is left out there.
_FIGURES = (
    "rwp",
    "rexp",
    "gof",
    "rwp_background_subtracted",
    "chi2",
    "bic",
    "n_variables",
    "n_observations",
    "histograms",
    "findings",
    "parameters",
    "correlations",
    "structure",
    "recipe",
    "steps",
)
_AT_LEAST = "give the search more trials (--trials)"


def nearest_trial(trials: Iterable[StoredTrial]) -> StoredTrial | None:
    """Return the infeasible trial of the lowest score; if there is none, the trial that did most steps, then the first.

    None where a trial is complete, or there is none.
    """
    trials = list(trials)
    if any(trial.record.state is TrialState.COMPLETE for trial in trials):
        return None
    infeasible = [t for t in trials if t.record.state is TrialState.INFEASIBLE and t.record.score is not None]
    if infeasible:
        return min(infeasible, key=lambda trial: (trial.record.score or 0.0, trial.record.number))
    return min(trials, key=lambda trial: (-len(trial.record.steps), trial.record.number), default=None)


def with_nearest_miss(summary: Summary, project: Project, trials: Sequence[StoredTrial], info: RunInfo) -> Summary:
    """Return the summary of a run with its nearest miss, if no trial was usable. ``trials`` by their numbers."""
    found = None if summary.best_trial is not None else nearest_trial(trials)
    if found is None:
        return summary
    record = found.record
    as_best = build_summary(project, trials, record, info)
    about = {"trial": record.number, "origin": record.origin, "state": record.state.value, "cause": record.cause}
    words = {"why": _why(record), "advice": _advice(record)}
    miss = NearestMissPart.model_validate({**about, **words, **{key: getattr(as_best, key) for key in _FIGURES}})
    return summary.model_copy(update={"nearest_miss": miss})


def as_shown(summary: Summary) -> Summary:
    """Return the summary with the figures of its nearest miss where it has no best trial, for tables and pictures."""
    if summary.best_trial is not None or summary.nearest_miss is None:
        return summary
    return summary.model_copy(update={key: getattr(summary.nearest_miss, key) for key in _FIGURES})


def _why(record: TrialRecord) -> list[str]:
    errors = [finding.message for finding in record.findings if finding.severity is Severity.ERROR]
    return errors or [text for text in (record.message or record.cause,) if text]


def _advice(record: TrialRecord) -> list[str]:
    """Return what the errors advise, each once; more trials where there are errors that other recipes may not have."""
    errors = [finding for finding in record.findings if finding.severity is Severity.ERROR]
    given = list(dict.fromkeys(finding.advice for finding in errors if finding.advice))
    return [*given, _AT_LEAST] if errors else given
