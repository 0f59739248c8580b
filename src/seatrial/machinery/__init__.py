"""Floor 2: Kubernetes concepts that belong to no single kind, one per file, all pure."""
