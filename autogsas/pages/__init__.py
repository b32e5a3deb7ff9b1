"""HTML pages: one self-contained file from a template, scripts and data."""
