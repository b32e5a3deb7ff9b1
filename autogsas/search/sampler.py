"""The sampler: Optuna behind one class, which proposes the choices of trials.

A run is reproducible because a proposal depends only on the seed, the number of the trial and the trials reported
before: for every trial a new sampler is seeded from (seed, number), and trials are reported strictly in order. The
sampler works on a study in memory; the database gets finished trials only, so that a run that is interrupted at any
time can be resumed.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import math
from collections.abc import Mapping
from typing import cast

import numpy as np
import optuna
import optuna.terminator
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from autogsas.errors import UserError
from autogsas.hooks.strategy import SAMPLERS, TpeSampler
from autogsas.model.trial import Cause, Choices, TrialRecord, TrialState
from autogsas.search.database import OPTUNA_STATES, PriorTrials, errors_of, silence
from autogsas.trial.choosers import Category, Chooser, Dimension, FixedChoose, Integer, Value

__all__ = ["Proposer", "check_terminator"]

_NEEDS = {"cmaes": "cmaes", "gp": "torch"}
_COUNTERS = "autogsas:counters"
# 25 trials before Optuna's terminator is asked. Not measured.
_BEFORE_TERMINATING = 25
# A trial that failed for one of these causes might succeed with the same recipe.
_NOT_BY_RECIPE = frozenset({Cause.DISK_FULL, Cause.FILES, Cause.OUT_OF_MEMORY, Cause.CRASH, Cause.PROTOCOL})
# A failed trial violates its constraint by more than any other: findings with an error are a handful. Not measured.
_IMPOSSIBLE = 100.0  # errors
# What a failed trial is worth as long as there is no other: Rwp cannot usually be worse.
_POOR = 100.0  # per cent


class Proposer:
    """Proposes the choices of one trial after another.

    ``sampler`` is one of `SAMPLERS` or of the samplers that strategies bring along, ``own``. Raises UserError for an
    unknown sampler, and for one that needs a package that is not installed.
    """

    def __init__(self, sampler: str, seed: int, own: Mapping[str, TpeSampler] | None = None) -> None:
        known = own or {}
        if sampler not in SAMPLERS and sampler not in known:
            raise UserError("unknown sampler", key="search.sampler", found=sampler, allowed=[*SAMPLERS, *known])
        package = _NEEDS.get(sampler)
        if package is not None and importlib.util.find_spec(package) is None:
            raise UserError(
                f"needs the package {package!r}: pip install 'autogsas[{sampler}]'", key="search.sampler", found=sampler
            )
        self._name, self._own, self._seed = sampler, known.get(sampler), seed
        optuna.logging.set_verbosity(logging.ERROR)
        self._study = optuna.create_study(direction="minimize")
        self._open: dict[int, optuna.Trial] = {}
        # The index of each trial in the study, which may begin with trials of other runs.
        self._indices: dict[int, int] = {}

    def propose(self, number: int, fixed: Choices | None = None, source: str = "") -> OptunaChoose:
        """Begin trial ``number``; names in ``fixed`` get those values, ``source`` names their origin in messages."""
        with silence():
            self._study.sampler = _sampler(self._own or self._name, self._seed, number)
            if fixed:
                self._study.enqueue_trial(dict(fixed))
            trial = self._study.ask()
        self._indices[number] = trial.number
        self._open[number] = trial
        return OptunaChoose(trial, fixed or {}, source)

    def proposed(self, number: int) -> FrozenTrial:
        """Return what was proposed for trial ``number``, to be stored; call it when the recipe is complete."""
        if self._name == "qmc":
            counters = self._study._storage.get_study_system_attrs(self._study._study_id)
            self._open[number].set_user_attr(_COUNTERS, counters)
        return copy.deepcopy(self._study.get_trials(deepcopy=False)[self._indices[number]])

    def restore(self, number: int, kept: FrozenTrial) -> None:
        """Begin trial ``number`` with what was proposed for it in an earlier session."""
        for key, value in kept.user_attrs.get(_COUNTERS, {}).items():
            # QMC counts its samples on the study; there is no public way to set the counter.
            self._study._storage.set_study_system_attr(self._study._study_id, key, value)
        trial = optuna.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            params=kept.params,
            distributions=kept.distributions,
            system_attrs=kept.system_attrs,
        )
        with silence():
            self._study.add_trial(trial)
        self._indices[number] = len(self._study.get_trials(deepcopy=False)) - 1

    def add_prior(self, prior: PriorTrials, shift: float) -> None:
        """Learn from trials of another run, their scores moved by ``shift``."""
        with silence():
            for trial in prior.trials:
                moved = optuna.create_trial(
                    value=trial.value + shift if trial.value is not None else None,
                    params=trial.params,
                    distributions=trial.distributions,
                    constraints=dict(trial.constraints),
                )
                self._study.add_trial(moved)

    def expects_no_more(self) -> bool:
        """Return whether Optuna's terminator expects that the possible improvement is less than the noise.

        The expected minimum model regret (Ishibashi et al., AISTATS (2023)) against a hundredth of the median gain of
        the first trials; False if the trials so far have no choice in common.
        """
        with silence():
            terminator = optuna.terminator.Terminator(*_terminators(self._seed), min_n_trials=_BEFORE_TERMINATING)
            try:
                return terminator.should_terminate(self._study)
            except ValueError:
                return False

    def report(self, record: TrialRecord) -> None:
        """Learn from a finished trial.

        A pruned trial counts as worse than all finished ones; one that failed because of its recipe counts as more
        infeasible than any other. A trial that failed because of the computer, or that made no choices (a whole recipe
        was given), teaches nothing. A sampler with a ``value`` of its own is told that instead.
        """
        self._open.pop(record.number, None)
        index = self._indices[record.number]
        if self._own is not None and self._own.value is not None and record.choices:
            with silence():
                self._study.tell(index, self._own.value(record))
            return
        finished = OPTUNA_STATES[record.state] is optuna.trial.TrialState.COMPLETE
        with silence():
            if finished and record.choices:
                self._trial(index).set_constraint("errors", errors_of(record))
                self._study.tell(index, record.score)
            elif record.state is TrialState.FAILED and record.choices and record.cause not in _NOT_BY_RECIPE:
                self._trial(index).set_constraint("errors", _IMPOSSIBLE)
                self._study.tell(index, self._worst())
            elif record.state is TrialState.PRUNED and (reached := _reached_by(record)) is not None:
                self._trial(index).report(reached, len(record.steps))
                self._study.tell(index, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(index, state=optuna.trial.TrialState.FAIL)

    def _trial(self, index: int) -> optuna.Trial:
        # A trial restored from an earlier session has no trial object yet, and Optuna reports through one.
        identity = self._study._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, index)
        return optuna.Trial(self._study, identity)

    def _worst(self) -> float:
        # Samplers that fit a surface need a number; one much larger than the others would flatten the surface.
        values = [trial.value for trial in self._study.get_trials(deepcopy=False) if trial.value is not None]
        return max(values, default=_POOR)


class OptunaChoose(Chooser):
    """The choices of one trial, made by Optuna or fixed beforehand."""

    def __init__(self, trial: optuna.Trial, fixed: Choices, source: str) -> None:
        self._trial = trial
        self._fixed = {name: FixedChoose({name: value}, source) for name, value in fixed.items()}

    def choose(self, name: str, dimension: Dimension) -> Value:
        """Choose a value; a fixed one was queued in Optuna, and is checked here."""
        if name in self._fixed:
            self._fixed[name].choose(name, dimension)
        with silence():
            match dimension:
                case Category():
                    return cast(Value, self._trial.suggest_categorical(name, list(dimension.options)))
                case Integer():
                    return self._trial.suggest_int(name, dimension.low, dimension.high)
                case _:
                    return self._trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)


def check_terminator() -> None:
    """Raise UserError if a package is missing that Optuna's terminator needs."""
    if importlib.util.find_spec(_NEEDS["gp"]) is None:
        raise UserError(
            f"needs the package {_NEEDS['gp']!r}: pip install 'autogsas[gp]'", key="search.terminator", found=True
        )


def _terminators(seed: int) -> tuple[optuna.terminator.BaseImprovementEvaluator, optuna.terminator.BaseErrorEvaluator]:
    regret = optuna.terminator.EMMREvaluator(seed=seed)
    return regret, optuna.terminator.MedianErrorEvaluator(regret)


def _reached_by(record: TrialRecord) -> float | None:
    """Return the Rwp over the full range at which a trial was pruned, in per cent; None if the engine gives none."""
    value = record.steps[-1].full_rwp if record.steps else math.nan
    return value if math.isfinite(value) else None


def _sampler(sampler: str | TpeSampler, seed: int, number: int) -> BaseSampler:
    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if isinstance(sampler, TpeSampler):
        return optuna.samplers.TPESampler(
            seed=own,
            n_startup_trials=sampler.startup_trials,
            multivariate=sampler.multivariate,
            group=sampler.group,
            constant_liar=sampler.constant_liar,
        )
    independent = optuna.samplers.RandomSampler(seed=own)
    match sampler:
        case "tpe":
            return optuna.samplers.TPESampler(
                seed=own, multivariate=True, group=True, constant_liar=True, warn_independent_sampling=False
            )
        case "cmaes":
            return optuna.samplers.CmaEsSampler(
                seed=own, independent_sampler=independent, warn_independent_sampling=False
            )
        case "gp":
            return optuna.samplers.GPSampler(seed=own, independent_sampler=independent)
        case "qmc":
            # One scrambled sequence for the whole run: seeded by the run alone, its counter is kept on the study.
            return optuna.samplers.QMCSampler(
                scramble=True,
                seed=seed,
                independent_sampler=independent,
                warn_asynchronous_seeding=False,
                warn_independent_sampling=False,
            )
        case _:
            return independent
