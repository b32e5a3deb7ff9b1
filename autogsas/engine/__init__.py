"""The numpy Rietveld engine: pure numpy and scipy over plain data, with symmetry and scattering from gemmi."""
