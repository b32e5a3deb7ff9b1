"""The items of a CIF about the amounts of the phases in one pattern."""

from __future__ import annotations

from collections.abc import Sequence

from gemmi import cif

from autogsas.exports.star import UNKNOWN, add_loop, number
from autogsas.model.quantification import Quantification, Share

__all__ = ["amount_items"]


def amount_items(
    block: cif.Block, phases: Sequence[str], identities: Sequence[str], found: Quantification | None
) -> None:
    """Add the loop of the phases with their mass per cent, and how these were found.

    ``identities`` are the block identifiers of the ``phases``. Names without a form of the first dictionary language
    (DDL1) have the dot of the second (powder dictionary 2.5.0, PD_QPA_OVERALL); CIF 1.1 allows both.
    """
    own = {} if found is None else {amount.phase: amount for amount in found.phases}
    rows = [
        (str(i), identity, percent(own[phase].crystalline) if phase in own else UNKNOWN)
        for i, (phase, identity) in enumerate(zip(phases, identities, strict=True), start=1)
    ]
    add_loop(block, ("_pd_phase_id", "_pd_phase_block_id", "_pd_phase_mass_%"), rows)
    if found is not None:
        block.set_pair("_pd_qpa_overall.method", "ZMV")


def percent(share: Share) -> str:
    """Return a share in per cent with its esd."""
    return number(100 * share.value, None if share.esd is None else 100 * share.esd, 4)
