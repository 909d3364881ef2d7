"""Damaged and hostile input for all that reads files, made from seeds; docs/explain/untrusted.md says how to run it."""
