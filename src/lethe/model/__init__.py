"""A model: its tokens, batches and forward passes; generating and scoring; loading and saving."""
