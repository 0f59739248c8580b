"""Floor 4: the arithmetic of Pods, rollouts and revisions."""
