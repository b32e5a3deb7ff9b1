"""A page as one file: template, style, scripts, libraries and data, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from autogsas.figures.palette import DARK, LIGHT, rules

__all__ = ["LIBRARIES", "fill", "markup"]

# What every script builds on; a page's own come after them.
_FIRST = ("page.js", "plots.js")
_STYLE = ("page.css",)
LIBRARIES = ("plotly", "3dmol")


def fill(
    template: str,
    words: Mapping[str, Any],
    *,
    scripts: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    libraries: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> str:
    """Return a page: a template of the package filled with ``words``, which are shown as text.

    ``scripts`` and ``styles`` are files beside the template, ``data`` what the scripts are given as JSON (finite
    numbers only), ``libraries`` some of `LIBRARIES`, each run when a figure first needs it. The template puts ``head``
    into its head and ``tail`` at the end of its body: policy and style, then what is only needed after the first
    paint. Without ``data`` there is no script at all.
    """
    script = "" if data is None else _script(tuple(scripts))
    return (
        _environment()
        .get_template(template)
        .render(**words, head=_head(script, libraries, styles), tail=_tail(script, libraries, data))
    )


def markup(drawn: str) -> Markup:
    """Let a drawing of `autogsas.figures` stand as it is: it has escaped its own texts."""
    return Markup(drawn)


def _head(script: str, libraries: Sequence[str], styles: Sequence[str]) -> Markup:
    policy = _policy([script, *(_library(name) for name in libraries)] if script else [])
    return Markup(
        '<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        '<link rel="icon" href="data:,">\n<style>{style}</style>'
    ).format(policy=policy, style=Markup(_style(tuple(styles))))


def _tail(script: str, libraries: Sequence[str], data: Mapping[str, Any] | None) -> Markup:
    if data is None:
        return Markup("")
    packed = {"data": _packed(json.dumps(data, allow_nan=False, separators=(",", ":")))}
    packed |= {f"library-{name}": _packed_library(name) for name in libraries}
    parts = [f'<script type="text/plain" id="{identity}">{text}</script>' for identity, text in packed.items()]
    status = '<p id="status" role="status" hidden></p>'
    return Markup("\n".join([status, *parts, f"<script>{script}</script>"]))


def _packed(text: str) -> str:
    """Return a text as gzip in base64: a quarter of the size, and no character that could end its element."""
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0)).decode("ascii")


@cache
def _library(name: str) -> str:
    if name == "3dmol":
        return resources.files("autogsas").joinpath("pages", "assets", "3Dmol-min.js").read_text(encoding="utf-8")
    # Imported when first needed: it costs more than all else in reading a run.
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def _packed_library(name: str) -> str:
    return _packed(_library(name))


@cache
def _script(names: tuple[str, ...]) -> str:
    """Return scripts as one function, so that none of their names is the page's."""
    return f'"use strict";\n(() => {{\n{"".join(_asset(name) for name in (*_FIRST, *names))}}})();\n'


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


@cache
def _style(names: tuple[str, ...]) -> str:
    light, dark = ("".join(f"--{name}:{value};" for name, value in palette.items()) for palette in (LIGHT, DARK))
    return (
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"{rules({name: f'var(--{name})' for name in LIGHT})}\n{''.join(_asset(name) for name in (*_STYLE, *names))}"
    )


def _asset(name: str) -> str:
    return resources.files("autogsas").joinpath("pages", "templates", name).read_text(encoding="utf-8")


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
