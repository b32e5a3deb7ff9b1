"""Crystallography that engines, checks and reports share: symmetry, scattering, unit cells, equivalent settings."""
