"""YAML written by hand into a checked model, every mistake as one line that names file, key and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from autogsas.errors import UserError

__all__ = ["check", "parse", "read"]

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]

MAX_BYTES = 2_000_000
_NUMBERS = ("int", "constrained-int", "float", "constrained-float")  # branches of a union, in pydantic's words
_BOOLEAN = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """The safe loader, which also refuses what is legal YAML and never meant: repeated keys and aliases.

    Words are booleans as in YAML 1.2: ``true`` and ``false`` alone. A phase may be called NO, and a scout be off; where
    a switch is asked for, its model still takes yes, no, on and off.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not used here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"the key {key.value!r} occurs twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != _BOOLEAN]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def read(path: Path) -> dict[str, Any]:
    """Return a YAML file's mapping. Raises UserError for whatever keeps it from being one."""
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise UserError("is a folder, not a file", file=path) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror or error}", file=path) from error
    if b"\x00" in data[:8192] or len(data) > MAX_BYTES:
        raise UserError("is no YAML file: binary, or far too long", file=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError("is not UTF-8 text", file=path, found=f"byte {error.start}") from error
    return parse(text, path)


def parse(text: str, file: Path) -> dict[str, Any]:
    """Return the mapping that YAML text holds, keys without a value left out; ``file`` is named in errors.

    Raises UserError with the line number for broken YAML, repeated keys and aliases, and for anything but a mapping.
    """
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}" if mark is not None else None
        raise UserError(f"broken YAML: {error.problem or error.context}", file=file, key=where) from error
    except yaml.YAMLError as error:
        raise UserError(f"broken YAML: {error}", file=file) from error
    except (RecursionError, ValueError) as error:
        raise UserError(f"broken YAML: {type(error).__name__}: {error}", file=file) from error
    if data is None:
        raise UserError("the file is empty", file=file)
    if not isinstance(data, dict):
        raise UserError("is not a list of keys with values", file=file, found=type(data).__name__, allowed="key: value")
    return {str(key): _without_nulls(value) for key, value in data.items() if value is not None}


def check(model: type[Model], data: Mapping[str, Any], file: Path) -> Model:
    """Return the model made of parsed YAML. Raises UserError for the mistake most likely to explain the others."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # A misspelt key is often the reason why another one is missing.
        problem = min(problems, key=lambda item: (item["type"] != "extra_forbidden", _wrong_branch(item["loc"], data)))
        numbers = any(item["loc"][:-1] == problem["loc"][:-1] and item["loc"][-1] in _NUMBERS for item in problems)
        raise _as_user_error(model, problem, data, file, ["a number"] if numbers else []) from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _wrong_branch(location: Location, data: Any) -> bool:
    """Return whether an error is of that branch of a union the value was not meant for."""
    for part in location:
        if isinstance(part, str) and "[" in part and not (isinstance(data, Mapping) and part in data):
            if part.startswith("literal["):
                return isinstance(data, (int, float)) and not isinstance(data, bool)
            return part.startswith("dict[") is not isinstance(data, Mapping)
        _, _, data = _step(data, part)
    return False


def _step(data: Any, part: int | str) -> tuple[bool, str, Any]:
    """Walk one part of a pydantic location in what the user wrote: whether it is there, its name, its value.

    Short forms were turned into lists before they were checked, so a number may stand for a place in a mapping.
    """
    if isinstance(data, Mapping) and isinstance(part, str) and part in data:
        return True, f".{part}", data[part]
    if isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int) and part < len(data):
        return True, f"[{part}]", data[part]
    return False, "", data


def _as_user_error(
    model: type[BaseModel], problem: Any, data: Any, file: Path, besides: Sequence[str] = ()
) -> UserError:
    """Return one of pydantic's problems as an error; ``besides`` is what is allowed beside words."""
    location: Location = problem["loc"]
    kind: str = problem["type"]
    key, value = "", data
    for place, part in enumerate(location):
        if isinstance(value, Mapping) and isinstance(part, int) and location[place - 1] == "set" and part < len(value):
            name = list(value)[part]  # `set: {U: 2}` is short for a list of settings
            key, value = f"{key}.{name}", name if location[-1] == "group" else value[name]
            continue
        there, name, value = _step(value, part)
        key += name
        if not there and kind == "missing" and part == location[-1] and isinstance(part, str):
            key += f".{part}"
    key = key.lstrip(".")
    if kind == "extra_forbidden":
        return UserError("unknown key", file=file, key=key, found=location[-1], allowed=_fields(model, location[:-1]))
    if kind == "missing":
        kind = "too_short" if isinstance(location[-1], int) else kind
    if kind in ("too_short", "too_long"):
        return UserError(f"has too {'few' if kind == 'too_short' else 'many'} values", file=file, key=key, found=value)
    if kind == "missing":
        return UserError("is missing", file=file, key=key)
    if kind == "literal_error":
        names = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        return UserError(
            "unknown value", file=file, key=key, found=value, allowed=[*names, *besides] or problem["ctx"]["expected"]
        )
    text = str(problem["msg"]).removeprefix("Value error, ")
    text = re.sub(r"^Input should( be)?", lambda match: "must be" if match[1] else "must", text)
    text = text.replace("a valid tuple", "a list")
    text = re.sub(r"a valid dictionary( or instance of \w+)?", "keys with values", text)
    return UserError(text, file=file, key=key, found=value)


def _fields(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys allowed where a location points to."""
    for part in location:
        if isinstance(part, str) and part in (names := _by_key(model)):
            model = _model_in(names[part].annotation) or model
    return list(_by_key(model))


def _by_key(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for item in get_args(annotation) if (found := _model_in(item)) is not None), None)
