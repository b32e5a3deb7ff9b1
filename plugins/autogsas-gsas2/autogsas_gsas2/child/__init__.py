"""The child program: it runs in GSAS-II's own interpreter with the standard library, numpy and GSAS-II only."""
