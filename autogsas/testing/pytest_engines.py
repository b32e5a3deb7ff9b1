"""For conftest.py: tests of an engine that is not installed are skipped; the summary lists the engines tested.

    from autogsas.testing import pytest_engines

    def pytest_configure(config):
        pytest_engines.install(config, [MyBackend()])

A test marked ``@pytest.mark.engine("mine")`` is skipped if the engine cannot be used. An engine counts as tested if
such a test, or one of a `BackendConformance` class, passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from autogsas.hooks.backend import Backend, Probe
from autogsas.hooks.host import Host
from autogsas.testing.conformance import BackendConformance

__all__ = ["Engines", "install"]

_NAME = "autogsas-engines"
_PROPERTY = "autogsas-engine"


def install(config: pytest.Config, backends: Sequence[Backend] = ()) -> None:
    """Register the hooks of this module once a test run, and the marker; ``backends`` are added to those known."""
    found = config.pluginmanager.get_plugin(_NAME)
    if found is None:
        config.addinivalue_line("markers", "engine(name): needs this engine; skipped if it cannot be used")
        found = Engines()
        config.pluginmanager.register(found, _NAME)
    found.know(backends)


class Engines:
    """The engines of a test run: which can be used, and which were tested."""

    def __init__(self) -> None:
        self._backends: dict[str, Backend] = {}
        self._probes: dict[str, Probe] = {}
        self.know([*Host(entry_points=False).backends().values()])

    def know(self, backends: Sequence[Backend]) -> None:
        """Add backends that tests may need."""
        self._backends.update({backend.name: backend for backend in backends})

    def probe(self, name: str) -> Probe:
        """Return whether an engine can be used; the engine is probed once."""
        if name not in self._backends:
            return Probe(False, reason="unknown engine")
        if name not in self._probes:
            self._probes[name] = self._backends[name].probe()
        return self._probes[name]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a test whose engine cannot be used."""
        for mark in item.iter_markers("engine"):
            probe = self.probe(mark.args[0])
            if not probe.available:
                pytest.skip(f"{mark.args[0]}: {probe.reason}")

    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Note which engines a test uses; the note is part of its report, also from other processes."""
        names = {mark.args[0] for mark in item.iter_markers("engine")}
        instance = getattr(item, "instance", None)
        if isinstance(instance, BackendConformance):
            names.add(instance.backend().name)
        item.user_properties += [(_PROPERTY, name) for name in sorted(names & self._backends.keys())]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """List the engines with the number of passed tests, or the reason for none."""
        counts = dict.fromkeys(self._backends, 0)
        for report in terminalreporter.stats.get("passed", ()):
            for key, name in report.user_properties:
                if key == _PROPERTY and name in counts:
                    counts[name] += 1
        terminalreporter.section("engines exercised")
        for name, count in counts.items():
            probe = self.probe(name)
            if count:
                text = f"{probe.version}, {count} tests"
            else:
                text = "no test" if probe.available else f"no test: {probe.reason}"
            terminalreporter.line(f"{name}: {text}")
