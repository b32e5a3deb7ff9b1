"""``autogsas dashboard``: the trials of a run in a browser, each with the figure of its fit."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import socketserver
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import numpy as np

from autogsas.errors import UserError
from autogsas.figures import fits_svg
from autogsas.figures.fit import Caption
from autogsas.runfolder.reader import Marks, Profile
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
    mirror = Mirror(folder / STUDY, folder.resolve().name or "run", lambda number: _has_curves(folder, number))
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
    about = _about(folder, number)
    file = next((file for file in _files(folder, (number, about.same_as)) if file.is_file()), None)
    if file is None:
        raise UserError("the trial has no curves", file=folder, key=f"trial {number}")
    fits: list[tuple[Profile, list[Marks], Caption]] = []
    try:
        with np.load(file) as arrays:
            for index, name in enumerate(map(str, arrays["histograms"])):
                keys = ("x", "observed", "calculated", "background", "weights")
                columns = (arrays[f"{index}.{key}"].astype(np.float64) for key in keys)
                fits.append((Profile(name, *columns), [], Caption(f"trial {number} · {name}", about.rwp.get(name))))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the run folder is damaged: {error}", file=file) from error
    return fits_svg(fits)


@dataclass(frozen=True)
class _About:
    """What the figure of a trial needs from its JSON file; ``rwp`` in per cent by histogram.

    ``same_as`` is the earlier trial whose result it reused.
    """

    same_as: int | None = None
    rwp: Mapping[str, float | None] = field(default_factory=dict)


def _has_curves(folder: Path, number: int) -> bool:
    return any(file.is_file() for file in _files(folder, (number, _about(folder, number).same_as)))


def _files(folder: Path, numbers: Iterable[int | None]) -> Iterator[Path]:
    return (folder / "trials" / f"{number:04d}.npz" for number in numbers if number is not None)


def _about(folder: Path, number: int) -> _About:
    try:
        found = json.loads((folder / "trials" / f"{number:04d}.json").read_text(encoding="utf-8"))
        rwp = {item["name"]: item["metrics"]["rwp"] for item in found.get("histograms") or ()}
        same_as = found.get("same_as")
        return _About(same_as if isinstance(same_as, int) else None, rwp)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _About()
