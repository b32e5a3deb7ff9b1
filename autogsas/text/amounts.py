"""The amounts of the phases in words, the same on the terminal, in the report and in notebooks."""

from __future__ import annotations

from autogsas.model.quantification import Quantification
from autogsas.text.formatting import weight_percent

__all__ = ["describe_amounts"]


def describe_amounts(found: Quantification) -> str:
    """Return the amounts on one line: "quartz 31.4(2), rutile 68.6(2) % by mass of the crystalline phases"."""
    shares = ", ".join(f"{name} {weight_percent(share.value, share.esd)}" for name, share in found.shown())
    return f"{shares} % by mass {found.basis}"
