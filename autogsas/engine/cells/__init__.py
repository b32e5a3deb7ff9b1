"""Cells found in the patterns, before any refinement."""
