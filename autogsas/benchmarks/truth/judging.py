"""Whether an answer is right, each structural value within a few esds of the truth, and if not, whether it says so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
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
    """A value that is not the true one; ``esds`` is None where it was not refined."""

    name: str
    value: float
    truth: float
    esds: float | None

    def __str__(self) -> str:
        how = "fixed" if self.esds is None else f"{self.esds:.1f} esd"
        return f"{self.name} {self.value:.6g} for {self.truth:.6g} ({how})"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one answer, the values that are wrong, and all deviations in printed esds (``pulls``)."""

    verdict: Verdict
    misses: tuple[Miss, ...]
    pulls: tuple[float, ...]
    reported: tuple[str, ...]


def judge(sample: Sample, summary: Summary) -> Judgement:
    """Compare the best trial of a run with the truth."""
    reported = tuple(f.code for f in summary.findings if f.severity != "info" and f.code not in _ORDINARY)
    if summary.best_trial is None:
        return Judgement(Verdict.NOTHING, (), (), reported)
    truth = true_values(sample)
    misses, pulls = [], []
    for name, parameter, value in _compared(sample, summary):
        if name not in truth:
            continue
        gap = value - truth[name]
        if parameter.group == "positions":
            gap -= round(gap)
        if parameter.esd:
            pulls.append(gap / parameter.esd)
            if abs(gap) > ESDS * parameter.esd:
                misses.append(Miss(name, value, truth[name], gap / parameter.esd))
        else:
            scale = truth[name] if parameter.group == "cell" else 1.0
            if abs(gap) > _FIXED.get(parameter.group, 1e-3) * scale:
                misses.append(Miss(name, value, truth[name], None))
    # A value that was not refined is the user's; that it is not the data's has to be said, and by this finding alone.
    kept = any(f.code == _KEPT for f in summary.findings) and all(miss.esds is None for miss in misses)
    good = sample.expect == "right" and not misses and summary.gof is not None and summary.gof < LARGEST_GOF
    # Where the model cannot be right, an answer that reports nothing is wrong whatever its values are.
    said = bool(reported) or (bool(misses) and kept)
    verdict = Verdict.RIGHT if good else Verdict.REPORTED if said else Verdict.SILENT
    return Judgement(verdict, tuple(misses), tuple(pulls), reported)


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
            out[f"{name}:weight fraction"] = part.weight / known
    return out


def _compared(sample: Sample, summary: Summary) -> Iterator[tuple[str, ParameterPart, float]]:
    """Give each parameter with the name it has among the true values, and its value about the true origin."""
    known = {parameter.name: parameter for parameter in summary.parameters}
    for parameter in summary.parameters:
        if parameter.value is None:
            continue
        name, value = parameter.name, parameter.value
        if name.endswith(":weight fraction"):
            name = f"{parameter.phase}:weight fraction"
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
