"""How containers run: simulated, or as processes of this host."""
