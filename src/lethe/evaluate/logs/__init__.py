"""Evaluation logs of other programs, read as records so that the same metrics apply to them."""
