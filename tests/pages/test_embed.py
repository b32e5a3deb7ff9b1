"""The libraries that pages contain."""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib import resources

from autogsas.pages.embed import LIBRARIES

PAGES = resources.files("autogsas").joinpath("pages")
ASSETS = PAGES / "assets"
ROW = re.compile(r"^\| `(\S+)` \| \S+ (\S+) \| `\S+` (\S+) \| `([0-9a-f]{64})` \| [^|]+, `(\S+)` \|$", re.MULTILINE)


def test_checksums_versions_and_licences_are_those_recorded() -> None:
    rows = ROW.findall((ASSETS / "README.md").read_text(encoding="utf-8"))
    assert len(rows) == len(LIBRARIES)
    for file, version, package_version, digest, licence in rows:
        content = (ASSETS / file).read_bytes()
        assert len(content) < 1_000_000
        assert hashlib.sha256(gzip.decompress(content)).hexdigest() == digest, file
        assert version == package_version
        assert version in (ASSETS / licence).read_text(encoding="utf-8")


def test_the_figures_use_only_traces_of_the_basic_bundle() -> None:
    scripts = [
        item.read_text(encoding="utf-8") for item in (PAGES / "templates").iterdir() if item.name.endswith(".js")
    ]
    used = {kind for script in scripts for kind in re.findall(r'\btype: "(\w+)", (?:mode|name)', script)}
    assert used == {"scatter"}
