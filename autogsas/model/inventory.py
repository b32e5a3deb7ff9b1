"""The inventory of a project: what it holds, and what autogsas does with each part. Plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from autogsas.model.recipe import Group

__all__ = ["Entry", "HistogramContent", "Inventory", "Kind", "PhaseContent", "Treatment"]


class Treatment(StrEnum):
    """What a search does with a part of the project at present."""

    SEARCHED = "searched"
    """A choice of the search decides whether it is refined."""
    KEPT = "kept"
    """Refined in the last steps, because the project's author refined it."""
    FIXED = "fixed"
    """Stays as it is in the project: values are not refined, constraints and regions apply."""
    NOT_SUPPORTED = "not supported yet"
    """Refined in another way than its author wanted, or not at all; the entry's reason says which."""
    UNKNOWN = "unknown"
    """Found in the file, but its meaning is not known."""


class Kind(StrEnum):
    """The kinds of parts that a project consists of."""

    FLAG = "refinement flag"
    LIMITS = "limits"
    EXCLUDED = "excluded region"
    BACKGROUND = "background function"
    FIXED_POINTS = "fixed background points"
    BACKGROUND_FILE = "fixed background pattern"
    DEBYE = "Debye term"
    BACKGROUND_PEAK = "background peak"
    INTENSITIES = "Le Bail or Pawley"
    MOMENT = "magnetic moment"
    TEXTURE = "texture"
    MODULATION = "modulation"
    CONSTRAINT = "constraint"
    BOUND = "limit of a parameter"
    RESTRAINT = "restraint"
    RIGID_BODY = "rigid body"
    CONTROL = "least-squares control"
    DATA = "data"
    OTHER = "other"


@dataclass(frozen=True)
class Entry:
    """One part of a project: a refinement flag, a constraint, a setting.

    ``value`` is a text. ``refined`` is the flag of the project's author; None where there is none. ``phase``,
    ``histogram`` and ``site`` say where it belongs. ``groups`` are the groups of a recipe that refine it: where a
    choice of the search frees one of them, the entry is searched. ``treatment`` and its ``reason`` hold otherwise.
    """

    kind: Kind
    name: str
    value: str = ""
    refined: bool | None = None
    phase: str = ""
    histogram: str = ""
    site: str = ""
    groups: tuple[Group, ...] = ()
    treatment: Treatment = Treatment.FIXED
    reason: str = ""


@dataclass(frozen=True)
class HistogramContent:
    """A histogram: its data and its instrument.

    ``type`` in words, such as "X-ray, constant wavelength". ``low``, ``high`` and ``limits`` in ``unit``; ``steps`` are
    the smallest and the largest step. They are None where they are not known, as for single crystals, whose ``points``
    are reflections. ``constants`` are wavelengths or constants of time of flight: name, value and unit in a text each.
    """

    name: str
    type: str
    points: int
    unit: str = "°"
    low: float | None = None
    high: float | None = None
    steps: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None
    excluded: tuple[tuple[float, float], ...] = ()
    constants: tuple[str, ...] = ()
    geometry: str = ""


@dataclass(frozen=True)
class PhaseContent:
    """A phase: its structure in words and numbers, and the histograms it is connected to.

    ``kind`` is "nuclear", "magnetic" or another word of the engine; ``cell`` in Angstrom and degrees; ``intensities``
    are "structure", "Le Bail" or "Pawley", or both of two words where histograms differ.
    """

    name: str
    space_group: str
    cell: tuple[float, ...]
    sites: int
    kind: str = "nuclear"
    intensities: str = "structure"
    histograms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """All that a project holds. ``refusal`` is why `autogsas run` does not take it at present, or empty."""

    source: Path
    format: str
    histograms: tuple[HistogramContent, ...]
    phases: tuple[PhaseContent, ...]
    entries: tuple[Entry, ...]
    refusal: str = ""

    def counts(self) -> Mapping[Treatment, int]:
        """Return the number of entries of each treatment."""
        found = Counter(entry.treatment for entry in self.entries)
        return {treatment: found[treatment] for treatment in Treatment}
