"""The background functions in GSAS-II's parametrisation. Each is linear in its terms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autogsas.model.recipe import BackgroundFunction

__all__ = ["basis", "knots"]

Array = npt.NDArray[np.float64]


def basis(function: BackgroundFunction, terms: int, x: Array, limits: tuple[float, float], wavelength: float) -> Array:
    """Return the background's basis, one column a term, shape (len(x), terms): background = basis @ coefficients.

    ``x`` is 2theta in degrees, ``limits`` its first and last fitted value, ``wavelength`` in Angstrom. The functions
    are those of GSAS-II (Toby & Von Dreele, J. Appl. Cryst. 46, 544 (2013)): Chebyshev polynomials of the first kind on
    the limits mapped to -1..1, or powers of that ("power series"); cos(pi i x/x_last); Q^(2i)/i!; i! Q^(-2i); and
    straight lines between values at knots that are equally spaced in x, 1/x or log x. Outside the limits Chebyshev
    terms and powers keep their end values, since they grow without bound there; straight lines keep theirs too.
    """
    low, high = limits
    if terms < 1:
        raise ValueError("a background needs at least one term")
    if high <= low and function not in ("cosine", "Q^2 power series", "Q^-2 power series"):
        # One point determines one term only.
        return np.concatenate([np.ones((x.size, 1)), np.zeros((x.size, terms - 1))], axis=1)
    if function in ("chebyschev-1", "power series"):
        position = np.clip(2.0 * (x - low) / (high - low) - 1.0, -1.0, 1.0)
        if function == "power series":
            return np.asarray(np.polynomial.polynomial.polyvander(position, terms - 1))
        return np.asarray(np.polynomial.chebyshev.chebvander(position, terms - 1))
    if function == "cosine":
        return np.asarray(np.cos(np.pi * np.outer(x / high, np.arange(terms))))
    if function in ("Q^2 power series", "Q^-2 power series"):
        q2 = (4.0 * np.pi / wavelength * np.sin(np.radians(np.maximum(x, 1e-3)) / 2.0)) ** 2
        columns = [np.ones_like(x)]
        for i in range(1, terms):
            columns.append(columns[-1] * (q2 / i if function == "Q^2 power series" else i / q2))
        return np.stack(columns, axis=1)
    positions = knots(function, terms, limits)
    if terms == 1:
        return np.ones((x.size, 1))
    inside = np.clip(x, positions[0], positions[-1])
    cell = np.clip(np.searchsorted(positions, inside, side="right") - 1, 0, terms - 2)
    fraction = (inside - positions[cell]) / (positions[cell + 1] - positions[cell])
    out = np.zeros((x.size, terms))
    rows = np.arange(x.size)
    out[rows, cell] = 1.0 - fraction
    out[rows, cell + 1] = fraction
    if function == "inv interpolate" and terms > 2:
        # GSAS-II counts the inner knots of this function from the high end.
        out[:, 1:-1] = out[:, -2:0:-1]
    return out


def knots(function: BackgroundFunction, terms: int, limits: tuple[float, float]) -> Array:
    """Return the 2theta of the knots of an interpolating background, ascending, shape (terms,).

    Two terms are one straight line between the limits with any function. Raises ValueError for another function.
    """
    low, high = limits
    start = max(low, 1e-2)  # 1/x and log x have no value at zero
    if terms <= 2 or function == "lin interpolate":
        found = np.linspace(low, high, terms)
    elif function == "inv interpolate":
        found = 1.0 / np.linspace(1.0 / start, 1.0 / high, terms)
    elif function == "log interpolate":
        found = np.exp(np.linspace(np.log(start), np.log(high), terms))
    else:
        raise ValueError(f"{function!r} has no knots")
    found[0] = low
    if terms > 1:
        found[-1] = high
    return np.asarray(found)
