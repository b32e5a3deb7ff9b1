"""The thresholds of all checks."""

from __future__ import annotations

from dataclasses import dataclass

from autogsas.model.answers import LARGEST_U

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True)
class Limits:
    """Thresholds of the checks; fractions unless a unit is given. Not measured unless a source is named."""

    u_high: float = LARGEST_U
    u_usual: float = 0.003  # Angstrom^2: smaller ones are rare at room temperature
    outside_esd: float = 3.0  # esds within which a value out of its range is one that the data do not determine
    distinct_esd: float = 2.0  # esds within which a value is not different from the end of its range
    trace: float = 0.05  # of the mass, below which a phase determines little more than its scale
    width_negative_error: float = 0.1  # of the 2theta range
    cell_moved: float = 0.01
    cell_agrees: float = 0.001  # of a refined cell with the one that the peaks show
    correlation: float = 0.95
    exchangeable: float = 0.95  # correlation of the shifts or widths by two corrections
    occupancy_slack: float = 0.05  # outside 0 to 1, let pass within `outside_esd`; and of sums above one
    contact: float = 0.73  # of the sum of covalent radii; N2 has 0.78, CO 0.79
    contact_multiple: float = 0.65  # with hydrogen or a metal that has multiple bonds; uranyl has 0.67
    metals_apart: float = 0.75  # of the sum of covalent radii
    anions_bonded: float = 1.6  # Angstrom: the longest O-O bond
    anions_apart: float = 2.1  # Angstrom: O and F that are not bonded; nitrate has 2.16
    same_place: float = 0.1  # Angstrom
    displacement: float = 500.0  # micrometre
    background_above: float = 0.05  # of points with the background more than three sigma above the data
    background_negative: float = 0.01  # of points; data with as many below zero had a background subtracted
    background_esds: float = 3.0  # sigma of a point, by which the background is below zero or above the data
    wiggle_widths: float = 4.0  # widths of a peak within which a background should not go up and down
    significant: float = 5.0  # standard deviations of noise, for what is searched for at many places
    not_a_fit: float = 0.5  # of the peaks unexplained beyond noise; a wrong wavelength leaves 0.97
    misfit: float = 0.14  # of the peaks beyond noise; real patterns well refined have up to 0.115
    least_gof_esds: float = 4.0  # by which the square of GoF is below one
    gof_said: float = 1.15  # GoF from which its size is explained
    intensities: float = 0.065  # of summed intensities beyond noise; real patterns well refined have up to 0.057
    intensities_of_profile: float = 0.8  # of the misfit of the profile; real patterns have up to 0.63
    intensities_alone: float = (
        0.015  # of summed intensities, where they are most of the misfit; right models have 0.013
    )
    peak_said: float = 0.003  # of the strongest calculated peak, from which an unexplained one is a warning
    bic: float = 6.0  # "strong" evidence (Kass & Raftery, J. Am. Stat. Assoc. 90, 773 (1995))


LIMITS = Limits()
