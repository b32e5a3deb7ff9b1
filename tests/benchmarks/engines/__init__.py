"""Programs that refine with one engine in a separate process and print the measurements as the last line."""
