"""Floor 7: the machinery of reconcile loops."""
