"""What could be refined next, and what it would bring: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from autogsas.model.recipe import Free, Setting, Start

__all__ = ["Candidate", "Change", "Gain"]


@dataclass(frozen=True)
class Candidate:
    """Groups that could be refined together in addition to what is refined already.

    ``start`` and ``set`` replace values first: the axis of preferred orientation, or a ratio other than 1, where some
    crystal systems have no slope. Of candidates with the same ``alternatives`` at most one is refined.
    """

    name: str
    free: tuple[Free, ...]
    start: tuple[Start, ...] = ()
    set: tuple[Setting, ...] = ()
    alternatives: str = ""


@dataclass(frozen=True)
class Change:
    """How a parameter would change: from ``value`` by ``shift``, with the ``esd`` it would then have.

    All are linear estimates. Cell parameters are named without values, because they change through the metric.
    """

    name: str
    value: float
    shift: float
    esd: float


@dataclass(frozen=True)
class Gain:
    """What refining a candidate is expected to bring, to first order.

    ``chi2`` is the expected decrease of chi^2, ``freedoms`` the number of independent parameters it takes, ``evidence``
    the expected decrease of BIC with the number of independent points that the residuals are worth, and ``rwp`` the
    expected Rwp in per cent.
    """

    candidate: Candidate
    chi2: float
    freedoms: int
    evidence: float
    rwp: float
    changes: tuple[Change, ...] = ()
