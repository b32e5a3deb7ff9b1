"""What could be refined next, and what it would bring: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from autogsas.model.recipe import BackgroundFunction, Free, Setting, Start, Step

__all__ = ["Candidate", "Change", "Gain", "Guide"]


@dataclass(frozen=True)
class Candidate:
    """Groups that could be refined together in addition to what is refined already.

    ``start`` and ``set`` replace values first: the axis of preferred orientation, or a ratio other than 1, where some
    crystal systems have no slope. Of candidates with the same ``alternatives`` at most one is refined. ``rivals`` names
    a family whose members can stand in for each other, such as the shifts of all peaks of a pattern; ``restarts`` one
    whose members can also stand in for this candidate, so that they are tried from its values as well.

    ``turn`` is when a guided refinement considers it: 0 before all others, 1, or 2 when nothing of those is left that
    pays, because it would take up what they have not explained. ``expected`` is what people want to know of a sample
    anyway: it is refined as soon as the data determine it.
    """

    name: str
    free: tuple[Free, ...]
    start: tuple[Start, ...] = ()
    set: tuple[Setting, ...] = ()
    alternatives: str = ""
    rivals: str = ""
    restarts: str = ""
    turn: int = 1
    expected: bool = False


@dataclass(frozen=True)
class Guide:
    """What a guided refinement chooses from.

    It starts with the one of ``beginnings`` that fits best: steps that refine scales and backgrounds. The host adds the
    candidates of plugins. ``terms`` is the range of terms of the background ``function``, both ends included.
    """

    beginnings: tuple[Step, ...]
    candidates: tuple[Candidate, ...] = ()
    function: BackgroundFunction = "chebyschev-1"
    terms: tuple[int, int] = (3, 30)


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
