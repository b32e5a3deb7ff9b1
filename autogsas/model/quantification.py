"""How much there is of each phase: plain data, mass fractions from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PhaseAmount", "Quantification", "Share"]


@dataclass(frozen=True)
class Share:
    """A mass fraction, 1 for everything; ``esd`` is None where nothing that it depends on was refined."""

    value: float
    esd: float | None = None


@dataclass(frozen=True)
class PhaseAmount:
    """The amount of one phase.

    ``crystalline`` is its share of the mass of all phases in the model: what is amorphous, or not in the model, is
    left out.
    """

    phase: str
    crystalline: Share

    @property
    def shown(self) -> Share:
        """The share that is shown first."""
        return self.crystalline


@dataclass(frozen=True)
class Quantification:
    """The amounts of all phases as one histogram gives them."""

    histogram: str
    phases: tuple[PhaseAmount, ...]

    def shown(self) -> list[tuple[str, Share]]:
        """Return what is shown first: the name and the share of each phase."""
        return [(amount.phase, amount.shown) for amount in self.phases]

    @property
    def basis(self) -> str:
        """What the shares shown first are parts of, in words."""
        return "of the crystalline phases in the model"
