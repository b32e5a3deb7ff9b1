"""One self-contained HTML page from a template, style sheets, scripts, libraries and data."""

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

# Every page has these; its own scripts and style sheets follow.
_COMMON_SCRIPTS = ("page.js", "plots.js")
_COMMON_STYLES = ("page.css",)

_LIBRARY_FILES = {"plotly": "plotly-basic.min.js.gz", "3dmol": "3Dmol-min.js.gz"}
LIBRARIES = tuple(_LIBRARY_FILES)


def fill(
    template: str,
    values: Mapping[str, Any],
    *,
    scripts: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    libraries: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> str:
    """Return a page: a template of this package filled with ``values``, which are escaped.

    ``scripts`` and ``styles`` are files beside the template. ``data`` is passed to the scripts as JSON and holds finite
    numbers only. ``libraries`` are names from `LIBRARIES`; each runs when a figure first needs it. The template puts
    ``head`` (security policy and style) into its head and ``tail`` (scripts, libraries and data) at the end of its
    body, so that the browser paints the page before it reads them. Without ``data`` the page has no script.
    """
    script = "" if data is None else _script(tuple(scripts))
    return (
        _environment()
        .get_template(template)
        .render(**values, head=_head(script, libraries, styles), tail=_tail(script, libraries, data))
    )


def markup(svg: str) -> Markup:
    """Mark an SVG from `autogsas.figures` as safe HTML: its texts are escaped already."""
    return Markup(svg)


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
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    packed = {"data": _base64(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0))}
    packed |= {f"library-{name}": _base64(_compressed_library(name)) for name in libraries}
    parts = [f'<script type="text/plain" id="{identity}">{text}</script>' for identity, text in packed.items()]
    status = '<p id="status" role="status" hidden></p>'
    return Markup("\n".join([status, *parts, f"<script>{script}</script>"]))


def _base64(content: bytes) -> str:
    # No character of base64 can end an HTML element.
    return base64.b64encode(content).decode("ascii")


@cache
def _compressed_library(name: str) -> bytes:
    return resources.files("autogsas").joinpath("pages", "assets", _LIBRARY_FILES[name]).read_bytes()


@cache
def _library(name: str) -> str:
    return gzip.decompress(_compressed_library(name)).decode("utf-8")


@cache
def _script(names: tuple[str, ...]) -> str:
    """Return the scripts inside one function, so that none of their names is global."""
    return f'"use strict";\n(() => {{\n{"".join(_asset(name) for name in (*_COMMON_SCRIPTS, *names))}}})();\n'


def _policy(scripts: Sequence[str]) -> str:
    """Return a Content-Security-Policy that allows only these scripts and no network request.

    Styles inside elements are allowed because plotly.js sets them.
    """
    hashes = [_base64(hashlib.sha256(script.encode()).digest()) for script in scripts]
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
        f"{rules({name: f'var(--{name})' for name in LIGHT})}\n"
        f"{''.join(_asset(name) for name in (*_COMMON_STYLES, *names))}"
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
