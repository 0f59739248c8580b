"""scale, status, binding, log, exec: one file per subresource."""
