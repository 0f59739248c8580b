"""The group version extensions/v1beta1, which Deployments, ReplicaSets and DaemonSets were served in until 1.15."""
