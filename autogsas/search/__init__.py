"""The search over recipes: the loop, the sampler, the first recipes to try, resuming."""
