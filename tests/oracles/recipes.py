"""Ask GSAS-II, through its plugin, what recipes end at; run as ``python -m tests.oracles.recipes [NAME ...]``.

Writes recipes.json. Patterns that are not part of the project are looked for in ../shared/data beside it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogsas.input.loading import build_project, load_project
from autogsas.model.project import Project
from autogsas.model.recipe import Recipe
from autogsas.trial.child import copies, relocate

from . import corrected
from .plain import HERE, Entry, entries
from .writing import compact

ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared" / "data"
CALL = (
    "autogsas_gsas2.backend.Gsas2Session on the project, session.refine(step) for each step, session.result(); "
    "'minimum' is the same with the derivative by A0 completed (corrected.py)"
)


def seven_steps(low: float, high: float, *, axial: bool = False) -> list[Entry]:
    """Return the usual steps of a laboratory pattern: first over 40 degrees and more, at last over all.

    Not from 40.0: GSAS-II leaves out the reflection at 39.85 degrees, half of which lies inside, and with it 0.1 % of
    Rwp.
    """
    most = [40.8, high]
    last: Entry = {"title": "all", "limits": [low, high]}
    if axial:
        last["free"] = ["SH/L"]
    return [
        {
            "title": "scale and background",
            "limits": most,
            "background": {"function": "chebyschev-1", "terms": 6},
            "free": ["scale", "background"],
        },
        {"title": "cell and zero", "limits": most, "free": ["cell", "zero"]},
        {"title": "displacement", "limits": most, "free": ["displacement"]},
        {"title": "Gaussian widths", "limits": most, "free": ["U", "V", "W"]},
        {"title": "Lorentzian widths", "limits": most, "free": ["X", "Y"]},
        {"title": "structure", "limits": most, "free": ["positions", "uiso"]},
        last,
    ]


def shared(name: str, cif: str, *patterns: Entry) -> Entry:
    """Return a project file on the folder of shared data; its files are named from there."""
    return {"name": name, "data": list(patterns), "phases": [{"file": cif, "name": name}]}


_Y2O3 = shared(
    "Y2O3",
    "y2o3/y2o3.cif",
    {"file": "y2o3/y2o3.csv", "instrument": "y2o3/INST_XRY.PRM", "ratio": 0.5, "limits": [15.0, 150.0]},
)
_XRAYS = {
    "file": "pbso4/PBSO4.XRA",
    "name": "X-rays",
    "instrument": "pbso4/INST_XRY.PRM",
    "ratio": 0.5,
    "limits": [16.0, 158.4],
}
_NEUTRONS = {"file": "pbso4/PBSO4.CWN", "name": "neutrons", "instrument": "pbso4/inst_d1a.prm", "limits": [19.0, 153.0]}


def background(terms: int) -> Entry:
    """Return a step's background."""
    return {"background": {"function": "chebyschev-1", "terms": terms}}


def _neutron_steps() -> list[Entry]:
    return [
        {"title": "scale and background", **background(6), "free": ["scale", "background"]},
        {"title": "cell and zero", "free": ["cell", "zero"]},
        {"title": "Gaussian widths", "free": ["U", "V", "W"]},
        {"title": "positions", "free": ["positions"]},
    ]


# Name: a project of the repository with a recipe of its own, or a project file on the shared data and steps.
RECIPES: dict[str, str | tuple[Entry, list[Entry]]] = {
    "fluorapatite by hand": "projects/fluorapatite",
    "lbco-neutron by hand": "projects/lbco-neutron",
    "Y2O3": (_Y2O3, seven_steps(15.0, 150.0)),
    "Y2O3 with axial divergence": (_Y2O3, seven_steps(15.0, 150.0, axial=True)),
    "PbSO4 neutrons": (
        shared("PbSO4", "pbso4/pbso4.cif", _NEUTRONS),
        [*_neutron_steps(), {"title": "displacement parameters, and all together", "free": ["uiso"]}],
    ),
    "PbSO4 neutrons with tensors": (
        shared("PbSO4", "pbso4/pbso4.cif", _NEUTRONS),
        [*_neutron_steps(), {"title": "isotropic first", "free": ["uiso"]}, {"title": "tensors", "free": ["uaniso"]}],
    ),
    "PbSO4 neutrons with one U": (
        shared("PbSO4", "pbso4/pbso4.cif", _NEUTRONS),
        [*_neutron_steps(), {"title": "one U for all", "free": ["uiso_shared"]}],
    ),
    "PbSO4 joint": (
        shared("PbSO4", "pbso4/pbso4.cif", _XRAYS, _NEUTRONS),
        [
            {"title": "scales and backgrounds", **background(8), "free": ["scale", "background"]},
            {
                "title": "cell, displacement and zero",
                "free": [
                    "cell",
                    {"group": "displacement", "histogram": "X-rays"},
                    {"group": "zero", "histogram": "neutrons"},
                ],
            },
            {"title": "Gaussian widths", "free": ["U", "V", "W"]},
            {"title": "Lorentzian widths", "free": [{"group": g, "histogram": "X-rays"} for g in ("X", "Y")]},
            {"title": "positions", "free": ["positions"]},
            {"title": "displacement parameters, and all together", "free": ["uiso"]},
        ],
    ),
}


def project_and_recipe(name: str) -> tuple[Project, Recipe]:
    """Return what a recipe is refined on, and the recipe. Raises FileNotFoundError where its data are not here."""
    wanted = RECIPES[name]
    if isinstance(wanted, str):
        project, _ = load_project(ROOT / wanted)
        return project, project.recipes[0]
    if not SHARED.is_dir():
        raise FileNotFoundError("the patterns of ../shared/data are not here")
    said, steps = wanted
    # The file itself is not there: only the folder it stands for matters.
    project, _ = build_project(said, SHARED / "project.yaml")
    return replace(project, file=None), Recipe.model_validate({"schema": 1, "name": name, "steps": steps})


def main() -> None:
    """Make the recipes the command line names, or all, and keep what is stored of the others."""
    from autogsas_gsas2 import child_process, discovery
    from autogsas_gsas2.child import launch

    found = discovery.find().installation
    if found is None:
        raise SystemExit(discovery.find().reason)
    command = [str(found.python), launch.__file__, found.layout, found.path]
    environment = discovery.child_environment(found.python)
    as_it_is = child_process.Child(command, environment)
    right = child_process.Child([command[0], corrected.__file__, *command[1:]], environment)
    stored = entries("recipes") if (HERE / "recipes.json").exists() else {}
    made = dict(stored)
    for name in sys.argv[1:] or RECIPES:
        project, recipe = project_and_recipe(name)
        made[name] = {"name": name, "recipe": recipe.plain(), **refined(project, recipe, as_it_is)}
        made[name]["minimum"] = refined(project, recipe, right)
        for key in (made[name], made[name]["minimum"]):
            print(name, [step["rwp"] for step in key["steps"]])
    kind = json.loads((HERE / "patterns.json").read_text(encoding="utf-8"))
    whole = {"call": CALL, "gsas2": kind["gsas2"], "entries": [made[name] for name in RECIPES if name in made]}
    (HERE / "recipes.json").write_text(compact(whole), encoding="utf-8")


def refined(project: Project, recipe: Recipe, child: Any) -> Entry:
    """Return what GSAS-II makes of a recipe: each step's figures, and the refined parameters at the end."""
    from autogsas_gsas2.backend import Gsas2Session

    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for source, target in copies(project, folder).items():
            shutil.copyfile(source, target)
        session = Gsas2Session(relocate(project, folder), folder, child, "")
        try:
            steps = [session.refine(step) for step in recipe.steps]
            result = session.result()
        finally:
            session.close()
    return {
        "steps": [
            {
                "title": step.title,
                "rwp": float(f"{step.rwp:.8g}"),
                "variables": step.n_variables,
                "converged": step.converged,
                "shift_esd": float(f"{step.shift_esd:.3g}"),
                "message": step.message,
            }
            for step in steps
        ],
        "parameters": [
            [item.name, float(f"{item.value:.8g}"), float(f"{item.esd:.4g}")]
            for item in result.parameters
            if item.esd is not None
        ],
    }


if __name__ == "__main__":
    main()
