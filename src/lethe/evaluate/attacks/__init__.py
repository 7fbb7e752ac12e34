"""Attacks on checkpoints after unlearning, one file each."""
