"""When a wrapper may act: its switch, the shape of the function it wraps, and a comparison on first use."""

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
_SAMPLES = 32
_NEXT = re.compile(r"(?:async |def |class |@|[A-Za-z_]\w* *=)")


class Unfit(Exception):
    """A GSAS-II whose insides are not those a wrapper was written for."""


class Guard:
    """One wrapper's right to act, case by case.

    A case is a word for the kind of call ("PXC", say). It starts unknown, is proven or refuted by comparing the
    wrapped call with the plain one, and is refuted for good by any difference. The verdicts live in memory shared
    with forks, so that one process compares and its forks, earlier or later, know.
    """

    _verdicts = mmap.mmap(-1, _SLOTS)

    def __init__(self, name: str, log: Callable[[str], None]) -> None:
        self.name = name
        self._log = log
        self._places: dict[str, int] = {}
        self._told = False
        self._samples: dict[str, int] = {}

    def _place(self, case: str) -> int:
        place = self._places.get(case)
        if place is None:
            place = self._places[case] = zlib.crc32(f"{self.name}\n{case}".encode()) % _SLOTS
        return place

    def proven(self, case: str) -> bool:
        """True once the wrapped call has been seen to give the plain call's answer."""
        return self._verdicts[self._place(case)] == _PROVEN

    def unknown(self, case: str) -> bool:
        """True until a comparison has been made."""
        return self._verdicts[self._place(case)] == _UNKNOWN

    def settle(self, case: str, identical: bool, why: str = "the answers differ") -> bool:
        """Record a comparison and return it; the first difference is told to the log."""
        if identical:
            if self.unknown(case):
                self._verdicts[self._place(case)] = _PROVEN
            return self.proven(case)
        self._verdicts[self._place(case)] = _REFUTED
        if not self._told:
            self._told = True
            self._log(f"wrapper {self.name} turned itself off for {case}: {why}")
        return False

    def first_use(
        self,
        case: str,
        plain: Callable[[], Any],
        short: Callable[[], Any],
        state: Callable[[], list[Any]] = list,
    ) -> Any:
        """Answer a call by the short way where it is proven, by the plain way where refuted, else by both.

        state lists the arrays the call changes; they are compared too, and put back between the two ways. What the
        plain way raises is passed on without a verdict.
        """
        verdict = self._verdicts[self._place(case)]
        if verdict == _PROVEN:
            return short()
        if verdict == _REFUTED:
            return plain()
        before = [array.copy() for array in state()]
        reference = plain()
        after = [array.copy() for array in state()]
        _put_back(state(), before)
        try:
            identical, why = same([reference, after], [short(), state()]), "the answers differ"
        except Exception as error:  # noqa: BLE001 - a short way that raises, whatever it raises, is only refuted
            identical, why = False, f"{type(error).__name__}: {error}"
        self.settle(case, identical, why)
        _put_back(state(), after)
        return reference

    def sample(self, case: str, plain: Callable[[], Any], short: Callable[[], Any]) -> Any:
        """Answer a call to a small function that changes nothing; a number of like calls prove the short way."""
        reference = plain()
        if self.unknown(case):
            try:
                identical, why = same(reference, short()), "the answers differ"
            except Exception as error:  # noqa: BLE001 - a short way that raises, whatever it raises, is only refuted
                identical, why = False, f"{type(error).__name__}: {error}"
            self._samples[case] = self._samples.get(case, 0) + 1
            if not identical or self._samples[case] >= _SAMPLES:
                self.settle(case, identical, why)
        return reference

    def refuted(self) -> bool:
        """True if any case has been seen to differ in this process or a related one."""
        return any(self._verdicts[place] == _REFUTED for place in self._places.values())

    @classmethod
    def forget(cls) -> None:
        """Return every case of every wrapper to unknown."""
        cls._verdicts[:] = bytes(_SLOTS)


def _put_back(arrays: list[Any], values: list[Any]) -> None:
    for array, value in zip(arrays, values, strict=True):
        array[...] = value


def kind(parameters: Any, histogram: Any) -> str:
    """A histogram's type in GSAS-II's letters, such as PXC."""
    return str(parameters.get(f":{histogram['hId']}:Type"))


def module(name: str) -> Any:
    """A module of GSAS-II by its short name: the one already imported, from the package or the older flat layout."""
    for place in (f"GSASII.{name}", name):
        if place in sys.modules:
            return sys.modules[place]
    try:
        return importlib.import_module(f"GSASII.{name}")
    except ModuleNotFoundError:
        return importlib.import_module(name)


def wanted(names: Iterable[str]) -> set[str]:
    """Read the switch: all (the default), none, or a comma list of names; -name takes one away from all."""
    known = set(names)
    words = [word.strip() for word in os.environ.get(SWITCH, "all").split(",") if word.strip()]
    chosen = known if not words or words[0] == "all" or words[0].startswith("-") else set()
    for word in words:
        if word.startswith("-"):
            chosen = chosen - {word[1:]}
        elif word not in ("all", "none"):
            chosen = chosen | ({word} & known)
    return chosen


def unknown_words(names: Iterable[str]) -> list[str]:
    """The words of the switch that name no wrapper."""
    known = {"all", "none", *names}
    words = [word.strip() for word in os.environ.get(SWITCH, "all").split(",")]
    return [word for word in words if word and word.removeprefix("-") not in known]


def fingerprint(function: Callable[..., Any]) -> str:
    """Twelve hexadecimal digits of a module's function: its source without lines of comment and without white space.

    The same text gives the same digits under every version of Python; inspect.getsource would take a second for all.
    """
    code = function.__code__
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    if not lines:
        raise OSError(f"{code.co_filename} cannot be read")
    end = next((n for n, line in enumerate(lines) if n and _NEXT.match(line)), len(lines))
    kept = "".join("".join(line.split()) for line in lines[:end] if not line.lstrip().startswith("#"))
    return hashlib.sha256(kept.encode()).hexdigest()[:12]


def check(place: str, parameters: tuple[str, ...] | None, known: Iterable[str]) -> None:
    """Raise Unfit unless "Module.function" has these parameters and one of the known fingerprints.

    parameters None leaves the signature unchecked, as for functions a wrapper only relies on.
    """
    owner, _, name = place.partition(".")
    function = getattr(module(owner), name, None)
    if function is None:
        raise Unfit(f"{place} is not there")
    if parameters is not None and tuple(inspect.signature(function).parameters) != parameters:
        raise Unfit(f"{place} takes other parameters")
    try:
        found = fingerprint(function)
    except (OSError, AttributeError) as error:
        raise Unfit(f"the source of {place} cannot be read") from error
    if found not in tuple(known):
        raise Unfit(f"{place} has changed (fingerprint {found})")


def same(first: Any, second: Any) -> bool:
    """True if two values are equal to the last bit: arrays by type, shape, bytes and mask; containers item by item."""
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
