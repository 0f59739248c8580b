"""As many Pods as a metric asks for."""
