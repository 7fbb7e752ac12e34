"""Kinds of split, one file each: what is to be forgotten, and the files cut accordingly."""
