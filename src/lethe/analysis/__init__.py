"""Numbers across runs, seeds and oracles: scores, intervals, claims, the ranking of a search."""
