"""Texts in a project that GSAS-II would evaluate as Python when it refines: only arithmetic is let through.

GSAS-II evaluates the expressions of general restraints and pseudo-variables, and takes some names and lists of
indices apart by ``eval``. An unpickler cannot see that; here every text of the tree is looked at.
"""

from __future__ import annotations

import ast
import re
from typing import Any

__all__ = ["Suspicious", "check_texts"]

_FREE_TEXT = ("Notebook", "Comments")
"""Items of the tree that a person writes and GSAS-II only shows."""

_CODE = re.compile(
    r"__\w+__"
    r"|\b(?:eval|exec|compile|getattr|setattr|globals|locals|vars|system|popen|spawn\w*)\s*\("
    r"|\b(?:os|sys|subprocess|shutil|importlib|builtins|ctypes|socket|pickle)\.\w+(?:\.\w+)*\s*\("
    r"|\b(?:open|input)\s*\(\s*['\"]"
    r"|\blambda\b[\w\s,]*:"
)
_FUNCTIONS = frozenset(
    {
        "abs",
        "acos",
        "arccos",
        "arccosh",
        "arcsin",
        "arcsinh",
        "arctan",
        "arctan2",
        "arctanh",
        "asin",
        "atan",
        "atan2",
        "ceil",
        "cos",
        "cosh",
        "deg2rad",
        "degrees",
        "exp",
        "fabs",
        "floor",
        "hypot",
        "int",
        "float",
        "log",
        "log10",
        "log2",
        "max",
        "maximum",
        "mean",
        "min",
        "minimum",
        "pi",
        "e",
        "pow",
        "power",
        "rad2deg",
        "radians",
        "round",
        "sign",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "sum",
        "tan",
        "tanh",
    }
)
_MODULES = frozenset({"np", "numpy", "math"})
_ARITHMETIC = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.Tuple,
    ast.List,
)


class Suspicious(Exception):
    """Something no GSAS-II project holds; its text names it."""


def check_texts(tree: dict[str, dict[str, Any]]) -> None:
    """Look at every text of a project's tree but those only shown. Raises Suspicious for one that could run code."""
    for name, item in tree.items():
        if name in _FREE_TEXT:
            continue
        for child, content in item.items():
            if child not in _FREE_TEXT:
                _check(content)


def _check(root: Any) -> None:
    # A stack, not recursion: the file says how deep it goes. What was seen once is not looked at again, nor for ever.
    stack, seen = [root], set()
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if _CODE.search(value):
                raise Suspicious(f"text that is Python code: {value[:60]!r}")
            continue
        if isinstance(value, (int, float, complex, bytes, type(None))) or id(value) in seen:
            continue
        seen.add(id(value))
        attributes = getattr(value, "attributes", None)
        if isinstance(attributes, dict):
            if isinstance(attributes.get("expression"), str):
                _check_expression(attributes["expression"])
            stack.append(attributes)
        elif isinstance(value, dict):
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack += value
        elif getattr(getattr(value, "dtype", None), "kind", "") in "OSU" and hasattr(value, "tolist"):
            stack.append(value.tolist())


def _check_expression(text: str) -> None:
    """Let an expression pass that is arithmetic with elementary functions."""
    if not text.strip() or text.startswith(("Dist", "Angle")):
        return
    try:
        parsed = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Suspicious(f"an expression that is no arithmetic: {text[:60]!r}") from None
    functions = set()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call):
            functions.add(node.func)
        elif isinstance(node, ast.Attribute):
            known = isinstance(node.value, ast.Name) and node.value.id in _MODULES and node.attr in _FUNCTIONS
            if not known:
                raise Suspicious(f"an expression with {ast.unparse(node)[:60]!r}")
        elif not isinstance(node, _ARITHMETIC):
            raise Suspicious(f"an expression with {type(node).__name__}: {text[:60]!r}")
    for function in functions:
        if isinstance(function, ast.Name) and function.id not in _FUNCTIONS:
            raise Suspicious(f"an expression that calls {function.id!r}")
        if not isinstance(function, (ast.Name, ast.Attribute)):
            raise Suspicious(f"an expression with a call of {type(function).__name__}")
