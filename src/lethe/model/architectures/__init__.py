"""Models that are made here, with random weights, one file for each architecture."""
