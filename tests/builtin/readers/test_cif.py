from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogsas.builtin.readers.cif import autogsas_read_structure as read
from autogsas.errors import UserError

PROJECTS = Path(__file__).parents[3] / "projects"

CELL = (
    "_cell_length_a {a}\n_cell_length_b {b}\n_cell_length_c {c}\n"
    "_cell_angle_alpha {al}\n_cell_angle_beta {be}\n_cell_angle_gamma {ga}\n"
)
LOOP = "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
SALT = "Na1 Na 0 0 0 1 0.01\nCl1 Cl 0.5 0.5 0.5 1 0.02\n"


def cell(a=5.64, b=None, c=None, al=90, be=90, ga=90) -> str:
    return CELL.format(a=a, b=a if b is None else b, c=a if c is None else c, al=al, be=be, ga=ga)


def salt(group="_space_group_name_H-M_alt 'F m -3 m'\n", box=None, atoms=SALT, extra="", name="salt") -> str:
    columns = "_atom_site_occupancy\n_atom_site_U_iso_or_equiv\n"
    return f"data_{name}\n{cell() if box is None else box}{group}{LOOP}{columns}{atoms}{extra}"


def phase(folder: Path, text: str, block: str | None = None, name: str = "a.cif"):
    path = folder / name
    path.write_text(text)
    return read(path, block)


def test_the_examples():
    apatite = read(PROJECTS / "fluorapatite" / "fluorapatite.cif", None)
    assert (apatite.name, apatite.space_group, apatite.notes) == ("fluorapatite", "P 63/m", ())
    assert apatite.cell.values() == (9.397, 9.397, 6.878, 90, 90, 120)
    assert apatite.sites[0].xyz == pytest.approx((2 / 3, 1 / 3, 0.001), abs=1e-12)
    lbco = read(PROJECTS / "lbco-neutron" / "lbco.cif", None)
    assert [(site.element, site.occupancy) for site in lbco.sites] == [("La", 0.5), ("Ba", 0.5), ("Co", 1), ("O", 1)]
    assert lbco.sites[0].uiso == pytest.approx(0.5 / (8 * np.pi**2))


def test_plain(tmp_path):
    found = phase(tmp_path, salt())
    assert (found.name, found.space_group) == ("salt", "F m -3 m")
    assert found.sites[1].xyz == (0.5, 0.5, 0.5)
    assert (found.sites[1].uiso, found.sites[1].uaniso) == (0.02, None)


@pytest.mark.parametrize(
    ("group", "expected", "note"),
    [
        ("_symmetry_space_group_name_H-M 'F m 3 m'\n", "F m -3 m", None),
        ("_symmetry_Int_Tables_number 225\n", "F m -3 m", "only the number of the space group is given"),
        ("_space_group_IT_number 227\n", "F d -3 m:2", "only the number of the space group is given"),
        ("_space_group_name_H-M_alt 'F d -3 m'\n", "F d -3 m:2", "two origins"),
        ("_space_group_name_H-M_alt 'F d -3 m :1'\n", "F d -3 m:1", None),
        ("_symmetry_space_group_name_H-M 'F d -3 m Z'\n", "F d -3 m:2", None),
        ("_symmetry_space_group_name_H-M 'F d -3 m S'\n", "F d -3 m:1", None),
        ("_space_group_name_Hall '-F 4 2 3'\n", "F m -3 m", None),
        ("_space_group.name_H-M_alt 'F m -3 m'\n", "F m -3 m", None),
    ],
)
def test_ways_to_name_the_space_group(group, expected, note, tmp_path):
    found = phase(tmp_path, salt(group))
    assert found.space_group == expected
    assert (not found.notes) if note is None else any(note in item for item in found.notes)


@pytest.mark.parametrize(
    ("symbol", "box", "expected"),
    [
        ("R -3 m", cell(5, 5, 20, ga=120), "R -3 m:H"),
        ("R -3 m", cell(5, al=60, be=60, ga=60), "R -3 m:R"),
        ("R -3 m H", cell(5, 5, 20, ga=120), "R -3 m:H"),
        ("P 21/c", cell(5, 6, 7, be=101), "P 1 21/c 1"),
        ("P 1 21/n 1", cell(5, 6, 7, be=101), "P 1 21/n 1"),
        ("C 1 2/m 1 ", cell(5, 6, 7, be=101), "C 1 2/m 1"),
    ],
)
def test_settings(symbol, box, expected, tmp_path):
    assert phase(tmp_path, salt(f"_symmetry_space_group_name_H-M '{symbol}'\n", box)).space_group == expected


def operations(name: str) -> str:
    return "loop_\n_symmetry_equiv_pos_as_xyz\n" + "".join(
        f"'{op.triplet()}'\n" for op in gemmi.SpaceGroup(name).operations()
    )


def test_operations_win_over_the_symbol(tmp_path):
    origin = phase(tmp_path, salt("_symmetry_space_group_name_H-M 'F d -3 m'\n" + operations("F d -3 m:1")))
    assert origin.space_group == "F d -3 m:1"
    other = phase(tmp_path, salt("_symmetry_space_group_name_H-M 'P m -3 m'\n" + operations("F m -3 m")))
    assert other.space_group == "F m -3 m"
    assert any("not of the symbol 'P m -3 m'; the operations are used" in note for note in other.notes)


def fitting_cell(group: gemmi.SpaceGroup) -> str:
    axis = group.monoclinic_unique_axis()
    angles = {
        "triclinic": (80, 85, 95),
        "hexagonal": (90, 90, 120),
        "trigonal": (90, 90, 120),
        "monoclinic": tuple(101 if axis == name else 90 for name in "abc"),
    }
    system = group.crystal_system_str()
    if group.ext == "R":
        return cell(5, al=80, be=80, ga=80)
    lengths = {"cubic": (5, 5, 5), "tetragonal": (5, 5, 7), "hexagonal": (5, 5, 7), "trigonal": (5, 5, 7)}
    al, be, ga = angles.get(system, (90, 90, 90))
    return cell(*lengths.get(system, (5, 6, 7)), al=al, be=be, ga=ga)


def test_every_tabulated_setting_is_found_by_its_operations_and_by_its_symbol(tmp_path):
    for group in gemmi.spacegroup_table_itb():
        for stated in (operations(group.xhm()), f"_space_group_name_H-M_alt '{group.xhm()}'\n"):
            found = gemmi.SpaceGroup(phase(tmp_path, salt(stated, fitting_cell(group))).space_group)
            assert set(found.operations()) == set(group.operations()), group.xhm()


def test_displacement_parameters(tmp_path):
    aniso = (
        "loop_\n_atom_site_aniso_label\n"
        + "".join(f"_atom_site_aniso_U_{i}\n" for i in (11, 22, 33, 12, 13, 23))
        + "Na1 0.011(2) 0.011 0.014 0.0 0.0 0.0\n"
    )
    columns = "Na1 Na 0 0 0 1 ?\nCl1 Cl 0.5 0.5 0.5 1 .\n"
    found = phase(tmp_path, salt(atoms=columns, extra=aniso))
    assert found.sites[0].uaniso == (0.011, 0.011, 0.014, 0, 0, 0)
    assert found.sites[0].uiso == pytest.approx(0.012)
    assert found.sites[1].uiso == 0.01
    assert found.notes == ("Cl1 has no U: the starting value is 0.01 Å²",)


def test_b_values_become_u(tmp_path):
    b = 8 * np.pi**2
    aniso = "loop_\n_atom_site_aniso_label\n" + "".join(f"_atom_site_aniso_B_{i}\n" for i in (11, 22, 33, 12, 13, 23))
    text = salt(
        atoms="Na1 Na 0 0 0 1 {0}\nCl1 Cl 0.5 0.5 0.5 1 {0}\n".format(0.5 * b), extra=aniso + f"Na1 {b} {b} {b} 0 0 0\n"
    )
    found = phase(tmp_path, text.replace("U_iso", "B_iso"))
    assert found.sites[1].uiso == pytest.approx(0.5)
    assert found.sites[0].uaniso == pytest.approx((1, 1, 1, 0, 0, 0))


@given(lengths=st.tuples(*[st.floats(3, 20)] * 3), angles=st.tuples(*[st.floats(75, 105)] * 3), u=st.floats(0.001, 0.1))
def test_an_isotropic_tensor_has_its_own_u(lengths, angles, u, tmp_path_factory):
    """U_ij of an isotropic atom is u times the cosines of the reciprocal angles (Grosse-Kunstleve & Adams, 2002)."""
    box = gemmi.UnitCell(*lengths, *angles)
    star = box.reciprocal()
    cosines = [1, 1, 1, *(np.cos(np.radians([star.gamma, star.beta, star.alpha])))]
    aniso = "loop_\n_atom_site_aniso_label\n" + "".join(f"_atom_site_aniso_U_{i}\n" for i in (11, 22, 33, 12, 13, 23))
    values = " ".join(f"{u * item:.12f}" for item in cosines)
    text = salt(
        "_space_group_IT_number 1\n",
        CELL.format(a=lengths[0], b=lengths[1], c=lengths[2], al=angles[0], be=angles[1], ga=angles[2]),
        "Na1 Na 0.1 0.2 0.3 1 ?\n",
        aniso + f"Na1 {values}\n",
    )
    path = tmp_path_factory.mktemp("cif") / "a.cif"
    path.write_text(text)
    assert read(path, None).sites[0].uiso == pytest.approx(u, rel=1e-6)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("Na+", "Na1+"),
        ("Na1+", "Na1+"),
        ("O2-", "O2-"),
        ("O-2", "O2-"),
        ("Fe3+", "Fe3+"),
        ("NA", "Na"),
        ("D", "D"),
        ("2H", "D"),
        ("Cl0+", "Cl"),
        ("Ca+2", "Ca2+"),
    ],
)
def test_elements_with_charges(symbol, expected, tmp_path):
    assert phase(tmp_path, salt(atoms=f"A1 {symbol} 0 0 0 1 0.01\n")).sites[0].element == expected


@pytest.mark.parametrize(("label", "expected"), [("Na1", "Na"), ("OW2", "O"), ("CL", "Cl"), ("O", "O"), ("Ca_a", "Ca")])
def test_elements_from_labels(label, expected, tmp_path):
    assert phase(tmp_path, salt(atoms=f"{label} ? 0 0 0 1 0.01\n")).sites[0].element == expected


def test_missing_values_and_repeated_labels_are_noted(tmp_path):
    atoms = "Na1 Na 0 0 0 ? 0.01\nNa1 Na 0.25 0.25 0.25 1.2 0.01\nO1 O ? . ? 1 0.01\nCl1 Cl 0.5(1) 0.5 0.5 1 -0.01\n"
    found = phase(tmp_path, salt(atoms=atoms))
    assert [site.label for site in found.sites] == ["Na1", "Na1_2", "Cl1"]
    assert [site.occupancy for site in found.sites] == [1, 1.2, 1]
    noted = " | ".join(found.notes)
    expected = [
        "Na1 has no occupancy: 1 is assumed",
        "Na1 has an occupancy of 1.2",
        "O1 has no position; it is left out",
    ]
    for words in (
        *expected,
        "a second site labelled Na1 is called Na1_2",
        "Cl1 has a U of -0.01: the starting value is 0.01",
    ):
        assert words in noted


def test_a_rounded_special_position_is_made_exact(tmp_path):
    atoms = "A Na 0.3333 0.6667 0.2500 1 0.01\nB Cl 0.31 0.69 0.25 1 0.01\n"
    found = phase(tmp_path, salt("_space_group_name_H-M_alt 'P 63/m m c'\n", cell(3, 3, 5, ga=120), atoms))
    assert found.sites[0].xyz == pytest.approx((1 / 3, 2 / 3, 0.25), abs=1e-12)
    assert found.sites[1].xyz == pytest.approx((0.31, 0.69, 0.25), abs=1e-12)


def test_blocks_and_names(tmp_path):
    text = (
        "data_global\n_journal_name x\n" + salt(name="I") + salt("_space_group_name_H-M_alt 'P m -3 m'\n", name="two")
    )
    found = phase(tmp_path, text)
    assert (found.name, found.space_group) == ("a", "F m -3 m")
    assert phase(tmp_path, text, "TWO").space_group == "P m -3 m"
    named = phase(tmp_path, salt(name="12345-ICSD", extra="_chemical_name_mineral 'rock: salt'\n"))
    assert named.name == "rock_salt"
    with pytest.raises(
        UserError, match="block: no such data block; found 'tow'; allowed: global, I, two; did you mean 'two'"
    ):
        phase(tmp_path, text, "tow")
    with pytest.raises(UserError, match="block: the block has no atoms; found 'global'"):
        phase(tmp_path, text, "global")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no cif at all", "broken CIF"),
        ("data_x\nloop_\n_a\n_b\n1\n", "broken CIF"),
        ("data_x\n_cell_length_a 5\n", "the CIF has no atoms"),
        (salt(atoms="Na1 Na ? ? ? 1 0.01\n"), "no atoms with positions"),
        (salt(atoms="Q1 Qq 0 0 0 1 0.01\n"), "_atom_site Q1: unknown element; found 'Qq'"),
        (salt("_space_group_name_H-M_alt 'P m -3 q'\n"), "unknown space group; found 'P m -3 q'; allowed:"),
        (salt("_space_group_IT_number 231\n"), "no such space group number; found '231'; allowed: 1 to 230"),
        (salt(""), "the CIF gives no space group"),
        (salt("_space_group_name_H-M_alt 'F m -3 m'\n_space_group_IT_number 221\n"), "number disagree; found '221'"),
        (salt("_symmetry_equiv_pos_as_xyz x,y,w\n"), "a symmetry operation cannot be read; found 'x,y,w'"),
        (salt(box=cell(0)), "a cell length must be positive; found '0'"),
        (salt(box=cell("?")), "_cell_length_a: a cell length is missing"),
        (salt(box=cell("abc")), "_cell_length_a: not a number; found 'abc'"),
        (salt("_space_group_IT_number 1\n", cell(5, al=30, be=30, ga=150)), "the cell has no volume"),
        (salt(box=cell(5, 6, 7)), "the cell does not have the symmetry of F m -3 m; found '5, 6, 7, 90, 90, 90'"),
        (salt(atoms="Na1 Na 0 0 0 -1 0.01\n"), "an occupancy cannot be negative; found '-1'; allowed: 0 to 1"),
        (salt(atoms="Na1 Na abc 0 0 1 0.01\n"), "not a number; found 'abc'"),
    ],
)
def test_an_error_is_one_line(text, message, tmp_path):
    with pytest.raises(UserError) as caught:
        phase(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.cif"))
    assert "\n" not in str(caught.value)


def test_binary_and_other_files(tmp_path):
    (tmp_path / "a.cif").write_bytes(b"\x00\x01" * 40)
    with pytest.raises(UserError, match="binary, not a CIF"):
        read(tmp_path / "a.cif", None)
    (tmp_path / "a.ins").write_text("TITL shelx\n")
    assert read(tmp_path / "a.ins", None) is None
