"""Repairs: trials that fit well but have an error among their findings are tried again without its cause.

Engines differ in the values they allow for a parameter. One that allows negative widths ends with them again and again
from the recipes that refine most, the very ones that fit best. The finding names what to leave out.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping

from autogsas.errors import PluginError
from autogsas.hooks.backend import Capabilities
from autogsas.hooks.choices import Seed
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.trial import Choices, TrialRecord, TrialState

__all__ = ["Repairer"]

# A recipe that refines less fits a little worse: a trial further above the best would not be the best when repaired.
# Not measured.
_NEAR = 1.03


class Repairer:
    """Collects repaired choices to try. They depend only on the trials proposed and reported, in their order."""

    def __init__(self, host: Host, project: Project, capabilities: Capabilities) -> None:
        self._host, self._project, self._capabilities = host, project, capabilities
        self._tried: set[str] = set()
        self._waiting: deque[Seed] = deque()

    def tried(self, choices: Choices) -> None:
        """Note the choices of a proposed trial, so that nothing is tried twice."""
        self._tried.add(_key(choices))

    def learn(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """Look at a finished trial. Raises PluginError if a hook's answer is not a mapping."""
        if record.state is not TrialState.INFEASIBLE or record.score is None or not record.choices:
            return
        if best is not None and best.score is not None and record.score > _NEAR * best.score:
            return
        repaired = self._host.call(
            "repair_trial", project=self._project, record=record, capabilities=self._capabilities
        )
        if repaired is None:
            return
        if not isinstance(repaired, Mapping):
            raise PluginError(
                f"hook autogsas_repair_trial ({self._host.whose('autogsas_repair_trial')}) gave a wrong answer",
                found=repr(repaired),
                allowed="choices by name, or None",
            )
        if _key(repaired) in self._tried:
            return
        self.tried(repaired)
        self._waiting.append(Seed(f"trial {record.number} repaired", choices=dict(repaired), strict=False))

    def next(self) -> Seed | None:
        """Return what to try next; None if nothing is waiting."""
        return self._waiting.popleft() if self._waiting else None


def _key(choices: Choices) -> str:
    return json.dumps(dict(choices), sort_keys=True, default=str)
