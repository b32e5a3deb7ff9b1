"""The plugin manager: built-ins, installed plugins by entry point, and a project's own files of hooks."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
import traceback
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import GeneratorType, ModuleType
from typing import Any

import pluggy

from autogsas.errors import AutogsasError, BackendMissing, PluginError, UserError, nearest
from autogsas.hooks.backend import Backend, Probe
from autogsas.hooks.specs import Specs
from autogsas.hooks.strategy import SAMPLERS, Strategy, TpeSampler

__all__ = ["BUILTINS", "ENTRY_POINTS", "Host", "PluginInfo", "load_file"]

ENTRY_POINTS = "autogsas"
# The package whose ``MODULES`` are the plugins shipped with autogsas. It is imported by name, so that no room depends
# on the built-ins.
BUILTINS = "autogsas.builtin"
_BUILT_IN = "built in"
_CHOOSING = frozenset(
    f"autogsas_{name}"
    for name in (
        "set_background",
        "choose_start",
        "choose_geometry",
        "choose_profile",
        "choose_limits",
        "choose_groups",
        "order_steps",
    )
)


def load_file(file: Path) -> ModuleType:
    """Import a project's own file of hooks and return it as a module, named after its path.

    A child process that loads the same file can unpickle what the file defines. Raises PluginError.
    """
    if not file.is_file():
        raise PluginError("no such file", file=file, key="plugins")
    name = f"autogsas_project_{file.stem}_{zlib.crc32(str(file.resolve()).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError("not a Python file", file=file, key="plugins")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look their module up here
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's file may raise anything; the error becomes one line that names the file
        del sys.modules[name]
        raise PluginError(f"cannot be loaded: {type(error).__name__}: {error}", file=file, key="plugins") from error
    return module


@dataclass(frozen=True)
class PluginInfo:
    """One plugin as ``autogsas plugins`` shows it; ``error`` is why it failed to load."""

    name: str
    origin: str
    location: str
    version: str
    hooks: tuple[str, ...]
    error: str = ""


class Host:
    """The hooks of one project.

    ``files`` are the project's own hook files; ``entry_points=False`` leaves out installed plugins.

    An installed plugin that fails to import is recorded and left out; a project's own file that fails is a PluginError.
    Two plugins with the same name, or a misspelt hook, are errors that name the plugin.
    """

    def __init__(self, files: Iterable[Path] = (), *, entry_points: bool = True) -> None:
        self._manager = pluggy.PluginManager("autogsas")
        self._manager.add_hookspecs(Specs)
        self._infos: list[PluginInfo] = []
        self._backends: dict[str, Backend] = {}
        self._strategies: dict[str, Strategy] = {}
        self.files = tuple(Path(file) for file in files)
        for module in importlib.import_module(BUILTINS).MODULES:
            self._register(importlib.import_module(module), module, _BUILT_IN)
        if entry_points:
            self._load_entry_points()
        for file in self.files:
            self._register(load_file(file), str(file), "project")
        self._collect_backends()
        self._collect_strategies()

    @property
    def hook(self) -> Any:
        """The hook callers of pluggy."""
        return self._manager.hook

    def call(self, name: str, **arguments: Any) -> Any:
        """Call a hook by its name without the prefix and return what pluggy returns.

        Errors of this package are passed on; any other exception becomes a PluginError that names the hook and the
        plugins that implement it. A hook that yields its answer returns it as a list.
        """
        hook = f"autogsas_{name}"
        return self._call(getattr(self.hook, hook), hook, self.whose(hook), arguments)

    def call_each(self, name: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call a hook whose answers all count, plugin by plugin; yield the plugin's name and its answer.

        The order is that of `call`. Raises PluginError as `call` does, with the name of the one plugin that failed.
        """
        hook = f"autogsas_{name}"
        plain = [item for item in getattr(self.hook, hook).get_hookimpls() if not (item.wrapper or item.hookwrapper)]
        for one in reversed(plain):
            others = [item.plugin for item in plain if item is not one]
            caller = self._manager.subset_hook_caller(hook, others)
            for answer in self._call(caller, hook, one.plugin_name, arguments):
                yield one.plugin_name, answer

    def _call(self, caller: Any, hook: str, whose: str, arguments: dict[str, Any]) -> Any:
        try:
            answer = _listed(caller(**arguments))
            return [_listed(item) for item in answer] if isinstance(answer, list) else answer
        except AutogsasError:
            raise
        except Exception as error:  # a plugin may raise anything; the error becomes one line that names it
            raise PluginError(f"hook {hook} ({whose}) failed: {type(error).__name__}: {error}") from error

    def is_built_in(self, plugin: str) -> bool:
        """Return whether the plugin of this name is shipped with autogsas."""
        return any(info.name == plugin and info.origin == _BUILT_IN for info in self._infos)

    @property
    def chooses_otherwise(self) -> bool:
        """Whether a plugin that is not built in makes choices, so that built-in recipes may not fit."""
        return any(info.origin != _BUILT_IN and not _CHOOSING.isdisjoint(info.hooks) for info in self._infos)

    def whose(self, hook: str) -> str:
        """Return the names of the plugins that implement a hook, in the order of calling, for messages."""
        names = [info.name for info in reversed(self._infos) if hook in info.hooks and not info.error]
        return ", ".join(names) or "no plugin"

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins, including those that failed to load."""
        return tuple(self._infos)

    def backends(self) -> dict[str, Backend]:
        """All registered backends by name, including the built-in one."""
        return dict(self._backends)

    def backend(self, name: str) -> Backend:
        """Return a backend by name; "auto" is the first available one, plugins before the built-in one.

        Raises UserError for an unknown name, BackendMissing if the engine cannot be used.
        """
        if name == "auto":
            for candidate in reversed(self._backends.values()):
                if candidate.probe().available:
                    return candidate
            raise BackendMissing("no backend can be used here; `autogsas doctor` shows why")
        if name not in self._backends:
            raise UserError("unknown backend", key="backend", found=name, allowed=["auto", *self._backends])
        probe: Probe = self._backends[name].probe()
        if not probe.available:
            advice = f"; {probe.advice}" if probe.advice else ""
            raise BackendMissing(f"backend {name!r} cannot be used: {probe.reason}{advice}")
        return self._backends[name]

    def strategies(self) -> dict[str, Strategy]:
        """All registered search strategies by name."""
        return dict(self._strategies)

    def strategy(self, name: str) -> Strategy:
        """Return the strategy that ``search.space`` names. Raises UserError for an unknown name."""
        if name not in self._strategies:
            raise UserError("unknown value", key="search.space", found=name, allowed=self._strategies)
        return self._strategies[name]

    def own_samplers(self) -> dict[str, TpeSampler]:
        """The samplers that strategies bring along, by name."""
        own = (strategy.own_sampler for strategy in self._strategies.values())
        return {sampler.name: sampler for sampler in own if sampler is not None}

    def samplers(self) -> tuple[str, ...]:
        """All values that ``search.sampler`` may have."""
        return (*SAMPLERS, *self.own_samplers())

    def _load_entry_points(self) -> None:
        for point in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda item: item.name):
            version = point.dist.version if point.dist is not None else ""
            origin = point.dist.name if point.dist is not None else "entry point"
            try:
                module = point.load()
            except Exception:  # noqa: BLE001  a plugin may raise anything when imported; the host must still start
                error = traceback.format_exc(limit=-1).strip().splitlines()[-1]
                self._infos.append(PluginInfo(point.name, origin, point.value, version, (), error))
                continue
            self._register(module, point.name, origin, version)

    def register(self, plugin: Any, name: str | None = None) -> None:
        """Add a plugin, a module or any object with hooks, for instance in a test or a notebook.

        Its hooks are called before those of plugins registered earlier. Backends and strategies are only collected when
        the host is made. Raises PluginError as for any other plugin.
        """
        self._register(plugin, name or f"{type(plugin).__name__}-{id(plugin):x}", "registered")

    def unregister(self, name: str) -> None:
        """Remove the plugin of this name. Raises UserError where there is none."""
        if not self._manager.has_plugin(name):
            raise UserError("unknown plugin", key="plugins", found=name, allowed=[info.name for info in self._infos])
        self._manager.unregister(name=name)
        self._infos = [info for info in self._infos if info.name != name]

    def _register(self, module: Any, name: str, origin: str, version: str = "") -> None:
        hooks = tuple(sorted(item for item, _ in inspect.getmembers(module, callable) if item.startswith("autogsas_")))
        known = {item for item in vars(Specs) if item.startswith("autogsas_")}
        for hook in hooks:
            if hook not in known:
                close = nearest(hook, known)
                hint = f"; did you mean {close!r}?" if close else ""
                raise PluginError(f"plugin {name!r} has an unknown hook {hook!r}{hint}")
        try:
            self._manager.register(module, name)
            self._manager.check_pending()
        except (ValueError, pluggy.PluginValidationError) as error:
            raise PluginError(f"plugin {name!r} from {origin} cannot be registered: {error}") from error
        location = getattr(module, "__file__", "") or ""
        self._infos.append(PluginInfo(name, origin, location, version, hooks))

    def _collect_backends(self) -> None:
        answers: Sequence[Sequence[Backend]] = self.hook.autogsas_register_backends()
        for backend in (item for answer in reversed(answers) for item in answer):
            if backend.name in self._backends:
                raise PluginError(f"two plugins register a backend named {backend.name!r}")
            self._backends[backend.name] = backend

    def _collect_strategies(self) -> None:
        answers: Sequence[Sequence[Strategy]] = self.hook.autogsas_register_strategies()
        for strategy in (item for answer in reversed(answers) for item in answer):
            if strategy.name in self._strategies:
                raise PluginError(f"two plugins register a strategy named {strategy.name!r}")
            self._strategies[strategy.name] = strategy


def _listed(answer: Any) -> Any:
    # A generator runs when it is read: an error in it must still be known as one of its hook.
    return list(answer) if isinstance(answer, GeneratorType) else answer
