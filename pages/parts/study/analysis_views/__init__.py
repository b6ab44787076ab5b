"""The views of the Analysis tab, one module each."""
