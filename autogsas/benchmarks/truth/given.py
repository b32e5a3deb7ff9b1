"""What a user would bring of a sample: the measured patterns, instruments and structures that are a little off."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import gemmi
import numpy as np

from autogsas.benchmarks.truth.samples import INSTRUMENTS, Beam, Part, Sample
from autogsas.benchmarks.truth.structures import PHASES
from autogsas.crystal.phases import PhaseState
from autogsas.errors import UserError
from autogsas.model.instrument import Instrument
from autogsas.model.pattern import Pattern, counting_weights
from autogsas.model.project import Histogram, Project, Search
from autogsas.model.sample import OccupancySum
from autogsas.model.structure import Cell, Phase, Site

__all__ = ["given_project", "space_group"]

_U_ISO = 0.006  # what is given for every site, in Angstrom^2
_ORIGIN_2 = {"F d -3 m": "F d -3 m:2", "I 41/a m d": "I 41/a m d:2"}
_HEXAGONAL = {"R -3 c": "R -3 c:H", "R -3 m": "R -3 m:H"}


def given_project(sample: Sample, search: Search) -> Project:
    """Return the project of a sample as a user would give it. Raises UserError where it has no stored pattern."""
    patterns = _patterns().get(sample.name)
    if patterns is None:
        raise UserError("no pattern of this sample is stored; simulate_truth.py makes them", found=sample.name)
    histograms = tuple(
        _histogram(f"pattern{n + 1}", beam, stored)
        for n, (beam, stored) in enumerate(zip(sample.beams, patterns, strict=True))
    )
    phases = tuple(_phase(sample, n, part) for n, part in enumerate(sample.parts) if part.known)
    return Project(sample.name, histograms, phases, search)


def space_group(symbol: str) -> str:
    """Return a Hermann-Mauguin symbol with the setting that the structures are given in."""
    found = gemmi.find_spacegroup_by_name(_ORIGIN_2.get(symbol, _HEXAGONAL.get(symbol, symbol)))
    return str(found.xhm())


@cache
def _patterns() -> dict[str, list[dict[str, Any]]]:
    raw = resources.files(__package__).joinpath("patterns.json.gz").read_bytes()
    found: dict[str, list[dict[str, Any]]] = json.loads(gzip.decompress(raw))
    return found


def _histogram(name: str, beam: Beam, stored: dict[str, Any]) -> Histogram:
    y = np.array(stored["counts"], dtype=float)
    x = np.linspace(stored["x0"], stored["x1"], y.size)
    known = INSTRUMENTS[beam.instrument] | beam.widths
    instrument = Instrument(
        radiation="xray" if known["type"] == "PXC" else "neutron",
        wavelengths=beam.wavelength or known["wavelengths"],
        ratio=known["ratio"],
        polarization=known["polarization"],
        SH_L=known["SH/L"],
        geometry=known["geometry"],
        **{key: known[key] for key in ("U", "V", "W", "X", "Y", "Z")},
    )
    pattern = Pattern(name, x, y, counting_weights(y), "counting statistics")
    return Histogram(name, pattern, instrument, (float(x[0]), float(x[-1])))


def _phase(sample: Sample, n: int, part: Part) -> Phase:
    """Return a phase with its cell and its atoms off by what the sample says, within its symmetry."""
    random = np.random.default_rng(zlib.crc32(f"{sample.name} given {n}".encode()))
    group, cell, rows = PHASES[sample.believed or part.structure]
    if sample.believed:
        cell = PHASES[part.structure][1]
    group = space_group(part.group or group)
    sites = []
    for label, element, x, y, z, occupancy, _ in (*rows, *part.extra):
        said = {"x": x, "y": y, "z": z, "occupancy": occupancy, "uiso": _U_ISO} | part.given.get(label, {})
        sites.append(Site(label, element, (said["x"], said["y"], said["z"]), said["occupancy"], said["uiso"]))
    found = Phase(part.structure, group, _moved(cell, group, sample.cell, random), tuple(sites))
    placed = _shaken(found, sample.atoms, random)
    together: dict[tuple[float, ...], list[str]] = {}
    for site in sites:
        together.setdefault(site.xyz, []).append(site.label)
    sums = tuple(OccupancySum(tuple(labels)) for labels in together.values() if len(labels) > 1)
    return replace(found, sites=placed, occupancy_sums=sums)


def _moved(cell: Sequence[float], group: str, by: float, random: np.random.Generator) -> Cell:
    """Return the cell with its lengths off by the fraction ``by``, up or down, as the crystal system allows."""
    system = gemmi.find_spacegroup_by_name(group).crystal_system_str()
    factors = 1.0 + by * random.choice([-1.0, 1.0], 3)
    if system in ("cubic", "tetragonal", "hexagonal", "trigonal"):
        factors[1] = factors[0]
    if system == "cubic":
        factors[2] = factors[0]
    a, b, c, alpha, beta, gamma = cell
    return Cell(a * factors[0], b * factors[1], c * factors[2], alpha, beta, gamma)


def _shaken(phase: Phase, by: float, random: np.random.Generator) -> tuple[Site, ...]:
    """Return the sites moved by ``by`` Angstrom within their symmetry; what shares a place moves together."""
    state = PhaseState.of(phase)
    lengths = np.array(phase.cell.values()[:3])
    moved: dict[tuple[float, ...], tuple[float, float, float]] = {}
    out = []
    for site, symmetric in zip(phase.sites, state.sites, strict=True):
        basis = symmetric.position_basis
        xyz = np.array(symmetric.xyz)
        if basis.shape[1]:
            shift = basis @ random.normal(size=basis.shape[1])
            xyz = xyz + shift * by / max(float(np.linalg.norm(shift * lengths)), 1e-9)
        place = moved.setdefault(site.xyz, (float(xyz[0]), float(xyz[1]), float(xyz[2])))
        out.append(replace(site, xyz=place))
    return tuple(out)
