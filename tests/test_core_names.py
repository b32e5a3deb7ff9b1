"""The core names no built-in: engines, strategies and their choices are known through hooks alone."""

from __future__ import annotations

import functools
import io
import re
import tokenize
from pathlib import Path

import pytest

import autogsas
from autogsas.hooks.host import Host

ROOT = Path(autogsas.__file__).parent
# The benchmarks compare certain engines and strategies, so they name them.
OUTSIDE = ("builtin", "engine", "benchmarks")
CORE = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parts[0] not in OUTSIDE]
FORBIDDEN = re.compile(r"numpy|published|\b2020\b(?!-12)", re.IGNORECASE)
# These list the versions of libraries.
VERSIONS = {"commands/inspection.py", "runfolder/summarise.py"}


def words_of(path: Path) -> list[tuple[int, str]]:
    """Return strings, comments and names with their lines, without imports."""
    text = path.read_text(encoding="utf-8")
    imports = {i for i, line in enumerate(text.splitlines(), 1) if re.match(r"\s*(import|from) ", line)}
    kinds = (tokenize.STRING, tokenize.COMMENT, tokenize.NAME)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type in kinds and token.start[0] not in imports]


@functools.cache
def choices_of_builtins() -> set[str]:
    labels = (strategy.labels for strategy in Host(entry_points=False).strategies().values())
    return {name for table in labels for name in table if "." in name}


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_core_names_no_builtin(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    words = words_of(path)
    allowed = {'"numpy"'} if place in VERSIONS else set()
    found = [item for item in words if FORBIDDEN.search(item[1]) and item[1] not in allowed]
    # The scripted strategy of the test kit has choices of its own, some of which have the same names.
    if place != "testing/fake.py":
        choices = choices_of_builtins()
        found += [item for item in words if item[1].strip("\"'") in choices]
    assert found == []
