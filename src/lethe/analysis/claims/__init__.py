"""Claims that are checked against the numbers of runs."""
