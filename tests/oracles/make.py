"""Ask GSAS-II for the numbers of this folder; run by GSAS-II's own Python: ``python make.py [KIND ...]``.

KIND is lines, reflections, laue, strain, backgrounds or patterns (default: all); ``--only TEXT`` makes those with TEXT
in their names, ``--out FOLDER`` says where the JSON files go (default: here).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cases
from writing import compact

Case = dict[str, Any]

HERE = Path(__file__).resolve().parent
CALLS = {
    "lines": "GSASII.GSASIIpwd.getFCJVoigt3(pos, sig, gam, shl, pos + offset)[0], per centidegree",
    "reflections": "GSASII.GSASIIscriptable: add_powder_histogram, add_phase, 'max cyc' 0, refine, "
    "histogram.reflections()[phase]['RefList'] columns h k l mult d 2theta Fc^2",
    "laue": "GSASII.GSASIIlattice.GenHLaue(1.2, SpcGroup(symbol)[1], cell2A(cell)) less those absent by GenHKLf",
    "strain": "GSASII.GSASIIspc.MustrainNames(SpcGroup(symbol)[1]) and MustrainCoeff(hkl, SpcGroup(symbol)[1])",
    "backgrounds": "GSASII.GSASIIscriptable: histogram.data['Background'] set, 'max cyc' 0, refine, "
    "histogram.getdata('Background')",
    "patterns": "GSASII.GSASIIscriptable: all parameters set, 'max cyc' 0, refine, histogram.getdata('Ycalc') and "
    "histogram.getdata('Background')",
}
REFLECTIONS = 60
TENSOR = ("11", "22", "33", "12", "13", "23")
EVERY = 20  # every which point of a background is kept


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=HERE)
    said = parser.parse_args()
    if unknown := set(said.kinds) - set(CALLS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(CALLS)}")
    makers = {
        "lines": lines,
        "reflections": reflections,
        "laue": laue,
        "strain": strain,
        "backgrounds": backgrounds,
        "patterns": patterns,
    }
    for kind in said.kinds or list(CALLS):
        with silence():
            made = {"call": CALLS[kind], "gsas2": version(), "entries": makers[kind](said.only)}
        (said.out / f"{kind}.json").write_text(compact(made), encoding="utf-8")


def version() -> dict[str, str]:
    """Return which GSAS-II this is: package, tag, build, commit, and the day its version file was written."""
    from GSASII import git_verinfo

    made = next(line for line in Path(git_verinfo.__file__).read_text().splitlines() if line.startswith("# Created"))
    return {
        "package": importlib.metadata.version("GSAS-II"),
        "tag": str(git_verinfo.git_versiontag),
        "build": str(git_verinfo.git_tags[0]),
        "commit": str(git_verinfo.git_version),
        "date": made.split()[2],
    }


def lines(only: str) -> list[Case]:
    """Return single lines on points that lie close in the core and thin out to forty widths."""
    from GSASII import GSASIIpwd

    out = []
    for sig, gam, shl in cases.LINES:
        name = f"sig {sig:g} gam {gam:g} SH/L {shl:g}"
        if only not in name:
            continue
        entry: Case = {"name": name, "sig": sig, "gam": gam, "shl": shl, "lines": []}
        for position in cases.ANGLES:
            offset = offsets(position, sig, gam, shl)
            values = GSASIIpwd.getFCJVoigt3(float(position), sig, gam, shl, position + offset)[0]
            entry["lines"].append({"position": position, "offset": digits(offset), "value": digits(values)})
        out.append(entry)
    return out


def offsets(position: float, sig: float, gam: float, shl: float) -> Any:
    """Return where a line is asked for, in degrees from its position, ascending."""
    width = (2.3548 * math.sqrt(sig) + gam) / 100.0
    edge = math.cos(math.radians(position)) * math.sqrt(1.0 + shl * shl)
    tail = math.degrees(math.acos(max(-1.0, min(1.0, edge)))) - position
    core = np.linspace(-2.0, 2.0, 17) * width
    side = np.linspace(min(tail, 0.0) - 2.0 * width, max(tail, 0.0) + 2.0 * width, 23)
    far = np.array([2.5, 3, 4, 5, 6, 8, 12, 20, 30, 40]) * width
    found = np.unique(np.round(np.concatenate([core, side, far, -far]), 5))
    inside = (position + found > 0.5) & (position + found < 179.5)
    return found[inside]


def reflections(only: str) -> list[Case]:
    """Return the first reflections of each structure in each radiation, and of its mirror image where it has one."""
    out = []
    for what, limits in cases.STRUCTURES:
        if only not in what["name"]:
            continue
        for radiation, (kind, wavelengths) in cases.RADIATIONS.items():
            tool = cases.instrument(kind, wavelengths, "Debye-Scherrer")
            low, high = limits[radiation]
            entry: Case = {
                "name": f"{what['name']}, {radiation}",
                "phase": what,
                "instrument": tool,
                "limits": [low, high],
                "columns": "h k l multiplicity d 2theta F^2",
            }
            rows = listed(what, tool, low, high)
            entry["reflections"] = [[*map(int, row[:4]), *digits(row[4:])] for row in rows]
            if what["name"] in cases.HANDS:
                entry["mate_f2"] = digits(listed(inverted(what), tool, low, high)[:, 6])
            out.append(entry)
    return out


def laue(only: str) -> list[Case]:
    """Return which equivalents are listed in each Laue class and setting, out to d = 1.2 Angstrom."""
    from GSASII import GSASIIlattice, GSASIIspc

    found = []
    for name, (symbol, cell) in cases.LAUE.items():
        if only not in name:
            continue
        group = GSASIIspc.SpcGroup(symbol)[1]
        rows = [
            [int(index) for index in row[:3]]
            for row in GSASIIlattice.GenHLaue(1.2, group, GSASIIlattice.cell2A(cell))
            if not GSASIIspc.GenHKLf(row[:3], group)[0]
        ]
        found.append({"name": name, "cell": list(cell), "reflections": rows})
    return found


def strain(only: str) -> list[Case]:
    """Return names and terms of the generalised strain in each Laue class and setting, at a few reflections."""
    from GSASII import GSASIIspc

    found = []
    for name, (symbol, _) in cases.LAUE.items():
        if only not in name:
            continue
        group = GSASIIspc.SpcGroup(symbol)[1]
        rows = [[*hkl, *map(float, GSASIIspc.MustrainCoeff(hkl, group))] for hkl in cases.STRAINED]
        found.append({"name": name, "terms": GSASIIspc.MustrainNames(group), "rows": rows})
    return found


def inverted(what: Case) -> Case:
    """Return a structure's mirror image: x to -x, in the enantiomorphic group where that is another."""
    sites = [[label, element, -x, -y, -z, *rest] for label, element, x, y, z, *rest in what["sites"]]
    return what | {"space_group": cases.HANDS[what["name"]], "sites": sites}


def listed(what: Case, tool: Case, low: float, high: float) -> Any:
    """Return rows h, k, l, multiplicity, d, 2theta, F^2 by falling d, cut in a gap of d at or after sixty."""
    asked = cases.pattern(tool, [cases.part(what, 1.0)], low, 0.05, round((high - low) / 0.05) + 1)
    with opened(asked) as (_, histogram):
        table = np.array(histogram.reflections()[what["name"]]["RefList"])
    # Order among equal d does not matter, but is to be the same each time.
    table = table[np.lexsort((table[:, 2], table[:, 1], table[:, 0], -np.round(table[:, 4], 7)))]
    d = table[:, 4]
    end = next((i for i in range(REFLECTIONS, len(d)) if d[i - 1] - d[i] > 1e-5), len(d))
    return table[:end][:, [0, 1, 2, 3, 4, 5, 9]]


def backgrounds(only: str) -> list[Case]:
    """Return the seven functions with several numbers of terms at one in twenty points."""
    out = []
    asked = cases.pattern(
        cases.instrument("xray", cases.CU, "Bragg-Brentano"), [cases.part(cases.RUTILE, 1.0)], 12.0, 0.1, 1201
    )
    with opened(asked) as (project, histogram):
        for function in cases.BACKGROUND_FUNCTIONS:
            for terms in cases.BACKGROUND_TERMS:
                name = f"{function}, {terms}"
                if only not in name:
                    continue
                coefficients = cases.BACKGROUND_COEFFICIENTS[:terms]
                histogram.data["Background"][0] = [function, False, terms, *coefficients]
                calculate(project)
                found = np.ma.getdata(histogram.getdata("Background"))
                out.append(
                    {
                        "name": name,
                        "function": function,
                        "coefficients": coefficients,
                        "wavelength": cases.CU[0],
                        "start": asked["start"],
                        "step": asked["step"],
                        "count": asked["count"],
                        "every": EVERY,
                        "background": digits(found[::EVERY]),
                    }
                )
    return out


def patterns(only: str) -> list[Case]:
    """Return calculated patterns, where their lines are and how wide, and one in twenty points of the background."""
    out = []
    for name, asked in cases.PATTERNS.items():
        if only not in name:
            continue
        with opened(asked) as (_, histogram):
            y, background = (np.ma.getdata(histogram.getdata(key)) for key in ("Ycalc", "Background"))
            tables = [np.array(item["RefList"]) for item in histogram.reflections().values()]
        least = min(min(table[:, 6].min(), table[:, 7].min()) for table in tables)
        if least <= 0.001:
            raise SystemExit(f"{name}: a width stands at GSAS-II's stop, which other engines bend")
        places = [digits(table[:, 5]) for table in tables]
        widths = [digits((2.3548 * np.sqrt(table[:, 6]) + table[:, 7]) / 100.0) for table in tables]
        out.append(
            {
                "name": name,
                "asked": asked,
                "places": places,
                "widths": widths,
                "every": EVERY,
                "background": digits(background[::EVERY]),
                "calculated": digits(y),
            }
        )
    return out


@contextlib.contextmanager
def opened(asked: Case) -> Iterator[tuple[Any, Any]]:
    """Give a pattern as a project of GSAS-II and its histogram, calculated."""
    from GSASII import GSASIIscriptable as G2sc

    G2sc.SetPrintLevel("none")
    tool = asked["instrument"]
    x = asked["start"] + asked["step"] * np.arange(asked["count"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savetxt(folder / "data.xye", np.column_stack([x, np.full((x.size, 2), 100.0)]), fmt="%.6f")
        (folder / "data.instprm").write_text(instprm(tool))
        project = G2sc.G2Project(newgpx=str(folder / "made.gpx"))
        histogram = project.add_powder_histogram(str(folder / "data.xye"), str(folder / "data.instprm"), fmthint="xye")
        histogram.data["data"][1][0] = x.copy()
        ends = [float(x[0]), float(x[-1])]
        histogram.data["Limits"] = [tuple(ends), ends, *[list(region) for region in asked["excluded"]]]
        sample = histogram.data["Sample Parameters"]
        sample["Type"], sample["Gonio. radius"] = tool["geometry"], tool["radius"]
        sample["Scale"] = [1.0, True]
        for key in ("Shift", "Transparency", "SurfRoughA", "SurfRoughB", "DisplaceX", "DisplaceY"):
            sample[key] = [asked["corrections"].get(key, 0.0), False]
        sample["Absorption"] = [asked["absorption"], False]
        function, coefficients = asked["background"]
        histogram.data["Background"][0] = [function, False, len(coefficients), *coefficients]
        peaks = [
            [v for pair in zip(peak, [False] * 4, strict=True) for v in pair] for peak in asked["background_peaks"]
        ]
        histogram.data["Background"][1].update({"nPeaks": len(peaks), "peaksList": peaks})
        for number, item in enumerate(asked["parts"]):
            file = folder / f"phase{number}.cif"
            file.write_text(cif(item["phase"]))
            phase = project.add_phase(str(file), phasename=item["phase"]["name"], histograms=[histogram], fmthint="CIF")
            check(phase, item["phase"])
            of_sample(phase.data["Histograms"][histogram.name], item)
        calculate(project)
        yield project, histogram


def of_sample(pair: Case, item: Case) -> None:
    """Write the scale, size, strain and orientation of one phase in the histogram."""
    pair["Scale"] = [item["scale"], False]
    for key, name in (("size", "Size"), ("strain", "Mustrain")):
        wanted = item.get(key)
        if wanted is not None:
            pair[name][0] = wanted["model"]
            pair[name][1] = [wanted["value"], wanted.get("axial", wanted["value"]), wanted["mix"]]
            pair[name][3] = list(wanted.get("axis", [0, 0, 1]))
            if "coefficients" in wanted:
                pair[name][4] = list(wanted["coefficients"])
                pair[name][5] = [False] * len(wanted["coefficients"])
    wanted = item.get("orientation")
    if wanted is not None:
        pair["Pref.Ori."][:4] = ["MD", wanted["ratio"], False, list(wanted["axis"])]


def check(phase: Any, what: Case) -> None:
    """Stop where GSAS-II read another structure than the one that was meant."""
    column = phase.data["General"]["AtomPtrs"][0]
    atoms = phase.data["Atoms"]
    wanted = [site[2:6] for site in what["sites"]]
    if len(atoms) != len(wanted) or not np.allclose([atom[column : column + 4] for atom in atoms], wanted, atol=1e-7):
        raise SystemExit(f"{what['name']}: GSAS-II read other atoms: {atoms}")
    symbol = phase.data["General"]["SGData"]["SpGrp"]
    if bare(symbol) != bare(what["space_group"].split(":")[0]):
        raise SystemExit(f"{what['name']}: GSAS-II took the space group as {symbol}")


def bare(symbol: str) -> str:
    """Return a Hermann-Mauguin symbol without what says nothing: spaces and, where there are others, ones."""
    parts = symbol.split()
    return "".join([parts[0], *(part for part in parts[1:] if part != "1" or parts[1] == "3")])


def calculate(project: Any) -> None:
    """Calculate the pattern of the parameters as they are. Stops where GSAS-II says that it could not."""
    project.data["Controls"]["data"]["max cyc"] = 0
    for histogram in project.histograms():
        histogram.data["data"][0].pop("wR", None)
    project.refine()
    if any(histogram.get_wR() is None for histogram in project.histograms()):
        raise SystemExit("GSAS-II calculated nothing")


def instprm(tool: Case) -> str:
    """Return an instrument parameter file of GSAS-II."""
    rows = [f"Type:{'PXC' if tool['radiation'] == 'xray' else 'PNC'}", "Bank:1"]
    if len(tool["wavelengths"]) == 2:
        rows += [f"Lam1:{tool['wavelengths'][0]}", f"Lam2:{tool['wavelengths'][1]}", f"I(L2)/I(L1):{tool['ratio']}"]
    else:
        rows.append(f"Lam:{tool['wavelengths'][0]}")
    keys = {"Zero": "zero", "Polariz.": "polarization", "SH/L": "SH_L", **{k: k for k in "UVWXYZ"}}
    rows += [f"{name}:{tool[key]}" for name, key in keys.items()]
    rows += ["Azimuth:0.0", f"Gonio. radius:{tool['radius']}", f"Diff-type:{tool['geometry']}"]
    return "\n".join(["#GSAS-II instrument parameter file", *rows]) + "\n"


def cif(what: Case) -> str:
    """Return a phase as CIF. GSAS-II knows origin choice 2 and hexagonal axes alone, so it is not told of them."""
    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    rows = ["data_phase", *(f"_cell_{tag} {value}" for tag, value in zip(tags, what["cell"], strict=True))]
    rows.append(f"_symmetry_space_group_name_H-M '{what['space_group'].split(':')[0]}'")
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "adp_type")
    rows += ["loop_", *(f"_atom_site_{column}" for column in columns)]
    tensors = []
    for label, element, x, y, z, occupancy, u in what["sites"]:
        tensor = isinstance(u, list)
        place = " ".join(f"{v:.10f}" for v in (x, y, z, occupancy))
        rows.append(f"{label} {element} {place} {0.01 if tensor else u} {'Uani' if tensor else 'Uiso'}")
        if tensor:
            tensors.append(f"{label} {' '.join(map(str, u))}")
    if tensors:
        rows += ["loop_", "_atom_site_aniso_label", *(f"_atom_site_aniso_U_{t}" for t in TENSOR)]
        rows += tensors
    return "\n".join(rows) + "\n"


def digits(values: Any) -> list[float]:
    """Return numbers with eight significant digits: more than GSAS-II's single precision has."""
    return [float(f"{value:.8g}") for value in np.asarray(values, dtype=float)]


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep what GSAS-II and its Fortran say away from standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


if __name__ == "__main__":
    main()
