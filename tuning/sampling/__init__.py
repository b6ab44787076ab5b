"""Samplers beside grid and random draws; the board where those that learn see scores."""
