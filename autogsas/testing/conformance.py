"""The conformance checks for backends, as a test class that the tests of a plugin subclass.

    from autogsas.testing.conformance import BackendConformance

    class TestMine(BackendConformance):
        def backend(self):
            return MyBackend()

pytest is not needed: the only fixture is an empty folder, ``tmp_path``. ``autogsas check-backend NAME`` runs the same
checks.
"""

from __future__ import annotations

import itertools
import math
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from autogsas.errors import BackendError, UserError
from autogsas.hooks.backend import Backend, Capabilities, Probe, Session
from autogsas.model.metrics import rwp
from autogsas.model.project import Project
from autogsas.model.recipe import ALL_BACKGROUNDS, GROUPS, Background, Free, Group, Recipe, Setting, Start, Step
from autogsas.model.result import Result, StepResult
from autogsas.testing.samples import make_project
from autogsas.trial.child import copies, relocate
from autogsas.trial.pool import Outcome, Workers

__all__ = ["BackendConformance", "run_checks"]


class BackendConformance:
    """The checks. Override `backend`, and `project` if the engine needs another one."""

    hook_files: tuple[Path, ...] = ()
    """Files of hooks a child process must load before the backend can be unpickled there."""

    def backend(self) -> Backend:
        """Return the backend to check."""
        raise NotImplementedError

    def project(self, folder: Path) -> Project:
        """Return a project that the backend can refine, with its files in ``folder``."""
        return make_project(folder)

    def steps(self) -> tuple[Step, ...]:
        """Return three ordinary steps within the backend's groups: scale, then the cell, then the first width term."""
        can = self.backend().capabilities()
        function = "chebyschev-1" if "chebyschev-1" in can.backgrounds else can.backgrounds[0]
        background = (Background(function=function, terms=3),)
        widths: tuple[Group, ...] = ("W", "Y", "zero")
        more: list[tuple[Group, ...]] = [("cell",), tuple(group for group in widths if group in can.groups)[:1]]
        first = Step(title="scale", background=background, free=(Free(group="scale"), Free(group="background")))
        return (first, *(Step(title="more", free=tuple(Free(group=g) for g in groups)) for groups in more if groups))

    @contextmanager
    def session(self, tmp_path: Path, steps: Sequence[Step] = ()) -> Iterator[tuple[Session, Project]]:
        """Open a session on a copy of the project, as the host does, and run steps."""
        project = self.project(tmp_path / "project")
        folder = tmp_path / "trial"
        folder.mkdir()
        for source, target in copies(project, folder).items():
            target.write_bytes(source.read_bytes())
        session = self.backend().open(relocate(project, folder), folder)
        try:
            for step in steps:
                session.refine(step)
            yield session, project
        finally:
            session.close()

    def result(self, tmp_path: Path) -> tuple[Result, Project]:
        """Return the result after the ordinary steps."""
        with self.session(tmp_path, self.steps()) as (session, project):
            return session.result(), project

    def test_probe_says_whether_it_can_be_used(self) -> None:
        """`probe` returns a Probe, available with a version."""
        probe = self.backend().probe()
        assert isinstance(probe, Probe), f"probe returned {type(probe).__name__}"
        assert probe.available, f"not available here: {probe.reason}"
        assert probe.version, "an available backend has a version"

    def test_name_is_lower_case_and_stable(self) -> None:
        """The name is lower case, without blanks, and does not change."""
        name = self.backend().name
        assert name
        assert name == name.lower().strip()
        assert " " not in name
        assert name not in ("auto",)
        assert self.backend().name == name

    def test_capabilities_are_in_the_words_of_the_host(self) -> None:
        """Groups and backgrounds are known names, with at least the scale, the background and the cell."""
        can = self.backend().capabilities()
        assert isinstance(can, Capabilities)
        assert can.groups <= set(GROUPS), f"unknown groups: {sorted(set(can.groups) - set(GROUPS))}"
        assert {"scale", "background", "cell"} <= can.groups
        assert can.backgrounds
        assert set(can.backgrounds) <= set(ALL_BACKGROUNDS)
        assert can.radiation
        assert can.geometry

    def test_it_can_be_pickled(self) -> None:
        """The backend can be pickled and is the same afterwards."""
        again = pickle.loads(pickle.dumps(self.backend()))
        assert again.name == self.backend().name
        assert again.capabilities() == self.backend().capabilities()

    def test_steps_report_what_they_did(self, tmp_path: Path) -> None:
        """Each step returns a StepResult with finite numbers, and refining more never makes the fit worse."""
        with self.session(tmp_path) as (session, _):
            done = [session.refine(step) for step in self.steps()]
        assert all(isinstance(step, StepResult) for step in done)
        for step in done:
            assert math.isfinite(step.rwp)
            assert step.rwp > 0
            assert step.n_variables > 0
            assert step.cycles >= 0
        figures = [step.rwp for step in done]
        assert all(later <= earlier + 0.02 for earlier, later in itertools.pairwise(figures)), figures

    def test_what_is_free_stays_free(self, tmp_path: Path) -> None:
        """What a step frees stays free in later steps, until a step fixes it."""
        first, second, *_ = self.steps()
        with self.session(tmp_path) as (session, _):
            one = session.refine(first)
            two = session.refine(second)
            three = session.refine(Step(title="fix", fix=second.free))
        assert two.n_variables > one.n_variables
        assert three.n_variables == one.n_variables

    def test_curves_cover_the_full_limits(self, tmp_path: Path) -> None:
        """Curves are finite, of equal length, and cover the project's limits even after a step in a window."""
        with self.session(tmp_path, self.steps()[:1]) as (session, project):
            window = {h.name: (h.limits[0], sum(h.limits) / 2) for h in project.histograms}
            session.refine(Step(title="window", limits=window))
            result = session.result()
        assert {curves.histogram for curves in result.curves} == {h.name for h in project.histograms}
        for curves in result.curves:
            histogram = project.histogram(curves.histogram)
            points = histogram.pattern.x[histogram.pattern.mask(histogram.limits)]
            step = float(np.median(np.diff(points)))
            assert curves.x[0] <= points[0] + step
            assert curves.x[-1] >= points[-1] - step
            assert curves.x.size >= 0.99 * points.size
            arrays = [curves.x, curves.observed, curves.calculated, curves.background, curves.weights]
            assert {array.shape for array in arrays} == {curves.x.shape}
            assert all(np.all(np.isfinite(array)) for array in arrays)
            assert np.all(curves.weights >= 0)
            assert np.all(np.diff(curves.x) > 0)
            assert curves.geometry in (None, *self.backend().capabilities().geometry)

    def test_parameters_have_names_units_and_esds(self, tmp_path: Path) -> None:
        """Names are unique, refined parameters have a positive esd, the matrix holds correlations."""
        result, _ = self.result(tmp_path)
        assert isinstance(result, Result)
        names = [parameter.name for parameter in result.parameters]
        assert len(set(names)) == len(names), "two parameters have one name"
        assert set(result.varied) <= set(names), "refined, but not among the parameters"
        for parameter in result.parameters:
            assert math.isfinite(parameter.value), parameter
            assert parameter.group in (*GROUPS, "weight_fraction"), parameter
            if parameter.name in result.varied:
                assert parameter.esd is not None, parameter
                assert parameter.esd > 0, parameter
        size = len(result.varied)
        assert size == result.n_variables > 0
        assert result.correlation.shape == (size, size)
        assert np.allclose(np.diag(result.correlation), 1.0)
        assert np.allclose(result.correlation, result.correlation.T, atol=1e-6)
        assert np.all(np.abs(result.correlation) <= 1.0 + 1e-6)

    def test_its_rwp_is_the_hosts(self, tmp_path: Path) -> None:
        """The engine's own Rwp over the full limits is that of its curves, within 0.05 %."""
        result, _ = self.result(tmp_path)
        assert abs(result.engine_rwp - _rwp(result)) < 0.05

    def test_its_rwp_over_all_is_the_hosts(self, tmp_path: Path) -> None:
        """If a step in a window reports Rwp over the full limits, the host calculates the same."""
        with self.session(tmp_path, self.steps()[:1]) as (session, project):
            window = {h.name: (h.limits[0], sum(h.limits) / 2) for h in project.histograms}
            for step in (Step(title="window", limits=window), Step(title="all")):
                reported = session.refine(step).full_rwp
                assert math.isnan(reported) or abs(reported - _rwp(session.result())) < 0.05, step.title

    def test_a_start_is_where_a_phase_begins(self, tmp_path: Path) -> None:
        """If the backend applies "cell", a step starts from the given cell; one that breaks symmetry is an error."""
        if "cell" not in self.backend().capabilities().starts:
            return
        phase = self.project(tmp_path / "look").phases[0]
        a, b, c, *angles = phase.cell.values()
        larger = (1.002 * a, 1.002 * b, 1.002 * c, *angles)
        result = self._started(tmp_path / "larger", Start.model_validate({"phase": phase.name, "cell": larger}))
        assert np.allclose(result.phases[0].cell.values(), larger, rtol=1e-6)
        if a == b == c and angles == [90.0, 90.0, 90.0]:
            broken = Start.model_validate({"phase": phase.name, "cell": (a, b, 1.02 * c, *angles)})
            assert self._refused(tmp_path / "broken", broken) == "recipe"

    def test_sites_start_where_symmetry_lets_them(self, tmp_path: Path) -> None:
        """If the backend applies "sites", a site starts at the given coordinates, or the recipe is an error."""
        if "sites" not in self.backend().capabilities().starts:
            return
        phase = self.project(tmp_path / "look").phases[0]
        for number, site in enumerate(phase.sites):
            for moved, place in enumerate((site.xyz, (site.xyz[0] + 0.05, *site.xyz[1:]))):
                start = Start(phase=phase.name, sites={site.label: place})
                folder = tmp_path / f"{number}-{moved}"
                cause = self._refused(folder / "asked", start) if moved else None
                if cause is None:
                    found = self._started(folder / "begun", start).phases[0].sites[number].xyz
                    assert np.allclose(found, place, atol=1e-5), site.label
                else:
                    assert cause == "recipe"

    def test_an_axis_is_that_of_the_orientation(self, tmp_path: Path) -> None:
        """If the backend applies "axis", orientation along another axis gives another pattern."""
        can = self.backend().capabilities()
        if "axis" not in can.starts or "preferred_orientation" not in can.groups:
            return
        name = self.project(tmp_path / "look").phases[0].name
        oriented = (Setting(group="preferred_orientation", value=0.6),)
        made = [
            self._started(tmp_path / "".join(map(str, axis)), Start(phase=name, axis=axis), set=oriented)
            for axis in ((0, 0, 1), (1, 1, 1))
        ]
        assert _apart(*made) > 0.01, "the axis makes no difference"

    def test_a_geometry_is_that_of_the_corrections(self, tmp_path: Path) -> None:
        """If the backend applies "geometry", a displaced sample shifts peaks as in that geometry."""
        can = self.backend().capabilities()
        if "geometry" not in can.starts or "displacement" not in can.groups or len(can.geometry) < 2:
            return
        displaced = Setting(group="displacement", value=300.0)
        made = [
            self._started(tmp_path / geometry, geometry=geometry, set=(displaced,)) for geometry in sorted(can.geometry)
        ]
        assert _apart(*made) > 0.01, "the geometry makes no difference"

    def test_a_model_of_broadening_begins_as_the_old_one(self, tmp_path: Path) -> None:
        """If the backend applies "broadening", another model of size or strain begins with the pattern of the old."""
        can = self.backend().capabilities()
        if "broadening" not in can.starts or not {"size", "strain"} <= can.groups:
            return
        name = self.project(tmp_path / "look").phases[0].name
        wide = (Setting(group="size", value=0.1), Setting(group="strain", value=3000.0))
        before = self._started(tmp_path / "before", set=wide)
        for number, models in enumerate(({"size": "uniaxial"}, {"strain": "uniaxial"}, {"strain": "generalized"})):
            start = Start.model_validate({"phase": name, **{kind: {"model": model} for kind, model in models.items()}})
            with self.session(tmp_path / str(number), (self.steps()[0],)) as (session, _):
                session.refine(Step(title="wide", set=wide, cycles=1))
                session.refine(Step(title="begun", start=(start,), cycles=1))
                after = session.result()
            assert _apart(before, after) < 1e-3, models
            (kind,) = models
            own = [item for item in after.parameters if item.group == kind and item.phase == name]
            assert len(own) >= 2 * len(after.curves), "a model by direction has several values"
            assert getattr(after.phases[0].specimen, kind).model == models[kind]

    def test_free_intensities_fit_at_least_as_well(self, tmp_path: Path) -> None:
        """If the backend applies "intensities", Le Bail intensities do not fit worse than the structure."""
        if "intensities" not in self.backend().capabilities().starts:
            return
        results = []
        for name, step in (("structure", Step(title="all")), ("free", Step(title="all", intensities="Le Bail"))):
            with self.session(tmp_path / name, (self.steps()[0], step)) as (session, _):
                results.append(session.result())
        before, after = results
        assert {phase.intensities for phase in after.phases} == {"Le Bail"}
        assert after.engine_rwp < before.engine_rwp * 1.001
        absorbed = {"scale", "positions", "uiso", "occupancy", "preferred_orientation"}
        assert not {p.group for p in after.parameters if p.name in after.varied} & absorbed

    def test_isotropic_sites_become_anisotropic_as_they_are(self, tmp_path: Path) -> None:
        """If the backend has "uaniso", freeing it gives isotropic sites the tensors of their U: the same pattern."""
        if "uaniso" not in self.backend().capabilities().groups:
            return
        before = self._started(tmp_path / "before")
        tensors = (Free(group="uaniso"),)
        after = self._started(tmp_path / "after", free=tensors, fix=tensors)
        assert all(site.uaniso is not None for phase in after.phases for site in phase.sites)
        assert _apart(before, after) < 1e-3
        free = self._started(tmp_path / "free", free=tensors)
        assert "uaniso" in {item.group for item in free.parameters if item.name in free.varied}

    def test_sites_share_one_u(self, tmp_path: Path) -> None:
        """If the backend has "uiso_shared", isotropic sites of a phase have the same U until "uiso" is freed."""
        if not {"uiso", "uiso_shared"} <= self.backend().capabilities().groups:
            return
        shared = Step(title="shared", free=(Free(group="uiso_shared"),), cycles=2)
        with self.session(tmp_path, self.steps()) as (session, project):
            together, tied = session.refine(shared), session.result()
            apart = session.refine(Step(title="apart", free=(Free(group="uiso"),), cycles=2))
        for phase in project.phases:
            sites = [item for item in tied.parameters if item.phase == phase.name and item.group == "uiso"]
            assert len(sites) == sum(site.uaniso is None for site in phase.sites)
            assert len({round(item.value, 9) for item in sites}) == 1, "isotropic sites differ"
            # At a bound none has an esd.
            esds = [item.esd or 0.0 for item in sites]
            assert np.allclose(esds, esds[0], rtol=1e-6), "isotropic sites have different esds"
            assert sum(item.name in tied.varied for item in sites) == 1
        sites_free = sum(site.uaniso is None for phase in project.phases for site in phase.sites)
        assert apart.n_variables - together.n_variables == sites_free - len(project.phases)

    def _started(self, folder: Path, *starts: Start, **settings: Any) -> Result:
        """Return the result of a step with these starts that refines almost nothing."""
        step = Step(title="begun", start=starts, cycles=1, **settings)
        with self.session(folder, (self.steps()[0], step)) as (session, _):
            return session.result()

    def _refused(self, folder: Path, start: Start) -> str | None:
        """Return the cause of the error for a start, or None if it is accepted."""
        try:
            self._started(folder, start)
        except BackendError as error:
            return error.cause
        return None

    def test_the_structure_comes_back(self, tmp_path: Path) -> None:
        """Phases and sites are those of the project, reflections are inside the limits."""
        result, project = self.result(tmp_path)
        assert [phase.name for phase in result.phases] == [phase.name for phase in project.phases]
        for after, before in zip(result.phases, project.phases, strict=True):
            assert [site.label for site in after.sites] == [site.label for site in before.sites]
            assert abs(after.cell.a / before.cell.a - 1) < 0.01
        for curves in result.curves:
            assert {item.phase for item in curves.reflections} == {phase.name for phase in project.phases}
            for item in curves.reflections:
                count = len(item.d)
                assert count > 0
                assert item.hkl.shape == (count, 3)
                for key in ("multiplicity", "two_theta", "f2_calculated", "f2_observed", "fwhm"):
                    assert np.shape(getattr(item, key)) == (count,), key

    def test_the_result_can_be_pickled(self, tmp_path: Path) -> None:
        """The result can be sent from a child process to the host."""
        result, _ = self.result(tmp_path)
        again = pickle.loads(pickle.dumps(result))
        assert again.varied == result.varied
        assert np.array_equal(again.curves[0].calculated, result.curves[0].calculated)

    def test_saving_leaves_what_was_promised(self, tmp_path: Path) -> None:
        """`save` writes all files that the capabilities name, and best.py, none of them empty."""
        target = tmp_path / "saved"
        target.mkdir()
        with self.session(tmp_path, self.steps()) as (session, _):
            session.save(target)
        for name in {*self.backend().capabilities().outputs, "best.py"}:
            assert (target / name).is_file(), f"{name} was not written"
            assert (target / name).stat().st_size > 0, f"{name} is empty"
        compile((target / "best.py").read_text(encoding="utf-8"), "best.py", "exec")

    def test_it_repeats_itself(self, tmp_path: Path) -> None:
        """Two sessions in one process are independent and give the same result."""
        first, _ = self.result(tmp_path / "one")
        second, _ = self.result(tmp_path / "two")
        assert second.varied == first.varied
        assert abs(second.engine_rwp - first.engine_rwp) < 1e-6

    def test_the_users_files_stay_as_they_are(self, tmp_path: Path) -> None:
        """Contents and times of the original files do not change."""
        project = self.project(tmp_path / "project")
        before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in project.files}
        names = set((tmp_path / "project").rglob("*"))
        folder = tmp_path / "trial"
        folder.mkdir()
        for source, target in copies(project, folder).items():
            target.write_bytes(source.read_bytes())
        session = self.backend().open(relocate(project, folder), folder)
        for step in self.steps():
            session.refine(step)
        session.close()
        assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in project.files} == before
        assert set((tmp_path / "project").rglob("*")) == names, "files appeared beside the user's"

    def test_it_may_be_closed_twice(self, tmp_path: Path) -> None:
        """`close` twice does no harm."""
        with self.session(tmp_path) as (session, _):
            session.close()
            session.close()

    def test_failure_is_a_backend_error(self, tmp_path: Path) -> None:
        """A window without points cannot be refined: BackendError with a cause."""
        with self.session(tmp_path, self.steps()[:1]) as (session, project):
            x = project.histograms[0].pattern.x
            middle = x.size // 2
            gap = float(x[middle + 1] - x[middle])
            empty = (float(x[middle]) + 0.4 * gap, float(x[middle]) + 0.6 * gap)
            cause = None
            try:
                session.refine(Step(title="nothing to fit", limits=empty))
            except BackendError as error:
                cause = error.cause
        assert cause is not None, "a step without a single point was called a success"
        assert cause

    def test_it_runs_in_a_process_of_its_own(self, tmp_path: Path) -> None:
        """A trial in a child process gives a result."""
        project = self.project(tmp_path / "project")
        with Workers(project, self.backend(), self.hook_files, trial_timeout=300.0) as workers:
            workers.submit(0, Recipe(steps=self.steps()))
            event = workers.wait(400.0)
            while event is not None and not isinstance(event, Outcome):
                event = workers.wait(400.0)
        assert isinstance(event, Outcome)
        assert event.result is not None, f"{event.cause}: {event.message}"


def _rwp(result: Result) -> float:
    observed, calculated, weights = (
        np.concatenate([getattr(curves, key) for curves in result.curves])
        for key in ("observed", "calculated", "weights")
    )
    return rwp(observed, calculated, weights)


def _apart(one: Result, other: Result) -> float:
    """Return the largest difference of two results' Bragg parts, as a fraction of the highest peak."""
    first, second = (
        np.concatenate([curves.calculated - curves.background for curves in result.curves]) for result in (one, other)
    )
    return float(np.max(np.abs(first - second)) / np.max(np.abs(first)))


def run_checks(suite: BackendConformance) -> Iterator[tuple[str, str]]:
    """Run all checks of a suite; yield each one's description and its error, empty if it passed.

    Raises UserError where Python runs without assertions: every check would pass.
    """
    if not __debug__:
        raise UserError("the checks are assertions, which python -O leaves out")
    for name in sorted(item for item in dir(suite) if item.startswith("test_")):
        check = getattr(suite, name)
        wants_folder = "tmp_path" in check.__code__.co_varnames[: check.__code__.co_argcount]
        sentence = (check.__doc__ or name).split("\n")[0]
        with tempfile.TemporaryDirectory(prefix="autogsas-check-") as folder:
            try:
                check(**({"tmp_path": Path(folder)} if wants_folder else {}))
            except Exception as error:  # noqa: BLE001  a plugin's backend may raise anything; every exception is a failure
                yield sentence, " ".join(f"{type(error).__name__}: {error}".split())
            else:
                yield sentence, ""
