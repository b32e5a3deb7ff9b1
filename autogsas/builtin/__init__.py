"""What comes with autogsas, registered through the same public hooks as anyone else's plugin."""
