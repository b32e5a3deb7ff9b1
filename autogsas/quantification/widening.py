"""Amounts with the printed esds, which include more than those of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from autogsas.model.quantification import MeasuredAmounts, Share
from autogsas.model.result import Parameter

__all__ = ["with_printed_esds"]


def with_printed_esds(
    measured: Iterable[MeasuredAmounts], parameters: Iterable[Parameter], printed: Mapping[str, float]
) -> tuple[MeasuredAmounts, ...]:
    """Return amounts that are as much less certain as the ``printed`` esd of a weight fraction is wider.

    The esds of a phase's amount grow by the ratio of the printed to the computed esd of its weight fraction, or of its
    scale where it is alone; correlations stay. ``parameters`` have the computed esds, by the same names.
    """
    ratios: dict[tuple[str, str | None, str | None], float] = {
        (item.group, item.histogram, item.phase): printed[item.name] / item.esd
        for item in parameters
        if item.group in ("weight_fraction", "scale") and item.esd and item.name in printed
    }
    return tuple(_wider(one, ratios) for one in measured)


def _wider(one: MeasuredAmounts, ratios: Mapping[tuple[str, str | None, str | None], float]) -> MeasuredAmounts:
    group = "weight_fraction" if len(one.phases) > 1 else "scale"
    by = [ratios.get((group, one.histogram, phase), 1.0) for phase in one.phases]
    return replace(
        one,
        shares=tuple(
            Share(share.value, None if share.esd is None else ratio * share.esd)
            for share, ratio in zip(one.shares, by, strict=False)
        ),
        covariance=tuple(
            tuple(value * first * second for value, second in zip(row, by, strict=True))
            for row, first in zip(one.covariance, by, strict=True)
        ),
    )
