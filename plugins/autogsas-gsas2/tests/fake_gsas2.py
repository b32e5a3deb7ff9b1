"""A fake GSAS-II interpreter: it answers the probe, then the messages of the protocol, and fails on request.

The tests copy it to a file that can be executed. The first word of a step's title decides what it does: "!die" (by
SIGKILL), "!exit", "!hang", "!garbage" and "!half" (a line that is not a message, half a message), "!wrong" (another
message), "!full" (disk full), "!vanish" (dies and does not start again), "!nan" (a curve that is not finite),
"!grandchild" (starts a process and hangs). Any other title converges.

Environment: FAKE_GSAS2_START makes it fail at its start ("exit", "garbage", "missing", "version"); FAKE_GSAS2_PIDS is a
file to which it writes its process ids.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    program = Path(sys.argv[1])
    if program.name == "probe_script.py":
        here = f"at {program}"
        answer = {
            "python": sys.argv[0],
            "python_version": "3.0",
            "numpy": "0.0",
            "layout": "package",
            "path": "",
            "module": str(program),
            "compiled": {"pypowder": here, "pyspg": here},
            "tag": "v0.1",
            "build": "",
            "commit": "",
            "package": "",
        }
        print("autogsas-probe:" + json.dumps(answer))
        return
    sys.path.insert(0, str(program.parents[2]))
    serve()


def serve() -> None:
    from autogsas_gsas2 import protocol, serialisation

    note_pid(os.getpid())
    order = os.environ.get("FAKE_GSAS2_START", "")
    if order == "exit" or vanished().exists():
        print("a library is missing", file=sys.stderr)
        sys.exit(3)
    if order == "garbage":
        os.write(1, b"Welcome to GSAS-II\n")
    if order == "missing":
        os.write(1, serialisation.encode(protocol.Failed("engine-missing", "ImportError: half of it is missing")))
        return
    version = protocol.VERSION + (order == "version")
    os.write(1, serialisation.encode(protocol.Hello(version, "0.1", "3.0", os.getpid())))
    opened: Any = None
    factor = 1.01
    for line in sys.stdin.buffer:
        request = serialisation.decode(line)
        if isinstance(request, protocol.Open):
            opened, factor = request, 1.01
            answer: Any = protocol.Opened(os.getpid())
        elif isinstance(request, protocol.Refine):
            answer = obey(request.step.title.partition(" ")[0], protocol)
            factor = float("nan") if request.step.title == "!nan" else factor
        elif isinstance(request, protocol.Read):
            answer = result(opened, factor, protocol)
        elif isinstance(request, protocol.Close):
            answer = protocol.Closed()
        else:
            answer = protocol.Failed("not-here", "the fake GSAS-II saves nothing")
        send(serialisation.encode(answer))


def send(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def vanished() -> Path:
    return Path(os.environ["FAKE_GSAS2_PIDS"]).with_suffix(".vanished")


def note_pid(pid: int) -> None:
    file = os.environ.get("FAKE_GSAS2_PIDS")
    if file:
        with open(file, "a") as stream:
            stream.write(f"{pid}\n")


def obey(order: str, protocol: Any) -> Any:
    if order == "!vanish":
        vanished().touch()
    if order in ("!die", "!vanish"):
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "!exit":
        sys.exit(5)
    if order == "!grandchild":
        note_pid(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
    if order in ("!hang", "!grandchild"):
        time.sleep(600)
    if order == "!garbage":
        os.write(1, b" ** no convergence \xff ** \n")
        time.sleep(600)
    if order == "!half":
        os.write(1, b'{"type": "StepRep')
        sys.exit(0)
    if order == "!wrong":
        return protocol.Closed()
    if order == "!full":
        return protocol.Failed("disk-full", "OSError: [Errno 28] No space left on device")
    return protocol.StepReport(True, 3, 1, 1.0, 0.01, [], [], "")


def result(opened: Any, factor: float, protocol: Any) -> Any:
    import numpy as np

    curves = []
    for item in opened.histograms:
        inside = (item.x >= item.limits[0]) & (item.x <= item.limits[1])
        x, y, weights = item.x[inside], item.y[inside], item.weights[inside]
        one = np.ones(1)
        reflections = protocol.ReflectionData(opened.phases[0].name, np.ones((1, 3)), *(one for _ in range(9)))
        curves.append(
            protocol.CurveData(item.name, x, y, factor * y, 0 * y, weights, [reflections], geometry="Bragg-Brentano")
        )
    parameter = protocol.ParameterData("all:scale", 1.0, 0.1, "", "scale")
    sites = [protocol.SiteResult(f"site{number}", [0.5 * number] * 3, 1.0, 0.02) for number in range(2)]
    phases = [protocol.PhaseResult(opened.phases[0].name, [4.123, 4.123, 4.123, 90.0, 90.0, 90.0], sites)]
    return protocol.ResultData([parameter], ["all:scale"], np.eye(1), curves, phases, 1.0, [])


if __name__ == "__main__":
    main()
