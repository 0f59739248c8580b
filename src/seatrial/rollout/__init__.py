"""Floor 9: rolling updates on any cluster, through the client alone."""
