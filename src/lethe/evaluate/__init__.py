"""Asking checkpoints a suite's questions and recording their answers, item by item."""
