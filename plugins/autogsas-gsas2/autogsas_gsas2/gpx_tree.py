"""Parts of the tree of a .gpx: top-level items, phases, and the patterns that a phase is connected to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["item_data", "phases", "plain_names", "uses"]


def item_data(tree: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the dictionary of a top-level item; empty where there is none."""
    found = (tree.get(name) or {}).get("data")
    return found if isinstance(found, dict) else {}


def phases(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the phases by name."""
    return {name: item for name, item in tree.get("Phases", {}).items() if name != "data" and isinstance(item, dict)}


def uses(phase: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the powder patterns that a phase is connected to."""
    for key, pair in phase.get("Histograms", {}).items():
        if key.startswith("PWDR ") and isinstance(pair, dict) and pair.get("Use", True):
            yield key


def plain_names(keys: Sequence[str]) -> list[str]:
    """Return unique names for GSAS-II's, without "PWDR " and colons."""
    names: list[str] = []
    for key in keys:
        name = key.removeprefix("PWDR ").replace(":", "_").strip() or "pattern"
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return names
