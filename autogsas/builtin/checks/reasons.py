"""What unexplained peaks may come from: other lines of the tube, half the wavelength, a larger cell, less symmetry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.residual_peaks import ResidualPeak
from autogsas.builtin.checks.windows import Lines
from autogsas.model.instrument import Instrument
from autogsas.model.result import Reflections
from autogsas.model.structure import Phase

__all__ = ["Reason", "cell_reason", "line_reasons"]

Array = npt.NDArray[np.float64]

# K-alpha1 and K-beta1 of the anodes, Angstrom (Bearden, Rev. Mod. Phys. 39, 78 (1967)).
_ANODES = {
    "Cu": (1.54060, 1.39222),
    "Co": (1.78897, 1.62079),
    "Fe": (1.93604, 1.75661),
    "Cr": (2.28970, 2.08487),
    "Mo": (0.70930, 0.63229),
    "Ag": (0.55941, 0.49707),
}
# Lines of tungsten, which the filament deposits on the anode (Bearden 1967).
_TUNGSTEN = {"tungsten L-alpha1": 1.47639, "tungsten L-alpha2": 1.48743, "tungsten L-beta1": 1.28181}
_SAME_ANODE = 0.002  # relative; a wavelength that was refined or rounded is nearer; not measured
_TOLERANCE = 0.5  # widths between a peak and where a line has it; not measured
_STRONGEST = 10  # reflections that show a line, if any do
_LARGEST = 0.3  # of a reflection: more is not a contamination
_ALIKE = 4.0  # largest factor between the shares of one line; not measured
_CHANCE = 1e-3  # probability below which peaks that all fall on lines of a cell are not there by chance; not measured
_CELLS: tuple[tuple[int, int, int], ...] = (
    (1, 1, 1),
    *((1, 1, 2), (1, 2, 1), (2, 1, 1), (1, 2, 2), (2, 1, 2), (2, 2, 1), (2, 2, 2)),
    *((3, 3, 1), (1, 1, 3), (3, 3, 3)),
)


@dataclass(frozen=True)
class Reason:
    """Why peaks are there: words for a sentence, and the numbers of the peaks that it explains."""

    words: str
    explains: tuple[int, ...]


def line_reasons(
    peaks: Sequence[ResidualPeak], reflections: Sequence[Reflections], instrument: Instrument, lines: Lines
) -> Iterator[Reason]:
    """Yield the lines of the radiation that explain some of the peaks.

    A line explains peaks where it has the strongest reflections: the strongest image that no calculated line hides
    must be there, and the shares of those that are there must agree. 2theta by Bragg's law from that of the main line,
    so that a shift of the sample moves both.
    """
    if not reflections:
        return
    d, place, height = (np.concatenate([f(item) for item in reflections]) for f in (_d, _place, _height))
    width = np.concatenate([item.fwhm for item in reflections])
    used = set[int]()
    for name, wavelength in _wavelengths(instrument):
        images = []
        for k in np.argsort(-height)[: 3 * _STRONGEST]:
            sine, first = wavelength / (2.0 * d[k]), instrument.wavelengths[0] / (2.0 * d[k])
            if sine >= 1.0 or first >= 1.0:
                continue
            at = float(place[k] + 2.0 * np.degrees(np.arcsin(sine) - np.arcsin(first)))
            if not _hides(lines, at):
                images.append((at, float(height[k]), float(width[k])))
        found: dict[int, float] = {}
        for at, strength, fwhm in images[:_STRONGEST]:
            near = [
                i for i, p in enumerate(peaks) if i not in used and abs(p.two_theta - at) <= _TOLERANCE * fwhm + 0.02
            ]
            if near:
                best = min(near, key=lambda i: abs(peaks[i].two_theta - at))
                found.setdefault(best, peaks[best].height * peaks[best].fwhm / fwhm / strength)
            elif not found:
                break  # the strongest one is not there
        shares = np.array(list(found.values()))
        if not found or np.max(shares) > _LARGEST or np.max(shares) > _ALIKE * np.min(shares):
            continue
        if len(found) == 1 and len(images) > 2 and images[1][1] > 0.7 * images[0][1]:
            continue  # a second image should be seen too
        used.update(found)
        share = 100.0 * float(np.median(shares))
        yield Reason(f"{name} ({wavelength:.4f} Å, {share:.1f} % of the main line)", tuple(sorted(found)))


def _d(item: Reflections) -> Array:
    return item.d


def _place(item: Reflections) -> Array:
    return item.two_theta


def _height(item: Reflections) -> Array:
    """Return what the heights of the peaks are proportional to."""
    return np.asarray(np.maximum(item.intensity, 0.0) / np.where(item.fwhm > 0, item.fwhm, 1.0))


def _wavelengths(instrument: Instrument) -> Iterator[tuple[str, float]]:
    main = instrument.wavelengths[0]
    if instrument.radiation == "xray":
        for anode, (alpha, beta) in _ANODES.items():
            if abs(main / alpha - 1.0) < _SAME_ANODE:
                yield f"{anode} K-beta", beta
                yield from _TUNGSTEN.items()
    yield "half the wavelength", main / 2.0


def _hides(lines: Lines, at: float) -> bool:
    if not lines.position.size:
        return False
    near = int(np.argmin(np.abs(lines.position - at)))
    return bool(abs(lines.position[near] - at) < 1.2 * lines.fwhm[near])


def cell_reason(
    peaks: Sequence[ResidualPeak], phases: Sequence[Phase], reflections: Sequence[Reflections], wavelength: float
) -> Reason | None:
    """Return the cell of a phase, as it is or a multiple of it, that has lines where the peaks are.

    As it is: the space group forbids what the lattice has. All peaks but one in ten must be on a line that the model
    does not have, and so many would not be there by chance, given how much of the range such lines cover.
    """
    if len(peaks) < 3 or not reflections:
        return None
    offset = _offset(reflections, wavelength)
    low, high = min(p.two_theta for p in peaks) - 1.0, max(p.two_theta for p in peaks) + 1.0
    for multiple in _CELLS:
        for phase in phases:
            places = _lattice(phase, multiple, wavelength, high)
            if places.size == 0:
                continue
            places = np.sort(places + offset(places))
            inside = places[(places > low) & (places < high)]
            tolerance = np.array([_TOLERANCE * p.fwhm for p in peaks])
            away = np.array([np.min(np.abs(places - p.two_theta)) for p in peaks])
            hit = away <= tolerance
            covered = min(2.0 * float(np.median(tolerance)) * inside.size / (high - low), 1.0)
            # Binomial, all hits at once: an upper estimate of the chance where few are missed.
            chance = covered ** int(hit.sum()) * 2.0 ** (0 if hit.all() else len(peaks))
            if np.count_nonzero(~hit) <= len(peaks) // 10 and chance < _CHANCE:
                return Reason(_cell_words(phase, multiple), tuple(np.flatnonzero(hit).tolist()))
    return None


def _cell_words(phase: Phase, multiple: tuple[int, int, int]) -> str:
    if multiple == (1, 1, 1):
        return (
            f"reflections that the space group {phase.space_group} of {phase.name} forbids: its symmetry may be lower"
        )
    size = " × ".join(f"{n}{axis}" if n > 1 else axis for n, axis in zip(multiple, "abc", strict=True))
    return f"a superlattice of {phase.name} ({size})"


def _offset(reflections: Sequence[Reflections], wavelength: float) -> np.poly1d:
    """Return the shift of the peaks from Bragg's law, in degrees, as a straight line in 2theta."""
    d, place = (np.concatenate([f(item) for item in reflections]) for f in (_d, _place))
    good = (wavelength / (2.0 * d) < 1.0) & np.isfinite(place)
    ideal = 2.0 * np.degrees(np.arcsin(wavelength / (2.0 * d[good])))
    return np.poly1d(np.polyfit(ideal, place[good] - ideal, 1 if ideal.size > 2 else 0))


def _lattice(phase: Phase, multiple: tuple[int, int, int], wavelength: float, high: float) -> Array:
    """Return 2theta of all points of the primitive lattice of a cell, so many times as large along a, b and c."""
    a, b, c, *angles = phase.cell.values()
    cell = gemmi.UnitCell(a * multiple[0], b * multiple[1], c * multiple[2], *angles)
    smallest = wavelength / 2.0 / np.sin(np.radians(min(high, 179.0) / 2.0))
    if cell.volume / smallest**3 > 2e5:
        return np.zeros(0)
    hkl = gemmi.make_miller_array(cell, gemmi.SpaceGroup("P 1"), smallest)
    d = np.unique(np.round([cell.calculate_d([int(i) for i in row]) for row in hkl], 5)) if len(hkl) else np.zeros(0)
    return np.asarray(2.0 * np.degrees(np.arcsin(np.minimum(wavelength / (2.0 * d), 1.0))))
