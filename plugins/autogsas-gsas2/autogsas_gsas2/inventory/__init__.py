"""The inventory of a .gpx: every histogram, phase, flag, constraint and setting, and what the plugin does with it."""

from autogsas_gsas2.inventory.reading import read_inventory

__all__ = ["read_inventory"]
