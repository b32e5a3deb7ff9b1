"""Substitutes for the numpy functions in a pickle: they check their arguments and return plain arrays only."""

from __future__ import annotations

import re
from math import prod
from typing import Any, NoReturn, cast

import numpy as np

from autogsas_gsas2.code_check import UnsafeContent

__all__ = ["Dtype", "Refused", "Substitute", "masked", "reconstruct", "reconstruct_masked", "scalar"]

_CODE = re.compile(r"[<>|=]?[biufcSUO?]\d{0,6}")
_HAS_OBJECTS = 63  # numpy's flags of a dtype of Python objects; other flags would turn bytes into pointers


class Refused(UnsafeContent):
    """The file asks for something that GSAS-II projects do not contain."""


class Substitute:
    """The substitute of something a pickle may name. Its state cannot be set, so no file can affect the next one."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: object) -> NoReturn:
        raise Refused(f"a change of {self.name}")


class Dtype:
    """A dtype of numbers, text or objects; a pickle sets its byte order as its state."""

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
            raise Refused("a numpy.dtype of an unknown form")
        if state[1] in "<>" and self.real.kind not in "SO":
            self.real = self.real.newbyteorder(state[1])


class _Array(np.ndarray[Any, Any]):
    """An array that checks the state that a pickle sets; ``masked_points`` are those of a masked array, or None."""

    masked_points: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) not in (5, 7):
            raise Refused("an array of an unknown form")
        version, shape, dtype, fortran, data = state[:5]
        if not (version == 1 and isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)):
            raise Refused("an array of an unknown form")
        if not isinstance(dtype, Dtype) or not isinstance(fortran, (bool, int)):
            raise Refused("an array of an unknown form")
        raw = data.encode("latin-1") if isinstance(data, str) else data
        count = prod(shape)
        if dtype.real.kind == "O":
            if not isinstance(raw, list) or len(raw) != count:
                raise Refused("an array of objects whose size differs from its content")
        elif not isinstance(raw, bytes) or len(raw) != count * dtype.real.itemsize:
            raise Refused("an array whose size differs from its content")
        super().__setstate__(cast(Any, (1, shape, dtype.real, bool(fortran), raw)))
        if len(state) == 7:
            mask = state[5].encode("latin-1") if isinstance(state[5], str) else state[5]
            if not isinstance(mask, bytes) or len(mask) != count:
                raise Refused("a masked array whose mask has another size")
            order: Any = "F" if fortran else "C"
            self.masked_points = (np.frombuffer(mask, np.uint8) != 0).reshape(shape, order=order)

    def __array_finalize__(self, _: Any) -> None:
        self.masked_points = None


def masked(values: Any) -> np.ndarray[Any, Any]:
    """Return the mask of an array from a .gpx, in its shape; True for masked points."""
    found = getattr(values, "masked_points", None)
    return np.zeros(np.shape(values), dtype=bool) if found is None else found


def reconstruct(subtype: Any, shape: Any, code: Any) -> _Array:
    """Return an empty array, whose state the pickle sets. Raises Refused."""
    if not (isinstance(subtype, Substitute) and subtype.name == "numpy.ndarray" and shape == (0,)):
        raise Refused("numpy.core.multiarray._reconstruct of something other than an array")
    if code not in ("b", b"b"):
        raise Refused("numpy.core.multiarray._reconstruct of something other than an array")
    return np.ndarray.__new__(_Array, (0,), np.int8)


def reconstruct_masked(subtype: Any, base: Any, shape: Any, code: Any) -> _Array:
    """Return an empty array for a masked one, whose state the pickle sets. Raises Refused."""
    if not (isinstance(subtype, Substitute) and subtype.name == "numpy.ma.core.MaskedArray"):
        raise Refused("numpy.ma.core._mareconstruct of something other than a masked array")
    return reconstruct(base, shape, code)


def scalar(dtype: Any, data: Any = b"") -> Any:
    """Return a numpy number. Raises Refused."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(dtype, Dtype) or dtype.real.kind == "O" or not isinstance(raw, bytes):
        raise Refused("numpy.core.multiarray.scalar of something other than a number")
    if len(raw) != dtype.real.itemsize:
        raise Refused("a numpy number whose size differs from its content")
    return np.frombuffer(raw, dtype.real)[0] if raw else dtype.real.type()
