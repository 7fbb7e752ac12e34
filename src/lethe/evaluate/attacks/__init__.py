"""What may become of a checkpoint after unlearning, one file for each attack."""
