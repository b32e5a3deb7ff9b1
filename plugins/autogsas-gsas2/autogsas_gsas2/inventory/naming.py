"""Names for people: phases, histograms and sites for the numbers and random identifiers by which GSAS-II names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autogsas_gsas2.gpx_phase import plain_name, site_labels
from autogsas_gsas2.gpx_tree import phases as tree_phases
from autogsas_gsas2.gpx_tree import plain_names, uses
from autogsas_gsas2.safe_pickle import GsasObject

__all__ = ["Names"]


@dataclass
class Names:
    """The host's names by GSAS-II's keys, and by its random identifiers (``ids``)."""

    phases: dict[str, str]
    histograms: dict[str, str]
    ids: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> Names:
        """Return the names in a project; connected patterns have those that they have in a run."""
        found = tree_phases(tree)
        used = {key for phase in found.values() for key in uses(phase)}
        keys = [key for key in tree if key.startswith("PWDR ")]
        keys = [key for key in keys if key in used] + [key for key in keys if key not in used]
        histograms = dict(zip(keys, plain_names(keys), strict=True))
        histograms |= {key: key for key in tree if key.startswith("HKLF ")}
        names = cls({key: plain_name(key) for key in found}, histograms)
        for key, phase in found.items():
            names._add(phase.get("ranId"), names.phases[key])
            names._add_sites(phase)
        for key, name in histograms.items():
            data = tree[key].get("data")
            if isinstance(data, (list, tuple)) and data and isinstance(data[0], Mapping):
                names._add(data[0].get("ranId"), name)
        return names

    def _add(self, identifier: Any, name: str) -> None:
        if identifier is not None:
            self.ids[int(identifier)] = name

    def _add_sites(self, phase: Mapping[str, Any]) -> None:
        try:
            kind, adp = (int(phase["General"]["AtomPtrs"][i]) for i in (1, 3))
            labels = site_labels([str(atom[kind - 1]) for atom in phase["Atoms"]])
            for atom, label in zip(phase["Atoms"], labels, strict=True):
                self._add(atom[adp + 8], label)
        except (KeyError, IndexError, TypeError, ValueError):
            return  # sites then keep GSAS-II's identifiers

    def variable(self, variable: Any) -> str:
        """Return GSAS-II's variable in words, such as "AUiso of O1"; a text is returned as it is.

        The only phase and the only histogram of a project are not named.
        """
        if not isinstance(variable, GsasObject):
            return str(variable)
        parts = variable.attributes
        site, phase, histogram = (self._named(parts.get(key)) for key in ("atom", "phase", "histogram"))
        phase = "" if [phase] == list(self.phases.values()) else phase
        histogram = "" if [histogram] == list(self.histograms.values()) else histogram
        owner = " in ".join(text for text in (" ".join(x for x in (site, phase) if x), histogram) if text)
        return f"{self.parameter(variable)}{f' of {owner}' if owner else ''}"

    @staticmethod
    def parameter(variable: Any) -> str:
        """Return the name of the parameter in GSAS-II's variable."""
        if isinstance(variable, GsasObject):
            return str(variable.attributes.get("name"))
        parts = str(variable).split(":")
        return parts[2] if len(parts) > 2 else str(variable)

    def _named(self, identifier: Any) -> str:
        if identifier is None:
            return ""
        if isinstance(identifier, str):
            return {"*": "all"}.get(identifier, identifier)
        return self.ids.get(int(identifier), str(identifier))
