"""Places in a GSAS-II project: a path of keys from the root of its tree."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

__all__ = ["Path", "get", "put", "write"]

Path = tuple[Any, ...]


def get(data: Any, path: Sequence[Any]) -> Any:
    """Return what lies at a path in the project."""
    for key in path:
        data = data[key]
    return data


def put(data: Any, path: Sequence[Any], value: Any) -> None:
    """Put a value at a path in the project."""
    get(data, path[:-1])[path[-1]] = value


def write(data: Any, path: Path, value: Any, changes: list[list[Any]]) -> None:
    """Write a value into the project where it is another one, and note it for the script."""
    if get(data, path) != value:
        # GSAS-II changes lists in place: what is noted must not be what it works on.
        put(data, path, copy.deepcopy(value))
        changes.append([list(path), copy.deepcopy(value)])
