"""The backend "gsas2": its sessions are refined by a child process in GSAS-II's own interpreter."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from autogsas.crystal.phases import PhaseState
from autogsas.crystal.starts import start_cell, start_sites
from autogsas.crystal.strain import start_coefficients
from autogsas.crystal.symmetry import cell_to_metric
from autogsas.crystal.tensors import equivalent_isotropic
from autogsas.errors import BackendError, UserError
from autogsas.hooks.backend import Capabilities, Probe, StartWord
from autogsas.model.instrument import Geometry
from autogsas.model.project import Histogram, Project
from autogsas.model.recipe import ALL_BACKGROUNDS, GROUPS, Free, Setting, Start, Step
from autogsas.model.result import Curves, Parameter, Reflections, Result, StepResult, parameter_group
from autogsas.model.sample import Broadening
from autogsas.model.structure import U6, Cell, Phase
from autogsas.trial.child import LOG

from autogsas_gsas2 import discovery, input_files, protocol
from autogsas_gsas2.child_process import Child, running_child
from autogsas_gsas2.safe_pickle import check_gpx
from autogsas_gsas2.script import Source, script_text

__all__ = ["Gsas2Backend", "Gsas2Session"]

_BACKGROUNDS = {"power series": "chebyschev"}
"""GSAS-II's names of background functions where they differ from the recipe's."""
_FROM_GSAS2 = {theirs: ours for ours, theirs in _BACKGROUNDS.items()}

_GEOMETRIES: Mapping[str, Geometry] = {geometry: geometry for geometry in get_args(Geometry)}
"""GSAS-II's names of geometries, which are also the host's."""

_read_identically: dict[str, bool] = {}
"""Whether GSAS-II reads the same from a file of the user's as the host; tried once a process for each file."""


class Gsas2Backend:
    """GSAS-II in its own interpreter."""

    name = "gsas2"

    def probe(self) -> Probe:
        """Return whether a working GSAS-II was found and where, or the reason and how to install it."""
        return discovery.to_probe(discovery.find())

    def capabilities(self) -> Capabilities:
        """Return what GSAS-II can refine: all groups, backgrounds and starting values of recipes."""
        starts: frozenset[StartWord] = frozenset({"cell", "sites", "axis", "geometry", "broadening"})
        outputs = ("best.gpx", "best.cif", "best.py")
        return Capabilities(groups=frozenset(GROUPS), backgrounds=ALL_BACKGROUNDS, starts=starts, outputs=outputs)

    def open(self, project: Project, folder: Path) -> Gsas2Session:
        """Open a session in this process's child, which is started if needed. Raises BackendError."""
        installation = discovery.find().installation
        if installation is None:
            raise BackendError("engine-missing", discovery.find().reason)
        gpx = gpx_file(project)
        if gpx is not None:
            try:
                check_gpx(gpx)  # the user's file may have changed since it was read
            except UserError as error:
                raise BackendError("refused", str(error)) from error
        return Gsas2Session(project, folder, running_child(installation), installation.version)


class Gsas2Session:
    """One project open in GSAS-II."""

    def __init__(self, project: Project, folder: Path, child: Child, version: str) -> None:
        self._project, self._folder, self._child, self._version = project, folder, child, version
        self._gpx = gpx_file(project)
        self._steps: list[StepResult] = []
        # Axes and models as the steps have changed them; the values stay those of the start.
        self._specimens = {phase.name: phase.specimen for phase in project.phases}
        self._shifts = {} if self._gpx else {phase.name: input_files.origin_shift(phase) for phase in project.phases}
        request = protocol.Open(
            folder=str(folder.resolve()),
            log=str((folder / LOG).resolve()),
            histograms=[_histogram(histogram) for histogram in project.histograms],
            phases=[_phase(phase, self._gpx is not None) for phase in project.phases],
            gpx=None if self._gpx is None else str(self._gpx.resolve()),
        )
        try:
            self._notes = child.open(request).notes
        except BackendError:
            child.close()
            raise
        self._open = True

    def refine(self, step: Step) -> StepResult:
        """Refine one step. Raises BackendError if GSAS-II failed in any way."""
        return self._run(step.title, protocol.Refine(self._step(step)))

    def load_last_refinement(self) -> StepResult:
        """Use the last refinement stored in the .gpx as a step's result. Raises BackendError if there is none."""
        return self._run("as stored in the .gpx", protocol.ReadLastRefinement())

    def _run(self, title: str, request: protocol.Refine | protocol.ReadLastRefinement) -> StepResult:
        started = time.perf_counter()
        done = self._child.request(request, protocol.StepReport)
        result = StepResult(
            title=title,
            converged=done.converged,
            cycles=done.cycles,
            n_variables=done.n_variables,
            rwp=done.rwp,
            shift_esd=done.shift_esd,
            dropped=tuple(done.dropped),
            at_bound=tuple(done.at_bound),
            message=done.message,
            full_rwp=done.full_rwp,
            seconds=time.perf_counter() - started,
        )
        self._steps.append(result)
        return result

    def result(self) -> Result:
        """Return the present state, with curves over the project's full limits. Raises BackendError."""
        found = self._child.request(protocol.Read(), protocol.ResultData)
        return Result(
            backend=Gsas2Backend.name,
            backend_version=self._version,
            curves=tuple(_curves(item) for item in found.curves),
            parameters=tuple(self._parameter(item) for item in found.parameters),
            varied=tuple(found.varied),
            correlation=found.correlation,
            phases=tuple(
                self._refined(phase, item) for phase, item in zip(self._project.phases, found.phases, strict=True)
            ),
            steps=tuple(self._steps),
            engine_rwp=found.rwp,
            notes=tuple(found.notes),
            n_restraints=found.restraints,
        )

    def save(self, folder: Path) -> None:
        """Write ``best.gpx``, ``best.cif`` and ``best.py``."""
        data: dict[str, str] = {}
        structures: dict[str, str] = {}
        if self._gpx is None:
            data = {h.name: str(h.files[0].resolve()) for h in self._project.histograms if h.files}
            pairs = zip(self._project.phases, self._project.phase_files, strict=False)
            structures = {phase.name: str(file.resolve()) for phase, file in pairs}
        original = {str(copy.resolve()): str(user) for copy, user in self._project.originals}
        untried_data = {n: f for n, f in data.items() if original.get(f, f) not in _read_identically}
        untried_structures = {n: f for n, f in structures.items() if original.get(f, f) not in _read_identically}
        request = protocol.Save(str(folder.resolve()), untried_data, untried_structures)
        done = self._child.request(request, protocol.Saved)
        _read_identically.update({original.get(file, file): same for file, same in done.identical.items()})
        usable = {file for file, same in _read_identically.items() if same}

        def source(copy: str | None, text: str) -> Source:
            user = None if copy is None else original.get(copy, copy)
            return Source(user if user in usable else None, text)

        gpx = None if self._gpx is None else original.get(str(self._gpx.resolve()), str(self._gpx))
        text = script_text(
            self._project,
            done,
            gpx,
            {h.name: source(data.get(h.name), input_files.instprm(h.instrument)) for h in self._project.histograms},
            {p.name: source(structures.get(p.name), "" if gpx else input_files.cif(p)) for p in self._project.phases},
            self._version,
        )
        (folder / "best.py").write_text(text, encoding="utf-8")

    def close(self) -> None:
        """Close the project; the child keeps running for the next one. May be called twice."""
        if self._open:
            self._open = False
            self._child.close()

    def _step(self, step: Step) -> protocol.StepData:
        backgrounds = {}
        for histogram in self._project.histograms:
            wanted = [b for b in step.background if b.histogram in (None, histogram.name)]
            if wanted:
                last = wanted[-1]
                function = _BACKGROUNDS.get(last.function, last.function)
                backgrounds[histogram.name] = protocol.BackgroundData(function, last.terms, last.carry)
        return protocol.StepData(
            title=step.title,
            limits={h.name: list(step.limits_for(h.name) or h.limits) for h in self._project.histograms},
            backgrounds=backgrounds,
            sets=_selections(step.set),
            free=_selections(step.free),
            fix=_selections(step.fix),
            cycles=step.cycles,
            starts=[self._start(start) for start in step.start],
            geometry={h.name: g for h in self._project.histograms if (g := step.geometry_for(h.name)) is not None},
        )

    def _start(self, start: Start) -> protocol.StartData:
        """Return starting values in GSAS-II's setting. Raises BackendError if they disagree with the symmetry."""
        phase = next(phase for phase in self._project.phases if phase.name == start.phase)
        shift = self._shifts.get(phase.name, np.zeros(3))
        try:
            state = PhaseState.of(phase)
            cell = None if start.cell is None else list(start_cell(state, start.cell))
            sites = {label: (np.array(xyz) + shift).tolist() for label, xyz in start_sites(state, start.sites).items()}
        except ValueError as error:
            raise BackendError("recipe", str(error)) from error
        self._specimens[phase.name] = start.specimen(self._specimens[phase.name])
        models = [
            None if wanted is None else protocol.BroadeningModelData(wanted.model, list(wanted.axis))
            for wanted in (start.size, start.strain)
        ]
        axis = None if start.axis is None else list(start.axis)
        return protocol.StartData(phase.name, cell, sites, axis, *models)

    def _parameter(self, item: protocol.ParameterData) -> Parameter:
        value = item.value
        if item.coordinate is not None and item.phase in self._shifts:
            value -= float(self._shifts[item.phase][item.coordinate])
        group = parameter_group(item.group)
        return Parameter(item.name, value, item.esd, item.unit, group, item.phase, item.histogram, item.site)

    def _refined(self, phase: Phase, found: protocol.PhaseResult) -> Phase:
        shift = self._shifts.get(phase.name, np.zeros(3))
        metric = cell_to_metric(found.cell)
        sites = []
        for site, item in zip(phase.sites, found.sites, strict=True):
            x, y, z = (float(v) for v in np.array(item.xyz) - shift)
            tensor: U6 | None = None
            if item.uaniso is not None:
                a, b, c, d, e, f = item.uaniso
                tensor = (a, b, c, d, e, f)
            uiso = item.uiso if tensor is None else equivalent_isotropic(tensor, metric)
            sites.append(replace(site, xyz=(x, y, z), occupancy=item.occupancy, uiso=uiso, uaniso=tensor))
        return replace(phase, cell=Cell(*found.cell), sites=tuple(sites), specimen=self._specimens[phase.name])


def gpx_file(project: Project) -> Path | None:
    """Return the .gpx that a project was read from, or None if it was read from data files."""
    files = (file for file in project.files if file.suffix.lower() == ".gpx")
    return next(files, None)


def _selections(items: Sequence[Free | Setting]) -> list[protocol.GroupSelection]:
    return [
        protocol.GroupSelection(
            item.group, item.phase, item.histogram, item.site, item.value if isinstance(item, Setting) else None
        )
        for item in items
    ]


def _histogram(item: Histogram) -> protocol.HistogramData:
    return protocol.HistogramData(
        name=item.name,
        x=item.pattern.x,
        y=item.pattern.y,
        weights=item.pattern.weights,
        limits=list(item.limits),
        excluded=[list(region) for region in item.excluded],
        instprm=input_files.instprm(item.instrument),
        radius=item.instrument.radius,
        absorption=item.absorption,
        peaks=[
            protocol.BackgroundPeakData(peak.position, peak.intensity, peak.sig, peak.gam)
            for peak in item.background_peaks
        ],
    )


def _phase(item: Phase, from_gpx: bool) -> protocol.PhaseData:
    labels = [site.label for site in item.sites]
    if from_gpx:
        return protocol.PhaseData(item.name, "", labels, np.zeros((0, 3)))
    specimen = protocol.SpecimenData(
        size=_broadening(item, item.specimen.size),
        strain=_broadening(item, item.specimen.strain),
        ratio=item.specimen.orientation.ratio,
        axis=list(item.specimen.orientation.axis),
    )
    sums = [protocol.SumData([labels.index(label) for label in one.sites], one.total) for one in item.occupancy_sums]
    return protocol.PhaseData(
        item.name,
        input_files.cif(item),
        labels,
        input_files.images(item),
        specimen,
        item.intensities == "Le Bail",
        sums,
    )


def _broadening(phase: Phase, item: Broadening) -> protocol.BroadeningData:
    axial = item.value if item.axial is None else item.axial
    coefficients: list[float] = []
    if item.model == "generalized":
        coefficients = [float(number) for number in start_coefficients(phase, cell_to_metric(phase.cell.values()))]
    return protocol.BroadeningData(item.model, [item.value, axial, item.mix], list(item.axis), coefficients)


def _curves(item: protocol.CurveData) -> Curves:
    return Curves(
        histogram=item.histogram,
        x=item.x,
        observed=item.observed,
        calculated=item.calculated,
        background=item.background,
        weights=item.weights,
        reflections=tuple(
            Reflections(
                phase=r.phase,
                hkl=np.rint(r.hkl).astype(np.int64),
                multiplicity=np.rint(r.multiplicity).astype(np.int64),
                d=r.d,
                two_theta=r.two_theta,
                f2_calculated=r.f2_calculated,
                f2_observed=r.f2_observed,
                intensity=r.intensity,
                fwhm=r.fwhm,
                sigma=r.sigma,
                gamma=r.gamma,
            )
            for r in item.reflections
        ),
        background_function=_FROM_GSAS2.get(item.background_function, item.background_function),
        geometry=_GEOMETRIES.get(item.geometry),
    )
