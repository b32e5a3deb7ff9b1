"""Samples of known truth, simulated by GSAS-II: is the answer of a search right, and does it report what is wrong."""
