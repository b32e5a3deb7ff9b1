"""The plugin host: what is loaded, and the messages about what is not."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from autogsas.errors import BackendMissing, PluginError, UserError
from autogsas.hooks.host import Host, load_file
from autogsas.testing.samples import make_project


@pytest.fixture(autouse=True)
def no_builtins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogsas.builtin.MODULES", ())


def hooks(folder: Path, text: str, name: str = "hooks.py") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("from autogsas import hookimpl\n" + text)
    return file


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> None:
    """Make distributions with an entry point, as pip would."""
    for name, text in modules.items():
        info = folder / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[autogsas]\n{name} = {name}_module\n")
        (folder / f"{name}_module.py").write_text("from autogsas import hookimpl\n" + text)
    monkeypatch.syspath_prepend(str(folder))


BACKEND = """
from autogsas.testing.fake import FakeBackend
@hookimpl
def autogsas_register_backends():
    return [FakeBackend(name={name!r}, reason={reason!r})]
"""


def test_an_installed_plugin_that_fails_is_recorded_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = BACKEND.format(name="good", reason="")
    installed(tmp_path, monkeypatch, good_one=good, bad_one="raise RuntimeError('no licence')")
    host = Host()
    infos = {info.name: info for info in host.plugins}
    assert infos["bad_one"].error == "RuntimeError: no licence"
    assert (infos["good_one"].error, infos["good_one"].origin, infos["good_one"].version) == ("", "good_one", "1.2")
    assert infos["good_one"].hooks == ("autogsas_register_backends",)
    assert infos["good_one"].location == str(tmp_path / "good_one_module.py")
    assert "good" in host.backends()
    assert "good_one" not in {info.name for info in Host(entry_points=False).plugins}


def test_a_misspelt_hook_names_plugin_and_hook(tmp_path: Path) -> None:
    file = hooks(tmp_path, "@hookimpl\ndef autogsas_chek_result():\n    return []\n")
    with pytest.raises(PluginError) as raised:
        Host([file], entry_points=False)
    assert str(file) in str(raised.value)
    assert "did you mean 'autogsas_check_result'" in str(raised.value)


def test_a_hook_with_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    file = hooks(tmp_path, "@hookimpl\ndef autogsas_check_result(resultt):\n    return []\n")
    with pytest.raises(PluginError, match="resultt"):
        Host([file], entry_points=False)


def test_two_backends_with_the_same_name_are_an_error(tmp_path: Path) -> None:
    files = [hooks(tmp_path / part, BACKEND.format(name="twin", reason="")) for part in ("a", "b")]
    with pytest.raises(PluginError, match="two plugins register a backend named 'twin'"):
        Host(files, entry_points=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("def (", "SyntaxError"),
        ("import no_such_thing", "No module"),
    ],
)
def test_a_failing_file_of_the_project_is_a_plugin_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Host([hooks(tmp_path, text)], entry_points=False)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no such file"):
        Host([tmp_path / "none.py"], entry_points=False)


def test_a_projects_own_hooks_are_called_first(tmp_path: Path) -> None:
    text = "@hookimpl\ndef autogsas_score():\n    return {}\n"
    first, second = hooks(tmp_path / "a", text.format(1.0)), hooks(tmp_path / "b", text.format("None"))
    arguments = {"project": None, "result": None, "metrics": None, "findings": ()}
    assert Host([first], entry_points=False).call("score", **arguments) == 1.0
    assert Host([first, second], entry_points=False).call("score", **arguments) == 1.0
    text = text.format(2.0)
    assert Host([first, hooks(tmp_path / "c", text)], entry_points=False).call("score", **arguments) == 2.0


def test_a_hook_that_raises_names_its_plugins(tmp_path: Path) -> None:
    file = hooks(tmp_path, "@hookimpl\ndef autogsas_after_run():\n    raise OSError('no paper')\n")
    host = Host([file], entry_points=False)
    with pytest.raises(PluginError) as raised:
        host.call("after_run", project=None, folder=None, summary={})
    for text in ("autogsas_after_run", str(file), "OSError: no paper"):
        assert text in str(raised.value)


def test_auto_chooses_an_engine_that_works(tmp_path: Path) -> None:
    there = hooks(tmp_path / "a", BACKEND.format(name="there", reason=""))
    away = hooks(tmp_path / "b", BACKEND.format(name="away", reason="not installed"))
    host = Host([there, away], entry_points=False)
    assert host.backend("auto").name == "there"
    with pytest.raises(BackendMissing, match="'away' cannot be used: not installed"):
        host.backend("away")
    with pytest.raises(UserError, match="did you mean 'there'"):
        host.backend("their")
    with pytest.raises(BackendMissing, match="doctor"):
        Host([away], entry_points=False).backend("auto")


def test_classes_of_two_files_with_the_same_name_can_be_pickled(tmp_path: Path) -> None:
    text = "class Thing:\n    kind = {!r}\n"
    modules = [load_file(hooks(tmp_path / part, text.format(part))) for part in ("a", "b")]
    things = [pickle.loads(pickle.dumps(module.Thing())) for module in modules]
    assert [thing.kind for thing in things] == ["a", "b"]


def test_hooks_see_the_project(tmp_path: Path) -> None:
    file = hooks(tmp_path / "h", "@hookimpl\ndef autogsas_seed_recipes(project):\n    return [project.name]\n")
    project = make_project(tmp_path / "p")
    assert Host([file], entry_points=False).call("seed_recipes", project=project, capabilities=None) == [["made"]]


STRATEGY = """
from autogsas.hooks.strategy import Strategy, TpeSampler
@hookimpl
def autogsas_register_strategies():
    own = TpeSampler("tpe-mine", startup_trials=5)
    return [Strategy({name!r}, "a lab's own", "our search", "tpe-mine", own_sampler=own)]
"""


def test_strategies_and_their_samplers_are_registered(tmp_path: Path) -> None:
    host = Host([hooks(tmp_path, STRATEGY.format(name="mine"))], entry_points=False)
    assert list(host.strategies()) == ["mine"]
    assert host.strategy("mine").title == "our search"
    assert host.samplers() == ("tpe", "random", "cmaes", "gp", "qmc", "tpe-mine")
    with pytest.raises(
        UserError, match=r"^search\.space: unknown value; found 'mime'; allowed: mine; did you mean 'mine'"
    ):
        host.strategy("mime")


def test_two_strategies_with_the_same_name_are_an_error(tmp_path: Path) -> None:
    one = hooks(tmp_path / "a", STRATEGY.format(name="mine"))
    two = hooks(tmp_path / "b", STRATEGY.format(name="mine"))
    with pytest.raises(PluginError, match="two plugins register a strategy named 'mine'"):
        Host([one, two], entry_points=False)
