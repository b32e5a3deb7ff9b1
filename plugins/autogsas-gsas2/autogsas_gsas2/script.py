"""``best.py``: a GSASIIscriptable script that repeats a refinement from the user's files without autogsas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autogsas.model.project import Project

from autogsas_gsas2.protocol import RefinementRecord, Saved

__all__ = ["Source", "script_text"]


@dataclass(frozen=True)
class Source:
    """The source of a pattern or phase.

    ``file`` is the user's, or None if GSAS-II does not read the same from it as the host. ``text`` is a pattern's
    .instprm, or the CIF of a phase, which is used without a file.
    """

    file: str | None
    text: str


def script_text(
    project: Project,
    done: Saved,
    gpx: str | None,
    patterns: Mapping[str, Source],
    phases: Mapping[str, Source],
    version: str,
) -> str:
    """Return the text of the script.

    ``done`` has the changes and refinements of each step, ``gpx`` is the user's project or None, ``patterns`` and
    ``phases`` are by name.
    """
    keys = (done.histograms, done.phases)
    start = _from_gpx(gpx, keys) if gpx is not None else _from_data(project, patterns, phases)
    lines = [*start, ""]
    lines += [_equivalences(done.equivalences)] if done.equivalences else []
    lines += [f"gpx.add_EqnConstr({one.total!r}, {one.variables!r})" for one in done.sums]
    for variable, limits in done.limits.items():
        lines.append(f'gpx.set_Controls("parmMin", {limits.least!r}, {variable!r})')
        if limits.greatest is not None:
            lines.append(f'gpx.set_Controls("parmMax", {limits.greatest!r}, {variable!r})')
    for index, histogram in enumerate(project.histograms):
        regions = [list(region) for region in histogram.excluded]
        lines.append(f'histograms[{index}]["Limits"][1:] = {[list(histogram.limits), *regions]!r}')
    for step in done.record:
        lines += ["", *_step(step, keys)]
    helpers = _EXTRACT if any(step.extracted for step in done.record) else ""
    if done.equivalences or any(step.equivalences is not None for step in done.record):
        helpers += _EQUIVALENCES
    return _FRAME.format(version=version, limited=list(done.limits), helpers=helpers, body="\n".join(lines))


def _equivalences(groups: Sequence[Sequence[str]]) -> str:
    return f"set_equivalences({[tuple(variables) for variables in groups]!r})"


def _from_gpx(gpx: str, keys: tuple[Sequence[str], Sequence[str]]) -> list[str]:
    return [
        f'gpx = G2sc.G2Project(gpxfile=find({gpx!r}), newgpx=str(HERE / "again.gpx"))',
        f"histograms = [gpx.histogram(name) for name in {list(keys[0])!r}]",
        f"phases = [gpx.phase(name) for name in {list(keys[1])!r}]",
    ]


def _from_data(project: Project, patterns: Mapping[str, Source], phases: Mapping[str, Source]) -> list[str]:
    lines = ['gpx = G2sc.G2Project(newgpx=str(HERE / "again.gpx"))', "histograms = []", "phases = []"]
    for number, histogram in enumerate(project.histograms):
        source = patterns[histogram.name]
        name = f"again{number}.instprm"
        about = f"# {histogram.name}: " + (", ".join(file.name for file in histogram.files) or "a pattern")
        lines += ["", about, f'(HERE / "{name}").write_text({_block(source.text)})']
        data = f"find({source.file!r})" if source.file is not None else f"from_run({histogram.name!r})"
        lines.append(f'histograms.append(gpx.add_powder_histogram({data}, str(HERE / "{name}")))')
        if source.file is None:
            lines.append(f'histograms[-1]["data"][1][:3] = points({histogram.name!r})')
        lines.append(f'histograms[-1]["Sample Parameters"]["Gonio. radius"] = {float(histogram.instrument.radius)!r}')
    for number, phase in enumerate(project.phases):
        source = phases[phase.name]
        lines += [""]
        if source.file is not None:
            file = f"find({source.file!r})"
        else:
            lines.append(f'(HERE / "again{number}.cif").write_text({_block(source.text)})')
            file = f'str(HERE / "again{number}.cif")'
        lines.append(f'phases.append(gpx.add_phase({file}, {phase.name!r}, gpx.histograms(), fmthint="CIF"))')
    return lines


def _block(text: str) -> str:
    if "\\" in text or '"""' in text:
        return repr(text)
    return f'"""{text}"""'


def _step(step: RefinementRecord, keys: tuple[Sequence[str], Sequence[str]]) -> list[str]:
    title = " ".join(step.title.split())
    lines = [f"step({title or 'a step'!r})"]
    lines += [f"{_target(change.path, keys)} = {change.value!r}" for change in step.changes]
    if step.equivalences is not None:
        lines.append(_equivalences(step.equivalences))
    if step.extracted:
        pairs = (
            f"(phases[{keys[1].index(one.phase)}], histograms[{keys[0].index(one.histogram)}])"
            for one in step.extracted
        )
        lines.append(f"extract([{', '.join(pairs)}])")
    for index, one in enumerate(step.refinements):
        if index and one.cycles and step.extractions_between:
            lines.append(f"extract_intensities({step.extractions_between})")
        lines.append(f"refine({one.cycles}, {one.tolerance:g})")
    return lines


def _target(path: Sequence[Any], keys: tuple[Sequence[str], Sequence[str]]) -> str:
    """Return the Python expression for a path in the project: histograms and phases by their index in the script."""
    histograms, phases = list(keys[0]), list(keys[1])
    if path[0] != "Phases":
        return f"histograms[{histograms.index(path[0])}]" + _items(path[1:])
    text = f"phases[{phases.index(path[1])}]"
    if path[2] != "Histograms":
        return text + _items(path[2:])
    return f'{text}["Histograms"][histograms[{histograms.index(path[3])}].name]' + _items(path[4:])


def _items(path: Sequence[Any]) -> str:
    return "".join(f'["{key}"]' if isinstance(key, str) else f"[{key}]" for key in path)


_FRAME = '''\
"""Repeats the best refinement with GSAS-II alone. Run it with the Python of your GSAS-II.

Written by autogsas for GSAS-II {version}. It starts from your own files, at the path they had or in the folder of this
script, and writes again.gpx into that folder. Each step shows what it changes; flags stay until they are changed.
"""

import csv
from pathlib import Path

import numpy as np

try:
    from GSASII import GSASIIscriptable as G2sc
except ImportError:
    import GSASIIscriptable as G2sc

HERE = Path(__file__).resolve().parent


def find(path):
    path = Path(path)
    return str(path if path.exists() else HERE / path.name)


def points(name):
    """Return 2theta, intensities and weights of a pattern from pattern.csv of the run."""
    with open(HERE / "pattern.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["histogram"] == name]
    return [np.array([float(row[key]) for row in rows]) for key in ("two_theta", "observed", "weight")]


def from_run(name):
    """Write a pattern, for which GSAS-II has no reader, into a file and return its path."""
    target = HERE / "again.xye"
    x, y, w = points(name)
    np.savetxt(target, np.column_stack([x, y, np.ones_like(y)]), fmt="%.8g")
    return str(target)


def step(title):
    print(title)
    frozen = gpx.data["Controls"]["data"].setdefault("parmFrozen", {{}})
    frozen["FrozenList"] = [name for name in frozen.get("FrozenList", []) if str(name) not in {limited!r}]


def refine(cycles, tolerance):
    controls = gpx.data["Controls"]["data"]
    controls["deriv type"], controls["max cyc"], controls["min dM/M"] = "analytic Hessian", cycles, tolerance
    for histogram in histograms:
        histogram["data"][0].pop("wR", None)
    gpx.refine()
    if any(histogram.get_wR() is None for histogram in histograms):
        raise SystemExit("GSAS-II's refinement failed; see its output above")

{helpers}
def rwp():
    squares = total = 0.0
    for histogram in histograms:
        x, y, w, calculated = (np.ma.getdata(a) for a in histogram["data"][1][:4])
        low, high = histogram["Limits"][1]
        counted = (x >= low) & (x <= high)
        for first, last in histogram["Limits"][2:]:
            counted &= (x < first) | (x > last)
        squares += np.sum((w * (y - calculated) ** 2)[counted])
        total += np.sum((w * y**2)[counted])
    return 100.0 * np.sqrt(squares / total)


{body}

gpx.save()
print(f"Rwp {{rwp():.4f}} %")
'''

_EQUIVALENCES = '''
equivalences = []


def set_equivalences(groups):
    """Make the variables of each group equal; these equivalences replace those of earlier calls."""
    constraints = gpx.data["Constraints"]["data"]["Phase"]
    constraints[:] = [one for one in constraints if names(one) not in equivalences]
    equivalences[:] = groups
    for variables in groups:
        gpx.add_EquivConstr(variables)


def names(constraint):
    return tuple(term[1].varname() for term in constraint[:-3]) if constraint[-1] == "e" else None

'''

_EXTRACT = '''
def intensities(phase, histogram):
    """Return a phase's reflection table, the number of its columns that are indices, and intensities by indices."""
    found = histogram["Reflection Lists"].get(phase.name) or {}
    table, indices = found.get("RefList", np.zeros((0, 15))), 4 if found.get("Super") else 3
    return table, indices, {tuple(row[:indices]): float(row[indices + 6]) for row in table}


def extract(pairs):
    """Make reflection lists of Le Bail phases for the present limits and extract intensities.

    GSAS-II itself keeps the old list, or makes a new one with random intensities.
    """
    known = [intensities(phase, histogram)[2] for phase, histogram in pairs]
    for phase, histogram in pairs:
        phase["Histograms"][histogram.name]["LeBail"] = False
    refine(0, 1e-3)
    for (phase, histogram), before in zip(pairs, known):
        phase["Histograms"][histogram.name]["LeBail"] = True
        table, indices, _ = intensities(phase, histogram)
        mean = sum(before.values()) / len(before) if before else 1.0
        table[:, indices + 6] = [before.get(tuple(row[:indices]), mean) for row in table]
    extract_intensities(20)


def extract_intensities(cycles):
    """Extract intensities in a number of cycles with all parameters fixed."""
    gpx.save()
    G2sc.G2stIO.gpxSize = -1
    G2sc.G2strMain.DoLeBail(gpx.filename, cycles=cycles)
    gpx.reload()

'''
