"""Simulates with GSAS-II the samples of known truth of ``autogsas.benchmarks.truth``. Run it with GSAS-II's Python.

    GSAS2/bin/python simulate_truth.py ../../../autogsas/benchmarks/truth/patterns.json.gz

Each pattern is calculated by GSAS-II beyond the range that is kept (it leaves out reflections just beyond its limits),
a smooth background is added, and the counts are drawn from a Poisson distribution with a seed made of the name.

Of a reflection and its Friedel mate, which overlap in a powder pattern, GSAS-II calculates one. Where there is no
centre of symmetry they differ by anomalous scattering; such a pattern is the mean of those of the structure and its
inverse.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

# By their path: GSAS-II's Python need not have autogsas and what it depends on.
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "autogsas" / "benchmarks" / "truth"))
from samples import INSTRUMENTS, SAMPLES, Beam, Part, Sample
from structures import PHASES

MARGIN = 3.0  # degrees beyond the range that is kept
FAR = 20.0  # and in widths of the broadest peaks: their Lorentzian tails reach far
# Groups without a centre of symmetry, and those of their inverses.
INVERSES = {"P 63 m c": "P 63 m c", "P 32 2 1": "P 31 2 1"}
U_KEYS = ("11", "22", "33", "12", "13", "23")


def sites_of(part: Part) -> list[dict[str, Any]]:
    """Return the true sites of a phase."""
    out = []
    for label, element, x, y, z, occupancy, u in (*PHASES[part.structure][2], *part.extra):
        site: dict[str, Any] = {"label": label, "element": element, "x": x, "y": y, "z": z, "occupancy": occupancy}
        site["uiso"] = u
        site.update(part.true.get(label, {}))
        if "uaniso" in site:
            site.pop("uiso", None)
        out.append(site)
    return out


def margin(sample: Sample, beam: Beam) -> float:
    """Return how many degrees beyond the range are calculated."""
    size = min(min(part.size) for part in sample.parts)
    cosine = np.cos(np.radians(beam.high / 2.0))
    width = np.degrees(INSTRUMENTS[beam.instrument]["wavelengths"][0] * 1e-4 / (size * cosine))
    return max(MARGIN, float(FAR * width))


def cif(name: str, part: Part, *, inverse: bool) -> str:
    group, cell, _ = PHASES[part.structure]
    sign = -1 if inverse else 1
    group = INVERSES.get(group, group) if inverse else group
    keys = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    rows = [f"data_{name}", f"_symmetry_space_group_name_H-M '{group}'"]
    rows += [f"_cell_{key} {value}" for key, value in zip(keys, cell, strict=True)]
    rows += ["loop_", "_atom_site_label", "_atom_site_type_symbol"]
    rows += [f"_atom_site_fract_{axis}" for axis in "xyz"]
    rows += ["_atom_site_occupancy", "_atom_site_adp_type", "_atom_site_U_iso_or_equiv"]
    tensors = []
    for site in sites_of(part):
        kind, u = ("Uiso", site["uiso"]) if "uiso" in site else ("Uani", float(np.mean(site["uaniso"][:3])))
        rows.append(
            " ".join(
                map(
                    str,
                    [site["label"], site["element"], *(sign * site[k] for k in "xyz"), site["occupancy"], kind, u],
                )
            )
        )
        if kind == "Uani":
            tensors.append(" ".join(map(str, [site["label"], *site["uaniso"]])))
    if tensors:
        rows += ["loop_", "_atom_site_aniso_label", *(f"_atom_site_aniso_U_{key}" for key in U_KEYS), *tensors]
    return "\n".join(rows) + "\n"


def instprm(beam: Beam, wavelengths: tuple) -> str:
    i = INSTRUMENTS[beam.instrument]
    rows = ["#GSAS-II instrument parameter file", f"Type:{i['type']}", "Bank:1.0"]
    if len(wavelengths) == 2:
        rows += [f"Lam1:{wavelengths[0]}", f"Lam2:{wavelengths[1]}", f"I(L2)/I(L1):{i['ratio']}"]
    else:
        rows += [f"Lam:{wavelengths[0]}"]
    rows += [f"Zero:{beam.zero}", f"Polariz.:{i['polarization']}"]
    rows += [f"{key}:{i[key]}" for key in ("U", "V", "W", "X", "Y", "Z", "SH/L")]
    rows += ["Azimuth:0.0", f"Diff-type:{i['geometry']}"]
    return "\n".join(rows) + "\n"


def bragg(G2sc, sample: Sample, beam: Beam, wavelengths: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Return 2theta and the Bragg part over the widened range, the mean of both Friedel mates."""
    both = (False, True) if any(PHASES[part.structure][0] in INVERSES for part in sample.parts) else (False,)
    found = []
    for inverse in both:
        with tempfile.TemporaryDirectory() as folder:
            x, y = calculated(G2sc, Path(folder), sample, beam, wavelengths, inverse=inverse)
            found.append(y)
    return x, np.mean(found, axis=0)


def calculated(
    G2sc, folder: Path, sample: Sample, beam: Beam, wavelengths: tuple, *, inverse: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return 2theta and the Bragg part over the widened range."""
    project = G2sc.G2Project(newgpx=str(folder / "made.gpx"))
    (folder / "made.instprm").write_text(instprm(beam, wavelengths))
    phases = []
    for n, part in enumerate(sample.parts):
        (folder / f"p{n}.cif").write_text(cif(f"p{n}", part, inverse=inverse))
        phases.append(project.add_phase(str(folder / f"p{n}.cif"), phasename=f"p{n}", fmthint="CIF"))
    for phase, part in zip(phases, sample.parts, strict=True):
        if not phase.data["General"]["SGData"]["SGInv"] and PHASES[part.structure][0] not in INVERSES:
            raise SystemExit(f"{part.structure} has no centre of symmetry: its inverse is not known")
    beyond = margin(sample, beam)
    low = max(beam.low - beyond, 1.0)
    histogram = project.add_simulated_powder_histogram(
        "made",
        str(folder / "made.instprm"),
        low,
        min(beam.high + beyond, 172.0),
        Tstep=beam.step,
        phases=phases,
        scale=1.0,
    )
    histogram.SampleParameters["Type"] = INSTRUMENTS[beam.instrument]["geometry"]
    histogram.SampleParameters["Gonio. radius"] = 200.0
    for key, value in (("Shift", beam.shift), ("Transparency", beam.transparency)):
        histogram.SampleParameters[key] = [value, False]
    background = histogram.data["Background"][0]
    background[:] = ["chebyschev-1", False, 3, 0.0, 0.0, 0.0]
    masses = [float(phase.data["General"]["Mass"]) for phase in phases]
    for phase, part, mass in zip(phases, sample.parts, masses, strict=True):
        hap = phase.getHAPvalues(histogram)
        hap["Scale"] = [1000.0 * part.weight / mass, False]
        if len(part.size) == 1:
            hap["Size"][0], hap["Size"][1][0] = "isotropic", part.size[0]
        else:
            hap["Size"][0], hap["Size"][1][:2], hap["Size"][3] = "uniaxial", list(part.size), list(part.broadening_axis)
        if part.stephens:
            hap["Mustrain"][0] = "generalized"
            hap["Mustrain"][4] = list(part.stephens)
            hap["Mustrain"][5] = [False] * len(part.stephens)
        elif len(part.strain) == 1:
            hap["Mustrain"][0], hap["Mustrain"][1][0] = "isotropic", part.strain[0]
        else:
            hap["Mustrain"][0], hap["Mustrain"][1][:2] = "uniaxial", list(part.strain)
            hap["Mustrain"][3] = list(part.broadening_axis)
        if part.texture:
            hap["Pref.Ori."][:4] = ["MD", part.texture[1], False, list(part.texture[0])]
    project.do_refinements([{}])
    x = np.array(histogram.getdata("X"))
    return x, np.array(histogram.getdata("Ycalc"))


def pattern(G2sc, sample: Sample, beam: Beam, n: int) -> dict:
    x, y = bragg(G2sc, sample, beam, INSTRUMENTS[beam.instrument]["wavelengths"])
    for wavelength, share in beam.lines:
        y = y + share * bragg(G2sc, sample, beam, (wavelength,))[1]
    kept = (x >= beam.low - 1e-9) & (x <= beam.high + 1e-9)
    x, y = x[kept], y[kept]
    if not np.all(np.isfinite(y)) or y.max() <= 0:
        raise SystemExit(f"{sample.name}: GSAS-II gave no pattern")
    t = (x - x[0]) / (x[-1] - x[0])
    smooth = beam.background * (1.0 + 0.9 * np.exp(-4.0 * t) - 0.25 * t + 0.1 * np.sin(3.0 * t))
    y = y * beam.counts / y.max() + smooth
    if beam.broad_peak:
        at, height, width = beam.broad_peak
        y = y + height * np.exp(-4.0 * np.log(2.0) * ((x - at) / width) ** 2)
    random = np.random.default_rng(zlib.crc32(f"{sample.name} {n}".encode()))
    return {"x0": float(x[0]), "x1": float(x[-1]), "counts": random.poisson(y).tolist()}


def main(out: Path, names: list[str]) -> None:
    import GSASII.GSASIIscriptable as G2sc

    G2sc.SetPrintLevel("none")
    made = {}
    for sample in SAMPLES:
        if names and sample.name not in names:
            continue
        made[sample.name] = [pattern(G2sc, sample, beam, n) for n, beam in enumerate(sample.beams)]
        print(sample.name, [len(p["counts"]) for p in made[sample.name]], flush=True)
    with gzip.GzipFile(out, "wb", mtime=0) as file:
        file.write(json.dumps(made, separators=(",", ":")).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
