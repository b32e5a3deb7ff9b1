"""``autogsas dashboard``: the trials of a run in a browser, each with the figure of its fit."""

from __future__ import annotations

import contextlib
import importlib
import io
import socketserver
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import numpy as np

from autogsas.errors import UserError
from autogsas.figures import fits_svg
from autogsas.figures.fit import Caption
from autogsas.runfolder.reader import Marks, Profile
from autogsas.runfolder.trials import StoredTrial, read_stored_trial
from autogsas.runfolder.writer import STUDY
from autogsas.search.mirror import Mirror
from autogsas.search.stopping import stop_signals

__all__ = ["serve", "serving", "trial_svg"]

_REFRESH = 2.0  # seconds


def serve(folder: Path, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the study of a run with optuna-dashboard until Ctrl-C; ``say`` is called with the address.

    New trials of a run in progress appear. Nothing is written to its folder. Raises UserError if the folder does not
    hold a run, the package is not installed, or the port cannot be used.
    """
    with warnings.catch_warnings(), serving(folder, host, port) as server:
        # Optuna warns about a small number of trials, which the user can see.
        warnings.filterwarnings("ignore", module="optuna")
        say(f"{folder} at http://{host}:{server.server_port}/dashboard (Ctrl-C stops)")
        stopped = threading.Event()
        with stop_signals(stopped.set):
            # With a timeout, because some systems do not deliver a signal while a thread waits without one.
            while not stopped.wait(0.5):
                pass


@contextlib.contextmanager
def serving(folder: Path, host: str, port: int) -> Iterator[WSGIServer]:
    """Serve the study of a run in the background within the context; port 0 takes a free one. Raises like `serve`."""
    try:
        program = importlib.import_module("optuna_dashboard")
    except ImportError:
        raise UserError("the dashboard needs optuna-dashboard: pip install 'autogsas[dashboard]'") from None
    if not (folder / STUDY).is_file():
        raise UserError("not a run folder: there is no study.db", file=folder)
    mirror = Mirror(folder / STUDY, folder.resolve().name or "run", lambda number: _arrays(folder, number) is not None)
    application = program.wsgi(mirror.storage, artifact_store=_Pictures(folder))
    try:
        server = make_server(host, port, application, server_class=_Server, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        raise UserError(f"cannot be used: {error}", key="--port", found=f"{host}:{port}") from error
    ended = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever, daemon=True),
        threading.Thread(target=_follow, args=(mirror, folder / STUDY, ended), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join(5.0)


def _follow(mirror: Mirror, file: Path, ended: threading.Event) -> None:
    seen = None
    while not ended.wait(_REFRESH):
        # A study that cannot be read now is read again later.
        with contextlib.suppress(UserError, OSError):
            changed = file.stat().st_mtime_ns
            if changed != seen:
                mirror.refresh()
                seen = changed


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without looking up the full name of the machine, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests to the terminal."""


class _Pictures:
    """An artifact store of the figures of trials; each is drawn on request."""

    def __init__(self, folder: Path) -> None:
        self._draw = lru_cache(maxsize=64)(lambda number: trial_svg(folder, number).encode("utf-8", "replace"))

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return the figure of a trial."""
        try:
            return io.BytesIO(self._draw(int(artifact_id, 16)))
        except (UserError, ValueError) as error:
            missing: type[Exception] = importlib.import_module("optuna_dashboard.artifact.exceptions").ArtifactNotFound
            raise missing(artifact_id) from error

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Refuse to write: the files of a run are not changed."""
        raise PermissionError("the files of a run are not changed")

    def remove(self, artifact_id: str) -> None:
        """Do nothing: the files of a run are not changed."""


def trial_svg(folder: Path, number: int) -> str:
    """Return the fit of a trial as the text of an SVG file, its histograms one below another.

    Raises UserError if the trial has no curves or their file is damaged.
    """
    file = _arrays(folder, number)
    if file is None:
        raise UserError("the trial has no curves", file=folder, key=f"trial {number}")
    stored = _stored(folder, number)
    fits: list[tuple[Profile, list[Marks], Caption]] = []
    try:
        with np.load(file) as arrays:
            for index, name in enumerate(map(str, arrays["histograms"])):
                keys = ("x", "observed", "calculated", "background", "weights")
                columns = (arrays[f"{index}.{key}"].astype(np.float64) for key in keys)
                fits.append((Profile(name, *columns), [], _caption(stored, number, name)))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the run folder is damaged: {error}", file=file) from error
    return fits_svg(fits)


def _arrays(folder: Path, number: int) -> Path | None:
    """Return the file with the curves of a trial, or of the earlier trial whose result it reused."""
    stored = _stored(folder, number)
    for candidate in (number, stored.same_as if stored is not None else None):
        if candidate is not None and (file := folder / "trials" / f"{candidate:04d}.npz").is_file():
            return file
    return None


def _caption(stored: StoredTrial | None, number: int, histogram: str) -> Caption:
    figures = None if stored is None else stored.histogram(histogram)
    return Caption(f"trial {number} · {histogram}", None if figures is None else figures.metrics.rwp)


def _stored(folder: Path, number: int) -> StoredTrial | None:
    # The curves can be shown even if the JSON file of the trial is damaged.
    try:
        return read_stored_trial(folder, number)
    except UserError:
        return None
