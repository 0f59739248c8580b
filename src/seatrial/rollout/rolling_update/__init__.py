"""Rolling updates of ReplicationControllers, driven from the client as `kubectl rolling-update` did."""
