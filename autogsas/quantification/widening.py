"""Amounts with the printed esds, which include more than those of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from autogsas.model.quantification import PhaseAmount, Quantification, Share
from autogsas.model.result import Parameter

__all__ = ["with_printed_esds"]


def with_printed_esds(
    found: Iterable[Quantification], parameters: Iterable[Parameter], printed: Mapping[str, float]
) -> tuple[Quantification, ...]:
    """Return amounts whose esds are wider as the ``printed`` esd of the phase's weight fraction is than the computed.

    All shares of a phase follow from its weight fraction, so one ratio serves them all. ``parameters`` have the
    computed esds, by the same names.
    """
    ratios = {
        (item.histogram, item.phase): printed[item.name] / item.esd
        for item in parameters
        if item.group == "weight_fraction" and item.esd and item.name in printed
    }
    return tuple(
        replace(one, phases=tuple(_wider(part, ratios.get((one.histogram, part.phase), 1.0)) for part in one.phases))
        for one in found
    )


def _wider(part: PhaseAmount, ratio: float) -> PhaseAmount:
    wider: dict[str, Any] = {}
    for field in fields(part):
        share = getattr(part, field.name)
        if isinstance(share, Share) and share.esd is not None:
            wider[field.name] = replace(share, esd=ratio * share.esd)
    return replace(part, **wider)
