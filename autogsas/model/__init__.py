"""Plain frozen data that every part of the package shares: patterns, instruments, structures, recipes, results."""
