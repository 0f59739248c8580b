"""Floor 6: reading and writing through the Kubernetes API."""
