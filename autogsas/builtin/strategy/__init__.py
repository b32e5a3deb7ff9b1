"""Search strategies: what recipes may vary, and which recipes to try first."""
