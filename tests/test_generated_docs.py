"""The generated parts of the documentation are current; ``python docs/generate.py`` writes them."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parent.parent / "docs"
ADVICE = "not current: run `python docs/generate.py`"
NEED_GRIMP = ("rooms", "floors")


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


architecture = load("architecture")
generate = load("generate")


def names_in(page: Path) -> list[str]:
    return re.findall(r"<!-- generated: ([a-z-]+) -->", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_page_is_current(page: Path) -> None:
    if set(names_in(page)) & set(NEED_GRIMP):
        pytest.importorskip("grimp")
    text = page.read_text(encoding="utf-8")
    assert generate.rewritten(text) == text, ADVICE


def test_every_generated_part_is_on_a_page() -> None:
    assert sorted(name for page in generate.pages() for name in names_in(page)) == sorted(generate.BLOCKS)


def test_the_drawing_is_current() -> None:
    pytest.importorskip("grimp")
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.drawing(), ADVICE


def test_every_room_is_drawn() -> None:
    package = DOCS.parent / "autogsas"
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    drawn = set(re.findall(r">(\w+)</text>", architecture.PICTURE.read_text(encoding="utf-8")))
    assert rooms <= drawn
