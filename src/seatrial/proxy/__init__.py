"""Floor 8: Service addresses that carry traffic."""
