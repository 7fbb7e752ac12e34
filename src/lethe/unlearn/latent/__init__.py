"""What methods share that act on how a model represents prompts: gradient masks, latent attacks."""
