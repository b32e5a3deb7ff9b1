"""The JSON Schema of project.yaml, for editors; `python -m autogsas.schema` prints it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autogsas.hooks.host import Host
from autogsas.model.project import ProjectFile

__all__ = ["SCHEMA_FILE", "project_schema", "schema_text"]

SCHEMA_FILE = Path(__file__).with_name("project.schema.json")

_DURATION = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(s|m|h)?\s*$"}


def project_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a project file, made from `ProjectFile`.

    Short forms that the model expands before it checks them are added: durations as text, one wavelength as a number.
    Strategies and samplers are those that come with autogsas.
    """
    schema = ProjectFile.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "autogsas project.yaml", **schema}
    schema["title"] = "autogsas project.yaml"
    search = schema["$defs"]["Search"]["properties"]
    for key in ("timeout", "trial_timeout"):
        number = {"type": "number", "exclusiveMinimum": 0}
        forms = [number, _DURATION, *([{"type": "null"}] if key == "timeout" else [])]
        kept = {name: value for name, value in search[key].items() if name in ("default", "description", "title")}
        search[key] = {"anyOf": forms, **kept}
    host = Host(entry_points=False)
    search["sampler"]["anyOf"][0]["enum"] = list(host.samplers())
    search["space"]["enum"] = list(host.strategies())
    wavelength = schema["$defs"]["DataEntry"]["properties"]["wavelength"]
    wavelength["anyOf"].insert(0, {"type": "number", "exclusiveMinimum": 0})
    return schema


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(project_schema(), indent=2, ensure_ascii=False) + "\n"
