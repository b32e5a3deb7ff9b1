"""The amounts of the phases from results of the numpy engine, against closed forms."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from autogsas.model.result import Result
from autogsas.model.structure import Phase
from autogsas.quantification import measure_amounts, quantify
from tests.engine.models import QUARTZ
from tests.exports.refined import Refined, mixture, quartz


@pytest.fixture(scope="module")
def mixed() -> Refined:
    return mixture()


def cell_mass(phase: Phase) -> float:
    """The mass of the cell in Dalton, by gemmi's own expansion of the sites."""
    structure = gemmi.SmallStructure()
    structure.cell = gemmi.UnitCell(*phase.cell.values())
    structure.spacegroup = gemmi.find_spacegroup_by_name(phase.space_group)
    for site in phase.sites:
        one = gemmi.SmallStructure.Site()
        one.label, one.element, one.fract = site.label, gemmi.Element(site.element), gemmi.Fractional(*site.xyz)
        one.occ = site.occupancy
        structure.add_site(one)
    structure.setup_cell_images()
    return sum(site.element.weight * site.occ for site in structure.get_all_unit_cell_sites())


def scale(result: Result, phase: Phase, histogram: str) -> float:
    return next(p.value for p in result.parameters if p.name == f"{phase.name}:{histogram}:scale")


def test_shares_are_scale_times_mass_of_the_cell(mixed: Refined) -> None:
    project, _, _, result = mixed
    found = quantify(project, result.phases, measure_amounts(project, result))
    assert [one.histogram for one in found] == ["data", "neutrons"]
    for one in found:
        amounts = [scale(result, phase, one.histogram) * cell_mass(phase) for phase in result.phases]
        shares = [amount.crystalline for amount in one.phases]
        assert [share.value for share in shares] == pytest.approx([a / sum(amounts) for a in amounts], rel=1e-4)
        assert sum(share.value for share in shares) == pytest.approx(1.0)
        # What one of two phases gains, the other loses.
        assert shares[0].esd == pytest.approx(shares[1].esd)


def test_the_esd_is_that_of_the_correlated_scales(mixed: Refined) -> None:
    project, _, _, result = mixed
    for one in quantify(project, result.phases, measure_amounts(project, result)):
        names = [f"{amount.phase}:{one.histogram}:scale" for amount in one.phases]
        places = [result.varied.index(name) for name in names]
        correlation = float(result.correlation[places[0], places[1]])
        relative = [(p.esd or 0.0) / p.value for name in names for p in result.parameters if p.name == name]
        # W1 = 1/(1 + a2/a1), so that dW1 = W1 W2 (da1/a1 - da2/a2).
        variance = relative[0] ** 2 + relative[1] ** 2 - 2 * correlation * relative[0] * relative[1]
        shares = [amount.crystalline for amount in one.phases]
        assert shares[0].esd == pytest.approx(shares[0].value * shares[1].value * np.sqrt(variance), rel=1e-6)


def test_one_phase_has_no_share() -> None:
    project, _, assessment, result = quartz()
    assert result.phases[0].name == QUARTZ.name
    amounts = measure_amounts(project, result)
    assert quantify(project, result.phases, amounts) == ()
    assert assessment.amounts == amounts != ()
    assert assessment.quantification == ()
