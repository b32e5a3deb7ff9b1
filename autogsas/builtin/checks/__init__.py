"""Checks of whether a refined model makes physical sense."""
