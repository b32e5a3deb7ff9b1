"""A scripted backend with choosing hooks of its own, to test the host without an engine.

As a plugin: put ``from autogsas.testing.fake import *`` into a project's ``hooks.py`` and use the backend "fake".
The titles of steps tell the engine what to do, see `FakeSession.refine`; all other steps converge. Rwp depends on the
recipe alone and has a single minimum, so that a search can be tested.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from autogsas.errors import BackendError
from autogsas.hooks.backend import Capabilities, Probe, StartWord
from autogsas.hooks.choices import Choose, Plan, Seed
from autogsas.hooks.specs import hookimpl
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import BACKGROUNDS, GROUPS, Background, Free, Group, Recipe, Start, Step
from autogsas.model.result import Curves, Parameter, Reflections, Result, StepResult
from autogsas.model.structure import Cell, Phase
from autogsas.model.trial import Choices

__all__ = [
    "FakeBackend",
    "FakeSession",
    "autogsas_choose_groups",
    "autogsas_choose_limits",
    "autogsas_choose_profile",
    "autogsas_order_steps",
    "autogsas_register_backends",
    "autogsas_seed_recipes",
    "autogsas_set_background",
    "expected_rwp",
]

# How much Rwp increases if a group is not refined, in per cent.
_COSTS: dict[Group, float] = {"scale": 20.0, "cell": 8.0, "zero": 3.0, "W": 2.0, "Y": 1.5, "uiso": 1.0}
_BEST_TERMS = 9


def expected_rwp(recipe: Recipe) -> float:
    """Return the Rwp, in per cent, that the fake engine gives for a recipe: 5 at best."""
    freed: set[str] = set()
    background = Background(function="cosine", terms=1)
    for step in recipe.steps:
        freed |= {free.group for free in step.free}
        freed -= {free.group for free in step.fix}
        background = step.background[0] if step.background else background
    return _rwp(background, freed)


def _rwp(background: Background, freed: AbstractSet[str]) -> float:
    rwp = 5.0 + 0.2 * abs(background.terms - _BEST_TERMS) + 0.4 * BACKGROUNDS.index(background.function)
    return rwp + sum(cost for group, cost in _COSTS.items() if group not in freed)


@dataclass
class FakeSession:
    """One open project; what a step frees and sets applies to all later steps."""

    project: Project
    folder: Path
    version: str = "1.0"
    _freed: set[Group] = field(default_factory=set)
    _background: Background = field(default_factory=lambda: Background(function="cosine", terms=1))
    _steps: list[StepResult] = field(default_factory=list)
    _phases: dict[str, Phase] = field(default_factory=dict)
    _nan: bool = False
    _closed: bool = False

    def refine(self, step: Step) -> StepResult:
        """Run one step, and do what its title says.

        "!fail" raises BackendError("singular"), "!error" another exception, "!exit" exits Python, "!crash" kills the
        process, "!hang" never returns, "!grandchild" starts a sleeping process, prints its id and hangs, "!garbage"
        writes into the pipe to the host, "!disk-full" has no disk space, "!memory" no memory,
        "!nan" leaves NaN in the curves, "!slow" takes half a second, "!print" prints.
        """
        for histogram in self.project.histograms:
            limits = step.limits_for(histogram.name)
            if limits is not None and not histogram.pattern.mask(limits).any():
                raise BackendError("no-data", f"{histogram.name}: no point is within {limits}")
        for start in step.start:
            self._phases[start.phase] = _begun(self._phase(start.phase), start)
        order = step.title.partition(" ")[0]
        if order.startswith("!"):
            self._obey(order[1:])
        self._freed |= {free.group for free in step.free}
        self._freed -= {free.group for free in step.fix}
        self._background = step.background[0] if step.background else self._background
        rwp = _rwp(self._background, self._freed)
        done = StepResult(step.title, True, 3, self._n_variables, rwp, 0.01, full_rwp=rwp)
        self._steps.append(done)
        return done

    def _phase(self, name: str) -> Phase:
        return self._phases.get(name) or next(phase for phase in self.project.phases if phase.name == name)

    @property
    def _n_variables(self) -> int:
        return len(self._freed - {"background"}) + self._background.terms

    def _obey(self, order: str) -> None:
        if order == "fail":
            raise BackendError("singular", "the matrix is singular, on order")
        if order == "error":
            raise RuntimeError("an error on order")
        if order == "exit":
            sys.exit(3)
        if order == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "grandchild":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            print(f"grandchild {child.pid}", flush=True)
        if order in ("hang", "grandchild"):
            time.sleep(3600)
        if order == "slow":
            time.sleep(0.5)
        if order == "print":
            print("the engine says something")
        if order == "garbage":
            _write_garbage()
        if order == "disk-full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / "large"))
        if order == "memory":
            raise MemoryError("on order")
        if order == "nan":
            self._nan = True

    def result(self) -> Result:
        """Return curves with the Rwp of the recipe."""
        if self._closed:
            raise BackendError("closed", "the session is closed")
        rwp = _rwp(self._background, self._freed)
        parameters = self._parameters()
        varied = tuple(parameter.name for parameter in parameters if parameter.esd is not None)
        correlation = np.eye(len(varied))
        if len(varied) > 1:
            correlation[0, 1] = correlation[1, 0] = 0.9
        return Result(
            backend="fake",
            backend_version=self.version,
            curves=tuple(self._curves(histogram, rwp) for histogram in self.project.histograms),
            parameters=parameters,
            varied=varied,
            correlation=correlation,
            phases=tuple(self._phase(phase.name) for phase in self.project.phases),
            steps=tuple(self._steps),
            engine_rwp=rwp,
        )

    def _parameters(self) -> tuple[Parameter, ...]:
        name = self.project.phases[0].name
        site = self.project.phases[0].sites[0].label
        cell = self.project.phases[0].cell
        free = self._freed.__contains__
        first = [
            Parameter(f"{name}:a", cell.a, 1e-4 if free("cell") else None, "Å", "cell", phase=name),
            Parameter(f"{name}:{site}:Uiso", 0.01, 5e-4 if free("uiso") else None, "Å²", "uiso", name, None, site),
        ]
        other = sorted(self._freed - {"cell", "uiso", "background"})
        first += [Parameter(f"all:{group}", 1.0, 0.1, GROUPS[group].unit, group) for group in other]
        terms = [Parameter(f"background:{i}", 1.0, 0.1, "", "background") for i in range(self._background.terms)]
        return tuple(first + terms)

    def _curves(self, histogram: Histogram, rwp: float) -> Curves:
        inside = histogram.pattern.mask(histogram.limits)
        x, y, weights = (part[inside] for part in (histogram.pattern.x, histogram.pattern.y, histogram.pattern.weights))
        signs = np.where(np.arange(x.size) % 2 == 0, 1.0, -1.0)
        calculated = y * (1.0 + 0.01 * rwp * signs)
        if self._nan:
            calculated[x.size // 2] = np.nan
        one = np.ones(1)
        reflections = Reflections(
            self.project.phases[0].name,
            np.array([[1, 0, 0]]),
            np.array([6]),
            4.0 * one,
            22.2 * one,
            100.0 * one,
            102.0 * one,
            1000.0 * one,
            0.1 * one,
            0.02 * one,
            0.05 * one,
        )
        return Curves(histogram.name, x, y, calculated, np.full_like(x, y.min()), weights, (reflections,))

    def save(self, folder: Path) -> None:
        """Write best.cif and best.py."""
        (folder / "best.cif").write_text("data_fake\n")
        (folder / "best.py").write_text('print("fake")\n')

    def close(self) -> None:
        """End the session."""
        self._closed = True


def _begun(phase: Phase, start: Start) -> Phase:
    """Return a phase with a start applied; it must stay cubic with all sites on special positions."""
    cell = phase.cell if start.cell is None else Cell(*start.cell)
    fixed = all(start.sites.get(site.label, site.xyz) == site.xyz for site in phase.sites)
    if not cell.a == cell.b == cell.c or not fixed:
        raise BackendError("recipe", f"the start of {phase.name} breaks its symmetry")
    return replace(phase, cell=cell)


def _write_garbage() -> None:
    # Write to every open pipe; the engine's own output goes to a file.
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISFIFO(os.fstat(int(name)).st_mode):
                os.write(int(name), b"not a message: an engine writes where it should not\n")
        except OSError:
            continue
    time.sleep(3600)


@dataclass(frozen=True)
class FakeBackend:
    """The fake engine; ``reason`` makes it unavailable."""

    name: str = "fake"
    version: str = "1.0"
    reason: str = ""
    groups: frozenset[Group] = frozenset(GROUPS) - {"uaniso", "uiso_shared", "absorption"}
    starts: frozenset[StartWord] = frozenset({"cell", "sites"})
    may_scout: bool = False

    def probe(self) -> Probe:
        """Available, unless a reason is given."""
        return Probe(not self.reason, self.version, self.reason)

    def capabilities(self) -> Capabilities:
        """Nearly all groups."""
        outputs = ("best.cif", "best.py")
        return Capabilities(groups=self.groups, starts=self.starts, outputs=outputs, may_scout=self.may_scout)

    def open(self, project: Project, folder: Path) -> FakeSession:
        """Open the project; its files must be readable copies in ``folder``."""
        for file in project.files:
            if file.parent != folder:
                raise BackendError("files", f"{file} is not in the trial's folder")
            file.read_bytes()
            file.write_bytes(b"written over by the fake engine")
        return FakeSession(project, folder, self.version)


@hookimpl
def autogsas_register_backends() -> Sequence[FakeBackend]:
    """Register the fake backend."""
    return [FakeBackend()]


@hookimpl
def autogsas_set_background(choose: Choose, project: Project) -> Background:
    """Choose among a project's functions and terms."""
    background = project.search.background
    function = choose.category("background.function", background.functions)
    terms = choose.integer("background.terms", *background.terms)
    return Background.model_validate({"function": function, "terms": terms})


@hookimpl
def autogsas_choose_profile(choose: Choose) -> list[Free]:
    """Refine W always, Y by choice."""
    return [Free(group="W")] + ([Free(group="Y")] if choose.yes("free.Y") else [])


@hookimpl
def autogsas_choose_limits(choose: Choose, histogram: Histogram) -> tuple[float, float]:
    """A first window from the lower limit up."""
    low, high = histogram.limits
    return (low, low + (high - low) * choose.number("window", 0.3, 1.0))


@hookimpl
def autogsas_choose_groups(choose: Choose) -> list[Free]:
    """Refine scale and cell always, zero and U_iso by choice; transparency, to test that it is left out."""
    optional: tuple[Group, ...] = ("zero", "uiso")
    always: tuple[Group, ...] = ("scale", "cell", "transparency")
    return [Free(group=group) for group in (*always, *(item for item in optional if choose.yes(f"free.{item}")))]


@hookimpl
def autogsas_order_steps(plan: Plan) -> list[Step]:
    """Two steps: background and scale in the window, then everything."""
    return [
        Step(title="first", background=plan.backgrounds, limits=dict(plan.window), free=(Free(group="scale"),)),
        Step(title="all", free=(*plan.groups, *plan.profile)),
    ]


@hookimpl
def autogsas_seed_recipes() -> list[Seed]:
    """One seed with choices."""
    values: Choices = {"background.function": "cosine", "background.terms": 6, "free.Y": False, "free.zero": True}
    return [Seed("plain", choices=values)]
