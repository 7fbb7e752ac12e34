"""The synthetic world: its word lists, and the generator that makes authors from them."""
