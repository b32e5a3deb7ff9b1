"""The settings that a run was started with, stored in its database so that it can be resumed."""

from __future__ import annotations

from dataclasses import dataclass

from autogsas.model.project import Scout

__all__ = ["RunSettings"]


@dataclass(frozen=True)
class RunSettings:
    """What must be the same when a run is resumed, and when it began.

    ``fingerprint`` is that of the project (see `autogsas.search.resuming.fingerprint`), ``like`` the folder of the
    earlier run whose best recipes were tried first. What an older version did not store is None.
    """

    created: str
    backend: str
    seed: int
    sampler: str
    fingerprint: str | None = None
    scout: Scout | None = None
    like: str | None = None
