"""Training of zoo networks."""
