"""One trial: the recipe is built, refined in a child process, and assessed."""
