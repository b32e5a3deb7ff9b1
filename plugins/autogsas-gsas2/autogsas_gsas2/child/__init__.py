"""What runs in GSAS-II's own interpreter: the standard library, numpy and GSAS-II, nothing else."""
