"""The Python interface to a run folder, for scripts and notebooks."""

from __future__ import annotations

import base64
import html
import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogsas.errors import UserError
from autogsas.model.quantification import Quantification
from autogsas.model.recipe import Recipe
from autogsas.runfolder.reader import Profile, read_run, read_summary
from autogsas.runfolder.summary import FindingPart, ParameterPart, PhasePart, Summary
from autogsas.runfolder.tables import trial_rows
from autogsas.runfolder.trials import read_records
from autogsas.text.amounts import describe_amounts
from autogsas.text.formatting import general, percent, severity_name, with_esd
from autogsas.text.prose import describe_esds, describe_floor

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Best", "Parameters", "Pictures", "Run"]

_COLUMNS = ("value", "esd", "unit", "group", "phase", "histogram", "site", "esd_computed")


class Parameters(Mapping[str, ParameterPart]):
    """The parameters of a refinement by name; shown as a table with esds in parentheses.

    A mapping: one value is ``parameters["quartz:a"].value``. `frame` returns a pandas DataFrame.
    """

    def __init__(self, parameters: Iterable[ParameterPart]) -> None:
        self._named = {parameter.name: parameter for parameter in parameters}

    def __getitem__(self, name: str) -> ParameterPart:
        return self._named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    @property
    def refined(self) -> Parameters:
        """The parameters that were refined: those with an esd."""
        return Parameters(parameter for parameter in self._named.values() if parameter.esd is not None)

    def frame(self) -> pd.DataFrame:
        """Return a DataFrame with the names as index; esd is NaN where not refined. Raises UserError without pandas."""
        pandas = _pandas()
        rows = [[getattr(parameter, key) for key in _COLUMNS] for parameter in self._named.values()]
        frame = pandas.DataFrame(rows, columns=list(_COLUMNS), index=pandas.Index(list(self._named), name="name"))
        found: pd.DataFrame = frame.astype({"value": float, "esd": float, "esd_computed": float})
        return found

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(p.name, with_esd(p.value, p.esd), p.unit) for p in self._named.values()]

    def __repr__(self) -> str:
        rows = [("name", "value", "unit"), *self._rows()]
        first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{name:<{first}}  {value:<{second}}  {unit}".rstrip() for name, value, unit in rows)

    def _repr_html_(self) -> str:
        return _table(("name", "value", "unit"), self._rows())


class Best:
    """The best trial of a run. R factors in per cent; structures in Angstrom and degrees."""

    def __init__(self, folder: Path, summary: Summary) -> None:
        self._folder, self._summary = folder, summary
        self.number = summary.best_trial
        self.origin = summary.best_origin
        self.rwp, self.rexp, self.gof, self.bic = summary.rwp, summary.rexp, summary.gof, summary.bic
        self.rwp_background_subtracted, self.uncertainty = summary.rwp_background_subtracted, summary.uncertainty
        self.le_bail_floor = summary.le_bail_floor
        self.n_variables, self.n_observations = summary.n_variables, summary.n_observations
        self.findings: tuple[FindingPart, ...] = tuple(summary.findings)
        self.structure: tuple[PhasePart, ...] = tuple(summary.structure)
        self.quantification: tuple[Quantification, ...] = summary.quantification
        self.parameters = Parameters(summary.parameters)
        self.recipe = Recipe.model_validate(summary.recipe)
        self.cif = folder / "best.cif"

    @cached_property
    def curves(self) -> tuple[Profile, ...]:
        """The fit of each histogram: arrays two_theta, observed, calculated, background, weight. Reads pattern.csv."""
        return read_run(self._folder).profiles

    def _figures(self) -> list[tuple[str, str]]:
        return [
            ("Rwp", f"{percent(self.rwp, 3)} %"),
            *self._about_floor(),
            ("GoF", percent(self.gof, 3)),
            *(("amounts", describe_amounts(found)) for found in self.quantification),
            *self._about_esds(),
            ("variables", f"{self.n_variables} for {self.n_observations} points"),
            ("trial", f"{self.number} ({self.origin})"),
            *((severity_name(finding.severity), finding.message) for finding in self.findings),
        ]

    def _about_floor(self) -> list[tuple[str, str]]:
        found = self.le_bail_floor
        return [] if found is None else [("floor", describe_floor(found.rwp, found.note))]

    def _about_esds(self) -> list[tuple[str, str]]:
        found = self.uncertainty
        return [] if found is None else [("esds", describe_esds(found.esd_factor, len(found.models)))]

    def __repr__(self) -> str:
        return "\n".join(f"{key:<10} {value}" for key, value in self._figures())

    def _repr_html_(self) -> str:
        return _table((), self._figures())


class Pictures:
    """SVG pictures by title, which a notebook draws offline."""

    def __init__(self, pictures: Mapping[str, str]) -> None:
        self._pictures = dict(pictures)

    def __repr__(self) -> str:
        return f"pictures: {', '.join(self._pictures) or 'none'}"

    def _repr_html_(self) -> str:
        # As images, so that identifiers and styles of two pictures cannot clash and their texts cannot act as markup.
        return "".join(
            f'<img alt="{html.escape(title)}" style="max-width:100%" src="data:image/svg+xml;base64,'
            f'{base64.b64encode(text.encode("utf-8", "replace")).decode()}">'
            for title, text in self._pictures.items()
        )


class Run:
    """A run, read from its folder.

    ``summary`` is the content of summary.json. Raises UserError if the folder is not a run folder.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).resolve()
        self.summary = read_summary(self.folder)

    @property
    def exit_status(self) -> int:
        """The exit status of the command: 0 if a usable trial was found, 1 if not, 130 if the run was interrupted."""
        if self.summary.finished == "interrupted":
            return 130
        return 0 if self.summary.best_trial is not None else 1

    @cached_property
    def best(self) -> Best | None:
        """The best trial; None where nothing usable was found."""
        return None if self.summary.best_trial is None else Best(self.folder, self.summary)

    @property
    def trials(self) -> pd.DataFrame:
        """All trials: a row for each, with its figures and a column for each choice. Needs pandas."""
        pandas = _pandas()
        header, rows = trial_rows(read_records(self.folder))
        frame: pd.DataFrame = pandas.DataFrame(rows, columns=list(header)).set_index("number")
        return frame

    @property
    def report(self) -> Path:
        """The path of report.html."""
        return self.folder / "report.html"

    @property
    def pictures(self) -> Pictures:
        """The fit of each histogram and the history of the search, drawn from the files of the folder."""
        from autogsas.figures import fits_svg, history_svg  # drawing is imported where it is used
        from autogsas.report.figures import captions

        read = read_run(self.folder)
        drawn = {}
        if read.profiles:
            drawn["the fit"] = fits_svg(captions(read))
        if read.history:
            drawn["the history of the search"] = history_svg(
                read.history, title=self.summary.project, by_hand=read.by_hand
            )
        return Pictures(drawn)

    def show(self) -> None:
        """Draw the fit and the history in a notebook; elsewhere print the result as text."""
        shell = _shell()
        if shell is None:
            print(repr(self))
            return
        importlib.import_module("IPython.display").display(self.pictures)

    def _lines(self) -> list[tuple[str, str]]:
        summary = self.summary
        counts = ", ".join(f"{n} {state}" for state, n in summary.trials.model_dump().items() if n and state != "total")
        found = [("result", "nothing usable was found")] if self.best is None else self.best._figures()
        miss = summary.nearest_miss
        if miss is not None:
            rwp = "" if miss.rwp is None else f", Rwp {percent(miss.rwp, 3)} %"
            found += [("nearest", f"trial {miss.trial} ({miss.origin}){rwp}"), *(("", text) for text in miss.why)]
        return [
            ("project", summary.project),
            *found,
            ("trials", f"{counts or 'none'}; {summary.finished}, {general(summary.seconds, 3)} s"),
            ("report", str(self.report)),
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{key:<10} {value}" for key, value in self._lines())

    def _repr_html_(self) -> str:
        return _table((), self._lines())


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in header)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")
    except ImportError:
        raise UserError("needs the package 'pandas': pip install 'autogsas[notebook]'", key="DataFrame") from None


def _shell() -> Any:
    try:
        return importlib.import_module("IPython").get_ipython()
    except ImportError:
        return None
