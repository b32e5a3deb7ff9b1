"""One refinement each by one engine, in a process of its own; each prints what it measured as its last line."""
