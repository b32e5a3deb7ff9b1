"""The oracles' JSON as the project's plain data."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.sample import BackgroundPeak, Broadening, Orientation, Specimen
from autogsas.model.structure import Cell, Phase, Site

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Entry = dict[str, Any]

HERE = Path(__file__).parent


@cache
def entries(kind: str) -> dict[str, Entry]:
    """Return the entries of ``kind``.json by their names."""
    made = json.loads((HERE / f"{kind}.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in made["entries"]}


def to_phase(what: Entry, **more: Any) -> Phase:
    """Return a phase, with what ``more`` says of it."""
    sites = []
    for label, element, x, y, z, occupancy, u in what["sites"]:
        tensor = tuple(u) if isinstance(u, list) else None
        sites.append(Site(label, element, (x, y, z), occupancy, 0.01 if tensor else u, tensor))
    return Phase(what["name"], what["space_group"], Cell(*what["cell"]), tuple(sites), **more)


def to_specimen(item: Entry) -> Specimen:
    """Return what the specimen of one phase of a pattern does."""
    found: dict[str, Any] = {}
    for key in ("size", "strain"):
        if key in item:
            found[key] = Broadening(**{k: tuple(v) if isinstance(v, list) else v for k, v in item[key].items()})
    if "orientation" in item:
        found["orientation"] = Orientation(tuple(item["orientation"]["axis"]), item["orientation"]["ratio"])
    return Specimen(**found)


def to_instrument(tool: Entry) -> Instrument:
    """Return an instrument."""
    return Instrument(**{k: tuple(v) if k == "wavelengths" else v for k, v in tool.items()})


def to_project(asked: Entry) -> Project:
    """Return a project of one flat histogram named "data" with everything that a pattern was asked for.

    Scales and corrections, which are no plain data, are left out.
    """
    x = asked["start"] + asked["step"] * np.arange(asked["count"])
    flat = np.full_like(x, 100.0)
    histogram = Histogram(
        "data",
        Pattern("data", x, flat, counting_weights(flat), "counting statistics"),
        to_instrument(asked["instrument"]),
        (float(x[0]), float(x[-1])),
        excluded=tuple((low, high) for low, high in asked["excluded"]),
        absorption=asked["absorption"],
        background_peaks=tuple(BackgroundPeak(*peak) for peak in asked["background_peaks"]),
    )
    phases = tuple(to_phase(item["phase"], specimen=to_specimen(item)) for item in asked["parts"])
    return Project("oracle", (histogram,), phases, Search())


def flat_project(phase: Phase, instrument: Instrument, limits: tuple[float, float]) -> Project:
    """Return a project of one flat histogram named "data" that covers the limits."""
    x = np.linspace(*limits, 2001)
    flat = np.full_like(x, 100.0)
    pattern = Pattern("data", x, flat, counting_weights(flat), "counting statistics")
    return Project("oracle", (Histogram("data", pattern, instrument, limits),), (phase,), Search())
