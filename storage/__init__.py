"""What survives a restart: settings, the database and the files beside it."""
