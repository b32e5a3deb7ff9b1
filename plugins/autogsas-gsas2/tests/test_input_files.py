"""Files written for GSAS-II hold what the host has read, as the host's own readers show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest
from autogsas.builtin.readers.cif import autogsas_read_structure
from autogsas.builtin.readers.instruments import autogsas_read_instrument
from autogsas.errors import BackendError
from autogsas.model.instrument import Instrument
from autogsas.model.structure import Cell, Phase, Site

from autogsas_gsas2 import input_files

_DOUBLET = Instrument(
    "xray",
    (1.54051, 1.54433),
    ratio=0.4971,
    polarization=0.7,
    zero=0.0123,
    U=1.1,
    V=-2.2,
    W=3.3,
    X=4.4,
    Y=5.5,
    Z=6.6,
    SH_L=0.0321,
    geometry="Debye-Scherrer",
    radius=217.5,
)
_NEUTRON = Instrument("neutron", (1.909,), polarization=0.0, geometry="Bragg-Brentano")


@pytest.mark.parametrize("instrument", [_DOUBLET, _NEUTRON])
def test_an_instrument_is_read_back(instrument: Instrument, tmp_path: Path) -> None:
    file = tmp_path / "a.instprm"
    file.write_text(input_files.instprm(instrument))
    found = autogsas_read_instrument(path=file, bank=None)
    assert found is not None
    if not instrument.doublet:
        found = replace(found, ratio=instrument.ratio)
    assert replace(found, notes=()) == instrument


def _phase(group: str, *sites: Site) -> Phase:
    return Phase("p", group, Cell(6.0, 6.0, 6.0, 90.0, 90.0, 90.0), sites or (Site("A", "Ca", (0, 0, 0), 1, 0.01),))


def test_a_structure_is_read_back(tmp_path: Path) -> None:
    tensor = (0.01, 0.011, 0.012, 0.001, 0.002, 0.003)
    phase = _phase(
        "P m -3 m",
        Site("O1 a", "O2-", (0.1234567891, 0.25, 1 / 3), 0.625, 0.0123),
        Site("Ca2", "Ca2+", (0.5, 0.5, 0.5), 1.0, 0.02, tensor),
    )
    file = tmp_path / "a.cif"
    file.write_text(input_files.cif(phase))
    found = autogsas_read_structure(path=file, block=None)
    assert found is not None
    assert found.cell == phase.cell
    assert found.space_group == phase.space_group
    for mine, theirs in zip(phase.sites, found.sites, strict=True):
        assert theirs.xyz == pytest.approx(mine.xyz, abs=1e-9)
        assert (theirs.element, theirs.occupancy) == (mine.element, mine.occupancy)
    assert found.sites[0].uiso == 0.0123
    assert found.sites[1].uaniso == tensor


@pytest.mark.parametrize("group", ["F d -3 m:1", "P 4/n:1", "P n n n:1", "I 41/a m d:1", "P 4/n m m:1"])
def test_origin_choice_1_is_moved_to_2(group: str) -> None:
    phase = _phase(group)
    shift = input_files.origin_shift(phase)
    first, second = (gemmi.find_spacegroup_by_name(name) for name in (group, group[:-1] + "2"))
    point = np.array([0.137, 0.268, 0.391])

    def orbit(operations: gemmi.GroupOps, start: np.ndarray) -> set[tuple[float, ...]]:
        images = (np.array(operation.apply_to_xyz(list(start))) for operation in operations)
        return {tuple((np.round(image % 1.0, 4) % 1.0).tolist()) for image in images}

    moved = {tuple((np.round((np.array(p) + shift) % 1.0, 4) % 1.0).tolist()) for p in orbit(first.operations(), point)}
    assert moved == orbit(second.operations(), point + shift)
    assert np.any(shift != 0.0)


def test_other_settings_are_not_moved() -> None:
    assert not np.any(input_files.origin_shift(_phase("F d -3 m:2")))
    assert not np.any(input_files.origin_shift(_phase("P m -3 m")))


def test_an_unknown_space_group_is_an_error() -> None:
    with pytest.raises(BackendError) as error:
        input_files.cif(_phase("P 7"))
    assert error.value.cause == "structure"
