"""How the oracles' files are written; read by GSAS-II's Python too."""

from __future__ import annotations

import json
from typing import Any


def compact(made: dict[str, Any]) -> str:
    """Return JSON with one entry a line, so that a changed number is a changed line."""
    entries = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in made["entries"])
    head = json.dumps({key: value for key, value in made.items() if key != "entries"}, indent=1)
    return f'{head[:-2]},\n "entries": [\n{entries}\n]}}\n'
