"""Kinds of the core group, v1: one file per kind."""
