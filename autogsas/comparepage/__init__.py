"""The HTML page of a comparison, as one file that opens offline; what it shows comes from `autogsas.comparison`."""

from __future__ import annotations

from pathlib import Path

from autogsas.comparepage.page import build_page
from autogsas.comparepage.payload import payload
from autogsas.comparison import Comparison
from autogsas.pages.embed import fill
from autogsas.pages.files import replace_file
from autogsas.version import __version__

__all__ = ["write_comparison"]


def write_comparison(comparison: Comparison, file: Path, command: str = "") -> Path:
    """Write the page of a comparison, whole or not at all, and return its path.

    ``command`` is the command line that repeats the comparison. Raises UserError if the file cannot be written.
    """
    data = payload(comparison)
    drawn = data["patterns"] or data["forests"]
    text = fill(
        "compare.html",
        {"page": build_page(comparison, command, __version__)},
        scripts=("zoom.js", "overlay.js", "forest.js", "compare.js"),
        data=data if drawn else None,
        libraries=("plotly",),
        styles=("compare.css",),
    )
    replace_file(file, text)
    return file
