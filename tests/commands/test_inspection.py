"""`autogsas doctor` on backends that work, are missing, are broken or are unknown."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autogsas.commands import inspection
from autogsas.errors import BackendError
from autogsas.hooks.backend import Probe
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.testing.fake import FakeBackend, FakeSession


class Missing(FakeBackend):
    def probe(self) -> Probe:
        return Probe(False, reason="not installed", details=(("searched", "/opt/engine"),), advice="install it")


class Raising(FakeBackend):
    def probe(self) -> Probe:
        raise RuntimeError("a probe that fails")


class Failing(FakeBackend):
    def open(self, project: Project, folder: Path) -> FakeSession:
        raise BackendError("engine-broken", "a library is missing")


class Hanging(FakeBackend):
    def open(self, project: Project, folder: Path) -> FakeSession:
        time.sleep(600)
        raise AssertionError


class Detailed(FakeBackend):
    def probe(self) -> Probe:
        return Probe(True, "1.0", details=(("interpreter", "/opt/python"),))


def examine(monkeypatch: pytest.MonkeyPatch, *backends: FakeBackend, wanted: str | None = None) -> tuple[str, int]:
    monkeypatch.setattr("autogsas.builtin.MODULES", ())
    host = Host(entry_points=False)
    monkeypatch.setattr(host, "backends", lambda: {backend.name: backend for backend in backends})
    monkeypatch.setattr(inspection, "Host", lambda: host)
    return inspection.doctor(wanted)


def test_a_backend_that_works_passes_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    text, status = examine(monkeypatch, Detailed())
    assert status == 0
    assert "    fake: 1.0\n        interpreter: /opt/python\n        self-test: synthetic data refined in" in text
    assert "a project without a backend uses: fake\n" in text


def test_a_missing_backend_is_listed_with_reason_and_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    text, status = examine(monkeypatch, Missing())
    assert status == 3
    for line in (
        "fake: cannot be used: not installed",
        "searched: /opt/engine",
        "to install it: install it",
        "until then projects that do not name it use another backend",
    ):
        assert line in text
    assert "a project without a backend uses: none" in text


def test_one_working_backend_is_enough_unless_another_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Missing(name="other")
    assert examine(monkeypatch, Detailed(), missing)[1] == 0
    assert examine(monkeypatch, Detailed(), missing, wanted="fake")[1] == 0
    assert examine(monkeypatch, Detailed(), missing, wanted="other")[1] == 3
    text, status = examine(monkeypatch, Detailed(), wanted="gsas3")
    assert status == 3
    assert "no backend 'gsas3'; available names: fake" in text


def test_an_installed_but_broken_backend_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    text, status = examine(monkeypatch, Failing())
    assert status == 3
    assert "self-test: FAILED: engine-broken: a library is missing" in text
    assert "uses: fake, which does not work" in text
    text, status = examine(monkeypatch, Raising())
    assert status == 3
    assert "fake: broken: RuntimeError: a probe that fails (test_inspection.py, line" in text


def test_a_self_test_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "SELF_TEST_TIMEOUT", 0.5)
    text, status = examine(monkeypatch, Hanging())
    assert status == 3
    assert "self-test: FAILED: timeout" in text
