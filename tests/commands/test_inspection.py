"""What `autogsas doctor` says of backends that work, that are missing, that are broken, and of those nobody brings."""

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
        return Probe(False, reason="it is not there", details=(("looked in", "the cellar"),), advice="fetch it")


class Raising(FakeBackend):
    def probe(self) -> Probe:
        raise RuntimeError("a probe that fails")


class Failing(FakeBackend):
    def open(self, project: Project, folder: Path) -> FakeSession:
        raise BackendError("broken-parts", "half of it is missing")


class Hanging(FakeBackend):
    def open(self, project: Project, folder: Path) -> FakeSession:
        time.sleep(600)
        raise AssertionError


class Detailed(FakeBackend):
    def probe(self) -> Probe:
        return Probe(True, "1.0", details=(("interpreter", "a good one"),))


def examine(monkeypatch: pytest.MonkeyPatch, *backends: FakeBackend, wanted: str | None = None) -> tuple[str, int]:
    monkeypatch.setattr("autogsas.builtin.MODULES", ())
    host = Host(entry_points=False)
    monkeypatch.setattr(host, "backends", lambda: {backend.name: backend for backend in backends})
    monkeypatch.setattr(inspection, "Host", lambda: host)
    return inspection.doctor(wanted)


def test_a_backend_that_works_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    text, status = examine(monkeypatch, Detailed())
    assert status == 0
    assert "    fake: 1.0\n        interpreter: a good one\n        self-test: made-up data refined in" in text
    assert "is refined by: fake\n" in text


def test_a_missing_backend_has_a_reason_and_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    text, status = examine(monkeypatch, Missing())
    assert status == 3
    for line in (
        "fake: cannot be used: it is not there",
        "looked in: the cellar",
        "to have it: fetch it",
        "until then the numpy engine is used",
    ):
        assert line in text
    assert "is refined by: none" in text


def test_one_that_works_is_enough_unless_another_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Missing(name="other")
    assert examine(monkeypatch, Detailed(), missing)[1] == 0
    assert examine(monkeypatch, Detailed(), missing, wanted="fake")[1] == 0
    assert examine(monkeypatch, Detailed(), missing, wanted="other")[1] == 3
    text, status = examine(monkeypatch, Detailed(), wanted="gsas3")
    assert status == 3
    assert "no plugin brings a backend 'gsas3'; there are: fake" in text


def test_a_backend_that_is_there_but_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    text, status = examine(monkeypatch, Failing())
    assert status == 3
    assert "self-test: FAILED: broken-parts: half of it is missing" in text
    assert "refined by: fake, which does not work" in text
    text, status = examine(monkeypatch, Raising())
    assert status == 3
    assert "fake: broken: RuntimeError: a probe that fails (test_inspection.py, line" in text


def test_a_self_test_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "SELF_TEST_TIMEOUT", 0.5)
    text, status = examine(monkeypatch, Hanging())
    assert status == 3
    assert "self-test: FAILED: timeout" in text
