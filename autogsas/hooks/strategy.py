"""Search strategies: what the host must know about a search space, as plain data that a plugin registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autogsas.model.project import Choosing
from autogsas.model.trial import TrialRecord

__all__ = ["SAMPLERS", "Strategy", "TpeSampler"]

SAMPLERS = ("tpe", "random", "cmaes", "gp", "qmc")
"""The samplers that every strategy can use (``search.sampler``)."""


@dataclass(frozen=True)
class TpeSampler:
    """Optuna's TPE sampler with other settings, under a name of its own for ``search.sampler``.

    The settings are arguments of ``optuna.samplers.TPESampler``. ``value`` returns the number that this sampler is told
    of a trial that made choices; None: as for every other sampler.
    """

    name: str
    startup_trials: int = 10
    multivariate: bool = False
    group: bool = False
    constant_liar: bool = False
    value: Callable[[TrialRecord], float] | None = None


@dataclass(frozen=True)
class Strategy:
    """A search space with the rules of the search over it; registered by ``autogsas_register_strategies``.

    ``name`` is the value of ``search.space`` in a project file, ``about`` a short explanation for lists, ``title`` how
    messages call the search. ``sampler`` is the default sampler; ``own_sampler`` one that the strategy brings along.

    ``patience``: by default a run stops after so many proposals without gain, once the seeds are tried (0: never).
    ``choose`` is the default of ``search.choose``.

    The flags say what a run does: stop hopeless trials early (``prunes``), try the project's recipes and those of
    plugins first (``seeded``), let a faster engine search first (``scouted``), start with the best recipes of an
    earlier run (``takes_earlier``), look for cells in the patterns (``finds_cells``).

    ``labels`` name choices for people, by the name of the choice or by its part before the first dot; choices with the
    same label are shown as one. After a prefix of ``group_prefixes`` and a dot comes the name of a group of parameters.
    """

    name: str
    about: str
    title: str
    sampler: str = "tpe"
    own_sampler: TpeSampler | None = None
    prunes: bool = True
    seeded: bool = True
    scouted: bool = True
    takes_earlier: bool = True
    finds_cells: bool = True
    patience: int = 0
    choose: Choosing = "evidence"
    labels: Mapping[str, str] = field(default_factory=dict)
    group_prefixes: tuple[str, ...] = ()

    def label(self, choice: str) -> str:
        """Return what people call a choice, such as "background terms, XRA" for ``background.terms[XRA]``.

        A choice without a label keeps its name. The histogram or phase it is made for follows after a comma.
        """
        base, bracket, owner = choice.partition("[")
        first, _, rest = base.partition(".")
        label = self.labels.get(base) or self.labels.get(first, "")
        if not label and first in self.group_prefixes:
            label = rest.replace("_", " ")
        return f"{label or base}, {owner.removesuffix(']')}" if bracket else label or base
