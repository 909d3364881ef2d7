"""Writes the pages of docs/reference that say what the source says: verbs, Python API, C API, operators."""
