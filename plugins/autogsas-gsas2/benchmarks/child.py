"""Memory of the child over many trials, and the time it takes outside GSAS-II; run it with the host's Python.

    python benchmarks/child.py [--trials 200] [--project PROJECT --recipe RECIPE.yaml]

Memory is that of the child, which forks for each trial of a small simulated pattern. The time is measured on a recorded
trial: its requests are repeated in one process of GSAS-II's interpreter, which counts the CPU seconds inside GSAS-II's
functions and in total. Linux only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from autogsas.input.loading import load_project
from autogsas.input.recipefile import load_recipe
from autogsas.model.project import Project
from autogsas.model.recipe import Background, Free, Recipe, Step
from autogsas.testing.samples import make_project
from autogsas.trial.child import copies, relocate

from autogsas_gsas2 import child_process, discovery, serialisation
from autogsas_gsas2.backend import Gsas2Backend
from autogsas_gsas2.child import launch

_STEPS = (
    Step(
        title="scale",
        background=(Background(function="chebyschev-1", terms=3),),
        free=(Free(group="scale"), Free(group="background")),
    ),
    Step(title="cell", free=(Free(group="cell"),)),
)

_REPLAY = """
import os, sys, time, types
started = time.process_time()
package, layout, path, recorded = sys.argv[1:]
module = types.ModuleType("autogsas_gsas2")
module.__path__ = [package]
sys.modules["autogsas_gsas2"] = module
from autogsas_gsas2 import protocol, serialisation
from autogsas_gsas2.child import gsas, main, wrappers
output = os.dup(1)
silent = os.open(os.devnull, os.O_WRONLY)
os.dup2(silent, 1)
loaded = gsas.load(layout, path)
wrappers.install(lambda line: None)
inside, depth = 0.0, 0

def timed(owner, name):
    function = getattr(owner, name)
    def run(*args, **named):
        global inside, depth
        depth += 1
        begun = time.process_time()
        try:
            return function(*args, **named)
        finally:
            depth -= 1
            if depth == 0:
                inside += time.process_time() - begun
    setattr(owner, name, run)

timed(loaded.main, "Refine")
for owner in (loaded.scriptable.G2Project, loaded.scriptable.G2PwdrData, loaded.scriptable.G2Phase):
    for name, value in list(vars(owner).items()):
        if isinstance(value, types.FunctionType):
            timed(owner, name)
for name in ("SetupGeneral", "SetDefaultDData", "ExportPowder", "do_refine"):
    if hasattr(loaded.scriptable, name):
        timed(loaded.scriptable, name)
model, begun = None, time.process_time()
for line in open(recorded, "rb"):
    request = serialisation.decode(line)
    if isinstance(request, protocol.Open):
        answer, model = main._open(loaded, request)
    else:
        answer, _ = main._do(model, request)
    serialisation.encode(answer)
total = time.process_time() - begun
os.write(output, f"RESULT {total} {inside}".encode())
"""


def trial(project: Project, steps: tuple[Step, ...], folder: Path) -> None:
    """Run one trial as the host does."""
    for source, target in copies(project, folder).items():
        target.write_bytes(source.read_bytes())
    session = Gsas2Backend().open(relocate(project, folder), folder)
    try:
        for step in steps:
            session.refine(step)
        session.result()
    finally:
        session.close()


def resident(process: int) -> float:
    """Return the resident memory of a process in megabytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(trials: int, installation: discovery.Installation) -> float:
    """Print the child's memory over trials and return its growth after the first ten, in megabytes."""
    settled = 0.0
    with tempfile.TemporaryDirectory() as home:
        (place := Path(home) / "project").mkdir()
        project = make_project(place)
        for number in range(1, trials + 1):
            with tempfile.TemporaryDirectory() as folder:
                trial(project, _STEPS, Path(folder))
            now = resident(child_process.running_child(installation).hello.pid)
            if number == 10:
                settled = now
            if number in (1, 10) or number % 50 == 0:
                print(f"after {number:4} trials: {now:7.1f} MB", flush=True)
    return now - settled


def share(project: Project, recipe: Recipe, installation: discovery.Installation) -> tuple[float, float]:
    """Return the CPU seconds of one trial in the child, and those inside GSAS-II's own functions."""
    lines: list[bytes] = []
    original = child_process.Child.request

    def recording(self: child_process.Child, message: Any, expected: Any) -> Any:
        lines.append(serialisation.encode(message))
        return original(self, message, expected)

    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "trial"
        folder.mkdir()
        child_process.Child.request = recording  # type: ignore[method-assign]
        try:
            trial(project, tuple(recipe.steps), folder)
        finally:
            child_process.Child.request = original  # type: ignore[method-assign]
        recorded = Path(home) / "requests"
        recorded.write_bytes(b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines))
        package = Path(launch.__file__).parents[1]
        done = subprocess.run(
            [installation.python, "-c", _REPLAY, package, installation.layout, installation.path, recorded],
            capture_output=True,
            text=True,
            env=discovery.child_environment(installation.python) | {"OMP_NUM_THREADS": "1"},
            check=False,
        )
    if "RESULT" not in done.stdout:
        raise SystemExit(done.stderr)
    total, inside = (float(word) for word in done.stdout.partition("RESULT")[2].split())
    return total, inside


def main() -> int:
    """Exit status 1 if memory grew by 50 megabytes or more, or the child's own time is above 5 per cent."""
    parser = argparse.ArgumentParser(description="memory and overhead of the child")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--recipe", type=Path)
    options = parser.parse_args()
    installation = discovery.find().installation
    if installation is None:
        print(discovery.find().reason)
        return 3
    fine = True
    if options.project:
        project, _ = load_project(options.project)
        total, inside = share(project, load_recipe(options.recipe, project), installation)
        own = (total - inside) / total
        print(f"{total:.2f} s of CPU a trial, {inside:.2f} s of them inside GSAS-II; the child's own time: {own:.1%}")
        fine &= own <= 0.05
    if options.trials:
        growth = memory(options.trials, installation)
        print(f"growth after the first ten: {growth:.1f} MB")
        fine &= growth < 50.0
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
