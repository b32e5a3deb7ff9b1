"""What GSAS-II is asked: single lines, structures, backgrounds, patterns. Plain data; read by GSAS-II's Python too.

Units are GSAS-II's. A site is label, element as in CIF, x, y, z, occupancy, and U_iso or the six U_ij.
"""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

CU, CU_DOUBLET, HARD, NEUTRON = [1.540593], [1.5405, 1.5443], [0.7], [1.909]

ANGLES = [5, 7, 9, 12, 16, 21, 27, 34, 42, 51, 61, 71, 81, 90, 96, 105, 117, 130, 145, 160]
# sig (centidegree^2), gam (centidegree), SH/L; 0.001 is where GSAS-II stops a width that turns negative.
LINES = [
    (4.0, 3.0, 0.002),
    (4.0, 3.0, 0.02),
    (4.0, 3.0, 0.05),
    (20.0, 0.001, 0.002),
    (20.0, 0.001, 0.02),
    (20.0, 0.001, 0.05),
    (0.001, 6.0, 0.02),
    (4.0, 0.3, 0.03),
    (30.0, 25.0, 0.02),
    (30.0, 25.0, 0.05),
    (250.0, 5.0, 0.05),
    (12.0, 2.0, 0.1),
]


def phase(name: str, space_group: str, cell: list[float], sites: list[list[Any]]) -> Case:
    """Return a phase as plain data."""
    return {"name": name, "space_group": space_group, "cell": cell, "sites": sites}


MAGNETITE = phase(
    "magnetite",
    "F d -3 m:2",
    [8.3969, 8.3969, 8.3969, 90, 90, 90],
    [
        ["Fe1", "Fe3+", 0.125, 0.125, 0.125, 1.0, 0.0055],
        ["Fe2", "Fe2+", 0.5, 0.5, 0.5, 0.4, 0.0065],
        ["Fe3", "Fe3+", 0.5, 0.5, 0.5, 0.55, 0.0065],
        ["O1", "O2-", 0.2549, 0.2549, 0.2549, 1.0, 0.0075],
    ],
)
RUTILE = phase(
    "rutile",
    "P 42/m n m",
    [4.594, 4.594, 2.959, 90, 90, 90],
    [
        ["Ti1", "Ti", 0.0, 0.0, 0.0, 1.0, [0.0068, 0.0068, 0.0046, -0.0003, 0.0, 0.0]],
        ["O1", "O", 0.3048, 0.3048, 0.0, 1.0, [0.0060, 0.0060, 0.0042, -0.0019, 0.0, 0.0]],
    ],
)
ANGLESITE = phase(
    "anglesite",
    "P n m a",
    [8.4764, 5.3963, 6.9568, 90, 90, 90],
    [
        ["Pb1", "Pb", 0.1880, 0.25, 0.1672, 0.7, 0.0170],
        ["Ba1", "Ba", 0.1880, 0.25, 0.1672, 0.3, 0.0170],
        ["S1", "S", 0.0644, 0.25, 0.6842, 1.0, 0.0090],
        ["O1", "O", 0.9075, 0.25, 0.5963, 1.0, 0.0210],
        ["O2", "O", 0.1935, 0.25, 0.5427, 1.0, 0.0190],
        ["O3", "O", 0.0811, 0.0267, 0.8089, 1.0, 0.0150],
    ],
)
FLUORAPATITE = phase(
    "fluorapatite",
    "P 63/m",
    [9.3684, 9.3684, 6.8852, 90, 90, 120],
    [
        ["Ca1", "Ca", 1 / 3, 2 / 3, 0.0010, 1.0, 0.0085],
        ["Ca2", "Ca", 0.9930, 0.2420, 0.25, 1.0, 0.0078],
        ["P1", "P", 0.3690, 0.3985, 0.25, 1.0, 0.0062],
        ["O1", "O", 0.4849, 0.3273, 0.25, 1.0, 0.0102],
        ["O2", "O", 0.4667, 0.5875, 0.25, 1.0, 0.0115],
        ["O3", "O", 0.2575, 0.3421, 0.0705, 1.0, 0.0124],
        ["F1", "F", 0.0, 0.0, 0.25, 1.0, 0.0201],
    ],
)
HEMATITE = phase(
    "hematite",
    "R -3 c:H",
    [5.0356, 5.0356, 13.7489, 90, 90, 120],
    [["Fe1", "Fe3+", 0.0, 0.0, 0.3553, 1.0, 0.0050], ["O1", "O2-", 0.3059, 0.0, 0.25, 1.0, 0.0060]],
)
DIOPSIDE = phase(
    "diopside",
    "C 1 2/c 1",
    [9.746, 8.899, 5.251, 90, 105.63, 90],
    [
        ["Ca1", "Ca", 0.0, 0.3015, 0.25, 1.0, [0.0111, 0.0087, 0.0079, 0.0, 0.0005, 0.0]],
        ["Mg1", "Mg", 0.0, 0.9082, 0.25, 1.0, [0.0069, 0.0064, 0.0056, 0.0, 0.0013, 0.0]],
        ["Si1", "Si", 0.2862, 0.0933, 0.2293, 1.0, [0.0052, 0.0058, 0.0054, -0.0006, 0.0014, -0.0003]],
        ["O1", "O", 0.1156, 0.0873, 0.1422, 1.0, [0.0057, 0.0086, 0.0074, 0.0004, 0.0015, 0.0003]],
        ["O2", "O", 0.3611, 0.2500, 0.3180, 1.0, [0.0104, 0.0067, 0.0079, -0.0020, 0.0022, 0.0002]],
        ["O3", "O", 0.3505, 0.0176, 0.9953, 1.0, 0.0079],
    ],
)
CUWO4 = phase(
    "copper tungstate",
    "P -1",
    [4.7026, 5.8389, 4.8784, 91.677, 92.469, 82.805],
    [
        ["Cu1", "Cu", 0.49533, 0.65976, 0.24481, 1.0, [0.0072, 0.0094, 0.0068, -0.0016, 0.0011, 0.0021]],
        ["W1", "W", 0.02106, 0.17348, 0.25429, 1.0, [0.0041, 0.0038, 0.0052, 0.0004, -0.0003, 0.0006]],
        ["O1", "O", 0.2491, 0.3535, 0.4245, 1.0, 0.0070],
        ["O2", "O", 0.2145, 0.8812, 0.4309, 1.0, 0.0080],
        ["O3", "O", 0.7353, 0.3803, 0.0981, 1.0, 0.0065],
        ["O4", "O", 0.7826, 0.9079, 0.0533, 1.0, 0.0075],
    ],
)
ZINCITE = phase(
    "zincite",
    "P 63 m c",
    [3.2498, 3.2498, 5.2066, 90, 90, 120],
    [["Zn1", "Zn", 1 / 3, 2 / 3, 0.0, 1.0, 0.0063], ["O1", "O", 1 / 3, 2 / 3, 0.3821, 1.0, 0.0072]],
)
QUARTZ = phase(
    "quartz",
    "P 32 2 1",
    [4.9137, 4.9137, 5.4047, 90, 90, 120],
    [["Si1", "Si", 0.4697, 0.0, 2 / 3, 1.0, 0.0070], ["O1", "O", 0.4135, 0.2669, 0.7858, 1.0, 0.0120]],
)
CORUNDUM = phase(
    "corundum",
    "R -3 c:H",
    [4.7589, 4.7589, 12.9919, 90, 90, 120],
    [["Al1", "Al", 0.0, 0.0, 0.3522, 1.0, 0.0040], ["O1", "O", 0.3064, 0.0, 0.25, 1.0, 0.0045]],
)
CAGE = phase(
    "made-up cage",
    "P m -3 m",
    [15.4, 15.4, 15.4, 90, 90, 90],
    [["Si1", "Si", 0.0, 0.1832, 0.3704, 1.0, 0.0200], ["O1", "O", 0.0, 0.2228, 0.5, 1.0, 0.0250]],
)

# Name of the mirror image's space group, for the structures that differ from theirs.
HANDS = {"zincite": "P 63 m c", "quartz": "P 31 2 1"}

# phase, and limits in degrees 2theta by radiation and wavelength: wide enough for sixty reflections and more.
STRUCTURES = [
    (MAGNETITE, {"cu": [10, 160], "hard": [5, 120], "neutron": [10, 165]}),
    (RUTILE, {"cu": [10, 160], "hard": [5, 100], "neutron": [10, 165]}),
    (ANGLESITE, {"cu": [10, 90], "hard": [5, 45], "neutron": [10, 110]}),
    (FLUORAPATITE, {"cu": [8, 80], "hard": [4, 40], "neutron": [8, 110]}),
    (HEMATITE, {"cu": [10, 160], "hard": [5, 90], "neutron": [10, 165]}),
    (DIOPSIDE, {"cu": [10, 80], "hard": [4, 40], "neutron": [8, 100]}),
    (CUWO4, {"cu": [10, 90], "hard": [4, 50], "neutron": [8, 120]}),
    (ZINCITE, {"cu": [10, 160], "hard": [5, 100], "neutron": [10, 165]}),
    (QUARTZ, {"cu": [10, 140], "hard": [5, 60], "neutron": [10, 165]}),
]
RADIATIONS = {"cu": ("xray", CU), "hard": ("xray", HARD), "neutron": ("neutron", NEUTRON)}

BACKGROUND_FUNCTIONS = [
    "chebyschev-1",
    "cosine",
    "Q^2 power series",
    "Q^-2 power series",
    "lin interpolate",
    "inv interpolate",
    "log interpolate",
]
BACKGROUND_TERMS = [1, 2, 3, 7]
BACKGROUND_COEFFICIENTS = [310.0, -42.0, 17.0, 6.5, -9.0, 3.25, 11.0]


# Degrees at both ends of a pattern that are calculated and not compared: GSAS-II lists no reflection beyond the limits,
# and what one leaves out there reaches in.
MARGIN = 4.0


def instrument(radiation: str, wavelengths: list[float], geometry: str, **values: float) -> Case:
    """Return an instrument as plain data; what is not said is at a plain default."""
    usual = {
        "ratio": 0.5,
        "polarization": 0.5,
        "zero": 0.0,
        "U": 3.0,
        "V": -1.5,
        "W": 4.0,
        "X": 1.5,
        "Y": 2.0,
        "Z": 0.0,
        "SH_L": 0.002,
        "radius": 200.0,
    }
    return {"radiation": radiation, "wavelengths": wavelengths, "geometry": geometry, **usual, **values}


def part(what: Case, scale: float, **specimen: Any) -> Case:
    """Return a phase with its scale and what its specimen does: "size", "strain", "orientation"."""
    return {"phase": what, "scale": scale, **specimen}


def pattern(tool: Case, parts: list[Case], start: float, step: float, count: int, **more: Any) -> Case:
    """Return a pattern to calculate: instrument, parts, points, and what else there is to it."""
    plain = {
        "corrections": {},
        "absorption": 0.0,
        "background_peaks": [],
        "excluded": [],
        "background": ["chebyschev-1", [60.0]],
    }
    points = {"start": start, "step": step, "count": count, "margin": round(MARGIN / step)}
    return {"instrument": tool, "parts": parts, **points, **plain, **more}


def broadening(value: float, mix: float = 1.0, axial: float | None = None, axis: list[int] | None = None) -> Case:
    """Return size or strain, uniaxial where ``axial`` is given."""
    if axial is None:
        return {"model": "isotropic", "value": value, "mix": mix}
    return {"model": "uniaxial", "value": value, "axial": axial, "axis": axis or [0, 0, 1], "mix": mix}


def generalised(coefficients: list[float], mix: float) -> Case:
    """Return a strain by Stephens' coefficients S_hkl."""
    return {"model": "generalized", "value": 1000.0, "mix": mix, "coefficients": coefficients}


_FLAT, _ROUND = "Bragg-Brentano", "Debye-Scherrer"
_LAB = instrument("xray", CU_DOUBLET, _FLAT)
_ONE = instrument("xray", CU, _FLAT)
_HARD = instrument("xray", HARD, _ROUND, polarization=0.95, U=1.0, V=-0.4, W=2.0, X=0.8, Y=1.0)
_D1A = instrument("neutron", NEUTRON, _ROUND, U=180.0, V=-250.0, W=240.0, X=0.5, Y=1.0)
# The widths that size and strain make are to be seen beside the instrument's.
_NARROW = instrument("xray", CU, _FLAT, U=1.0, V=-0.5, W=2.0, X=0.2, Y=0.2)
_TYPICAL = {"size": broadening(0.4), "strain": broadening(900.0)}

PATTERNS = {
    "doublet, displacement, transparency and zero": pattern(
        _LAB | {"zero": 0.035},
        [part(RUTILE, 60.0, **_TYPICAL)],
        22.0,
        0.03,
        1801,
        corrections={"Shift": 130.0, "Transparency": 2.5},
    ),
    "Debye-Scherrer, displaced": pattern(
        _HARD,
        [part(CORUNDUM, 30.0, **_TYPICAL)],
        9.0,
        0.02,
        1801,
        corrections={"DisplaceX": 160.0, "DisplaceY": -220.0},
    ),
    "neutrons": pattern(_D1A, [part(ANGLESITE, 2.0e4, **_TYPICAL)], 15.0, 0.05, 1801),
    "isotropic, Lorentzian": pattern(
        _NARROW, [part(CORUNDUM, 60.0, size=broadening(0.06, 1.0), strain=broadening(2500.0, 1.0))], 22.0, 0.04, 1641
    ),
    "isotropic, half and half": pattern(
        _NARROW, [part(CORUNDUM, 60.0, size=broadening(0.06, 0.5), strain=broadening(2500.0, 0.5))], 22.0, 0.04, 1641
    ),
    "isotropic, Gaussian": pattern(
        _NARROW, [part(CORUNDUM, 60.0, size=broadening(0.06, 0.0), strain=broadening(2500.0, 0.0))], 22.0, 0.04, 1641
    ),
    "uniaxial size": pattern(
        _NARROW,
        [part(CORUNDUM, 60.0, size=broadening(0.03, 0.7, 0.12, [0, 0, 1]), strain=broadening(400.0))],
        22.0,
        0.04,
        1641,
    ),
    "uniaxial strain": pattern(
        _NARROW,
        [part(RUTILE, 300.0, size=broadening(0.8), strain=broadening(1500.0, 0.4, 6000.0, [1, 1, 0]))],
        22.0,
        0.04,
        1501,
    ),
    "generalised strain, tetragonal": pattern(
        _NARROW,
        [part(RUTILE, 300.0, size=broadening(0.8), strain=generalised([8.0e4, 5.0e4, -2.0e4, 9.0e4], 0.7))],
        22.0,
        0.04,
        1501,
    ),
    "generalised strain, monoclinic": pattern(
        _NARROW,
        [
            part(
                DIOPSIDE,
                25.0,
                size=broadening(0.8),
                strain=generalised([300.0, 1200.0, 2500.0, 400.0, 350.0, 900.0, 150.0, -200.0, 90.0], 0.4),
            )
        ],
        10.0,
        0.03,
        1801,
    ),
    "March-Dollase 0.7": pattern(
        _LAB, [part(CORUNDUM, 40.0, orientation={"axis": [0, 0, 1], "ratio": 0.7}, **_TYPICAL)], 22.0, 0.04, 1641
    ),
    "March-Dollase 1.4": pattern(
        _LAB, [part(RUTILE, 50.0, orientation={"axis": [1, 0, 1], "ratio": 1.4}, **_TYPICAL)], 22.0, 0.04, 1501
    ),
    "absorption 0.5": pattern(_D1A, [part(HEMATITE, 3.0e4, **_TYPICAL)], 20.0, 0.05, 2001, absorption=0.5),
    "absorption 4": pattern(_HARD, [part(CORUNDUM, 900.0, **_TYPICAL)], 9.0, 0.04, 1501, absorption=4.0),
    "background peaks": pattern(
        _LAB,
        [part(RUTILE, 60.0, **_TYPICAL)],
        16.0,
        0.04,
        1201,
        background=["chebyschev-1", [180.0, -40.0, 12.0]],
        background_peaks=[[24.0, 9.0e4, 2.5e4, 30.0], [45.3, 1.2e4, 1.5e3, 0.1]],
    ),
    "two phases": pattern(
        _LAB | {"polarization": 0.7},
        [
            part(RUTILE, 30.0, size=broadening(0.15, 0.8), strain=broadening(700.0)),
            part(CORUNDUM, 40.0, size=broadening(0.5), strain=broadening(1800.0, 0.6)),
        ],
        22.0,
        0.03,
        1634,
    ),
    "polarisation 0.5": pattern(_ONE, [part(CORUNDUM, 25.0, **_TYPICAL)], 21.0, 0.06, 1661),
    "polarisation 0.7": pattern(_ONE | {"polarization": 0.7}, [part(CORUNDUM, 25.0, **_TYPICAL)], 21.0, 0.06, 1661),
    "polarisation 0.95": pattern(_ONE | {"polarization": 0.95}, [part(CORUNDUM, 25.0, **_TYPICAL)], 21.0, 0.06, 1661),
    "anisotropic U": pattern(_ONE, [part(DIOPSIDE, 25.0, **_TYPICAL)], 10.0, 0.03, 1801),
    "excluded region": pattern(
        _LAB,
        [part(CORUNDUM, 40.0, **_TYPICAL)],
        22.0,
        0.04,
        1301,
        excluded=[[34.6, 36.1]],
        background=["cosine", [150.0, -30.0, 20.0, 5.0]],
    ),
    "axial divergence at low angle": pattern(
        _LAB | {"SH_L": 0.05, "W": 3.0, "X": 2.5}, [part(CAGE, 0.4, **_TYPICAL)], 4.0, 0.02, 2001
    ),
    "axial divergence, neutrons": pattern(
        _D1A | {"SH_L": 0.045, "X": 4.0}, [part(ANGLESITE, 2.0e4, **_TYPICAL)], 15.0, 0.05, 2701
    ),
    "all together, laboratory": pattern(
        _LAB | {"SH_L": 0.025, "polarization": 0.7, "zero": -0.02, "Z": 0.5},
        [
            part(
                DIOPSIDE,
                12.0,
                size=broadening(0.2, 0.8, 0.6, [0, 1, 0]),
                strain=broadening(800.0, 0.5),
                orientation={"axis": [1, 1, 0], "ratio": 0.8},
            ),
            part(CORUNDUM, 15.0, size=broadening(0.5), strain=broadening(600.0, 0.9, 1500.0, [0, 0, 1])),
        ],
        10.0,
        0.03,
        2201,
        corrections={"Shift": -90.0, "Transparency": 1.5},
        excluded=[[43.1, 44.0]],
        background=["log interpolate", [260.0, 190.0, 120.0, 95.0, 80.0]],
        background_peaks=[[22.0, 4.0e4, 1.2e4, 20.0]],
    ),
    "all together, capillary": pattern(
        _HARD | {"SH_L": 0.006, "zero": 0.012, "Z": 0.2},
        [
            part(
                FLUORAPATITE,
                1.5,
                size=broadening(0.3, 0.6, 0.15, [1, 0, 0]),
                strain=broadening(700.0, 0.8, 300.0, [0, 0, 1]),
                orientation={"axis": [0, 0, 1], "ratio": 1.15},
            )
        ],
        6.0,
        0.02,
        2001,
        corrections={"DisplaceX": -80.0, "DisplaceY": 120.0},
        absorption=1.2,
        background=["Q^-2 power series", [70.0, 25.0, 6.0]],
    ),
}


LAUE: dict[str, tuple[str, tuple[float, ...]]] = {
    "P -1": ("P -1", (5.1, 6.2, 7.3, 81.0, 95.0, 102.0)),
    "P 21/b 1 1": ("P 21/b 1 1", (5.0, 6.0, 7.0, 101.0, 90.0, 90.0)),
    "C 1 2/c 1": ("C 2/c", (9.0, 6.0, 7.0, 90.0, 101.0, 90.0)),
    "P 1 1 21/b": ("P 1 1 21/b", (5.0, 6.0, 7.0, 90.0, 90.0, 101.0)),
    "F d d d:2": ("F d d d", (7.0, 8.0, 9.0, 90.0, 90.0, 90.0)),
    "I 41/a:2": ("I 41/a", (5.0, 5.0, 9.0, 90.0, 90.0, 90.0)),
    "I 41/a m d:2": ("I 41/a m d", (5.0, 5.0, 9.0, 90.0, 90.0, 90.0)),
    "R -3:H": ("R -3", (5.0, 5.0, 12.0, 90.0, 90.0, 120.0)),
    "R -3:R": ("R -3 R", (6.0, 6.0, 6.0, 65.0, 65.0, 65.0)),
    "R -3 m:R": ("R -3 m R", (6.0, 6.0, 6.0, 65.0, 65.0, 65.0)),
    "P 3": ("P 3", (5.0, 5.0, 7.0, 90.0, 90.0, 120.0)),
    "P 3 1 m": ("P 3 1 m", (5.0, 5.0, 7.0, 90.0, 90.0, 120.0)),
    "P -3 m 1": ("P -3 m 1", (5.0, 5.0, 7.0, 90.0, 90.0, 120.0)),
    "P 63/m": ("P 63/m", (5.0, 5.0, 7.0, 90.0, 90.0, 120.0)),
    "P 6/m m m": ("P 6/m m m", (5.0, 5.0, 7.0, 90.0, 90.0, 120.0)),
    "P a -3": ("P a -3", (8.0, 8.0, 8.0, 90.0, 90.0, 90.0)),
    "I m -3 m": ("I m -3 m", (6.0, 6.0, 6.0, 90.0, 90.0, 90.0)),
}
"""A group of each Laue class and setting: its symbol here, GSAS-II's, and a cell."""

STRAINED = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 2, 3], [-2, 1, 4], [3, -1, 2], [2, 3, -5], [-1, -4, 2]]
"""Reflections whose terms of the generalised strain are asked for."""
