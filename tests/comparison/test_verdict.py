"""The verdict: one constructed case for each, a mixed one, and the edges between them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from autogsas.comparison import build_comparison
from autogsas.comparison.verdict import SAME_RWP, Verdict, judge
from tests.comparison.samples import CELL, SITES, make_fit, make_refinement, moved


def verdict(one, two) -> Verdict:
    return build_comparison([one, two]).pairs[0].verdict


def test_better_and_consistent():
    found = verdict(make_refinement("run", off=0.04), make_refinement("hand", off=0.05))
    assert found.word == "better and consistent"
    assert found.lower == "run"
    numbers = dict(found.numbers)
    assert numbers["rwp_one"] == pytest.approx(0.8 * numbers["rwp_two"], rel=1e-9)
    assert numbers["bic_lower_by"] > 1000
    assert f"{numbers['rwp_one']:.3f} % against {numbers['rwp_two']:.3f} %" in found.sentence


def test_the_second_can_be_better():
    found = verdict(make_refinement("run", off=0.05), make_refinement("hand", off=0.04))
    assert (found.word, found.lower) == ("better and consistent", "hand")
    assert found.sentence.startswith("hand is better")


def test_same():
    found = verdict(make_refinement("run", off=0.05), make_refinement("hand", off=0.05 * (1 + 0.9 * SAME_RWP)))
    assert (found.word, found.lower) == ("same", None)


def test_lower_by_variables_that_bic_does_not_justify_is_the_same():
    few, many = make_refinement("few", off=0.05, variables=20), make_refinement("many", off=0.049, variables=600)
    found = verdict(many, few)
    assert (found.word, found.lower) == ("same", "many")
    assert dict(found.numbers)["bic_lower_by"] < 0
    assert re.search(r"but BIC is [\d.]+ higher because of its 580 additional variables\.", found.sentence)


def test_lower_but_unphysical():
    found = verdict(make_refinement("run", off=0.03, errors=["u-negative"]), make_refinement("hand", off=0.05))
    assert (found.word, found.lower) == ("lower but unphysical", "run")
    assert "u-negative said so" in found.sentence


def test_different_structure():
    found = verdict(make_refinement("run", off=0.04, sites=moved("O1", 0, 0.06)), make_refinement("hand", off=0.05))
    assert (found.word, found.lower) == ("different structure", "run")
    assert "O1 by 0.56 Å" in found.sentence  # 0.06 of 9.37 Angstrom


def test_another_number_of_atoms_is_another_structure():
    found = verdict(make_refinement("run"), make_refinement("hand", sites=SITES[:-1]))
    assert found.word == "different structure"
    assert "F1" in found.sentence


def test_another_space_group_is_another_structure():
    found = verdict(make_refinement("run"), make_refinement("hand", space_group="P 63"))
    assert found.word == "different structure"
    assert "P 63/m" in found.sentence


def test_not_comparable():
    found = verdict(make_refinement("run"), make_refinement("hand", fits=[make_fit(seed=2)]))
    assert (found.word, found.lower) == ("not comparable", None)
    assert "not refinements of the same measurement" in found.sentence


def test_errors_in_both_are_not_comparable():
    one, two = (make_refinement(name, errors=[f"bad-{name}"]) for name in ("run", "hand"))
    found = verdict(one, two)
    assert found.word == "not comparable"
    assert "bad-run" in found.sentence
    assert "bad-hand" in found.sentence


def test_lower_unphysical_and_different_structure_together():
    one = make_refinement("run", off=0.03, errors=["too-close"], sites=moved("O1", 0, 0.06))
    two, three = make_refinement("hand", off=0.05), make_refinement("other", off=0.03, sites=moved("O1", 0, 0.06))
    pairs = build_comparison([one, two, three]).pairs
    assert [pair.verdict.word for pair in pairs] == ["lower but unphysical", "same"]
    assert "the structures differ too: O1" in pairs[0].verdict.remarks[0]
    assert "a check found an error in run" in pairs[1].verdict.remarks[0]


def test_an_error_in_the_higher_one_does_not_make_the_lower_unphysical():
    found = verdict(make_refinement("run", off=0.04), make_refinement("hand", off=0.05, errors=["not-converged"]))
    assert found.word == "better and consistent"
    assert found.remarks == ("a check found an error in hand: not-converged said so",)


def test_a_refinement_without_a_fit_is_compared_by_structure():
    lone = make_refinement("cif", fits=[], esds=False)
    found = verdict(make_refinement("run"), lone)
    assert found.word == "same"
    assert "cif has no fit" in found.remarks[0]
    far = make_refinement("cif", fits=[], esds=False, sites=moved("O1", 0, 0.06))
    assert verdict(make_refinement("run"), far).word == "different structure"


def test_a_difference_of_many_esds_within_one_minimum_is_reported():
    longer = dict(CELL, a=9.372, b=9.372)
    found = verdict(make_refinement("run", off=0.04, cell=longer), make_refinement("hand", off=0.05))
    assert found.word == "better and consistent"
    assert found.remarks == (
        "largest difference in esds: a by +0.002 Å (14 esd); "
        "other corrections or weights can cause this within the same minimum",
    )


@pytest.mark.parametrize(
    ("more", "gain", "words"),
    [
        (33, 7.94, "but BIC is only 7.94 lower, and 10 is needed to justify its 33 additional variables."),
        (1, 7.94, "but BIC is only 7.94 lower, and 10 is needed to justify its 1 additional variable."),
        (33, -7.94, "but BIC is 7.94 higher because of its 33 additional variables."),
        (0, 7.94, "but BIC is only 7.94 lower, and 10 is needed to prefer it."),
        (-5, 7.94, "but BIC is only 7.94 lower, and 10 is needed to prefer it."),
        (-5, -7.94, "but BIC is 7.94 higher."),
    ],
)
def test_the_sentence_about_bic_is_true_for_more_and_for_fewer_variables(more: int, gain: float, words: str) -> None:
    many, few = make_refinement("many", off=0.04, variables=50 + more), make_refinement("few", off=0.05, variables=50)
    common = build_comparison([many, few]).pairs[0].common
    bics = replace(common.one, bic=0.0), replace(common.two, bic=gain)
    found = judge(many, few, replace(common, one=bics[0], two=bics[1]), (), (), ())
    assert found.word == "same"
    assert found.sentence.endswith(words)
