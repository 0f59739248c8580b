"""The API on the wire."""
