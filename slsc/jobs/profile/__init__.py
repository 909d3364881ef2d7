"""Latency of networks on several backends, measured through Polygraphy's runner interface."""
