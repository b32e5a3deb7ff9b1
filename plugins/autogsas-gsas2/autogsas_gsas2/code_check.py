"""Checking the texts of a project that GSAS-II evaluates as Python: only arithmetic is accepted.

GSAS-II calls ``eval`` on the expressions of general restraints and pseudo-variables, and on some names and lists of
indices. An unpickler does not see that, so every text of the project is checked here.
"""

from __future__ import annotations

import ast
import re
from typing import Any

__all__ = ["UnsafeContent", "check_texts"]

_FREE_TEXT = ("Notebook", "Comments")
"""Items of the tree that are written by people and only shown by GSAS-II."""

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


class UnsafeContent(Exception):
    """Content that GSAS-II projects do not have; the message names it."""


def check_texts(tree: dict[str, dict[str, Any]]) -> None:
    """Check all texts of a project except those only shown. Raises UnsafeContent for one that could execute code."""
    for name, item in tree.items():
        if name in _FREE_TEXT:
            continue
        for child, content in item.items():
            if child not in _FREE_TEXT:
                _check(content)


def _check(root: Any) -> None:
    # A stack instead of recursion, because the file decides how deep it is nested; `seen` ends loops.
    stack, seen = [root], set()
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if _CODE.search(value):
                raise UnsafeContent(f"a text that is Python code: {value[:60]!r}")
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
    """Accept an expression of arithmetic with elementary functions. Raises UnsafeContent for any other."""
    if not text.strip() or text.startswith(("Dist", "Angle")):
        return
    try:
        parsed = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UnsafeContent(f"an expression that is not arithmetic: {text[:60]!r}") from None
    functions = set()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call):
            functions.add(node.func)
        elif isinstance(node, ast.Attribute):
            known = isinstance(node.value, ast.Name) and node.value.id in _MODULES and node.attr in _FUNCTIONS
            if not known:
                raise UnsafeContent(f"an expression with {ast.unparse(node)[:60]!r}")
        elif not isinstance(node, _ARITHMETIC):
            raise UnsafeContent(f"an expression with {type(node).__name__}: {text[:60]!r}")
    for function in functions:
        if isinstance(function, ast.Name) and function.id not in _FUNCTIONS:
            raise UnsafeContent(f"an expression that calls {function.id!r}")
        if not isinstance(function, (ast.Name, ast.Attribute)):
            raise UnsafeContent(f"an expression with a call of {type(function).__name__}")
