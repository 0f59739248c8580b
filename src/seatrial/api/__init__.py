"""Floor 3: what each kind is: shape, defaults, validation, columns."""
