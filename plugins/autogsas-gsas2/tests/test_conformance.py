"""GSAS-II fulfils the contract of all backends."""

from __future__ import annotations

import pytest
from autogsas.hooks.backend import Backend
from autogsas.testing.conformance import BackendConformance

from autogsas_gsas2.backend import Gsas2Backend

pytestmark = pytest.mark.engine("gsas2")


class TestGsas2(BackendConformance):
    """The host's conformance suite."""

    def backend(self) -> Backend:
        return Gsas2Backend()
