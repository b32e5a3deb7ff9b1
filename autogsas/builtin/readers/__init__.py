"""Readers of patterns, structures and instrument files."""
