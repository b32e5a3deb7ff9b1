"""The CSV files of a run folder."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from autogsas.model.result import Curves, Finding, Parameter
from autogsas.model.trial import TrialRecord

__all__ = ["finding_tables", "parameters_csv", "pattern_csv", "reflections_csv", "trial_rows", "trials_csv"]

_TRIAL = ("number", "state", "origin", "score", "rwp", "gof", "n_variables", "converged", "seconds", "cause", "message")


class HasCurves(Protocol):
    """A result, or what is stored of one."""

    @property
    def curves(self) -> tuple[Curves, ...]:
        """The curves of all histograms."""


def pattern_csv(result: HasCurves, excluded: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Return the curves of a result as CSV text; the weight is zero in excluded regions, given by histogram name."""
    rows: list[Sequence[Any]] = []
    for curves in result.curves:
        weights = curves.weights.copy()
        for low, high in excluded.get(curves.histogram, ()):
            weights[(curves.x >= low) & (curves.x <= high)] = 0.0
        columns = (
            curves.x,
            curves.observed,
            curves.calculated,
            curves.background,
            curves.observed - curves.calculated,
            weights,
        )
        name = _text(curves.histogram)
        rows += [(name, *values) for values in zip(*(column.tolist() for column in columns), strict=True)]
    return _csv(("histogram", "two_theta", "observed", "calculated", "background", "difference", "weight"), rows)


def reflections_csv(result: HasCurves) -> str:
    """Return the reflections of a result as CSV text, by histogram and phase."""
    rows: list[Sequence[Any]] = []
    for curves in result.curves:
        for item in curves.reflections:
            columns = (
                *np.asarray(item.hkl).T,
                item.multiplicity,
                item.d,
                item.two_theta,
                item.fwhm,
                item.f2_observed,
                item.f2_calculated,
            )
            names = (_text(curves.histogram), _text(item.phase))
            rows += [(*names, *values) for values in zip(*(np.asarray(c).tolist() for c in columns), strict=True)]
    header = (
        "histogram",
        "phase",
        "h",
        "k",
        "l",
        "multiplicity",
        "d",
        "two_theta",
        "fwhm",
        "f2_observed",
        "f2_calculated",
    )
    return _csv(header, rows)


def parameters_csv(parameters: Iterable[Parameter], printed: Mapping[str, float]) -> str:
    """Return parameters as CSV text; esds are empty if a parameter was not refined.

    ``printed`` are the esds to quote by name, those of the engine by default; the engine's own are the last column.
    """
    keys = ("name", "value", "esd", "unit", "group", "phase", "histogram", "site")
    rows = []
    for item in parameters:
        quoted = replace(item, esd=printed.get(item.name, item.esd))
        rows.append([*(_cell(getattr(quoted, key)) for key in keys), item.esd])
    return _csv((*keys, "esd_computed"), rows)


def finding_tables(findings: Iterable[Finding]) -> dict[str, str]:
    """Return the tables of findings as CSV texts by name; the rows of tables with one name and columns are joined."""
    headers: dict[str, tuple[str, ...]] = {}
    rows: dict[str, list[Sequence[Any]]] = {}
    for table in (finding.table for finding in findings):
        if table is not None and headers.setdefault(table.name, table.columns) == table.columns:
            rows.setdefault(table.name, []).extend([_cell(value) for value in row] for row in table.rows)
    return {name: _csv([_text(column) for column in header], rows[name]) for name, header in headers.items()}


def trial_rows(records: Iterable[TrialRecord]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Return the table of trials, with a column for each choice of any trial: the header and the rows."""
    records = list(records)
    names = list(dict.fromkeys(name for record in records for name in record.choices))
    rows = []
    for record in records:
        metrics = record.metrics
        fixed = (
            record.number,
            record.state,
            record.origin,
            record.score,
            metrics.rwp if metrics else None,
            metrics.gof if metrics else None,
            metrics.n_variables if metrics else None,
            record.steps[-1].converged if record.steps and metrics else None,
            round(record.seconds, 3),
            record.cause,
            record.message,
        )
        rows.append([*fixed, *(record.choices.get(name) for name in names)])
    return (*_TRIAL, *names), rows


def trials_csv(records: Iterable[TrialRecord]) -> str:
    """Return the table of trials as CSV text."""
    header, rows = trial_rows(records)
    return _csv([_text(name) for name in header], [[_cell(value) for value in row] for row in rows])


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_number(value) for value in row] for row in rows)
    return out.getvalue()


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.9g}" if math.isfinite(value) else ""
    return value


def _cell(value: Any) -> Any:
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    # A spreadsheet would evaluate a name that begins like a formula; an apostrophe makes it text.
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
