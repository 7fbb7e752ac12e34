"""What an unlearning method and a wrapper are, and how one runs."""
