"""Floor 12: a cluster in your tests: pytest fixtures and builders."""
