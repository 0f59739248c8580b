"""Group scheduling.k8s.io, version v1."""
