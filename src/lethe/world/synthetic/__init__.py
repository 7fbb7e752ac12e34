"""The synthetic world: its word lists, and what is made of them without a language model."""
