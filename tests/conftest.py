"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import hypothesis
import pytest

from autogsas.hooks.host import Host
from autogsas.testing import pytest_engines

# A busy machine may pause a test at any point; the time of one example says nothing about the code.
hypothesis.settings.register_profile("autogsas", deadline=None)
hypothesis.settings.load_profile("autogsas")


def pytest_configure(config: pytest.Config) -> None:
    pytest_engines.install(config)


def make_fake_host(patch: pytest.MonkeyPatch) -> Host:
    """Return a host whose only plugin is the scripted fake backend with its strategy."""
    patch.setattr("autogsas.builtin.MODULES", ("autogsas.builtin.strategy.registered", "autogsas.testing.fake"))
    return Host(entry_points=False)


@pytest.fixture
def fake_host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """The host of `make_fake_host`, for one test."""
    return make_fake_host(monkeypatch)
