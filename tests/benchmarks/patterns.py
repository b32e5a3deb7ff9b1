"""The four real patterns of the benchmarks, each with one recipe made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.input.loading import build_project, load_project
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe

__all__ = ["PATTERNS", "Absent", "counted_points", "load"]

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"


class Absent(Exception):
    """The pattern is neither in the repository nor in the data folder beside it."""


_FIRST = (40.0, 150.0)
_Y2O3 = Recipe.model_validate(
    {
        "name": "seven steps",
        "steps": [
            {
                "title": "scale and background",
                "limits": _FIRST,
                "background": {"function": "chebyschev-1", "terms": 6},
                "free": ["scale", "background"],
            },
            {"title": "cell and zero", "limits": _FIRST, "free": ["cell", "zero"]},
            {"title": "displacement", "limits": _FIRST, "free": ["displacement"]},
            {"title": "Gaussian widths", "limits": _FIRST, "free": ["U", "V", "W"]},
            {"title": "Lorentzian widths", "limits": _FIRST, "free": ["X", "Y"]},
            {"title": "structure", "limits": _FIRST, "free": ["positions", "uiso"]},
            {"title": "the whole range"},
        ],
    }
)
_PBSO4 = Recipe.model_validate(
    {
        "name": "five steps",
        "steps": [
            {
                "title": "scale and background",
                "background": {"function": "chebyschev-1", "terms": 6},
                "free": ["scale", "background"],
            },
            {"title": "cell and zero", "free": ["cell", "zero"]},
            {"title": "Gaussian widths", "free": ["U", "V", "W"]},
            {"title": "axial divergence", "free": ["SH/L"]},
            {"title": "structure", "free": ["positions", "uiso"]},
        ],
    }
)


@dataclass(frozen=True)
class _Shared:
    """The files of a pattern in the data folder, its limits and its recipe."""

    pattern: str
    instrument: str
    structure: str
    limits: tuple[float, float]
    recipe: Recipe

    def load(self, name: str) -> Project:
        """Return the project. Raises Absent if its files are missing."""
        missing = [file for file in (self.pattern, self.instrument, self.structure) if not (SHARED / file).is_file()]
        if missing:
            raise Absent(f"no {', '.join(missing)} in ../shared/data")
        given: dict[str, object] = {
            "name": name,
            "data": [{"file": self.pattern, "instrument": self.instrument, "limits": list(self.limits)}],
            "phases": [{"file": self.structure}],
        }
        project, _ = build_project(given, SHARED / "project.yaml")
        return replace(project, recipes=(self.recipe,))


def _own(folder: str) -> Callable[[str], Project]:
    return lambda _: load_project(ROOT / "projects" / folder)[0]


PATTERNS: dict[str, Callable[[str], Project]] = {
    "Y2O3": _Shared("y2o3/y2o3.csv", "y2o3/INST_XRY.PRM", "y2o3/y2o3.cif", (15.0, 150.0), _Y2O3).load,
    "fluorapatite": _own("fluorapatite"),
    "LBCO": _own("lbco-neutron"),
    "PbSO4": _Shared("pbso4/PBSO4.CWN", "pbso4/inst_d1a.prm", "pbso4/pbso4.cif", (19.0, 153.0), _PBSO4).load,
}
"""The sources of the projects by name."""


def load(name: str) -> Project:
    """Return a project with its recipe. Raises Absent with the reason if its pattern is missing."""
    return PATTERNS[name](name)


def counted_points(project: Project) -> int:
    """Return how many points count over the full limits."""
    return sum(int(h.pattern.mask(h.limits, h.excluded).sum()) for h in project.histograms)
