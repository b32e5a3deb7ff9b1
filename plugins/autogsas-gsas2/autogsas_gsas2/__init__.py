"""GSAS-II as a backend of autogsas. Importing this package imports nothing: its child runs without autogsas."""
