"""The command advise: what refining more parameters would bring to a refinement as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autogsas.errors import BackendMissing, UserError
from autogsas.hooks.backend import AdvisingSession, Backend
from autogsas.hooks.host import Host
from autogsas.input.loading import load_project, load_recipe
from autogsas.model.advice import Candidate, Gain
from autogsas.model.project import Project
from autogsas.model.recipe import ALL_BACKGROUNDS, GROUPS, Background, BackgroundFunction, Free, Group, Recipe, Step
from autogsas.model.result import Result
from autogsas.runfolder.reader import read_run

__all__ = ["Advice", "advise"]

ALLOWED = "a .gpx with a refinement, the folder of a run, or a project with --recipe"
FAR = 3.0
"""A goodness of fit above which the linear estimates have no meaning as numbers; chosen, not tuned."""

PAYS = 10.0
"""Difference of BIC that counts as very strong evidence (Kass & Raftery, J. Am. Stat. Assoc. 90, 773 (1995))."""

_FIRST = (Background(function="chebyschev-1", terms=6),)
_POLYNOMIAL: BackgroundFunction = "chebyschev-1"


@dataclass(frozen=True)
class Advice:
    """The expected gain of each candidate that is not refined, the most evident first.

    ``rwp`` and ``gof`` are those of the model as it is, by ``engine``; ``stored_rwp`` is that of the refinement itself,
    None if it is not known. ``refined`` are the groups that are refined.
    """

    project: str
    engine: str
    rwp: float
    gof: float
    n_variables: int
    stored_rwp: float | None
    refined: tuple[Group, ...]
    gains: tuple[Gain, ...]
    notes: tuple[str, ...] = ()


def advise(given: Path | str, *, recipe: Path | str | None = None) -> Advice:
    """Return what refining more would bring to a refinement.

    ``given`` is a file that a plugin reads as a finished refinement (.gpx), a run folder, or a project to which
    ``recipe`` is applied first; without a recipe, scales and background alone are refined. An engine that can evaluate
    expected gains repeats the refinement to convergence before. Raises UserError for input that is none of these and
    for a recipe with a run, BackendMissing without such an engine, BackendError where its model has no pattern.
    """
    path = Path(given)
    if not path.exists():
        raise UserError("no such file or folder", file=path, allowed=ALLOWED)
    if (path / "summary.json").is_file():
        if recipe is not None:
            raise UserError("--recipe is for a project; a run is taken with its own best recipe", file=path)
        summary = read_run(path).summary
        if summary.recipe is None or summary.project_file is None:
            raise UserError("this run has no best recipe or no project file", file=path, allowed=ALLOWED)
        project, host = load_project(Path(summary.project_file))
        return _advise(host, project, Recipe.model_validate(summary.recipe).steps, summary.rwp)
    host = Host()
    refinement = host.call("read_refinement", path=path) if recipe is None else None
    if refinement is not None:
        project, result = refinement
        stored = result.engine_rwp if result.engine_rwp == result.engine_rwp else None
        return _advise(host, project, (_as_it_is(result),), stored)
    project, host = load_project(path)
    if recipe is not None:
        return _advise(host, project, load_recipe(Path(recipe), project).steps, None)
    first = Step(background=_FIRST, free=(Free(group="scale"), Free(group="background")))
    return _advise(host, project, (first,), None)


def _as_it_is(result: Result) -> Step:
    """Return the step that refines what a refinement had refined."""
    frees = [Free(group="scale"), Free(group="background")]
    for parameter in result.parameters:
        group = next((name for name in GROUPS if name == parameter.group), None)
        if parameter.esd is None or group is None or group in ("scale", "background"):
            continue
        of = GROUPS[group].of
        frees.append(
            Free(
                group=group,
                phase=None if of == "histogram" else parameter.phase,
                histogram=parameter.histogram if "histogram" in of else None,
                site=parameter.site if of == "site" else None,
            )
        )
    return Step(
        title="as refined",
        background=tuple(_backgrounds(result)),
        free=tuple(dict.fromkeys(frees)),
    )


def _backgrounds(result: Result) -> list[Background]:
    found = []
    for curves in result.curves:
        start = f"{curves.histogram}:background "
        terms = sum(1 for parameter in result.parameters if parameter.name.startswith(start))
        if curves.background_function and terms:
            # Of a function that only the other engine has, a polynomial takes the place.
            function = next((name for name in ALL_BACKGROUNDS if name == curves.background_function), _POLYNOMIAL)
            found.append(Background(function=function, terms=terms, histogram=curves.histogram))
    return found


def _advise(host: Host, project: Project, steps: Sequence[Step], stored: float | None) -> Advice:
    backend = _adviser(host)
    notes = [f"{backend.name} ignores: {name}" for name in project.beyond]
    capabilities = backend.capabilities()
    candidates: list[Candidate] = []
    for answer in reversed(host.call("list_candidates", project=project, capabilities=capabilities)):
        candidates += answer
    with tempfile.TemporaryDirectory(prefix="autogsas-") as folder:
        session = backend.open(replace(project, recipes=()), Path(folder))
        try:
            if not isinstance(session, AdvisingSession):
                raise BackendMissing(f"backend {backend.name!r} declares that it advises, but its sessions cannot")
            for step in steps:
                session.refine(step)
            result = session.result()
            gains = session.expected_gains(Step(title="as it is"), candidates)
        finally:
            session.close()
    last = result.steps[-1]
    if not last.converged:
        notes.append("the model has not converged, so the estimates are rough; refine it to convergence first")
    refined = {parameter.group for parameter in result.parameters if parameter.esd is not None}
    n = sum(int((curves.weights > 0).sum()) for curves in result.curves)
    chi2 = sum(float((curves.weights * (curves.observed - curves.calculated) ** 2).sum()) for curves in result.curves)
    gof = (chi2 / max(n - result.n_variables, 1)) ** 0.5
    if gof > FAR:
        notes.append(
            f"GoF is {gof:.1f}: the model does not describe the pattern yet, so that only the order of the rows is "
            "useful, and BIC is of no use; refine the cell, the peak widths and the shifts first"
        )
    return Advice(
        project=project.name,
        engine=backend.name,
        rwp=result.engine_rwp,
        gof=gof,
        n_variables=result.n_variables,
        stored_rwp=stored,
        refined=tuple(group for group in GROUPS if group in refined),
        gains=tuple(
            sorted(
                (gain for gain in _best_of_each(gains) if gain.freedoms),
                key=lambda gain: -gain.chi2 if gof > FAR else -gain.evidence,
            )
        ),
        notes=tuple(notes),
    )


def _best_of_each(gains: Sequence[Gain]) -> list[Gain]:
    """Return the gains without those of alternatives, such as other axes, that have a better one."""
    best: dict[str, Gain] = {}
    for gain in gains:
        name = gain.candidate.alternatives or gain.candidate.name
        if name not in best or gain.chi2 > best[name].chi2:
            best[name] = gain
    return list(best.values())


def _adviser(host: Host) -> Backend:
    for backend in reversed(host.backends().values()):
        if backend.capabilities().advises and backend.probe().available:
            return backend
    raise BackendMissing("no backend here can evaluate expected gains")
