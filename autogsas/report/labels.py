"""Texts of the report: causes of unusable trials, ends of a run, and the files of a run folder."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CAUSES", "FILES", "NOTICES"]

CAUSES: Mapping[str, str] = {
    "timeout": "took longer than allowed; allow trials more time (search: trial_timeout)",
    "slow": "stopped early: took more than six times the usual time of a trial (search: prune)",
    "pruned": "stopped early: trials with such a high Rwp at this step never came close to the best (search: prune)",
    "findings": "the refinement ended, but a check found its result impossible",
    "too-few-points": "fewer points than variables; widen the limits or free fewer parameters",
    "not-finite": "the refinement diverged; check the starting cell, the wavelength and the profile",
    "linear-algebra": "the least-squares equations could not be solved",
    "structure": "the structure is impossible; check the CIF",
    "out-of-memory": "not enough memory; run fewer trials in parallel (search: jobs)",
    "disk-full": "the disk is full",
    "protocol": "the engine broke the backend contract; report it to its authors",
    "hook": "a check or score of a plugin failed",
}
"""Explanation and advice for the common causes; a plugin may report others."""
FILES: Mapping[str, str] = {
    "best.recipe.yaml": "best recipe",
    "best.cif": "structure, pattern and refinement as CIF",
    "best.gpx": "GSAS-II project",
    "best.py": "script that repeats the best refinement with the engine alone",
    "pattern.csv": "observed, calculated and background curves",
    "parameters.csv": "parameters",
    "parameters.tex": "tables for LaTeX",
    "reflections.csv": "reflections",
    "best.unexplained-peaks.csv": "peaks that no reflection explains, for a search program",
    "trials.csv": "all trials",
    "summary.json": "all numbers of this page",
    "fit.svg": "figure of the fit",
    "history.svg": "figure of the search",
    "study.db": "Optuna study of the search",
    "log.txt": "log",
}
NOTICES: Mapping[str, str] = {
    "terminator": "Optuna's terminator stopped the run because it expected no further improvement.",
    "noise": "The run stopped because its best trial fits as well as counting statistics allow; --resume with "
    "--patience 0 continues it.",
    "no gain": "The run stopped because its last proposals brought no gain; --resume with --patience 0 continues it.",
    "interrupted": "The run was interrupted; this page shows the results up to then. --resume continues it.",
    "timeout": "The time limit was reached; this page shows the results up to then. --resume continues it.",
}
