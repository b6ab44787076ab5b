"""The search: what a study is, how it is sampled, trained and read. No screens here."""
