"""Pieces of the home page."""
