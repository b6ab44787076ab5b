"""Measurements: each prints what it ran and ratios from one run."""
