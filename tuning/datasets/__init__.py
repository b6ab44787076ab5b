"""Data: the catalogue, downloads, uploads, splits and scaling."""
