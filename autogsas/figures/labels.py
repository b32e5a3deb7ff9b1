"""Labels that several figures share."""

from __future__ import annotations

__all__ = ["RWP", "TWO_THETA", "shorten"]

TWO_THETA = "2θ (°)"
RWP = "Rwp (%)"


def shorten(text: str, longest: int) -> str:
    """Return a text of at most ``longest`` characters; a longer one is cut and ends with "…"."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
