"""Evaluation logs of other programs, read into records, so that the same metrics measure them."""
