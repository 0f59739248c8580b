"""The changes that can be rehearsed, and how they are performed."""
