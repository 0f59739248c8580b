"""A rehearsal told as one HTML page."""
