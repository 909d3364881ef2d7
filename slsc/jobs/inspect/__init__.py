"""What `slsc inspect` does."""
