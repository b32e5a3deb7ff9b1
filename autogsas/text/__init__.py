"""Numbers and recipes as text."""
