"""The group version apps/v1beta1, which Deployments and StatefulSets were served in until 1.15."""
