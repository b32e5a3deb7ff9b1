"""The items of a CIF about one pattern: experiment, model, points and reflections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from gemmi import cif

from autogsas.exports.star import UNKNOWN, add_loop, number, prose, quoted
from autogsas.model.metrics import Array
from autogsas.model.project import Histogram
from autogsas.model.result import Curves, Parameter, Reflections, Result
from autogsas.model.structure import Phase
from autogsas.text.formatting import general, plain_with_esd
from autogsas.trial.assessment import HistogramFigures

__all__ = ["pattern_items", "profile_r"]

_PROBE = {"xray": "x-ray", "neutron": "neutron"}
_SHAPE = ("U", "V", "W", "X", "Y", "Z", "SH/L")
_SAMPLE = ("size", "size_mix", "strain", "strain_mix")
_POSITION = ("zero", "displacement", "transparency", "absorption")


def profile_r(observed: Array, calculated: Array, weights: Array) -> float:
    """Return the profile R factor, sum |yo - yc| / sum yo over points that count, as a fraction; shapes (n,).

    Young (ed.), The Rietveld Method (1993), table 1.3. NaN if no point counts.
    """
    used = weights > 0
    total = float(np.sum(observed[used]))
    return float(np.sum(np.abs(observed[used] - calculated[used]))) / total if total > 0 else float("nan")


def pattern_items(
    block: cif.Block,
    histogram: Histogram,
    curves: Curves,
    weights: Array,
    figures: HistogramFigures | None,
    result: Result,
    phase_codes: Mapping[str, str],
    *,
    alone: bool,
) -> None:
    """Add the items of a pattern, from the powder dictionary (Toby, Int. Tables G (2006), 3.3).

    ``weights`` (n,) are zero where a point does not count; ``phase_codes`` gives the identifier of each phase. With
    ``alone`` there is one phase only, and reflections do not name it.
    """
    _experiment(block, histogram)
    _range(block, "meas", histogram.pattern.x)
    _range(block, "proc", curves.x)
    regions = "; ".join(f"{general(low)} to {general(high)} degrees 2theta" for low, high in histogram.excluded)
    block.set_pair("_pd_proc_info_excluded_regions", prose(regions or "none"))
    _model(block, histogram, curves, result)
    block.set_pair(
        "_pd_proc_ls_prof_R_factor", number(profile_r(curves.observed, curves.calculated, weights), digits=4)
    )
    if figures is not None:
        block.set_pair("_pd_proc_ls_prof_wR_factor", number(figures.metrics.rwp / 100, digits=4))
        block.set_pair("_pd_proc_ls_prof_wR_expected", number(figures.metrics.rexp / 100, digits=4))
        if len(figures.r_bragg) == 1:
            block.set_pair("_refine_ls_R_I_factor", number(next(iter(figures.r_bragg.values())) / 100, digits=4))
        if len(figures.r_f) == 1:
            block.set_pair("_refine_ls_R_factor_all", number(next(iter(figures.r_f.values())) / 100, digits=4))
        details = _figures(figures)
        if details:
            block.set_pair("_pd_proc_ls_special_details", prose("\n".join(details)))
    _points(block, histogram, curves, weights)
    _reflections(block, curves.reflections, phase_codes, alone=alone)


def _figures(figures: HistogramFigures) -> list[str]:
    """Return the figures that have no data name of their own: by phase, without background, of serial correlation."""
    lines = []
    for name, by_phase in (("R(Bragg)", figures.r_bragg), ("R(F)", figures.r_f)):
        if len(by_phase) > 1:
            each = "; ".join(f"{phase}: {value / 100:.4f}" for phase, value in by_phase.items())
            lines.append(f"{name} by phase: {each}")
    net, correlated = figures.rwp_background_subtracted, figures.durbin_watson
    if np.isfinite(net):
        lines.append(f"Rwp without background, sqrt(sum w (yo-yc)^2/sum w (yo-yb)^2): {net / 100:.4f}")
    if np.isfinite(correlated):
        lines.append(f"Weighted Durbin-Watson statistic d (Hill & Flack, 1987): {correlated:.3f}")
    return lines


def _experiment(block: cif.Block, histogram: Histogram) -> None:
    instrument = histogram.instrument
    block.set_pair("_diffrn_ambient_temperature", UNKNOWN)
    block.set_pair("_diffrn_radiation_probe", _PROBE[instrument.radiation])
    if len(instrument.wavelengths) == 1:
        block.set_pair("_diffrn_radiation_wavelength", number(instrument.wavelengths[0], digits=7))
    else:
        tags = [f"_diffrn_radiation_wavelength{part}" for part in ("_id", "", "_wt")]
        shares = (1.0, *(instrument.ratio for _ in instrument.wavelengths[1:]))
        add_loop(
            block,
            tags,
            [
                (str(i), number(wavelength, digits=7), number(share))
                for i, (wavelength, share) in enumerate(zip(instrument.wavelengths, shares, strict=True), start=1)
            ],
        )
    block.set_pair("_pd_instr_geometry", prose(instrument.geometry or UNKNOWN) if instrument.geometry else UNKNOWN)
    if instrument.geometry == "Bragg-Brentano":
        block.set_pair("_pd_spec_shape", "flat_sheet")
    elif instrument.geometry == "Debye-Scherrer":
        block.set_pair("_pd_spec_shape", "cylinder")
    block.set_pair("_pd_meas_scan_method", UNKNOWN)
    if histogram.pattern.notes:
        block.set_pair("_pd_proc_info_data_reduction", prose("\n".join(histogram.pattern.notes)))


def _range(block: cif.Block, kind: str, x: Array) -> None:
    block.set_pair(f"_pd_{kind}_number_of_points", str(x.size))
    if not x.size:
        return
    block.set_pair(f"_pd_{kind}_2theta_range_min", number(float(x[0]), digits=8))
    block.set_pair(f"_pd_{kind}_2theta_range_max", number(float(x[-1]), digits=8))
    steps = np.diff(x)
    if steps.size and np.ptp(steps) < 1e-3 * float(np.mean(steps)):
        block.set_pair(f"_pd_{kind}_2theta_range_inc", number(float(np.mean(steps)), digits=5))


def _model(block: cif.Block, histogram: Histogram, curves: Curves, result: Result) -> None:
    own = [p for p in result.parameters if p.histogram == histogram.name]
    free = any(phase.intensities == "Le Bail" for phase in result.phases)
    block.set_pair("_pd_calc_method", "'Le Bail fit'" if free else "'Rietveld refinement'")
    block.set_pair("_pd_proc_ls_background_function", prose(_background(histogram, curves, own)))
    block.set_pair("_pd_proc_ls_profile_function", prose(_profile(own, result.phases)))
    block.set_pair("_pd_proc_ls_pref_orient_corr", prose(_orientation(own, result.phases)))
    places = _listed(own, _POSITION)
    if places:
        block.set_pair("_pd_calibration_special_details", prose(f"Refined or assumed: {places}."))


def _background(histogram: Histogram, curves: Curves, own: Sequence[Parameter]) -> str:
    terms = sum(p.group == "background" for p in own)
    text = f"{curves.background_function or 'background'}, {terms} terms (as GSAS-II names its functions)"
    if histogram.background_peaks:
        text += f", and {len(histogram.background_peaks)} fixed broad background peaks"
    return text


def _profile(own: Sequence[Parameter], phases: Sequence[Phase]) -> str:
    text = (
        "Pseudo-Voigt, of Gaussian variance U tan^2(theta) + V tan(theta) + W and Lorentzian width X/cos(theta) + "
        "Y tan(theta) + Z in hundredths of a degree (2theta) and their squares, with axial divergence SH/L."
    )
    shape, sample = _listed(own, _SHAPE), _listed(own, _SAMPLE)
    if shape:
        text += f"\n{shape}."
    if sample:
        text += f"\nSample broadening: {sample}."
    return text + "".join(f"\n{model}." for phase in phases for model in _models(phase))


def _models(phase: Phase) -> Iterator[str]:
    """Give a clause for each model of broadening of a phase that depends on the direction."""
    for kind, model in (("size", phase.specimen.size), ("strain", phase.specimen.strain)):
        if model.model == "uniaxial":
            yield f"Uniaxial {kind} of {phase.name} along {' '.join(map(str, model.axis))}"
        elif model.model == "generalized":
            yield f"Generalized {kind} of {phase.name} after Stephens, J. Appl. Cryst. 32, 281 (1999)"


def _orientation(own: Sequence[Parameter], phases: Sequence[Phase]) -> str:
    axes = {phase.name: phase.specimen.orientation.axis for phase in phases}
    found = []
    for parameter in own:
        if parameter.group == "preferred_orientation" and (parameter.value != 1.0 or parameter.esd is not None):
            axis = " ".join(map(str, axes.get(parameter.phase or "", ())))
            found.append(f"{parameter.phase}: axis {axis}, ratio {plain_with_esd(parameter.value, parameter.esd)}")
    return f"March-Dollase. {'; '.join(found)}" if found else "none"


def _listed(own: Sequence[Parameter], groups: Sequence[str]) -> str:
    """Return the parameters of some groups as one line of text, each with its esd and unit."""
    ordered = sorted((p for p in own if p.group in groups), key=lambda p: groups.index(p.group))
    texts = []
    for parameter in ordered:
        name = parameter.name.removeprefix(f"{parameter.phase}:").removeprefix(f"{parameter.histogram}:")
        if parameter.phase is not None:
            name = f"{parameter.phase} {name}"
        unit = f" {parameter.unit}" if parameter.unit and parameter.group not in _SHAPE else ""
        texts.append(f"{name} {plain_with_esd(parameter.value, parameter.esd)}{unit}")
    return ", ".join(texts)


def _points(block: cif.Block, histogram: Histogram, curves: Curves, weights: Array) -> None:
    # In CIF, counts are whole numbers with the uncertainty of counting; other data are intensities.
    whole = bool(np.all(np.abs(curves.observed - np.round(curves.observed)) < 1e-6))
    counts = histogram.pattern.weights_from == "counting statistics" and whole
    tags = (
        "_pd_meas_2theta_scan",
        "_pd_meas_counts_total" if counts else "_pd_meas_intensity_total",
        "_pd_calc_intensity_total",
        "_pd_proc_intensity_bkg_calc",
        "_pd_proc_ls_weight",
    )
    columns = (
        [f"{v:.5f}" for v in curves.x.tolist()],
        [f"{v:.0f}" if counts else _real(v) for v in curves.observed.tolist()],
        *([_real(v) for v in values.tolist()] for values in (curves.calculated, curves.background, weights)),
    )
    add_loop(block, tags, list(zip(*columns, strict=True)))


def _real(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else UNKNOWN


def _reflections(block: cif.Block, found: Sequence[Reflections], codes: Mapping[str, str], *, alone: bool) -> None:
    d = np.concatenate([item.d for item in found]) if found else np.array([])
    if not d.size:
        return
    hkl = np.concatenate([np.asarray(item.hkl) for item in found])
    block.set_pair("_reflns_number_total", str(d.size))
    for index, name in enumerate("hkl"):
        block.set_pair(f"_reflns_limit_{name}_min", str(int(hkl[:, index].min())))
        block.set_pair(f"_reflns_limit_{name}_max", str(int(hkl[:, index].max())))
    block.set_pair("_reflns_d_resolution_high", number(float(d.min()), digits=5))
    block.set_pair("_reflns_d_resolution_low", number(float(d.max()), digits=5))
    tags = ["index_h", "index_k", "index_l", "symmetry_multiplicity", "d_spacing", "F_squared_meas", "F_squared_calc"]
    rows = []
    for item in found:
        columns = (
            *([str(int(v)) for v in column] for column in np.asarray(item.hkl).T),
            [str(int(v)) for v in item.multiplicity],
            [f"{v:.5f}" for v in item.d.tolist()],
            [_real(v) for v in item.f2_observed.tolist()],
            [_real(v) for v in item.f2_calculated.tolist()],
        )
        phase = () if alone else (quoted(codes.get(item.phase, item.phase)),)
        rows += [(*row, *phase) for row in zip(*columns, strict=True)]
    add_loop(block, [f"_refln_{tag}" for tag in tags] + ([] if alone else ["_pd_refln_phase_id"]), rows)
