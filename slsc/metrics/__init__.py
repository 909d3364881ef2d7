"""Image quality measures."""
