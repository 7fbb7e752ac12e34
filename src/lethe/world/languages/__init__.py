"""The same facts in several languages: made by rule, by a language model, or read from a file."""

# What the world's own language is called, in which its other files are written.
OWN = "L0"
