"""Trials that findings keep from being the best, tried again with what made them impossible taken out.

Engines differ in what they let a parameter become. One whose widths may turn negative ends there again and again from
the fullest recipes, just the ones that fit best; the finding says what to leave out, so there is no need to guess.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Seed
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.trial import TrialRecord, TrialState

__all__ = ["Mender"]

# Left out means a little worse: what is not within this of the best would not be the best when mended.
_NEAR = 1.03


class Mender:
    """Keeps what is to be tried again. What it answers depends on the trials told and asked for, in their order."""

    def __init__(self, host: Host, project: Project, capabilities: Capabilities) -> None:
        self._host, self._project, self._capabilities = host, project, capabilities
        self._tried: set[str] = set()
        self._waiting: deque[Seed] = deque()

    def tried(self, choices: Mapping[str, Any]) -> None:
        """Note the choices of a trial that was asked for, so that nothing is tried twice."""
        self._tried.add(_key(choices))

    def learn(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """Look at a trial that is over. Raises PluginError for a hook's answer that is no mapping."""
        if record.state != TrialState.INFEASIBLE or record.score is None or not record.choices:
            return
        if best is not None and best.score is not None and record.score > _NEAR * best.score:
            return
        mended = self._host.call("mend_trial", project=self._project, record=record, capabilities=self._capabilities)
        if mended is None:
            return
        if not isinstance(mended, Mapping):
            raise PluginError(
                f"hook autogsas_mend_trial ({self._host.whose('autogsas_mend_trial')}) gave a wrong answer",
                found=repr(mended),
                allowed="choices by name, or None",
            )
        if _key(mended) in self._tried:
            return
        self.tried(mended)
        self._waiting.append(Seed(f"trial {record.number} mended", choices=dict(mended), strict=False))

    def next(self) -> Seed | None:
        """Return what to try next; None where nothing waits."""
        return self._waiting.popleft() if self._waiting else None


def _key(choices: Mapping[str, Any]) -> str:
    return json.dumps(dict(choices), sort_keys=True, default=str)
