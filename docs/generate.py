"""Write the generated parts of the documentation: ``python docs/generate.py``.

A page has a generated part between ``<!-- generated: NAME -->`` and ``<!-- end -->``, where NAME is a key of `BLOCKS`.
``docs/developers/architecture.svg`` is drawn too; this needs grimp, which comes with import-linter.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import architecture  # noqa: E402  this folder is not a package

from autogsas.cli import cli  # noqa: E402
from autogsas.hooks.specs import Specs  # noqa: E402
from autogsas.model.recipe import ALL_BACKGROUNDS, BACKGROUNDS, GROUPS  # noqa: E402

__all__ = ["BLOCKS", "generate", "pages", "rewritten"]

_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", flags=re.S)
_SCHEMAS = DOCS.parent / "autogsas" / "schema"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    titles = list(header)
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def command_line() -> str:
    """Return each command of ``autogsas`` with its arguments and options."""
    return "\n\n".join(_command(command, f"autogsas {name}") for name, command in cli.commands.items())


def benchmark_command() -> str:
    """Return the command of the benchmarks."""
    from autogsas.benchmarks.__main__ import benchmarks

    return _command(benchmarks, "python -m autogsas.benchmarks")


def _command(command: click.Command, name: str) -> str:
    arguments = [_argument(p) for p in command.params if isinstance(p, click.Argument)]
    about = inspect.cleandoc(command.help or "")
    rows = [_option(p) for p in command.params if isinstance(p, click.Option)]
    usage = " ".join([name, *arguments, *(["[OPTIONS]"] if rows else [])])
    return "\n\n".join([f"### {name}", f"```text\n{usage}\n```", about, table(["option", "meaning"], rows)])


def _argument(argument: click.Argument) -> str:
    text = argument.metavar or (argument.name or "").upper()
    if argument.nargs == -1 and "..." not in text:
        text += " ..."
    return text if argument.required else f"[{text}]"


def _option(option: click.Option) -> tuple[str, str]:
    value = "" if option.is_flag else " " + (option.metavar or _value(option.type))
    about = (option.help or "").strip()
    if option.show_default:
        about = f"{about} Default: `{option.default}`.".strip()
    if option.multiple and not re.search("twice|again|repeated", about):
        about = f"{about} May be repeated.".strip()
    return f"`{', '.join(option.opts)}{value}`", about or "One of these values."


def _value(kind: click.ParamType) -> str:
    if isinstance(kind, click.Choice):
        return "\\|".join(map(str, kind.choices)).replace("\\|", "|")
    if isinstance(kind, (click.types.IntParamType, click.IntRange)):
        return "N"
    return kind.name.upper() if kind.name.isalpha() else kind.name


def hook_table() -> str:
    """Return all hooks with their arguments and when they are called."""
    rows = []
    for name, hook in vars(Specs).items():
        if name.startswith("autogsas_"):
            arguments = ", ".join(key for key in inspect.signature(hook).parameters if key != "self")
            rows.append((f"`{name}({arguments})`", " ".join((inspect.getdoc(hook) or "").split())))
    return table(["hook", "when it is called, and the answer"], rows)


def group_table() -> str:
    """Return the groups of parameters that a recipe can free."""
    rows = ((f"`{name}`", info.of, info.unit, info.about) for name, info in GROUPS.items())
    return table(["group", "belongs to", "unit", "meaning"], rows)


def background_list() -> str:
    """Return the background functions."""
    more = [name for name in ALL_BACKGROUNDS if name not in BACKGROUNDS]
    chosen = ", ".join(f"`{name}`" for name in BACKGROUNDS)
    return f"The search chooses among {chosen}. A recipe may also name {', '.join(f'`{name}`' for name in more)}."


def project_keys() -> str:
    """Return the keys of project.yaml from its JSON Schema, a table for each level."""
    schema = json.loads((_SCHEMAS / "project.schema.json").read_text(encoding="utf-8"))
    parts: list[str] = []
    _level("", schema, schema["$defs"], parts)
    return "\n\n".join(parts)


def _level(path: str, schema: Mapping[str, Any], defs: Mapping[str, Any], parts: list[str]) -> None:
    required = schema.get("required", ())
    rows, below = [], []
    for key, entry in schema["properties"].items():
        inner, many = _reference(entry)
        if inner is not None:
            below.append((f"{path}{key}{'[]' if many else ''}.", defs[inner]))
        default = "required" if key in required else _shown(entry.get("default"))
        if inner is not None and not many:
            default = ""
        rows.append((f"`{key}`", _kind(entry, defs), default, entry.get("description", "")))
    about = schema.get("description", "")
    title = f"### {path.rstrip('.')}\n\n" if path else "### The top level\n\n"
    parts.append(f"{title}{about}\n\n" + table(["key", "value", "default", "meaning"], rows))
    for name, definition in below:
        _level(name, definition, defs, parts)


def _reference(entry: Mapping[str, Any]) -> tuple[str | None, bool]:
    optional = [one for one in entry.get("anyOf", ()) if "$ref" in one]
    for one, many in ((entry, False), (entry.get("items", {}), True), *((one, False) for one in optional)):
        if "$ref" in one:
            return one["$ref"].rsplit("/", 1)[1], many
    return None, False


def _kind(entry: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "anyOf" in entry:
        kinds = [_kind(one, defs) for one in entry["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in entry:
        return "keys, see below"
    if "enum" in entry:
        return ", ".join(f"`{one}`" for one in entry["enum"])
    if entry.get("type") == "array":
        if "prefixItems" in entry:
            return f"list of {len(entry['prefixItems'])} numbers"
        return "list of " + _plural(_kind(entry["items"], defs))
    if "additionalProperties" in entry and isinstance(entry["additionalProperties"], dict):
        return f"a {_kind(entry['additionalProperties'], defs)} for each name"
    plain = {"string": "text", "number": "number", "integer": "whole number", "boolean": "`true` or `false`"}
    return plain.get(entry.get("type", ""), "") + _bounds(entry)


def _plural(kind: str) -> str:
    if kind.startswith("list of"):
        return f"lists of {kind.removeprefix('list of ')}"
    words = {"keys, see below": "entries, see below", "text": "texts"}
    return words.get(kind, kind.replace("number", "numbers", 1))


def _bounds(entry: Mapping[str, Any]) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    found = [f"{word} {entry[key]:g}" for key, word in words.items() if key in entry]
    return ", " + ", ".join(found) if found else ""


def _shown(value: Any) -> str:
    if value is None or value in ([], {}):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text.strip(chr(34))}`" if len(text) < 60 else "all"


def summary_keys() -> str:
    """Return the keys of summary.json from its JSON Schema."""
    schema = json.loads((_SCHEMAS / "summary.schema.json").read_text(encoding="utf-8"))
    defs = schema["$defs"]
    rows = []
    for key, entry in schema["properties"].items():
        names = sorted(set(re.findall(r"#/\$defs/(\w+)", json.dumps(entry))))
        about = " ".join(" ".join(defs[name].get("description", "").split()) for name in names)
        inner = ", ".join(f"`{one}`" for name in names for one in defs[name]["properties"])
        many = "List, an entry for each: " if entry.get("type") == "array" else ""
        rows.append((f"`{key}`", f"{many}{about} Keys: {inner}." if names else _kind(entry, defs) or "keys"))
    return table(["key", "value"], rows)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "command-line": command_line,
    "benchmark-command": benchmark_command,
    "hooks": hook_table,
    "groups": group_table,
    "backgrounds": background_list,
    "project-keys": project_keys,
    "summary-keys": summary_keys,
    "rooms": lambda: table(["room", "what it holds", "imports"], architecture.room_rows()),
    "floors": lambda: architecture.count_sentence(),
}


def pages() -> list[Path]:
    """Return the pages that have generated parts."""
    found = sorted(DOCS.rglob("*.md"))
    return [page for page in found if _BLOCK.search(page.read_text(encoding="utf-8"))]


def rewritten(text: str) -> str:
    """Return the text of a page with its generated parts made again."""
    return _BLOCK.sub(lambda match: match[1] + "\n" + BLOCKS[match[2]]() + "\n\n" + match[3], text)


def generate() -> None:
    """Write all generated parts."""
    for page in pages():
        page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    architecture.PICTURE.write_text(architecture.drawing(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    generate()
