"""Bundles (`.slsb`): the file and its manifest, read without trust."""
