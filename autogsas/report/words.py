"""Fixed words of the report: what stopped trials, and what the files of a run are."""

from __future__ import annotations

__all__ = ["CAUSES", "FILES", "NOTICES"]

# What a person can do about the commonest causes; others are shown by their word alone.
CAUSES = {
    "timeout": "took longer than allowed; give trials more time (search: trial_timeout)",
    "slow": "given up: it took six times as long as trials usually do (search: prune)",
    "pruned": "given up before the last step: no trial that stood as badly has come near the best (search: prune)",
    "findings": "finished, but a check found the result impossible",
    "too-few-points": "fewer points than variables; widen the limits or free less",
    "not-finite": "the numbers ran away; look at the starting cell, the wavelength and the profile",
    "linear-algebra": "the equations could not be solved",
    "structure": "the structure is impossible; look at the CIF",
    "out-of-memory": "not enough memory; run fewer trials at a time (search: jobs)",
    "disk-full": "no room on the disk",
    "protocol": "the engine did not keep the contract; tell its authors",
    "hook": "a check or a score of a plugin failed",
}
FILES = {
    "best.recipe.yaml": "the best recipe",
    "best.cif": "structure, pattern and refinement as CIF",
    "best.gpx": "the GSAS-II project",
    "best.py": "a script that repeats the best refinement with the engine alone",
    "pattern.csv": "the curves",
    "parameters.csv": "the parameters",
    "parameters.tex": "tables for LaTeX",
    "reflections.csv": "the reflections",
    "trials.csv": "all trials",
    "summary.json": "all numbers of this page",
    "fit.svg": "the picture of the fit",
    "history.svg": "the picture of the search",
    "study.db": "the search itself (Optuna)",
    "log.txt": "the log",
}
NOTICES = {
    "terminator": "Optuna's terminator stopped the run: it expected no more gain.",
    "no gain": "The run stopped for want of gain; --resume with a larger --patience goes on with it.",
    "interrupted": "The run was interrupted; this is what it had found by then. --resume goes on with it.",
    "timeout": "The time allowed ran out; this is what the run had found by then. --resume goes on with it.",
}
