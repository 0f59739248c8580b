"""Recordings of a real control plane: rehearsed, and compared with what happened."""
