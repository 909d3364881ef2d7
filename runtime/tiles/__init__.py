"""Tiles: where a photo is cut, and its restoration tile by tile."""
