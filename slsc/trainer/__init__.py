"""The training loop: it knows of recipes, not of methods."""
