"""Floor 1: errors, the environment (time, identity, chance) and type aliases."""
