"""Benchmarks of the search: the best Rwp against trials and seconds, for several seeds, engines and spaces."""
