"""The report of a run: one page that opens anywhere, offline, made from the files of the run's folder alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from autogsas.errors import UserError
from autogsas.figures import fits_svg, history_svg
from autogsas.figures.publication import figure_files
from autogsas.hookspecs import Section
from autogsas.report.embed import fill
from autogsas.report.page import build_page
from autogsas.report.payload import payload
from autogsas.report.pictures import captions
from autogsas.runfolder import read_run

__all__ = ["write_report"]


def write_report(folder: Path, sections: Sequence[Section] = (), figures: Sequence[str] = ()) -> Path:
    """Write report.html, and fit.svg and history.svg where there is something to draw; return the report's path.

    ``sections`` are what plugins add; their texts are shown as text. ``figures`` are formats of figures for print, as
    `autogsas.figures.publication.check_formats` returns them. Each file is replaced at once or not at all.
    Raises UserError where the folder is not a run's, is damaged or cannot be written.
    """
    run = read_run(folder)
    pictures: dict[str, str | bytes] = {}
    if run.profiles:
        pictures["fit.svg"] = fits_svg(captions(run))
    if run.history:
        pictures["history.svg"] = history_svg(
            run.history, title=str(run.summary.get("project") or ""), by_hand=run.by_hand
        )
    if figures:
        pictures.update(figure_files(captions(run), figures))
    for name, content in pictures.items():
        _replace(folder / name, content)
    report = folder / "report.html"
    data = payload(run) if run.profiles or run.history else None
    text = fill(
        "report.html",
        {"page": build_page(run, sections)},
        scripts=("fit.js", "history.js", "structure.js", "report.js"),
        data=data,
        libraries=("plotly", "3dmol") if data and data["structures"] else ("plotly",),
    )
    _replace(report, text)
    return report


def _replace(file: Path, content: str | bytes) -> None:
    fresh = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        # A name from the file system may hold bytes that are no text; they must not cost the report.
        fresh.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        fresh.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise UserError(f"cannot be written: {error.strerror or error}", file=file) from error
