"""The printed esds of a run: with serial correlation, and over the models that the evidence cannot tell apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autogsas.crystal.alignment import Estimate, aligned, phases_of
from autogsas.model.averaging import LARGEST_DELTA, averaged_esd, bic_differences, relative_bic, weights
from autogsas.model.metrics import counted_points
from autogsas.model.result import Parameter
from autogsas.model.trial import TrialState
from autogsas.runfolder.trials import StoredTrial

__all__ = ["Rival", "Uncertainty", "uncertainty_of", "with_esds"]


@dataclass(frozen=True)
class Rival:
    """One model that the evidence cannot tell from the best one, with its share of the evidence.

    ``name`` says in what it differs, "" for a trial as it ended; ``delta_bic`` is above the lowest BIC of all.
    """

    trial: int
    name: str
    n_variables: int
    delta_bic: float
    weight: float


@dataclass(frozen=True)
class Uncertainty:
    """The printed esds by the names of the parameters, and where they come from.

    ``factor`` is that of serial correlation over all histograms. ``rivals`` are the models averaged over, the chosen
    one included, by weight; ``n_points`` is the effective number of points, NaN if it is not known.
    """

    esds: Mapping[str, float] = field(default_factory=dict)
    factor: float = 1.0
    n_points: float = math.nan
    rivals: tuple[Rival, ...] = ()


@dataclass(frozen=True)
class _Model:
    """One model of the run; ``values`` are those of its parameters aligned with the chosen trial's."""

    trial: StoredTrial
    name: str
    chi2: float
    n_variables: int
    parameters: tuple[Parameter, ...]

    @property
    def varied(self) -> frozenset[str]:
        # Recipes that differ in nothing but the background are one model; what follows from others tells nothing.
        apart = ("background", "weight_fraction")
        return frozenset(p.name for p in self.parameters if p.esd is not None and p.group not in apart)


def with_esds(parameters: Iterable[Parameter], esds: Mapping[str, float]) -> tuple[Parameter, ...]:
    """Return parameters with the printed esds, where there are any."""
    return tuple(replace(item, esd=esds.get(item.name, item.esd)) for item in parameters)


def uncertainty_of(chosen: StoredTrial, trials: Sequence[StoredTrial]) -> Uncertainty:
    """Return the printed esds of the chosen trial.

    The esd of each refined parameter is that of the engine times the factor of serial correlation, and includes the
    spread over models that fit about as well for their number of variables: other usable trials and their alternatives.
    See `autogsas.model.averaging.averaged_esd`. Of trials that refine the same parameters (but for the background),
    only the one with the lowest BIC counts: otherwise the recipe that the sampler tries most often would dominate. What
    a model keeps fixed counts with its value and no esd; models without a parameter do not count for it. Coefficients
    of the background, whose meaning depends on its function, are not averaged.
    """
    factors = {item.name: item.esd_factor for item in chosen.histograms if math.isfinite(item.esd_factor)}
    factor = _over_all(chosen)
    known = math.nan
    if chosen.histograms and all(math.isfinite(item.effective_points) for item in chosen.histograms):
        known = sum(counted_points(item.effective_points, item.metrics.n_observations) for item in chosen.histograms)
    metrics = chosen.record.metrics
    if metrics is None:
        return Uncertainty()
    # A run of an older version does not know its effective points; with all points, fewer models are alike.
    n_points = known if math.isfinite(known) else float(metrics.n_observations)
    models = _distinct(chosen, trials, n_points)
    differences = bic_differences([_bic(model, n_points) for model in models])
    shares = weights(differences)
    counted = [(share, _values(chosen, model)) for share, model in zip(shares, models, strict=True) if share > 0]
    esds = {}
    for item in chosen.parameters:
        if item.esd is None:
            continue
        own = factors.get(item.histogram or "", factor)
        others = [(share, *values[item.name]) for share, values in counted if item.name in values]
        esds[item.name] = averaged_esd(item.value, item.esd, () if item.group == "background" else others, own)
    rivals = [
        Rival(model.trial.record.number, model.name, model.n_variables, delta, share)
        for model, delta, share in zip(models, differences, shares, strict=True)
        if model is models[0] or delta < LARGEST_DELTA
    ]
    return Uncertainty(esds, factor, known, tuple(sorted(rivals, key=lambda rival: -rival.weight)))


def _over_all(trial: StoredTrial) -> float:
    """Return the factor of serial correlation over all histograms, weighed by their chi^2; 1 if it is not known."""
    known = [item for item in trial.histograms if math.isfinite(item.esd_factor)]
    total = sum(item.metrics.chi2 for item in known)
    if not total > 0:
        return 1.0
    return math.sqrt(sum(item.metrics.chi2 * item.esd_factor**2 for item in known) / total)


def _distinct(chosen: StoredTrial, trials: Sequence[StoredTrial], n_points: float) -> list[_Model]:
    """Return the chosen model, then the best of each set of refined parameters among all others."""
    first = _as_model(chosen)
    best: dict[frozenset[str], tuple[float, _Model]] = {first.varied: (_bic(first, n_points), first)}
    for model in _models(chosen, trials):
        bic = _bic(model, n_points)
        if model.varied not in best or bic < best[model.varied][0]:
            best[model.varied] = (bic, model)
    return [first, *(model for _, model in best.values() if model is not first)]


def _models(chosen: StoredTrial, trials: Sequence[StoredTrial]) -> Iterable[_Model]:
    for trial in (chosen, *trials):
        metrics, here = trial.record.metrics, chosen.record.metrics
        if trial.record.state is not TrialState.COMPLETE or not trial.refined or metrics is None or here is None:
            continue
        # An engine that lost points fits other data.
        if metrics.n_observations != here.n_observations:
            continue
        if trial.record.number != chosen.record.number:
            yield _as_model(trial)
        for other in trial.alternatives:
            if trial is chosen or trial.record.number != chosen.record.number:
                yield _Model(trial, other.name, other.chi2, other.n_variables, other.parameters)


def _as_model(trial: StoredTrial) -> _Model:
    metrics = trial.record.metrics
    assert metrics is not None
    return _Model(trial, "", metrics.chi2, metrics.n_variables, trial.parameters)


def _bic(model: _Model, n_points: float) -> float:
    return relative_bic(model.chi2, model.n_variables, n_points)


def _values(chosen: StoredTrial, model: _Model) -> Mapping[str, Estimate]:
    """Return the values of a model by the names of the chosen trial's parameters."""
    if model.trial is chosen and not model.name:
        return {p.name: (p.value, p.esd or 0.0) for p in chosen.parameters}
    phases = model.trial.phases if not model.name else phases_of(model.trial.phases, model.parameters)
    return aligned((chosen.phases, chosen.parameters), (phases, model.parameters))
