"""The recipes by which full model and oracles learn, one file each (``lethe.train.recipe``)."""
