"""Putting a probe suite to checkpoints and recording what they answer, item by item."""
