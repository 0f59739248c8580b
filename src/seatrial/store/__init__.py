"""Floor 6: the cluster's one ordered log of objects."""
