"""Data: the catalogue, downloads, uploads, splits and preparation."""
