"""Floor 10: puts a cluster together."""
