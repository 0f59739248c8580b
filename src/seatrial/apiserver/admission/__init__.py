"""What a write has to pass after defaulting and before validation."""
