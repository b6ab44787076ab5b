"""Alembic's scripts: one file for every change of the tables."""
