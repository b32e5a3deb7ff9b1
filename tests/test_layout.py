"""Each room has its place in the contracts, and few modules are outside of rooms."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "autogsas"


def test_every_room_is_in_the_layers_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract for contract in contracts if contract["type"] == "layers")
    assert layers["containers"] == ["autogsas"]
    assert layers["exhaustive"] is True
    named = {room.strip() for layer in layers["layers"] for room in layer.replace(":", "|").split("|")}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert named == packages | modules


def test_few_modules_are_outside_of_rooms() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 10


def test_tests_mirror_the_rooms() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")} - {"oracles", "benchmarks"}
    assert folders <= packages


def _exists(name: str) -> bool:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["autogsas", *parts[:count]]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_the_names_on_the_page_of_one_run_exist() -> None:
    text = (ROOT / "docs" / "developers" / "one-run.md").read_text(encoding="utf-8")
    rooms = {path.stem for path in PACKAGE.iterdir()}
    names = [
        name
        for name in re.findall(r"`([a-z]+(?:\.\w+)+)`", text)
        if name.split(".")[0] in rooms and not name.endswith(".html")
    ]
    assert len(names) > 20
    assert [name for name in names if not _exists(name)] == []
