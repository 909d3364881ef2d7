"""What can be read off a graph: shapes, layers, cost, memory, and what depends on what."""
