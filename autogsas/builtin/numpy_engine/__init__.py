"""The numpy engine as a backend."""
