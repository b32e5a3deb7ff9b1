"""What is suspicious about the amounts of the phases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autogsas.model.quantification import Method, Quantification, Regime
from autogsas.model.result import Finding, Severity
from autogsas.text.formatting import general, weight_percent

__all__ = ["CODES", "quantification_findings"]

CODES = frozenset({"amorphous-negative", "microabsorption", "microabsorption-refused"})
"""The codes of all findings on amounts."""

_SURE = 3.0  # esds below zero from which a negative amount is not a matter of counting statistics; not measured

_REASONS = {
    Method.INTERNAL: "the weighed share or the crystallinity of the standard is too high, the standard absorbs more "
    "than the sample (microabsorption) or is textured, or a phase of the model takes intensity that is not its own",
    Method.EXTERNAL: "G or the mass attenuation does not belong to this sample or measurement, or a phase is textured",
}


def quantification_findings(found: Sequence[Quantification]) -> Iterator[Finding]:
    """Return a finding for amounts that exceed everything, and for microabsorption: corrected, or beyond correction."""
    for one in found:
        yield from _amorphous(one)
        yield from _particles(one)


def _amorphous(found: Quantification) -> Iterator[Finding]:
    share = found.amorphous
    if share is None or share.value >= 0:
        return
    esd = share.esd or 0.0
    sure = share.value < -_SURE * esd
    text = weight_percent(share.value, share.esd)
    yield Finding(
        "amorphous-negative",
        Severity.WARNING if sure else Severity.INFO,
        f"{found.histogram}: the amorphous share is {text} %, below zero: {_REASONS[found.method]}"
        if sure
        else f"{found.histogram}: the amorphous share, {text} %, is zero within its esd",
        {"amorphous": share.value, "esd": esd},
        {"histogram": found.histogram},
    )


def _particles(found: Quantification) -> Iterator[Finding]:
    grains = [(amount.phase, amount.microabsorption) for amount in found.phases if amount.microabsorption is not None]
    if not grains:
        return
    coarse = [(phase, grain) for phase, grain in grains if grain.regime in (Regime.COARSE, Regime.VERY_COARSE)]
    numbers = {f"mu_d.{phase}": grain.mu_d for phase, grain in grains}
    about = {"histogram": found.histogram}
    if coarse:
        which = ", ".join(f"{phase} ({grain.regime}, mu D = {general(grain.mu_d, 2)})" for phase, grain in coarse)
        yield Finding(
            "microabsorption-refused",
            Severity.WARNING,
            f"{found.histogram}: not corrected for microabsorption, since Brindley's factors hold below mu D = 0.1 "
            f"only: {which}; grind finer, or use a shorter wavelength",
            numbers,
            about,
        )
    elif any(grain.regime is Regime.MEDIUM for _, grain in grains):
        factors = ", ".join(f"{phase} {grain.factor:.3f}" for phase, grain in grains)
        yield Finding(
            "microabsorption",
            Severity.WARNING,
            f"{found.histogram}: corrected for microabsorption by Brindley's factors ({factors}), which are as good as "
            "the radii of the particles; the esds do not contain those",
            numbers,
            about,
        )
