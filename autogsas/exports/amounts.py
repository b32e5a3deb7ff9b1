"""The items of a CIF about the amounts of the phases in one pattern."""

from __future__ import annotations

from collections.abc import Sequence

from gemmi import cif

from autogsas.exports.star import UNKNOWN, add_loop, number, prose
from autogsas.model.quantification import Method, Quantification, Share
from autogsas.text.amounts import amount_rows, describe_method

__all__ = ["amount_items"]

# The scale of the dictionary's K is S/V, and its amounts are in per cent: K = 100 S M mu/W = G/1.66 with M in Dalton.
_DALTON = 1.66053906892  # Dalton per Angstrom^3 in g/cm^3


def amount_items(
    block: cif.Block, phases: Sequence[str], identities: Sequence[str], found: Quantification | None
) -> None:
    """Add the loop of the phases with their mass per cent, and how these were found.

    ``identities`` are the block identifiers of the ``phases``. Names without a form of the first dictionary language
    (DDL1) have the dot of the second (powder dictionary 2.5.0: PD_PHASE_MASS, PD_QPA_INTERNAL_STD, PD_QPA_OVERALL);
    CIF 1.1 allows both. Shares outside of 0 to 100 %, which the dictionary does not allow, are unknown, and stand in
    the details.
    """
    own = {} if found is None else {amount.phase: amount for amount in found.phases}
    absolute = found is not None and found.amorphous is not None
    rows = []
    for i, (phase, identity) in enumerate(zip(phases, identities, strict=True), start=1):
        amount = own.get(phase)
        row = [str(i), identity, UNKNOWN if amount is None else _percent(amount.crystalline)]
        if absolute:
            standard = found is not None and phase == found.standard
            row.append(UNKNOWN if amount is None else _percent(amount.specimen))
            row.append("0" if standard else UNKNOWN if amount is None else _percent(amount.original))
        rows.append(tuple(row))
    tags = ["_pd_phase_id", "_pd_phase_block_id", "_pd_phase_mass_%"]
    add_loop(block, tags + (["_pd_phase_mass.absolute", "_pd_phase_mass.original"] if absolute else []), rows)
    if found is None:
        return
    block.set_pair("_pd_qpa_overall.method", "external_standard" if found.method is Method.EXTERNAL else "ZMV")
    if found.standard in phases and found.standard_share is not None:
        block.set_pair("_pd_qpa_internal_std.phase_id", str(phases.index(found.standard) + 1))
        block.set_pair("_pd_qpa_internal_std.mass_percent", _percent(found.standard_share))
        if found.standard_crystallinity is not None:
            block.set_pair("_pd_qpa_internal_std.crystallinity_percent", _percent(found.standard_crystallinity))
    details = _details(found)
    if details:
        block.set_pair("_pd_qpa_overall.special_details", prose(details))


def _details(found: Quantification) -> str:
    lines = [describe_method(found)]
    if found.g is not None:
        lines.append(f"The factor K of _pd_qpa_external_std.k_factor is {number(100 * found.g.value / _DALTON)}.")
    if found.amorphous is not None and found.amorphous_specimen is not None:
        shares = (found.amorphous_specimen, found.amorphous)
        inside, before = (number(100 * share.value, None if share.esd is None else 100 * share.esd) for share in shares)
        lines.append(f"Amorphous: {inside} % of the specimen, {before} % of the original sample.")
    if any(amount.microabsorption for amount in found.phases):
        state = "corrected" if found.corrected else "not corrected, since a powder is too coarse"
        lines.append(f"Microabsorption (Brindley, 1945): {state}.")
    if len(lines) > 1 or lines[0]:
        header, rows = amount_rows(found)
        lines += ["; ".join(f"{name} {value}" for name, value in zip(header, row, strict=True)) for row in rows]
    return "\n".join(line for line in lines if line)


def _percent(share: Share | None) -> str:
    """Return a share in per cent with its esd; unknown outside of 0 to 100."""
    if share is None or not 0 <= share.value <= 1:
        return UNKNOWN
    return number(100 * share.value, None if share.esd is None else 100 * share.esd, 4)
