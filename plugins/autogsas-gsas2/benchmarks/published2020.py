"""The published search of Ozaki et al. with GSASIIscriptable and Optuna alone, for comparison.

    python benchmarks/published2020.py --data DATA/y2o3 --trials 100 --seed 1 --out history.csv

Y. Ozaki, Y. Suzuki, T. Hawai, K. Saito, M. Onishi & K. Ono, npj Comput. Mater. 6, 75 (2020), as their program has it
(github.com/quantumbeam/BBO-Rietveld, 1_Y2O3.ipynb at 8aabcc5), written again according to what it does:

- One project a trial, made from pattern, instrument and CIF. Kalpha2/Kalpha1 is 0.5, all atoms isotropic. All else is
  GSASIIscriptable's default: 3 cycles, the scale free from the first refinement, a background of 3 terms that is not.
- Seven refinements in a fixed order: first limits; background; cell and zero; sample parameters; widths; positions and
  U; full limits. Flags are set and never cleared.
- Sixteen dimensions (`SPACE`). Four have no effect: "limits refine" is a key that GSASIIscriptable does not read,
  DisplaceX and DisplaceY do not apply in Bragg-Brentano geometry, and the scale is free already.
- "chebyschev" of GSAS-II is a series of powers, -1 to 1 over the range; "chebyschev-1" are Chebyshev's polynomials.
- The background keeps its coefficients, cut or filled with zeros, when function, terms or limits change.
- The value is GSAS-II's wR after the last refinement, or 1e9 if an exception ends the trial or a U_iso is below 0.
  A failure that GSAS-II reports by its return value only is not noticed: wR is then that of an earlier refinement. If
  nothing lowers chi^2, wR is that of GSAS-II's last attempt, 100 at most, not of the parameters it keeps.
- Optuna's `TPESampler(n_startup_trials=20, seed=...)`, of a version before 5: one dimension at a time and without
  constant liar, which are no longer the defaults of Optuna 5.

The parent needs Optuna. One child in GSAS-II's interpreter runs all trials, like the one process of the original.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PENALTY = 1e9
STARTUP = 20

BACKGROUNDS = (
    "chebyschev",
    "cosine",
    "Q^2 power series",
    "Q^-2 power series",
    "lin interpolate",
    "inv interpolate",
    "log interpolate",
)
SAMPLE = ("DisplaceX", "DisplaceY", "Scale")
WIDTHS = ("U", "V", "W", "X", "Y", "SH/L")
FREES = ("Zero", *SAMPLE, *WIDTHS)

SPACE: Mapping[str, tuple[Any, ...]] = {
    "limits low": ("float", "low", "high - 20"),
    "limits high": ("float", "limits low + 20", "high"),
    "limits refine": ("categorical", True, False),
    "background type": ("categorical", *BACKGROUNDS),
    "background terms": ("int", 1, 15),
    "background refine": ("categorical", True, False),
    **{f"{name} refine": ("categorical", True, False) for name in FREES},
}
"""The dimensions in the order of the proposals; ``low`` and ``high`` are the full limits, 15 and 150 for Y2O3."""

NAMES: Mapping[str, str] = {
    "limits low": "window.start",
    "limits high": "window.end",
    "limits refine": "window.refine",
    "background type": "background.function",
    "background terms": "background.terms",
    "background refine": "background.refine",
    "Zero refine": "free.zero",
    "DisplaceX refine": "free.displacement_x",
    "DisplaceY refine": "free.displacement_y",
    "Scale refine": "free.scale",
    **{f"{name} refine": f"free.{name}" for name in WIDTHS},
}
"""Their names in autogsas."""


def suggest(trial: Any, low: float, high: float) -> dict[str, Any]:
    """Return the proposals of an Optuna trial for all dimensions, in their order."""
    first = trial.suggest_float("limits low", low, high - 20.0)
    found = {"limits low": first, "limits high": trial.suggest_float("limits high", first + 20.0, high)}
    for name, (kind, *values) in list(SPACE.items())[2:]:
        found[name] = trial.suggest_int(name, *values) if kind == "int" else trial.suggest_categorical(name, values)
    return found


def as_autogsas(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return choices by their names in `space: published-2020`."""
    return {NAMES[name]: value for name, value in choices.items()}


def steps(choices: Mapping[str, Any], low: float, high: float) -> list[dict[str, Any]]:
    """Return the seven refinements as GSASIIscriptable takes them."""
    freed = [name for name in FREES if choices[f"{name} refine"]]
    background = {
        "type": choices["background type"],
        "no. coeffs": choices["background terms"],
        "refine": choices["background refine"],
    }
    return [
        {"set": {"Limits": [choices["limits low"], choices["limits high"]]}, "refine": choices["limits refine"]},
        {"set": {"Background": background}},
        {"set": {"Cell": True, "Instrument Parameters": [name for name in freed if name == "Zero"]}},
        {"set": {"Sample Parameters": [name for name in freed if name in SAMPLE]}},
        {"set": {"Instrument Parameters": [name for name in freed if name in WIDTHS]}},
        {"set": {"Atoms": {"all": "XU"}}},
        {"set": {"Limits": [low, high]}, "refine": True},
    ]


def sampler(name: str, seed: int) -> Any:
    """Return the published sampler ("tpe") or a random one."""
    import optuna

    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed, multivariate=False, constant_liar=False)


class Reference:
    """A child with GSAS-II that runs trials on the data in a folder: one pattern (.csv), one .PRM and one .cif."""

    def __init__(self, python: str | Path, data: Path, low: float, high: float) -> None:
        self.low, self.high = low, high
        self._folder = tempfile.TemporaryDirectory(prefix="published-", dir=_memory())
        command = [str(python), str(Path(__file__).resolve()), "--child", str(data.resolve())]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder.name,
            env=environment,
        )
        self.ready = self._answer()

    def run(self, number: int, choices: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a trial.

        "value" is that for the sampler, "rwp" that before validation, "cause" the reason of a penalty, "steps" the wR
        of all steps, "given_up" the steps in which nothing lowered chi^2, "cpu" in seconds.
        """
        assert self._child.stdin is not None
        request = {"number": number, "steps": steps(choices, self.low, self.high)}
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the child."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(timeout=30)
        self._folder.cleanup()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"GSAS-II's process ended with {self._child.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found


def search(reference: Reference, trials: int, seed: int, kind: str) -> Iterator[dict[str, Any]]:
    """Run the published search and yield each trial: number, seconds, rwp, value, cause, steps and choices."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler(kind, seed))
    began = time.monotonic()
    for number in range(trials):
        trial = study.ask()
        choices = suggest(trial, reference.low, reference.high)
        row = reference.run(number, choices)
        if row["value"] is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, row["value"])
        yield {"number": number, "seconds": round(time.monotonic() - began, 2), **row, **choices}


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def serve(data: Path) -> None:
    """Run trials until standard input ends; this part runs in GSAS-II's interpreter."""
    answers = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    try:
        from GSASII import GSASIIscriptable as G2sc
        from GSASII import GSASIIstrMain
    except ImportError:
        import GSASIIscriptable as G2sc
        import GSASIIstrMain
    G2sc.SetPrintLevel("none")
    returned: list[Any] = []
    original = GSASIIstrMain.Refine

    def watched(*arguments: Any, **keywords: Any) -> Any:
        # GSASIIscriptable drops the return value; it is kept here to report failures, and nothing else changes.
        returned.append(None)
        returned[-1] = original(*arguments, **keywords)
        return returned[-1]

    GSASIIstrMain.Refine = watched
    files = {
        ending: next(f for f in sorted(data.iterdir()) if f.suffix.lower() == ending)
        for ending in (".csv", ".prm", ".cif")
    }
    _, histogram, _ = _project(G2sc, files, "start")
    start = {key: item[1] for key, item in histogram.data["Instrument Parameters"][0].items()}
    print(json.dumps({"instrument": start, "geometry": histogram.data["Sample Parameters"]["Type"]}), file=answers)
    answers.flush()
    for line in sys.stdin:
        request = json.loads(line)
        returned.clear()
        print(json.dumps(_trial(G2sc, files, request, returned)), file=answers)
        answers.flush()


def _project(G2sc: Any, files: Mapping[str, Path], name: str) -> tuple[Any, Any, Any]:
    project = G2sc.G2Project(newgpx=f"{name}.gpx")
    histogram = project.add_powder_histogram(str(files[".csv"]), str(files[".prm"]))
    phase = project.add_phase(str(files[".cif"]), phasename="phase", histograms=[histogram])
    histogram.data["Instrument Parameters"][0]["I(L2)/I(L1)"] = [0.5, 0.5, 0]
    adp = phase.data["General"]["AtomPtrs"][3]
    for atom in phase.data["Atoms"]:
        atom[adp] = "I"
    return project, histogram, phase


def _trial(G2sc: Any, files: Mapping[str, Path], request: Mapping[str, Any], returned: list[Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"rwp": None, "value": PENALTY, "cause": "", "steps": [], "given_up": []}
    name, began = f"trial_{request['number']}", time.process_time()
    try:
        project, _, _ = _project(G2sc, files, name)
        for step in request["steps"]:
            project.do_refinements([step])
            row["rwp"] = project.histograms()[0].get_wR()
            row["steps"].append(row["rwp"])
            if project.data["Covariance"]["data"].get("Rvals", {}).get("Aborted"):
                row["given_up"].append(len(row["steps"]))
        displacements = [atom.uiso for atom in project.phases()[0].atoms()]
        row["value"] = row["rwp"]
        if min(displacements) < 0:
            row |= {"value": PENALTY, "cause": f"U_iso {min(displacements):.4f}"}
        elif row["rwp"] is None or math.isnan(row["rwp"]):
            row |= {"value": None, "cause": "no wR"}
    except Exception as error:  # noqa: BLE001  as published: any exception gives the penalty
        row |= {"rwp": None, "cause": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    failed = [n + 1 for n, answer in enumerate(returned) if answer is not None and not answer[0]]
    if failed:
        row["cause"] = "; ".join(filter(None, (row["cause"], f"unnoticed failures of steps {failed}")))
    for file in Path().glob(f"{name}.*"):
        file.unlink()
    return row | {"cpu": round(time.process_time() - began, 2)}


def main() -> int:
    """Run the search; print and write one row a trial."""
    if sys.argv[1:2] == ["--child"]:
        serve(Path(sys.argv[2]))
        return 0
    parser = argparse.ArgumentParser(description="the published search, by GSASIIscriptable and Optuna alone")
    parser.add_argument("--data", type=Path, required=True, help="a folder with one .csv, one .PRM and one .cif")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1024)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sampler", choices=("tpe", "random"), default="tpe")
    parser.add_argument("--limits", type=float, nargs=2, default=(15.0, 150.0))
    parser.add_argument("--python", help="GSAS-II's interpreter; default: the one the plugin finds")
    options = parser.parse_args()
    python = options.python
    if python is None:
        from autogsas_gsas2 import discovery

        found = discovery.find()
        if found.installation is None:
            parser.error(found.reason)
        python = found.installation.python
    reference = Reference(python, options.data, *options.limits)
    best = math.inf
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "seconds", "rwp", "value", "cause", "steps", "given_up", "cpu", *SPACE])
        for row in search(reference, options.trials, options.seed, options.sampler):
            best = min(best, row["value"] if row["value"] is not None else math.inf)
            writer.writerow(
                [
                    " ".join(f"{v or math.nan:.4g}" for v in value) if isinstance(value, list) else value
                    for key, value in row.items()
                ]
            )
            file.flush()
            print(
                f"{row['number']:4}{row['seconds']:9.1f} s  wR {row['rwp'] or math.nan:9.3f}  best {best:9.3f}"
                f"  {row['cause']}",
                flush=True,
            )
    reference.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
