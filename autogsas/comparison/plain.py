"""A comparison as plain data for JSON, without the curves, which are in the files of the runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from autogsas.comparison.build import Comparison, Pair
from autogsas.comparison.refinement import Refinement
from autogsas.runfolder.plaindata import plain

__all__ = ["plain_comparison"]


def plain_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as dicts, lists, texts and numbers; numbers that are not finite become None.

    ``gaps`` of a parameter are the first value minus each other one, in its unit and in esds.
    """
    data = {
        "schema": 1,
        "refinements": [_refinement(item) for item in comparison.refinements],
        "pairs": [_pair(pair) for pair in comparison.pairs],
        "parameters": [asdict(row) for row in comparison.rows],
        "warnings": list(comparison.warnings),
    }
    found: dict[str, Any] = plain(data)
    return found


def _refinement(item: Refinement) -> dict[str, Any]:
    return {
        "label": item.label,
        "kind": item.kind,
        "source": item.source,
        "engine": item.engine,
        **asdict(item.figures),
        "histograms": [
            {
                "name": fit.name,
                "rwp": fit.rwp,
                "r_bragg": dict(fit.r_bragg),
                "background": {"function": fit.background, "terms": fit.terms},
                "limits": fit.limits,
                "excluded": fit.excluded,
            }
            for fit in item.fits
        ],
        "findings": [asdict(finding) for finding in item.findings],
        "groups": item.groups,
        "order": item.order,
        "notes": item.notes,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    verdict = pair.verdict
    common = pair.common
    return {
        "one": pair.one.label,
        "two": pair.two.label,
        "verdict": verdict.word,
        "lower": verdict.lower,
        "sentence": verdict.sentence,
        "numbers": dict(verdict.numbers),
        "remarks": verdict.remarks,
        "common": None
        if common is None
        else {
            "one": asdict(common.one),
            "two": asdict(common.two),
            "ranges": dict(common.ranges),
            "differ": common.differ,
        },
        "differences": [asdict(item) for item in pair.differences if item.noticed or item.excess > 1.0],
    }
