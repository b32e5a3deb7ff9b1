"""Values in a GSAS-II project: read and written at a path of keys from the root of its tree."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from autogsas_gsas2.protocol import Change

__all__ = ["Path", "get", "put", "write"]

Path = tuple[Any, ...]


def get(data: Any, path: Sequence[Any]) -> Any:
    """Return the value at a path."""
    for key in path:
        data = data[key]
    return data


def put(data: Any, path: Sequence[Any], value: Any) -> None:
    """Set the value at a path."""
    get(data, path[:-1])[path[-1]] = value


def write(data: Any, path: Path, value: Any, changes: list[Change]) -> None:
    """Set the value at a path and append the change to ``changes``; nothing happens if the value is there already."""
    if get(data, path) != value:
        # Copies, because GSAS-II changes lists in place.
        put(data, path, copy.deepcopy(value))
        changes.append(Change(list(path), copy.deepcopy(value)))
