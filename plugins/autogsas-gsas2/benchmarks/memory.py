"""Memory of one process over many short trials with the wrappers; run it with GSAS-II's own Python.

    GSAS2_PYTHON benchmarks/memory.py --data DATA [--trials 200]

The trials run one after the other without forks, so that all memory that is not freed adds up: the worst case of a
child. Prints the resident memory in megabytes and its growth after the first ten trials.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "autogsas_gsas2" / "child")]
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import recipes  # noqa: E402


def resident() -> float:
    """Return the resident memory of this process in megabytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    """Exit status 1 if memory grew by 50 megabytes or more."""
    parser = argparse.ArgumentParser(description="memory of one process over many short trials")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=200)
    options = parser.parse_args()
    from GSASII import GSASIIscriptable  # noqa: F401  imported before the first reading of memory

    importlib.import_module("wrappers").install(print)
    output = os.dup(1)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    settled = 0.0
    for trial in range(1, options.trials + 1):
        folder = Path(tempfile.mkdtemp(prefix="memory-"))
        recipes.run(recipes.RECIPES["y2o3-short"], options.data, folder)
        shutil.rmtree(folder)
        gc.collect()
        if trial == 10:
            settled = resident()
        if trial in (1, 10) or trial % 50 == 0:
            os.write(output, f"after {trial:4} trials: {resident():7.1f} MB\n".encode())
    growth = resident() - settled
    os.write(output, f"growth after the first ten: {growth:.1f} MB\n".encode())
    return 0 if growth < 50.0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
