"""What the README says is held against the code. ``python tests/test_docs.py`` writes the hook table anew."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import pytest
import yaml

from autogsas.cli import cli
from autogsas.hooks.specs import Specs
from autogsas.model.project import ProjectFile
from autogsas.model.recipe import Recipe

README = Path(__file__).parent.parent / "README.md"
MARKS = ("<!-- hooks -->\n", "<!-- /hooks -->")


def hook_table() -> str:
    rows = ["| hook | when it is called, and what it may return |", "|---|---|"]
    for name, hook in vars(Specs).items():
        if name.startswith("autogsas_"):
            about = " ".join((inspect.getdoc(hook) or "").split())
            arguments = ", ".join(key for key in inspect.signature(hook).parameters if key != "self")
            rows.append(f"| `{name}({arguments})` | {about} |")
    return "\n".join(rows) + "\n"


def between(text: str) -> str:
    return text.split(MARKS[0])[1].split(MARKS[1])[0]


def test_the_hook_table_is_current() -> None:
    assert between(README.read_text(encoding="utf-8")) == hook_table()


def test_every_command_is_named() -> None:
    line = next(line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("Commands:"))
    assert set(re.findall(r"`([a-z-]+)`", line)) >= set(cli.commands)


def test_the_examples_are_valid() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
    ProjectFile.model_validate(yaml.safe_load(blocks[0]))
    Recipe.model_validate(yaml.safe_load(blocks[1]))


def test_the_hook_example_works(tmp_path: Path) -> None:
    from autogsas.input.loading import load_project

    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
    assert code is not None
    folder = tmp_path / "fluorapatite"
    shutil.copytree(README.parent / "projects" / "fluorapatite", folder, ignore=shutil.ignore_patterns("runs"))
    (folder / "hooks.py").write_text(code[1], encoding="utf-8")
    with (folder / "project.yaml").open("a", encoding="utf-8") as file:
        file.write("plugins: [hooks.py]\n")
    project, host = load_project(folder)
    limits = host.call("choose_limits", choose=None, project=project, histogram=project.histograms[0])
    assert limits == (25.0, 90.0)


def test_every_finding_is_named() -> None:
    """Codes stand as the first argument of a `Finding`, or are given a name first."""
    text = README.read_text(encoding="utf-8")
    section = text.split("## What is checked\n")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    named = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    package = README.parent / "autogsas"
    sources = [*(package / "builtin").rglob("*.py"), package / "trial" / "assessment.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    given = set(re.findall(r'Finding\(\s*"([a-z-]+)"', code)) | set(re.findall(r'"(atoms-[a-z-]+)"', code))
    assert len(given) > 20
    assert given == named


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)]+)\)", README.read_text(encoding="utf-8")))
def test_links_lead_somewhere(link: str) -> None:
    assert (README.parent / link).exists()


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(between(text), "", 1) if between(text) else text, encoding="utf-8")
    head, tail = README.read_text(encoding="utf-8").split(MARKS[0])
    README.write_text(head + MARKS[0] + hook_table() + tail, encoding="utf-8")
