"""Writing a run folder: each file whole or not at all, by one process at a time."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from autogsas.errors import UserError
from autogsas.exports import cif_text, latex_text
from autogsas.input import yamlfile
from autogsas.model.project import Project
from autogsas.model.result import Result
from autogsas.model.trial import TrialRecord, TrialState
from autogsas.quantification import quantify
from autogsas.quantification.widening import with_printed_esds
from autogsas.runfolder.curves import curves_npz, read_curves
from autogsas.runfolder.plaindata import plain
from autogsas.runfolder.tables import finding_tables, parameters_csv, pattern_csv, reflections_csv, trials_csv
from autogsas.runfolder.trials import StoredTrial, read_stored_trial, store_trial, trial_json
from autogsas.runfolder.uncertainty import Uncertainty, with_esds
from autogsas.text.prose import describe_esds
from autogsas.trial.assessment import Assessment
from autogsas.trial.pool import Outcome

__all__ = ["STUDY", "RunFolder", "choose_folder"]

STUDY = "study.db"
_LOCK = ".lock"
_REWRITTEN = ("best.recipe.yaml", "best.cif")  # files of the best trial that every engine has


def choose_folder(project: Project, out: Path | None, resume: bool) -> Path:
    """Return the folder of a run: ``out``, or by default ``runs/<project>-<n>`` beside the project file.

    The default is a new number, or the last run if ``resume`` is True. No folder is created.
    Raises UserError if the folder holds a run and ``resume`` is False, holds no run and ``resume`` is True, or holds
    other files.
    """
    base = (project.file.parent if project.file is not None else Path.cwd()) / "runs"
    slug = re.sub(r"[^\w.-]+", "-", project.name).strip("-.") or "project"
    if out is None:
        numbers = sorted(
            int(match[1])
            for path in (base.iterdir() if base.is_dir() else ())
            if (match := re.fullmatch(re.escape(slug) + r"-(\d+)", path.name))
        )
        if not resume:
            return base / f"{slug}-{(numbers or [0])[-1] + 1}"
        runs = [base / f"{slug}-{n}" for n in reversed(numbers) if (base / f"{slug}-{n}" / STUDY).is_file()]
        if not runs:
            raise UserError("there is no run to resume", file=base)
        return runs[0]
    if out.exists() and not out.is_dir():
        raise UserError("is not a folder", file=out, key="--out")
    is_run = (out / STUDY).is_file()
    if resume and not is_run:
        raise UserError("this folder has no run to resume", file=out, key="--out")
    if is_run and not resume:
        raise UserError("this folder already has a run; continue it with --resume", file=out, key="--out")
    if not is_run and out.is_dir() and any(out.iterdir()):
        raise UserError("this folder has other files in it; give a new or an empty one", file=out, key="--out")
    return out


class RunFolder:
    """An open run folder; ``fresh`` is True if it was created now.

    Use it in a ``with`` statement: the folder is locked until it is closed or the process ends. Raises UserError if
    another process has locked it, or if it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.fresh = not (self.folder / STUDY).is_file()
        self._made = not self.folder.exists()
        try:
            (self.folder / "trials").mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / _LOCK, timeout=0, thread_local=False)
            self._lock.acquire()
        except Timeout:
            raise UserError("another process is using this run folder; wait until it has ended", file=folder) from None
        except OSError as error:
            raise UserError(f"cannot be written: {error.strerror}", file=folder, key="--out") from error

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def study(self) -> Path:
        """The path of the study's database."""
        return self.folder / STUDY

    @property
    def has_trials(self) -> bool:
        """Whether the folder has files of finished trials."""
        return any((self.folder / "trials").glob("*.json"))

    def close(self) -> None:
        """Unlock the folder."""
        self._lock.release()

    def discard(self) -> None:
        """Remove the folder, or the files of the run in it, if it was created now and no trial has ended."""
        if not self.fresh or any((self.folder / "trials").iterdir()):
            return
        for name in ("log.txt", STUDY):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "scout", ignore_errors=True)
        (self.folder / "trials").rmdir()
        # Windows does not remove a file that is locked.
        self._lock.release()
        (self.folder / _LOCK).unlink(missing_ok=True)
        if self._made:
            self.folder.rmdir()

    def write(self, name: str, data: str | bytes) -> None:
        """Write a file of the folder; it appears whole or not at all."""
        target = self.folder / name
        raw = data.encode() if isinstance(data, str) else data
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def write_json(self, name: str, data: Any) -> None:
        """Write plain data as JSON; numbers that are not finite become null."""
        self.write(name, json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def log(self, text: str) -> None:
        """Add one line, with the time, to log.txt."""
        stamp = datetime.now().astimezone().isoformat(timespec="seconds")
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {' '.join(text.split())}\n")

    def write_trial(
        self, record: TrialRecord, assessment: Assessment, outcome: Outcome | None, same_as: int | None
    ) -> None:
        """Write the files of one trial: its JSON, its curves, and the output of its engine."""
        stem = f"trials/{record.number:04d}"
        result = outcome.result if outcome is not None else None
        if result is not None:
            unusable = assessment.state is not TrialState.COMPLETE
            self.write(f"{stem}.npz", curves_npz(result.curves, reflections=unusable))
        if outcome is not None and outcome.log:
            self.write(f"{stem}.log", outcome.log)
        self.write_json(f"{stem}.json", trial_json(store_trial(record, assessment, outcome, same_as)))

    def write_nearest(self, trial: StoredTrial, project: Project) -> None:
        """Write the curves and reflections of a trial that is not usable, for the picture of a run without a best one.

        Of a trial that took over another's result, those of that one. Nothing where the trial has no curves.
        """
        number = trial.record.number if trial.same_as is None else trial.same_as
        try:
            stored = read_curves(self.folder / f"trials/{number:04d}.npz")
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return
        excluded = {histogram.name: histogram.excluded for histogram in project.histograms}
        self.write("pattern.csv", pattern_csv(stored, excluded))
        self.write("reflections.csv", reflections_csv(stored))
        self.write("parameters.csv", parameters_csv(trial.parameters, {}))

    def write_best(self, record: TrialRecord, assessment: Assessment, outcome: Outcome, project: Project) -> None:
        """Write the files of a new best trial, including those of the engine.

        ``best.cif`` is written by autogsas, so that it is equally complete for every engine; a CIF of the engine
        is kept as ``best.ENGINE.cif``.
        """
        assert outcome.result is not None
        result = outcome.result
        excluded = {histogram.name: histogram.excluded for histogram in project.histograms}
        recipe = record.recipe.model_copy(update={"name": record.recipe.name or f"{project.name}, {record.origin}"})
        engine = re.sub(r"[^\w-]+", "-", result.backend) or "engine"
        own = {f"best.{engine}.cif" if name == "best.cif" else name: data for name, data in outcome.saved.items()}
        tables = finding_tables(assessment.findings)
        own |= {f"best.{re.sub(r'[^a-z0-9]+', '-', name.lower())}.csv": text.encode() for name, text in tables.items()}
        for old in self.folder.glob("best.*"):
            if old.name not in own and old.name not in _REWRITTEN:
                old.unlink()
        for name, data in own.items():
            self.write(name, data)
        self.write("pattern.csv", pattern_csv(result, excluded))
        self.write("reflections.csv", reflections_csv(result))
        self.write("best.recipe.yaml", yamlfile.dump(recipe.plain()))
        self.write_values(record, assessment, result, project)

    def write_values(
        self,
        record: TrialRecord,
        assessment: Assessment,
        result: Result,
        project: Project,
        uncertainty: Uncertainty | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """Write the files of the best trial that have its values: with the printed esds, once these are known.

        ``notes`` are sentences for the CIF.
        """
        printed = {} if uncertainty is None else uncertainty.esds
        said = "" if uncertainty is None else describe_esds(uncertainty.factor, len(uncertainty.rivals))
        quoted = replace(result, parameters=with_esds(result.parameters, printed))
        amounts = with_printed_esds(assessment.amounts, result.parameters, printed)
        assessment = replace(assessment, quantification=quantify(project, result.phases, amounts))
        now = datetime.now().astimezone()
        self.write("best.cif", cif_text(project, record, assessment, quoted, now, (said, *notes)))
        self.write("parameters.csv", parameters_csv(result.parameters, printed))
        self.write("parameters.tex", latex_text(project, record, quoted, said))

    def write_trials(self, records: list[TrialRecord]) -> None:
        """Write trials.csv."""
        self.write("trials.csv", trials_csv(records))

    def read_trial(self, number: int) -> StoredTrial:
        """Read a trial back. Raises UserError where its file is missing or damaged."""
        return read_stored_trial(self.folder, number)


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
