"""Group autoscaling, version v2."""
