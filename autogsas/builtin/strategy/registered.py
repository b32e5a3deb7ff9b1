"""The strategies that come with autogsas."""

from __future__ import annotations

from autogsas.builtin.strategy.default import DEFAULT
from autogsas.builtin.strategy.published import PUBLISHED
from autogsas.hooks.specs import hookimpl
from autogsas.hooks.strategy import Strategy

__all__: list[str] = []


@hookimpl
def autogsas_register_strategies() -> list[Strategy]:
    """Register the default strategy and the published one."""
    return [DEFAULT, PUBLISHED]
