"""Who proposes: Optuna behind one class, and the study's database. Nothing else imports Optuna.

A run repeats itself because a proposal depends on the seed, its number and the trials told before it, and on nothing
else: before every trial a fresh sampler is seeded from (seed, number), and the search tells trials strictly in order.
The sampler works on a study in memory; the database gets only trials that are over, so that whatever interrupts a
run leaves a study that can go on from there.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
import optuna.importance
import optuna.terminator
import sqlalchemy
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from autogsas.errors import UserError
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.trial.building import FixedChoose

__all__ = [
    "SAMPLERS",
    "Database",
    "Known",
    "Proposer",
    "check_terminator",
    "divergences",
    "known_trials",
    "silence",
    "value_of_2020",
]

T = TypeVar("T", str, int, float, bool)

SAMPLERS = ("tpe", "random", "cmaes", "gp", "qmc", "tpe-2020")
_NEEDS = {"cmaes": "cmaes", "gp": "torch"}
_STATES = {
    TrialState.COMPLETE: optuna.trial.TrialState.COMPLETE,
    TrialState.INFEASIBLE: optuna.trial.TrialState.COMPLETE,
    TrialState.PRUNED: optuna.trial.TrialState.PRUNED,
    TrialState.FAILED: optuna.trial.TrialState.FAIL,
}
_COUNTERS = "autogsas:counters"
_PENALTY = 1e9  # what the published program tells its sampler of a failure (see value_of_2020)
_BEFORE_TERMINATING = 25
_BY_THE_MACHINE = ("disk-full", "files", "out-of-memory", "crash", "protocol")
_IMPOSSIBLE = 100.0  # errors
_POOR = 100.0  # per cent


class Proposer:
    """Proposes the choices of one trial after another.

    ``sampler`` is one of `SAMPLERS`. Raises UserError where it needs a package that is not there.
    """

    def __init__(self, sampler: str, seed: int) -> None:
        if sampler not in SAMPLERS:
            raise UserError("unknown sampler", key="search.sampler", found=sampler, allowed=SAMPLERS)
        package = _NEEDS.get(sampler)
        if package is not None and importlib.util.find_spec(package) is None:
            raise UserError(
                f"needs the package {package!r}: pip install 'autogsas[{sampler}]'", key="search.sampler", found=sampler
            )
        self._name, self._seed = sampler, seed
        optuna.logging.set_verbosity(logging.ERROR)
        self._study = optuna.create_study(direction="minimize")
        self._open: dict[int, optuna.Trial] = {}
        # Where a trial stands in the study, which may begin with trials of other runs.
        self._places: dict[int, int] = {}

    def ask(self, number: int, fixed: Mapping[str, Any] | None = None, source: str = "") -> OptunaChoose:
        """Begin trial ``number``; names in ``fixed`` get those values, ``source`` says in messages whose they are."""
        with silence():
            self._study.sampler = _sampler(self._name, self._seed, number)
            if fixed:
                self._study.enqueue_trial(dict(fixed))
            trial = self._study.ask()
        self._places[number] = trial.number
        self._open[number] = trial
        return OptunaChoose(trial, fixed or {}, source)

    def proposed(self, number: int) -> FrozenTrial:
        """Return what was asked for in trial ``number``, to be kept; call it when its recipe is built."""
        if self._name == "qmc":
            counters = self._study._storage.get_study_system_attrs(self._study._study_id)
            self._open[number].set_user_attr(_COUNTERS, counters)
        return copy.deepcopy(self._study.get_trials(deepcopy=False)[self._places[number]])

    def restore(self, number: int, kept: FrozenTrial) -> None:
        """Begin trial ``number`` with what was proposed for it in an earlier session, instead of asking."""
        for key, value in kept.user_attrs.get(_COUNTERS, {}).items():
            # QMC counts its samples on the study; there is no public way to set where it stands.
            self._study._storage.set_study_system_attr(self._study._study_id, key, value)
        trial = optuna.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            params=kept.params,
            distributions=kept.distributions,
            system_attrs=kept.system_attrs,
        )
        with silence():
            self._study.add_trial(trial)
        self._places[number] = len(self._study.get_trials(deepcopy=False)) - 1

    def recall(self, known: Known, shift: float) -> None:
        """Learn from trials of another run, their scores moved by ``shift``."""
        with silence():
            for trial in known.trials:
                told = optuna.create_trial(
                    value=trial.value + shift if trial.value is not None else None,
                    params=trial.params,
                    distributions=trial.distributions,
                    constraints=dict(trial.constraints),
                )
                self._study.add_trial(told)

    def expects_no_more(self) -> bool:
        """Whether Optuna's terminator finds that what could still be gained is lost in the noise.

        The expected minimum model regret (Ishibashi et al., AISTATS (2023)) against a hundredth of the median gain of
        the first trials; False where the trials so far have no choice in common.
        """
        with silence():
            terminator = optuna.terminator.Terminator(*_terminators(self._seed), min_n_trials=_BEFORE_TERMINATING)
            try:
                return terminator.should_terminate(self._study)
            except ValueError:
                return False

    def tell(self, record: TrialRecord) -> None:
        """Learn from a trial that is over.

        One given up counts as worse than all that ended, one that failed by its recipe as more impossible than any
        other. A trial that failed by the machine, or that made no choice at all (a whole recipe given), teaches
        nothing. The sampler tpe-2020 is told what its authors told theirs (`value_of_2020`).
        """
        self._open.pop(record.number, None)
        place = self._places[record.number]
        if self._name == "tpe-2020" and record.choices:
            with silence():
                self._study.tell(place, value_of_2020(record))
            return
        learn = _STATES[record.state] is optuna.trial.TrialState.COMPLETE and bool(record.choices)
        with silence():
            if learn:
                self._handle(place).set_constraint("errors", errors_of(record))
                self._study.tell(place, record.score)
            elif record.state == TrialState.FAILED and record.choices and record.cause not in _BY_THE_MACHINE:
                self._handle(place).set_constraint("errors", _IMPOSSIBLE)
                self._study.tell(place, self._worst())
            elif record.state == TrialState.PRUNED and (reached := reached_by(record)) is not None:
                self._handle(place).report(reached, len(record.steps))
                self._study.tell(place, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(place, state=optuna.trial.TrialState.FAIL)

    def _handle(self, place: int) -> optuna.Trial:
        # A trial restored from an earlier session has none of its own, and Optuna reports through handles.
        identity = self._study._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, place)
        return optuna.Trial(self._study, identity)

    def _worst(self) -> float:
        # A number, for samplers that fit a surface: no larger than those that were seen, lest it hide all else.
        values = [trial.value for trial in self._study.get_trials(deepcopy=False) if trial.value is not None]
        return max(values, default=_POOR)


@dataclass(frozen=True)
class Known:
    """Finished trials of another run over the same choices."""

    trials: tuple[FrozenTrial, ...]


class OptunaChoose:
    """The choices of one trial, made by Optuna or fixed beforehand."""

    def __init__(self, trial: optuna.Trial, fixed: Mapping[str, Any], source: str) -> None:
        self._trial = trial
        self._fixed = {name: FixedChoose({name: value}, source) for name, value in fixed.items()}

    def category(self, name: str, options: Sequence[T]) -> T:
        """Choose one of the options."""
        if name in self._fixed:
            self._fixed[name].category(name, options)
        with silence():
            return self._trial.suggest_categorical(name, list(options))

    def integer(self, name: str, low: int, high: int) -> int:
        """Choose an integer, both ends included."""
        if name in self._fixed:
            self._fixed[name].integer(name, low, high)
        with silence():
            return self._trial.suggest_int(name, low, high)

    def number(self, name: str, low: float, high: float, *, log: bool = False, moving: bool = False) -> float:
        """Choose a real number."""
        if name in self._fixed:
            self._fixed[name].number(name, low, high, log=log, moving=moving)
        with silence():
            return self._trial.suggest_float(name, low, high, log=log)

    def yes(self, name: str) -> bool:
        """Choose yes or no."""
        return bool(self.category(name, [False, True]))


class Database:
    """The study of a run in SQLite: only trials that are over, in order, and what the run was made with."""

    def __init__(self, path: Path) -> None:
        optuna.logging.set_verbosity(logging.ERROR)
        url = sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()
        self._storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
        self._study = optuna.create_study(
            storage=self._storage, study_name="autogsas", direction="minimize", load_if_exists=True
        )

    def close(self) -> None:
        """Close the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def trials(self) -> list[FrozenTrial]:
        """Return all trials, in order of their numbers."""
        return self._study.get_trials(deepcopy=False)

    def settings(self) -> dict[str, Any]:
        """Return what the run was made with; empty for a new one."""
        return dict(self._study.user_attrs)

    def set_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep what the run is made with."""
        for key, value in settings.items():
            self._study.set_user_attr(key, value)

    def add(self, proposed: FrozenTrial, record: TrialRecord) -> None:
        """Add a trial that is over: what was proposed, and how it ended."""
        state = _STATES[record.state]
        notes = {
            "origin": record.origin,
            "state": record.state,
            "cause": record.cause,
            "message": record.message[:1000],
        }
        kept = optuna.create_trial(
            state=state,
            value=record.score if state is optuna.trial.TrialState.COMPLETE else None,
            params=proposed.params,
            distributions=proposed.distributions,
            system_attrs=proposed.system_attrs,
            user_attrs=proposed.user_attrs | {key: value for key, value in notes.items() if value},
            constraints={"errors": float(errors_of(record))} if state is optuna.trial.TrialState.COMPLETE else None,
        )
        kept.datetime_complete = datetime.now()
        kept.datetime_start = kept.datetime_complete - timedelta(seconds=record.seconds)
        with silence():
            self._study.add_trial(kept)


def known_trials(path: Path) -> Known:
    """Return the finished trials that a run keeps in its database, those given up or failed left out."""
    database = Database(path)
    try:
        return Known(
            tuple(
                trial for trial in database.trials() if trial.state is optuna.trial.TrialState.COMPLETE and trial.params
            )
        )
    finally:
        database.close()


def divergences(trials: Sequence[FrozenTrial], scores: Sequence[float], best: float) -> dict[str, float]:
    """Return by how much each choice of the best trials is spread otherwise than those of all, by name.

    The Pearson divergence of PED-ANOVA (Watanabe, Bansal & Hutter, IJCAI 2023), 0 where a choice made no difference;
    ``scores``, lower is better, belong to ``trials``; ``best`` is the fraction of them that counts as best.
    """
    study = optuna.create_study(direction="minimize")
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
    with silence():
        for trial, score in zip(trials, scores, strict=True):
            study.add_trial(optuna.create_trial(value=score, params=trial.params, distributions=trial.distributions))
        return optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)


def check_terminator() -> None:
    """Raise UserError where Optuna's terminator lacks what it needs."""
    if importlib.util.find_spec(_NEEDS["gp"]) is None:
        raise UserError(
            f"needs the package {_NEEDS['gp']!r}: pip install 'autogsas[gp]'", key="search.terminator", found=True
        )


def _terminators(seed: int) -> tuple[optuna.terminator.BaseImprovementEvaluator, optuna.terminator.BaseErrorEvaluator]:
    regret = optuna.terminator.EMMREvaluator(seed=seed)
    return regret, optuna.terminator.MedianErrorEvaluator(regret)


def reached_by(record: TrialRecord) -> float | None:
    """Return the Rwp over the full range at which a trial was given up, in per cent; None where it was not said."""
    value = record.steps[-1].full_rwp if record.steps else math.nan
    return value if math.isfinite(value) else None


def value_of_2020(record: TrialRecord) -> float:
    """Return what Ozaki et al. tell their sampler of a trial: Rwp, or 1e9 where it failed or a U_iso is negative.

    npj Comput. Mater. 6, 75 (2020) and their program. Other findings of ours do not matter there.
    """
    if record.state not in (TrialState.COMPLETE, TrialState.INFEASIBLE) or record.score is None:
        return _PENALTY
    displacements = [f.numbers.get("value", 0.0) for f in record.findings if f.code == "u-out-of-range"]
    return _PENALTY if min(displacements, default=0.0) < 0 else record.score


def errors_of(record: TrialRecord) -> int:
    """Return how many findings of a trial are errors: by how much it breaks the constraints."""
    return sum(1 for finding in record.findings if finding.severity == "error")


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Optuna's notes about experimental features and untidy search spaces are not the user's business."""
    with warnings.catch_warnings():
        for category in (optuna.exceptions.ExperimentalWarning, FutureWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        yield


def _sampler(name: str, seed: int, number: int) -> BaseSampler:
    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    independent = optuna.samplers.RandomSampler(seed=own)
    match name:
        case "tpe":
            return optuna.samplers.TPESampler(
                seed=own, multivariate=True, group=True, constant_liar=True, warn_independent_sampling=False
            )
        case "tpe-2020":
            # As Ozaki et al. call it, who had a version before 5: one dimension at a time, no constant liar.
            return optuna.samplers.TPESampler(seed=own, n_startup_trials=20, multivariate=False, constant_liar=False)
        case "cmaes":
            return optuna.samplers.CmaEsSampler(
                seed=own, independent_sampler=independent, warn_independent_sampling=False
            )
        case "gp":
            return optuna.samplers.GPSampler(seed=own, independent_sampler=independent)
        case "qmc":
            # One scrambled sequence for the whole run: seeded by the run alone, its place in it kept on the study.
            return optuna.samplers.QMCSampler(
                scramble=True,
                seed=seed,
                independent_sampler=independent,
                warn_asynchronous_seeding=False,
                warn_independent_sampling=False,
            )
        case _:
            return independent
