"""Engines of a bundle built for devices: what `slsc build` does."""
