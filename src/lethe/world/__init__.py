"""Data: authors and facts in TOFU's format, the splits of a world, and its data card."""
