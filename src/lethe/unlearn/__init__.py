"""Unlearning methods and wrappers: what they are, and how they run."""
