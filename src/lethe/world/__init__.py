"""Data: authors and their facts, in TOFU's format; how a world is split; its card."""
