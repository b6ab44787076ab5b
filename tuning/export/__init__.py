"""Everything that can be taken out of a study again."""
