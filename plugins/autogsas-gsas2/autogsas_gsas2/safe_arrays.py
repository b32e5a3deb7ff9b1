"""Inert stand-ins for what numpy puts into a pickle: each checks what it is given and makes plain arrays alone."""

from __future__ import annotations

import re
from math import prod
from typing import Any, NoReturn, cast

import numpy as np

from autogsas_gsas2.code_check import Suspicious

__all__ = ["Dtype", "Inert", "Refused", "hidden", "reconstruct", "reconstruct_masked", "scalar"]

_CODE = re.compile(r"[<>|=]?[biufcSUO?]\d{0,6}")
_HAS_OBJECTS = 63  # numpy's flags of a dtype of Python objects; other flags would make pointers of bytes


class Refused(Suspicious):
    """What the file asks for is not of a GSAS-II project."""


class Inert:
    """Something a pickle may name. Its state cannot be set, so that no file changes what the next one meets."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: object) -> NoReturn:
        raise Refused(f"a change of {self.name}")


class Dtype:
    """A dtype of numbers, text or objects; its byte order comes as its state."""

    def __init__(self, code: Any, *flags: Any) -> None:
        known = isinstance(code, str) and _CODE.fullmatch(code) and all(isinstance(flag, (bool, int)) for flag in flags)
        try:
            self.real = np.dtype(code if known else None)
        except (TypeError, ValueError):
            known = False
        if not known:
            raise Refused(f"numpy.dtype({code!r})")

    def __setstate__(self, state: Any) -> None:
        ordinary = isinstance(state, tuple) and len(state) in (7, 8) and state[2:5] == (None, None, None)
        if not ordinary or state[1] not in ("<", ">", "|", "="):
            raise Refused("a numpy.dtype with fields")
        flags = state[7] if len(state) == 8 else 0
        if self.real.kind == "O":
            allowed = flags == _HAS_OBJECTS and state[5:7] == (-1, -1)
        else:
            sizes = {-1, self.real.itemsize, *((4,) if self.real.kind in "U" else (1,))}
            allowed = flags in (0, 8) and all(isinstance(size, int) and size in sizes for size in state[5:7])
        if not allowed:
            raise Refused("a numpy.dtype of an unknown make")
        if state[1] in "<>" and self.real.kind not in "SO":
            self.real = self.real.newbyteorder(state[1])


class _Array(np.ndarray[Any, Any]):
    """An array that checks its state before it takes it; ``hidden`` are the points that are masked, or None."""

    hidden: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) not in (5, 7):
            raise Refused("an array of an unknown make")
        version, shape, dtype, fortran, data = state[:5]
        if not (version == 1 and isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)):
            raise Refused("an array of an unknown make")
        if not isinstance(dtype, Dtype) or not isinstance(fortran, (bool, int)):
            raise Refused("an array of an unknown make")
        raw = data.encode("latin-1") if isinstance(data, str) else data
        count = prod(shape)
        if dtype.real.kind == "O":
            if not isinstance(raw, list) or len(raw) != count:
                raise Refused("an array of objects whose size is not its content's")
        elif not isinstance(raw, bytes) or len(raw) != count * dtype.real.itemsize:
            raise Refused("an array whose size is not its content's")
        super().__setstate__(cast(Any, (1, shape, dtype.real, bool(fortran), raw)))
        if len(state) == 7:
            mask = state[5].encode("latin-1") if isinstance(state[5], str) else state[5]
            if not isinstance(mask, bytes) or len(mask) != count:
                raise Refused("a masked array whose mask has another size")
            order: Any = "F" if fortran else "C"
            self.hidden = (np.frombuffer(mask, np.uint8) != 0).reshape(shape, order=order)

    def __array_finalize__(self, _: Any) -> None:
        self.hidden = None


def hidden(values: Any) -> np.ndarray[Any, Any]:
    """Return which points of an array from a .gpx are masked, of its shape."""
    found = getattr(values, "hidden", None)
    return np.zeros(np.shape(values), dtype=bool) if found is None else found


def reconstruct(subtype: Any, shape: Any, code: Any) -> _Array:
    if not (isinstance(subtype, Inert) and subtype.name == "numpy.ndarray" and shape == (0,)):
        raise Refused("numpy.core.multiarray._reconstruct of something else than an array")
    if code not in ("b", b"b"):
        raise Refused("numpy.core.multiarray._reconstruct of something else than an array")
    return np.ndarray.__new__(_Array, (0,), np.int8)


def reconstruct_masked(subtype: Any, base: Any, shape: Any, code: Any) -> _Array:
    if not (isinstance(subtype, Inert) and subtype.name == "numpy.ma.core.MaskedArray"):
        raise Refused("numpy.ma.core._mareconstruct of something else than a masked array")
    return reconstruct(base, shape, code)


def scalar(dtype: Any, data: Any = b"") -> Any:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(dtype, Dtype) or dtype.real.kind == "O" or not isinstance(raw, bytes):
        raise Refused("numpy.core.multiarray.scalar of something else than a number")
    if len(raw) != dtype.real.itemsize:
        raise Refused("a numpy number whose size is not its content's")
    return np.frombuffer(raw, dtype.real)[0] if raw else dtype.real.type()
