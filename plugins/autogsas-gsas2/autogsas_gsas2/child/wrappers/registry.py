"""The wrappers by name, the functions of GSAS-II that each wraps or relies on, and their installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import arrays, derivatives, observed, scalars, shapes, tables
from .fingerprints import KNOWN
from .guard import Guard, Unfit, check, fingerprint, module, unknown_names, wanted

_PATTERN = "parmDict histDict1 x varylist Histogram Phases calcControls pawleyLookup histogram"
_REFINE = "values HistoPhases parmDict histDict1 varylist calcControls pawleyLookup dlg"
_PEAK = "pos sig gam shl xdata"


@dataclass(frozen=True)
class Wrapper:
    """One wrapper: its installer, the functions it wraps with their parameters, and the functions it relies on."""

    name: str
    install: Callable[[Guard], None]
    wraps: dict[str, str]
    relies_on: tuple[str, ...]


WRAPPERS = (
    Wrapper("xsect", tables.install, {"GSASIIElem.GetXsectionCoeff": "El"}, ("GSASIIElem.FPcalc",)),
    Wrapper(
        "integral",
        shapes.integral,
        {"GSASIIpwd.getFCJVoigt3": _PEAK},
        ("GSASIIstrMath.getPowderProfile", "GSASIImpsubs.ComputeFobsSqCW"),
    ),
    Wrapper(
        "shapes",
        shapes.shapes,
        {
            "GSASIIpwd.getFCJVoigt3": _PEAK,
            "GSASIIpwd.getdFCJVoigt3": _PEAK,
            "GSASIIstrMath.errRefine": _REFINE,
            "GSASIIstrMain.RefineCore": (
                "Controls Histograms Phases restraintDict rigidbodyDict parmDict histDict1 varyList calcControls "
                "pawleyLookup ifSeq printFile dlg refPlotUpdate"
            ),
        },
        ("GSASIIstrMath.getPowderProfile", "GSASIIstrMath.getPowderProfileDerv", "GSASIImpsubs.ComputeFobsSqCW"),
    ),
    Wrapper(
        "observed",
        observed.install,
        {
            "GSASIIstrMath.GetFobsSq": "Histograms Phases parmDict calcControls",
            "GSASIIstrMath.HessRefine": _REFINE,
            "GSASIIstrMath.dervRefine": _REFINE,
        },
        ("GSASIIstrMain.RefineCore", "GSASIImpsubs.ComputeFobsSqCW", "GSASIImath.HessianLSQ"),
    ),
    Wrapper(
        "factors",
        derivatives.factors,
        {
            "GSASIIstrMath.getPowderProfileDerv": "args",
            "GSASIIstrMath.StructureFactorDerv2": "refDict G hfx pfx SGData calcControls parmDict",
        },
        ("GSASIIstrMath.ApplyRBModelDervs",),
    ),
    Wrapper(
        "orientation",
        derivatives.orientation,
        {
            "GSASIIstrMath.getPowderProfileDerv": "args",
            "GSASIIstrMath.GetPrefOriDerv": "refl im uniq G g phfx hfx SGData calcControls parmDict",
        },
        ("GSASIIstrMath.GetIntensityDerv",),
    ),
    Wrapper(
        "idle",
        derivatives.idle,
        {
            "GSASIIstrMath.getPowderProfileDerv": "args",
            "GSASIIstrMath.GetHStrainShiftDerv": "refl im SGData phfx hfx calcControls parmDict",
            "GSASIIstrMath.GetSampleSigGamDerv": "refl im wave G GB SGData hfx phfx calcControls parmDict",
            "GSASIIstrMath.GetPwdrExtDerv": "refl im pfx phfx hfx calcControls parmDict",
            "GSASIIstrMath.GetAbsorbDerv": "refl im hfx calcControls parmDict",
        },
        ("GSASIIstrMath.GetIntensityDerv",),
    ),
    Wrapper("distance", scalars.distance, {"GSASIIlattice.calc_rDsq": "H A"}, ()),
    Wrapper(
        "intensity",
        scalars.intensity,
        {
            "GSASIIpwd.Polarization": "Pola Tth Azm",
            "GSASIIpwd.SurfaceRough": "SRA SRB Tth",
            "GSASIIstrMath.GetPwdrExt": "refl im pfx phfx hfx calcControls parmDict",
        },
        ("GSASIIstrMath.GetIntensityCorr",),
    ),
    Wrapper("search", scalars.search, {}, ("GSASIIstrMath.getPowderProfile", "GSASIIstrMath.getPowderProfileDerv")),
    Wrapper("lookup", derivatives.lookup, {"GSASIIstrMath.getPowderProfileDerv": "args"}, ()),
    Wrapper(
        "plain",
        arrays.install,
        {"GSASIIstrMath.getPowderProfile": _PATTERN, "GSASIIstrMath.getPowderProfileDerv": "args"},
        ("GSASIIpwd.getBackground", "GSASIIpwd.getBackgroundDerv"),
    ),
)

NAMES = tuple(wrapper.name for wrapper in WRAPPERS)

_installed: dict[str, Guard] = {}


def _check(wrapper: Wrapper) -> None:
    # GSAS-II's own processes get functions by name, which does not work for wrapped ones.
    if module("GSASIIpath").GetConfigValue("Multiprocessing_cores", 0) not in (0, 1):
        raise Unfit("GSAS-II's setting Multiprocessing_cores is on")
    for name, parameters in wrapper.wraps.items():
        check(name, tuple(parameters.split()), KNOWN.get(name, ()))
    for name in wrapper.relies_on:
        check(name, None, KNOWN.get(name, ()))


def install(log: Callable[[str], None]) -> tuple[str, ...]:
    """Install the wrappers chosen by AUTOGSAS_GSAS2_WRAPPERS that fit this GSAS-II, and return their names.

    Call it once in the process that has imported GSAS-II, before it forks; a second call changes nothing. ``log`` gets
    a line for each wrapper that does not fit this GSAS-II, and later for each that is switched off.
    """
    if _installed:
        return active()
    for word in unknown_names(NAMES):
        log(f"AUTOGSAS_GSAS2_WRAPPERS: unknown wrapper {word!r}; allowed: {', '.join(NAMES)}")
    chosen = wanted(NAMES)
    fit = []
    for wrapper in WRAPPERS:
        if wrapper.name not in chosen:
            continue
        try:
            _check(wrapper)
        except (Unfit, ImportError) as error:
            log(f"wrapper {wrapper.name} is off: {error}")
        else:
            fit.append(wrapper)
    for wrapper in fit:
        guard = Guard(wrapper.name, log)
        wrapper.install(guard)
        _installed[wrapper.name] = guard
    return active()


def active() -> tuple[str, ...]:
    """Return the names of the installed wrappers that have not been switched off."""
    return tuple(name for name, guard in _installed.items() if not guard.refuted())


def all_fingerprints() -> dict[str, str]:
    """Return the fingerprints of this GSAS-II.

    Add them to fingerprints.py once the benchmark has shown identical results.
    """
    names = {name for wrapper in WRAPPERS for name in (*wrapper.wraps, *wrapper.relies_on)}
    found = {}
    for full_name in sorted(names):
        owner, _, name = full_name.partition(".")
        found[full_name] = fingerprint(getattr(module(owner), name))
    return found
