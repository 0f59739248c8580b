"""Floor 5: clocks, the virtual-time event loop, task supervision."""
