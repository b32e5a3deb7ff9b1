"""Reading a run folder: its summary, curves, reflections and the messages of its trials."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from autogsas.errors import UserError
from autogsas.runfolder.summary import HistoryPart, Summary

__all__ = ["Attempt", "ByHand", "Marks", "Profile", "RunData", "read_run", "read_summary"]

Array = npt.NDArray[np.float64]

SCHEMA = 1
_PATTERN = ("histogram", "two_theta", "observed", "calculated", "background", "weight")
_REFLECTIONS = ("histogram", "phase", "h", "k", "l", "d", "two_theta")


@dataclass(frozen=True)
class Profile:
    """The curves of one histogram of the best trial; arrays of shape (n,), 2theta in degrees, NaN if missing.

    ``weight`` is 1/sigma^2, and zero for points that do not count.
    """

    histogram: str
    two_theta: Array
    observed: Array
    calculated: Array
    background: Array
    weight: Array

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """Which points count, shape (n,)."""
        return np.asarray((self.weight > 0) & np.isfinite(self.observed) & np.isfinite(self.calculated))

    @property
    def difference(self) -> Array:
        """Observed minus calculated, shape (n,); NaN at points that do not count."""
        return np.where(self.counted, self.observed - self.calculated, np.nan)

    @property
    def deviation(self) -> Array:
        """The difference over its standard uncertainty, shape (n,); NaN at points that do not count."""
        return np.asarray(self.difference * np.sqrt(np.where(self.counted, self.weight, np.nan)))

    def uncounted(self, excluded: Sequence[tuple[float, float]] = ()) -> list[tuple[float, float]]:
        """Return the 2theta regions that do not count: the excluded ones and ranges of points without weight.

        Regions are in degrees, ordered, disjoint and within the range of the pattern; a range of points without weight
        ends half way to the next point.
        """
        x = self.two_theta
        if not x.size:
            return []
        half = np.diff(x) / 2 if x.size > 1 else np.array([0.0])
        regions = [(max(low, float(x[0])), min(high, float(x[-1]))) for low, high in excluded]
        edges = np.flatnonzero(np.diff(np.concatenate(([0], (~self.counted).astype(np.int8), [0]))))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            low = x[start] - (half[start - 1] if start else 0.0)
            high = x[stop - 1] + (half[stop - 1] if stop < x.size else 0.0)
            regions.append((float(low), float(high)))
        merged: list[tuple[float, float]] = []
        for low, high in sorted(region for region in regions if region[0] < region[1]):
            if merged and low <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged


@dataclass(frozen=True)
class Marks:
    """Reflections of one phase in one histogram; ``hkl`` (n, 3); ``d`` in Angstrom and 2theta in degrees, (n,)."""

    histogram: str
    phase: str
    hkl: npt.NDArray[np.int64]
    d: Array
    two_theta: Array


@dataclass(frozen=True)
class Attempt:
    """One trial of the history; R factors in per cent, None if there is none."""

    number: int
    state: str
    origin: str
    rwp: float | None
    best_so_far: float | None
    n_variables: int | None
    seconds: float | None

    @property
    def seeded(self) -> bool:
        """Whether the trial was a seed, not proposed by the sampler."""
        return self.origin != "search"


@dataclass(frozen=True)
class ByHand:
    """A refinement made by hand, to compare the search with; ``rwp`` in per cent."""

    name: str
    trial: int | None
    rwp: float


@dataclass(frozen=True)
class RunData:
    """The contents of a run folder, as far as a report or a comparison needs them.

    ``messages`` gives the most common message of the trials that were not usable, by cause.
    """

    folder: Path
    summary: Summary
    profiles: tuple[Profile, ...]
    marks: tuple[Marks, ...]
    history: tuple[Attempt, ...]
    messages: dict[str, str]
    by_hand: tuple[ByHand, ...] = ()


def read_run(folder: Path) -> RunData:
    """Read a run folder: summary.json, and pattern.csv, reflections.csv and trials.csv where they exist.

    Raises UserError if it is not a run folder, or if its files have another version or are damaged.
    """
    summary = read_summary(folder)
    return RunData(
        folder=folder,
        summary=summary,
        profiles=_profiles(folder / "pattern.csv"),
        marks=_marks(folder / "reflections.csv"),
        history=tuple(_attempt(item) for item in summary.history),
        messages=_messages(folder / "trials.csv"),
        by_hand=tuple(ByHand(item.name, item.trial, item.rwp) for item in summary.by_hand if item.rwp is not None),
    )


def read_summary(folder: Path) -> Summary:
    """Read summary.json of a run folder; keys that only a later version knows are ignored.

    Raises UserError if it is missing, has another schema or is damaged.
    """
    file = folder / "summary.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("not a run folder: it has no summary.json", file=folder) from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot be read: {error}", file=file) from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise UserError("written by an incompatible version", file=file, key="schema", found=found, allowed=str(SCHEMA))
    try:
        return Summary.model_validate(data)
    except ValidationError as error:
        for wrong in error.errors(include_url=False):
            if wrong["type"] != "extra_forbidden":
                key = ".".join(map(str, wrong["loc"]))
                raise UserError(f"is damaged: {wrong['msg']}", file=file, key=key) from error
            _remove(data, wrong["loc"])
        return Summary.model_validate(data)


def _remove(data: Any, location: Sequence[int | str]) -> None:
    *above, last = location
    for key in above:
        data = data[key]
    del data[last]


def _attempt(item: HistoryPart) -> Attempt:
    return Attempt(
        number=item.number,
        state=item.state,
        origin=item.origin or "search",
        rwp=item.rwp,
        best_so_far=item.best_so_far,
        n_variables=item.n_variables,
        seconds=item.seconds,
    )


def _messages(file: Path) -> dict[str, str]:
    counted: dict[str, Counter[str]] = {}
    for (cause, message), rows in _grouped(file, ("cause", "message"), ("cause", "message")).items():
        if cause and message:
            counted.setdefault(cause, Counter())[message] += len(rows)
    return {cause: messages.most_common(1)[0][0] for cause, messages in counted.items()}


def _profiles(file: Path) -> tuple[Profile, ...]:
    return tuple(
        Profile(name, *(_numbers(file, rows, column, gaps=column != "two_theta") for column in _PATTERN[1:]))
        for (name,), rows in _grouped(file, _PATTERN, ("histogram",)).items()
    )


def _marks(file: Path) -> tuple[Marks, ...]:
    return tuple(
        Marks(
            histogram,
            phase,
            np.column_stack([_numbers(file, rows, index) for index in "hkl"]).astype(np.int64),
            _numbers(file, rows, "d"),
            _numbers(file, rows, "two_theta"),
        )
        for (histogram, phase), rows in _grouped(file, _REFLECTIONS, ("histogram", "phase")).items()
    )


def _grouped(file: Path, columns: Sequence[str], keys: Sequence[str]) -> dict[tuple[str, ...], list[dict[str, str]]]:
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    if not file.is_file():
        return groups
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        absent = [name for name in columns if name not in (reader.fieldnames or ())]
        if absent:
            raise UserError(f"is damaged: no column {absent[0]!r}", file=file)
        for row in reader:
            groups.setdefault(tuple(_name(row[key] or "") for key in keys), []).append(row)
    return groups


def _name(text: str) -> str:
    # The apostrophe keeps spreadsheets from reading a name as a formula.
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "\t", "\r") else text


def _numbers(file: Path, rows: Sequence[dict[str, str]], column: str, *, gaps: bool = False) -> Array:
    """Return a column; an empty cell is NaN if ``gaps`` are allowed. Raises UserError for other texts."""
    try:
        return np.array([np.nan if gaps and row[column] == "" else float(row[column]) for row in rows])
    except (TypeError, ValueError):
        raise UserError("is damaged: not a number in this column", file=file, key=column) from None
