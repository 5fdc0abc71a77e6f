"""Lessons built on the comparison: the marker and the pitfalls."""
