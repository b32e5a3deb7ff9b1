"""Compares GSAS-II with and without the wrappers on the same recipes; run it with GSAS-II's own Python.

    GSAS2_PYTHON benchmarks/ab.py --data DATA [--recipe NAME ...] [--random NAME COUNT SEED] [--repeat N]
                                  [--wrappers LIST] [--json FILE]

Each recipe runs without and with the wrappers in forks of a process that has imported GSAS-II. All results after each
step are compared bit by bit, and the CPU seconds as ratios within the same run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import pickle
import shutil
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "autogsas_gsas2" / "child")]
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import recipes  # noqa: E402


class ForkServer:
    """A process that has imported GSAS-II, and the wrappers if ``wrapped``, and forks for each recipe.

    It is a fork of this process, so that both kinds start with the same memory.
    """

    def __init__(self, data: Path, wrapped: bool) -> None:
        ours, theirs = multiprocessing.get_context("fork").Pipe()
        self._pipe = ours
        self.process = os.fork()
        if self.process == 0:
            ours.close()
            _serve(theirs, data, wrapped)
            os._exit(0)
        theirs.close()

    def run(self, recipe: recipes.Recipe) -> dict[str, Any]:
        """Return the results of a recipe in a new fork, with "cpu" seconds, "log" lines and the "active" wrappers."""
        self._pipe.send(recipe)
        outcome: dict[str, Any] = self._pipe.recv()
        return outcome

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        os.waitpid(self.process, 0)


def _serve(pipe: Connection, data: Path, wrapped: bool) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    log: list[str] = []
    start = time.process_time()
    if wrapped:
        wrappers = importlib.import_module("wrappers")
        wrappers.install(log.append)
    install = time.process_time() - start
    while True:
        try:
            recipe = pipe.recv()
        except EOFError:
            return
        if recipe is None:
            return
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            outcome = _in_fork(recipe, data)
            outcome |= {"log": log, "install": install, "active": wrappers.active() if wrapped else ()}
            with os.fdopen(writing, "wb") as answer:
                pickle.dump(outcome, answer)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            payload = answer.read()
        os.waitpid(child, 0)
        pipe.send(pickle.loads(payload) if payload else {"errors": ["the fork died"], "cpu": 0.0, "log": log})


def _in_fork(recipe: recipes.Recipe, data: Path) -> dict[str, Any]:
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ab-", dir=shared if shared.is_dir() else None))
    start = time.process_time()
    try:
        return {**recipes.run(recipe, data, folder), "cpu": time.process_time() - start}
    except Exception as error:  # noqa: BLE001  whatever stops a recipe is a result to compare
        return {"errors": [f"{type(error).__name__}: {error}"], "cpu": time.process_time() - start}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def differences(plain: dict[str, Any], wrapped: dict[str, Any]) -> list[str]:
    """Return the names of all results that are not identical."""
    found = ["a recipe did not run"] if "steps" not in plain or "steps" not in wrapped else []
    if plain["errors"] != wrapped["errors"]:
        found.append(f"errors: {plain['errors']} / {wrapped['errors']}")
    if repr(plain.get("wR")) != repr(wrapped.get("wR")):
        found.append(f"wR: {plain.get('wR')} / {wrapped.get('wR')}")
    for number, (a, b) in enumerate(zip(plain.get("steps", ()), wrapped.get("steps", ()), strict=False), start=1):
        found += [f"step {number}: {key}" for key in sorted(set(a) | set(b)) if a.get(key) != b.get(key)]
    return found


def compare(recipe: recipes.Recipe, servers: dict[bool, ForkServer], repeat: int) -> dict[str, Any]:
    """Run a recipe ``repeat`` times both ways, interleaved, and return a row of the table."""
    cpu: dict[bool, list[float]] = {False: [], True: []}
    found: list[str] = []
    row: dict[str, Any] = {"recipe": recipe.name}
    for turn in range(repeat):
        outcomes = {}
        for wrapped in (False, True) if turn % 2 == 0 else (True, False):
            outcomes[wrapped] = servers[wrapped].run(recipe)
            cpu[wrapped].append(outcomes[wrapped]["cpu"])
        found += differences(outcomes[False], outcomes[True])
        row |= {key: outcomes[True].get(key, ()) for key in ("errors", "log", "active", "install")}
        row["wR"] = list(outcomes[True].get("wR", [])[-1:])
    row |= {"plain": sum(cpu[False]) / repeat, "wrapped": sum(cpu[True]) / repeat}
    row |= {"identical": not found, "differences": found}
    return row | {"ratio": row["plain"] / row["wrapped"] if row["wrapped"] else 0.0}


def chosen(options: argparse.Namespace) -> list[recipes.Recipe]:
    """Return the recipes named on the command line, or the three made by hand."""
    wanted = [recipes.RECIPES[name] for name in options.recipe or ()]
    for name, count, seed in options.random or ():
        wanted += recipes.at_random(recipes.RANDOM[name], name, int(seed), int(count))
    return wanted or [recipes.RECIPES[name] for name in ("y2o3", "pbso4-neutron", "pbso4-joint")]


def main() -> int:
    """Print a table of ratios; exit status 1 if any result differs."""
    parser = argparse.ArgumentParser(description="GSAS-II with and without the wrappers, bit by bit")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", action="append", choices=sorted(recipes.RECIPES))
    parser.add_argument("--random", nargs=3, action="append", metavar=("NAME", "COUNT", "SEED"))
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--wrappers", help="as the variable AUTOGSAS_GSAS2_WRAPPERS")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.wrappers:
        os.environ["AUTOGSAS_GSAS2_WRAPPERS"] = options.wrappers
    from GSASII import GSASIIscriptable  # noqa: F401  imported once, before the forks

    rows = []
    servers = {wrapped: ForkServer(options.data, wrapped) for wrapped in (False, True)}
    print(f"{'recipe':32}{'plain s':>9}{'wrapped s':>10}{'ratio':>7}  {'bits':9}  wR")
    for recipe in chosen(options):
        row = compare(recipe, servers, options.repeat)
        rows.append(row)
        bits = "identical" if row["identical"] else "DIFFER"
        wr = " ".join("-" if v is None else f"{v:.4f}" for last in row["wR"] for v in last) or "; ".join(row["errors"])
        print(
            f"{row['recipe']:32}{row['plain']:9.2f}{row['wrapped']:10.2f}{row['ratio']:7.2f}  {bits:9}  {wr}",
            flush=True,
        )
        for line in row["differences"][:8] + row["log"]:
            print(f"    {line}")
    plain, wrapped = sum(r["plain"] for r in rows), sum(r["wrapped"] for r in rows)
    mean = sum(r["ratio"] for r in rows) / len(rows)
    same = sum(r["identical"] for r in rows)
    print(f"{'all':32}{plain:9.2f}{wrapped:10.2f}{plain / wrapped:7.2f}  {same}/{len(rows)}; mean of ratios {mean:.2f}")
    print(f"active: {', '.join(rows[-1]['active']) or 'none'}; installed in {rows[-1]['install']:.2f} s of CPU, once")
    for process in servers.values():
        process.close()
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, default=str))
    return 0 if same == len(rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
