"""Photos: decoded, as pixels for a network, and written."""
