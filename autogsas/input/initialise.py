"""Write a commented project file for given data; every file it names is read first."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from autogsas.errors import UserError
from autogsas.hooks.host import Host
from autogsas.input import yamlfile
from autogsas.input.loading import PROJECT_FILE, build_project
from autogsas.model.instrument import Geometry, Radiation
from autogsas.model.project import BackgroundSearch, Search
from autogsas.model.recipe import BACKGROUNDS, GROUPS

__all__ = ["write_project"]


def write_project(
    data: Sequence[Path],
    phases: Sequence[Path],
    instrument: Path | None = None,
    target: Path = Path(),
    *,
    name: str | None = None,
    radiation: Radiation | None = None,
    geometry: Geometry | None = None,
    wavelength: Sequence[float] | None = None,
    limits: tuple[float, float] | None = None,
    host_factory: Callable[[Iterable[Path]], Host] = Host,
) -> Path:
    """Write a commented project file into ``target`` (a folder, or the file itself) and return its path.

    ``wavelength`` in Angstrom, ``limits`` in degrees 2theta for all patterns. All files are read first, in the same
    way as by a run. Raises UserError and writes nothing if a file cannot be read or the project file exists.
    """
    file = target if target.suffix.lower() in (".yaml", ".yml") else target / PROJECT_FILE
    if not data:
        raise UserError("no data given", key="data", allowed="at least one measured pattern")
    if not phases:
        raise UserError("no phase given", key="phases", allowed="at least one CIF")
    if file.exists():
        raise UserError("the file exists; it is not overwritten", file=file)
    if not file.parent.is_dir():
        raise UserError("no such folder", file=file.parent)
    for key, path in (
        *(("data", item) for item in data),
        *(("phases", item) for item in phases),
        *([("instrument", instrument)] if instrument else []),
    ):
        if not path.is_file():
            raise UserError("no such file", file=path, key=key)
    values = {
        "radiation": radiation,
        "geometry": geometry,
        "wavelength": list(wavelength) if wavelength else None,
        "limits": list(limits) if limits else None,
    }
    given = {key: json.dumps(value) for key, value in values.items() if value is not None}
    text = _text(host_factory(()), file, data, phases, instrument, name, given)
    try:
        build_project(yamlfile.parse(text, file).data, file, host_factory=host_factory)
    except UserError as error:
        raise _about_options(error, values, instrument) from error
    try:
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise UserError("the file exists; it is not overwritten", file=file) from None
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", file=file) from error
    return file


def _about_options(error: UserError, values: dict[str, Any], instrument: Path | None) -> UserError:
    """Return the error with the name of the option that it is about: there is no project file yet."""
    entry, _, option = (error.key or "").partition("].")
    if not entry.startswith("data[") or option not in values:
        return error
    if values[option] is not None:
        return UserError(error.message, key=f"--{option}", found=error.found, allowed=error.allowed)
    if instrument is None:
        return UserError(f"no {option} is known; give --instrument, or --radiation and --wavelength")
    return UserError(f"no {option} is known from the instrument file; give --{option}", file=instrument)


def _text(
    host: Host,
    file: Path,
    data: Sequence[Path],
    phases: Sequence[Path],
    instrument: Path | None,
    name: str | None,
    given: dict[str, str],
) -> str:
    folder = file.resolve().parent
    lines = [
        "# A refinement project of autogsas. Paths are relative to this file.",
        "# Keys after a # are optional. Under search they show their defaults, elsewhere an example.",
        f"name: {_quote(name or folder.name)}",
        "# backend: auto                         # auto, or the name of an engine (`autogsas plugins` lists them)",
        "",
        "data:",
    ]
    for path, label in zip(data, _names(data), strict=True):
        lines += _entry(folder, path, label, instrument, given)
    lines += ["phases:"]
    for path in phases:
        lines += [
            f"  - file: {_quote(_relative(path, folder))}",
            "    # name: a_short_name                # default: the CIF's own",
            "    # block: data_block                 # default: the first block with atoms",
            "    # intensities: Le Bail              # each taken from the pattern; default: structure",
            "    # size: {model: uniaxial, value: 0.1, axial: 0.2, axis: [0, 0, 1], mix: 1}",
            "    # strain: {value: 1000}             # starting values; size in micrometre, strain in 1e-6",
            "    # preferred_orientation: {axis: [0, 0, 1], ratio: 1.0}  # March-Dollase",
            "    # occupancy_sums: [{sites: [A1, A2], total: 1.0}]",
        ]
    return "\n".join([*lines, "", *_quantification_lines(), "", *_search_lines(host)]) + "\n"


def _entry(folder: Path, path: Path, label: str, instrument: Path | None, given: dict[str, str]) -> list[str]:
    lines = [f"  - file: {_quote(_relative(path, folder))}", f"    name: {_quote(label)}"]
    if instrument is not None:
        lines.append(f"    instrument: {_quote(_relative(instrument, folder))}")
    options = {
        "limits": ("[15, 130]", "2theta range in degrees; default: all data"),
        "exclude": ("[[20, 21]]", "2theta regions left out"),
        "radiation": ("xray", "xray or neutron; takes precedence over the instrument file, as do the keys below"),
        "wavelength": ("[1.5406, 1.5444]", "Angstrom; one, or K-alpha1 and K-alpha2"),
        "ratio": ("0.5", "I(K-alpha2)/I(K-alpha1)"),
        "polarization": ("0.7", "as GSAS-II's Polariz."),
        "geometry": ("Bragg-Brentano", "or Debye-Scherrer"),
        "radius": ("200", "of the goniometer, in mm"),
        "bank": ("1", "bank of the files, from 1"),
        "absorption": ("0.3", "muR of a Debye-Scherrer sample"),
        "background_peaks": (
            "[{position: 22, intensity: 5000, sig: 900}]",
            "fixed broad background peaks; GSAS-II's units",
        ),
        "axial_sum": (
            "converged",
            "built-in engine: axial divergence integrated to convergence; else as in GSAS-II",
        ),
    }
    for key, (example, about) in options.items():
        shown = f"    {key}: {given[key]}" if key in given else f"    # {key}: {example}"
        lines.append(f"{shown:<39} # {about}")
    return [*lines, ""]


def _quantification_lines() -> list[str]:
    """Return what may be said about the amounts of the phases."""
    return [
        "# quantification:                       # amounts of the phases",
        "#   internal_standard: {phase: corundum, weight_fraction: 0.2, crystallinity: 1.0}  # weighed into the sample",
        "#   # or the instrument factor and cm²/g of the sample, external_standard: {g: 250000, mass_attenuation: 45}",
        "#   particle_radius: {corundum: 0.5}    # micrometre, of each phase; corrects microabsorption",
    ]


def _search_lines(host: Host) -> list[str]:
    default, background = Search(), BackgroundSearch()
    samplers = ", ".join(host.samplers())
    spaces = "; ".join(f"{name}, {strategy.about}" for name, strategy in host.strategies().items())
    rows = [
        ("trials", str(default.trials), "refinements to try"),
        ("timeout", "10m", "for the whole run; default: none"),
        ("trial_timeout", f"{default.trial_timeout:g}", "seconds for one trial"),
        ("jobs", str(default.jobs), "trials at a time"),
        ("seed", str(default.seed), "the same seed gives the same search"),
        ("sampler", default.sampler or host.strategy(default.space).sampler, f"how recipes are proposed: {samplers}"),
        ("space", default.space, f"choices searched: {spaces}"),
        ("scout", str(default.scout), "trials with a faster engine before a slower one; auto, off or a number"),
        ("prune", "true", "stop hopeless trials before their last step"),
        ("patience", "30", "stop after so many proposals without improvement; default: 6"),
        ("choose", "evidence", "the best of the trials that fit about as well: by evidence, or the lowest rwp"),
        ("terminator", "false", "stop when Optuna's terminator expects no improvement"),
        ("cycles", str(list(default.cycles)), "smallest and largest number of cycles of the early steps"),
    ]
    first, perturb = default.first, default.perturb
    lines = ["# search:"]
    lines += [f"{f'#   {key}: {value}':<39} # {about}" for key, value, about in rows]
    functions = ", ".join(json.dumps(item) for item in BACKGROUNDS)
    lines += [
        "#   background:",
        f"#     functions: [{functions}]",
        f"{f'#     terms: {list(background.terms)}':<39} # smallest and largest number of terms",
        f"{'#   groups:':<39} # parameters to free; the search decides on groups that are in neither list",
        f"{'#     always: []':<39} # any of: {', '.join(GROUPS)}",
        "#     never: []",
        f"{'#     offer: []':<39} # let the search decide on these too: occupancy, absorption",
        "#   first:                              # 2theta range of the first steps, as fractions of the full range",
        f"{f'#     start: {list(first.start)}':<39} # smallest and largest start",
        f"{f'#     width: {list(first.width)}':<39} # smallest and largest part of the rest",
        "#   perturb:                            # random changes of the starting structure, to find other solutions",
        f"{f'#     positions: {perturb.positions}':<39} # Angstrom, root mean square",
        f"{f'#     cell: {perturb.cell}':<39} # largest change, as a fraction",
        "",
        "# recipes: [handmade.recipe.yaml]       # your own recipes, tried first",
        "# plugins: [hooks.py]                   # Python files with hooks of this project",
    ]
    return lines


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a unique short name for each pattern: the file's stem, with its suffix or a number if stems repeat."""
    out: list[str] = []
    stems = [path.stem.replace(":", "_") for path in paths]
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{stem}_{path.suffix.lstrip('.')}"
        number = 2
        while name in out:
            name = f"{stem}_{number}"
            number += 1
        out.append(name)
    return out


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return path.resolve().as_posix()


def _quote(text: str) -> str:
    """Return text as a YAML string, without quotes if it reads back the same."""
    try:
        plain = yamlfile.parse(f"key: {text}", Path(text)).data == {"key": text}
    except UserError:
        plain = False
    plain = plain and "#" not in text and text == text.strip()
    return text if plain else json.dumps(text, ensure_ascii=False)
