"""Group policy, version v1."""
