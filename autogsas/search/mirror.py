"""A copy in memory of the study of a run, which may still be running, for programs that show it and may alter it."""

from __future__ import annotations

import copy
import json
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

import optuna
from optuna.storages import BaseStorage, InMemoryStorage

from autogsas.errors import UserError
from autogsas.search.database import Database, silence

__all__ = ["Mirror"]

_ARTIFACT = "artifacts:"  # Optuna's own prefix


class Mirror:
    """The study of a database file, copied; the file is only read.

    ``pictured`` returns whether there is a picture of the trial with a number: it is then listed as an artifact of the
    trial, with `artifact` as its identifier.
    """

    def __init__(self, file: Path, name: str, pictured: Callable[[int], bool]) -> None:
        self._file, self._pictured = file, pictured
        self._storage = InMemoryStorage()
        optuna.logging.set_verbosity(logging.ERROR)
        with silence():
            self._study = optuna.create_study(storage=self._storage, study_name=name, direction="minimize")
        # The dashboard calls it "Objective 0" otherwise.
        with silence():
            self._study.set_metric_names(["score"])
        self.refresh()

    @property
    def storage(self) -> BaseStorage:
        """The copy."""
        return self._storage

    @property
    def count(self) -> int:
        """The number of trials."""
        return len(self._study.get_trials(deepcopy=False))

    def refresh(self) -> None:
        """Add the trials that are new in the file. Raises UserError if the file is not the study of a run."""
        with tempfile.TemporaryDirectory(prefix="autogsas-") as folder:
            twin = Path(folder) / "study.db"
            try:
                _copy(self._file, twin)
                with closing(Database(twin)) as database:
                    trials, settings = database.trials(), database.settings()
            except (sqlite3.Error, OSError, optuna.exceptions.OptunaError) as error:
                raise UserError(f"cannot be read: {error}", file=self._file) from error
        for key, value in asdict(settings).items() if settings is not None else ():
            self._study.set_user_attr(key, value)
        for trial in trials[self.count :]:
            kept = copy.deepcopy(trial)
            if self._pictured(trial.number):
                identity = artifact(trial.number)
                about = {
                    "artifact_id": identity,
                    "filename": f"fit-{trial.number}.svg",
                    "mimetype": "image/svg+xml",
                    "encoding": None,
                }
                kept.system_attrs = kept.system_attrs | {_ARTIFACT + identity: json.dumps(about)}
            with silence():
                self._study.add_trial(kept)


def artifact(number: int) -> str:
    """Return the identifier of a trial's picture: hexadecimal, as the dashboard requires."""
    return f"{number:08x}"


def _copy(file: Path, target: Path) -> None:
    address = f"file:{quote(str(file.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as source, closing(sqlite3.connect(target)) as to:
            source.backup(to)
    except sqlite3.OperationalError:
        # A run that was killed while writing left a journal, which cannot be applied without writing.
        shutil.copyfile(file, target)
        journal = file.with_name(f"{file.name}-journal")
        if journal.is_file():
            shutil.copyfile(journal, target.with_name(f"{target.name}-journal"))
