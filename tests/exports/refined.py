"""Refined projects to export, one with hostile names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from autogsas.engine.session import EngineSession
from autogsas.exports import cif_text
from autogsas.hooks.host import Host
from autogsas.model.project import Project
from autogsas.model.recipe import Free, Recipe, Step
from autogsas.model.result import Finding, Result, Severity
from autogsas.model.trial import TrialRecord
from autogsas.trial.assessment import Assessment, assess
from tests.engine.models import CUBIC, NEUTRON, QUARTZ, XRAY, project, simulate, step, with_data

CREATED = datetime(2026, 3, 5, 14, 22, 10, tzinfo=UTC)
HOSTILE = (
    'it\'s "both" \' and " here',
    "loop_",
    "data_x",
    "_tag",
    "# no comment",
    ";first",
    "?",
    ".",
    "a $b [c]",
    "line one\nline two\n;third",
    "tab\there",
    "<script>alert(1)</script>",
    "Ångström α, 4.5 ± 0.2°",
    "中文",
    "\x07bell",
    "x" * 3000,
    "save_me",
    "global_",
    "'",
    '"',
    "back\\slash",
)

Refined = tuple[Project, TrialRecord, Assessment, Result]


def finished(made: Project, *steps: Step) -> Refined:
    """Return the project with what the host keeps of a trial of these steps."""
    session = EngineSession(made, "test")
    done = tuple(session.refine(item) for item in steps)
    result = session.result()
    assessment = assess(Host(entry_points=False), made, result)
    record = TrialRecord(
        0, "complete", "by hand", Recipe(steps=steps), {}, None, assessment.metrics, done, assessment.findings
    )
    return made, record, assessment, result


def quartz(*, tensor: bool = False) -> Refined:
    """One phase in one pattern of X-rays, 2401 points."""
    made = project((QUARTZ,), XRAY, (18.0, 90.0), 0.03)
    clean = simulate(made, (40.0,), np.full(made.histograms[0].pattern.x.size, 2000.0))
    made = with_data(made, np.random.default_rng(5).poisson(clean).astype(float))
    last = Free(group="uaniso", site="O") if tensor else Free(group="uiso")
    return finished(
        made,
        step("scale", "background", terms=4),
        step("cell", "W"),
        Step(title="structure", free=(Free(group="positions"), last)),
    )


def mixture() -> Refined:
    """Two phases in two patterns, one of them of neutrons with an excluded region."""
    made = project((QUARTZ, CUBIC), XRAY, (20.0, 80.0), 0.05)
    other = project((QUARTZ, CUBIC), NEUTRON, (20.0, 120.0), 0.1)
    second = replace(other.histograms[0], name="neutrons", excluded=((49.95, 55.05),))
    made = replace(made, histograms=(made.histograms[0], second))
    return finished(made, step("scale", "background", terms=3))


def hostile() -> Refined:
    """Quartz whose names are chosen to break a file."""
    made, record, assessment, result = quartz()
    phase = result.phases[0]
    sites = tuple(replace(phase.sites[0], label=name) for name in HOSTILE)
    finding = Finding("odd", Severity.WARNING, "a message\n;with a line\n" + "word " * 90 + "ü" * 2500)
    return (
        replace(made, name='<b>"pro\nject"'),
        replace(record, origin="data_evil\n;", findings=(finding,)),
        assessment,
        replace(result, phases=(replace(phase, name=HOSTILE[0], sites=sites),), notes=("\n;\ndata_note", "loop_")),
    )


def text_of(refined: Refined) -> str:
    """Return the CIF of a refinement."""
    return cif_text(*refined, CREATED)
