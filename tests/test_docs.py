"""The documentation agrees with the code: examples, commands, options, findings, links."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from autogsas.cli import cli
from autogsas.commands import verbs
from autogsas.commands.request import RunRequest
from autogsas.hooks.events import Notice
from autogsas.hooks.host import Host
from autogsas.hooks.specs import Specs
from autogsas.input.loading import load_project
from autogsas.model.project import ProjectFile
from autogsas.model.recipe import Recipe, Step
from autogsas.model.trial import TrialState
from autogsas.runfolder.trials import read_records
from autogsas.testing.samples import make_project

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "projects").glob("*/README.md")),
]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text_of(page), flags=re.S)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_every_command_is_named() -> None:
    line = next(line for line in text_of(DOCS / "reference" / "cli.md").splitlines() if line.startswith("Commands:"))
    assert set(re.findall(r"`([a-z-]+)`", line)) == set(cli.commands)


def _validate(data: dict[str, Any]) -> None:
    if "steps" in data:
        Recipe.model_validate(data)
    elif "start" in data:
        Step.model_validate(data)
    else:
        needed = {"data": [{"file": "a.xye"}], "phases": [{"file": "a.cif"}]}
        ProjectFile.model_validate({**needed, **data})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_yaml_examples_are_valid(page: Path) -> None:
    for block in blocks(page, "yaml"):
        _validate(yaml.safe_load(block))


def test_the_yaml_examples_are_found() -> None:
    assert sum(len(blocks(page, "yaml")) for page in PAGES) >= 5


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_in_examples_have_these_options(page: Path) -> None:
    for block in blocks(page, "sh"):
        for match in re.finditer(r"(?:^|&& |\.venv/bin/)autogsas ([a-z-]+)(.*)$", block, flags=re.M):
            command = cli.commands[match[1]]
            known = {option for parameter in command.params for option in parameter.opts}
            used = {word.split("=")[0] for word in shlex.split(match[2], comments=True) if word.startswith("--")}
            assert used <= known, match[0]


def test_the_first_hook_example_works(tmp_path: Path) -> None:
    folder = tmp_path / "fluorapatite"
    shutil.copytree(ROOT / "projects" / "fluorapatite", folder, ignore=shutil.ignore_patterns("runs"))
    (folder / "hooks.py").write_text(blocks(DOCS / "how-to" / "write-a-hook.md", "python")[0], encoding="utf-8")
    with (folder / "project.yaml").open("a", encoding="utf-8") as file:
        file.write("plugins: [hooks.py]\n")
    project, host = load_project(folder)
    limits = host.call("choose_limits", choose=None, project=project, histogram=project.histograms[0])
    assert limits == (25.0, 90.0)


@pytest.mark.parametrize("index", range(len(blocks(DOCS / "how-to" / "write-a-hook.md", "python"))))
def test_the_hook_examples_can_be_registered(index: int) -> None:
    module = ModuleType(f"example_{index}")
    exec(blocks(DOCS / "how-to" / "write-a-hook.md", "python")[index], module.__dict__)
    host = Host(entry_points=False)
    host.register(module, module.__name__)
    assert host.plugins[-1].hooks


@pytest.mark.parametrize("strategy", [False, True])
def test_the_hook_examples_run(strategy: bool, tmp_path: Path) -> None:
    """The examples for the default search run together, the strategy alone."""
    examples = blocks(DOCS / "how-to" / "write-a-hook.md", "python")
    chosen = [code for code in examples if ("autogsas_register_strategies" in code) == strategy]
    assert len(chosen) == (1 if strategy else 3)
    make_project(tmp_path)
    for index, code in enumerate(chosen):
        (tmp_path / f"hooks{index}.py").write_text(code.replace("> 200", "> -1"), encoding="utf-8")
    files = ", ".join(f"hooks{index}.py" for index in range(len(chosen)))
    (tmp_path / "project.yaml").write_text(
        "data: [{file: pattern.xy, radiation: xray, wavelength: 1.5406, geometry: Bragg-Brentano, limits: [18, 85]}]\n"
        f"phases: [{{file: phase.cif}}]\nplugins: [{files}]\n"
        f"search: {{scout: off, space: {'mine' if strategy else 'default'}}}\n",
        encoding="utf-8",
    )
    notices: list[str] = []
    done = verbs.run(
        tmp_path,
        RunRequest(backend="numpy", trials=2 if strategy else 3, out=tmp_path / "run"),
        progress=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )
    records = read_records(done.folder)
    # The intensities of this pattern are not exact, so a check of the result may find an error.
    assert {record.state for record in records} <= {TrialState.COMPLETE, TrialState.INFEASIBLE}
    if strategy:
        assert [record.origin for record in records] == ["search", "search"]
        assert {"background.terms", "widths"} == records[0].choices.keys()
        assert notices == []
        return
    assert [record.origin for record in records] == ["guided by the data", "careful, knots", "careful"]
    records = records[1:]
    assert 6 <= int(records[0].choices["background.terms"]) <= 12
    assert records[1].choices["background.terms"] == 12
    assert records[0].recipe.steps[0].limits == {"pattern": (25.0, 85.0)}
    assert "far-from-focus" in {finding.code for finding in records[0].findings}
    assert notices == [
        "seed 'careful, knots': its values for background.terms do not fit the hooks of this project; "
        "the sampler chooses instead"
    ]


def test_every_key_of_a_step_is_described() -> None:
    text = text_of(DOCS / "reference" / "recipe.md").split("## Keys of a step")[1].split("\n## ")[0]
    rows = "\n".join(row.split("|")[1] for row in text.splitlines() if row.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", rows)) == set(Step.model_fields)


def test_the_hooks_that_are_named_exist() -> None:
    pages = [page for page in PAGES if page.name != "CHANGELOG.md"]
    named = {name for page in pages for name in re.findall(r"`(autogsas_\w+)", text_of(page))}
    assert named <= {name for name in vars(Specs) if name.startswith("autogsas_")} | {"autogsas_gsas2"}


def test_every_finding_is_named() -> None:
    """A code is the first argument of a `Finding`, or is given a name first."""
    text = text_of(DOCS / "reference" / "findings.md")
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    named = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    package = ROOT / "autogsas"
    hosts = (package / "trial" / "assessment.py", package / "quantification" / "findings.py")
    plugins = (ROOT / "plugins").rglob("autogsas_*/*.py")
    sources = [*plugins, *(package / "builtin").rglob("*.py"), *hosts]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    given = set(re.findall(r'Finding\(\s*"([a-z-]+)"', code)) | set(re.findall(r'"(atoms-[a-z-]+)"', code))
    assert len(given) > 20
    assert given == named


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.S)
    for link in re.findall(r"\]\(((?!https?:|#)[^)\s]+)\)", text):
        assert (page.parent / link.split("#")[0]).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    """The changelog may name what is gone."""
    if page.name == "CHANGELOG.md":
        return
    for name in re.findall(r"`((?:autogsas|docs|plugins|projects|tests)/[\w./-]+)`", text_of(page)):
        assert (ROOT / name).exists(), name
