"""The data blocks of a CIF as columns of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from autogsas.errors import UserError

__all__ = ["CifBlock", "read_blocks"]


@dataclass(frozen=True)
class CifBlock:
    """The columns of a block by tag; tags in lower case with an underscore for DDLm's dot, values without quotes."""

    path: Path
    name: str
    tags: Mapping[str, Sequence[str]]

    def has(self, tag: str) -> bool:
        """Return whether the block has a value for the tag."""
        return bool(self.tags.get(tag))

    def first(self, *names: str) -> str | None:
        """Return the first value given for one of the tags, or None."""
        for name in names:
            values = self.tags.get(name, ())
            if values and values[0] not in ("?", "."):
                return values[0]
        return None

    def column(self, name: str, length: int) -> list[str | None]:
        """Return a column with None for missing values; all None, ``length`` long, if there is no such column."""
        values = self.tags.get(name, ())
        return [value if value not in ("?", ".") else None for value in values] if values else [None] * length

    def number(self, text: str | None, key: str) -> float | None:
        """Return a number without its esd, None for None. Raises UserError for text that is not a number."""
        if text is None:
            return None
        value = float(gemmi.cif.as_number(text))
        if not np.isfinite(value):
            raise UserError("not a number", file=self.path, key=key, found=text)
        return value


def read_blocks(path: Path, text: str) -> list[CifBlock]:
    """Return the data blocks of CIF text. Raises UserError for broken syntax."""
    try:
        document = gemmi.cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"broken CIF: {str(error).removeprefix('string:')}", file=path) from error
    return [CifBlock(path, item.name, dict(_columns(item))) for item in document]


def _columns(block: gemmi.cif.Block) -> Iterator[tuple[str, Sequence[str]]]:
    items: Iterable[Any] = block
    for item in items:
        if item.pair is not None:
            yield item.pair[0].lower().replace(".", "_"), [_plain(item.pair[1])]
        elif item.loop is not None:
            for index, tag in enumerate(item.loop.tags):
                values = item.loop.values[index :: item.loop.width()]
                yield tag.lower().replace(".", "_"), [_plain(value) for value in values]


def _plain(value: str) -> str:
    return value if value in ("?", ".") else gemmi.cif.as_string(value).strip()
