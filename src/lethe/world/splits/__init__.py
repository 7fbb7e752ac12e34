"""Kinds of split, one file each: what is to be forgotten, the files, and the oracles."""
