"""The typed content of summary.json; its JSON Schema is ``schema/summary.schema.json``."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from autogsas.model.quantification import Quantification
from autogsas.model.structure import Cell, Phase, Site
from autogsas.model.trial import Finished

__all__ = ["StepPart", "Summary", "summary_schema"]

Range = tuple[float, float]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class BackendPart(_Part):
    """The engine."""

    name: str
    version: str


class HistogramPart(_Part):
    """One histogram at the best trial; R factors in per cent, limits in degrees 2theta, wavelengths in Angstrom.

    ``durbin_watson`` is the weighted statistic d, 2 for independent residuals; ``effective_points`` is how many
    independent points the residuals are worth, ``esd_factor`` by how much their correlation widens esds.
    """

    name: str
    rwp: Number
    rexp: Number
    gof: Number
    r_bragg: dict[str, Number]
    r_f: dict[str, Number] = {}
    rwp_background_subtracted: Number = None
    durbin_watson: Number = None
    effective_points: Number = None
    esd_factor: Number = None
    n_observations: int | None
    limits: Range
    excluded: list[Range]
    radiation: str
    wavelengths: list[float]
    geometry: str | None
    weights_from: str
    notes: list[str]


class TrialsPart(_Part):
    """The number of trials by state."""

    complete: int
    pruned: int
    failed: int
    infeasible: int
    total: int


class FindingTablePart(_Part):
    """What a finding lists; the file ``best.NAME.csv`` of the run folder has the same."""

    name: str
    columns: list[str]
    rows: list[list[str | Number]]


class FindingPart(_Part):
    """A finding of a check on the best trial."""

    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    numbers: dict[str, Number]
    about: dict[str, str] = {}
    table: FindingTablePart | None = None
    advice: str = ""


class LowestPart(_Part):
    """The usable trial with the lowest Rwp, where the best one has a little higher Rwp and more evidence."""

    trial: int
    rwp: Number
    n_variables: int


class DifferencePart(_Part):
    """One difference of a solution from the best one; ``esds`` is its size in combined esds.

    The ``shift`` of a position is the distance in Angstrom; all others are signed, in their own ``unit``.
    """

    name: str
    kind: Literal["cell", "position", "uiso", "occupancy"]
    phase: str
    atom: str | None
    shift: Number
    unit: str
    esds: Number


class CandidatePart(_Part):
    """One distinct solution of the run, given by its best trial.

    ``count`` is the number of complete trials that ended there, ``infeasible`` of those that a check ruled out.
    ``differs`` names the parameters that separate it from the best one; ``differences`` are all noticeable differences.
    """

    trial: int
    rwp: Number
    count: int
    infeasible: int = 0
    findings: list[str]
    differs: list[str]
    differences: list[DifferencePart] = []


class ParameterPart(_Part):
    """One parameter of the best trial; esds are null if it was not refined.

    ``esd`` includes serial correlation and the choice of the model, and is the one to quote; ``esd_computed`` is that
    of the engine. In runs of older versions, which have no ``esd_computed``, ``esd`` is that of the engine.
    """

    name: str
    value: Number
    esd: Number
    esd_computed: Number = None
    unit: str
    group: str
    phase: str | None
    histogram: str | None
    site: str | None


class ModelPart(_Part):
    """A model that the evidence cannot tell from the best one, and that the esds include.

    ``trial`` refined it; ``name`` says in what it differs from that trial's result, "" for the result itself.
    ``delta_bic`` is above the lowest BIC, with the effective number of points; ``weight`` is its share of the evidence.
    """

    trial: int
    name: str
    n_variables: int
    delta_bic: Number
    weight: float


class UncertaintyPart(_Part):
    """Where the esds come from: the factor of serial correlation, and the models that they include.

    ``effective_points`` is null if it is not known. ``models`` contains the best trial itself.
    """

    esd_factor: float
    effective_points: Number
    models: list[ModelPart]


class FloorPart(_Part):
    """The Le Bail floor: Rwp in per cent of the best refinement with free intensities, same cell and profile.

    ``rwp`` is null where it could not be refined; ``note`` says why.
    """

    rwp: Number
    engine: str
    seconds: float
    note: str = ""


class CorrelationPart(_Part):
    """A strong correlation of two parameters."""

    a: str
    b: str
    value: float


class CellPart(_Part):
    """A unit cell in Angstrom and degrees."""

    a: float
    b: float
    c: float
    alpha: float
    beta: float
    gamma: float


class SitePart(_Part):
    """One site; fractional coordinates, U_iso in Angstrom^2."""

    label: str
    element: str
    x: float
    y: float
    z: float
    occupancy: float
    uiso: Number


class PhasePart(_Part):
    """One refined phase."""

    name: str
    space_group: str
    cell: CellPart
    sites: list[SitePart]

    @classmethod
    def of(cls, phase: Phase) -> PhasePart:
        """Return a phase with isotropic displacements as summary.json holds it."""
        return cls(
            name=phase.name,
            space_group=phase.space_group,
            cell=CellPart(**asdict(phase.cell)),
            sites=[
                SitePart(
                    label=site.label,
                    element=site.element,
                    **dict(zip("xyz", site.xyz, strict=True)),
                    occupancy=site.occupancy,
                    uiso=site.uiso,
                )
                for site in phase.sites
            ],
        )

    def phase(self) -> Phase:
        """Return the phase as engines and checks use it; U_iso is NaN where it is missing."""
        return Phase(
            self.name,
            self.space_group,
            Cell(**self.cell.model_dump()),
            tuple(
                Site(
                    site.label,
                    site.element,
                    (site.x, site.y, site.z),
                    site.occupancy,
                    math.nan if site.uiso is None else site.uiso,
                )
                for site in self.sites
            ),
        )


class StepPart(_Part):
    """One step of the best trial."""

    title: str
    rwp: Number
    n_variables: int
    converged: bool
    cycles: int
    shift_esd: Number
    dropped: list[str]
    seconds: float


class ScoutRecipePart(_Part):
    """One recipe from the scout: its trial and Rwp in the scout and in this run; null if it was not tried yet."""

    scout_trial: int
    scout_rwp: Number
    trial: int | None
    state: str | None
    rwp: Number


class ScoutPart(_Part):
    """The result of the scout, a quick search with a faster engine; ``note`` says why it was skipped."""

    trials: int
    seconds: float
    rwp: Number
    recipes: list[ScoutRecipePart]
    note: str


class ImportancePart(_Part):
    """The importance of one choice, or of several similar ones (``choices``) under one ``name``.

    ``share`` is its share of the differences between the best quarter of the trials and all trials; ``chance`` is the
    largest share it had when the scores were shuffled among the trials.
    """

    name: str
    choices: list[str]
    share: float
    chance: float


class ImportancesPart(_Part):
    """The importances of the choices, from the given number of usable trials; ``note`` says why there are no items."""

    trials: int
    note: str
    items: list[ImportancePart]


class ByHandPart(_Part):
    """A refinement made by hand: a whole recipe that was given, or the refinement that the project contained.

    ``trial`` is the trial of the recipe, null for the refinement in the project.
    """

    name: str
    trial: int | None
    rwp: Number


class NearestMissPart(_Part):
    """Of a run without a usable trial, the one that came nearest, with its figures as in the summary of a best trial.

    The infeasible trial of the lowest score; if there is none, the failed or stopped one that did most steps, which has
    no figures. ``why`` it is not usable, and what to try (``advice``).
    """

    trial: int
    origin: str
    state: Literal["infeasible", "failed", "pruned"]
    cause: str
    why: list[str]
    advice: list[str]
    rwp: Number
    rexp: Number
    gof: Number
    rwp_background_subtracted: Number = None
    chi2: Number
    bic: Number
    n_variables: int | None
    n_observations: int | None
    histograms: list[HistogramPart]
    findings: list[FindingPart]
    parameters: list[ParameterPart]
    correlations: list[CorrelationPart]
    structure: list[PhasePart]
    recipe: dict[str, Any] | None
    steps: list[StepPart]


class HistoryPart(_Part):
    """One trial; ``best_so_far`` is the Rwp of the best trial up to it.

    ``seconds`` is its duration, ``ended`` its end in seconds since the run began, including the scout.
    """

    number: int
    state: Literal["complete", "infeasible", "failed", "pruned"]
    origin: str
    rwp: Number
    score: Number
    n_variables: int | None
    best_so_far: Number
    seconds: float
    ended: Number = None


class Summary(_Part):
    """The content of summary.json. R factors are in per cent and those of the best trial, null if none was usable.

    ``elsewhere`` is the number of infeasible trials that ended at none of the candidates. ``quantification`` has the
    amounts of the phases for each histogram that shows several.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    autogsas: str
    project: str
    project_file: str | None
    command: str
    created: str
    backend: BackendPart
    rwp: Number
    rexp: Number
    gof: Number
    rwp_background_subtracted: Number = None
    chi2: Number
    bic: Number
    engine_rwp: Number
    n_variables: int | None
    n_observations: int | None
    histograms: list[HistogramPart]
    trials: TrialsPart
    causes: dict[str, int]
    best_trial: int | None
    best_origin: str | None
    lowest: LowestPart | None = None
    nearest_miss: NearestMissPart | None = None
    seconds: float
    finished: Annotated[Finished, WithJsonSchema({"enum": [item.value for item in Finished], "type": "string"})]
    findings: list[FindingPart]
    candidates: list[CandidatePart]
    elsewhere: int = 0
    parameters: list[ParameterPart]
    uncertainty: UncertaintyPart | None = None
    le_bail_floor: FloorPart | None = None
    correlations: list[CorrelationPart]
    structure: list[PhasePart]
    quantification: tuple[Quantification, ...] = ()
    limits: dict[str, Range]
    seed: int
    scout: ScoutPart | None = None
    importances: ImportancesPart | None = None
    by_hand: list[ByHandPart] = []
    recipe: dict[str, Any] | None
    steps: list[StepPart]
    history: list[HistoryPart]
    versions: dict[str, str]

    def histogram(self, name: str) -> HistogramPart | None:
        """Return the entry of a histogram by its name, None if there is none."""
        return next((item for item in self.histograms if item.name == name), None)

    def plain(self) -> dict[str, Any]:
        """Return the summary as it is written to summary.json."""
        return self.model_dump(mode="json", by_alias=True)


def summary_schema() -> dict[str, Any]:
    """Return the JSON Schema of summary.json."""
    schema = Summary.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
