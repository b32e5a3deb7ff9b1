"""The stored numbers are those of the cases as they stand, and of the GSAS-II that is installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..oracles import cases, plain


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


def test_stored_cases_are_those_asked_for() -> None:
    assert through_json(cases.PATTERNS) == {name: entry["asked"] for name, entry in plain.entries("patterns").items()}
    lines = [(entry["sig"], entry["gam"], entry["shl"]) for entry in plain.entries("lines").values()]
    assert lines == cases.LINES
    lists = plain.entries("reflections")
    for phase, limits in cases.STRUCTURES:
        for radiation, ends in limits.items():
            entry = lists[f"{phase['name']}, {radiation}"]
            assert (entry["phase"], entry["limits"]) == (through_json(phase), ends)


def test_all_say_which_gsas2_made_them() -> None:
    for kind in ("lines", "reflections", "strain", "backgrounds", "patterns", "recipes"):
        made = json.loads((plain.HERE / f"{kind}.json").read_text(encoding="utf-8"))
        assert made["call"]
        assert made["gsas2"]["date"] >= "2026"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("lines", "sig 4 gam 3 SH/L 0.02"),
        ("reflections", "rutile"),
        ("strain", "P 3 1 m"),
        pytest.param("backgrounds", "inv interpolate", marks=pytest.mark.slow),
        pytest.param("patterns", "uniaxial size", marks=pytest.mark.slow),
    ],
)
def test_gsas2_still_says_so(kind: str, name: str, tmp_path: Path) -> None:
    """A part of each kind, made again by the GSAS-II at hand."""
    discovery = pytest.importorskip("autogsas_gsas2.discovery", reason="the plugin that finds GSAS-II is not installed")
    found = discovery.find()
    if found.installation is None:
        pytest.skip(f"no GSAS-II here: {found.reason}")
    python, path = found.installation.python, found.installation.path
    environment = discovery.child_environment(python)
    if path:
        environment["PYTHONPATH"] = path
    script = plain.HERE / "make.py"
    done = subprocess.run(
        [python, str(script), kind, "--only", name, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8"))["entries"]
    assert made
    for entry in made:
        assert close(entry, plain.entries(kind)[entry["name"]])


def close(a: Any, b: Any) -> bool:
    """Whether two pieces of JSON are the same, lists of numbers to 1e-5 of their largest."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list) and a and isinstance(a[0], (int, float)):
        return len(a) == len(b) and bool(np.allclose(a, b, rtol=0, atol=1e-5 * max(map(abs, b))))
    if isinstance(a, list):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    return a == b
