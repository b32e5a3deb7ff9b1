"""From the user's files to a project and its recipes."""
