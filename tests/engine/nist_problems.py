"""NIST StRD nonlinear regression problems as least-squares problems of the solver.

The files of nist/ are those of https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml, in the public domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autogsas.engine.normal_equations import Linearised

Array = npt.NDArray[np.float64]
Model = Callable[..., npt.NDArray[np.complex128]]

FOLDER = Path(__file__).with_name("nist")


def _enso(b: Array, x: Array) -> Array:
    years = 2 * np.pi * x / 12
    own = [2 * np.pi * x / b[i] for i in (3, 6)]
    out = b[0] + b[1] * np.cos(years) + b[2] * np.sin(years)
    out = out + b[4] * np.cos(own[0]) + b[5] * np.sin(own[0])
    return np.asarray(out + b[7] * np.cos(own[1]) + b[8] * np.sin(own[1]))


def _gauss(b: Array, x: Array) -> Array:
    peaks = [b[i] * np.exp(-((x - b[i + 1]) ** 2) / b[i + 2] ** 2) for i in (2, 5)]
    return np.asarray(b[0] * np.exp(-b[1] * x) + peaks[0] + peaks[1])


def _lanczos(b: Array, x: Array) -> Array:
    return np.asarray(b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x))


def _cubic(b: Array, x: Array) -> Array:
    return np.asarray((b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1 + x * (b[4] + x * (b[5] + x * b[6]))))


def _chwirut(b: Array, x: Array) -> Array:
    return np.asarray(np.exp(-b[0] * x) / (b[1] + b[2] * x))


MODELS: Mapping[str, Callable[[Array, Array], Array]] = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "Chwirut1": _chwirut,
    "Chwirut2": _chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": _enso,
    "Eckerle4": lambda b, x: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": _gauss,
    "Gauss2": _gauss,
    "Gauss3": _gauss,
    "Hahn1": _cubic,
    "Kirby2": lambda b, x: (b[0] + x * (b[1] + x * b[2])) / (1 + x * (b[3] + x * b[4])),
    "Lanczos1": _lanczos,
    "Lanczos2": _lanczos,
    "Lanczos3": _lanczos,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * np.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi,
    "Thurber": _cubic,
}


@dataclass(frozen=True)
class Case:
    """A problem with its certified answer: two ``starts`` (2, v), ``values`` and ``esds`` (v,), ``chi2`` the sum."""

    name: str
    level: str
    starts: Array
    values: Array
    esds: Array
    chi2: float
    x: Array
    y: Array


def read(name: str) -> Case:
    """Read a file of NIST: certified values from line 41, data from line 61."""
    text = (FOLDER / f"{name}.dat").read_text(encoding="ascii").splitlines()
    level = next(line.split()[0] for line in text if "Level of Difficulty" in line)
    rows = np.array([[float(word) for word in line.split("=")[1].split()] for line in text[40:60] if " = " in line])
    chi2 = next(float(line.split(":")[1]) for line in text if line.startswith("Residual Sum of Squares"))
    data = np.array([[float(word) for word in line.split()] for line in text[60:] if line.strip()]).T
    y, x = data[0], data[1:] if len(data) > 2 else data[1]
    return Case(name, level, rows[:, :2].T, rows[:, 2], rows[:, 3], chi2, x, np.log(y) if name == "Nelson" else y)


class NistProblem:
    """A case for `minimise`; derivatives by the complex step, exact to rounding (Squire & Trapp, SIAM Rev. 1998)."""

    def __init__(self, case: Case) -> None:
        self._case, self._model = case, MODELS[case.name]
        size = case.values.size
        self.names = tuple(f"b{i + 1}" for i in range(size))
        self.n_observations = case.y.size
        self.lower, self.upper = np.full(size, -np.inf), np.full(size, np.inf)
        self.largest_step = np.full(size, np.inf)
        self.halves = self.stairs = np.zeros(size, dtype=bool)

    def objective(self) -> NistProblem:
        return self

    def settle(self, values: Array) -> tuple[Array, float]:
        with np.errstate(all="ignore"):
            chi2 = float(np.sum((self._case.y - self._model(values, self._case.x)) ** 2))
        return values, chi2 if np.isfinite(chi2) else np.inf

    def linearise(self, values: Array) -> Linearised:
        step = 1e-30
        with np.errstate(all="ignore"):
            columns = [
                np.imag(self._model(values + 1j * step * unit, self._case.x)) / step for unit in np.eye(values.size)
            ]
            residual = self._case.y - self._model(values, self._case.x)
        jacobian = np.array(columns).T
        return Linearised(jacobian.T @ residual, jacobian.T @ jacobian, float(residual @ residual), self)

    def prepare(self, values: Array) -> None:
        pass

    def advance(self, values: Array) -> bool:
        return False

    def with_terms_fixed(self, fixed: bool) -> NistProblem:
        return self

    def keep(self) -> None:
        pass
