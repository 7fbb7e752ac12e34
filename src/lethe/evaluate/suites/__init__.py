"""Suites of questions, one file each, found by name."""
