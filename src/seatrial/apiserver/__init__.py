"""Floor 7: the Kubernetes API over the store."""
