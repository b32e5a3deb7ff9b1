"""Messages of the protocol as lines of JSON: one message a line, arrays in base64.

Both sides import this module, so it uses the standard library and numpy only. An array is little-endian float64 in
base64, with its shape. Numbers are written as JSON writes them (NaN and Infinity as Python does), so every float is
read back exactly.
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
    """A line that is not a message of this protocol."""


_TYPES: dict[str, type] = {
    name: item for name, item in inspect.getmembers(protocol, dataclasses.is_dataclass) if inspect.isclass(item)
}
"""The classes of messages by name."""


def encode(message: Any) -> bytes:
    """Return a message as one line with its newline. Raises TypeError for a type that messages do not have."""
    return json.dumps(_to_json(message)).encode("ascii") + b"\n"


def decode(line: bytes) -> Any:
    """Return the message in a line. Raises ProtocolError if the line is not a message."""
    try:
        return _from_json(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise ProtocolError(f"not a message: {line[:80]!r} ({type(error).__name__}: {error})") from error


def _to_json(value: Any) -> Any:
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
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[str(key), _to_json(item)] for key, item in value.items()]}
    if type(value).__name__ in _TYPES:
        fields = {item.name: _to_json(getattr(value, item.name)) for item in dataclasses.fields(value)}
        return {"type": type(value).__name__, "fields": fields}
    raise TypeError(f"a message cannot hold a value of type {type(value).__name__}")


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        data = base64.b64decode(value["array"], validate=True)
        return np.frombuffer(data, dtype="<f8").astype(np.float64).reshape(value["shape"])
    if "dict" in value:
        return {key: _from_json(item) for key, item in value["dict"]}
    return _TYPES[value["type"]](**{key: _from_json(item) for key, item in value["fields"].items()})
