"""What `slsc eval` does."""
