"""Read YAML written by hand into a checked model; every error names the file, the line and the key.

The YAML is version 1.2: only ``true`` and ``false`` are booleans, so a phase may be called NO and a scout be off.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from autogsas.errors import UserError

__all__ = ["Document", "check", "dump", "naming_lines", "parse", "read"]

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]

MAX_BYTES = 2_000_000

# Error types of pydantic and the wording used here; the names in braces are in the error's context.
_MESSAGES = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must contain lines of the form 'key: value'",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "missing": "is missing",
    "model_type": "must contain lines of the form 'key: value'",
    "string_type": "must be text",
    "too_long": "must have at most {max_length} {values}",
    "too_short": "must have at least {min_length} {values}",
    "tuple_type": "must be a list",
}
_NUMBERS = ("int", "constrained-int", "float", "constrained-float")  # branches of a union, as pydantic names them
_DETAIL = re.compile(r"^(?P<list>.*)\[\d+\] \((?P<group>.*)\)$")  # "steps[0].set[1] (U)"
_LAST_PART = re.compile(r"(?:\.[^.\[\]]*|\[\d+\]|^[^.\[\]]+)$")


@dataclass(frozen=True)
class Document:
    """The mapping that a YAML file holds, and the line (counted from 1) of each key such as ``data[0].limits``."""

    file: Path
    data: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, key: str) -> int | None:
        """Return the line of a key or, where the file does not have it, of the nearest key around it."""
        detail = _DETAIL.match(key)
        if detail:  # a setting may be written in short, `set: {U: 2}`
            short = f"{detail['list']}.{detail['group']}"
            key = short if short in self.lines else key.partition(" (")[0]
        while key and key not in self.lines:
            shorter = _LAST_PART.sub("", key)
            key = shorter if shorter != key else ""
        return self.lines.get(key)

    def value(self, key: str) -> object:
        """Return the value of a key such as ``search.sampler`` (mappings only), or None."""
        value: object = self.data
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def error(
        self, message: str, key: str = "", *, found: object = None, allowed: str | Iterable[str] | None = None
    ) -> UserError:
        """Return a UserError about a key of this file."""
        return UserError(message, file=self.file, line=self.line(key), key=key, found=found, allowed=allowed)


def read(path: Path) -> Document:
    """Return the contents of a YAML file. Raises UserError where it cannot be read or is not a mapping."""
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise UserError("is a folder, not a file", file=path) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=path) from error
    if b"\x00" in data[:8192] or len(data) > MAX_BYTES:
        raise UserError("is not a YAML file: binary or too long", file=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError("is not UTF-8 text", file=path, line=line, found=f"byte {error.start}") from error
    return parse(text, path)


def parse(text: str, file: Path) -> Document:
    """Return the mapping that YAML text holds, without keys that have no value; ``file`` is named in errors.

    Raises UserError for broken YAML, repeated keys, aliases, and anything but a mapping.
    """
    yaml = YAML(typ="safe", pure=True)
    lines: dict[str, int] = {}
    try:
        node = yaml.compose(text)
        if node is None:
            raise UserError("the file is empty", file=file)
        _collect_lines(node, "", node.start_mark.line + 1, lines, set(), file)
        data = yaml.constructor.construct_document(node)
    except DuplicateKeyError as error:
        key = re.sub(r'^found duplicate key "(.*?)" with value.*', r"\1", str(error.problem), flags=re.DOTALL)
        raise UserError(f"broken YAML: the key {key!r} occurs twice", file=file, line=_marked(error)) from error
    except MarkedYAMLError as error:
        raise UserError(f"broken YAML: {error.problem or error.context}", file=file, line=_marked(error)) from error
    except YAMLError as error:
        raise UserError(f"broken YAML: {error}", file=file) from error
    except (RecursionError, ValueError) as error:
        raise UserError(f"broken YAML: {type(error).__name__}: {error}", file=file) from error
    if data is None:
        raise UserError("the file is empty", file=file)
    if not isinstance(data, dict):
        raise UserError(
            "must be a mapping",
            file=file,
            line=node.start_mark.line + 1,
            found="a list" if isinstance(data, list) else data,
            allowed="key: value",
        )
    return Document(file, _without_nulls(data), lines)


@contextmanager
def naming_lines(file: Path | None) -> Iterator[None]:
    """Add file and line to a UserError about a key of a YAML file, for checks made after the file was read.

    An error about a value that is not in the file, such as a command-line option, is not changed.
    """
    try:
        yield
    except UserError as error:
        if file is not None and error.file is None and error.key and file.suffix.lower() in (".yaml", ".yml"):
            with suppress(UserError):  # the file may have changed since
                document = read(file)
                if error.found is not None and error.found == str(document.value(error.key)):
                    error.locate(file, document.line(error.key))
        raise


def dump(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML in block style, keys in the order given."""
    stream = io.StringIO()
    YAML(typ="rt", pure=True).dump(data, stream)
    return stream.getvalue()


def check(model: type[Model], document: Document) -> Model:
    """Return the model made of a document. Raises UserError for the mistake most likely to explain the others."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # A misspelt key is often the reason why another one is missing.
        first = min(
            problems, key=lambda item: (item["type"] != "extra_forbidden", _other_branch(item["loc"], document.data))
        )
        numbers = any(item["loc"][:-1] == first["loc"][:-1] and item["loc"][-1] in _NUMBERS for item in problems)
        raise _user_error(model, first, document, ["a number"] if numbers else [], _needed(problems, first)) from None


def _needed(problems: Sequence[ErrorDetails], problem: ErrorDetails) -> int:
    """Return how many values the list of a problem must have, if the problem is a missing value of a list; else 0."""
    missing = (item["loc"] for item in problems if item["type"] == "missing")
    return max((1 + i for *place, i in missing if (*place,) == problem["loc"][:-1] and isinstance(i, int)), default=0)


def _marked(error: MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return None if mark is None else int(mark.line) + 1


def _collect_lines(node: Node, key: str, line: int, lines: dict[str, int], seen: set[int], file: Path) -> None:
    """Add the line of each key below ``node``. Raises UserError for an alias, which stands for a node seen before."""
    if id(node) in seen:
        raise UserError("broken YAML: aliases (*name) are not allowed", file=file, line=line, key=key)
    seen.add(id(node))
    if key:
        lines.setdefault(key, line)
    if isinstance(node, MappingNode):
        for name, value in node.value:
            text = str(name.value) if isinstance(name, ScalarNode) else "?"
            below = f"{key}.{text}" if key else text
            _collect_lines(value, below, name.start_mark.line + 1, lines, seen, file)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            start = max(line, value.start_mark.line + 1)
            _collect_lines(value, f"{key}[{index}]", start, lines, seen, file)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _other_branch(location: Location, data: Any) -> bool:
    """Return whether an error is about a branch of a union that the value was not meant for."""
    for part in location:
        if isinstance(part, str) and "[" in part and not (isinstance(data, Mapping) and part in data):
            if part.startswith("literal["):
                return isinstance(data, (int, float)) and not isinstance(data, bool)
            return part.startswith("dict[") is not isinstance(data, Mapping)
        _, _, data = _step(data, part)
    return False


def _step(data: Any, part: int | str) -> tuple[bool, str, Any]:
    """Follow one part of a pydantic location into the user's data: whether it exists, its name, its value.

    A short form was made a list before it was checked, so an index may have no counterpart in the data.
    """
    if isinstance(data, Mapping) and isinstance(part, str) and part in data:
        return True, f".{part}", data[part]
    if isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int) and part < len(data):
        return True, f"[{part}]", data[part]
    return False, "", data


def _locate(problem: ErrorDetails, data: Any) -> tuple[str, Any]:
    """Return the key that a problem is about, as the user would write it, and its value."""
    location = problem["loc"]
    key, value = "", data
    for place, part in enumerate(location):
        if isinstance(value, Mapping) and isinstance(part, int) and location[place - 1] == "set" and part < len(value):
            name = list(value)[part]  # `set: {U: 2}` is short for a list of settings
            key, value = f"{key}.{name}", name if location[-1] == "group" else value[name]
            continue
        exists, name, value = _step(value, part)
        key += name
        if not exists and problem["type"] == "missing" and part == location[-1] and isinstance(part, str):
            key += f".{part}"
    return key.lstrip("."), value


def _user_error(
    model: type[BaseModel], problem: ErrorDetails, document: Document, also_allowed: Sequence[str], needed: int
) -> UserError:
    """Return a problem found by pydantic as an error; ``also_allowed`` extends the allowed words.

    ``needed`` is the number of values of a list that has too few (see `_needed`).
    """
    key, value = _locate(problem, document.data)
    location, kind, context = problem["loc"], problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return document.error("unknown key", key, found=location[-1], allowed=_fields(model, location[:-1]))
    if kind == "literal_error":
        names = re.findall(r"'([^']*)'", context["expected"])
        return document.error(
            "unknown value", key, found=value, allowed=[*names, *also_allowed] or str(context["expected"])
        )
    if kind == "missing" and isinstance(location[-1], int):
        return document.error(f"must have {needed} values", key, found=value)
    if kind == "missing":
        return document.error(_MESSAGES[kind], key)
    if kind in _MESSAGES:
        values = "value" if context.get("min_length", context.get("max_length")) == 1 else "values"
        return document.error(_MESSAGES[kind].format(**context, values=values), key, found=value)
    text = problem["msg"].removeprefix("Value error, ")
    return document.error(re.sub(r"^Input should (be )?", "must be ", text), key, found=value)


def _fields(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys allowed where a location points to."""
    for part in location:
        if isinstance(part, str) and part in (annotations := _annotations(model)):
            model = _model_in(annotations[part]) or model
    return list(_annotations(model))


def _annotations(model: type[BaseModel]) -> dict[str, Any]:
    return {info.alias or name: info.annotation for name, info in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for item in get_args(annotation) if (found := _model_in(item)) is not None), None)
