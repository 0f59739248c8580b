"""Kinds of the group batch, version v1: work that comes to an end."""
