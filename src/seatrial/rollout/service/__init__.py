"""A Service as the unit: the workloads behind it are rolled together, and rolled back together."""
