"""What HTML pages have in common: one self-contained file from a template, scripts and data."""
