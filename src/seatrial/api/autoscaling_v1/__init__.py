"""Group autoscaling, version v1: the old face of HorizontalPodAutoscaler."""
