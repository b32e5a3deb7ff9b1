"""Parts that the pages of a run and of a comparison share."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Figure", "sentence", "with_stop"]


@dataclass(frozen=True)
class Figure:
    """A figure: ``svg`` is shown until the zoomable figure replaces it, and is printed; without it, only texts."""

    identity: str
    title: str
    svg: Markup
    description: str
    notes: tuple[str, ...] = ()


def with_stop(text: str) -> str:
    """Return a text that ends like a sentence; the first letter stays, because it can belong to a file name."""
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def sentence(text: str) -> str:
    """Return a note as a sentence."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""
