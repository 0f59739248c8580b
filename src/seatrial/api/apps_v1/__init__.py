"""Kinds of the group apps/v1: one file per kind."""
