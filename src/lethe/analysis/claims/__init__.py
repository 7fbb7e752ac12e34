"""Claims about methods, checked against the numbers of runs."""
