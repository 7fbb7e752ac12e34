"""Reformulated questions: the same facts, asked in other ways, made by rule from rows of data."""
