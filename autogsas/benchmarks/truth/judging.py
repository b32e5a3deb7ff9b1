"""Whether an answer is right, each structural value within a few esds of the truth, and if not, whether it says so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from autogsas.benchmarks.truth.samples import Sample
from autogsas.benchmarks.truth.structures import PHASES
from autogsas.runfolder.summary import ParameterPart, Summary

__all__ = ["Judgement", "Miss", "Verdict", "judge", "true_values"]

ESDS = 4.0
LARGEST_GOF = 1.15
# A value that was not refined counts as right within these: a fraction of the cell, a coordinate, Angstrom^2, a share.
_FIXED = {"cell": 1e-4, "positions": 1e-4, "uiso": 1e-3, "uiso_shared": 1e-3, "occupancy": 0.01, "scale": 0.01}
_EQUAL = 1e-6  # pulls that differ by less than this fraction are those of one variable
_FRACTION = "weight fraction"
_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_TENSOR = ("U11", "U22", "U33", "U12", "U13", "U23")
# What is warned of in good refinements too tells nobody that the answer is wrong.
_KEPT = "kept"
_ORDINARY = frozenset({"correlated", "at-bound", "transparency-negative", "singular", _KEPT})
# The origin of these groups is free along the axis: coordinates are compared with those of the first site.
_POLAR = {"zincite": ("z", "Zn")}


class Verdict(StrEnum):
    """What an answer is worth."""

    RIGHT = "right"
    REPORTED = "wrong, reported"
    SILENT = "wrong, not reported"
    NOTHING = "nothing usable"


@dataclass(frozen=True)
class Miss:
    """A value that is not the true one; ``esds`` is None where it was not refined.

    ``value`` is None where the answer does not have it, as under another name of the phase.
    """

    name: str
    value: float | None
    truth: float
    esds: float | None

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name} is not in the answer, {self.truth:.6g} is true"
        how = "fixed" if self.esds is None else f"{self.esds:.1f} esd"
        return f"{self.name} {self.value:.6g} for {self.truth:.6g} ({how})"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one answer, the values that are wrong, and the deviations in printed esds (``pulls``).

    There is one pull for each independent value: a cubic cell, the coordinates x, x, x and the occupancies of a mixed
    site have one.
    """

    verdict: Verdict
    misses: tuple[Miss, ...]
    pulls: tuple[float, ...]
    reported: tuple[str, ...]


def judge(sample: Sample, summary: Summary) -> Judgement:
    """Compare the best trial of a run with the truth.

    It is right if the sample can be right, each true value is in the answer and within a few esds, and GoF is low. True
    values are cells, sites and weight fractions of the known phases; values that were not refined have to be there too.
    Only a displacement may be there in the other form, as a tensor for a Uiso or a Uiso for a tensor; it is then not
    compared.

    What is not right is reported if there is any finding of severity "warning" or "error" but the ordinary ones
    (`correlated`, `at-bound`, `transparency-negative`, `singular`), which good refinements have too. The finding need
    not be about the value that is wrong. `kept` counts only where values are wrong and none of them was refined.
    """
    reported = tuple(f.code for f in summary.findings if f.severity != "info" and f.code not in _ORDINARY)
    if summary.best_trial is None:
        return Judgement(Verdict.NOTHING, (), (), reported)
    truth = true_values(sample)
    misses: list[Miss] = []
    pulls: list[tuple[str, float]] = []
    for name, parameter, value in _compared(sample, summary):
        if name not in truth:
            continue
        gap = value - truth[name]
        if parameter.group == "positions":
            gap -= round(gap)
        if parameter.esd:
            pulls.append((parameter.group, gap / parameter.esd))
            if abs(gap) > ESDS * parameter.esd:
                misses.append(Miss(name, value, truth[name], gap / parameter.esd))
        else:
            scale = truth[name] if parameter.group == "cell" else 1.0
            if abs(gap) > _FIXED.get(parameter.group, 1e-3) * scale:
                misses.append(Miss(name, value, truth[name], None))
    if sample.expect == "right":
        misses += [Miss(name, None, truth[name], None) for name in _absent(truth, summary)]
    # A value that was not refined is the user's; that it is not the data's has to be said, and by this finding alone.
    kept = any(f.code == _KEPT for f in summary.findings) and all(_is_kept(miss) for miss in misses)
    good = sample.expect == "right" and not misses and summary.gof is not None and summary.gof < LARGEST_GOF
    # Where the model cannot be right, an answer that reports nothing is wrong whatever its values are.
    said = bool(reported) or (bool(misses) and kept)
    verdict = Verdict.RIGHT if good else Verdict.REPORTED if said else Verdict.SILENT
    return Judgement(verdict, tuple(misses), tuple(_independent(pulls)), reported)


def true_values(sample: Sample) -> Mapping[str, float]:
    """Return the true structural values by the names they have in a result; "PHASE:weight fraction" for mixtures."""
    out: dict[str, float] = {}
    known = sum(part.weight for part in sample.parts if part.known)
    for part in sample.parts:
        if not part.known or sample.believed or part.group:
            continue
        name = part.structure
        _, cell, rows = PHASES[name]
        out |= {f"{name}:{key}": value for key, value in zip(_CELL, cell, strict=True)}
        for label, _, x, y, z, occupancy, uiso in (*rows, *part.extra):
            site = {"x": x, "y": y, "z": z, "occupancy": occupancy, "Uiso": uiso}
            said = dict(part.true.get(label, {}))
            tensor = said.pop("uaniso", None)
            if "uiso" in said:
                site["Uiso"] = said.pop("uiso")
            site |= said
            if tensor is not None:
                del site["Uiso"]
                site |= dict(zip(_TENSOR, tensor, strict=True))
            out |= {f"{name}:{label}:{key}": float(value) for key, value in site.items()}
        if len(sample.parts) > 1:
            out[f"{name}:{_FRACTION}"] = part.weight / known
    return out


def _is_kept(miss: Miss) -> bool:
    return miss.esds is None and miss.value is not None


def _absent(truth: Mapping[str, float], summary: Summary) -> list[str]:
    """Return the names of true values that an answer does not have; a displacement may have either form."""
    there = {_true_name(parameter) for parameter in summary.parameters if parameter.value is not None}
    forms: dict[str, tuple[str, ...]] = {"Uiso": _TENSOR, **dict.fromkeys(_TENSOR, ("Uiso",))}
    out = []
    for name in truth:
        site, _, key = name.rpartition(":")
        other = forms.get(key, ())
        if name not in there and not (other and there.issuperset(f"{site}:{one}" for one in other)):
            out.append(name)
    return out


def _independent(pulls: Sequence[tuple[str, float]]) -> list[float]:
    """Return the pulls without those that repeat an earlier one of the same group of parameters.

    Parameters that are multiples of one variable, or add up to a constant, are as many esds off.
    """
    out: list[tuple[str, float]] = []
    for group, pull in pulls:
        if not any(group == earlier and math.isclose(abs(pull), abs(other), rel_tol=_EQUAL) for earlier, other in out):
            out.append((group, pull))
    return [pull for _, pull in out]


def _true_name(parameter: ParameterPart) -> str:
    """Return the name that a parameter has among the true values."""
    return f"{parameter.phase}:{_FRACTION}" if parameter.name.endswith(f":{_FRACTION}") else parameter.name


def _compared(sample: Sample, summary: Summary) -> Iterator[tuple[str, ParameterPart, float]]:
    """Give each parameter with the name it has among the true values, and its value about the true origin."""
    known = {parameter.name: parameter for parameter in summary.parameters}
    for parameter in summary.parameters:
        if parameter.value is None:
            continue
        name, value = _true_name(parameter), parameter.value
        axis, first = _POLAR.get(parameter.phase or "", ("", ""))
        if axis and parameter.group == "positions" and name.endswith(f":{axis}"):
            # Only the distance along the axis is determined; either end of it may be the fixed one.
            origin = known.get(f"{parameter.phase}:{first}:{axis}")
            if origin is parameter:
                continue
            if origin is not None:
                value -= origin.value or 0.0
                parameter = parameter.model_copy(update={"esd": math.hypot(parameter.esd or 0.0, origin.esd or 0.0)})
        yield name, parameter, value
