"""Any file a person drops: its bytes become a table, or one sentence that says why not."""
