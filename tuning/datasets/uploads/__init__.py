"""A person's own file as a dataset: what to do with its columns, kept, turned into rows."""
