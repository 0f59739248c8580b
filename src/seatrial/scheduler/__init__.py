"""Floor 8: which node a Pod runs on."""
