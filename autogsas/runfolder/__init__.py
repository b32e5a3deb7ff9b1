"""The folder of a run: writing and reading its files, and the summary of the run."""
