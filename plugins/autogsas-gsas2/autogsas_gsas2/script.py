"""``best.py``: a plain GSASIIscriptable script, without autogsas, that repeats a refinement from the user's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autogsas.model.project import Project

from autogsas_gsas2.protocol import Saved

__all__ = ["Source", "script_text"]


@dataclass(frozen=True)
class Source:
    """Where a pattern or phase comes from: the user's ``file`` where GSAS-II reads it as the host does, else None.

    ``text`` is a pattern's .instprm, or a phase's CIF for where there is no file.
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
    """Return the script.

    ``done`` says what each refinement changed and did, ``gpx`` is the user's project or None, ``patterns`` and
    ``phases`` are by name.
    """
    keys = (done.histograms, done.phases)
    start = _from_gpx(gpx, keys) if gpx is not None else _from_data(project, patterns, phases)
    lines = [*start, ""]
    lines += [f"equate({[tuple(variables) for variables in done.equivalent]!r})"] if done.equivalent else []
    lines += [f"gpx.add_EqnConstr({total!r}, {variables!r})" for total, variables in done.sums]
    for variable, values in done.limited.items():
        for kind, value in zip(("parmMin", "parmMax"), values, strict=False):
            lines.append(f'gpx.set_Controls("{kind}", {value!r}, {variable!r})')
    for index, histogram in enumerate(project.histograms):
        regions = [list(region) for region in histogram.excluded]
        lines.append(f'histograms[{index}]["Limits"][1:] = {[list(histogram.limits), *regions]!r}')
    for step in done.record:
        lines += ["", *_step(step, keys)]
    helpers = _EXTRACT if any(step.get("extract") for step in done.record) else ""
    if done.equivalent or any("equivalent" in step for step in done.record):
        helpers += _EQUATE
    return _FRAME.format(version=version, limited=list(done.limited), helpers=helpers, body="\n".join(lines))


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


def _step(step: Mapping[str, Any], keys: tuple[Sequence[str], Sequence[str]]) -> list[str]:
    title = " ".join(str(step["title"]).split())
    lines = [f"step({title or 'a step'!r})"]
    lines += [f"{_place(path, keys)} = {value!r}" for path, value in step["changes"]]
    if "equivalent" in step:
        lines.append(f"equate({[tuple(variables) for variables in step['equivalent']]!r})")
    if step.get("extract"):
        pairs = (f"(phases[{keys[1].index(p)}], histograms[{keys[0].index(h)}])" for p, h in step["extract"])
        lines.append(f"extract([{', '.join(pairs)}])")
    for index, (cycles, tolerance) in enumerate(step["refinements"]):
        if index and cycles and step.get("between"):
            lines.append(f"share_out({step['between']})")
        lines.append(f"refine({int(cycles)}, {tolerance:g})")
    return lines


def _place(path: Sequence[Any], keys: tuple[Sequence[str], Sequence[str]]) -> str:
    """Return the Python for a place in the project: histograms and phases by their number in the script."""
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
"""Repeats the best refinement with GSAS-II alone; run it with the Python GSAS-II is installed for.

Written by autogsas for GSAS-II {version}. It starts from your own files, wherever they lay then or beside this script,
and leaves again.gpx beside it. What each refinement changed is written out; flags stay as they are until changed.
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
    """Return 2theta, intensities and weights of a pattern from the run's pattern.csv."""
    with open(HERE / "pattern.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["histogram"] == name]
    return [np.array([float(row[key]) for row in rows]) for key in ("two_theta", "observed", "weight")]


def from_run(name):
    """Write the points of a pattern that GSAS-II has no reader for."""
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
        raise SystemExit("GSAS-II's refinement failed; see what it printed")

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

_EQUATE = '''
equated = []


def equate(groups):
    """Make the variables of each group one, instead of those made so before."""
    constraints = gpx.data["Constraints"]["data"]["Phase"]
    constraints[:] = [one for one in constraints if names(one) not in equated]
    equated[:] = groups
    for variables in groups:
        gpx.add_EquivConstr(variables)


def names(constraint):
    return tuple(term[1].varname() for term in constraint[:-3]) if constraint[-1] == "e" else None

'''

_EXTRACT = '''
def intensities(phase, histogram):
    """Return the table of a phase's reflections, how many of its columns are indices, and intensities by indices."""
    found = histogram["Reflection Lists"].get(phase.name) or {}
    table, indices = found.get("RefList", np.zeros((0, 15))), 4 if found.get("Super") else 3
    return table, indices, {tuple(row[:indices]): float(row[indices + 6]) for row in table}


def extract(pairs):
    """Make the reflections of Le Bail phases anew for the present limits, and share the pattern out among them.

    GSAS-II itself keeps the old list, or draws the intensities of a new one at random.
    """
    known = [intensities(phase, histogram)[2] for phase, histogram in pairs]
    for phase, histogram in pairs:
        phase["Histograms"][histogram.name]["LeBail"] = False
    refine(0, 1e-3)
    for (phase, histogram), before in zip(pairs, known):
        phase["Histograms"][histogram.name]["LeBail"] = True
        table, indices, _ = intensities(phase, histogram)
        usual = sum(before.values()) / len(before) if before else 1.0
        table[:, indices + 6] = [before.get(tuple(row[:indices]), usual) for row in table]
    share_out(20)


def share_out(times):
    """Share the pattern out among the reflections again and again, with all parameters as they are."""
    gpx.save()
    G2sc.G2stIO.gpxSize = -1
    G2sc.G2strMain.DoLeBail(gpx.filename, cycles=times)
    gpx.reload()

'''
