"""Group node.k8s.io, version v1."""
