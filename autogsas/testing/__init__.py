"""A kit for the authors of plugins: a scripted fake backend and a suite of conformance tests."""
