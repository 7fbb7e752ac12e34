"""Where a world comes from, one file for each source, found by its name."""
