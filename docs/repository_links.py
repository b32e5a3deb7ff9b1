"""A hook of MkDocs: links that work in the repository also work in the site.

Pages link to files by their place in the repository, such as ``../../projects/fluorapatite/pictures/fit.svg``. Files
named in `ADDED` and all pictures of the example projects are part of the site; a link to any other file of the
repository becomes plain text there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
ADDED = ("CHANGELOG.md", "CONTRIBUTING.md")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the files of the repository that the site shows."""
    pictures = sorted((ROOT / "projects").glob("*/pictures/*"))
    for path in [*(ROOT / name for name in ADDED), *pictures]:
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Point links to where their files are in the site."""
    uri = page.file.src_uri
    source = PurePosixPath(uri if uri in ADDED else f"docs/{uri}")

    def replaced(match: re.Match[str]) -> str:
        mark, text, link, anchor = match[1], match[2], match[3], match[4] or ""
        target = PurePosixPath(os.path.normpath(source.parent / link))
        inside = target.relative_to("docs") if target.is_relative_to("docs") else target
        if files.get_file_from_path(str(inside)) is not None:
            return f"{mark}[{text}]({os.path.relpath(inside, PurePosixPath(uri).parent)}{anchor})"
        # A link to a missing file is left, so that a strict build fails.
        return text if (ROOT / target).exists() and not target.is_relative_to("docs") else match[0]

    return _LINK.sub(replaced, markdown)
