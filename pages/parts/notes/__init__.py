"""Notes, tags and stars of studies and trials, as pages show and change them."""
