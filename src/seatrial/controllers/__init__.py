"""Floor 8: control loops, one file each, all of the same shape."""
