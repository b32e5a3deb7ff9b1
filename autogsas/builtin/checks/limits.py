"""The thresholds of all checks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True)
class Limits:
    """Thresholds of the checks; fractions unless a unit is given. Not measured unless a source is named."""

    u_high: float = 0.1  # Angstrom^2
    width_negative_error: float = 0.1  # of the 2theta range
    cell_moved: float = 0.01
    cell_agrees: float = 0.001  # of a refined cell with the one that the peaks show
    correlation: float = 0.95
    exchangeable: float = 0.95  # correlation of the shifts or widths by two corrections
    occupancy_slack_esd: float = 3.0
    occupancy_slack: float = 0.05  # at most, whatever the esd
    contact: float = 0.73  # of the sum of covalent radii; N2 has 0.78, CO 0.79
    contact_multiple: float = 0.65  # with hydrogen or a metal that has multiple bonds; uranyl has 0.67
    metals_apart: float = 0.75  # of the sum of covalent radii
    anions_bonded: float = 1.6  # Angstrom: the longest O-O bond
    anions_apart: float = 2.1  # Angstrom: O and F that are not bonded; nitrate has 2.16
    same_place: float = 0.1  # Angstrom
    displacement: float = 500.0  # micrometre
    background_above: float = 0.05  # of points with the background more than three sigma above the data
    background_negative: float = 0.01  # of points
    wiggle_widths: float = 4.0  # widths of a peak within which a background should not go up and down
    bic: float = 6.0  # "strong" evidence (Kass & Raftery, J. Am. Stat. Assoc. 90, 773 (1995))


LIMITS = Limits()
