"""The report as one file: template, style, script and data, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from autogsas.figures.history import rwp_window
from autogsas.figures.svg import DARK, LIGHT, rules
from autogsas.report.page import Page, captions
from autogsas.runfolder import Run

__all__ = ["payload", "render"]

Array = npt.NDArray[np.float64]


def render(page: Page, run: Run) -> str:
    """Return the page as HTML: first what can be read at once, last the packed data and the plotting library."""
    template = _environment().get_template("report.html")
    script = _asset("report.js")
    drawn = bool(run.profiles or run.history)
    return template.render(
        page=page,
        policy=_policy([script, _plotly()] if drawn else []),
        style=Markup(_style()),
        script=Markup(script) if drawn else None,
        data=_packed(json.dumps(payload(run), allow_nan=False, separators=(",", ":"))) if drawn else None,
        library=_packed_plotly() if drawn else None,
    )


def payload(run: Run) -> dict[str, Any]:
    """Return the curves, marks and trials for the zoomable figures; numbers that are not finite become null."""
    fits = []
    for profile, marks, caption in captions(run):
        fits.append(
            {
                "x": _numbers(profile.two_theta, 8),
                "observed": _numbers(profile.observed, 7),
                "calculated": _numbers(profile.calculated, 7),
                "background": _numbers(profile.background, 6),
                "weight": _numbers(np.where(profile.counted, profile.weight, 0.0), 6),
                "uncounted": profile.uncounted(caption.excluded),
                "intensity": caption.intensity,
                "marks": [
                    {
                        "phase": mark.phase,
                        "x": _numbers(mark.two_theta, 8),
                        "hkl": [" ".join(str(index) for index in hkl) for hkl in mark.hkl.tolist()],
                        "d": _numbers(mark.d, 6),
                    }
                    for mark in marks
                ],
            }
        )
    history = [
        {
            "number": item.number,
            "state": item.state,
            "origin": item.origin if item.seeded else "",
            "rwp": _finite(item.rwp),
            "best": _finite(item.best_so_far),
            "variables": item.n_variables,
        }
        for item in run.history
    ]
    return {"fits": fits, "history": history, "window": rwp_window(run.history)}


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _numbers(values: Array, digits: int) -> list[float | None]:
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()]


def _packed(text: str) -> str:
    """Return a text as gzip in base64: a quarter of the size, and no character that could end its element."""
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0)).decode("ascii")


@cache
def _plotly() -> str:
    # Imported when first needed: it costs more than all else in reading a run.
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def _packed_plotly() -> str:
    return _packed(_plotly())


def _policy(scripts: Sequence[str]) -> str:
    """Return a Content-Security-Policy by which only these scripts run and nothing is ever fetched.

    Styles inside elements are allowed because plotly.js sets them.
    """
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )


def _style() -> str:
    light, dark = ("".join(f"--{name}:{value};" for name, value in palette.items()) for palette in (LIGHT, DARK))
    return (
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"{rules({name: f'var(--{name})' for name in LIGHT})}\n{_asset('report.css')}"
    )


def _asset(name: str) -> str:
    return resources.files("autogsas").joinpath("templates", name).read_text(encoding="utf-8")


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
