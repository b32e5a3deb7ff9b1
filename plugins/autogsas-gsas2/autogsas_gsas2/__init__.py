"""GSAS-II as a backend of autogsas. This file imports nothing, because the child runs without autogsas."""
