"""Wrappers "integral" and "shapes": a peak's profile and derivatives are calculated once for the same parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .guard import Guard, module, same

_CASE = "constant wavelength"
_LIMIT = 64 * 1024 * 1024
"""Most bytes of peaks in the cache: a limit for memory, not tuned."""


class Peak:
    """A peak's profile and its integral, as GSAS-II returns them; the integral is calculated only if it is used."""

    __slots__ = ("shape", "x")

    def __init__(self, shape: Any, x: Any) -> None:
        self.shape, self.x = shape, x

    def __getitem__(self, item: int) -> Any:
        return self.shape if item == 0 else (self.shape, self.integral())[item]

    def __iter__(self) -> Iterator[Any]:
        yield self.shape
        yield self.integral()

    def __len__(self) -> int:
        return 2

    def integral(self) -> Any:
        """Return 100 sum_i y_i (x_(i+1) - x_i) with the last interval used twice, as GSAS-II does."""
        width = np.diff(self.x)
        return np.sum(100.0 * self.shape * np.append(width, width[-1]))


def integral(guard: Guard) -> None:
    """Leave out the integral of getFCJVoigt3, which the calculation of a pattern does not use."""
    powder = module("GSASIIpwd")
    inner, kernel = powder.getFCJVoigt3, powder.pyd.pypsvfcjo

    def getFCJVoigt3(pos: Any, sig: Any, gam: Any, shl: Any, xdata: Any) -> Any:
        if len(xdata) < 2:
            return inner(pos, sig, gam, shl, xdata)
        if guard.proven(_CASE):
            return Peak(kernel(len(xdata), xdata - pos, pos, sig, gam, shl), xdata)
        answer = inner(pos, sig, gam, shl, xdata)
        if guard.unknown(_CASE):
            fast = Peak(kernel(len(xdata), xdata - pos, pos, sig, gam, shl), xdata)
            guard.settle(_CASE, same(tuple(answer), tuple(fast)))
        return answer

    powder.getFCJVoigt3 = getFCJVoigt3


class PeakCache:
    """The peaks of this calculation of the pattern and of the one before, within a limit of bytes.

    It is used only during a refinement, while ``refining`` is set.
    """

    def __init__(self) -> None:
        self.refining = False
        self.now: dict[tuple[float, ...], _CachedPeak] = {}
        self.before: dict[tuple[float, ...], _CachedPeak] = {}
        self.size = 0
        self.size_before = 0

    def next_calculation(self) -> None:
        """Begin a new calculation: the peaks of the one before the last are dropped."""
        self.before, self.size_before = self.now, self.size
        self.now, self.size = {}, 0

    def find(self, key: tuple[float, ...]) -> _CachedPeak | None:
        """Return the peak with these parameters, which is then kept for one more calculation; None if unknown."""
        known = self.now.get(key)
        if known is None:
            known = self.before.get(key)
            if known is not None:
                self.keep(key, known)
        return known

    def keep(self, key: tuple[float, ...], known: _CachedPeak) -> None:
        """Add a peak."""
        self.now[key] = known
        self.size += known.bytes

    def arrays(
        self, pos: Any, sig: Any, gam: Any, shl: Any, x: Any, calculate: Callable[..., Any] | None
    ) -> tuple[Any, ...] | None:
        """Return a peak's profile and derivatives at the points x; None if they are unknown and not calculated.

        ``calculate`` is GSAS-II's compiled routine, or None to look them up only.
        """
        if not self.refining or x.dtype != np.float64 or x.strides != (8,):
            return None
        key = (float(pos), float(sig), float(gam), float(shl))
        known = self.find(key)
        arrays = known.part(x) if known is not None else None
        if arrays is not None:
            return arrays
        if calculate is None or self.full:
            return None
        fresh = _CachedPeak(x, calculate(len(x), x - pos, pos, sig, gam, shl))
        self.keep(key, fresh)
        return fresh.arrays

    @property
    def full(self) -> bool:
        """Whether the limit is exceeded, so that no peaks should be added."""
        return self.size + self.size_before > _LIMIT


class _CachedPeak:
    """A peak's profile and derivatives at points x.

    Later points are recognised by their address in memory; ``x`` is kept so that the address remains valid.
    """

    __slots__ = ("address", "arrays", "bytes", "x")

    def __init__(self, x: Any, arrays: tuple[Any, ...]) -> None:
        self.x, self.arrays = x, arrays
        self.address = _address(x)
        self.bytes = sum(int(array.nbytes) for array in arrays)
        for array in arrays:
            array.flags.writeable = False

    def part(self, x: Any) -> tuple[Any, ...] | None:
        """Return the arrays at the points x, or None if x has points outside the known ones."""
        first = (_address(x) - self.address) // 8
        last = first + len(x)
        if first < 0 or last > len(self.x):
            return None
        if first == 0 and last == len(self.x):
            return self.arrays
        return tuple(array[first:last] for array in self.arrays)


def _address(x: Any) -> int:
    return int(x.__array_interface__["data"][0])


def shapes(guard: Guard) -> None:
    """Calculate a peak and its derivatives together, and cache them for the next call with the same parameters.

    GSAS-II calculates the peaks and, after an accepted step, peaks and derivatives for the same parameters; its
    compiled routine calculates the derivatives both times. Each value depends on its point and the peak's parameters
    only, so that a narrower range is a slice. The cache is emptied at the end of a refinement.
    """
    math, powder, main = module("GSASIIstrMath"), module("GSASIIpwd"), module("GSASIIstrMain")
    peak, slopes = powder.getFCJVoigt3, powder.getdFCJVoigt3
    kernel, kernel_slopes = powder.pyd.pypsvfcjo, powder.pyd.pydpsvfcjo
    cache = PeakCache()

    def getFCJVoigt3(pos: Any, sig: Any, gam: Any, shl: Any, xdata: Any) -> Any:
        case = f"{_CASE} peak"
        if len(xdata) < 2 or not (guard.proven(case) or guard.unknown(case)):
            return peak(pos, sig, gam, shl, xdata)
        arrays = cache.arrays(pos, sig, gam, shl, xdata, kernel_slopes)
        if arrays is None:
            return peak(pos, sig, gam, shl, xdata)
        if guard.unknown(case):
            guard.sample(case, lambda: kernel(len(xdata), xdata - pos, pos, sig, gam, shl), lambda: arrays[0])
        return Peak(arrays[0], xdata)

    def getdFCJVoigt3(pos: Any, sig: Any, gam: Any, shl: Any, xdata: Any) -> Any:
        case = f"{_CASE} slopes"
        if len(xdata) < 2 or not (guard.proven(case) or guard.unknown(case)):
            return slopes(pos, sig, gam, shl, xdata)
        arrays = cache.arrays(pos, sig, gam, shl, xdata, None)
        if arrays is None:
            return slopes(pos, sig, gam, shl, xdata)
        if guard.unknown(case):
            guard.sample(case, lambda: tuple(slopes(pos, sig, gam, shl, xdata)), lambda: arrays)
        return arrays

    evaluate, core = math.errRefine, main.RefineCore

    def errRefine(*args: Any, **named: Any) -> Any:
        cache.next_calculation()
        return evaluate(*args, **named)

    def RefineCore(*args: Any, **named: Any) -> Any:
        cache.refining = True
        try:
            return core(*args, **named)
        finally:
            cache.refining = False
            cache.next_calculation()
            cache.next_calculation()

    powder.getFCJVoigt3, powder.getdFCJVoigt3 = getFCJVoigt3, getdFCJVoigt3
    math.errRefine, main.RefineCore = errRefine, RefineCore
