"""The report of a run: one page that opens anywhere, offline, made from the files of the run's folder alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autogsas.figures import fits_svg, history_svg
from autogsas.hookspecs import Section
from autogsas.report.embed import fill
from autogsas.report.page import build_page, captions
from autogsas.report.payload import payload
from autogsas.report.writing import replace_text
from autogsas.runfolder import read_run

__all__ = ["write_report"]


def write_report(folder: Path, sections: Sequence[Section] = ()) -> Path:
    """Write report.html, and fit.svg and history.svg where there is something to draw; return the report's path.

    ``sections`` are what plugins add; their texts are shown as text. Each file is replaced at once or not at all.
    Raises UserError where the folder is not a run's, is damaged or cannot be written.
    """
    run = read_run(folder)
    pictures = {}
    if run.profiles:
        pictures["fit.svg"] = fits_svg(captions(run))
    if run.history:
        pictures["history.svg"] = history_svg(run.history, title=str(run.summary.get("project") or ""))
    for name, text in pictures.items():
        replace_text(folder / name, text)
    report = folder / "report.html"
    data = payload(run) if run.profiles or run.history else None
    text = fill(
        "report.html",
        {"page": build_page(run, sections)},
        scripts=("zoom.js", "fit.js", "history.js", "structure.js", "report.js"),
        data=data,
        libraries=("plotly", "3dmol") if data and data["structures"] else ("plotly",),
    )
    replace_text(report, text)
    return report
