"""Precision, written into the graph once: every backend computes in the types it finds there."""
