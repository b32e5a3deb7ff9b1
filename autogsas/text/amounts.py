"""The amounts of the phases in words, the same on the terminal, in the report and in notebooks."""

from __future__ import annotations

from autogsas.model.quantification import Quantification, Share
from autogsas.text.formatting import MISSING, general, weight_percent

__all__ = ["amount_rows", "describe_amounts", "describe_method"]


def describe_amounts(found: Quantification) -> str:
    """Return the amounts on one line: "quartz 31.4(2), rutile 68.6(2) % by mass of the crystalline phases"."""
    shares = ", ".join(f"{name} {weight_percent(share.value, share.esd)}" for name, share in found.shown())
    return f"{shares} % by mass {found.basis}"


def describe_method(found: Quantification) -> str:
    """Return where absolute amounts come from, in one sentence; empty without a standard."""
    if found.standard_share is not None:
        text = f"Internal standard: {found.standard}, {_percent(found.standard_share)} % of the specimen by weighing"
        if found.standard_crystallinity is not None and found.standard_crystallinity.value < 1:
            text += f", {_percent(found.standard_crystallinity)} % of it crystalline"
        return f"{text}. Amorphous is everything that the model does not contain."
    if found.g is not None:
        attenuation = general(found.mass_attenuation, 5)
        return (
            f"External standard: G = {general(found.g.value, 6)}, mass attenuation of the sample {attenuation} cm²/g. "
            "Amorphous is everything that the model does not contain."
        )
    return ""


def amount_rows(found: Quantification) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and the rows of a table of all shares in per cent, with absorption where it is known."""
    header = ["Phase", "of the crystalline (%)"]
    absolute = found.amorphous is not None
    grains = any(amount.microabsorption for amount in found.phases)
    if absolute:
        header += ["of the specimen (%)", "of the sample (%)"]
    if grains:
        header += ["μ (1/cm)", "μD", "powder", "Brindley's τ"]
    rows = []
    for amount in found.phases:
        row = [amount.phase, _percent(amount.crystalline)]
        if absolute:
            row += [_percent(amount.specimen), _percent(amount.original)]
        if grains:
            grain = amount.microabsorption
            row += (
                [MISSING] * 4
                if grain is None
                else [
                    general(grain.absorption, 4),
                    general(grain.mu_d, 2),
                    grain.regime.value,
                    f"{grain.factor:.4f}",
                ]
            )
        rows.append(tuple(row))
    if absolute:
        rest = ("amorphous", MISSING, _percent(found.amorphous_specimen), _percent(found.amorphous))
        rows.append((*rest, *([""] * (len(header) - len(rest)))))
    return tuple(header), rows


def _percent(share: Share | None) -> str:
    return MISSING if share is None else weight_percent(share.value, share.esd)
