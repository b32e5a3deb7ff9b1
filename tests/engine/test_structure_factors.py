"""|F|^2 against gemmi, against finite differences, and under laws that must hold."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from autogsas.crystal.scattering import Scatterers, parse_element
from autogsas.crystal.symmetry import Symmetry, cell_to_metric, quadratic_form
from autogsas.engine.structure_factors import StructureFactors
from autogsas.model.structure import Cell, Phase, Site

from .models import CUBIC, MONOCLINIC, PHASES, QUARTZ

WAVELENGTH = 1.5405


def setup(phase: Phase, *, neutron: bool = False, tensors: bool = False, d_min: float = 0.9):
    symmetry = Symmetry.from_name(phase.space_group)
    metric = cell_to_metric(phase.cell.values())
    sites = [symmetry.site(site.xyz, metric) for site in phase.sites]
    hkl = symmetry.reflections(metric, d_min)
    elements = tuple(site.element for site in phase.sites)
    scatterers = Scatterers.neutron(elements, WAVELENGTH) if neutron else Scatterers.xray(elements, WAVELENGTH)
    orders = np.array([site.order for site in sites])
    factors = StructureFactors(symmetry, hkl, scatterers, orders, np.full(len(sites), tensors))
    xyz = np.array([site.xyz for site in sites])
    occupancy = np.array([site.occupancy for site in phase.sites])
    uiso = np.array([site.uiso for site in phase.sites])
    return factors, hkl, quadratic_form(hkl) @ metric / 4.0, xyz, occupancy, uiso, metric


def gemmi_structure(phase: Phase) -> gemmi.SmallStructure:
    tags = ("a", "b", "c"), ("alpha", "beta", "gamma")
    lines = ["data_x", f"_space_group_name_H-M_alt '{phase.space_group}'"]
    names = [f"_cell_length_{tag}" for tag in tags[0]] + [f"_cell_angle_{tag}" for tag in tags[1]]
    lines += [f"{name} {value}" for name, value in zip(names, phase.cell.values(), strict=True)]
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv")
    lines += ["loop_", *(f"_atom_site_{column}" for column in columns)]
    for site in phase.sites:
        x, y, z = site.xyz
        lines.append(f"{site.label} {site.element} {x:.12f} {y:.12f} {z:.12f} {site.occupancy} {site.uiso}")
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read_string("\n".join(lines)).sole_block())
    structure.change_occupancies_to_crystallographic()
    return structure


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
@pytest.mark.parametrize("neutron", [False, True])
def test_against_gemmi(phase: Phase, neutron: bool) -> None:
    factors, hkl, s2, xyz, occupancy, uiso, _ = setup(phase, neutron=neutron)
    f2, _ = factors.evaluate(s2, xyz, occupancy, uiso, None, np.ones(3), derivatives=False)
    structure = gemmi_structure(phase)
    if neutron:
        calculator = gemmi.StructureFactorCalculatorN(structure.cell)
        for site in structure.sites:
            length = 10.0 * Scatterers.neutron((site.element.name,), WAVELENGTH).c[0]
            calculator.addends.set(site.element, length - site.element.neutron92.calculate_sf(0.0))
        expected = [abs(calculator.calculate_sf_from_small_structure(structure, h)) ** 2 / 100 for h in hkl.tolist()]
    else:
        calculator = gemmi.StructureFactorCalculatorX(structure.cell)
        imaginary = {}
        for site in structure.sites:
            anomalous = Scatterers.xray((site.element.name,), WAVELENGTH).anomalous[0]
            calculator.addends.set(site.element, anomalous.real)
            imaginary[site.element.name] = anomalous.imag
        # f'' by itself: the same sums with the form factors cancelled, added in quadrature (Friedel mean).
        expected = []
        for h in hkl.tolist():
            real = calculator.calculate_sf_from_small_structure(structure, h)
            expected.append(abs(real) ** 2 + abs(geometric_sum(phase, structure, h, imaginary)) ** 2)
    assert np.allclose(f2, expected, rtol=1e-4, atol=1e-6 * max(expected))


def geometric_sum(phase: Phase, structure: gemmi.SmallStructure, h: list[int], amplitude: dict[str, float]) -> complex:
    s2 = structure.cell.calculate_1_d2(h) / 4.0
    total = 0j
    for site in structure.sites:
        part = 0j
        for op in gemmi.find_spacegroup_by_name(phase.space_group).operations():
            image = op.apply_to_xyz([site.fract.x, site.fract.y, site.fract.z])
            part += np.exp(2j * np.pi * np.dot(h, image))
        total += site.occ * amplitude[site.element.name] * np.exp(-8 * np.pi**2 * site.u_iso * s2) * part
    return total


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
@pytest.mark.parametrize("tensors", [False, True])
def test_derivatives(phase: Phase, tensors: bool) -> None:
    factors, _, s2, xyz, occupancy, uiso, metric = setup(phase, tensors=tensors, d_min=1.2)
    rng = np.random.default_rng(1)
    xyz = xyz + rng.normal(0, 0.01, xyz.shape)
    u = np.tile([0.01, 0.012, 0.009, 0.002, -0.001, 0.0015], (len(uiso), 1))
    reciprocal = np.sqrt(metric[:3])

    def f2(**changed):
        at = {"s2": s2, "xyz": xyz, "occupancy": occupancy, "uiso": uiso, "uaniso": u} | changed
        return factors.evaluate(*at.values(), reciprocal, derivatives=False)[0]

    _, by = factors.evaluate(s2, xyz, occupancy, uiso, u, reciprocal)
    scale = f2().max()
    e = 1e-6

    def check(analytic, plus, minus):
        assert np.allclose(analytic, (plus - minus) / (2 * e), rtol=1e-5, atol=1e-6 * scale)

    check(by.s2, f2(s2=s2 + e), f2(s2=s2 - e))
    for i in range(len(uiso)):
        d = np.zeros(len(uiso))
        d[i] = e
        check(by.occupancy[:, i], f2(occupancy=occupancy + d), f2(occupancy=occupancy - d))
        check(by.uiso[:, i], f2(uiso=uiso + d), f2(uiso=uiso - d))
        for j in range(3):
            d = np.zeros_like(xyz)
            d[i, j] = e
            check(by.xyz[:, i, j], f2(xyz=xyz + d), f2(xyz=xyz - d))
        for j in range(6):
            d = np.zeros_like(u)
            d[i, j] = e
            check(by.uaniso[:, i, j], f2(uaniso=u + d), f2(uaniso=u - d))


def test_an_isotropic_tensor_is_u_iso() -> None:
    for phase in (CUBIC, QUARTZ, MONOCLINIC):
        plain, _, s2, xyz, occupancy, uiso, metric = setup(phase)
        tensor, *_ = setup(phase, tensors=True)
        reciprocal = np.sqrt(metric[:3])
        # U_ij of an isotropic atom is U g*_ij/(a*_i a*_j).
        a, b, c = reciprocal
        shape = [1, 1, 1, metric[3] / (2 * a * b), metric[4] / (2 * a * c), metric[5] / (2 * b * c)]
        u = np.outer(uiso, shape)
        expected = plain.evaluate(s2, xyz, occupancy, uiso, None, reciprocal, derivatives=False)[0]
        found = tensor.evaluate(s2, xyz, occupancy, uiso, u, reciprocal, derivatives=False)[0]
        assert np.allclose(found, expected, rtol=1e-10)


def test_a_shift_of_origin_along_a_polar_axis_changes_nothing() -> None:
    sites = (Site("Zn", "Zn", (1 / 3, 2 / 3, 0.0), 1.0, 0.006), Site("O", "O", (1 / 3, 2 / 3, 0.382), 1.0, 0.006))
    polar = Phase("zincite", "P 63 m c", Cell(3.25, 3.25, 5.2, 90, 90, 120), sites)
    factors, _, s2, xyz, occupancy, uiso, _ = setup(polar)
    here = factors.f_squared(s2, xyz, occupancy, uiso)
    there = factors.f_squared(s2, xyz + np.array([0, 0, 0.217]), occupancy, uiso)
    assert np.allclose(here, there, rtol=1e-9, atol=1e-9 * here.max())


@pytest.mark.parametrize(
    ("text", "symbol", "charge"),
    [("Ca", "Ca", 0), ("O2-", "O", -2), ("Fe+3", "Fe", 3), ("F-", "F", -1), ("Y3+", "Y", 3)],
)
def test_scatterers_are_read(text: str, symbol: str, charge: int) -> None:
    element, found = parse_element(text)
    assert (element.name, found) == (symbol, charge)


@pytest.mark.parametrize("text", ["", "Xx", "12", "Ca2", "O2-+"])
def test_what_is_no_scatterer_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_element(text)
