"""The samples of known truth: what each is made of, how it is measured, and what a user would know of it.

Only the standard library is imported: GSAS-II's own Python reads this file too (see ``simulate_truth.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["INSTRUMENTS", "SAMPLES", "Beam", "Part", "Sample"]


Axis = tuple[int, int, int]


@dataclass(frozen=True)
class Part:
    """One phase of a sample.

    ``weight`` is its share by mass. ``size`` in micrometre and ``strain`` in 1e-6 are (value,), or (equatorial, axial)
    along ``broadening_axis``; ``stephens`` are the coefficients S_hkl in GSAS-II's order and units, in place of the
    strain; ``texture`` is a March-Dollase axis and ratio. ``true`` and ``given`` change entries of sites in what is
    measured and in what the user knows, {label: {"x", "y", "z", "occupancy", "uiso" or "uaniso": value}}, and ``extra``
    are further sites of both. The user may not know the phase (``known``), or believe another space ``group``.
    """

    structure: str
    weight: float = 1.0
    size: tuple[float, ...] = (1.0,)
    strain: tuple[float, ...] = (300.0,)
    broadening_axis: Axis = (0, 0, 1)
    stephens: tuple[float, ...] = ()
    texture: tuple[Axis, float] | None = None
    true: dict[str, dict[str, Any]] = field(default_factory=dict)
    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra: tuple[tuple[str, str, float, float, float, float, float], ...] = ()
    known: bool = True
    group: str = ""


@dataclass(frozen=True)
class Beam:
    """One measured pattern.

    ``counts`` at the highest peak over a smooth ``background`` of so many counts; the range in degrees 2theta;
    ``shift`` in micrometre, ``transparency`` in cm, ``zero`` in degrees. ``broad_peak`` is one of the background:
    position, height in counts, full width at half maximum. ``lines`` are further wavelengths (Angstrom) with their
    intensity over that of the main one. The user believes another ``wavelength`` or other ``widths`` where these are
    given.
    """

    instrument: str = "laboratory"
    counts: float = 12000.0
    background: float = 120.0
    low: float = 18.0
    high: float = 110.0
    step: float = 0.025
    shift: float = 0.0
    transparency: float = 0.0
    zero: float = 0.0
    broad_peak: tuple[float, float, float] | None = None
    lines: tuple[tuple[float, float], ...] = ()
    wavelength: tuple[float, ...] = ()
    widths: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One sample of known truth.

    ``kind`` groups samples that differ in the same way from a plain one. ``expect`` is "right" where a search can find
    the truth, "reported" where the given model cannot be right, so that the answer has to say so. ``cell`` is by how
    much the given cells are off (relative), ``atoms`` by how much the given positions are (Angstrom). ``believed``
    replaces the structures that the user gives.
    """

    name: str
    kind: str
    parts: tuple[Part, ...]
    beams: tuple[Beam, ...] = (Beam(),)
    expect: Literal["right", "reported"] = "right"
    cell: float = 0.0004
    atoms: float = 0.01
    believed: str = ""


# Widths in centidegree and centidegree^2, as in GSAS-II.
INSTRUMENTS: dict[str, dict[str, Any]] = {
    "laboratory": {
        "type": "PXC",
        "geometry": "Bragg-Brentano",
        "wavelengths": (1.540593, 1.544427),
        "ratio": 0.5,
        "polarization": 0.7,
        "U": 1.2,
        "V": -1.1,
        "W": 2.6,
        "X": 0.6,
        "Y": 1.6,
        "Z": 0.0,
        "SH/L": 0.025,
    },
    "monochromatic": {
        "type": "PXC",
        "geometry": "Bragg-Brentano",
        "wavelengths": (1.540593,),
        "ratio": 0.0,
        "polarization": 0.9,
        "U": 0.9,
        "V": -0.6,
        "W": 1.6,
        "X": 0.4,
        "Y": 1.2,
        "Z": 0.0,
        "SH/L": 0.02,
    },
    "synchrotron": {
        "type": "PXC",
        "geometry": "Debye-Scherrer",
        "wavelengths": (0.6199,),
        "ratio": 0.0,
        "polarization": 0.99,
        "U": 1.2,
        "V": -0.3,
        "W": 0.7,
        "X": 0.1,
        "Y": 0.6,
        "Z": 0.0,
        "SH/L": 0.004,
    },
    "neutron": {
        "type": "PNC",
        "geometry": "Debye-Scherrer",
        "wavelengths": (1.5942,),
        "ratio": 0.0,
        "polarization": 0.0,
        "U": 180.0,
        "V": -320.0,
        "W": 260.0,
        "X": 0.5,
        "Y": 0.5,
        "Z": 0.0,
        "SH/L": 0.04,
    },
}

_NEUTRON = Beam("neutron", counts=6000.0, background=150.0, low=12.0, high=150.0, step=0.1)
_SYNCHROTRON = Beam("synchrotron", counts=40000.0, background=400.0, low=4.0, high=42.0, step=0.006)
_MONO = Beam("monochromatic")


SAMPLES: tuple[Sample, ...] = (
    Sample("corundum-plain", "plain, X-rays", (Part("corundum"),)),
    Sample("apatite-plain", "plain, X-rays", (Part("apatite"),)),
    Sample("perovskite-plain", "plain, X-rays", (Part("perovskite"),), (_MONO,)),
    Sample("anglesite-neutrons", "plain, neutrons", (Part("anglesite"),), (_NEUTRON,)),
    Sample("triphylite-neutrons", "plain, neutrons", (Part("triphylite"),), (_NEUTRON,)),
    Sample("yttria-synchrotron", "plain, synchrotron", (Part("yttria"),), (_SYNCHROTRON,)),
    Sample("baddeleyite-synchrotron", "plain, synchrotron", (Part("baddeleyite"),), (_SYNCHROTRON,)),
    Sample("kyanite-plain", "triclinic", (Part("kyanite"),), (Beam(high=120.0, counts=20000.0),)),
    Sample("gypsum-plain", "monoclinic", (Part("gypsum"),)),
    Sample("zincite-plates", "texture along c, plates", (Part("zincite", texture=((0, 0, 1), 0.7)),)),
    Sample("corundum-plates", "texture along c, plates", (Part("corundum", texture=((0, 0, 1), 0.75)),)),
    Sample("rutile-needles", "texture along c, needles", (Part("rutile", texture=((0, 0, 1), 1.4)),)),
    Sample("zincite-needles", "texture along c, needles", (Part("zincite", texture=((0, 0, 1), 1.3)),)),
    Sample("calcite-cleaved", "texture along another axis", (Part("calcite", texture=((1, 0, 4), 0.72)),)),
    Sample("anatase-101", "texture along another axis", (Part("anatase", texture=((1, 0, 1), 0.78)),)),
    Sample("halite-cubes", "texture of a cubic powder", (Part("halite", texture=((1, 0, 0), 0.8)),)),
    Sample("gypsum-cleaved", "strong texture", (Part("gypsum", texture=((0, 1, 0), 0.5)),)),
    Sample("brucite-plates", "strong texture", (Part("brucite", texture=((0, 0, 1), 0.45)),)),
    Sample(
        "calcite-in-quartz",
        "texture in a mixture",
        (Part("quartz", 0.55), Part("calcite", 0.45, texture=((1, 0, 4), 0.7))),
    ),
    Sample(
        "brucite-in-periclase",
        "texture in a mixture",
        (Part("periclase", 0.6), Part("brucite", 0.4, texture=((0, 0, 1), 0.6))),
    ),
    Sample(
        "two-sizes",
        "two phases of different sizes",
        (Part("rutile", 0.5, size=(0.6,)), Part("anatase", 0.5, size=(0.012,))),
    ),
    Sample(
        "sharp-and-broad", "two phases of different sizes", (Part("corundum", 0.65), Part("ceria", 0.35, size=(0.02,)))
    ),
    Sample("three-phases", "three phases", (Part("corundum", 0.31), Part("fluorite", 0.35), Part("zincite", 0.34))),
    Sample(
        "trace-corundum",
        "three phases, one minor",
        (Part("corundum", 0.05), Part("fluorite", 0.53), Part("zincite", 0.42)),
    ),
    Sample(
        "four-phases",
        "four phases",
        (Part("quartz", 0.3), Part("calcite", 0.3), Part("rutile", 0.2), Part("hematite", 0.2)),
    ),
    Sample(
        "four-with-trace",
        "four phases",
        (Part("corundum", 0.5), Part("zincite", 0.28), Part("fluorite", 0.2), Part("brucite", 0.02)),
    ),
    Sample("nano-ceria", "nanocrystals", (Part("ceria", size=(0.007,)),)),
    Sample("nano-anatase", "nanocrystals", (Part("anatase", size=(0.009,)),)),
    Sample("strained-rutile", "isotropic strain", (Part("rutile", strain=(3500.0,)),)),
    Sample("strained-spinel", "isotropic strain", (Part("spinel", strain=(2500.0,)),)),
    Sample("faulted-zincite", "uniaxial size", (Part("zincite", size=(0.04, 0.012)),)),
    Sample("faulted-LiCoO2", "uniaxial strain", (Part("LiCoO2", strain=(1000.0, 4500.0)),)),
    Sample("stephens-silicon", "Stephens strain", (Part("silicon", stephens=(0.02, 0.3)),)),
    Sample("stephens-rutile", "Stephens strain", (Part("rutile", stephens=(150.0, 40.0, -100.0, 900.0)),)),
    Sample("displaced-quartz", "displaced", (Part("quartz"),), (Beam(shift=-120.0),)),
    Sample("displaced-LaB6", "displaced", (Part("LaB6"),), (Beam(shift=80.0, high=140.0),)),
    Sample("transparent-halite", "transparent", (Part("halite"),), (Beam(transparency=0.04, shift=-30.0),)),
    Sample("zero-hematite", "zero off", (Part("hematite"),), (Beam(zero=0.04),)),
    Sample(
        "zero-yttria-synchrotron",
        "zero off",
        (Part("yttria"),),
        (Beam("synchrotron", counts=30000.0, background=300.0, low=4.0, high=42.0, step=0.006, zero=-0.008),),
    ),
    Sample("cell-off-anglesite", "cell off", (Part("anglesite"),), cell=0.004),
    Sample("cell-off-corundum", "cell off", (Part("corundum"),), cell=0.006),
    Sample("atoms-off-perovskite", "atoms off", (Part("perovskite"),), (_NEUTRON,), atoms=0.15),
    Sample("atoms-off-apatite", "atoms off", (Part("apatite"),), (Beam(counts=20000.0),), atoms=0.12),
    Sample(
        "anisotropic-anglesite",
        "anisotropic U",
        (
            Part(
                "anglesite",
                true={
                    "O1": {"uaniso": (0.020, 0.032, 0.018, 0.0, 0.006, 0.0)},
                    "O3": {"uaniso": (0.024, 0.012, 0.016, 0.003, 0.002, 0.004)},
                },
            ),
        ),
        (Beam("neutron", counts=20000.0, background=200.0, low=12.0, high=150.0, step=0.1),),
    ),
    Sample(
        "mixed-spinel",
        "a mixed site",
        (
            Part(
                "spinel",
                true={"Mg": {"occupancy": 0.55}, "Mn": {"occupancy": 0.45}},
                given={"Mg": {"occupancy": 0.5}, "Mn": {"occupancy": 0.5}},
                extra=(("Mn", "Mn", 0.125, 0.125, 0.125, 0.5, 0.0048),),
            ),
        ),
    ),
    Sample(
        "mixed-apatite",
        "a mixed site",
        (
            Part(
                "apatite",
                true={"Ca2": {"occupancy": 0.75}, "Sr2": {"occupancy": 0.25}},
                given={"Ca2": {"occupancy": 1.0}},
                extra=(("Sr2", "Sr", 0.2420, 0.9929, 0.25, 0.0, 0.0088),),
            ),
        ),
    ),
    Sample("vacant-LiCoO2", "a vacant site", (Part("LiCoO2", true={"Li": {"occupancy": 0.6}}),), (_NEUTRON,)),
    Sample("vacant-ceria", "a vacant site", (Part("ceria", true={"O": {"occupancy": 0.88}}),), (_NEUTRON,)),
    Sample("glass-and-quartz", "a broad background peak", (Part("quartz"),), (Beam(broad_peak=(22.5, 500.0, 9.0)),)),
    Sample("glass-and-rutile", "a broad background peak", (Part("rutile"),), (Beam(broad_peak=(30.0, 350.0, 12.0)),)),
    Sample("weak-apatite", "low counts", (Part("apatite"),), (Beam(counts=700.0, background=60.0),)),
    Sample("weak-baddeleyite", "low counts", (Part("baddeleyite"),), (Beam(counts=400.0, background=30.0),)),
    Sample("both-anglesite", "X-rays and neutrons", (Part("anglesite"),), (Beam(), _NEUTRON)),
    Sample("both-spinel", "X-rays and neutrons", (Part("spinel"),), (Beam(), _NEUTRON)),
    Sample(
        "widths-off-corundum",
        "instrument widths wrong",
        (Part("corundum"),),
        (Beam(widths={"U": 4.0, "V": -3.0, "W": 9.0, "X": 0.0, "Y": 0.0}),),
    ),
    Sample(
        "widths-off-ceria-neutrons",
        "instrument widths wrong",
        (Part("ceria"),),
        (
            Beam(
                "neutron",
                counts=6000.0,
                background=150.0,
                low=12.0,
                high=150.0,
                step=0.1,
                widths={"U": 90.0, "V": -100.0, "W": 140.0},
            ),
        ),
    ),
    Sample("high-background", "high background", (Part("hematite"),), (Beam(counts=6000.0, background=3000.0),)),
    Sample(
        "missing-quartz",
        "a missing phase",
        (Part("corundum", 0.976), Part("quartz", 0.024, known=False)),
        expect="reported",
    ),
    Sample(
        "missing-periclase",
        "a missing phase",
        (Part("brucite", 0.9), Part("periclase", 0.1, known=False)),
        expect="reported",
    ),
    Sample("wrong-group-perovskite", "wrong space group", (Part("perovskite", group="I m m a"),), expect="reported"),
    Sample("wrong-structure", "wrong structure", (Part("halite"),), expect="reported", believed="periclase"),
    Sample("k-beta-silicon", "K-beta", (Part("silicon"),), (Beam(lines=((1.392218, 0.012),)),), expect="reported"),
    Sample(
        "tungsten-corundum", "tungsten", (Part("corundum"),), (Beam(lines=((1.476381, 0.010),)),), expect="reported"
    ),
    Sample(
        "wrong-wavelength",
        "wrong wavelength",
        (Part("quartz"),),
        (Beam("monochromatic", wavelength=(1.5406 * 1.12,)),),
        expect="reported",
    ),
)
