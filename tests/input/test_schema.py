from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from autogsas.schema import SCHEMA_FILE, project_schema, schema_text

PROJECTS = sorted((Path(__file__).parents[2] / "projects").glob("*/project.yaml"))


def test_the_shipped_schema_is_current():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), (
        "regenerate it: python -m autogsas.schema > autogsas/schema/project.schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def test_there_are_examples():
    assert len(PROJECTS) >= 2


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_the_examples_match_the_schema(path):
    jsonschema.validate(yaml.safe_load(path.read_text()), project_schema())


FORMS = {"data": [{"file": "a.xy", "wavelength": 1.5}], "phases": [{"file": "a.cif"}]}


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"search": {"timeout": "10m", "trial_timeout": 30}}, True),
        ({"search": {"timeout": "soon"}}, False),
        ({"search": {"trial": 3}}, False),
        ({"search": {"background": {"functions": ["chebyshev"]}}}, False),
        ({"data": [{"file": "a.xy", "wavelength": [1.5406, 1.5444]}]}, True),
        ({"data": [{"file": "a.xy", "wavelength": 0}]}, False),
        ({"data": [{"file": "a.xy", "limits": [1, 2, 3]}]}, False),
        ({"data": []}, False),
    ],
)
def test_the_schema_accepts_and_rejects(change, valid):
    found = list(jsonschema.Draft202012Validator(project_schema()).iter_errors({**FORMS, **change}))
    assert (not found) is valid
