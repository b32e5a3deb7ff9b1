"""What holds for every model: derivatives, invariances, laws of scale, and finite answers to whatever comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import gemmi
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st

from autogsas.engine import backgrounds
from autogsas.engine.parameters import INSTRUMENT, PAIR, Layout
from autogsas.engine.pattern_model import PatternModel
from autogsas.engine.problem import Points, RietveldProblem
from autogsas.engine.readout import read_phases
from autogsas.engine.session import EngineSession
from autogsas.engine.symmetry import PAIRS, Symmetry, cell_to_metric, metric_tensor, metric_to_cell
from autogsas.errors import BackendError
from autogsas.instrument import Instrument
from autogsas.project import AxialSum, Project, Search
from autogsas.recipe import BACKGROUNDS, GROUPS, Background, BackgroundFunction, Free, Setting, Step
from autogsas.result import Result
from autogsas.sample import Axis, BackgroundPeak, Broadening, Orientation, Specimen
from autogsas.structure import Cell, Phase, Site

from .models import CUBIC, MONOCLINIC, QUARTZ, TETRAGONAL, TRICLINIC, XRAY, project, simulate, step, with_data
from .random_models import (
    AXES,
    FAMILY,
    SHARED,
    examples,
    holds,
    instruments,
    measured,
    phases,
    projects,
    specimens,
    tensor_values,
    unique_axes,
)

Array = npt.NDArray[np.float64]

EVERYTHING = [Free(group=group) for group in GROUPS if group != "uiso_shared"]  # U_iso each for itself


def problem_of(
    project: Project, scales: tuple[float, ...], shifts: tuple[float, float], background: tuple[BackgroundFunction, int]
) -> RietveldProblem:
    """The problem that frees everything, at the project's values and the scales and sample shifts given."""
    layout = Layout(project)
    raw = layout.start()
    for p, scale in enumerate(scales[: len(layout.phases)]):
        raw[layout.pair[p][0][PAIR.index("scale")]] = scale
    for name, shift in zip(("shift1", "shift2"), shifts, strict=True):
        raw[layout.instrument[0][INSTRUMENT.index(name)]] = shift
    histogram = project.histograms[0]
    x, pattern = histogram.pattern.x, histogram.pattern
    basis = backgrounds.basis(*background, x, histogram.limits, histogram.instrument.wavelengths[0])
    points = Points(x, pattern.y, pattern.weights, basis, True, np.zeros_like(x))
    coefficients = np.linspace(0.5, 1.0, basis.shape[1])
    model = PatternModel(layout, 0, x, raw)
    return RietveldProblem(layout, [model], [points], raw, [coefficients], layout.variables(EVERYTHING))


class Held:
    """A problem's Bragg part with the lines laid out as they are at its start, wherever they are moved to."""

    def __init__(self, problem: RietveldProblem) -> None:
        self._problem = problem
        self._model = problem._models[0]
        self._places = [pairs[0][PAIR.index("scale")] for pairs in problem._layout.pair]
        self.bragg(problem.start())
        self._plans = list(self._model._plans)

    def bragg(self, values: Array) -> Array:
        raw = self._problem.raw(values)
        found = [raw[place] * self._model.phase(p, raw).unit for p, place in enumerate(self._places)]
        return np.asarray(np.sum(found, axis=0))

    def at(self, values: Array) -> Array:
        self.relay()
        return self.bragg(values)

    def relay(self) -> None:
        self._model._plans[:] = self._plans
        self._model._kept[:] = [None] * len(self._plans)

    def jacobian(self) -> Array:
        self.relay()
        values = self._problem.start()
        out = np.zeros((self._model.x.size, len(self._problem.variables)))
        for p in range(len(self._places)):
            found = self._model.phase(p, self._problem.raw(values), self._problem._directions)
            out[:, found.columns] += found.jacobian
        return out


def check_derivatives(
    project: Project, scales: tuple[float, float], shifts: tuple[float, float], seen: set[str]
) -> None:
    problem = problem_of(project, scales, shifts, ("chebyschev-1", 2))
    held = Held(problem)
    values, jacobian = problem.start(), held.jacobian()
    height = float(np.max(held.at(values)))
    for i, variable in enumerate(problem.variables):
        largest = float(np.max(np.abs(jacobian[:, i])))
        missed = []
        for relative in (1e-5, 1e-4, 1e-6, 1e-3):
            e = relative * max(abs(values[i]), 1e-2)
            move = np.zeros_like(values)
            move[i] = e
            numeric = (held.at(values + move) - held.at(values - move)) / (2 * e)
            # What rounding leaves of a difference of two patterns is no error of the derivative.
            allowed = 1e-5 * largest + 1e-13 * height / e
            missed.append(float(np.max(np.abs(numeric - jacobian[:, i]))) / max(allowed, 1e-300))
            if missed[-1] < 1.0:
                break
        assert min(missed) < 1.0, f"{problem.names[i]} misses by {min(missed):.3g} of what is allowed"
        if largest > 0:
            seen |= {variable.group, variable.name.split(":")[-1]}


@examples(20, 400)
def test_every_derivative_of_every_model(count: int) -> None:
    seen: set[str] = set()
    scales = st.tuples(*[st.floats(0.1, 1000.0)] * 2)
    shifts = st.tuples(st.floats(-100, 100), st.floats(-5, 5))

    def check(project: Project, scales: tuple[float, float], shifts: tuple[float, float]) -> None:
        check_derivatives(project, scales, shifts, seen)

    holds(count, check, projects(), scales, shifts)
    assert seen >= set(GROUPS) - {"background", "uiso_shared"}
    assert seen >= {f"{kind} {part}" for kind in ("size", "strain") for part in ("equatorial", "axial")}
    assert seen >= {"Shift", "Transparency", "DisplaceX", "DisplaceY"}


# --- Backgrounds -----------------------------------------------------------------------------------------------------


def check_background_derivatives(
    project: Project, scales: tuple[float, float], function: BackgroundFunction, terms: int
) -> None:
    """chi^2 is a parabola in each coefficient, so that its central difference is its slope at any step."""
    problem = problem_of(project, scales, (0.0, 0.0), (function, terms))
    values = problem.start()
    here = problem.linearise(values)
    for i in range(len(problem.variables), len(problem.names)):
        step = np.zeros_like(values)
        # So far that chi^2 doubles, where its rounding counts least.
        step[i] = np.sqrt(here.chi2 / max(here.normal[i, i], 1e-300))
        up, down = (problem.linearise(values + sign * step).chi2 for sign in (1, -1))
        assert here.normal[i, i] > 0
        assert (down - up) / 4 == pytest.approx(here.gradient[i] * step[i], abs=1e-9 * here.chi2)
        assert (up + down) / 2 - here.chi2 == pytest.approx(here.normal[i, i] * step[i] ** 2, rel=1e-9)


@examples(14, 300)
def test_every_background_term_of_every_function(count: int) -> None:
    scales = st.tuples(*[st.floats(0.1, 1000.0)] * 2)
    holds(count, check_background_derivatives, projects(), scales, st.sampled_from(BACKGROUNDS), st.integers(1, 12))


# --- The description of a crystal is not the crystal -----------------------------------------------------------------

SETTINGS = ("F d -3 m:1", "P n n n:1", "P 4/n:1", "I 41/a m d:1", "P 1 21/n 1", "P 1 21/a 1", "P 1 1 21/b", "R -3 m:R",
            "R 3 c:R", "P b n m", "P n a m", "P m c n", "P c m n", "P m n b", "I 1 2/a 1", "A 1 2/n 1", "A -1", "F -1",
            "I -1", "C 1", "F 4/m m m", "C 4 2 2")  # fmt: skip


def reference_of(name: str) -> gemmi.SpaceGroup:
    number = gemmi.find_spacegroup_by_name(name).number
    return next(group for group in gemmi.spacegroup_table() if group.number == number and group.is_reference_setting())


def change_to(name: str) -> tuple[Array, Array]:
    """Q (3, 3) and q (3,) of x' = Q x + q from the reference setting of a space group to another."""
    op = gemmi.find_spacegroup_by_name(name).basisop
    q, shift = np.array(op.rot) / gemmi.Op.DEN, np.array(op.tran) / gemmi.Op.DEN
    return q, shift


def test_changes_of_setting_carry_the_operations_over() -> None:
    """The operations of the reference setting, taken over, are among those that the other setting has."""
    for name in SETTINGS:
        q, shift = change_to(name)
        theirs = gemmi.find_spacegroup_by_name(name).operations()
        known = {(tuple(map(tuple, op.rot)), tuple(np.array(op.tran) % gemmi.Op.DEN)) for op in theirs}
        for op in reference_of(name).operations():
            rotation, move = np.array(op.rot) / gemmi.Op.DEN, np.array(op.tran) / gemmi.Op.DEN
            turned = q @ rotation @ np.linalg.inv(q)
            moved = q @ move + shift - turned @ shift
            key = (
                tuple(map(tuple, np.round(turned * gemmi.Op.DEN).astype(int).tolist())),
                tuple((np.round(moved * gemmi.Op.DEN).astype(int) % gemmi.Op.DEN).tolist()),
            )
            assert key in known, (name, op.triplet())


def in_setting(phase: Phase, name: str) -> tuple[Phase, float]:
    """A phase of the reference setting described in another, and how many times larger the cell is."""
    q, shift = change_to(name)
    inverse = np.linalg.inv(q)
    metric = inverse.T @ direct_metric(phase.cell) @ inverse
    lengths = np.sqrt(np.diag(metric))
    angles = [np.degrees(np.arccos(metric[i, j] / lengths[i] / lengths[j])) for i, j in ((1, 2), (0, 2), (0, 1))]
    cell = Cell(*lengths.tolist(), *(float(angle) for angle in angles))
    old, new = np.sqrt(np.diag(np.linalg.inv(direct_metric(phase.cell)))), np.sqrt(np.diag(np.linalg.inv(metric)))
    sites = []
    for site in phase.sites:
        x, y, z = (q @ np.array(site.xyz) + shift).tolist()
        tensor = None
        if site.uaniso is not None:
            turned = q @ (as_matrix(site.uaniso) * np.outer(old, old)) @ q.T / np.outer(new, new)
            tensor = tuple(float(turned[i, j]) for i, j in PAIRS)
        sites.append(replace(site, xyz=(x, y, z), uaniso=tensor))

    def turned_axis(axis: Axis) -> Axis:
        values = np.array(axis) @ inverse
        scale = np.lcm.reduce([Fraction(float(value)).limit_denominator(12).denominator for value in values])
        h, k, el = (int(value) for value in np.round(values * scale))
        return (h, k, el)

    s = phase.specimen
    specimen = Specimen(
        replace(s.size, axis=turned_axis(s.size.axis)),
        replace(s.strain, axis=turned_axis(s.strain.axis)),
        replace(s.orientation, axis=turned_axis(s.orientation.axis)),
    )
    larger = float(np.sqrt(np.linalg.det(metric) / np.linalg.det(direct_metric(phase.cell))))
    return Phase(phase.name, name, cell, tuple(sites), specimen=specimen), larger


def direct_metric(cell: Cell) -> Array:
    return np.linalg.inv(metric_tensor(cell_to_metric(cell.values())))


def as_matrix(tensor: tuple[float, ...]) -> Array:
    out = np.zeros((3, 3))
    for value, (i, j) in zip(tensor, PAIRS, strict=True):
        out[i, j] = out[j, i] = value
    return out


def bragg(phase: Phase, instrument: Instrument, x: Array, axial_sum: AxialSum = "converged") -> Array:
    """The pattern of one phase at unit scale."""
    layout = Layout(measured((phase,), instrument, x, axial_sum=axial_sum))
    raw = layout.start()
    return PatternModel(layout, 0, x, raw).phase(0, raw).unit


def same(found: Array, expected: Array, accuracy: float = 1e-6) -> None:
    assert np.max(expected) > 0
    assert np.max(np.abs(found - expected)) < accuracy * np.max(expected)


@st.composite
def crystals(draw: st.DrawFn, name: str) -> Phase:
    """Atoms in the reference setting of a space group, where they may, in a cell of its own shape."""
    group = reference_of(name)
    symmetry = Symmetry.from_name(group.xhm())
    typical = cell_to_metric((5.2, 5.9, 6.8, 83.0, 97.0, 104.0))
    average = symmetry.metric_basis()
    metric = average @ np.linalg.lstsq(average, typical, rcond=None)[0]
    if group.crystal_system() in (gemmi.CrystalSystem.Trigonal, gemmi.CrystalSystem.Hexagonal):
        metric = cell_to_metric((4.9, 4.9, 10.7, 90, 90, 120))
    cell = Cell(*metric_to_cell(metric * draw(st.floats(0.8, 1.1))))
    places = st.tuples(*[st.floats(0.02, 0.98)] * 3)
    special = st.sampled_from([(0.0, 0.0, 0.0), (0.0, 0.0, 0.5), (0.5, 0.5, 0.0)])
    uiso, occupancy = st.floats(0.002, 0.03), st.floats(0.3, 1.0)
    sites = (
        Site("M", "Fe", draw(special), draw(occupancy), draw(uiso)),
        Site("Si", "Si", draw(places), draw(occupancy), draw(uiso)),
        Site("O", "O", draw(places), draw(occupancy), draw(uiso), draw(st.one_of(st.none(), tensor_values()))),
    )
    phase = Phase("crystal", group.xhm(), cell, sites, specimen=draw(specimens(unique_axes(symmetry))))
    # A tensor at a special place is made to fit it, so that both settings start from the same one.
    layout = Layout(Project("one", (), (phase,), Search()))
    return read_phases(layout, layout.start())[0]


POINTS = np.arange(14.0, 62.0, 0.06)


@pytest.mark.parametrize("name", SETTINGS)
@examples(4, 30)
def test_another_origin_or_cell_gives_the_same_pattern(name: str, count: int) -> None:
    def check(phase: Phase, instrument: Instrument) -> None:
        other, larger = in_setting(phase, name)
        # A scale counts cells: as many atoms in larger cells are fewer cells.
        same(bragg(other, instrument, POINTS) / larger, bragg(phase, instrument, POINTS))

    holds(count, check, crystals(name), instruments())


def expanded(phase: Phase) -> Phase:
    """The phase in P 1 with all atoms of its cell."""
    sites = []
    reciprocal = np.sqrt(np.diag(np.linalg.inv(direct_metric(phase.cell))))
    for site in phase.sites:
        seen: list[Array] = []
        for op in gemmi.find_spacegroup_by_name(phase.space_group).operations():
            rotation = np.array(op.rot) / gemmi.Op.DEN
            image = np.array(op.apply_to_xyz(list(site.xyz)))
            if any(np.allclose(image - other - np.round(image - other), 0.0, atol=1e-6) for other in seen):
                continue
            seen.append(image)
            tensor = None
            if site.uaniso is not None:
                turned = rotation @ (as_matrix(site.uaniso) * np.outer(reciprocal, reciprocal)) @ rotation.T
                tensor = tuple(float((turned / np.outer(reciprocal, reciprocal))[i, j]) for i, j in PAIRS)
            x, y, z = image.tolist()
            sites.append(replace(site, label=f"{site.label}{len(seen)}", xyz=(x, y, z), uaniso=tensor))
    return replace(phase, space_group="P 1", sites=tuple(sites))


@examples(6, 100)
def test_all_atoms_of_the_cell_in_p1_give_the_same_pattern(count: int) -> None:
    """On so few points that each is evaluated by itself: absent lines, which P 1 has, choose the grid of the tails."""

    def check(phase: Phase, instrument: Instrument) -> None:
        few = POINTS[::14]
        same(bragg(expanded(phase), instrument, few), bragg(phase, instrument, few))
        some = POINTS[::4]
        same(bragg(expanded(phase), instrument, some), bragg(phase, instrument, some), 1e-4)

    family = tuple(phase for phase in FAMILY if phase is not SHARED)
    holds(count, check, phases(family, unique=True), instruments())


# --- Laws of scale ---------------------------------------------------------------------------------------------------


@examples(10, 200)
def test_half_an_atom_twice_is_an_atom(count: int) -> None:
    def check(phase: Phase, instrument: Instrument) -> None:
        first, *rest = phase.sites
        half = replace(first, occupancy=first.occupancy / 2)
        split = replace(phase, sites=(half, replace(half, label="again"), *rest), occupancy_sums=())
        same(bragg(split, instrument, POINTS), bragg(phase, instrument, POINTS), 1e-12)

    holds(count, check, phases(), instruments())


@examples(10, 200)
def test_twice_the_occupancies_are_four_times_the_intensity(count: int) -> None:
    def check(phase: Phase, instrument: Instrument) -> None:
        twice = tuple(replace(site, occupancy=2 * site.occupancy) for site in phase.sites)
        dense = replace(phase, sites=twice, occupancy_sums=())
        same(bragg(dense, instrument, POINTS), 4 * bragg(phase, instrument, POINTS), 1e-12)

    holds(count, check, phases(), instruments())


@examples(10, 200)
def test_a_pattern_is_linear_in_its_scales(count: int) -> None:
    def check(project: Project, scales: tuple[float, float]) -> None:
        def parts(factor: float) -> Array:
            problem = problem_of(project, tuple(factor * s for s in scales), (0.0, 0.0), ("chebyschev-1", 1))
            return Held(problem).bragg(problem.start())

        assert np.allclose(parts(7.0), 7 * parts(1.0), rtol=1e-12)

    holds(count, check, projects(), st.tuples(*[st.floats(0.1, 1000.0)] * 2))


@examples(10, 200)
def test_the_second_line_adds_its_ratio(count: int) -> None:
    """A pattern is linear in the ratio of a doublet; two lines at one wavelength are one that is 1 + ratio strong."""

    def check(phase: Phase, instrument: Instrument, second: float, ratio: float, axial_sum: AxialSum) -> None:
        first = instrument.wavelengths[0]

        def at(wavelengths: tuple[float, ...], share: float) -> Array:
            return bragg(phase, replace(instrument, wavelengths=wavelengths, ratio=share), POINTS, axial_sum)

        alone, both = at((first, first * second), 0.0), at((first, first * second), 1.0)
        same(at((first, first * second), ratio), (1 - ratio) * alone + ratio * both, 1e-10)
        same(at((first, first), ratio), (1 + ratio) * at((first,), 0.0), 1e-10)

    holds(count, check, phases(), instruments(), st.floats(1.0, 1.004), st.floats(0, 1),
          st.sampled_from(["GSAS-II", "converged"]))  # fmt: skip


# --- Whatever comes --------------------------------------------------------------------------------------------------


@st.composite
def wild_projects(draw: st.DrawFn) -> Project:
    """What a project file may hold, however far from sense: widths, cells, counts, ranges, exclusions."""
    phase = draw(st.sampled_from((CUBIC, TETRAGONAL, QUARTZ, TRICLINIC, SHARED)))
    factor = draw(st.one_of(st.floats(0.3, 3.0), st.sampled_from([0.1, 6.0])))
    a, b, c, *angles = phase.cell.values()
    sites = tuple(
        replace(site, uiso=draw(st.floats(0, 1)), occupancy=draw(st.floats(0, 1)) if phase is not SHARED else
                site.occupancy) for site in phase.sites
    )  # fmt: skip
    wide = Broadening(1.0)
    size = draw(
        st.one_of(
            st.just(wide),
            st.builds(
                Broadening,
                st.floats(1e-3, 20),
                st.just("uniaxial"),
                st.floats(1e-3, 20),
                st.sampled_from(AXES),
                st.floats(0, 1),
            ),
        )
    )
    strain = draw(st.one_of(st.just(Broadening(1000.0)),
                            st.builds(Broadening, st.floats(1, 1e5), st.just("uniaxial"), st.floats(1, 1e5),
                                      st.sampled_from(AXES), st.floats(0, 1))))  # fmt: skip
    specimen = Specimen(size, strain, Orientation(draw(st.sampled_from(AXES)), draw(st.floats(0.1, 10))))
    cell = Cell(a * factor, b * factor, c * factor, *angles)
    free = draw(st.sampled_from(["structure", "structure", "structure", "Le Bail"]))
    phase = replace(phase, cell=cell, sites=sites, specimen=specimen, intensities=free)
    variance, gamma = (
        st.one_of(st.floats(-50, 50), st.floats(-1e5, 1e5)),
        st.one_of(st.floats(-5, 5), st.floats(-1e3, 1e3)),
    )
    instrument = Instrument(
        draw(st.sampled_from(["xray", "neutron"])),
        draw(st.sampled_from([(1.5405, 1.5443), (1.2,), (0.4,), (2.9,)])),
        ratio=draw(st.floats(0, 1)),
        polarization=draw(st.floats(0, 1)),
        zero=draw(st.floats(-5, 5)),
        **{key: draw(variance) for key in "UVW"},
        **{key: draw(gamma) for key in "XYZ"},
        SH_L=draw(st.floats(0, 0.3)),
        geometry=draw(st.sampled_from(["Bragg-Brentano", "Debye-Scherrer"])),
        radius=draw(st.floats(1, 1000)),
    )
    count = draw(st.sampled_from([1, 2, 3, 10, 40, 63, 64, 200, 400]))
    # Few lines, so that many examples take little time: a large cell is looked at near the beam.
    top = np.degrees(2 * np.arcsin(min(instrument.wavelengths[0] / 2 * 12.0 / max(a, b, c) / factor, 0.999)))
    high = min(draw(st.floats(0.1, 1.0)) * top, 179.0)
    low = draw(st.floats(0.0, 0.99)) * high
    x = np.linspace(low, high, count) if count > 1 else np.array([high])
    kind = draw(st.sampled_from(["counts", "nothing", "level", "huge"]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    y = {"counts": rng.poisson(200.0, count), "nothing": np.zeros(count), "level": np.full(count, 100.0),
         "huge": 1e9 * rng.random(count)}[kind].astype(float)  # fmt: skip
    edges = sorted((draw(st.floats(low, high)), draw(st.floats(low, high))))
    excluded = draw(st.sampled_from([(), (), (tuple(edges),), ((low - 1, high + 1),)]))
    humps = st.builds(BackgroundPeak, st.floats(0.01, 179), st.floats(0, 1e6), st.floats(1e-6, 1e6), st.floats(0, 1e3))
    return measured((phase,), instrument, x, y, excluded=excluded, absorption=draw(st.floats(0, 30)),
                    background_peaks=draw(st.lists(humps, max_size=1).map(tuple)),
                    axial_sum=draw(st.sampled_from(["GSAS-II", "converged"])))  # fmt: skip


@st.composite
def wild_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """Steps that free a few groups each, over the range or a part of it that may hold nothing."""
    out = []
    for _ in range(draw(st.integers(1, 3))):
        free = draw(st.lists(st.sampled_from(list(GROUPS)), max_size=5, unique=True))
        fix = draw(st.lists(st.sampled_from(list(GROUPS)), max_size=1))
        background = Background(function=draw(st.sampled_from(BACKGROUNDS)), terms=draw(st.integers(1, 6)))
        edges = sorted((draw(st.floats(0, 180)), draw(st.floats(0, 180))))
        limits = draw(st.sampled_from([None, None, None, (edges[0], edges[1] + 0.1)]))
        frees, fixes = (tuple(Free(group=group) for group in groups) for groups in (free, fix))
        cycles = draw(st.sampled_from([1, 5, 20]))
        out.append(Step(free=frees, fix=fixes, background=(background,), limits=limits, cycles=cycles))
    return tuple(out)


def outcome(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a call gives and no word, or nothing and the cause of its error."""
    try:
        return call(), ""
    except BackendError as error:
        return None, error.cause


def check_finite(project: Project, steps: tuple[Step, ...]) -> None:
    """Every answer is finite; where there is none an error says why, and what stood before it is still finite."""
    session, cause = outcome(lambda: EngineSession(project, "test"))
    assert cause in ("", "structure")
    if session is None:
        return
    histogram = project.histograms[0]
    for item in steps:
        done, cause = outcome(lambda item=item: session.refine(item))
        assert cause in ("", "nothing-free", "too-few-points", "not-finite", "structure")
        if done is not None:
            counted = histogram.pattern.mask(item.limits_for("data") or histogram.limits, histogram.excluded)
            # Where nothing was observed there is nothing to relate a difference to.
            assert np.isfinite(done.rwp) or not np.any(histogram.pattern.y[counted] > 0)
            assert np.isfinite(done.shift_esd)
            assert not set(done.dropped) & set(done.at_bound)
    result, cause = outcome(session.result)
    assert cause in ("", "no-step", "too-few-points", "structure", "not-finite")
    if result is not None:
        check_result(result)


def check_result(result: Result) -> None:
    for parameter in result.parameters:
        assert np.isfinite(parameter.value), parameter
        assert parameter.esd is None or (np.isfinite(parameter.esd) and parameter.esd >= 0), parameter
    assert np.all(np.isfinite(result.correlation))
    assert np.all(np.abs(result.correlation) < 1 + 1e-6)
    for curve in result.curves:
        for values in (curve.calculated, curve.background, curve.weights):
            assert np.all(np.isfinite(values))
        for reflections in curve.reflections:
            for key in ("two_theta", "d", "f2_calculated", "f2_observed", "intensity", "fwhm", "sigma", "gamma"):
                assert np.all(np.isfinite(getattr(reflections, key))), key


@examples(60, 3000)
def test_answers_are_finite_or_errors_have_a_cause(count: int) -> None:
    holds(count, check_finite, wild_projects(), wild_steps())


# --- Bad starts ------------------------------------------------------------------------------------------------------

LABORATORY = replace(XRAY, SH_L=0.02)
STARTS = ("scale", "wide", "narrow", "cell", "uiso", "all")


def spoiled(project: Project, what: str) -> tuple[Project, float]:
    """The project from a start that is off, widths five times, cell 0.3 %, U at its bound, and its scale's factor."""
    histogram = project.histograms[0]
    instrument = histogram.instrument
    if what in ("wide", "narrow", "all"):
        factor = 0.2 if what == "narrow" else 5.0
        # Variances are squares of widths.
        widths = {key: factor**2 * getattr(instrument, key) for key in "UVW"}
        widths |= {key: factor * getattr(instrument, key) for key in "XY"}
        instrument = replace(instrument, **widths)
    phases = project.phases
    if what in ("cell", "all"):
        phases = tuple(
            replace(phase, cell=Cell(*(1.003 * v for v in phase.cell.values()[:3]), *phase.cell.values()[3:]))
            for phase in phases
        )
    if what in ("uiso", "all"):
        phases = tuple(replace(phase, sites=tuple(replace(site, uiso=0.0) for site in phase.sites)) for phase in phases)
    spoilt = replace(project, phases=phases, histograms=(replace(histogram, instrument=instrument),))
    return spoilt, 1e3 if what in ("scale", "all") else 1.0


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("phase", [CUBIC, TETRAGONAL, QUARTZ, MONOCLINIC], ids=lambda phase: phase.name)
def test_a_bad_start_is_left_behind(phase: Phase, start: str) -> None:
    """A careful recipe ends where the pattern was made, whatever it started from."""
    made = project((phase,), LABORATORY, (18.0, 100.0), 0.03)
    made = with_data(made, simulate(made, (300.0,), np.full(made.histograms[0].pattern.x.size, 2000.0)))
    spoilt, factor = spoiled(made, start)
    session = EngineSession(spoilt, "test")
    low = {"limits": (18.0, 50.0)}
    session.refine(
        step("background", terms=2, cycles=1).model_copy(
            update={"set": (Setting(group="scale", value=300.0 * factor),), **low}
        )
    )
    for item in (
        step("scale", cycles=3).model_copy(update=low),
        step("cell", cycles=10).model_copy(update=low),
        step("W", "X", cycles=10).model_copy(update=low),
        step("cell", "W", "X", cycles=10),
        step("uiso", "U", "V", "Y"),
    ):
        done = session.refine(item)
    assert done.rwp < 0.1, done
    found = session.result().phases[0]
    assert found.cell.values() == pytest.approx(phase.cell.values(), rel=1e-5)
    for site, truth in zip(found.sites, phase.sites, strict=True):
        assert site.uiso == pytest.approx(truth.uiso, abs=2e-4)
