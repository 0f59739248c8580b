"""Floor 8: the node agent, which runs the Pods bound to its node."""
