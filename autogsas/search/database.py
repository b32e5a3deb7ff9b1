"""The database of a run (study.db): finished trials in order, and the settings of the run."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import optuna.importance
import sqlalchemy
import sqlalchemy.exc
from optuna.trial import FrozenTrial

from autogsas.errors import UserError
from autogsas.model.result import Severity
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.search.settings import RunSettings

__all__ = ["OPTUNA_STATES", "REUSE", "Database", "PriorTrials", "divergences", "errors_of", "silence"]

OPTUNA_STATES = {
    TrialState.COMPLETE: optuna.trial.TrialState.COMPLETE,
    TrialState.INFEASIBLE: optuna.trial.TrialState.COMPLETE,
    TrialState.PRUNED: optuna.trial.TrialState.PRUNED,
    TrialState.FAILED: optuna.trial.TrialState.FAIL,
}

_BEST_WRITTEN = "best_written"

REUSE = "start a new run in another folder, with --like and this folder to reuse its recipes"


@dataclass(frozen=True)
class PriorTrials:
    """Finished trials of another run over the same choices."""

    trials: tuple[FrozenTrial, ...]


class Database:
    """The study of a run in SQLite: only finished trials, in order, and the settings of the run.

    Raises UserError if the file is not such a study.
    """

    def __init__(self, path: Path) -> None:
        optuna.logging.set_verbosity(logging.ERROR)
        url = sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()
        try:
            self._storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
            self._study = optuna.create_study(
                storage=self._storage, study_name="autogsas", direction="minimize", load_if_exists=True
            )
        except (sqlalchemy.exc.DatabaseError, optuna.exceptions.OptunaError) as error:
            why = getattr(error, "orig", None) or error
            raise UserError(f"the database of the run is damaged ({why}); {REUSE}", file=path) from error

    def close(self) -> None:
        """Close the database. May be called twice."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def trials(self) -> list[FrozenTrial]:
        """Return all trials, in order of their numbers."""
        return self._study.get_trials(deepcopy=False)

    def usable(self) -> PriorTrials:
        """Return the trials that finished and made choices; pruned and failed ones are left out."""
        complete = optuna.trial.TrialState.COMPLETE
        return PriorTrials(tuple(trial for trial in self.trials() if trial.state is complete and trial.params))

    def settings(self) -> RunSettings | None:
        """Return the settings of the run; None for a new one."""
        stored = self._study.user_attrs
        names = {field.name for field in fields(RunSettings)}
        found = {key: value for key, value in stored.items() if key in names}
        return RunSettings(**found) if {"created", "backend", "seed", "sampler"} <= found.keys() else None

    def set_settings(self, settings: RunSettings) -> None:
        """Store the settings of the run."""
        for key, value in asdict(settings).items():
            self._study.set_user_attr(key, value)

    def best_written(self) -> int | None:
        """Return the number of the trial that the best trial's files in the folder belong to, None if not known."""
        number = self._study.user_attrs.get(_BEST_WRITTEN)
        return number if isinstance(number, int) else None

    def set_best_written(self, number: int | None) -> None:
        """Store the number of the trial that the best trial's files in the folder belong to."""
        self._study.set_user_attr(_BEST_WRITTEN, number)

    def add(self, proposed: FrozenTrial, record: TrialRecord) -> None:
        """Add a finished trial: what was proposed, and how it ended."""
        state = OPTUNA_STATES[record.state]
        notes = {
            "origin": record.origin,
            "state": record.state,
            "cause": record.cause,
            "message": record.message[:1000],
        }
        complete = state is optuna.trial.TrialState.COMPLETE
        kept = optuna.create_trial(
            state=state,
            value=record.score if complete else None,
            params=proposed.params,
            distributions=proposed.distributions,
            system_attrs=proposed.system_attrs,
            user_attrs=proposed.user_attrs | {key: value for key, value in notes.items() if value},
            constraints={"errors": float(errors_of(record))} if complete else None,
        )
        kept.datetime_complete = datetime.now()
        kept.datetime_start = kept.datetime_complete - timedelta(seconds=record.seconds)
        with silence():
            self._study.add_trial(kept)


def errors_of(record: TrialRecord) -> int:
    """Return how many findings of a trial are errors; Optuna is told this number as a violated constraint."""
    return sum(1 for finding in record.findings if finding.severity is Severity.ERROR)


def divergences(trials: Sequence[FrozenTrial], scores: Sequence[float], best: float) -> dict[str, float]:
    """Return for each choice, by name, how much its distribution among the best trials differs from that among all.

    This is the Pearson divergence of PED-ANOVA (Watanabe, Bansal & Hutter, IJCAI 2023), 0 for a choice without
    influence. ``scores``, lower is better, belong to ``trials``; ``best`` is the fraction of them that counts as best.
    """
    study = optuna.create_study(direction="minimize")
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
    with silence():
        for trial, score in zip(trials, scores, strict=True):
            study.add_trial(optuna.create_trial(value=score, params=trial.params, distributions=trial.distributions))
        return optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Suppress Optuna's warnings about experimental features and conditional search spaces."""
    with warnings.catch_warnings():
        for category in (optuna.exceptions.ExperimentalWarning, FutureWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        yield
