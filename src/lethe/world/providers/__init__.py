"""Where a world comes from: one file for each provider, looked up by its name."""
