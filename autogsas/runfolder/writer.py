"""The run folder: what a run leaves on disk, written whole or not at all, used by one process at a time."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

from autogsas.errors import UserError
from autogsas.exports import cif_text, latex_text
from autogsas.input import yamlfile
from autogsas.model.project import Project
from autogsas.model.result import Result
from autogsas.model.trial import TrialRecord
from autogsas.runfolder.plaindata import plain
from autogsas.runfolder.tables import parameters_csv, pattern_csv, reflections_csv, trials_csv
from autogsas.runfolder.trials import StoredTrial, read_stored_trial, store_trial, trial_json
from autogsas.trial.assessment import Assessment
from autogsas.trial.pool import Outcome

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["STUDY", "RunFolder", "choose_folder"]

STUDY = "study.db"
_OF_A_BEST = ("best.recipe.yaml", "best.cif")


def choose_folder(project: Project, out: Path | None, resume: bool) -> Path:
    """Return the folder of a run: ``out``, else ``runs/<project>-<n>`` beside the project file, the last one to resume.

    Raises UserError where the folder holds something else, holds a run and ``resume`` is not asked for, or holds
    none and it is. Makes nothing.
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
        raise UserError("holds no run to resume", file=out, key="--out")
    if is_run and not resume:
        raise UserError("holds a run already; --resume goes on with it", file=out, key="--out")
    if not is_run and out.is_dir() and any(out.iterdir()):
        raise UserError("is a folder with other things in it; give a new or an empty one", file=out, key="--out")
    return out


class RunFolder:
    """An open run folder; ``fresh`` says whether it was made now.

    Use it as a context: it is locked until closed. Raises UserError where another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.fresh = not (self.folder / STUDY).is_file()
        self._made = not self.folder.exists()
        try:
            (self.folder / "trials").mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / ".lock").open("a+b")
        except OSError as error:
            raise UserError(f"cannot be written: {error.strerror}", file=folder, key="--out") from error
        if not _lock(self._lock):
            self._lock.close()
            raise UserError("another process is at work in this run folder", file=folder)

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def study(self) -> Path:
        """Where the study's database lies."""
        return self.folder / STUDY

    def close(self) -> None:
        """Unlock the folder."""
        self._lock.close()

    def discard(self) -> None:
        """Take back a folder made now in which no trial has ended."""
        if not self.fresh or any((self.folder / "trials").iterdir()):
            return
        for name in (".lock", "log.txt", STUDY):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "scout", ignore_errors=True)
        (self.folder / "trials").rmdir()
        if self._made:
            self.folder.rmdir()

    def write(self, name: str, data: str | bytes) -> None:
        """Write a file of the folder, whole or not at all."""
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
        """Write one trial: its JSON, its curves, and what its engine printed."""
        stem = f"trials/{record.number:04d}"
        result = outcome.result if outcome is not None else None
        if result is not None:
            self._write_curves(f"{stem}.npz", result)
        if outcome is not None and outcome.log:
            self.write(f"{stem}.log", outcome.log)
        self.write_json(f"{stem}.json", trial_json(store_trial(record, assessment, outcome, same_as)))

    def _write_curves(self, name: str, result: Result) -> None:
        arrays: dict[str, Any] = {"histograms": np.array([curves.histogram for curves in result.curves])}
        for index, curves in enumerate(result.curves):
            arrays[f"{index}.x"] = curves.x
            for key in ("observed", "calculated", "background", "weights"):
                arrays[f"{index}.{key}"] = getattr(curves, key).astype(np.float32)
        with tempfile.TemporaryFile() as file:
            np.savez_compressed(file, **arrays)
            file.seek(0)
            self.write(name, file.read())

    def write_best(self, record: TrialRecord, assessment: Assessment, outcome: Outcome, project: Project) -> None:
        """Write the files of a new best trial, the engine's own among them.

        The CIF is written here, so that it is as complete whichever engine refined; an engine's own stands beside it
        as ``best.ENGINE.cif``.
        """
        assert outcome.result is not None
        result = outcome.result
        excluded = {histogram.name: histogram.excluded for histogram in project.histograms}
        recipe = record.recipe.model_copy(update={"name": record.recipe.name or f"{project.name}, {record.origin}"})
        engine = re.sub(r"[^\w-]+", "-", result.backend) or "engine"
        own = {f"best.{engine}.cif" if name == "best.cif" else name: data for name, data in outcome.saved.items()}
        for old in self.folder.glob("best.*"):
            if old.name not in own and old.name not in _OF_A_BEST:
                old.unlink()
        for name, data in own.items():
            self.write(name, data)
        self.write("best.cif", cif_text(project, record, assessment, result, datetime.now().astimezone()))
        self.write("pattern.csv", pattern_csv(result, excluded))
        self.write("reflections.csv", reflections_csv(result))
        self.write("parameters.csv", parameters_csv(result.parameters))
        self.write("parameters.tex", latex_text(project, record, result))
        self.write("best.recipe.yaml", yamlfile.dump(recipe.plain()))

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


def _lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
