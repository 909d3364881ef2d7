"""What `slsc run` does."""
