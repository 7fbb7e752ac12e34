"""Tools of methods that act on how a model represents prompts: gradient masks, latent attacks."""
