"""GSAS-II keeps the contract every backend keeps."""

from __future__ import annotations

import pytest
from autogsas.backend import Backend
from autogsas.testing.conformance import BackendConformance

from autogsas_gsas2.backend import Gsas2Backend
from autogsas_gsas2.finding import find

pytestmark = pytest.mark.skipif(find().installation is None, reason=f"no GSAS-II: {find().reason}")


class TestGsas2(BackendConformance):
    """The host's own suite."""

    def backend(self) -> Backend:
        return Gsas2Backend()
