"""Tests of the amounts of the phases."""
