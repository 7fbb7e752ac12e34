"""The same facts in several languages: made by rule, by a language model, or brought in a file."""

# What the world's own language is called, in which its other files are written.
OWN = "L0"
