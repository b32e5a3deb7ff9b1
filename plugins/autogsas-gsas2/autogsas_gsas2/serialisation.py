"""How messages of the protocol travel: one a line, as JSON; arrays as base64.

Shared by both sides, so the standard library and numpy only. An array is a little-endian float64 in base64 with its
shape; numbers are JSON's (NaN and infinity in Python's spelling), which give every float back exactly.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import inspect
import json
from typing import Any

import numpy as np

from autogsas_gsas2 import protocol

__all__ = ["ProtocolError", "decode", "encode"]


class ProtocolError(Exception):
    """A line that is no message of this protocol."""


_TYPES: dict[str, type] = {
    name: item for name, item in inspect.getmembers(protocol, dataclasses.is_dataclass) if inspect.isclass(item)
}


def encode(message: Any) -> bytes:
    """Return a message as one line, its newline included. Raises TypeError for what has no place in a message."""
    return json.dumps(_plain(message)).encode("ascii") + b"\n"


def decode(line: bytes) -> Any:
    """Return the message a line holds. Raises ProtocolError where it is none."""
    try:
        return _rich(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise ProtocolError(f"not a message: {line[:80]!r} ({type(error).__name__}: {error})") from error


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value, dtype="<f8")
        return {"array": base64.b64encode(data.tobytes()).decode("ascii"), "shape": list(value.shape)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[str(key), _plain(item)] for key, item in value.items()]}
    if type(value).__name__ in _TYPES:
        fields = {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
        return {"is": type(value).__name__, "has": fields}
    raise TypeError(f"no place for {type(value).__name__} in a message")


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return [_rich(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        data = base64.b64decode(value["array"], validate=True)
        return np.frombuffer(data, dtype="<f8").astype(np.float64).reshape(value["shape"])
    if "dict" in value:
        return {key: _rich(item) for key, item in value["dict"]}
    return _TYPES[value["is"]](**{key: _rich(item) for key, item in value["has"].items()})
