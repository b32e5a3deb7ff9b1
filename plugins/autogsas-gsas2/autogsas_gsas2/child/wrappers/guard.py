"""When a wrapper is used: the user's setting, the fingerprints of GSAS-II's functions, a comparison on first use."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import linecache
import mmap
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

SWITCH = "AUTOGSAS_GSAS2_WRAPPERS"
_UNKNOWN, _PROVEN, _REFUTED = 0, 1, 2
_SLOTS = 4096
"""Bytes of shared memory, one for each case; there are about 30 cases, so two rarely share one."""
_SAMPLES = 32
"""Equal results that prove a small function; chosen, not tuned."""
_NEXT = re.compile(r"(?:async |def |class |@|[A-Za-z_]\w* *=)")


class Unfit(Exception):
    """This GSAS-II is not the one for which a wrapper was written."""


class Guard:
    """Decides case by case whether a wrapper's fast calculation is used.

    A case names a kind of call, such as "PXC". It starts as unknown. A comparison of the fast with the plain
    calculation proves or refutes it, and any later difference refutes it. The verdicts are in memory that is shared
    with forks, so that the comparison is made once for all of them.
    """

    _verdicts = mmap.mmap(-1, _SLOTS)

    def __init__(self, name: str, log: Callable[[str], None]) -> None:
        self.name = name
        self._log = log
        self._slots: dict[str, int] = {}
        self._logged = False
        self._samples: dict[str, int] = {}

    def _slot(self, case: str) -> int:
        slot = self._slots.get(case)
        if slot is None:
            slot = self._slots[case] = zlib.crc32(f"{self.name}\n{case}".encode()) % _SLOTS
        return slot

    def proven(self, case: str) -> bool:
        """Return whether a comparison has shown identical results."""
        return self._verdicts[self._slot(case)] == _PROVEN

    def unknown(self, case: str) -> bool:
        """Return whether no comparison has been made."""
        return self._verdicts[self._slot(case)] == _UNKNOWN

    def settle(self, case: str, identical: bool, why: str = "the results differ") -> bool:
        """Record a comparison and return whether the case is proven; the first difference is written into the log."""
        if identical:
            if self.unknown(case):
                self._verdicts[self._slot(case)] = _PROVEN
            return self.proven(case)
        self._verdicts[self._slot(case)] = _REFUTED
        if not self._logged:
            self._logged = True
            self._log(f"wrapper {self.name} is switched off for {case}: {why}")
        return False

    def first_use(
        self,
        case: str,
        plain: Callable[[], Any],
        fast: Callable[[], Any],
        state: Callable[[], list[Any]] = list,
    ) -> Any:
        """Return the result of a call: the fast one if proven, the plain one if refuted, otherwise compare both.

        ``state`` returns the arrays that the call changes; they are compared, too, and restored between the two
        calculations. An exception of the plain calculation is passed on without a verdict.
        """
        verdict = self._verdicts[self._slot(case)]
        if verdict == _PROVEN:
            return fast()
        if verdict == _REFUTED:
            return plain()
        before = [array.copy() for array in state()]
        reference = plain()
        after = [array.copy() for array in state()]
        _restore(state(), before)
        try:
            identical, why = same([reference, after], [fast(), state()]), "the results differ"
        except Exception as error:  # noqa: BLE001  whatever the fast calculation raises refutes it
            identical, why = False, f"{type(error).__name__}: {error}"
        self.settle(case, identical, why)
        _restore(state(), after)
        return reference

    def sample(self, case: str, plain: Callable[[], Any], fast: Callable[[], Any]) -> Any:
        """Return the plain result of a small function without side effects; 32 equal results prove the fast one."""
        reference = plain()
        if self.unknown(case):
            try:
                identical, why = same(reference, fast()), "the results differ"
            except Exception as error:  # noqa: BLE001  whatever the fast calculation raises refutes it
                identical, why = False, f"{type(error).__name__}: {error}"
            self._samples[case] = self._samples.get(case, 0) + 1
            if not identical or self._samples[case] >= _SAMPLES:
                self.settle(case, identical, why)
        return reference

    def refuted(self) -> bool:
        """Return whether a difference has been seen in any case, in this process or one that shares its memory."""
        return any(self._verdicts[slot] == _REFUTED for slot in self._slots.values())

    @classmethod
    def forget(cls) -> None:
        """Make all cases of all wrappers unknown again."""
        cls._verdicts[:] = bytes(_SLOTS)


def _restore(arrays: list[Any], values: list[Any]) -> None:
    for array, value in zip(arrays, values, strict=True):
        array[...] = value


def kind(parameters: Any, histogram: Any) -> str:
    """Return a histogram's type in GSAS-II, such as "PXC"."""
    return str(parameters.get(f":{histogram['hId']}:Type"))


def module(name: str) -> Any:
    """Return a module of GSAS-II by its short name, from the package or from the older flat layout."""
    for full_name in (f"GSASII.{name}", name):
        if full_name in sys.modules:
            return sys.modules[full_name]
    try:
        return importlib.import_module(f"GSASII.{name}")
    except ModuleNotFoundError:
        return importlib.import_module(name)


def wanted(names: Iterable[str]) -> set[str]:
    """Return the wrappers chosen by the environment variable: all (default), none, or names with commas.

    "-name" removes one from all.
    """
    known = set(names)
    words = [word.strip() for word in os.environ.get(SWITCH, "all").split(",") if word.strip()]
    chosen = known if not words or words[0] == "all" or words[0].startswith("-") else set()
    for word in words:
        if word.startswith("-"):
            chosen = chosen - {word[1:]}
        elif word not in ("all", "none"):
            chosen = chosen | ({word} & known)
    return chosen


def unknown_names(names: Iterable[str]) -> list[str]:
    """Return the names in the environment variable that are not names of wrappers."""
    known = {"all", "none", *names}
    words = [word.strip() for word in os.environ.get(SWITCH, "all").split(",")]
    return [word for word in words if word and word.removeprefix("-") not in known]


def fingerprint(function: Callable[..., Any]) -> str:
    """Return twelve hexadecimal digits of a function's source without comment lines and white space.

    They do not depend on the version of Python. inspect.getsource would take a second for all functions.
    """
    code = function.__code__
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    if not lines:
        raise OSError(f"{code.co_filename} cannot be read")
    end = next((n for n, line in enumerate(lines) if n and _NEXT.match(line)), len(lines))
    kept = "".join("".join(line.split()) for line in lines[:end] if not line.lstrip().startswith("#"))
    return hashlib.sha256(kept.encode()).hexdigest()[:12]


def check(function_name: str, parameters: tuple[str, ...] | None, known: Iterable[str]) -> None:
    """Raise Unfit unless "Module.function" has these parameters and one of the known fingerprints.

    ``parameters`` None: the signature is not checked, as for functions that a wrapper relies on but does not replace.
    """
    owner, _, name = function_name.partition(".")
    function = getattr(module(owner), name, None)
    if function is None:
        raise Unfit(f"GSAS-II has no {function_name}")
    if parameters is not None and tuple(inspect.signature(function).parameters) != parameters:
        raise Unfit(f"{function_name} has other parameters")
    try:
        found = fingerprint(function)
    except (OSError, AttributeError) as error:
        raise Unfit(f"the source of {function_name} cannot be read") from error
    if found not in tuple(known):
        raise Unfit(f"{function_name} has changed (fingerprint {found})")


def same(first: Any, second: Any) -> bool:
    """Return whether two values are identical: arrays by type, shape, bytes and mask, containers item by item."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray)):
            return False
        if first.dtype != second.dtype or first.shape != second.shape:
            return False
        if not np.array_equal(np.ma.getmaskarray(first), np.ma.getmaskarray(second)):
            return False
        return np.ma.getdata(first).tobytes() == np.ma.getdata(second).tobytes()
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, float) and isinstance(second, float):
        return np.float64(first).tobytes() == np.float64(second).tobytes()
    return bool(first == second)
