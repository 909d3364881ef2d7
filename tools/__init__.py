"""Profiling, reports and table reproduction."""
