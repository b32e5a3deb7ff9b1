"""The report of a run: one HTML page that works offline, made only from the files of the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autogsas.figures import fits_svg, history_svg
from autogsas.figures.publication import figure_files
from autogsas.hooks.choices import Section
from autogsas.pages.embed import fill
from autogsas.pages.files import replace_file
from autogsas.report.figures import captions
from autogsas.report.page import build_page
from autogsas.report.payload import payload
from autogsas.runfolder.reader import read_run

__all__ = ["write_report"]


def write_report(folder: Path, sections: Sequence[Section] = (), figures: Sequence[str] = ()) -> Path:
    """Write report.html, and fit.svg and history.svg if there is something to draw; return the path of the report.

    ``sections`` are those of plugins; their texts are not read as HTML. ``figures`` are formats of figures for print,
    as returned by `autogsas.figures.publication.check_formats`. Each file is replaced completely or not at all.
    Raises UserError if the folder is not a run folder, is damaged or cannot be written.
    """
    run = read_run(folder)
    pictures: dict[str, str | bytes] = {}
    if run.profiles:
        pictures["fit.svg"] = fits_svg(captions(run))
    if run.history:
        pictures["history.svg"] = history_svg(run.history, title=run.summary.project, by_hand=run.by_hand)
    if figures:
        pictures.update(figure_files(captions(run), figures))
    for name, content in pictures.items():
        replace_file(folder / name, content)
    report = folder / "report.html"
    data = payload(run) if run.profiles or run.history else None
    text = fill(
        "report.html",
        {"page": build_page(run, sections)},
        scripts=("zoom.js", "fit.js", "history.js", "structure.js", "report.js"),
        data=data,
        libraries=("plotly", "3dmol") if data and data["structures"] else ("plotly",),
    )
    replace_file(report, text)
    return report
