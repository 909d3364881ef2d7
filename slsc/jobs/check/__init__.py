"""What `slsc check` does."""
