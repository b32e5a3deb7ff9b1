"""A run's folder: writing it, reading it, and its summary."""
