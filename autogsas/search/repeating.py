"""Whether a refinement that was repeated by its recipe ended where it did before."""

from __future__ import annotations

__all__ = ["ended_alike"]

# A repeated recipe that ends with another Rwp, by this fraction, ended elsewhere, with another profile. Not measured.
_SAME = 0.01


def ended_alike(rwp: float, before: float | None) -> bool:
    """Return whether the Rwp of a repeated refinement is that of ``before``; False where either is unknown (NaN)."""
    return before is not None and abs(rwp - before) <= _SAME * before
