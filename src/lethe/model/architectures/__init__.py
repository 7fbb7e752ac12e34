"""Models that are made here, one file for each architecture (``lethe.model.architecture``)."""
