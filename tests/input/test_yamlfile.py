"""Line numbers of errors in YAML files, YAML 1.2, and writing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml as second_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from autogsas.errors import UserError
from autogsas.input import yamlfile
from autogsas.model.project import ProjectFile
from autogsas.model.recipe import Recipe

FILE = Path("project.yaml")

PROJECT = """\
# a comment
name: apatite
data:
  - file: a.xy
    limits:
      - 15
      - 130
  - {file: b.xy,
     limits: [10, 20]}

phases:
- file: a.cif
search:
  trials: 5
  background: {terms: [3, 6]}
"""

RECIPE = """\
steps:
- title: first
  set:
    U: 1
    V: 2
  free:
  - scale
  - {group: cell}
- free: [zero]
"""


def message(model: type[ProjectFile] | type[Recipe], text: str) -> str:
    with pytest.raises(UserError) as caught:
        yamlfile.check(model, yamlfile.parse(text, FILE))
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("trials: 5", "trials: 0", "project.yaml:14: search.trials: must be at least 1; found '0'"),
        ("trials: 5", "trails: 5", "project.yaml:14: search.trails: unknown key; found 'trails'; allowed: trials,"),
        ("      - 130", "      - high", "project.yaml:7: data[0].limits[1]: must be a number; found 'high'"),
        (
            "- 130",
            "- 1",
            "project.yaml:5: data[0].limits: the lower limit must be below the upper one; found '[15, 1]'",
        ),
        ("[10, 20]", "[10]", "project.yaml:9: data[1].limits: must have 2 values; found '[10]'"),
        ("file: b.xy,", "name: b,", "project.yaml:8: data[1].file: is missing"),
        ("- file: a.cif", "- name: a", "project.yaml:12: phases[0].file: is missing"),
        ("phases:\n- file: a.cif\n", "", "project.yaml: phases: is missing"),
        ("[3, 6]", "[6, 3]", "project.yaml:15: search.background.terms: the smallest number"),
        ("name: apatite", "name: apatite\nname: other", "project.yaml:3: broken YAML: the key 'name' occurs twice"),
        ("  trials: 5", "  trials: 5\n  trials: 6", "project.yaml:15: broken YAML: the key 'trials' occurs twice"),
        ("[10, 20]}", "[10, 20}", "project.yaml:9: broken YAML: expected ',' or ']'"),
        ("  - file: a.xy", "\t- file: a.xy", "project.yaml:4: broken YAML: found character '\\t'"),
        ("a.cif", "*x", "project.yaml:12: broken YAML: found undefined alias 'x'"),
        (": 5\n", ": &n 5\n  jobs: *n\n", "project.yaml:15: search.jobs: broken YAML: aliases (*name) are not allowed"),
    ],
)
def test_an_error_in_a_project_names_the_line(old: str, new: str, expected: str) -> None:
    yamlfile.check(ProjectFile, yamlfile.parse(PROJECT, FILE))
    assert old in PROJECT
    assert message(ProjectFile, PROJECT.replace(old, new, 1)).startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("V: 2", "V: two", "project.yaml:5: steps[0].set.V: must be a number; found 'two'"),
        ("V: 2", "VV: 2", "project.yaml:5: steps[0].set.VV: unknown value; found 'VV'; allowed: scale,"),
        ("- scale", "- scales", "project.yaml:7: steps[0].free[0]: unknown value; found 'scales'; allowed: scale,"),
        ("group: cell", "grp: cell", "project.yaml:8: steps[0].free[1].grp: unknown key; found 'grp'; allowed: group,"),
        ("[zero]", "[null]", "project.yaml:9: steps[1].free[0]: must contain lines of the form 'key: value'"),
        ("- title: first", "- titel: first", "project.yaml:2: steps[0].titel: unknown key; found 'titel'"),
    ],
)
def test_an_error_in_a_recipe_names_the_line(old: str, new: str, expected: str) -> None:
    yamlfile.check(Recipe, yamlfile.parse(RECIPE, FILE))
    assert message(Recipe, RECIPE.replace(old, new, 1)).startswith(expected)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("steps[0].set[1] (V)", 5),
        ("steps[0].free[1] (cell)", 8),
        ("steps[0].limits.a", 2),
        ("steps[7]", 1),
        ("nothing", None),
        ("", None),
    ],
)
def test_the_line_of_a_key_or_of_the_key_around_it(key: str, line: int | None) -> None:
    assert yamlfile.parse(RECIPE, FILE).line(key) == line


@pytest.mark.parametrize(
    ("key", "found", "place"),
    [
        ("search.trials", "5", "{file}:14: search.trials: wrong; found '5'"),
        ("search.trials", "7", "search.trials: wrong; found '7'"),  # from the command line
        ("search.sampler", "tpe", "search.sampler: wrong; found 'tpe'"),
    ],
)
def test_a_later_error_names_the_line_if_its_value_is_in_the_file(
    key: str, found: str, place: str, tmp_path: Path
) -> None:
    file = tmp_path / "project.yaml"
    file.write_text(PROJECT)
    with pytest.raises(UserError) as caught, yamlfile.naming_lines(file):
        raise UserError("wrong", key=key, found=found)
    assert str(caught.value) == place.format(file=file)


def test_the_values_are_those_of_yaml_1_2() -> None:
    text = "a: [off, NO, yes, true, 010, 12:30, 1e3, 0x1f, ~]\n7: number\n"
    assert yamlfile.parse(text, FILE).data == {
        "a": ["off", "NO", "yes", True, 10, "12:30", 1000.0, 31, None],
        "7": "number",
    }


# Without control characters: ruamel.yaml reads a written U+0085 as a line break.
TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=20)
PLAIN = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcXYZ_/", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text("abc", min_size=1), PLAIN, min_size=1, max_size=4))
def test_what_is_written_reads_back(data: dict[str, object]) -> None:
    assert yamlfile.parse(yamlfile.dump(data), FILE).data == data


def test_a_written_recipe_reads_the_same_in_a_second_parser() -> None:
    recipe = Recipe.model_validate(yamlfile.parse(RECIPE, FILE).data)
    text = yamlfile.dump(recipe.plain())
    assert text == second_parser.safe_dump(recipe.plain(), sort_keys=False, allow_unicode=True)
    assert second_parser.safe_load(text) == recipe.plain()
