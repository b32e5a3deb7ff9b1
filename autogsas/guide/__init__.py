"""Guided refinements: after each step the data say what to free next."""
